//! The summary: a call that ended goes into a row of this CPU's own map. Nothing is reserved, nothing is sent, so nothing
//! can be lost; only groups may be more than there is room for, and their calls then go into the row of all.

use core::arch::asm;

use aya_ebpf::helpers::generated::{bpf_get_current_cgroup_id, bpf_get_current_comm};
use strace_ebpf_common::{
    config::{STATUS_FAILURE, STATUS_SUCCESS, TASK_ARMED, TASK_TRACED},
    limits::{COMM_BYTES, PLANS_PER_ABI},
    plan::PLAN_EXEC,
    record::{ABI_I386, ABI_X32, ABI_X86_64},
    summary::{
        BUCKETS, BY_CGROUP, BY_COMM, BY_ERRNO, BY_NOTHING, BY_PID, CLOCK_CPU, GroupKey, Row, bucket,
    },
};

use crate::{
    emit,
    exit::{failed, plain_nr, plan_of},
    filter::{self, Ids},
    hook::{Hook, Regs},
    inject,
    kernel::{self, Current},
    maps::{COUNT_SLOTS, GROUPS, OFF_CPU, ROWS, setting},
    task::{self, UNTOLD},
};

/// A call that ended.
#[derive(Clone, Copy)]
pub struct Ended {
    pub ids: Ids,
    /// As the kernel has it, with x32's bit.
    pub nr: u32,
    pub compat: bool,
    pub ret: i64,
    /// 0: not seen.
    pub enter_ns: u64,
    pub now_ns: u64,
}

/// Body of the sys_enter programs of a summary without a trace: who, and when.
#[inline(always)]
pub fn enter<H: Hook>(hook: H) {
    let Some(Current { ids, compat }) = kernel::identify() else {
        return;
    };
    let Some(task) = filter::task(ids.tid) else {
        return;
    };
    let nr = hook.nr() as u32;
    // SAFETY: map values of this very thread and of this CPU.
    unsafe {
        let state = (*task).state;
        if state != TASK_TRACED && !other_in_scope(state, ids, nr, compat) {
            return;
        }
        if setting!(pidns_inum) != 0 && is_exec(nr, compat) {
            task::note_exec(ids.tid);
        }
        (*task).enter_ns = emit::now_ns();
        (*task).nr = nr;
        // An execve changes it.
        (*task).abi = u16::from(compat);
        inject::signal(ids.tid);
    }
}

/// Threads that are not marked as traced: in scope by where they are, or of our command before its execve.
#[inline(never)]
fn other_in_scope(state: u16, ids: Ids, nr: u32, compat: bool) -> bool {
    if state == TASK_ARMED {
        return is_exec(nr, compat);
    }
    filter::in_scope(state, ids)
}

#[inline(always)]
fn is_exec(nr: u32, compat: bool) -> bool {
    // SAFETY: a map value.
    plan_of(nr, compat).is_some_and(|(_, plan)| unsafe { (*plan).flags & PLAN_EXEC != 0 })
}

/// Body of the sys_exit programs of a summary without a trace.
#[inline(always)]
pub fn exit<H: Hook>(hook: H) {
    let Some(Current { ids, compat }) = kernel::identify() else {
        return;
    };
    let Some(task) = filter::task(ids.tid) else {
        return;
    };
    // SAFETY: a map value of this very thread.
    unsafe {
        let enter_ns = (*task).enter_ns;
        if enter_ns == 0 {
            entered_unseen(hook, ids, (*task).state, compat);
            return;
        }
        let done = inject::take(ids.tid);
        let made_ns = if done.flags != 0 {
            done.enter_ns
        } else {
            enter_ns
        };
        let now_ns = emit::now_ns();
        (*task).enter_ns = 0;
        // The child's side of fork: it never entered this call.
        if enter_ns == UNTOLD {
            return;
        }
        add(&Ended {
            ids,
            nr: (*task).nr,
            compat: (*task).abi != 0,
            ret: hook.ret(),
            enter_ns: start(made_ns, enter_ns),
            now_ns,
        });
    }
}

/// When a call began for the summary's clock: a delay of `inject=` is time on the wall, and none of a CPU.
#[inline(always)]
pub fn start(made_ns: u64, enter_ns: u64) -> u64 {
    if setting!(count.clock) == CLOCK_CPU {
        enter_ns
    } else {
        made_ns
    }
}

/// A call denied by seccomp, or one that was under way when we came.
#[inline(always)]
fn entered_unseen<H: Hook>(hook: H, ids: Ids, state: u16, compat: bool) {
    if state != TASK_ARMED && filter::in_scope(state, ids) {
        let done = inject::take(ids.tid);
        add(&Ended {
            ids,
            nr: hook.regs().orig_nr() as u32,
            compat,
            ret: hook.ret(),
            enter_ns: start(done.enter_ns, 0),
            now_ns: if done.flags != 0 {
                emit::now_ns() - done.late_ns
            } else {
                0
            },
        });
        inject::signal(ids.tid);
    }
}

