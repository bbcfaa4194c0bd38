//! A CPU goes from one thread to another: for how long a call had none. Attached only when the summary wants it.

use core::ffi::c_void;

use crate::{
    emit,
    filter::{self, Ids},
    maps::OFF_CPU,
    task::{UNTOLD, argument},
};

/// Body of the sched_switch programs; runs in the thread that leaves, with interrupts off.
#[inline(always)]
pub fn run<const TYPED: bool>(ctx: *mut c_void) {
    if let Some(ids) = filter::current_ids()
        && in_call(ids)
        && let Some(off) = OFF_CPU.get_ptr_mut(ids.tid)
    {
        // SAFETY: a map value; this thread runs nowhere else.
        unsafe { (*off).left_ns = emit::now_ns() };
    }
    let next = argument(ctx, 2) as *const u8;
    if let Some(ids) = filter::ids_of::<TYPED>(next)
        && in_call(ids)
        && let Some(off) = OFF_CPU.get_ptr_mut(ids.tid)
    {
        // SAFETY: a map value; that thread does not run yet.
        unsafe {
            if (*off).left_ns != 0 {
                (*off).off_ns += emit::now_ns() - (*off).left_ns;
                (*off).left_ns = 0;
            }
        }
    }
}

/// Is the thread in a call that we saw begin? Threads that are not traced never are.
#[inline(always)]
fn in_call(ids: Ids) -> bool {
    // SAFETY: a map value.
    filter::task(ids.tid).is_some_and(|task| unsafe {
        let enter_ns = (*task).enter_ns;
        enter_ns != 0 && enter_ns != UNTOLD
    })
}

/// A new thread: its number may have been another's, which ended in a call.
#[inline(always)]
pub fn born(tid: u32) {
    if let Some(off) = OFF_CPU.get_ptr_mut(tid) {
        // SAFETY: a map value; the thread does not run yet.
        unsafe {
            (*off).left_ns = 0;
            (*off).off_ns = 0;
        }
    }
}
