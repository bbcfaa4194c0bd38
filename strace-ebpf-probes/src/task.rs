//! The life of tasks: who is born traced, who changes its program, who ends.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_get_current_pid_tgid;
use strace_ebpf_common::{
    capture::{CAPTURE_BYTES, Capture, padded},
    config::{FOLLOW_ALL, FOLLOW_NONE, TASK_ARMED, TASK_IDLE, TASK_TRACED, Task},
    counters::STREAM_TASK,
    limits::PATH_MAX,
    record::{
        CODE_DETACHED, ExecRecord, ForkRecord, KIND_EXEC, KIND_FORK, KIND_TASK_EXIT, TaskExitRecord,
    },
    summary::CLOCK_CPU,
};

use crate::{
    capture::mask16,
    emit::{self, Ticket},
    exit,
    filter::{self, Ids},
    inject, kernel,
    maps::{EXECS, debug, setting},
    read::bpf_probe_read_kernel_str,
    switch,
};

/// In `Task::enter_ns`: the end of the call is not told. A child has yet to return from the fork that made it, which it never
/// entered; or nobody wants to know of the call.
pub const UNTOLD: u64 = u64::MAX;

/// Argument `n` of a raw or typed tracepoint.
#[inline(always)]
pub fn argument(ctx: *mut c_void, n: usize) -> u64 {
    // SAFETY: every tracepoint here has at least `n + 1` arguments.
    unsafe { ctx.cast::<u64>().add(n).read_volatile() }
}

/// Runs in the parent, before the child can run: threads and processes alike.
#[inline(always)]
pub fn fork<const TYPED: bool>(ctx: *mut c_void) {
    let child_task = argument(ctx, 1) as *const u8;
    let Some(child) = filter::ids_of::<TYPED>(child_task) else {
        return;
    };
    born(ctx, child, filter::current_ids());
}

/// The same from sched_wakeup_new, whose program runs under the run queue's lock: nothing preempts it, and the child waits.
#[inline(always)]
pub fn fork_woken(ctx: *mut c_void) {
    let Some(child) = filter::ids_of::<false>(argument(ctx, 0) as *const u8) else {
        return;
    };
    born(ctx, child, filter::current_ids());
}

/// `CLONE_THREAD`, `include/uapi/linux/sched.h`.
const CLONE_THREAD: u64 = 0x10000;

/// The record of task:task_newtask: `pid` at 8, `clone_flags` at 32. The number is of the initial
/// namespace; where that is not ours, [`fork`] is used.
#[inline(always)]
pub fn fork_classic(ctx: *mut c_void) {
    let Some(parent) = filter::current_ids() else {
        return;
    };
    let tid = argument(ctx, 1) as u32;
    let thread = argument(ctx, 4) & CLONE_THREAD != 0;
    let tgid = if thread { parent.tgid } else { tid };
    born(ctx, Ids { tgid, tid }, Some(parent));
}

#[inline(always)]
fn born(ctx: *mut c_void, child: Ids, parent: Option<Ids>) {
    let Some(slot) = filter::task(child.tid) else {
        return;
    };
    let state = parent
        .and_then(|p| filter::task(p.tid))
        // SAFETY: a map value.
        .map_or(TASK_IDLE, |task| unsafe { (*task).state });
    let inherits = state == TASK_TRACED
        && match setting!(follow) {
            FOLLOW_ALL => true,
            FOLLOW_NONE => false,
            _ => parent.is_some_and(|p| p.tgid == child.tgid),
        };
    // SAFETY: map values; the child does not run yet.
    unsafe {
        (*slot).enter_ns = UNTOLD;
        (*slot).nr = 0;
        (*slot).abi = 0;
        (*slot).state = if inherits { TASK_TRACED } else { TASK_IDLE };
        if inherits && let Some(books) = emit::books(STREAM_TASK) {
            (*books).born += 1;
        }
    }
    if setting!(count.clock) == CLOCK_CPU {
        switch::born(child.tid);
    }
    inject::born(child.tid);
    let Some(parent) = parent else {
        return;
    };
    debug!(
        ctx,
        "fork: {} -> {}, traced {}",
        parent.tid,
        child.tid,
        u32::from(inherits)
    );
    if setting!(lifecycle) == 0 || !filter::in_scope(state, parent) {
        return;
    }
    let Some(ticket) = Ticket::take(STREAM_TASK) else {
        return;
    };
    let now = emit::now_ns();
    emit::fixed::<ForkRecord>(ctx, ticket, |record| {
        // SAFETY: a whole record's room.
        unsafe {
            let header = &raw mut (*record).header;
            emit::fill_header(
                header,
                ticket,
                KIND_FORK,
                size_of::<ForkRecord>() as u32,
                now,
                parent,
            );
            emit::fill_comm(header);
            (*record).child_tgid = child.tgid;
            (*record).child_tid = child.tid;
        }
    });
}

