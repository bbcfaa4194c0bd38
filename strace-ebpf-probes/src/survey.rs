//! For kernels without BTF: hands a raw copy of a `task_struct` to user space, which looks for
//! fields whose values it knows (`kernel/survey.rs` there). Loaded for that and unloaded at once.

use aya_ebpf::helpers::generated::bpf_get_current_comm;
use strace_ebpf_common::limits::{COMM_BYTES, SURVEY_BYTES, SURVEY_COMM};

use crate::{kernel, maps::SURVEY, read::bpf_probe_read_kernel};

/// Copied piece by piece: the structure is smaller than the whole copy, and what lies behind it may
/// not be mapped.
const PIECE: usize = 512;

/// At a system call and at the end of a task with the name made up for this.
#[inline(always)]
pub fn named_task() {
    let mut comm = [0u8; COMM_BYTES];
    // SAFETY: a buffer of that size.
    unsafe { bpf_get_current_comm(comm.as_mut_ptr().cast(), COMM_BYTES as u32) };
    let name = u64::from_ne_bytes([
        comm[0], comm[1], comm[2], comm[3], comm[4], comm[5], comm[6], comm[7],
    ]);
    if name == u64::from_ne_bytes(*SURVEY_COMM) {
        copy();
    }
}

#[inline(always)]
fn copy() {
    let Some(place) = SURVEY.get_ptr_mut(0) else {
        return;
    };
    let task = kernel::current();
    let mut at = 0;
    while at < SURVEY_BYTES {
        // SAFETY: within the map's value; the helper checks the source.
        unsafe {
            bpf_probe_read_kernel(
                place.cast::<u8>().add(at).cast(),
                PIECE as u32,
                (task + at as u64) as *const _,
            );
        }
        at += PIECE;
    }
}
