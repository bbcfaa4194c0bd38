//! A system call begins: note the time, and report what must be read or told now.

use strace_ebpf_common::{
    config::{TASK_ARMED, TASK_RETRY, Task},
    counters::STREAM_TASK,
    plan::{PLAN_EMIT_ENTER, PLAN_ENTER, PLAN_EXEC, PLAN_NO_RETURN, PLAN_WANTED, Plan, WHEN_ENTER},
    record::{CALL_NO_RETURN, CallRecord, DURATION_UNKNOWN, KIND_ENTER},
};

use crate::{
    capture, emit,
    emit::Ticket,
    exit::{self, plan_of},
    filter::{self, Ids},
    hook::{self, Hook, Regs},
    maps::{ENTER_BITS, Scratch, setting},
};

/// Body of every sys_enter program.
#[inline(always)]
pub fn run<H: Hook, const LOOP_HELPER: bool>(hook: H) {
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
        let now = emit::now_ns();
        (*task).enter_ns = now;
        (*task).nr = nr as u32;
        let word = (&raw const ENTER_BITS)
            .cast::<u64>()
            .add(((nr >> 6) & 15) as usize)
            .read_volatile();
        if (word >> (nr & 63)) & 1 != 0 {
            report::<H, LOOP_HELPER>(hook, task, ids, nr as u32, now);
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
        if flags & PLAN_WANTED == 0 || flags & (PLAN_ENTER | PLAN_NO_RETURN | PLAN_EMIT_ENTER) == 0
        {
            return;
        }
        (*task).abi = u16::from(abi) + 1;
        let Some(ticket) = Ticket::take(STREAM_TASK) else {
            return;
        };
        let Some(s) = exit::scratch(ticket) else {
            return;
        };
        fill(hook, s, plan, ticket, ids, nr, abi, compat, now);
        let mut len = capture::run::<LOOP_HELPER>(s, plan, WHEN_ENTER);
        if setting!(extra) != 0 && flags & PLAN_NO_RETURN != 0 {
            len = capture::extra(s, hook.ctx());
        }
        if (*s).failed != 0 {
            (*task).abi |= TASK_RETRY;
        }
        emit::bytes(hook.ctx(), ticket, (&raw mut (*s).data).cast(), len);
        (*s).busy = 0;
    }
}

#[inline(always)]
#[expect(
    clippy::too_many_arguments,
    reason = "inlined; each is one field of the record"
)]
unsafe fn fill<H: Hook>(
    hook: H,
    s: *mut Scratch,
    plan: *const Plan,
    ticket: Ticket,
    ids: Ids,
    nr: u32,
    abi: u8,
    compat: bool,
    now: u64,
) {
    // SAFETY: map values.
    unsafe {
        let record = (&raw mut (*s).data).cast::<CallRecord>();
        let regs = hook.regs();
        emit::fill_header(&raw mut (*record).header, ticket, KIND_ENTER, 0, now, ids);
        emit::fill_comm(&raw mut (*record).header);
        (*record).nr = exit::plain_nr(nr, abi);
        (*record).flags = if (*plan).flags & PLAN_NO_RETURN != 0 {
            CALL_NO_RETURN
        } else {
            0
        };
        (*record).abi = abi;
        (*record).n_captures = 0;
        (*record).ret = 0;
        (*record).duration_ns = DURATION_UNKNOWN;
        (*record).args = regs.args(compat);
        (*s).sp = regs.sp();
    }
}
