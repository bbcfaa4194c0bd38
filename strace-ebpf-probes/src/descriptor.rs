//! What a descriptor leads to, found in the kernel's own structures at the time of the call.
//!
//! One capture per descriptor, see `strace_ebpf_common::descriptor`. The way from the file up to
//! the root is walked one name per round of the interpreter's loop, with its state in scratch
//! memory. All reads are checked: a structure that changes under us gives a wrong name at worst.

use core::ffi::c_void;

use crate::read::{bpf_probe_read_kernel, bpf_probe_read_kernel_str};
use strace_ebpf_common::{
    capture::{CAPTURE_BYTES, Capture, padded},
    config::DESCRIPTORS_DETAILS,
    descriptor::{
        BOUND_MAX, DESCRIPTOR_BYTES, DESCRIPTOR_CUT, DESCRIPTOR_DELETED, DESCRIPTOR_DETAILS,
        DESCRIPTOR_NAMELESS, DESCRIPTOR_SOCKET, Descriptor, NAME_MAX, SOCKET_BYTES, Socket,
    },
    limits::RECORD_MAX,
    plan::Op,
};

use crate::{
    capture::{begin, data, mask16},
    kernel::{self, read},
    maps::{Scratch, setting},
};

/// In place of a descriptor: the current directory, `include/uapi/linux/fcntl.h`.
const AT_FDCWD: i32 = -100;
/// `EBADF`
const BAD_DESCRIPTOR: u16 = 9;
/// `S_IFMT` and `S_IFSOCK`, `include/uapi/linux/stat.h`.
const FILE_TYPE: u32 = 0o170_000;
const SOCKET_TYPE: u32 = 0o140_000;
/// `include/uapi/linux/magic.h`
const SOCKFS_MAGIC: u32 = 0x534F_434B;
const PIDFS_MAGIC: u32 = 0x5049_4446;
const NSFS_MAGIC: u32 = 0x6e73_6673;
const ANON_INODE_MAGIC: u32 = 0x0904_1934;
/// `AF_*`, `include/linux/socket.h`.
const AF_UNIX: u16 = 1;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const AF_NETLINK: u16 = 16;
/// Bytes of the family in front of a `sun_path`.
const FAMILY_BYTES: u32 = 2;

/// Most bytes of a capture before its names.
const FIXED_BYTES: u64 = (CAPTURE_BYTES + DESCRIPTOR_BYTES + SOCKET_BYTES + BOUND_MAX + 4) as u64;

/// Where to go from a descriptor.
struct Opened {
    /// 0 for the current directory.
    file: u64,
    mount: u64,
    dentry: u64,
}

/// Starts the capture of descriptor `fd`. True if there are names to be walked.
#[inline(always)]
pub unsafe fn start(s: *mut Scratch, op: *const Op, fd: i32, phase: u8) -> bool {
    // SAFETY: as everywhere in the interpreter: masked offsets into scratch memory.
    unsafe {
        if fd < 0 && fd != AT_FDCWD {
            return false;
        }
        if (*s).off + FIXED_BYTES > u64::from(RECORD_MAX) || (*s).captures >= 255 {
            return false;
        }
        let at = (*s).off;
        let capture = begin(s, op, u64::from(fd as u32), phase);
        (*s).captures += 1;
        (*s).off = at + u64::from(CAPTURE_BYTES);
        let Some(opened) = open(fd) else {
            (*capture).errno = BAD_DESCRIPTOR;
            return false;
        };
        (*s).walk = at;
        let descriptor = data(s, (*s).off).cast::<Descriptor>();
        (*s).off += u64::from(DESCRIPTOR_BYTES);
        describe(descriptor, &opened);
        if setting!(descriptors) >= DESCRIPTORS_DETAILS {
            details(s, descriptor, &opened);
        }
        (*s).name = 0;
        if (*descriptor).magic == NSFS_MAGIC {
            // A namespace has no name but that of its kind.
            let inode: u64 = read(opened.file, setting!(files.file_inode));
            let namespace: u64 = read(inode, setting!(files.inode_private));
            let ops: u64 = read(namespace, setting!(files.ns_ops));
            (*s).name = read(ops, setting!(files.ns_name));
        }
        (*s).dentry = opened.dentry;
        (*s).mount = opened.mount - u64::from(setting!(files.mount_vfs));
        (*s).root = read(opened.mount, setting!(files.vfs_root));
        true
    }
}

/// The open file of the current process, or its current directory.
#[inline(always)]
fn open(fd: i32) -> Option<Opened> {
    let task = kernel::current();
    if fd == AT_FDCWD {
        let fs: u64 = read(task, setting!(files.task_fs));
        return Some(at_path(0, fs + u64::from(setting!(files.fs_pwd))));
    }
    let file = kernel::file(fd);
    if file == 0 {
        return None;
    }
    Some(at_path(file, file + u64::from(setting!(files.file_path))))
}

