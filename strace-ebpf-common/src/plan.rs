//! The capture plan: per system call, what to copy from the tracee's memory and when.
//!
//! User space compiles the system call table and the options into one [`Plan`] per number and
//! ABI; one interpreter in the probes runs it. An operation takes its address and its length from
//! the call's arguments, from the result, or from what an earlier operation copied, once or for
//! each element of a vector. Nested structures (msghdr, mmsghdr, clone_args, sock_fprog) are thus
//! chains of operations, not code.

use crate::limits::MAX_OPS;

/// Events of this call are wanted.
pub const PLAN_WANTED: u16 = 1;
/// Something must be read or reported at enter.
pub const PLAN_ENTER: u16 = 2;
/// This call replaces the program (execve, execveat): it turns an armed task into a traced one.
pub const PLAN_EXEC: u16 = 4;
/// This call does not return (exit, exit_group): its enter is the event.
pub const PLAN_NO_RETURN: u16 = 8;
/// Send the enter of this call as an event of its own even when nothing is captured there.
pub const PLAN_EMIT_ENTER: u16 = 16;

/// The operations are few and simple: each copies once from the address in an argument, and its length is known without
/// looking at memory. They can be run in place, see `simple.rs` of the probes.
pub const PLAN_SIMPLE: u16 = 32;
/// Most operations of such a plan.
pub const SIMPLE_OPS: usize = 2;
/// Most bytes that one of them copies.
pub const SIMPLE_BYTES: u32 = 4096;

/// Copy a NUL-terminated string, at most `limit` bytes of it.
pub const KIND_STR: u8 = 1;
/// Copy bytes.
pub const KIND_BYTES: u8 = 2;
/// Copy a vector of pointers up to, and without, its NULL.
pub const KIND_POINTERS: u8 = 3;
/// Find out what a descriptor leads to, see [`crate::descriptor`]. Its number is where the address
/// is said to be, `FROM_BLOCK32` for one in an earlier copy. `FROM_BLOCK64`: the earlier copy is an
/// `fd_set`, each bit a descriptor, and the length says how many count.
pub const KIND_DESCRIPTOR: u8 = 4;
/// Count records that follow one another in memory, each with its own length in a `u16`, `stride` bytes from its start
/// (directory entries). Nothing is copied but the count, in [`crate::capture::Capture::full`]. Without `bpf_loop` it is
/// `KIND_BYTES`.
pub const KIND_ENTRIES: u8 = 5;

/// Run the operation at enter.
pub const WHEN_ENTER: u8 = 1;
/// Run the operation at exit if the call succeeded.
pub const WHEN_SUCCESS: u8 = 2;
/// Run the operation at exit if the call failed.
pub const WHEN_FAILURE: u8 = 4;
/// Run the operation at exit if something could not be read at enter: pages that were not resident
/// then have been brought in by the call itself.
pub const WHEN_RETRY: u8 = 8;
/// Run the operation at exit if the enter was not seen: the call was under way when we came, or seccomp denied it.
pub const WHEN_UNSEEN: u8 = 16;
/// Run the operation at exit whatever the result.
pub const WHEN_EXIT: u8 = WHEN_SUCCESS | WHEN_FAILURE;

/// The address or length is a constant (`*_off`).
pub const FROM_CONST: u8 = 0;
/// It is argument number `*_off`.
pub const FROM_ARG: u8 = 1;
/// It is the call's result (lengths only).
pub const FROM_RESULT: u8 = 2;
/// It is a `u32` in the tracee's memory at the address in argument `*_off`, its low byte, plus the high byte (lengths only).
pub const FROM_ARG_POINTER32: u8 = 3;
/// It is a `u64` there (lengths only).
pub const FROM_ARG_POINTER64: u8 = 4;
/// It is a `u32` at `*_off` of each element of operation `block`'s copy.
pub const FROM_BLOCK32: u8 = 5;
/// It is a `u64` there.
pub const FROM_BLOCK64: u8 = 6;
/// The program's argument area, `mm->arg_start` to `mm->arg_end` (address and length together).
pub const FROM_MM_ARGS: u8 = 7;
/// The user stack pointer plus `*_off` (addresses only; a signal frame).
pub const FROM_STACK: u8 = 8;

