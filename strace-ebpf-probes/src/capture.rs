//! The capture interpreter: runs a plan's operations over the tracee's memory, bounded.
//!
//! One flat loop: each round handles one element of one operation, or moves on to the next
//! operation. All of its state lives in scratch memory, so that every round looks alike to the
//! verifier. Offsets and lengths go through [`mask16`] right before use: with 16 bits each they
//! cannot leave the scratch buffer, whatever the tracee's memory says.

use core::{arch::asm, ffi::c_void};

use aya_ebpf::helpers::generated::{bpf_get_smp_processor_id, bpf_loop};
use strace_ebpf_common::{
    capture::{
        CAPTURE_AT_ENTER, CAPTURE_BYTES, CAPTURE_PARTIAL, CAPTURE_TRUNCATED, Capture, padded,
    },
    config::DESCRIPTORS_PLAIN,
    limits::{MAX_OPS, RECORD_MAX},
    plan::{
        FROM_ARG, FROM_ARG_POINTER32, FROM_ARG_POINTER64, FROM_ARG32, FROM_BLOCK16, FROM_BLOCK32,
        FROM_BLOCK64, FROM_CONST, FROM_MM_ARGS, FROM_RESULT, FROM_RESULT_MAX, FROM_STACK,
        KIND_DESCRIPTOR, KIND_ENTRIES, KIND_POINTERS, KIND_STR, NETLINK_BYTES, OP_ELEMENTS,
        OP_FIRST_WORD, OP_IF_ELEMENT, OP_PTR32, OP_RESULT_IS_TOTAL, Op, Plan, WHEN_ENTER,
    },
    record::{CALL_BYTES, CAPTURES_TO_END, CallRecord},
};

use crate::{
    descriptor, exit, kernel,
    maps::{PLAIN_ROUNDS, SCRATCH, Scratch, constant, setting},
    netlink,
    read::{bpf_probe_read_user, bpf_probe_read_user_str},
    verifier,
};

/// Captures of one record: where all of them are to be shown there may be very many.
const MOST_CAPTURES: u64 = 4096;
/// Bytes of a page.
pub const PAGE: u64 = 4096;
/// Pointers looked at in one round.
const CHUNK: u64 = 16;
/// `include/uapi/asm-generic/errno-base.h`
const EFAULT: u16 = 14;

/// `x` limited to 16 bits, in a form that the compiler cannot prove away and the verifier sees.
#[inline(always)]
pub fn mask16(mut x: u64) -> u64 {
    // SAFETY: a bitwise and.
    unsafe { asm!("{0} &= 65535", inout(reg) x, options(pure, nomem, nostack)) };
    x
}

#[inline(always)]
fn mask4(mut x: u64) -> u64 {
    // SAFETY: a bitwise and.
    unsafe { asm!("{0} &= 15", inout(reg) x, options(pure, nomem, nostack)) };
    x
}

const _: () = assert!(MAX_OPS == 16);

/// What the loop's callback gets.
struct Loop {
    s: *mut Scratch,
    plan: *const Plan,
}

/// Runs the operations of `plan` that are due in `phase`, behind the call record that the caller
/// has put at the start of the scratch data. Returns the length of the whole record.
///
/// With `LOOP_HELPER` by `bpf_loop` (helper 181, Linux 5.17), whose callback is verified once; else by a plain loop, which
/// the verifier walks round by round, around a function that it verifies by itself.
#[inline(always)]
pub fn run<const LOOP_HELPER: bool>(s: *mut Scratch, plan: *const Plan, phase: u8) -> u64 {
    // SAFETY: `s` and `plan` are map values; every access below is at a masked offset.
    unsafe {
        let record = (&raw mut (*s).data).cast::<CallRecord>();
        (*s).off = CALL_BYTES as u64;
        (*s).op = 0;
        (*s).captures = 0;
        (*s).failed = 0;
        (*s).walk = 0;
        (*s).phase = u64::from(phase);
        start_op(s, (*record).ret);
        if LOOP_HELPER {
            let mut state = Loop { s, plan };
            let callback: unsafe extern "C" fn(u32, *mut Loop) -> i64 = round_callback;
            let rounds = setting!(rounds);
            bpf_loop(rounds, callback as *mut c_void, (&raw mut state).cast(), 0);
        } else {
            let rounds = constant(&raw const PLAIN_ROUNDS);
            let mut n = 0;
            while n < rounds && plain_round() == 0 {
                n += 1;
            }
        }
        (*record).n_captures = count(s);
        (*record).header.len = (*s).off as u32;
        (*s).off
    }
}