/// What a `struct path` leads to.
#[inline(always)]
fn at_path(file: u64, path: u64) -> Opened {
    Opened {
        file,
        mount: read(path, setting!(files.path_mount)),
        dentry: read(path, setting!(files.path_dentry)),
    }
}

/// The fields that every file has.
#[inline(always)]
unsafe fn describe(descriptor: *mut Descriptor, opened: &Opened) {
    let inode = if opened.file == 0 {
        0
    } else {
        read(opened.file, setting!(files.file_inode))
    };
    let superblock: u64 = read(inode, setting!(files.inode_super));
    let pprev: u64 = read(
        opened.dentry,
        setting!(files.dentry_hash) + setting!(files.hash_pprev),
    );
    let parent: u64 = read(opened.dentry, setting!(files.dentry_parent));
    let mut flags = 0;
    if pprev == 0 && parent != opened.dentry {
        flags |= DESCRIPTOR_DELETED;
    }
    if setting!(descriptors) >= DESCRIPTORS_DETAILS {
        flags |= DESCRIPTOR_DETAILS;
    }
    // SAFETY: the caller has room for it.
    unsafe {
        *descriptor = Descriptor {
            inode: read(inode, setting!(files.inode_number)),
            mode: u32::from(read::<u16>(inode, setting!(files.inode_mode))),
            rdev: read(inode, setting!(files.inode_rdev)),
            magic: read(superblock, setting!(files.super_magic)),
            flags,
            pid: 0,
            bound_len: 0,
        };
    }
}

/// What `-yy` adds: the process of a pidfd, the ends of a socket.
#[inline(always)]
unsafe fn details(s: *mut Scratch, descriptor: *mut Descriptor, opened: &Opened) {
    // SAFETY: as in `start`.
    unsafe {
        if opened.file == 0 {
            return;
        }
        let private: u64 = read(opened.file, setting!(sockets.file_private));
        if (*descriptor).magic == SOCKFS_MAGIC && (*descriptor).mode & FILE_TYPE == SOCKET_TYPE {
            socket(s, descriptor, private);
        } else if (*descriptor).magic == PIDFS_MAGIC {
            let inode: u64 = read(opened.file, setting!(files.file_inode));
            let pid = read(inode, setting!(files.inode_private));
            (*descriptor).pid = kernel::pid_in_our_namespace(pid);
        } else if (*descriptor).magic == ANON_INODE_MAGIC {
            // Before Linux 6.9; its name tells user space whether this is a pidfd at all.
            (*descriptor).pid = kernel::pid_in_our_namespace(private);
        }
    }
}

/// Adds a [`Socket`] and the name that it is bound to.
#[inline(always)]
unsafe fn socket(s: *mut Scratch, descriptor: *mut Descriptor, socket: u64) {
    // SAFETY: as in `start`.
    unsafe {
        let sock: u64 = read(socket, setting!(sockets.socket_sk));
        let out = data(s, (*s).off).cast::<Socket>();
        (*s).off += u64::from(SOCKET_BYTES);
        (*descriptor).flags |= DESCRIPTOR_SOCKET;
        let family: u16 = read(sock, setting!(sockets.sock_family));
        clear(out);
        (*out).family = family;
        (*out).protocol = read(sock, setting!(sockets.sock_protocol));
        if family == AF_INET || family == AF_INET6 {
            let port: u16 = read(sock, setting!(files.sock_port));
            (*out).port_be = port.to_be();
            (*out).peer_port_be = read(sock, setting!(files.sock_peer_port));
        }
        if family == AF_INET {
            let own: u32 = read(sock, setting!(files.sock_address));
            let peer: u32 = read(sock, setting!(files.sock_peer));
            (&raw mut (*out).address).cast::<u32>().write(own);
            (&raw mut (*out).peer).cast::<u32>().write(peer);
        } else if family == AF_INET6 {
            read_address(
                (&raw mut (*out).address).cast(),
                sock,
                setting!(files.sock_address6),
            );
            read_address(
                (&raw mut (*out).peer).cast(),
                sock,
                setting!(files.sock_peer6),
            );
        } else if family == AF_NETLINK {
            (*out).netlink_port = read(sock, setting!(files.netlink_port));
        } else if family == AF_UNIX {
            (*out).peer_inode = peer_inode(sock);
            bound(s, descriptor, sock);
        }
    }
}

/// Reads an IPv6 address to where it belongs: by way of the stack it would be cleared there first, by a call.
#[inline(always)]
unsafe fn read_address(to: *mut c_void, sock: u64, offset: u32) {
    // SAFETY: room for the address, by contract; the helper checks the source.
    unsafe { bpf_probe_read_kernel(to, 16, (sock + u64::from(offset)) as *const c_void) };
}

