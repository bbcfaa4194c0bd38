//! `inject=`: what the injector has done to a call, and the signal that comes with it.
//!
//! The injector answers seccomp's question about a call and writes here before it does. A call that it answers itself has
//! no enter; any other one has, after the answer.

use aya_ebpf::helpers::generated::bpf_send_signal_thread;
use strace_ebpf_common::config::Injected;

use crate::maps::{INJECTED, setting};

/// Sends the signal that goes with a call: when the thread carries it out, so that it can be interrupted, else behind its
/// record.
#[inline(always)]
pub fn signal(tid: u32) {
    if setting!(inject) == 0 {
        return;
    }
    let Some(note) = INJECTED.get_ptr_mut(tid) else {
        return;
    };
    // SAFETY: a map value of this very thread.
    unsafe {
        let signal = (*note).signal;
        if signal != 0 {
            (*note).signal = 0;
            bpf_send_signal_thread(u32::from(signal));
        }
    }
}

/// What was done to the call that ends, once; the signal is left.
#[inline(always)]
pub fn take(tid: u32) -> Injected {
    let nothing = Injected {
        enter_ns: 0,
        late_ns: 0,
        flags: 0,
        signal: 0,
        known: 0,
    };
    if setting!(inject) == 0 {
        return nothing;
    }
    let Some(note) = INJECTED.get_ptr_mut(tid) else {
        return nothing;
    };
    // SAFETY: a map value of this very thread.
    unsafe {
        let taken = Injected {
            enter_ns: (*note).enter_ns,
            late_ns: (*note).late_ns,
            flags: (*note).flags,
            signal: 0,
            known: 0,
        };
        (*note).flags = 0;
        if taken.flags == 0 { nothing } else { taken }
    }
}

/// A thread is born: whoever had its number before is forgotten.
#[inline(always)]
pub fn born(tid: u32) {
    if setting!(inject) == 0 {
        return;
    }
    if let Some(note) = INJECTED.get_ptr_mut(tid) {
        // SAFETY: a map value; the thread does not run yet.
        unsafe {
            (*note).enter_ns = 0;
            (*note).late_ns = 0;
            (*note).flags = 0;
            (*note).signal = 0;
            (*note).known = 0;
        }
    }
}