/// Adds a call to its row, if it is wanted.
#[inline(always)]
pub fn add(call: &Ended) {
    let failed = failed(call.ret);
    let status = if failed {
        STATUS_FAILURE
    } else {
        STATUS_SUCCESS
    };
    let off_ns = off_cpu(call);
    if setting!(count.status) & status == 0 {
        return;
    }
    let slot = slot_of(call);
    if slot == 0 {
        return;
    }
    let Some(row) = row_of(slot, call, failed) else {
        return;
    };
    // SAFETY: a map value of this CPU, which only programs in task context write, one at a time.
    unsafe {
        (*row).calls += 1;
        if failed {
            (*row).errors += 1;
        }
        if call.enter_ns == 0 {
            (*row).untimed += 1;
            return;
        }
        let mut ns = call.now_ns - call.enter_ns;
        if setting!(count.clock) == CLOCK_CPU {
            ns = ns.saturating_sub(off_ns);
        }
        if setting!(count.overhead_ns) != 0 {
            ns = ns.saturating_sub(setting!(count.overhead_ns));
        }
        time(row, ns);
    }
}

/// # Safety
/// `row` is a map value of this CPU.
#[inline(always)]
unsafe fn time(row: *mut Row, ns: u64) {
    // SAFETY: by contract.
    unsafe {
        (*row).total_ns += ns;
        if ns > (*row).max_ns {
            (*row).max_ns = ns;
        }
        if !ns > (*row).min_inverted {
            (*row).min_inverted = !ns;
        }
        if setting!(count.histogram) != 0 {
            let mut index = u64::from(bucket(ns));
            // What the compiler knows the verifier does not: without this it would leave out the comparison.
            asm!("{0} &= 511", inout(reg) index, options(pure, nomem, nostack));
            if index < BUCKETS as u64 {
                let place = (&raw mut (*row).buckets).cast::<u64>().add(index as usize);
                *place += 1;
            }
        }
    }
}

/// Time for which the thread had no CPU in this call. Taken in any case, so that the next call starts at nothing.
#[inline(always)]
fn off_cpu(call: &Ended) -> u64 {
    if setting!(count.clock) != CLOCK_CPU {
        return 0;
    }
    let Some(off) = OFF_CPU.get_ptr_mut(call.ids.tid) else {
        return 0;
    };
    // SAFETY: a map value of this very thread.
    unsafe {
        let ns = (*off).off_ns;
        if ns != 0 {
            (*off).off_ns = 0;
        }
        ns
    }
}

/// The call's row, 0 if it is not wanted.
#[inline(always)]
fn slot_of(call: &Ended) -> u32 {
    let abi = if call.compat {
        ABI_I386
    } else if (call.nr as i32) >= 0 && call.nr & strace_ebpf_common::limits::X32_SYSCALL_BIT != 0 {
        ABI_X32
    } else {
        ABI_X86_64
    };
    let plain = plain_nr(call.nr, abi);
    let last = PLANS_PER_ABI - 1;
    let index = u32::from(abi) * PLANS_PER_ABI + if plain < last { plain } else { last };
    let mut index = u64::from(index);
    // SAFETY: the mask is within the table.
    unsafe {
        asm!("{0} &= 2047", inout(reg) index, options(pure, nomem, nostack));
        let slot = (&raw const COUNT_SLOTS)
            .cast::<u16>()
            .add(index as usize)
            .read_volatile();
        u32::from(slot)
    }
}

#[inline(always)]
fn row_of(slot: u32, call: &Ended, failed: bool) -> Option<*mut Row> {
    if setting!(count.by) == BY_NOTHING {
        return ROWS.get_ptr_mut(slot);
    }
    let mut key = GroupKey {
        group: [0; COMM_BYTES],
        slot,
        _pad: 0,
    };
    let number = match setting!(count.by) {
        BY_PID => u64::from(call.ids.tgid),
        // SAFETY: a helper without arguments.
        BY_CGROUP => unsafe { bpf_get_current_cgroup_id() },
        BY_ERRNO if failed => (-call.ret) as u64,
        _ => 0,
    };
    // SAFETY: sixteen bytes on the stack.
    unsafe {
        if setting!(count.by) == BY_COMM {
            bpf_get_current_comm((&raw mut key.group).cast(), COMM_BYTES as u32);
        } else {
            (&raw mut key.group).cast::<u64>().write_unaligned(number);
        }
    }
    if let Some(row) = GROUPS.get_ptr_mut(&key) {
        return Some(row);
    }
    // Row 0 belongs to no call: zeros. Refused if it has come in by another CPU meanwhile, or if the map is full.
    let _ = GROUPS.insert(&key, ROWS.get(0)?, 1);
    GROUPS.get_ptr_mut(&key).or_else(|| ROWS.get_ptr_mut(slot))
}