/// What a record says of its captures.
///
/// # Safety
/// `s` is scratch memory.
#[inline(always)]
pub unsafe fn count(s: *mut Scratch) -> u8 {
    // SAFETY: by contract.
    let captures = unsafe { (*s).captures };
    verifier::min(captures as u32, u32::from(CAPTURES_TO_END)) as u8
}

#[inline(never)]
unsafe extern "C" fn round_callback(_index: u32, state: *mut Loop) -> i64 {
    // SAFETY: `run` passes its own state.
    unsafe {
        let (s, plan) = ((*state).s, (&raw const (*state).plan).read_volatile());
        let phase = (&raw const (*s).phase).read_volatile();
        i64::from(round(s, plan, phase as u8))
    }
}

/// One round without `bpf_loop`, 0 if there is more to do. What is not static the verifier walks once (Linux 5.6), however
/// often it is called; for that it must know nothing of the caller, so everything is looked up again.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn plain_round() -> u64 {
    // SAFETY: a helper without arguments; map values; the caller has put a call's record there.
    unsafe {
        let Some(s) = SCRATCH.get_ptr_mut(bpf_get_smp_processor_id()) else {
            return 1;
        };
        let record = (&raw const (*s).data).cast::<CallRecord>();
        let Some(plan) = exit::plan_at((*record).nr, (*record).abi) else {
            return 1;
        };
        u64::from(round(s, plan, (*s).phase as u8))
    }
}

/// One round: the next element of the present operation, or on to the next operation. True when
/// there is nothing left to do.
#[inline(always)]
unsafe fn round(s: *mut Scratch, plan: *const Plan, phase: u8) -> bool {
    // SAFETY: as in `run`.
    unsafe {
        let index = (*s).op;
        if index >= MAX_OPS as u64 {
            return true;
        }
        // Once more as a mask: old verifiers forget the limit of what is put on the stack meanwhile.
        let op = (&raw const (*plan).ops)
            .cast::<Op>()
            .add(mask4(index) as usize);
        if (*op).kind == 0 {
            return true;
        }
        let more = (*op).when & phase != 0 && is_due(s, op) && step(s, op, phase);
        if !more {
            let record = (&raw const (*s).data).cast::<CallRecord>();
            (*s).op = index + 1;
            start_op(s, (*record).ret);
        }
        false
    }
}

/// Resets the state that belongs to one operation.
#[inline(always)]
unsafe fn start_op(s: *mut Scratch, ret: i64) {
    // SAFETY: a map value.
    unsafe {
        // Volatile, or the compiler makes one call of a function of them, and old kernels count 32 bytes of the
        // stack for it.
        (&raw mut (*s).element).write_volatile(0);
        (&raw mut (*s).cursor).write_volatile(0);
        (&raw mut (*s).pos).write_volatile(0);
        (*s).bits = 0;
        (*s).left = if ret > 0 { ret as u64 } else { 0 };
        let start = (*s).off;
        (&raw mut (*s).starts)
            .cast::<u64>()
            .add(mask4((*s).op) as usize)
            .write(start);
    }
}

/// Does the operation's condition hold?
#[inline(always)]
unsafe fn is_due(s: *mut Scratch, op: *const Op) -> bool {
    // SAFETY: as in `run`.
    unsafe {
        let bits = (*op).cond_bits;
        let value = argument(s, u16::from((*op).cond_arg));
        bits == 0 || (*op).flags & OP_IF_ELEMENT != 0 || bits >> (value & 63) & 1 != 0
    }
}

