//! The records that travel from the probes to user space.
//!
//! Each starts with a [`Header`]. Parse by `len` and `kind`: an unknown kind is counted and
//! skipped. The captures of a record follow its fixed part, see [`crate::capture`].

use crate::limits::COMM_BYTES;

/// [`CallRecord`], written when a system call returned.
pub const KIND_EXIT: u16 = 1;
/// [`CallRecord`], written when a call was entered: what must be read then, and calls that never
/// return. The exit record of the same thread follows unless `CALL_NO_RETURN` is set.
pub const KIND_ENTER: u16 = 2;
/// [`ForkRecord`].
pub const KIND_FORK: u16 = 3;
/// [`ExecRecord`], with one capture: the file name.
pub const KIND_EXEC: u16 = 4;
/// [`TaskExitRecord`].
pub const KIND_TASK_EXIT: u16 = 5;
/// [`SignalRecord`]; with `EXTRA_FRAMES` one capture may follow, [`crate::capture::OP_FRAMES`].
pub const KIND_SIGNAL: u16 = 6;

/// The system call will not return.
pub const CALL_NO_RETURN: u16 = 1;
/// The call's enter was seen and sent as a [`KIND_ENTER`] record.
pub const CALL_HAS_ENTER: u16 = 2;

/// The copies were left out, because the buffer was nearly full.
pub const CALL_SPARSE: u16 = 4;

/// The call was not carried out: the result is the tracer's (`inject=`).
pub const CALL_INJECTED: u16 = 8;
/// The call, or its return, was delayed by the tracer.
pub const CALL_DELAYED: u16 = 16;
/// With [`CALL_INJECTED`]: the result is a value, even where it looks like an error.
pub const CALL_RETVAL: u16 = 32;

/// In [`CallRecord::n_captures`]: so many or more.
pub const CAPTURES_TO_END: u8 = u8::MAX;

/// x86-64.
pub const ABI_X86_64: u8 = 0;
/// i386: an `int 0x80` or a 32-bit program.
pub const ABI_I386: u8 = 1;
/// x32.
pub const ABI_X32: u8 = 2;

/// The start of the call was not seen.
pub const DURATION_UNKNOWN: u64 = u64::MAX;

/// First bytes of every record.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the whole record, this header included.
    pub len: u32,
    /// `KIND_*`.
    pub kind: u16,
    /// CPU that wrote the record.
    pub cpu: u16,
    /// Running number among what this CPU's stream wanted to send, from 1: a gap is loss.
    pub seq: u64,
    /// Monotonic time at which the record was made.
    pub ts_ns: u64,
    /// Process, in the tracer's PID namespace.
    pub tgid: u32,
    /// Thread, in the tracer's PID namespace.
    pub tid: u32,
    /// Thread name.
    pub comm: [u8; COMM_BYTES],
}

/// One system call.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallRecord {
    /// Common part.
    pub header: Header,
    /// Number, without the x32 bit.
    pub nr: u32,
    /// `CALL_*` bits.
    pub flags: u16,
    /// `ABI_*`.
    pub abi: u8,
    /// Captures that follow; [`CAPTURES_TO_END`] of them, or more, go on to the record's end.
    pub n_captures: u8,
    /// Raw result: -errno on failure.
    pub ret: i64,
    /// Nanoseconds between enter and exit, or [`DURATION_UNKNOWN`].
    pub duration_ns: u64,
    /// Raw arguments.
    pub args: [u64; 6],
}

/// A traced task made a new one.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForkRecord {
    /// Common part: the parent.
    pub header: Header,
    /// The child's process.
    pub child_tgid: u32,
    /// The child's thread.
    pub child_tid: u32,
}

/// A traced task replaced its program.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExecRecord {
    /// Common part.
    pub header: Header,
    /// Its tid before the call: another one when a thread that is not the leader did it.
    pub old_tid: u32,
    /// Captures that follow: 1 (the file name), or 0.
    pub n_captures: u32,
}

