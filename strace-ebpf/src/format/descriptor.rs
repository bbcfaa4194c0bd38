//! What a descriptor leads to, in angle brackets behind its number, as strace(1) writes it with `-y` and `-yy`.

use std::{
    io::Write as _,
    net::{Ipv4Addr, Ipv6Addr},
};

use smallvec::SmallVec;
use strace_ebpf_common::descriptor::{DESCRIPTOR_CUT, Socket};

use super::{
    escape::{self, Hex},
    number,
};
use crate::{
    decode::descriptor::{
        ANON_INODES, Opened, PIDFS, Parts, SHOW_DEVICES, SHOW_PATHS, SHOW_PIDFDS, SHOW_SOCKETS,
    },
    tables::{self, Part, SetId},
};

/// `S_IFMT` and its values, `include/uapi/linux/stat.h`.
const FILE_TYPE: u32 = 0o170_000;
const CHARACTER: u32 = 0o020_000;
const BLOCK: u32 = 0o060_000;

/// `AF_*`, `include/linux/socket.h`.
const AF_UNIX: u16 = 1;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const AF_NETLINK: u16 = 16;

/// Writes it; nothing where nothing is known.
pub fn opened(out: &mut Vec<u8>, opened: &Opened<'_>, hex: Hex) {
    let Some(parts) = opened.parts() else {
        return;
    };
    let shows = |bit| opened.show & bit != 0;
    if shows(SHOW_SOCKETS) && socket(out, &parts, hex) || shows(SHOW_PIDFDS) && pidfd(out, &parts) {
        return;
    }
    let kind = parts.descriptor.mode & FILE_TYPE;
    let device = (kind == CHARACTER || kind == BLOCK) && shows(SHOW_DEVICES);
    let flags = parts.descriptor.flags;
    if !(shows(SHOW_PATHS) || device) || flags & DESCRIPTOR_CUT != 0 {
        return;
    }
    out.push(b'<');
    let deleted = path(out, &parts, hex);
    if opened.is_cwd && deleted {
        // The one name that the kernel itself marks.
        out.extend_from_slice(b" (deleted)");
    }
    if device {
        let what = if kind == BLOCK { "block" } else { "char" };
        let (major, minor) = (
            parts.descriptor.rdev >> 20,
            parts.descriptor.rdev & 0xf_ffff,
        );
        write(out, format_args!("<{what} {major}:{minor}>"));
    }
    out.push(b'>');
    if deleted && !opened.is_cwd {
        out.extend_from_slice(b"(deleted)");
    }
}

/// The path, as `/proc/PID/fd` shows it. True if the file has no name any more.
fn path(out: &mut Vec<u8>, parts: &Parts<'_>, hex: Hex) -> bool {
    let mut plain = SmallVec::<[u8; 256]>::new();
    let deleted = parts.path(&mut plain);
    escape::bare(out, &plain, hex);
    deleted
}

fn pidfd(out: &mut Vec<u8>, parts: &Parts<'_>) -> bool {
    let magic = parts.descriptor.magic;
    let is_pidfd = magic == PIDFS || magic == ANON_INODES && parts.name() == b"[pidfd]";
    if is_pidfd && parts.descriptor.pid != 0 {
        write(out, format_args!("<pid:{}>", parts.descriptor.pid));
        return true;
    }
    false
}

/// A socket by its protocol; false if it is none, or one whose protocol has no ends that are known.
fn socket(out: &mut Vec<u8>, parts: &Parts<'_>, hex: Hex) -> bool {
    let Some((ends, bound)) = &parts.socket else {
        return false;
    };
    let known = [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK].contains(&ends.family);
    if !known {
        return false;
    }
    // The kernel names a socket's file by its protocol.
    out.push(b'<');
    out.extend(parts.name().iter().filter(|byte| byte.is_ascii_graphic()));
    out.extend_from_slice(b":[");
    let inode = parts.descriptor.inode;
    match ends.family {
        AF_UNIX => unix(out, inode, ends, bound, hex),
        AF_NETLINK => netlink(out, inode, ends),
        _ => internet(out, inode, ends, parts.name()),
    }
    out.extend_from_slice(b"]>");
    true
}

fn unix(out: &mut Vec<u8>, inode: u64, ends: &Socket, bound: &[u8], hex: Hex) {
    number::decimal(out, inode);
    if ends.peer_inode != 0 {
        out.extend_from_slice(b"->");
        number::decimal(out, ends.peer_inode);
    }
    match bound {
        [] => {}
        [0, name @ ..] => {
            out.extend_from_slice(b",@");
            escape::quoted(out, name, hex);
        }
        path => {
            out.push(b',');
            let path = path.split(|&byte| byte == 0).next().unwrap_or_default();
            escape::quoted(out, path, hex);
        }
    }
}

