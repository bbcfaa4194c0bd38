//! Descriptors from process to process, over sockets.

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd, RawFd},
};

use crate::sys;

/// Most descriptors of one message.
const MOST: usize = 2;
/// Room for them as control data.
const ROOM: usize = 64;

/// Two ends of a connection.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: room for two descriptors.
    sys::check(i64::from(unsafe {
        libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr())
    }))?;
    // SAFETY: two new descriptors, ours alone.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

/// A message with descriptors, in memory that stays where it is.
#[repr(C, align(8))]
struct Message {
    control: [u8; ROOM],
    byte: u8,
    vector: libc::iovec,
    header: libc::msghdr,
}

impl Message {
    fn new() -> Self {
        // SAFETY: zero is valid for every field.
        unsafe { std::mem::zeroed() }
    }

    /// The header, for room of `control` bytes. It points into this value, which must not move.
    fn header(&mut self, control: usize) -> *mut libc::msghdr {
        self.vector = libc::iovec {
            iov_base: (&raw mut self.byte).cast(),
            iov_len: 1,
        };
        self.header.msg_iov = &raw mut self.vector;
        self.header.msg_iovlen = 1;
        self.header.msg_control = (&raw mut self.control).cast();
        self.header.msg_controllen = control as _;
        &raw mut self.header
    }

    /// The header of a message with these descriptors.
    fn with(&mut self, fds: &[RawFd]) -> *mut libc::msghdr {
        if fds.is_empty() {
            return self.header(0);
        }
        let bytes = size_of_val(fds) as u32;
        // SAFETY: plain arithmetic.
        let (space, len) = unsafe { (libc::CMSG_SPACE(bytes), libc::CMSG_LEN(bytes)) };
        let header = self.header(space as usize);
        // SAFETY: there is room for one header and `MOST` descriptors.
        unsafe {
            let control = libc::CMSG_FIRSTHDR(header);
            (*control).cmsg_level = libc::SOL_SOCKET;
            (*control).cmsg_type = libc::SCM_RIGHTS;
            (*control).cmsg_len = len as _;
            let data = libc::CMSG_DATA(control).cast::<RawFd>();
            for (index, fd) in fds.iter().take(MOST).enumerate() {
                data.add(index).write_unaligned(*fd);
            }
        }
        header
    }
}

/// Sends descriptors.
pub fn send(socket: RawFd, fds: &[RawFd]) -> io::Result<()> {
    let mut message = Message::new();
    let header = message.with(fds);
    // SAFETY: a whole message.
    let sent = unsafe { libc::sendmsg(socket, header, libc::MSG_NOSIGNAL) };
    sys::check(sent as i64).map(drop)
}

/// The same for one, by a call whose last two arguments, which it does not have, are these.
pub fn send_with(socket: RawFd, fd: RawFd, one: u64, two: u64) -> i64 {
    let mut message = Message::new();
    let header = message.with(&[fd]);
    // SAFETY: a whole message; no memory is asked for here.
    unsafe {
        libc::syscall(
            libc::SYS_sendmsg,
            socket,
            header,
            libc::MSG_NOSIGNAL,
            0,
            one,
            two,
        )
    }
}

/// Waits for a message with `N` descriptors; `None` when the other side is gone.
pub fn receive<const N: usize>(socket: RawFd) -> Option<[OwnedFd; N]> {
    let mut message = Message::new();
    let header = message.header(ROOM);
    // SAFETY: room for what may come.
    unsafe {
        let got = loop {
            let got = libc::recvmsg(socket, header, libc::MSG_CMSG_CLOEXEC);
            if got >= 0 || *libc::__errno_location() != libc::EINTR {
                break got;
            }
        };
        let control = libc::CMSG_FIRSTHDR(header);
        if got <= 0
            || control.is_null()
            || (*control).cmsg_len as usize != libc::CMSG_LEN(4 * N as u32) as usize
        {
            return None;
        }
        let data = libc::CMSG_DATA(control).cast::<RawFd>();
        Some(std::array::from_fn(|index| {
            OwnedFd::from_raw_fd(data.add(index).read_unaligned())
        }))
    }
}

/// Is the other side gone, without a word?
pub fn is_closed(socket: RawFd) -> bool {
    let mut poll = libc::pollfd {
        fd: socket,
        events: libc::POLLIN,
        revents: 0,
    };
    let mut byte = 0u8;
    // SAFETY: one entry; room for a byte, of a message that stays where it is.
    unsafe {
        libc::poll(&mut poll, 1, 0) > 0
            && poll.revents & libc::POLLHUP != 0
            && libc::recv(
                socket,
                (&raw mut byte).cast(),
                1,
                libc::MSG_PEEK | libc::MSG_DONTWAIT,
            ) != 1
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn descriptors_arrive() {
        let (here, there) = pair().expect("sockets");
        let null = std::fs::File::open("/dev/null").expect("opens");
        send(here.as_raw_fd(), &[null.as_raw_fd(), here.as_raw_fd()]).expect("sent");
        assert!(receive::<2>(there.as_raw_fd()).is_some());
        assert!(send_with(here.as_raw_fd(), null.as_raw_fd(), 1, 2) > 0);
        assert!(receive::<1>(there.as_raw_fd()).is_some());
        assert!(!is_closed(there.as_raw_fd()));
        send(here.as_raw_fd(), &[]).expect("sent");
        drop(here);
        assert!(!is_closed(there.as_raw_fd()));
        assert!(receive::<1>(there.as_raw_fd()).is_none() && is_closed(there.as_raw_fd()));
    }
}