/// It is the signed 32-bit argument number `*_off`; nothing when negative (lengths only).
pub const FROM_ARG32: u8 = 9;
/// It is the call's result, at most argument `*_off` (lengths only).
pub const FROM_RESULT_MAX: u8 = 10;
/// It is a `u16` at `*_off` of each element of operation `block`'s copy (lengths only).
pub const FROM_BLOCK16: u8 = 11;

/// Lengths over all elements together stop at the result (readv, recvmsg).
pub const OP_RESULT_IS_TOTAL: u8 = 1;
/// Pointers in the vector are four bytes wide (i386, x32).
pub const OP_PTR32: u8 = 2;
/// The bytes are elements: those before an unreadable page are of use alone.
pub const OP_ELEMENTS: u8 = 4;

/// The bytes may be messages of a netlink socket: if argument 0 is one they are copied up to [`NETLINK_BYTES`], and
/// [`crate::capture::Capture::netlink`] tells the protocol.
pub const OP_NETLINK: u8 = 16;
/// With [`OP_NETLINK`]: the descriptor is the first word, of four bytes, of what operation 0 copied.
pub const OP_FIRST_WORD: u8 = 32;
/// Most bytes of such messages: what the kernel puts into one buffer of a dump.
pub const NETLINK_BYTES: u32 = 32 * 1024;
/// Bytes of a message's header, `struct nlmsghdr` of `include/uapi/linux/netlink.h`.
pub const NETLINK_HEADER: u32 = 16;

/// `cond_bits` is about a byte of the element, at `cond_arg`, instead of an argument: what kind of element it is.
pub const OP_IF_ELEMENT: u8 = 8;

/// One operation of a plan.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Op {
    /// `KIND_*`; 0 ends the list.
    pub kind: u8,
    /// `WHEN_*` bits.
    pub when: u8,
    /// The system call argument that the copy belongs to.
    pub arg: u8,
    /// `OP_*` bits.
    pub flags: u8,
    /// `FROM_*` for the address.
    pub addr_from: u8,
    /// `FROM_*` for the length (strings have none).
    pub len_from: u8,
    /// The earlier operation that `FROM_BLOCK*` refers to.
    pub block: u8,
    /// The argument that `cond_bits` is about; with `OP_IF_ELEMENT` the offset of a byte in the element.
    pub cond_arg: u8,
    /// Argument number, offset in the element, or the constant.
    pub addr_off: u16,
    /// Argument number, offset in the element, or the constant.
    pub len_off: u16,
    /// The length is multiplied by this: the size of an element in bytes.
    pub scale: u16,
    /// Distance in bytes between the elements of `block`; 0: it holds just one. `KIND_ENTRIES`: where the length is.
    pub stride: u16,
    /// Most bytes to copy, per element.
    pub limit: u32,
    /// Most elements (or pointers) to walk.
    pub max_elements: u16,
    /// The length is divided by two to this power, rounded up, before it is multiplied: bits to words, bytes to pages.
    pub shift: u16,
    /// Unless 0: run only if bit `args[cond_arg] % 64` is set. It keeps away copies that another form of the call would
    /// need (commands of fcntl), or other descriptors; a bit may stand for several values, so it never keeps too much away.
    pub cond_bits: u64,
}

/// What the probes do with one system call.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// `PLAN_*` bits.
    pub flags: u16,
    /// Operations in use.
    pub n_ops: u8,
    /// Union of the operations' `when` bits: 0 means that nothing is copied at all.
    pub when: u8,
    /// Explicit padding.
    pub _pad: u32,
    /// The operations, in the order in which they run.
    pub ops: [Op; MAX_OPS],
}

const _: () = assert!(size_of::<Op>() == 32);
const _: () = assert!(size_of::<Plan>() == 8 + 32 * MAX_OPS);

#[cfg(feature = "user")]
// SAFETY: repr(C), integers only, no padding (sizes asserted above).
unsafe impl aya::Pod for Plan {}