/// One round: copies the next element of `op`. True if the operation has more to do.
#[inline(always)]
unsafe fn step(s: *mut Scratch, op: *const Op, phase: u8) -> bool {
    // SAFETY: as in `run`.
    unsafe {
        let from_block = (*op).addr_from == FROM_BLOCK64 || (*op).addr_from == FROM_BLOCK32;
        let descriptors = setting!(descriptors) != DESCRIPTORS_PLAIN;
        if descriptors && (*s).walk != 0 {
            return descriptor::walk(s) || from_block;
        }
        if (*s).element >= u64::from((*op).max_elements) {
            return false;
        }
        let mut element = 0;
        if from_block && !(descriptors && (*s).bits != 0) {
            match next_element(s, op) {
                Element::At(offset) => element = offset,
                Element::Again => return true,
                Element::None => return false,
            }
        }
        if (*op).flags & OP_IF_ELEMENT != 0 {
            let kind = *data(s, element + u64::from((*op).cond_arg));
            if (*op).cond_bits >> (kind & 63) & 1 == 0 {
                return true;
            }
        }
        if descriptors && (*op).kind == KIND_DESCRIPTOR {
            let Some(fd) = descriptor_number(s, op, element) else {
                return true;
            };
            return descriptor::start(s, op, fd, phase) || from_block;
        }
        let addr = address(s, op, element);
        // Nothing is ever mapped in the first page: a NULL, or a number that another form of the call takes.
        if addr < PAGE {
            if from_block && addr != 0 {
                unreadable(s, op, addr, phase);
            }
            (*s).element += 1;
            return from_block;
        }
        if (*op).kind == KIND_POINTERS {
            return pointers(s, op, addr, phase);
        }
        let mut want = length(s, op, element);
        if (*op).kind == KIND_ENTRIES {
            return entries(s, op, addr, want, phase);
        }
        if (*op).flags & OP_RESULT_IS_TOTAL != 0 {
            if want > (*s).left {
                want = (*s).left;
            }
            (*s).left -= want;
        }
        copy(s, op, addr, want, phase);
        (*s).element += 1;
        from_block
    }
}

enum Element {
    /// Offset of the element in the scratch data.
    At(u64),
    /// Moved on to the next capture; ask again.
    Again,
    /// There are no more.
    None,
}

/// Finds the next element among the captures of operation `op.block`.
#[inline(always)]
unsafe fn next_element(s: *mut Scratch, op: *const Op) -> Element {
    // SAFETY: as in `run`.
    unsafe {
        let own_start = *(&raw const (*s).starts)
            .cast::<u64>()
            .add(mask4((*s).op) as usize);
        if (*s).cursor == 0 {
            let block = mask4(u64::from((*op).block));
            (*s).cursor = *(&raw const (*s).starts).cast::<u64>().add(block as usize);
        }
        let cursor = (*s).cursor;
        if cursor == 0 || cursor >= own_start {
            return Element::None;
        }
        let capture = data(s, cursor).cast::<Capture>();
        if (*capture).op != (*op).block {
            return Element::None;
        }
        let len = u64::from((*capture).len);
        let stride = u64::from((*op).stride);
        let pos = (*s).pos;
        let end = if stride == 0 { len } else { pos + stride };
        if (*capture).errno != 0 || end > len || end <= pos {
            (*s).cursor = cursor + u64::from(CAPTURE_BYTES) + padded(len);
            (*s).pos = 0;
            return Element::Again;
        }
        (*s).pos = end;
        Element::At(cursor + u64::from(CAPTURE_BYTES) + pos)
    }
}

/// A place in the record under construction.
#[inline(always)]
pub unsafe fn data(s: *mut Scratch, offset: u64) -> *mut u8 {
    // SAFETY: 16 bits of offset, and the buffer is twice that.
    unsafe {
        (&raw mut (*s).data)
            .cast::<u8>()
            .add(mask16(offset) as usize)
    }
}

