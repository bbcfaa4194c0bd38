//! What a file descriptor leads to, as the probes found it at the time of the call.
//!
//! A capture whose `arg` is [`ARG_DESCRIPTOR`] holds a [`Descriptor`]; then, with
//! [`DESCRIPTOR_SOCKET`], a [`Socket`] and the name that is bound to it; then names, each ended by
//! a NUL: those of the directory entries from the file up to the root. The capture's `addr` is the
//! descriptor's number, as an unsigned 32-bit one.

/// In [`crate::capture::Capture::arg`] and [`crate::plan::Op::arg`]: a descriptor.
pub const ARG_DESCRIPTOR: u8 = 0xfe;

/// The file has no name any more.
pub const DESCRIPTOR_DELETED: u32 = 1;
/// The file is in no directory: its one name is for show (pipes, sockets, memory files).
pub const DESCRIPTOR_NAMELESS: u32 = 2;
/// The way up to the root was too long for the record.
pub const DESCRIPTOR_CUT: u32 = 4;
/// A [`Socket`] follows.
pub const DESCRIPTOR_SOCKET: u32 = 8;
/// Devices, processes and sockets are to be told apart (`-yy`).
pub const DESCRIPTOR_DETAILS: u32 = 16;

/// The file.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Inode number.
    pub inode: u64,
    /// `S_IFMT` and permission bits.
    pub mode: u32,
    /// Device that the file is, the major number above 20 bits of the minor.
    pub rdev: u32,
    /// File system type, `include/uapi/linux/magic.h`.
    pub magic: u32,
    /// `DESCRIPTOR_*` bits.
    pub flags: u32,
    /// Process that a pidfd is for, in the tracer's PID namespace; means something for those only.
    pub pid: u32,
    /// Bytes of the name bound to a socket, without its padding to eight.
    pub bound_len: u32,
}

/// Ends of a socket. What its family does not have is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Socket {
    /// Own address; an IPv4 one in the first four bytes.
    pub address: [u8; 16],
    /// Address of the other end.
    pub peer: [u8; 16],
    /// Inode number of the other end (`AF_UNIX`).
    pub peer_inode: u64,
    /// `AF_*`
    pub family: u16,
    /// Own port, in network order.
    pub port_be: u16,
    /// Port of the other end, in network order.
    pub peer_port_be: u16,
    /// Protocol.
    pub protocol: u16,
    /// Port of a netlink socket.
    pub netlink_port: u32,
    /// Explicit padding.
    pub _pad: u32,
}

/// Most bytes of a bound name: `sun_path` of unix(7).
pub const BOUND_MAX: u32 = 108;
/// Most bytes of one name, its NUL included: `NAME_MAX` of `include/uapi/linux/limits.h`.
pub const NAME_MAX: u32 = 256;

/// Bytes of a [`Descriptor`].
pub const DESCRIPTOR_BYTES: u32 = size_of::<Descriptor>() as u32;
/// Bytes of a [`Socket`].
pub const SOCKET_BYTES: u32 = size_of::<Socket>() as u32;

const _: () = assert!(DESCRIPTOR_BYTES == 32);
const _: () = assert!(SOCKET_BYTES == 56);