/// The new program is in place.
#[inline(always)]
pub fn exec<const TYPED: bool>(ctx: *mut c_void) {
    after_exec(ctx, argument(ctx, 1) as u32, || {
        let bprm = argument(ctx, 2);
        if setting!(offsets.bprm_filename) == 0 {
            0
        } else if TYPED {
            // SAFETY: the third argument of a typed program.
            unsafe { kernel::load(bprm as *const u8, setting!(offsets.bprm_filename)) }
        } else {
            kernel::read(bprm, setting!(offsets.bprm_filename))
        }
    });
}

/// The record of sched:sched_process_exec: the place of the file name within it at 8, `old_pid` at 16.
#[inline(always)]
pub fn exec_classic(ctx: *mut c_void) {
    // SAFETY: both are within the record, of which no more may be read than there is.
    let word = |at: usize| unsafe { ctx.cast::<u8>().add(at).cast::<u32>().read_volatile() };
    after_exec(ctx, word(16), || ctx as u64 + (u64::from(word(8)) & 0xffff));
}

#[inline(always)]
fn after_exec(ctx: *mut c_void, old_pid: u32, filename: impl Fn() -> u64) {
    // The command's own is where its trace begins.
    // SAFETY: a map value of this very thread.
    let state = |(_, task): (Ids, *mut Task)| unsafe { (*task).state };
    let before = if setting!(detach_on_exec) == 0 {
        None
    } else {
        filter::current_ids().and_then(|ids| Some((ids, filter::task(ids.tid)?)))
    };
    let begins = before.is_some_and(|who| state(who) == TASK_ARMED);
    executed(ctx, old_pid, filename);
    if let Some(who) = before
        && !begins
        && state(who) == TASK_TRACED
    {
        let_go(ctx, who.1, who.0);
    }
}

/// A thread begins an execve, in a PID namespace that is not the initial one: at its end the kernel tells only which number
/// it had in the initial one.
#[inline(always)]
pub fn note_exec(tid: u32) {
    // SAFETY: a helper without arguments.
    let initial = unsafe { bpf_get_current_pid_tgid() } as u32;
    // A full map drops what is oldest; then the thread that takes over is not known.
    let _ = EXECS.insert(initial, tid, 0);
}