/// Raw argument `index`, from the record itself: the stack cannot be indexed.
#[inline(always)]
unsafe fn argument(s: *mut Scratch, index: u16) -> u64 {
    // SAFETY: the index is masked to 15; the scratch data is larger than that.
    unsafe {
        let record = (&raw const (*s).data).cast::<CallRecord>();
        let args = (&raw const (*record).args).cast::<u64>();
        *args.add(mask4(u64::from(index)) as usize)
    }
}

#[inline(always)]
unsafe fn address(s: *mut Scratch, op: *const Op, element: u64) -> u64 {
    // SAFETY: as in `run`.
    unsafe {
        let at = (*op).addr_off;
        match (*op).addr_from {
            FROM_ARG => argument(s, at),
            FROM_BLOCK64 => *data(s, element + u64::from(at)).cast::<u64>(),
            FROM_BLOCK32 => u64::from(*data(s, element + u64::from(at)).cast::<u32>()),
            FROM_STACK => (*s).sp + u64::from(at),
            FROM_MM_ARGS => mm_args().0,
            _ => 0,
        }
    }
}

/// The number of the next descriptor that `op` is about; `None`: ask again.
#[inline(always)]
unsafe fn descriptor_number(s: *mut Scratch, op: *const Op, element: u64) -> Option<i32> {
    // SAFETY: as in `run`.
    unsafe {
        let at = (*op).addr_off;
        let bits = (*s).bits;
        if bits == 0 && (*op).addr_from == FROM_BLOCK64 {
            (*s).bits = *data(s, element).cast::<u64>();
            return None;
        }
        (*s).element += 1;
        Some(match (*op).addr_from {
            FROM_ARG => argument(s, at) as i32,
            FROM_RESULT => (*(&raw const (*s).data).cast::<CallRecord>()).ret as i32,
            FROM_BLOCK32 => *data(s, element + u64::from(at)).cast::<i32>(),
            FROM_BLOCK64 => {
                (*s).bits = bits & (bits - 1);
                // The position is behind the word already.
                let fd = 8 * (*s).pos - 64 + descriptor::lowest_bit(bits);
                if fd < length(s, op, 0) { fd as i32 } else { -1 }
            }
            _ => -1,
        })
    }
}

/// Start and length of the program's argument area.
#[inline(always)]
fn mm_args() -> (u64, u64) {
    let offset = setting!(offsets.mm_arg_start);
    if offset == 0 {
        return (0, 0);
    }
    let mm: u64 = kernel::read(kernel::current(), setting!(offsets.task_mm));
    let start: u64 = kernel::read(mm, offset);
    let end: u64 = kernel::read(mm, offset + 8);
    (start, end.wrapping_sub(start))
}

/// Bytes that are there to be copied, before any limit.
#[inline(always)]
unsafe fn length(s: *mut Scratch, op: *const Op, element: u64) -> u64 {
    // SAFETY: as in `run`.
    unsafe {
        let at = (*op).len_off;
        let count = match (*op).len_from {
            FROM_CONST => u64::from(at),
            FROM_ARG => argument(s, at),
            FROM_ARG32 => {
                let value = argument(s, at) as i32;
                if value > 0 { value as u64 } else { 0 }
            }
            FROM_RESULT => result(s),
            FROM_RESULT_MAX => {
                let (result, max) = (result(s), argument(s, at));
                if result < max { result } else { max }
            }
            FROM_ARG_POINTER32 => u64::from(user::<u32>(argument(s, at) + u64::from(at >> 8))),
            FROM_ARG_POINTER64 => user::<u64>(argument(s, at)),
            FROM_BLOCK16 => u64::from(*data(s, element + u64::from(at)).cast::<u16>()),
            FROM_BLOCK32 => u64::from(*data(s, element + u64::from(at)).cast::<u32>()),
            FROM_BLOCK64 => *data(s, element + u64::from(at)).cast::<u64>(),
            FROM_MM_ARGS => mm_args().1,
            _ => 0,
        };
        let count = if count > 0xffff_ffff {
            0xffff_ffff
        } else {
            count
        };
        let shift = mask4(u64::from((*op).shift));
        let count = (count + (1 << shift) - 1) >> shift;
        count * u64::from((*op).scale)
    }
}