/// Clears it where it is, word by word: on the stack, or by a call, it would need more of that than old kernels have left.
#[inline(always)]
unsafe fn clear(socket: *mut Socket) {
    let mut word = 0;
    while word < SOCKET_BYTES as usize / 8 {
        // SAFETY: within the socket, by contract.
        unsafe { socket.cast::<u64>().add(word).write_volatile(0) };
        word += 1;
    }
}

/// The inode of the socket that a Unix socket is connected to; 0 when it is not yet accepted, and
/// before Linux 6.17 also when it is closed.
#[inline(always)]
fn peer_inode(sock: u64) -> u64 {
    let peer: u64 = read(sock, setting!(files.unix_peer));
    if setting!(files.sock_inode) != 0 {
        return read(peer, setting!(files.sock_inode));
    }
    let socket: u64 = read(peer, setting!(files.sock_socket));
    if peer == 0 || socket == 0 {
        return 0;
    }
    let inode = socket + u64::from(setting!(files.socket_inode));
    read(inode, setting!(files.inode_number))
}

/// Copies the name that a Unix socket is bound to.
#[inline(always)]
unsafe fn bound(s: *mut Scratch, descriptor: *mut Descriptor, sock: u64) {
    let address: u64 = read(sock, setting!(files.unix_address));
    let len: u32 = read(address, setting!(files.bound_len));
    if address == 0 || len <= FAMILY_BYTES {
        return;
    }
    let mut len = len - FAMILY_BYTES;
    if len > BOUND_MAX {
        len = BOUND_MAX;
    }
    // SAFETY: as in `start`; 108 bytes fit behind any masked offset.
    unsafe {
        let name = address + u64::from(setting!(files.bound_name) + FAMILY_BYTES);
        let dst = data(s, (*s).off).cast::<c_void>();
        let n = mask16(u64::from(len));
        if bpf_probe_read_kernel(dst, n as u32, name as *const c_void) == 0 {
            (*descriptor).bound_len = len;
            (*s).off += padded(u64::from(len));
        }
    }
}

/// One step on the way up: the next name, or out of a mount. False at the end, when the capture is
/// complete.
#[inline(always)]
pub unsafe fn walk(s: *mut Scratch) -> bool {
    // SAFETY: as in `start`.
    unsafe {
        let (dentry, mount) = ((*s).dentry, (*s).mount);
        if dentry == (*s).root {
            let above: u64 = read(mount, setting!(files.mount_parent));
            if above == mount || above == 0 {
                return finish(s, 0);
            }
            (*s).dentry = read(mount, setting!(files.mount_point));
            (*s).mount = above;
            (*s).root = read(above, setting!(files.mount_vfs) + setting!(files.vfs_root));
            return true;
        }
        let off = (*s).off;
        if off + u64::from(NAME_MAX) > u64::from(RECORD_MAX) {
            return finish(s, DESCRIPTOR_CUT);
        }
        let parent: u64 = read(dentry, setting!(files.dentry_parent));
        let mut name: u64 = read(
            dentry,
            setting!(files.dentry_name) + setting!(files.qstr_name),
        );
        if (*s).name != 0 {
            name = (*s).name;
        }
        let dst = data(s, off).cast::<c_void>();
        let got = bpf_probe_read_kernel_str(dst, NAME_MAX, name as *const c_void);
        if got <= 0 {
            return finish(s, DESCRIPTOR_CUT);
        }
        (*s).off = off + mask16(got as u64);
        if parent == dentry || parent == 0 {
            return finish(s, DESCRIPTOR_NAMELESS);
        }
        (*s).dentry = parent;
        true
    }
}

/// Completes the capture; what its flags are to say besides.
#[inline(always)]
unsafe fn finish(s: *mut Scratch, flags: u32) -> bool {
    // SAFETY: as in `start`.
    unsafe {
        let at = (*s).walk;
        let capture = data(s, at).cast::<Capture>();
        let descriptor = capture.add(1).cast::<Descriptor>();
        (*descriptor).flags |= flags;
        let len = (*s).off - at - u64::from(CAPTURE_BYTES);
        (*capture).len = len as u32;
        (*capture).full = len as u32;
        (*s).off = padded((*s).off);
        (*s).walk = 0;
        false
    }
}

/// The number of the lowest bit that is set.
#[inline(always)]
pub fn lowest_bit(word: u64) -> u64 {
    // As many as there are bits below it.
    ones((word & word.wrapping_neg()).wrapping_sub(1))
}

/// How many bits are set; there is no instruction for it.
#[inline(always)]
fn ones(x: u64) -> u64 {
    let x = x - ((x >> 1) & 0x5555_5555_5555_5555);
    let x = (x & 0x3333_3333_3333_3333) + ((x >> 2) & 0x3333_3333_3333_3333);
    let x = (x + (x >> 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    x.wrapping_mul(0x0101_0101_0101_0101) >> 56
}