/// Tells of the new program. When a thread that is not the leader did it, it has taken over
/// the leader's tid; its own is gone without an exit event.
#[inline(always)]
fn executed(ctx: *mut c_void, old_pid: u32, filename: impl Fn() -> u64) {
    let Some(ids) = filter::current_ids() else {
        return;
    };
    let Some(task) = filter::task(ids.tid) else {
        return;
    };
    // `old_pid` counts in the initial namespace.
    let old_tid = if setting!(pidns_inum) == 0 {
        old_pid
    } else {
        EXECS
            .get_ptr(&old_pid)
            // SAFETY: a map value.
            .map_or(ids.tid, |tid| unsafe { *tid })
    };
    // SAFETY: map values.
    unsafe {
        if old_tid != ids.tid
            && let Some(old) = filter::task(old_tid)
        {
            debug!(ctx, "exec: thread {} takes over tid {}", old_tid, ids.tid);
            (*task).enter_ns = (*old).enter_ns;
            (*task).nr = (*old).nr;
            (*task).abi = (*old).abi;
            (*task).state = (*old).state;
            (*old).state = TASK_IDLE;
            (*old).enter_ns = 0;
        }
        if (*task).state == TASK_ARMED {
            (*task).state = TASK_TRACED;
        }
        if setting!(lifecycle) == 0 || !filter::in_scope((*task).state, ids) {
            return;
        }
        let Some(ticket) = Ticket::take(STREAM_TASK) else {
            return;
        };
        let Some(s) = exit::scratch(ticket) else {
            return;
        };
        let record = (&raw mut (*s).data).cast::<ExecRecord>();
        let now = emit::now_ns();
        let header = &raw mut (*record).header;
        emit::fill_header(header, ticket, KIND_EXEC, 0, now, ids);
        emit::fill_comm(header);
        (*record).old_tid = old_tid;
        let capture = record.add(1).cast::<Capture>();
        let got =
            bpf_probe_read_kernel_str(capture.add(1).cast(), PATH_MAX, filename() as *const c_void);
        let chars = if got > 0 { got as u64 - 1 } else { 0 };
        (*capture) = Capture {
            addr: 0,
            len: chars as u32,
            full: chars as u32,
            errno: if got < 0 { (-got) as u16 } else { 0 },
            ..Capture::default()
        };
        (*record).n_captures = 1;
        let len = size_of::<ExecRecord>() as u64 + u64::from(CAPTURE_BYTES) + padded(mask16(chars));
        (*header).len = len as u32;
        emit::bytes(ctx, ticket, (&raw mut (*s).data).cast(), len);
        (*s).busy = 0;
    }
}

/// A task ends, by itself or by a signal.
#[inline(always)]
pub fn gone<const TYPED: bool>(ctx: *mut c_void) {
    died::<TYPED>(ctx, argument(ctx, 0));
}

/// The record of sched:sched_process_exit holds nothing that the current task does not tell.
#[inline(always)]
pub fn gone_classic(ctx: *mut c_void) {
    died::<false>(ctx, kernel::current());
}

#[inline(always)]
fn died<const TYPED: bool>(ctx: *mut c_void, ended: u64) {
    let Some(ids) = filter::current_ids() else {
        return;
    };
    let Some(task) = filter::task(ids.tid) else {
        return;
    };
    // SAFETY: map values.
    let nr = unsafe { (*task).nr };
    // SAFETY: map values.
    unsafe {
        let state = (*task).state;
        (*task).state = TASK_IDLE;
        (*task).enter_ns = 0;
        if (state == TASK_TRACED || state == TASK_ARMED)
            && let Some(books) = emit::books(STREAM_TASK)
        {
            (*books).gone += 1;
        }
        if !filter::in_scope(state, ids) {
            return;
        }
    }
    debug!(ctx, "exit: {}", ids.tid);
    if setting!(lifecycle) == 0 {
        return;
    }
    let code: u32 = if TYPED {
        // SAFETY: the first argument of a typed program.
        unsafe { kernel::load(ended as *const u8, setting!(offsets.task_exit_code)) }
    } else {
        kernel::read(ended, setting!(offsets.task_exit_code))
    };
    send_end(ctx, ids, nr, code);
}

/// A traced task is traced no longer, though it lives on.
#[inline(always)]
pub fn let_go(ctx: *mut c_void, task: *mut Task, ids: Ids) {
    // SAFETY: a map value of this very thread.
    let nr = unsafe {
        (*task).state = TASK_IDLE;
        (*task).enter_ns = 0;
        (*task).nr
    };
    if let Some(books) = emit::books(STREAM_TASK) {
        // SAFETY: a map value.
        unsafe { (*books).gone += 1 };
    }
    send_end(ctx, ids, nr, CODE_DETACHED);
}

#[inline(always)]
fn send_end(ctx: *mut c_void, ids: Ids, nr: u32, code: u32) {
    let Some(ticket) = Ticket::take(STREAM_TASK) else {
        return;
    };
    let now = emit::now_ns();
    emit::fixed::<TaskExitRecord>(ctx, ticket, |record| {
        // SAFETY: a whole record's room.
        unsafe {
            let header = &raw mut (*record).header;
            emit::fill_header(
                header,
                ticket,
                KIND_TASK_EXIT,
                size_of::<TaskExitRecord>() as u32,
                now,
                ids,
            );
            emit::fill_comm(header);
            (*record).code = code;
            (*record).nr = nr;
        }
    });
}