fn netlink(out: &mut Vec<u8>, inode: u64, ends: &Socket) {
    if ends.netlink_port == 0 {
        number::decimal(out, inode);
        return;
    }
    let set = tables::set(SetId::NetlinkProtocol);
    match set.split(ends.protocol.into()).next() {
        Some(Part::Name(name)) => {
            let name = name.strip_prefix("NETLINK_").unwrap_or(name);
            out.extend_from_slice(name.as_bytes());
        }
        _ => number::decimal(out, ends.protocol),
    }
    out.push(b':');
    number::decimal(out, ends.netlink_port);
}

/// Both ends, or the inode while there are none.
fn internet(out: &mut Vec<u8>, inode: u64, ends: &Socket, protocol: &[u8]) {
    // What raw sockets have in place of a port is their protocol.
    let raw = protocol.starts_with(b"RAW") || protocol.starts_with(b"PING");
    if ends.port_be == 0 || raw {
        number::decimal(out, inode);
        return;
    }
    let port = u16::from_be(ends.port_be);
    end(out, ends.family, &ends.address, port);
    if ends.peer_port_be != 0 {
        out.extend_from_slice(b"->");
        end(
            out,
            ends.family,
            &ends.peer,
            u16::from_be(ends.peer_port_be),
        );
    }
}

fn end(out: &mut Vec<u8>, family: u16, address: &[u8; 16], port: u16) {
    if family == AF_INET6 {
        write(out, format_args!("[{}]:{port}", Ipv6Addr::from(*address)));
    } else {
        let [a, b, c, d, ..] = *address;
        write(out, format_args!("{}:{port}", Ipv4Addr::new(a, b, c, d)));
    }
}

