//! Is a descriptor a netlink socket, and of which protocol? Asked only where bytes look like a message of one, so that
//! other sockets cost next to nothing.

use strace_ebpf_common::plan::{OP_NETLINK, Op};

use crate::{
    kernel::{self, read},
    maps::setting,
};

/// `include/linux/socket.h`
const AF_NETLINK: u16 = 16;
/// Lengths below are believable; what text begins with is above.
const LENGTH_MOST: u32 = 1 << 20;
/// And those that a negative number would be.
const LENGTH_LEAST_NEGATIVE: u32 = 0xffff_0000;

/// May the `n` bytes at `bytes` be such messages? They begin with a length.
#[inline(always)]
pub unsafe fn may_be(op: *const Op, bytes: *const u8, n: u64) -> bool {
    // SAFETY: a map value; the caller has room for more than a header.
    unsafe {
        if (*op).flags & OP_NETLINK == 0 || n < 4 {
            return false;
        }
        let len = bytes.cast::<u32>().read();
        len < LENGTH_MOST || len >= LENGTH_LEAST_NEGATIVE
    }
}

/// The protocol of the netlink socket that the current process has open as `fd`.
#[inline(always)]
pub fn protocol(fd: i32) -> Option<u8> {
    let file = kernel::file(fd);
    let socket: u64 = read(file, setting!(sockets.file_private));
    // What else a file has there does not know the file.
    if file == 0 || read::<u64>(socket, setting!(sockets.socket_file)) != file {
        return None;
    }
    let sock: u64 = read(socket, setting!(sockets.socket_sk));
    if read::<u16>(sock, setting!(sockets.sock_family)) != AF_NETLINK {
        return None;
    }
    Some(read(sock, setting!(sockets.sock_protocol)))
}
