//! A system call ends: one event with everything about it.

use aya_ebpf::helpers::generated::bpf_get_smp_processor_id;
use strace_ebpf_common::{
    config::{
        SCOPE_CGROUP, STATUS_FAILURE, STATUS_SUCCESS, TASK_ARMED, TASK_RETRY, TASK_SPARSE, Task,
    },
    counters::STREAM_TASK,
    limits::{PLANS_PER_ABI, X32_SYSCALL_BIT},
    plan::{
        PLAN_EMIT_ENTER, PLAN_ENTER, PLAN_EXEC, PLAN_WANTED, Plan, WHEN_FAILURE, WHEN_RETRY,
        WHEN_SUCCESS, WHEN_UNSEEN,
    },
    record::{
        ABI_I386, ABI_X32, ABI_X86_64, CALL_BYTES, CALL_HAS_ENTER, CALL_SPARSE, CallRecord,
        DURATION_UNKNOWN, KIND_EXIT,
    },
    summary::COUNT_OFF,
};

use crate::{
    brake, capture,
    count::{self, Ended},
    emit,
    emit::Ticket,
    extra,
    filter::{self, Ids},
    hook::{self, Hook, Regs},
    inject,
    mapped::Place,
    maps::{PLANS, SCRATCH, Scratch, setting},
    simple,
    task::UNTOLD,
    verifier::{self, Unknown},
};

/// Results from here up to -1 are errors, `IS_ERR_VALUE` in `include/linux/err.h`.
const MAX_ERRNO: i64 = 4095;

/// Is this result an error?
#[inline(always)]
pub fn failed(ret: i64) -> bool {
    (-MAX_ERRNO..0).contains(&ret)
}

/// Everything known about the call except its arguments.
struct Call {
    ids: Ids,
    ticket: Ticket,
    nr: u32,
    abi: u8,
    compat: bool,
    flags: u16,
    ret: i64,
    now_ns: u64,
    enter_ns: u64,
}

/// Body of every sys_exit program.
#[inline(always)]
pub fn run<H: Hook, const LOOP_HELPER: bool>(hook: H) {
    if filter::stopped() {
        return;
    }
    let Some(ids) = filter::current_ids() else {
        return;
    };
    let Some(task) = filter::task(ids.tid) else {
        return;
    };
    ended::<H, LOOP_HELPER>(hook, ids, task);
    inject::signal(ids.tid);
}

