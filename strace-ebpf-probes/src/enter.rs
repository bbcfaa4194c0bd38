//! A system call begins: note the time, and report what must be read or told now.

use strace_ebpf_common::{
    config::{EXTRA_IP, TASK_ARMED, TASK_RETRY, TASK_SPARSE, Task},
    counters::STREAM_TASK,
    plan::{PLAN_EMIT_ENTER, PLAN_ENTER, PLAN_EXEC, PLAN_NO_RETURN, PLAN_WANTED, WHEN_ENTER},
    record::{CALL_BYTES, CALL_NO_RETURN, CALL_SPARSE, CallRecord, DURATION_UNKNOWN, KIND_ENTER},
};

use crate::{
    capture, emit,
    emit::Ticket,
    exit::{self, plan_of},
    extra,
    filter::{self, Ids},
    hook::{self, Hook, Regs},
    inject,
    mapped::Place,
    maps::{ENTER_BITS, UNTOLD_BITS, setting},
    simple,
    task::{self, UNTOLD},
};

/// Body of every sys_enter program.
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
    // SAFETY: a map value of this very thread.
    unsafe {
        let nr = hook.nr();
        if (*task).state == TASK_ARMED {
            let Some((_, plan)) = plan_of(nr as u32, hook::is_compat()) else {
                return;
            };
            if (*plan).flags & PLAN_EXEC == 0 {
                return;
            }
        } else if !filter::in_scope((*task).state, ids) {
            return;
        }
        if setting!(count_missed) != 0 {
            note_missed(task);
        }
        // What is told of signals and ends names the last call, told or not.
        (*task).nr = nr as u32;
        // In this order: the compiler would leave out the bound on the index that the verifier wants to see.
        if bit(&raw const UNTOLD_BITS, nr) && nr < 1024 {
            (*task).enter_ns = UNTOLD;
            return;
        }
        let now = emit::now_ns();
        (*task).enter_ns = now;
        if bit(&raw const ENTER_BITS, nr) {
            report::<H, LOOP_HELPER>(hook, task, ids, nr as u32, now);
        }
        inject::signal(ids.tid);
    }
}

/// The bit of a number modulo 1024.
///
/// # Safety
/// `bits` is one of the constants that user space has set.
#[inline(always)]
unsafe fn bit(bits: *const [u64; 16], nr: u64) -> bool {
    // SAFETY: of sixteen words.
    let word = unsafe {
        bits.cast::<u64>()
            .add(((nr >> 6) & 15) as usize)
            .read_volatile()
    };
    (word >> (nr & 63)) & 1 != 0
}

/// A thread that enters a call while in another one has returned unseen: a kretprobe misses returns when
/// more calls are in flight than it has places for. Counted if that call was wanted.
#[inline(always)]
fn note_missed(task: *mut Task) {
    // SAFETY: map values.
    unsafe {
        if (*task).enter_ns == 0 || (*task).enter_ns == UNTOLD {
            return;
        }
        let Some((_, plan)) = plan_of((*task).nr, hook::is_compat()) else {
            return;
        };
        let flags = (*plan).flags;
        if flags & PLAN_WANTED != 0
            && flags & PLAN_NO_RETURN == 0
            && let Some(books) = emit::books(STREAM_TASK)
        {
            (*books).missed += 1;
        }
    }
}

/// Sends the enter record of a call whose plan asks for one.
#[inline(always)]
fn report<H: Hook, const LOOP_HELPER: bool>(hook: H, task: *mut Task, ids: Ids, nr: u32, now: u64) {
    let compat = hook::is_compat();
    let Some((abi, plan)) = plan_of(nr, compat) else {
        return;
    };
    // SAFETY: map values.
    unsafe {
        let flags = (*plan).flags;
        if setting!(pidns_inum) != 0 && flags & PLAN_EXEC != 0 {
            task::note_exec(ids.tid);
        }
        if flags & PLAN_WANTED == 0 || flags & (PLAN_ENTER | PLAN_NO_RETURN | PLAN_EMIT_ENTER) == 0
        {
            return;
        }
        (*task).abi = u16::from(abi) + 1;
        let Some(ticket) = Ticket::take(STREAM_TASK) else {
            return;
        };
        let asked =
            setting!(extra) & EXTRA_IP != 0 || setting!(extra) != 0 && flags & PLAN_NO_RETURN != 0;
        let mut phase = WHEN_ENTER;
        let mut record_flags = if flags & PLAN_NO_RETURN != 0 {
            CALL_NO_RETURN
        } else {
            0
        };
        if (*plan).when & WHEN_ENTER == 0 {
            phase = 0;
        } else if exit::leave_out(ticket, plan) {
            record_flags |= CALL_SPARSE;
            (*task).abi |= TASK_SPARSE;
            phase = 0;
        }
        // Once: a copy of them, where they have to be copied, is a quarter of the stack.
        let regs = hook.regs();
        let call = Entered {
            ticket,
            ids,
            nr: exit::plain_nr(nr, abi),
            abi,
            compat,
            flags: record_flags,
            now,
        };
        if phase == 0 && !asked {
            emit::fixed::<CallRecord>(hook.ctx(), ticket, |record| fill(&regs, record, &call));
            return;
        }
        if !asked && simple::suits(ticket, plan) {
            if let Some(place) = Place::find(ticket, simple::ROOM) {
                fill(&regs, place.at().cast(), &call);
                let (len, complete) = simple::run(place.at(), plan, phase);
                if !complete {
                    (*task).abi |= TASK_RETRY;
                }
                place.publish(len);
            }
            return;
        }
        let Some(s) = exit::scratch(ticket) else {
            return;
        };
        fill(&regs, (&raw mut (*s).data).cast(), &call);
        (*s).sp = regs.sp();
        (*s).ip = regs.ip();
        (*s).bp = regs.bp();
        let mut len = capture::run::<LOOP_HELPER>(s, plan, phase);
        if asked {
            len = extra::add(s, hook.ctx(), ticket.cpu);
        }
        if (*s).failed != 0 {
            (*task).abi |= TASK_RETRY;
        }
        emit::bytes(hook.ctx(), ticket, (&raw mut (*s).data).cast(), len);
        (*s).busy = 0;
    }
}

/// What the record says beside the registers.
struct Entered {
    ticket: Ticket,
    ids: Ids,
    nr: u32,
    abi: u8,
    compat: bool,
    flags: u16,
    now: u64,
}

#[inline(always)]
fn fill<R: Regs>(regs: &R, record: *mut CallRecord, call: &Entered) {
    // SAFETY: the caller gives a whole record's room.
    unsafe {
        let header = &raw mut (*record).header;
        let len = CALL_BYTES as u32;
        emit::fill_header(header, call.ticket, KIND_ENTER, len, call.now, call.ids);
        emit::fill_comm(header);
        (*record).nr = call.nr;
        (*record).flags = call.flags;
        (*record).abi = call.abi;
        (*record).n_captures = 0;
        (*record).ret = 0;
        (*record).duration_ns = DURATION_UNKNOWN;
        (*record).args = regs.args(call.compat);
    }
}
