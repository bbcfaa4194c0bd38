//! One captured piece of the tracee's memory, as it follows the fixed part of a record.
//!
//! A record's captures are laid one after the other, each a [`Capture`] header, then `len` bytes
//! padded to a multiple of eight.

/// More was there than the limit let us copy.
pub const CAPTURE_TRUNCATED: u8 = 1;
/// Taken at the system call's enter, not at its exit.
pub const CAPTURE_AT_ENTER: u8 = 2;
/// What follows these bytes, or pointers, could not be read.
pub const CAPTURE_PARTIAL: u8 = 4;

/// In [`Capture::arg`]: not an argument but [`OP_IDENTITY`], [`OP_STACK`], [`OP_IP`] or [`OP_FRAMES`].
pub const ARG_NONE: u8 = 0xff;
/// In [`Capture::op`]: an [`Identity`].
pub const OP_IDENTITY: u8 = 0xf0;
/// In [`Capture::op`]: user-space return addresses, eight bytes each, innermost first.
pub const OP_STACK: u8 = 0xf1;
/// In [`Capture::op`]: the instruction pointer, in [`Capture::addr`]; no bytes follow.
pub const OP_IP: u8 = 0xf2;
/// In [`Capture::op`]: the stack pointer is in [`Capture::addr`]; then instruction pointer and frame pointer, eight bytes
/// each, and what is on the stack.
pub const OP_FRAMES: u8 = 0xf3;
/// Bytes of the two registers.
pub const FRAME_REGISTERS: u32 = 16;
/// Pages of the stack that are copied, the first of them from the stack pointer on.
pub const FRAME_PAGES: u32 = 5;
/// Most bytes of a stack's return addresses.
pub const STACK_BYTES: u32 = 512;

/// Who made the call, under `EXTRA_IDENTITY`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// User, in the initial user namespace.
    pub uid: u32,
    /// Group, likewise.
    pub gid: u32,
    /// Number of the cgroup v2: its directory's inode.
    pub cgroup_id: u64,
}

/// What was copied from where, and how it went.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capture {
    /// The tracee's address.
    pub addr: u64,
    /// Bytes that follow this header, without the padding. A string's NUL is not counted.
    pub len: u32,
    /// Bytes (pointers, for a vector) that were there to be copied, where that is known; saturated.
    pub full: u32,
    /// Index of the operation in the call's plan.
    pub op: u8,
    /// Index of the system call's argument.
    pub arg: u8,
    /// `CAPTURE_*` bits.
    pub flags: u8,
    /// One more than the protocol of the netlink socket that these bytes are messages of; 0: they are none.
    pub netlink: u8,
    /// Positive errno when the memory could not be read, else 0.
    pub errno: u16,
    /// Running number of this element within the operation (0 unless it walks a vector).
    pub element: u16,
}

/// Bytes of the [`Capture`] header.
pub const CAPTURE_BYTES: u32 = size_of::<Capture>() as u32;
const _: () = assert!(CAPTURE_BYTES == 24);

/// `len` rounded up to the next multiple of eight.
#[must_use]
#[inline(always)]
pub const fn padded(len: u64) -> u64 {
    (len + 7) & !7
}