fn write(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // A vector takes everything.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use strace_ebpf_common::{
        capture::padded,
        descriptor::{DESCRIPTOR_DELETED, DESCRIPTOR_NAMELESS, DESCRIPTOR_SOCKET, Descriptor},
    };

    use super::*;
    use crate::decode::descriptor::{NSFS, PIPEFS, SHOW_ALL, SOCKFS};

    fn raw<T>(fixed: &T) -> Vec<u8> {
        // SAFETY: repr(C), integers only, without padding.
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(fixed).cast(), size_of::<T>()) }
            .to_vec()
    }

    fn captured(descriptor: &Descriptor, names: &[u8]) -> Vec<u8> {
        [raw(descriptor), names.to_vec()].concat()
    }

    fn connected(magic_name: &[u8], socket: &Socket, bound: &[u8]) -> Vec<u8> {
        let descriptor = Descriptor {
            inode: 7,
            magic: SOCKFS,
            flags: DESCRIPTOR_NAMELESS | DESCRIPTOR_SOCKET,
            bound_len: bound.len() as u32,
            ..Descriptor::default()
        };
        let mut room = bound.to_vec();
        room.resize(padded(bound.len() as u64) as usize, 0xee);
        [raw(&descriptor), raw(socket), room, magic_name.to_vec()].concat()
    }

    fn text(bytes: &[u8], is_cwd: bool, show: u8, hex: Hex) -> String {
        let mut out = Vec::new();
        opened(&mut out, &Opened::new(bytes, is_cwd, show), hex);
        // Whatever is missing, nothing panics.
        for len in 0..bytes.len() {
            opened(
                &mut Vec::new(),
                &Opened::new(&bytes[..len], is_cwd, SHOW_ALL),
                hex,
            );
        }
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn paths() {
        let file = Descriptor::default();
        let gone = Descriptor {
            flags: DESCRIPTOR_DELETED,
            ..file
        };
        let shown =
            |d: &Descriptor, names: &[u8]| text(&captured(d, names), false, SHOW_PATHS, Hex::Never);
        assert_eq!(shown(&file, b"passwd\0etc\0"), "</etc/passwd>");
        assert_eq!(shown(&file, b""), "</>");
        assert_eq!(shown(&gone, b"x\0tmp\0"), "</tmp/x>(deleted)");
        let cwd = text(&captured(&gone, b"x\0"), true, SHOW_PATHS, Hex::Never);
        assert_eq!(cwd, "</x (deleted)>");
        assert_eq!(shown(&file, b"a<b>\x1b1\n\0"), "</a\\74b\\76\\0331\\n>");
        assert_eq!(shown(&file, b"<1\0"), "</\\0741>");
        let hex = text(
            &captured(&file, b"\xff\0"),
            false,
            SHOW_PATHS,
            Hex::NonAscii,
        );
        assert_eq!(hex, "<\\x2f\\xff>");
        assert_eq!(text(b"short", false, SHOW_ALL, Hex::Never), "");
    }

    #[test]
    fn files_without_a_directory() {
        let shown = |magic, inode, name: &[u8]| {
            let descriptor = Descriptor {
                magic,
                inode,
                flags: DESCRIPTOR_NAMELESS,
                ..Descriptor::default()
            };
            text(&captured(&descriptor, name), false, SHOW_PATHS, Hex::Never)
        };
        assert_eq!(shown(PIPEFS, 5, b"\0"), "<pipe:[5]>");
        assert_eq!(shown(SOCKFS, 6, b"TCP\0"), "<socket:[6]>");
        assert_eq!(
            shown(ANON_INODES, 1, b"[eventfd]\0"),
            "<anon_inode:[eventfd]>"
        );
        assert_eq!(shown(NSFS, 8, b"mnt\0"), "<mnt:[8]>");
        assert_eq!(
            shown(0x0102_1994, 1, b"memfd:a/b\0"),
            "</memfd:a/b>(deleted)"
        );
    }

    #[test]
    fn devices_and_pidfds() {
        let null = Descriptor {
            mode: CHARACTER | 0o666,
            rdev: 1 << 20 | 3,
            ..Descriptor::default()
        };
        let bytes = captured(&null, b"null\0dev\0");
        let shown = |show| text(&bytes, false, show, Hex::Never);
        assert_eq!(shown(SHOW_ALL), "</dev/null<char 1:3>>");
        assert_eq!(shown(SHOW_PATHS), "</dev/null>");
        assert_eq!(shown(SHOW_SOCKETS), "");
        let process = Descriptor {
            magic: PIDFS,
            pid: 42,
            flags: DESCRIPTOR_NAMELESS,
            ..Descriptor::default()
        };
        let bytes = captured(&process, b"\0");
        assert_eq!(text(&bytes, false, SHOW_ALL, Hex::Never), "<pid:42>");
        let shown = text(&bytes, false, SHOW_PATHS, Hex::Never);
        assert_eq!(shown, "<anon_inode:[pidfd]>");
    }

    #[test]
    fn ends_of_sockets() {
        let shown = |name: &[u8], socket: &Socket, bound: &[u8]| {
            text(&connected(name, socket, bound), false, SHOW_ALL, Hex::Never)
        };
        let mut tcp = Socket {
            family: AF_INET,
            port_be: 80u16.to_be(),
            ..Socket::default()
        };
        tcp.address[..4].copy_from_slice(&[127, 0, 0, 1]);
        assert_eq!(shown(b"TCP\0", &tcp, b""), "<TCP:[127.0.0.1:80]>");
        tcp.peer[..4].copy_from_slice(&[10, 0, 0, 2]);
        tcp.peer_port_be = 9u16.to_be();
        assert_eq!(
            shown(b"TCP\0", &tcp, b""),
            "<TCP:[127.0.0.1:80->10.0.0.2:9]>"
        );
        assert_eq!(shown(b"RAW\0", &tcp, b""), "<RAW:[7]>");
        let mut six = Socket {
            family: AF_INET6,
            ..tcp
        };
        six.address = std::net::Ipv6Addr::LOCALHOST.octets();
        six.peer_port_be = 0;
        assert_eq!(shown(b"UDPv6\0", &six, b""), "<UDPv6:[[::1]:80]>");
        let unix = Socket {
            family: AF_UNIX,
            peer_inode: 8,
            ..Socket::default()
        };
        let path = shown(b"UNIX-STREAM\0", &unix, b"/a\"b\0junk");
        assert_eq!(path, r#"<UNIX-STREAM:[7->8,"/a\"b"]>"#);
        let alone = Socket {
            peer_inode: 0,
            ..unix
        };
        assert_eq!(shown(b"UNIX\0", &alone, b"\0n\0"), r#"<UNIX:[7,@"n\0"]>"#);
        let route = Socket {
            family: AF_NETLINK,
            netlink_port: 123,
            ..Socket::default()
        };
        assert_eq!(shown(b"NETLINK\0", &route, b""), "<NETLINK:[ROUTE:123]>");
        let packet = Socket {
            family: 17,
            ..Socket::default()
        };
        assert_eq!(shown(b"PACKET\0", &packet, b""), "<socket:[7]>");
    }
}
