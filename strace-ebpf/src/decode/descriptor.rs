//! What descriptors lead to, as the probes found it: from their captures to the tokens that stand
//! behind the numbers.

use std::io::Write as _;

use smallvec::SmallVec;
use strace_ebpf_common::{
    capture::{CAPTURE_AT_ENTER, padded},
    descriptor::{
        ARG_DESCRIPTOR, DESCRIPTOR_DELETED, DESCRIPTOR_NAMELESS, DESCRIPTOR_SOCKET, Descriptor,
        Socket,
    },
    record::{DURATION_UNKNOWN, read_fixed},
};

use super::{
    Outcome,
    value::{Args, Value},
};
use crate::{
    session::Call,
    tables::{Syscall, Ty},
};

/// File system types, `include/uapi/linux/magic.h`: of pipes.
pub const PIPEFS: u32 = 0x5049_5045;
/// Of sockets.
pub const SOCKFS: u32 = 0x534F_434B;
/// Of namespaces.
pub const NSFS: u32 = 0x6e73_6673;
/// Of what has nothing but a name.
pub const ANON_INODES: u32 = 0x0904_1934;
/// Of pidfds, Linux 6.9.
pub const PIDFS: u32 = 0x5049_4446;

/// Paths are shown.
pub const SHOW_PATHS: u8 = 1;
/// Where sockets are connected to.
pub const SHOW_SOCKETS: u8 = 2;
/// The numbers of devices.
pub const SHOW_DEVICES: u8 = 4;
/// The processes of pidfds.
pub const SHOW_PIDFDS: u8 = 8;
/// Everything.
pub const SHOW_ALL: u8 = 15;

/// The file that a descriptor was open on at the time of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened<'a> {
    /// As captured: any bytes.
    bytes: &'a [u8],
    /// It is the current directory.
    pub is_cwd: bool,
    /// `SHOW_*` bits.
    pub show: u8,
}

/// The same in pieces.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The file.
    pub descriptor: Descriptor,
    /// Its ends, and the name that it is bound to.
    pub socket: Option<(Socket, &'a [u8])>,
    /// Names of directory entries, from the file up, each ended by a NUL.
    names: &'a [u8],
}

impl<'a> Opened<'a> {
    /// What was captured, to be shown so.
    #[must_use]
    pub fn new(bytes: &'a [u8], is_cwd: bool, show: u8) -> Self {
        Self {
            bytes,
            is_cwd,
            show,
        }
    }

    /// Takes it apart; `None` if it is too short for what it says it is.
    #[must_use]
    pub fn parts(&self) -> Option<Parts<'a>> {
        let descriptor: Descriptor = read_fixed(self.bytes)?;
        let mut names = self.bytes.get(size_of::<Descriptor>()..)?;
        let mut socket = None;
        if descriptor.flags & DESCRIPTOR_SOCKET != 0 {
            let ends: Socket = read_fixed(names)?;
            let rest = names.get(size_of::<Socket>()..)?;
            let len = descriptor.bound_len;
            let bound = rest.get(..len as usize)?;
            names = rest.get(padded(len.into()) as usize..)?;
            socket = Some((ends, bound));
        }
        Some(Parts {
            descriptor,
            socket,
            names,
        })
    }
}

impl<'a> Parts<'a> {
    /// The names from the root down to the file.
    pub fn names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let whole = self.names.strip_suffix(b"\0");
        let each = whole.map(|names| names.rsplit(|&byte| byte == 0));
        each.into_iter().flatten()
    }

    /// The path, as `/proc/PID/fd` shows it but for a remark that the file has no name any more: true for that.
    pub fn path(&self, out: &mut SmallVec<[u8; 256]>) -> bool {
        if self.descriptor.flags & DESCRIPTOR_NAMELESS == 0 {
            for name in self.names() {
                out.push(b'/');
                out.extend_from_slice(name);
            }
            if out.is_empty() {
                out.push(b'/');
            }
            return self.descriptor.flags & DESCRIPTOR_DELETED != 0;
        }
        let inode = self.descriptor.inode;
        let (before, name, number): (&[u8], &[u8], _) = match self.descriptor.magic {
            PIPEFS => (b"pipe", b"", Some(inode)),
            SOCKFS => (b"socket", b"", Some(inode)),
            NSFS => (b"", self.name(), Some(inode)),
            PIDFS => (b"anon_inode:[pidfd]", b"", None),
            ANON_INODES => (b"anon_inode:", self.name(), None),
            // A file of memory.
            _ => (b"/", self.name(), None),
        };
        out.extend_from_slice(before);
        out.extend_from_slice(name);
        if let Some(number) = number {
            // A vector takes everything.
            let _ = write!(out, ":[{number}]");
        }
        before == b"/"
    }

    /// The name of a file that is in no directory.
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        self.names().next().unwrap_or_default()
    }
}

