//! What sockets are given, drawn: addresses of every family and length, options of every level, control messages, and
//! messages of netlink. The bytes end where memory does.

use crate::{
    calls,
    data::{Abi, Draw},
};

/// Calls of one subject, and how many were made.
pub type Subject = fn(&mut Draw, u32) -> Result<u64, std::io::Error>;

pub const SUBJECTS: &[(&str, Subject)] = &[
    ("addresses", addresses),
    ("options", options),
    ("control", control),
    ("netlink", netlink),
];

const PAGE: u64 = 4096;
/// Pages of bytes, one of lengths and headers, each with nothing behind it.
const BYTES: u64 = 0x3000_0000;
const BYTES_END: u64 = BYTES + 16 * PAGE;
const HEADERS: u64 = 0x3100_0000;
const HEADERS_END: u64 = HEADERS + PAGE;

fn map() -> Result<(), std::io::Error> {
    for (at, end) in [(BYTES, BYTES_END), (HEADERS, HEADERS_END)] {
        // SAFETY: fresh memory at an address that nothing else has.
        let got = unsafe {
            libc::mmap(
                at as *mut _,
                (end - at) as usize,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE
                    | libc::MAP_ANONYMOUS
                    | libc::MAP_FIXED_NOREPLACE
                    | libc::MAP_POPULATE,
                -1,
                0,
            )
        };
        if got as u64 != at {
            return Err(std::io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Puts the bytes in front of the end of the memory: where they are.
fn put(bytes: &[u8], end: u64) -> u64 {
    let at = end - bytes.len() as u64;
    // SAFETY: less than what is mapped in front of that end, and nobody has a reference.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), at as *mut u8, bytes.len()) };
    at
}

fn make(nr: libc::c_long, args: [u64; 6], good: bool) {
    let [a, b, c, d, e, f] = args;
    calls::make(Abi::X86_64, &[nr as u64, a, b, c, d, e, f], good);
}

/// Bytes of one of several kinds: none set, all set, small numbers, text, anything.
fn fill(draw: &mut Draw, len: usize) -> Vec<u8> {
    let kind = draw.below(6);
    (0..len)
        .map(|place| match kind {
            0 => 0,
            1 => 0xff,
            2 if place % 4 == 0 => draw.below(8) as u8,
            2 => 0,
            3 => draw.below(3) as u8,
            4 => b'a' + draw.below(26) as u8,
            _ => draw.below(256) as u8,
        })
        .collect()
}

/// bind(2) and getsockname(2) of every family.
fn addresses(draw: &mut Draw, rounds: u32) -> Result<u64, std::io::Error> {
    map()?;
    let mut made = 0;
    for family in (0..48u16).chain([255, 0xffff]) {
        for len in (0..=34).chain([
            56, 57, 58, 64, 72, 88, 89, 90, 108, 110, 111, 120, 128, 129, 140,
        ]) {
            for round in 0..rounds {
                let mut bytes = fill(draw, len);
                for (to, from) in bytes.iter_mut().zip(family.to_ne_bytes()) {
                    *to = from;
                }
                let good = round % 2 == 0;
                let at = put(&bytes, BYTES_END);
                make(libc::SYS_bind, [3, at, len as u64, 0, 0, 0], good);
                let room = put(&(len as u32).to_ne_bytes(), HEADERS_END);
                make(libc::SYS_getsockname, [3, at, room, 0, 0, 0], good);
                made += 2;
            }
        }
    }
    Ok(made)
}

/// getsockopt(2) and setsockopt(2) of every level that there is.
fn options(draw: &mut Draw, rounds: u32) -> Result<u64, std::io::Error> {
    const LEVELS: [u64; 14] = [0, 1, 2, 6, 17, 27, 33, 40, 41, 58, 132, 133, 136, 255];
    map()?;
    let mut made = 0;
    for level in LEVELS.into_iter().chain(256..290) {
        for option in (0..140).chain([200, 256, 257, 258, 259, 260, 0x7fff_ffff]) {
            for round in 0..rounds {
                let good = round % 2 == 0;
                let len = match draw.below(4) {
                    0 => 4,
                    1 => draw.below(9),
                    2 => 8 * draw.below(10),
                    _ => draw.below(300),
                };
                let bytes = fill(draw, len as usize);
                let at = if draw.below(16) == 0 {
                    0
                } else {
                    put(&bytes, BYTES_END)
                };
                let said = len;
                make(libc::SYS_setsockopt, [3, level, option, at, said, 0], good);
                let room = put(&(said as u32).to_ne_bytes(), HEADERS_END);
                make(libc::SYS_getsockopt, [3, level, option, at, room, 0], good);
                made += 2;
            }
        }
    }
    Ok(made)
}

/// sendmsg(2) and recvmsg(2) with control messages of every level and type.
fn control(draw: &mut Draw, rounds: u32) -> Result<u64, std::io::Error> {
    const LEVELS: [u64; 12] = [0, 1, 6, 17, 41, 58, 132, 263, 279, 282, 283, 287];
    map()?;
    let mut made = 0;
    for level in LEVELS {
        for kind in 0..80u64 {
            for round in 0..rounds {
                let mut bytes = Vec::new();
                for _ in 0..1 + draw.below(2) {
                    let len = match draw.below(3) {
                        0 => draw.below(9),
                        1 => 4 * draw.below(14),
                        _ => draw.below(50),
                    } as usize;
                    let said = if draw.below(16) == 0 {
                        draw.below(70)
                    } else {
                        16 + len as u64
                    };
                    bytes.extend(said.to_ne_bytes());
                    bytes.extend((level as u32).to_ne_bytes());
                    bytes.extend((kind as u32).to_ne_bytes());
                    bytes.extend(fill(draw, len));
                    bytes.resize(bytes.len().next_multiple_of(8), 0);
                }
                if draw.below(16) == 0 {
                    bytes.truncate(bytes.len() - draw.below(20) as usize);
                }
                let at = put(&bytes, BYTES_END);
                let words = [0, 0, 0, 0, at, bytes.len() as u64, 0];
                let header: Vec<u8> = words
                    .iter()
                    .flat_map(|word: &u64| word.to_ne_bytes())
                    .collect();
                let header = put(&header, HEADERS_END);
                let good = round % 2 == 0;
                make(libc::SYS_sendmsg, [3, header, 0, 0, 0, 0], good);
                make(libc::SYS_recvmsg, [3, header, 0, 0, 0, 0], good);
                made += 2;
            }
        }
    }
    Ok(made)
}

/// Attributes within attributes.
fn attributes(draw: &mut Draw, depth: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..1 + draw.below(3) {
        let data = match draw.below(8) {
            0..3 if depth > 0 => attributes(draw, depth - 1),
            3 => b"bridge\0"[..7].to_vec(),
            4 => b"tun\0".to_vec(),
            5 => fill(draw, 4),
            6 => {
                let len = 4 * draw.below(20) as usize;
                fill(draw, len)
            }
            _ => {
                let len = draw.below(40) as usize;
                fill(draw, len)
            }
        };
        let said = if draw.below(20) == 0 {
            draw.below(60) as u16
        } else {
            4 + data.len() as u16
        };
        let flags = if draw.below(4) == 0 { 0x8000 } else { 0 };
        let kind = if draw.below(2) == 0 {
            draw.below(12)
        } else {
            draw.below(70)
        } as u16;
        bytes.extend(said.to_ne_bytes());
        bytes.extend((kind | flags).to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

/// A message of a type that the protocol may have.
fn message(draw: &mut Draw, protocol: i32, kind: u16) -> Vec<u8> {
    const FAMILIES: [u8; 8] = [0, 1, 2, 7, 10, 16, 17, 28];
    let head = match (protocol, draw.below(8)) {
        (_, 0) => draw.below(40),
        (0, _) => [4, 8, 12, 16, 20][draw.below(5) as usize],
        (4, _) => [4, 8, 16, 24, 56, 72, 76][draw.below(7) as usize],
        (12 | 16, _) => 4,
        _ => 4 * draw.below(60),
    } as usize;
    let mut body = fill(draw, head);
    if let Some(family) = body.first_mut()
        && draw.below(4) != 0
    {
        *family = FAMILIES[draw.below(8) as usize];
    }
    if draw.below(4) != 0 {
        body.extend(attributes(draw, 3));
    }
    let said = if draw.below(20) == 0 {
        draw.below(80) as u32
    } else {
        16 + body.len() as u32
    };
    let flags = [0, 1, 5, 0x300, 0x301, 0x600, 0x100, 0xffff][draw.below(8) as usize] as u16;
    let mut bytes = said.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend((draw.below(3) as u32).to_ne_bytes());
    bytes.extend((draw.below(3) as u32).to_ne_bytes());
    bytes.extend(body);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// sendto(2) and recvfrom(2) of messages of the protocols that this kernel has.
fn netlink(draw: &mut Draw, rounds: u32) -> Result<u64, std::io::Error> {
    map()?;
    let mut made = 0;
    for protocol in 0..23 {
        // SAFETY: no pointers but to an address on the stack.
        let fd = unsafe {
            let fd = libc::socket(libc::AF_NETLINK, libc::SOCK_RAW, protocol);
            let mut own: libc::sockaddr_nl = std::mem::zeroed();
            own.nl_family = libc::AF_NETLINK as u16;
            libc::bind(
                fd,
                (&raw const own).cast(),
                size_of::<libc::sockaddr_nl>() as u32,
            );
            fd
        };
        if fd < 0 {
            continue;
        }
        let kinds: Vec<u16> = match protocol {
            0 => (0..130).collect(),
            4 => (0..24).collect(),
            9 => (1000..1030)
                .chain(1100..1140)
                .chain(1300..1340)
                .chain(1400..1420)
                .chain(1700..1720)
                .chain(1800..1810)
                .chain(0..20)
                .collect(),
            12 => (0..14)
                .flat_map(|system| (0..30).map(move |kind| system << 8 | kind))
                .collect(),
            _ => (0..48).collect(),
        };
        for kind in kinds {
            for round in 0..rounds {
                let mut bytes = message(draw, protocol, kind);
                if draw.below(6) == 0 {
                    bytes.extend(message(draw, protocol, kind));
                }
                if draw.below(12) == 0 {
                    bytes.truncate(bytes.len() - draw.below(8) as usize);
                }
                let at = put(&bytes, BYTES_END);
                let len = bytes.len() as u64;
                make(
                    libc::SYS_sendto,
                    [fd as u64, at, len, 0, 0, 0],
                    round % 2 == 0,
                );
                made += 1;
            }
        }
        // SAFETY: a descriptor of its own.
        unsafe { libc::close(fd) };
    }
    Ok(made)
}
