//! Runs simple plans (`PLAN_SIMPLE`: a path, a buffer) in place in the mapped buffer: no interpreter, no scratch memory, no
//! second copy.
//!
//! The same results as from [`crate::capture`], byte for byte.

use core::{arch::asm, ffi::c_void};

use strace_ebpf_common::{
    capture::{CAPTURE_AT_ENTER, CAPTURE_BYTES, CAPTURE_TRUNCATED, Capture, padded},
    plan::{
        FROM_ARG, FROM_ARG32, FROM_CONST, FROM_RESULT, FROM_RESULT_MAX, KIND_STR, Op, PLAN_SIMPLE,
        Plan, SIMPLE_BYTES, SIMPLE_OPS, WHEN_ENTER,
    },
    record::{CALL_BYTES, CallRecord},
};

use crate::{
    capture::PAGE,
    emit::Ticket,
    maps::setting,
    read::{bpf_probe_read_user, bpf_probe_read_user_str},
};

/// Room that the record of a simple plan may need: two more than the limit for strings, see `copy`.
pub const ROOM: u64 =
    CALL_BYTES as u64 + SIMPLE_OPS as u64 * (CAPTURE_BYTES as u64 + SIMPLE_BYTES as u64 + 8);
/// Smaller buffers are better used by records of exact size.
const LEAST_RING: u32 = 256 << 10;

/// Can the record be made in place?
#[inline(always)]
pub fn suits(ticket: Ticket, plan: *const Plan) -> bool {
    // SAFETY: a map value.
    ticket.mapped()
        && setting!(ring_bytes) >= LEAST_RING
        && unsafe { (*plan).flags } & PLAN_SIMPLE != 0
}

/// Runs the operations that are due in `phase` behind the call record at `record`. Returns the length of it all, and
/// whether everything could be read.
///
/// Unrolled: by `bpf_loop` a path costs 30 ns more, and loading takes as long.
///
/// # Safety
/// `record` is a filled record with [`ROOM`] bytes in all.
#[inline(always)]
pub unsafe fn run(record: *mut u8, plan: *const Plan, phase: u8) -> (u64, bool) {
    let call = record.cast::<CallRecord>();
    let (mut off, mut captures, mut complete) = (CALL_BYTES as u64, 0, true);
    let mut i = 0;
    while i < SIMPLE_OPS {
        // SAFETY: by contract; offsets are masked to less than the slack behind every place.
        unsafe {
            let op = (&raw const (*plan).ops).cast::<Op>().add(i);
            let addr = argument(call, (*op).addr_off);
            if (*op).kind != 0 && (*op).when & phase != 0 && addr >= PAGE && is_due(call, op) {
                let capture = record.add(mask14(off) as usize).cast::<Capture>();
                let (len, errno) = copy(call, op, addr, capture.add(1).cast());
                let (shown, full, mut flags) = len;
                if phase == WHEN_ENTER {
                    flags |= CAPTURE_AT_ENTER;
                }
                (*capture).addr = addr;
                (*capture).len = shown as u32;
                (*capture).full = full as u32;
                (*capture).op = i as u8;
                (*capture).arg = (*op).arg;
                (*capture).flags = flags;
                (*capture).netlink = 0;
                (*capture).errno = errno;
                (*capture).element = 0;
                complete &= errno == 0;
                captures += 1;
                off += u64::from(CAPTURE_BYTES) + padded(shown);
            }
        }
        i += 1;
    }
    // SAFETY: by contract.
    unsafe {
        (*call).n_captures = captures;
        (*call).header.len = off as u32;
    }
    (off, complete)
}

/// Copies to `dst`. Length, length that was there, flags; and a positive errno.
#[inline(always)]
unsafe fn copy(
    call: *const CallRecord,
    op: *const Op,
    addr: u64,
    dst: *mut c_void,
) -> ((u64, u64, u8), u16) {
    // SAFETY: 13 bits of length, which the room behind `dst` has.
    unsafe {
        let limit = u64::from((*op).limit);
        if (*op).kind == KIND_STR {
            // The NUL, and one byte that tells "longer" from "just so".
            let got = bpf_probe_read_user_str(dst, mask13(limit + 2) as u32, addr as *const c_void);
            if got < 0 {
                return ((0, 0, 0), (-got) as u16);
            }
            let chars = got as u64 - 1;
            if chars > limit {
                return ((limit, chars, CAPTURE_TRUNCATED), 0);
            }
            return ((chars, chars, 0), 0);
        }
        let want = length(call, op);
        let (n, flags) = if want > limit {
            (limit, CAPTURE_TRUNCATED)
        } else {
            (want, 0)
        };
        let full = if want > 0xffff_ffff {
            0xffff_ffff
        } else {
            want
        };
        let failed = bpf_probe_read_user(dst, mask13(n) as u32, addr as *const c_void);
        if failed != 0 {
            return ((0, full, flags), (-failed) as u16);
        }
        ((n, full, flags), 0)
    }
}

#[inline(always)]
unsafe fn length(call: *const CallRecord, op: *const Op) -> u64 {
    // SAFETY: as in `run`.
    unsafe {
        let at = (*op).len_off;
        let result = if (*call).ret > 0 {
            (*call).ret as u64
        } else {
            0
        };
        let count = match (*op).len_from {
            FROM_CONST => u64::from(at),
            FROM_ARG => argument(call, at),
            FROM_ARG32 => {
                let value = argument(call, at) as i32;
                if value > 0 { value as u64 } else { 0 }
            }
            FROM_RESULT => result,
            FROM_RESULT_MAX => {
                let max = argument(call, at);
                if result < max { result } else { max }
            }
            _ => 0,
        };
        let count = if count > 0xffff_ffff {
            0xffff_ffff
        } else {
            count
        };
        count * u64::from((*op).scale)
    }
}

/// Does the operation's condition hold?
#[inline(always)]
unsafe fn is_due(call: *const CallRecord, op: *const Op) -> bool {
    // SAFETY: as in `run`.
    unsafe {
        let bits = (*op).cond_bits;
        bits == 0 || bits >> (argument(call, u16::from((*op).cond_arg)) & 63) & 1 != 0
    }
}

#[inline(always)]
unsafe fn argument(call: *const CallRecord, index: u16) -> u64 {
    // SAFETY: seven at most, and room behind the six that are there.
    unsafe {
        let args = (&raw const (*call).args).cast::<u64>();
        *args.add(mask3(u64::from(index)) as usize)
    }
}

macro_rules! mask {
    ($name:ident, $text:literal) => {
        /// A mask in a form that the compiler cannot prove away and the verifier sees.
        #[inline(always)]
        fn $name(mut x: u64) -> u64 {
            // SAFETY: a bitwise and.
            unsafe { asm!($text, inout(reg) x, options(pure, nomem, nostack)) };
            x
        }
    };
}
mask!(mask3, "{0} &= 7");
mask!(mask13, "{0} &= 8191");
mask!(mask14, "{0} &= 16383");
const _: () = assert!(SIMPLE_BYTES + 2 < 8192 && ROOM < 16384);