/// What `fd` led to when the call began, or when it ended; `Some(None)` if it was not open then.
fn find<'a>(call: &Call<'a>, fd: i32, at_enter: bool) -> Option<Option<&'a [u8]>> {
    let own = |captured: &&crate::session::parse::Captured<'a>| {
        let header = &captured.header;
        header.arg == ARG_DESCRIPTOR
            && header.addr == u64::from(fd as u32)
            && (header.flags & CAPTURE_AT_ENTER != 0) == at_enter
    };
    let found = call.captures.iter().find(own)?;
    Some(Some(found.bytes).filter(|_| found.header.errno == 0))
}

/// What the descriptor that the call returned leads to.
#[must_use]
pub fn returned<'a>(call: &Call<'a>, outcome: &Outcome, show: u8) -> Option<Opened<'a>> {
    let Outcome::Value(Value::Fd(fd)) = *outcome else {
        return None;
    };
    let bytes = find(call, fd, false)?.filter(|_| show != 0)?;
    Some(Opened::new(bytes, false, show))
}

/// Puts what they lead to behind all descriptors among the arguments.
pub fn decorate<'a>(args: &mut Args<'a>, call: &Call<'a>, show: u8) {
    let any = call.captures.iter();
    if !any.clone().any(|c| c.header.arg == ARG_DESCRIPTOR) {
        return;
    }
    args.insert_behind(|value| {
        let fd = match *value {
            Value::Fd(fd) | Value::DirFd(fd) | Value::NextFd(fd) => fd,
            _ => return None,
        };
        let is_cwd = fd == libc::AT_FDCWD;
        if is_cwd && !matches!(value, Value::DirFd(_)) {
            return None;
        }
        // Those that the call made are there at its end only.
        let bytes = find(call, fd, true).or_else(|| find(call, fd, false))??;
        Some(Value::Opened(Opened::new(bytes, is_cwd, show)))
    });
}

/// The descriptors that the call was given, those in structures too, and what they led to.
pub fn given<'c, 'a>(call: &'c Call<'a>) -> impl Iterator<Item = (i32, Option<Opened<'a>>)> + 'c {
    // Without an enter that was seen all are taken at the end.
    let unseen = call.record.duration_ns == DURATION_UNKNOWN;
    let own = call.captures.iter().filter(move |captured| {
        let header = &captured.header;
        header.arg == ARG_DESCRIPTOR && (unseen || header.flags & CAPTURE_AT_ENTER != 0)
    });
    own.map(|captured| {
        let fd = captured.header.addr as u32 as i32;
        let open = Some(captured.bytes).filter(|_| captured.header.errno == 0);
        (fd, open.map(|bytes| Opened::new(bytes, false, SHOW_PATHS)))
    })
}

/// The paths that the call was given.
pub fn paths<'c, 'a>(
    call: &'c Call<'a>,
    syscall: &Syscall,
) -> impl Iterator<Item = &'a [u8]> + use<'c, 'a> {
    let args = syscall.args_for(&call.record.args);
    let names = (0u8..).zip(args).filter(|(_, arg)| arg.ty == Ty::Path);
    names.flat_map(|(index, _)| {
        let texts = call.captured(index).filter(|c| c.header.errno == 0);
        texts.map(|c| c.bytes.split(|&byte| byte == 0).next().unwrap_or_default())
    })
}
