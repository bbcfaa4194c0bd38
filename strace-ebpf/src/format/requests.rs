//! Requests of ioctl(2), and values that only they lead to: characters, keys of consoles, pixel formats.
//!
//! In: numbers and the names that they may have. Out: text.

use super::{
    constants::{Constants, both, set},
    number,
};
use crate::tables::{self, IoctlPart, IoctlPattern, SetId};

/// A request by name; without one as what its number is made of, `include/uapi/asm-generic/ioctl.h`.
pub fn ioctl(out: &mut Vec<u8>, style: Constants, names: &[&str], request: u32) {
    let number = |out: &mut Vec<u8>| number::hex(out, u64::from(request));
    both(out, style, number, |out| {
        if names.is_empty() {
            ioctl_parts(out, request);
        }
        for (i, name) in names.iter().enumerate() {
            if i > 0 {
                out.extend_from_slice(b" or ");
            }
            out.extend_from_slice(name.as_bytes());
        }
    });
}

/// A request by the macro that makes it, with its parameters, and the names that its number has besides.
pub fn ioctl_of(
    out: &mut Vec<u8>,
    style: Constants,
    pattern: &IoctlPattern,
    names: &[&str],
    request: u32,
) {
    let number = |out: &mut Vec<u8>| number::hex(out, u64::from(request));
    both(out, style, number, |out| {
        out.extend_from_slice(pattern.name.as_bytes());
        out.push(b'(');
        for (i, part) in pattern.parts.iter().enumerate() {
            if i > 0 {
                out.extend_from_slice(b", ");
            }
            let place = u64::from((request & 0xff) - pattern.first);
            match *part {
                IoctlPart::Size => number::decimal(out, request >> 16 & 0x3fff),
                IoctlPart::Number => number::decimal(out, place),
                IoctlPart::Named(id) => set(out, Constants::Abbrev, tables::set(id), place),
            }
        }
        out.push(b')');
        for name in names {
            out.extend_from_slice(b" or ");
            out.extend_from_slice(name.as_bytes());
        }
    });
}

fn ioctl_parts(out: &mut Vec<u8>, request: u32) {
    let (dir, size) = (request >> 30, request >> 16 & 0x3fff);
    let dir = match dir {
        0 => "_IOC_NONE",
        1 => "_IOC_WRITE",
        2 => "_IOC_READ",
        _ => "_IOC_READ|_IOC_WRITE",
    };
    out.extend_from_slice(b"_IOC(");
    out.extend_from_slice(dir.as_bytes());
    for part in [request >> 8 & 0xff, request & 0xff, size] {
        out.extend_from_slice(b", ");
        number::hex(out, u64::from(part));
    }
    out.push(b')');
}

/// A pixel format of `include/uapi/linux/videodev2.h`.
pub fn fourcc(out: &mut Vec<u8>, style: Constants, code: u32) {
    let number = |out: &mut Vec<u8>| number::hex(out, u64::from(code));
    both(out, style, number, |out| {
        out.extend_from_slice(b"v4l2_fourcc(");
        for (i, byte) in code.to_le_bytes().into_iter().enumerate() {
            if i > 0 {
                out.extend_from_slice(b", ");
            }
            printable(out, byte);
        }
        out.push(b')');
    });
}

/// A character in single quotes, with the escapes of C.
pub fn character(out: &mut Vec<u8>, byte: u8) {
    let escape = match byte {
        b'\t' => b't',
        b'\n' => b'n',
        0x0b => b'v',
        0x0c => b'f',
        b'\r' => b'r',
        _ => return printable(out, byte),
    };
    out.extend_from_slice(&[b'\'', b'\\', escape, b'\'']);
}

/// The same without those escapes: what is not printable in hexadecimal.
fn printable(out: &mut Vec<u8>, byte: u8) {
    out.push(b'\'');
    match byte {
        b'\'' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b' '..=b'~' => out.push(byte),
        _ => {
            out.extend_from_slice(b"\\x");
            number::hex_padded(out, byte.into(), 2);
        }
    }
    out.push(b'\'');
}

/// A key's meaning as a remark: by its name, or its type and the character or number that it is for that.
pub fn key(out: &mut Vec<u8>, value: u16) {
    let [low, high] = value.to_le_bytes();
    let types = tables::set(SetId::KdKeyType);
    out.extend_from_slice(b" /* ");
    if let Some(name) = tables::set(SetId::KdKeyValue).name_of(value.into()) {
        out.extend_from_slice(name.as_bytes());
    } else {
        out.extend_from_slice(b"K(");
        match types.name_of(high.into()) {
            Some(name) => out.extend_from_slice(name.as_bytes()),
            None => number::hex(out, u64::from(high)),
        }
        out.extend_from_slice(b", ");
        let characters = tables::set(SetId::KdCharacterType);
        if characters.name_of(high.into()).is_some() {
            character(out, low);
        } else {
            number::hex(out, u64::from(low));
        }
        out.push(b')');
    }
    out.extend_from_slice(b" */");
}
