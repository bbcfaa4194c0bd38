//! What the probes and the kernel have counted.

use std::os::fd::{AsRawFd, BorrowedFd};

use strace_ebpf_common::counters::Counters;

use crate::sys;

/// `bpf_prog_info.recursion_misses`, Linux 5.12.
pub(super) fn recursion_misses(program: BorrowedFd<'_>) -> Option<u64> {
    const AT: usize = 208;
    let mut info = [0u8; 256];
    let mut attr = [0u8; 16];
    attr[0..4].copy_from_slice(&(program.as_raw_fd() as u32).to_ne_bytes());
    attr[4..8].copy_from_slice(&(info.len() as u32).to_ne_bytes());
    attr[8..16].copy_from_slice(&(info.as_mut_ptr() as u64).to_ne_bytes());
    // SAFETY: the kernel writes at most `info.len()` bytes there.
    unsafe { sys::bpf(sys::BPF_OBJ_GET_INFO_BY_FD, &mut attr) }.ok()?;
    Some(u64::from_ne_bytes(info[AT..AT + 8].try_into().ok()?))
}

/// Counters of all CPUs and streams together.
#[must_use]
pub fn total(counters: &[Vec<Counters>]) -> Counters {
    let mut sum = Counters::default();
    for one in counters.iter().flatten() {
        sum.seen += one.seen;
        sum.dropped_full += one.dropped_full;
        sum.dropped_busy += one.dropped_busy;
        sum.dropped_no_buffer += one.dropped_no_buffer;
        sum.born += one.born;
        sum.gone += one.gone;
        sum.missed += one.missed;
    }
    sum
}
