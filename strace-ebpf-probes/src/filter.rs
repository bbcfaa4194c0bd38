//! "Is this task wanted?", with the cheapest questions first.

use aya_ebpf::helpers::generated::bpf_get_current_pid_tgid;
use strace_ebpf_common::config::{SCOPE_ALL, SCOPE_CGROUP, TASK_ARMED, TASK_TRACED, Task};

use crate::{
    kernel,
    maps::{CGROUP, STOPPED, TASKS, setting},
};

/// Process and thread, in the tracer's PID namespace.
#[derive(Clone, Copy)]
pub struct Ids {
    pub tgid: u32,
    pub tid: u32,
}

/// Is the trace over, though its programs are still being detached?
#[inline(always)]
pub fn stopped() -> bool {
    // SAFETY: a map value.
    setting!(stoppable) != 0
        && STOPPED
            .get_ptr(0)
            .is_some_and(|stopped| unsafe { stopped.read_volatile() } != 0)
}

/// The current task's numbers; `None` when it cannot be seen from the tracer's PID namespace.
#[inline(always)]
pub fn current_ids() -> Option<Ids> {
    if setting!(pidns_inum) == 0 {
        // SAFETY: a helper without arguments.
        let pid_tgid = unsafe { bpf_get_current_pid_tgid() };
        return Some(Ids {
            tgid: (pid_tgid >> 32) as u32,
            tid: pid_tgid as u32,
        });
    }
    nested_ids(kernel::current())
}

/// The numbers of any task in the tracer's PID namespace, where that is not the initial one.
#[inline(never)]
pub fn nested_ids(task: u64) -> Option<Ids> {
    let leader: u64 = kernel::read(task, setting!(offsets.task_leader));
    let tid = kernel::number_in_our_namespace(task);
    let tgid = kernel::number_in_our_namespace(leader);
    if tid == 0 || tgid == 0 {
        return None;
    }
    Some(Ids { tgid, tid })
}

/// The numbers of any task.
#[inline(always)]
pub fn ids_of<const TYPED: bool>(task: *const u8) -> Option<Ids> {
    if setting!(pidns_inum) != 0 {
        return nested_ids(task as u64);
    }
    if TYPED {
        // SAFETY: typed programs pass a typed pointer.
        unsafe {
            return Some(Ids {
                tgid: kernel::load(task, setting!(offsets.task_tgid)),
                tid: kernel::load(task, setting!(offsets.task_pid)),
            });
        }
    }
    Some(Ids {
        tgid: kernel::read(task as u64, setting!(offsets.task_tgid)),
        tid: kernel::read(task as u64, setting!(offsets.task_pid)),
    })
}

/// The state of a thread, if it has a place in the map.
#[inline(always)]
pub fn task(tid: u32) -> Option<*mut Task> {
    TASKS.get_ptr_mut(tid)
}

/// Is the current task, in this state, to be traced?
#[inline(always)]
pub fn in_scope(state: u16, ids: Ids) -> bool {
    if state == TASK_TRACED {
        return true;
    }
    if setting!(scope) == 0 || state == TASK_ARMED || ids.tgid == setting!(self_tgid) {
        return false;
    }
    if setting!(scope) & SCOPE_ALL != 0 {
        return true;
    }
    setting!(scope) & SCOPE_CGROUP != 0 && matches!(CGROUP.current_task_under_cgroup(0), Ok(true))
}
