//! What is added to a call's record beside its arguments, for those who ask: who made it, and from where.

use core::ffi::c_void;

use aya_ebpf::{
    bindings::BPF_F_USER_STACK,
    helpers::generated::{bpf_get_current_cgroup_id, bpf_get_current_uid_gid, bpf_get_stack},
};
use strace_ebpf_common::{
    capture::{
        ARG_NONE, CAPTURE_BYTES, Capture, FRAME_PAGES, FRAME_REGISTERS, Identity, OP_FRAMES,
        OP_IDENTITY, OP_IP, OP_STACK, STACK_BYTES, padded,
    },
    config::{EXTRA_FRAMES, EXTRA_IDENTITY, EXTRA_IP, EXTRA_STACK},
    limits::RECORD_MAX,
    record::{CALL_SPARSE, CallRecord},
};

use crate::{
    capture::{self, PAGE, data, mask16},
    emit,
    maps::{Scratch, setting},
    read::bpf_probe_read_user,
};

/// Adds what the `extra` setting asks for: who made the call, and from where.
#[inline(always)]
pub fn add(s: *mut Scratch, ctx: *mut c_void, cpu: u32) -> u64 {
    // SAFETY: as in `capture::run`; both captures are small and of fixed size.
    unsafe {
        let record = (&raw mut (*s).data).cast::<CallRecord>();
        if setting!(extra) & EXTRA_IDENTITY != 0 {
            let capture = own_capture(s, OP_IDENTITY, size_of::<Identity>() as u32);
            let uid_gid = bpf_get_current_uid_gid();
            *capture.add(1).cast::<Identity>() = Identity {
                uid: uid_gid as u32,
                gid: (uid_gid >> 32) as u32,
                cgroup_id: bpf_get_current_cgroup_id(),
            };
        }
        if setting!(extra) & EXTRA_STACK != 0 {
            let capture = own_capture(s, OP_STACK, STACK_BYTES);
            // The helper zeroes what it does not fill, all of it when it fails.
            bpf_get_stack(
                ctx,
                capture.add(1).cast(),
                STACK_BYTES,
                u64::from(BPF_F_USER_STACK),
            );
        }
        if setting!(extra) & EXTRA_FRAMES != 0 {
            if emit::nearly_full(cpu) {
                (*record).flags |= CALL_SPARSE;
            } else {
                frames(s);
            }
        }
        if setting!(extra) & EXTRA_IP != 0 {
            let capture = own_capture(s, OP_IP, 0);
            (*capture).addr = (*s).ip;
        }
        (*record).n_captures = capture::count(s);
        (*record).header.len = (*s).off as u32;
        (*s).off
    }
}

/// Registers and the top of the stack, page by page as far as it can be read and the record has room.
///
/// # Safety
/// `s` is this CPU's scratch memory, whose registers are set, and nobody else uses it.
#[inline(always)]
pub unsafe fn frames(s: *mut Scratch) {
    // SAFETY: as in `capture::run`: offsets are masked, and scratch memory reaches beyond them by more than a page.
    unsafe {
        let start = (*s).off;
        let capture = own_capture(s, OP_FRAMES, FRAME_REGISTERS);
        let sp = (*s).sp;
        (*capture).addr = sp;
        capture.add(1).cast::<[u64; 2]>().write([(*s).ip, (*s).bp]);
        let mut page = 0;
        while page < FRAME_PAGES {
            let off = (*s).off;
            let at = sp + (off - start - u64::from(CAPTURE_BYTES + FRAME_REGISTERS));
            let n = PAGE - (at & (PAGE - 1));
            if off + PAGE > u64::from(RECORD_MAX) {
                break;
            }
            let dst = data(s, off).cast();
            if bpf_probe_read_user(dst, mask16(n) as u32, at as *const c_void) != 0 {
                break;
            }
            (*s).off = off + n;
            page += 1;
        }
        let len = (*s).off - start - u64::from(CAPTURE_BYTES);
        (*capture).len = len as u32;
        (*capture).full = len as u32;
        (*s).off = start + u64::from(CAPTURE_BYTES) + padded(len);
    }
}

/// Room for a capture of our own at the end of the record.
#[inline(always)]
unsafe fn own_capture(s: *mut Scratch, op: u8, len: u32) -> *mut Capture {
    // SAFETY: as in `capture::run`: scratch memory reaches beyond the largest record.
    unsafe {
        let capture = data(s, (*s).off).cast::<Capture>();
        *capture = Capture {
            len,
            full: len,
            op,
            arg: ARG_NONE,
            addr: 0,
            flags: 0,
            netlink: 0,
            errno: 0,
            element: 0,
        };
        (*s).captures += 1;
        (*s).off += u64::from(CAPTURE_BYTES + len);
        capture
    }
}