/// The call's result, 0 if it failed.
#[inline(always)]
unsafe fn result(s: *mut Scratch) -> u64 {
    // SAFETY: the record is at the start of the scratch data.
    let ret = unsafe { (*(&raw const (*s).data).cast::<CallRecord>()).ret };
    if ret > 0 { ret as u64 } else { 0 }
}

/// One integer of the tracee's memory, 0 if it cannot be read.
#[inline(always)]
unsafe fn user<T: Copy + Default>(addr: u64) -> T {
    let mut value = T::default();
    // SAFETY: the helper checks the source; the destination is ours.
    unsafe {
        bpf_probe_read_user(
            (&raw mut value).cast::<c_void>(),
            size_of::<T>() as u32,
            addr as *const c_void,
        );
    }
    value
}

/// Starts a capture at the end of the record.
#[inline(always)]
pub unsafe fn begin(s: *mut Scratch, op: *const Op, addr: u64, phase: u8) -> *mut Capture {
    // SAFETY: as in `run`.
    unsafe {
        let capture = data(s, (*s).off).cast::<Capture>();
        (*capture).addr = addr;
        (*capture).len = 0;
        (*capture).full = 0;
        (*capture).op = (*s).op as u8;
        (*capture).arg = (*op).arg;
        (*capture).flags = if phase == WHEN_ENTER {
            CAPTURE_AT_ENTER
        } else {
            0
        };
        (*capture).netlink = 0;
        (*capture).errno = 0;
        (*capture).element = (*s).element as u16;
        capture
    }
}

/// Bytes of data that still fit behind a capture header at the end of the record.
#[inline(always)]
unsafe fn room(s: *mut Scratch) -> u64 {
    // SAFETY: a map value.
    let end = unsafe { (*s).off } + u64::from(CAPTURE_BYTES);
    let max = u64::from(RECORD_MAX);
    if end < max { max - end } else { 0 }
}

/// A capture of what is certainly not there.
#[inline(always)]
unsafe fn unreadable(s: *mut Scratch, op: *const Op, addr: u64, phase: u8) {
    // SAFETY: as in `run`.
    unsafe {
        if room(s) < 8 || (*s).captures >= MOST_CAPTURES {
            return;
        }
        let capture = begin(s, op, addr, phase);
        (*capture).errno = EFAULT;
        (*s).captures += 1;
        (*s).off += u64::from(CAPTURE_BYTES);
    }
}

/// Copies a string or `want` bytes at `addr`.
#[inline(always)]
unsafe fn copy(s: *mut Scratch, op: *const Op, addr: u64, want: u64, phase: u8) {
    // SAFETY: as in `run`; the copy goes to a masked offset with a masked length.
    unsafe {
        let room = room(s);
        if room < 8 || (*s).captures >= MOST_CAPTURES {
            return;
        }
        let capture = begin(s, op, addr, phase);
        let mut limit = u64::from((*op).limit);
        let dst = data(s, (*s).off)
            .add(CAPTURE_BYTES as usize)
            .cast::<c_void>();
        let len;
        if (*op).kind == KIND_STR {
            // Two more than the limit: the NUL, and one byte that tells "longer" from "just so".
            if limit > room - 2 {
                limit = room - 2;
            }
            let got = bpf_probe_read_user_str(dst, mask16(limit + 2) as u32, addr as *const c_void);
            if got < 0 {
                (*capture).errno = (-got) as u16;
                (*s).failed = 1;
                len = 0;
            } else {
                let chars = (got as u64) - 1;
                if chars > limit {
                    (*capture).flags |= CAPTURE_TRUNCATED;
                    len = limit;
                } else {
                    len = chars;
                }
                (*capture).full = chars as u32;
            }
        } else {
            if limit > room {
                limit = room;
            }
            let mut n = want;
            if n > limit {
                n = limit;
                (*capture).flags |= CAPTURE_TRUNCATED;
            }
            (*capture).full = if want > 0xffff_ffff {
                0xffff_ffff
            } else {
                want as u32
            };
            if bpf_probe_read_user(dst, mask16(n) as u32, addr as *const c_void) != 0 {
                (*s).failed = 1;
                n = if (*op).flags & OP_ELEMENTS != 0 {
                    before_hole(dst, addr, n, mask16)
                } else {
                    0
                };
                if n == 0 {
                    (*capture).errno = EFAULT;
                } else {
                    (*capture).flags |= CAPTURE_PARTIAL;
                }
            } else if setting!(netlink) != 0 && netlink::may_be(op, dst.cast(), n) {
                n = messages(s, op, capture, addr, want, n);
            }
            len = n;
        }
        (*capture).len = len as u32;
        (*s).captures += 1;
        (*s).off += u64::from(CAPTURE_BYTES) + padded(mask16(len));
    }
}