/// A call of this thread ended.
#[inline(always)]
fn ended<H: Hook, const LOOP_HELPER: bool>(hook: H, ids: Ids, task: *mut Task) {
    // SAFETY: a map value of this very thread, and the plan's map value.
    unsafe {
        let enter_ns = (*task).enter_ns;
        if (*task).state == TASK_ARMED {
            // An execve that failed; all else before a program of its own is our handshake.
            if enter_ns == 0 {
                return;
            }
        } else if !filter::in_scope((*task).state, ids) {
            if setting!(scope) & SCOPE_CGROUP != 0 && enter_ns != 0 {
                // It may come back in the midst of another call.
                (*task).enter_ns = 0;
                (*task).abi = 0;
            }
            return;
        }
        let entered = (*task).abi;
        (*task).enter_ns = 0;
        // Whatever becomes of this call, the next one may be of another ABI.
        (*task).abi = 0;
        let unknown = Unknown::new(&raw const (*task).enter_ns);
        // The child's side of fork, which never entered this call, or one that nobody wants.
        if enter_ns == UNTOLD {
            return;
        }
        let done = inject::take(ids.tid);
        let ret = hook.ret();
        let (status, mut phase) = if failed(ret) {
            (STATUS_FAILURE, WHEN_FAILURE)
        } else {
            (STATUS_SUCCESS, WHEN_SUCCESS)
        };
        let told = setting!(status) & status != 0;
        if !told && setting!(count.mode) == COUNT_OFF {
            return;
        }
        let regs = hook.regs();
        // What was entered counts: an execve rewrites the saved number and the ABI, a sigreturn
        // puts back the registers of another time. Without an enter (denied by seccomp, or in
        // flight when we came) there are only the registers.
        let nr = if enter_ns != 0 {
            (*task).nr
        } else {
            regs.orig_nr() as u32
        };
        if enter_ns == 0 {
            phase |= WHEN_UNSEEN;
        }
        let compat = if entered == 0 {
            // Nothing was read at an enter that there was not.
            phase |= WHEN_RETRY;
            hook::is_compat()
        } else {
            if entered & TASK_RETRY != 0 {
                phase |= WHEN_RETRY;
            }
            entered & !(TASK_RETRY | TASK_SPARSE) == u16::from(ABI_I386) + 1
        };
        let (nr, compat) = (
            unknown.make(nr.into()) as u32,
            unknown.make(compat.into()) & 1 == 1,
        );
        let (phase, enter_ns) = (unknown.make(phase.into()) as u8, unknown.make(enter_ns));
        let ret = unknown.make(ret as u64) as i64;
        let Some((abi, plan)) = plan_of(nr, compat) else {
            return;
        };
        if setting!(count.mode) == COUNT_OFF && (*plan).flags & PLAN_WANTED == 0 {
            return;
        }
        let now_ns = emit::now_ns() - done.late_ns;
        // Before any delay. What a thread spends without a CPU there is not known.
        let made_ns = if done.flags != 0 {
            done.enter_ns
        } else {
            enter_ns
        };
        if setting!(count.mode) != COUNT_OFF {
            count::add(&Ended {
                ids,
                nr,
                compat,
                ret,
                enter_ns: count::start(made_ns, enter_ns),
                now_ns,
            });
            if !told || (*plan).flags & PLAN_WANTED == 0 {
                return;
            }
        }
        let Some(ticket) = Ticket::take(STREAM_TASK) else {
            return;
        };
        let has_enter = enter_ns != 0 && (*plan).flags & (PLAN_ENTER | PLAN_EMIT_ENTER) != 0;
        let mut call = Call {
            ids,
            ticket,
            nr: plain_nr(nr, abi),
            abi,
            compat,
            flags: done.flags
                | unknown.make(if has_enter { CALL_HAS_ENTER } else { 0 }.into()) as u16,
            ret,
            now_ns,
            enter_ns: made_ns,
        };
        if entered & TASK_SPARSE != 0 {
            call.flags |= CALL_SPARSE;
        }
        let copies = (*plan).when & phase != 0;
        brake::wait::<LOOP_HELPER>(
            ticket.cpu,
            if copies {
                COPIES_ROOM
            } else {
                CALL_BYTES as u64
            },
        );
        send::<H, LOOP_HELPER>(hook, &mut call, &regs, plan, if copies { phase } else { 0 });
        brake::pull(ticket.cpu, ids);
    }
}

/// Room that is waited for when there is something to copy: most copies need far less.
const COPIES_ROOM: u64 = 4096;

/// Sends the record, with the copies that are due in `phase`.
#[inline(always)]
fn send<H: Hook, const LOOP_HELPER: bool>(
    hook: H,
    call: &mut Call,
    regs: &H::Regs,
    plan: *const Plan,
    mut phase: u8,
) {
    let ticket = call.ticket;
    if phase != 0 && leave_out(ticket, plan) {
        call.flags |= CALL_SPARSE;
        phase = 0;
    }
    if phase == 0 && setting!(extra) == 0 {
        emit::fixed::<CallRecord>(hook.ctx(), ticket, |record| fill(record, call, regs));
        return;
    }
    // SAFETY: map values, and room in the buffer.
    unsafe {
        if setting!(extra) == 0 && simple::suits(ticket, plan) {
            if let Some(place) = Place::find(ticket, simple::ROOM) {
                fill(place.at().cast(), call, regs);
                let (len, _) = simple::run(place.at(), plan, phase);
                place.publish(len);
            }
            return;
        }
        let Some(s) = scratch(ticket) else {
            return;
        };
        fill((&raw mut (*s).data).cast(), call, regs);
        (*s).sp = regs.sp();
        (*s).ip = regs.ip();
        (*s).bp = regs.bp();
        let mut len = capture::run::<LOOP_HELPER>(s, plan, phase);
        if setting!(extra) != 0 {
            len = extra::add(s, hook.ctx(), ticket.cpu);
        }
        emit::bytes(hook.ctx(), ticket, (&raw mut (*s).data).cast(), len);
        (*s).busy = 0;
    }
}