/// A traced task ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskExitRecord {
    /// Common part.
    pub header: Header,
    /// As wait(2) gives it: `status << 8`, or a signal number with 0x80 for a core dump; or
    /// [`CODE_DETACHED`].
    pub code: u32,
    /// Number of its last call.
    pub nr: u32,
}

/// In [`TaskExitRecord::code`]: the task lives on, but we have let go of it.
pub const CODE_DETACHED: u32 = 1 << 31;

/// The signal reached the task.
pub const SIGNAL_DELIVERED: u32 = 0;
/// It was thrown away when it was sent, because the task ignores it.
pub const SIGNAL_IGNORED: u32 = 1;
/// It was sent. The kernel does not deliver a signal that ends a process at once: this is its
/// only trace, told by user space when the process was killed by it.
pub const SIGNAL_SENT: u32 = 2;

/// In [`SignalRecord::flags`]: what was delivered has its default effect.
pub const SIGNAL_DEFAULT: u32 = 1;
/// In [`SignalRecord::flags`]: the stack was left out, because the buffer is nearly full or its scratch memory is in use.
pub const SIGNAL_SPARSE: u32 = 2;

/// A signal.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalRecord {
    /// Common part: the receiver.
    pub header: Header,
    /// Signal number.
    pub signal: u32,
    /// `SIGNAL_*`.
    pub outcome: u32,
    /// Number of the receiver's last call.
    pub nr: u32,
    /// `SIGNAL_DEFAULT`, `SIGNAL_SPARSE`.
    pub flags: u32,
    /// Where the signal interrupts the receiver, 0 if that was not asked for or is not known.
    pub ip: u64,
    /// The kernel's `kernel_siginfo`, 48 bytes of the user's `siginfo_t`; zeros when there is none.
    pub info: [u8; 48],
}

/// Bytes of the records' fixed parts, in the order of their kinds.
pub const CALL_BYTES: usize = size_of::<CallRecord>();

const _: () = assert!(size_of::<Header>() == 48);
// With the ring buffer's own header of eight bytes an event fills two cache lines exactly.
const _: () = assert!(CALL_BYTES == 120);
const _: () = assert!(size_of::<ForkRecord>() == 56);
const _: () = assert!(size_of::<ExecRecord>() == 56);
const _: () = assert!(size_of::<TaskExitRecord>() == 56);
const _: () = assert!(size_of::<SignalRecord>() == 120);

/// A record's fixed part: plain integers, valid for every bit pattern.
///
/// # Safety
/// Implementors are `repr(C)`, hold integers only, and have no padding.
pub unsafe trait Fixed: Copy {}
// SAFETY: sizes asserted above, integers only.
unsafe impl Fixed for Header {}
// SAFETY: as above.
unsafe impl Fixed for CallRecord {}
// SAFETY: as above.
unsafe impl Fixed for ForkRecord {}
// SAFETY: as above.
unsafe impl Fixed for ExecRecord {}
// SAFETY: as above.
unsafe impl Fixed for TaskExitRecord {}
// SAFETY: as above.
unsafe impl Fixed for SignalRecord {}
// SAFETY: as above.
unsafe impl Fixed for crate::capture::Capture {}
// SAFETY: as above.
unsafe impl Fixed for crate::capture::Identity {}

// SAFETY: as above.
unsafe impl Fixed for crate::descriptor::Descriptor {}
// SAFETY: as above.
unsafe impl Fixed for crate::descriptor::Socket {}

/// Reads a fixed part from the start of `bytes`; `None` if they are too few.
#[must_use]
pub fn read_fixed<T: Fixed>(bytes: &[u8]) -> Option<T> {
    if bytes.len() < size_of::<T>() {
        return None;
    }
    // SAFETY: enough bytes, and `Fixed` types are valid for every bit pattern.
    Some(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}