/// If the call is about a netlink socket: copies its messages whole, and says of which protocol they are. Returns how
/// many bytes there are now, of `want`; `n` were.
#[inline(always)]
unsafe fn messages(
    s: *mut Scratch,
    op: *const Op,
    capture: *mut Capture,
    addr: u64,
    want: u64,
    n: u64,
) -> u64 {
    // SAFETY: as in `copy`.
    unsafe {
        let fd = if (*op).flags & OP_FIRST_WORD == 0 {
            argument(s, 0) as i32
        } else {
            let first = *(&raw const (*s).starts).cast::<u64>();
            *data(s, first + u64::from(CAPTURE_BYTES)).cast::<i32>()
        };
        let Some(protocol) = netlink::protocol(fd) else {
            return n;
        };
        (*capture).netlink = protocol + 1;
        let mut most = u64::from(NETLINK_BYTES);
        if most > room(s) {
            most = room(s);
        }
        let all = if want < most { want } else { most };
        let dst = capture.add(1).cast::<c_void>();
        if all <= n || bpf_probe_read_user(dst, mask16(all) as u32, addr as *const c_void) != 0 {
            return n;
        }
        if all == want {
            (*capture).flags &= !CAPTURE_TRUNCATED;
        }
        all
    }
}

/// Copies what is readable of `n` bytes: all but those on the last page, or those on the first one. Longer arrays with a
/// hole further within are cut at the first page, which is rare enough. Returns how many bytes were copied.
///
/// # Safety
/// `dst` has room for `n` bytes, and for as many as `mask` leaves.
#[inline(always)]
pub unsafe fn before_hole(dst: *mut c_void, addr: u64, n: u64, mask: impl Fn(u64) -> u64) -> u64 {
    let first = PAGE - (addr & (PAGE - 1));
    if n <= first {
        return 0;
    }
    let last = n - 1 - ((addr + n - 1) & (PAGE - 1));
    // SAFETY: by contract, and these are fewer.
    unsafe {
        if bpf_probe_read_user(dst, mask(last) as u32, addr as *const c_void) == 0 {
            last
        } else if last > first
            && bpf_probe_read_user(dst, mask(first) as u32, addr as *const c_void) == 0
        {
            first
        } else {
            0
        }
    }
}

/// How many of [`CHUNK`] pointers come before a NULL. Without a branch: each would double the
/// verifier's work.
#[inline(always)]
unsafe fn leading_pointers<T: Copy + Into<u64>>(pointers: *const T) -> u64 {
    let mut alive = 1;
    let mut count = 0;
    let mut i = 0;
    while i < CHUNK as usize {
        // SAFETY: the caller has room for a chunk there.
        let pointer: u64 = unsafe { pointers.add(i).read_volatile() }.into();
        alive &= top_bit(pointer | pointer.wrapping_neg());
        count += alive;
        i += 1;
    }
    count
}

/// The highest bit of `x`, in a form that the compiler does not turn into a comparison. It may not put off doing it either: all
/// pointers of a chunk at once would need more of the stack than old kernels have left.
#[inline(always)]
fn top_bit(mut x: u64) -> u64 {
    // SAFETY: a shift.
    unsafe { asm!("{0} >>= 63", inout(reg) x, options(nomem, nostack)) };
    x
}