/// Is so little room left that the copies had better be left out? What an execve was given cannot be had from
/// anywhere else, and there are few of them.
#[inline(always)]
pub fn leave_out(ticket: Ticket, plan: *const Plan) -> bool {
    // SAFETY: a map value.
    let flags = unsafe { (*plan).flags };
    flags & PLAN_EXEC == 0 && emit::nearly_full(ticket.cpu)
}

#[inline(always)]
fn fill<R: Regs>(record: *mut CallRecord, call: &Call, regs: &R) {
    // SAFETY: the caller gives a whole record's room.
    unsafe {
        let header = &raw mut (*record).header;
        emit::fill_header(
            header,
            call.ticket,
            KIND_EXIT,
            CALL_BYTES as u32,
            call.now_ns,
            call.ids,
        );
        emit::fill_comm(header);
        (*record).nr = call.nr;
        (*record).flags = call.flags;
        (*record).abi = call.abi;
        (*record).n_captures = 0;
        (*record).ret = call.ret;
        (*record).duration_ns = if call.enter_ns == 0 {
            DURATION_UNKNOWN
        } else {
            call.now_ns - call.enter_ns
        };
        (*record).args = regs.args(call.compat);
    }
}

/// The number without the bit that marks x32.
#[inline(always)]
pub fn plain_nr(nr: u32, abi: u8) -> u32 {
    const _: () = assert!(X32_SYSCALL_BIT == 1 << 30 && ABI_X86_64 | ABI_I386 == 1 && ABI_X32 == 2);
    nr & !(u32::from(abi >> 1) << 30)
}

/// Without branches: see [`verifier`].
#[inline(always)]
fn abi_of(nr: u32, compat: bool) -> u8 {
    let compat = u8::from(compat);
    // The bit of a number that is not negative.
    let x32 = (nr >> 30 & !(nr >> 31) & 1) as u8 & (compat ^ 1);
    compat | x32 << 1
}

/// ABI and plan of a call. Unknown numbers share the last plan of their ABI.
#[inline(always)]
pub fn plan_of(nr: u32, compat: bool) -> Option<(u8, *const Plan)> {
    let abi = abi_of(nr, compat);
    Some((abi, plan_at(plain_nr(nr, abi), abi)?))
}

/// The plan of a call by its number in the table of its ABI.
#[inline(always)]
pub fn plan_at(nr: u32, abi: u8) -> Option<*const Plan> {
    let index = verifier::min(nr, PLANS_PER_ABI - 1);
    PLANS.get_ptr(u32::from(abi) * PLANS_PER_ABI + index)
}

/// This CPU's scratch buffer, marked as taken; `None`, and counted as a loss, if it is taken already.
#[inline(always)]
pub fn scratch(ticket: Ticket) -> Option<*mut Scratch> {
    let s = take_scratch();
    if s.is_none() {
        ticket.dropped_busy();
    }
    s
}

/// The same where one can do without.
#[inline(always)]
pub fn take_scratch() -> Option<*mut Scratch> {
    // SAFETY: a helper without arguments.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    let s = SCRATCH.get_ptr_mut(cpu)?;
    // SAFETY: a map value.
    unsafe {
        if (*s).busy != 0 {
            return None;
        }
        (*s).busy = 1;
    }
    Some(s)
}
