//! `--lossless`: waits a moment when there is no room, and stops the process before it comes to that.
//!
//! Only at the end of calls: a signal at the beginning would interrupt the call.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::{bpf_loop, bpf_send_signal_thread};
use strace_ebpf_common::config::{HELD_EVERY, HELD_NEVER, HELD_STOPPED};

use crate::{
    emit,
    filter::Ids,
    maps::{CURSORS, HELD, setting},
};

/// `SIGSTOP` on x86-64 and aarch64.
const SIGSTOP: u32 = 19;
/// Most rounds of waiting, some ten nanoseconds each: preemption is off meanwhile.
const ROUNDS: u32 = 50_000;

/// What the loop's callback gets.
struct Wait {
    cpu: u64,
    room: u64,
}

/// Waits, within bounds, until `room` bytes are free in the buffer of this CPU.
#[inline(always)]
pub fn wait<const LOOP_HELPER: bool>(cpu: u32, room: u64) {
    if setting!(lossless) == 0 || !LOOP_HELPER || fits(cpu, room) {
        return;
    }
    let mut state = Wait {
        cpu: u64::from(cpu),
        room,
    };
    let callback: unsafe extern "C" fn(u32, *mut Wait) -> i64 = round;
    // SAFETY: the helper calls back with this state.
    unsafe { bpf_loop(ROUNDS, callback as *mut c_void, (&raw mut state).cast(), 0) };
}

#[inline(never)]
unsafe extern "C" fn round(_index: u32, state: *mut Wait) -> i64 {
    // SAFETY: `wait` passes its own state.
    unsafe { i64::from(fits((*state).cpu as u32, (*state).room)) }
}

#[inline(always)]
fn fits(cpu: u32, room: u64) -> bool {
    emit::used(cpu) + room <= u64::from(setting!(ring_bytes))
}

/// Stops the process if half of the buffer is in use, or user space cannot get rid of what it has. The other half is for
/// what is under way in other threads: each may still send what it is about to. By thread, because a signal to the process
/// is not queued while one is pending for it.
#[inline(always)]
pub fn pull(cpu: u32, ids: Ids) {
    if setting!(lossless) == 0 {
        return;
    }
    if emit::used(cpu) <= u64::from(setting!(ring_bytes) / 2) && !every() {
        return;
    }
    let (Some(held), Some(cursor)) = (HELD.get_ptr_mut(ids.tgid), CURSORS.get_ptr_mut(cpu)) else {
        return;
    };
    // SAFETY: map values.
    unsafe {
        if held.read_volatile() != HELD_NEVER && bpf_send_signal_thread(SIGSTOP) == 0 {
            // After the signal, so that the one which lets it go on comes later.
            held.write_volatile(HELD_STOPPED);
            (*cursor).stops += 1;
        }
    }
}

#[inline(always)]
fn every() -> bool {
    HELD.get_ptr(0)
        // SAFETY: a map value.
        .is_some_and(|state| unsafe { state.read_volatile() } == HELD_EVERY)
}