/// Copies the next pointers of a NULL-terminated vector: one chunk, never across a page, so that
/// a chunk is readable as a whole or not at all. True if the vector goes on.
#[inline(always)]
unsafe fn pointers(s: *mut Scratch, op: *const Op, vector: u64, phase: u8) -> bool {
    // SAFETY: as in `run`.
    unsafe {
        let narrow = (*op).flags & OP_PTR32 != 0;
        let width: u64 = if narrow { 4 } else { 8 };
        let done = (*s).element;
        if done == 0 {
            if room(s) < 8 || (*s).captures >= MOST_CAPTURES {
                return false;
            }
            begin(s, op, vector, phase);
            (*s).captures += 1;
            (*s).cursor = (*s).off;
            (*s).off += u64::from(CAPTURE_BYTES);
        }
        let capture = data(s, (*s).cursor).cast::<Capture>();
        let addr = vector + done * width;
        let off = (*s).off;
        if off + CHUNK * 8 > u64::from(RECORD_MAX) {
            (*capture).flags |= CAPTURE_TRUNCATED;
            (*s).off = padded(off);
            return false;
        }
        // A chunk where the page has room for it, else one pointer: readable as a whole or not.
        let whole = 4096 - (addr & 4095) >= CHUNK * width;
        let n = if whole { CHUNK * width } else { width };
        let dst = data(s, off);
        if bpf_probe_read_user(dst.cast(), mask16(n) as u32, addr as *const c_void) != 0 {
            (*s).failed = 1;
            if done == 0 {
                (*capture).errno = EFAULT;
            } else {
                (*capture).flags |= CAPTURE_PARTIAL;
            }
            (*s).off = padded(off);
            return false;
        }
        let mut count = if narrow {
            leading_pointers(dst.cast::<u32>())
        } else {
            leading_pointers(dst.cast::<u64>())
        };
        let looked_at = if whole { CHUNK } else { 1 };
        if count > looked_at {
            count = looked_at;
        }
        let ended = count < looked_at;
        (*s).element = done + count;
        (*capture).len = ((done + count) * width) as u32;
        (*capture).full = (done + count) as u32;
        // Padded as every capture; a further chunk starts right behind the last pointer.
        (*s).off = off + count * width;
        if !ended && (*s).element < u64::from((*op).max_elements) {
            return true;
        }
        if !ended {
            (*capture).flags |= CAPTURE_TRUNCATED;
        }
        (*s).off = padded((*s).off);
        false
    }
}

/// Records looked at in one round.
const ENTRIES: usize = 8;

/// Counts records that bring their own lengths: reads them into the room behind the record, of which they become no part, in
/// one round and walks them in others. True while there are more.
#[inline(always)]
unsafe fn entries(s: *mut Scratch, op: *const Op, addr: u64, want: u64, phase: u8) -> bool {
    // SAFETY: as in `run`; a read to a masked offset with a masked length.
    unsafe {
        let start = (*s).off + u64::from(CAPTURE_BYTES);
        if (*s).pos == 0 {
            let room = room(s);
            if room < 8 || (*s).captures >= MOST_CAPTURES {
                return false;
            }
            let capture = begin(s, op, addr, phase);
            let mut n = want;
            if n > room {
                n = room;
                (*capture).flags |= CAPTURE_TRUNCATED;
            }
            (*s).left = n;
            if bpf_probe_read_user(
                data(s, start).cast(),
                mask16(n) as u32,
                addr as *const c_void,
            ) != 0
            {
                (*s).failed = 1;
                (*capture).errno = EFAULT;
                (*s).left = 0;
            }
        }
        let capture = data(s, (*s).off).cast::<Capture>();
        let (mut pos, mut count, mut i) = ((*s).pos, 0, 0);
        while i < ENTRIES {
            let len = *data(s, start + pos + u64::from((*op).stride)).cast::<u16>();
            // One that is cut does not count.
            let end = pos + u64::from(len);
            if len == 0 || end > (*s).left {
                break;
            }
            pos = end;
            count += 1;
            i += 1;
        }
        (*capture).full += count;
        (*s).pos = pos;
        if i == ENTRIES {
            return true;
        }
        (*s).captures += 1;
        (*s).off = start;
        false
    }
}
