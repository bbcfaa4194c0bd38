//! Parts of netlink messages whose text is a call in C, or a name, and whose number is something else.

use std::net::Ipv6Addr;

use super::{
    constants::{Constants, both},
    escape::{self, Hex},
    number,
    text::Rendering,
};
use crate::tables::{self, Set};

/// An IPv6 address: the call that makes it, or the bytes that it makes.
pub fn inet6(out: &mut Vec<u8>, rendering: Rendering, address: [u8; 16]) {
    let number = |out: &mut Vec<u8>| escape::quoted(out, &address, Hex::Always);
    both(out, rendering.constants, number, |out| {
        let text = Ipv6Addr::from(address).to_string();
        out.extend_from_slice(b"inet_pton(AF_INET6, ");
        escape::quoted(out, text.as_bytes(), rendering.strings);
        out.push(b')');
    });
}

/// A negative error number.
pub fn errno(out: &mut Vec<u8>, style: Constants, errno: u32) {
    let number = |out: &mut Vec<u8>| number::decimal(out, -i64::from(errno));
    let Some(name) = tables::errno_name(errno) else {
        return number(out);
    };
    both(out, style, number, |out| {
        out.push(b'-');
        out.extend_from_slice(name.as_bytes());
    });
}

/// The place of what follows, by name.
pub fn place(out: &mut Vec<u8>, style: Constants, set: &Set, place: u16) {
    out.push(b'[');
    let number = |out: &mut Vec<u8>| number::decimal(out, place);
    match (set.name_of(place.into()), set.comment()) {
        (Some(name), _) => both(out, style, number, |out| {
            out.extend_from_slice(name.as_bytes());
        }),
        (None, Some(comment)) if style != Constants::Raw => {
            number(out);
            out.extend_from_slice(b" /* ");
            out.extend_from_slice(comment.as_bytes());
            out.extend_from_slice(b" */");
        }
        _ => number(out),
    }
    out.extend_from_slice(b"]=");
}
/// An address of AX.25: its bytes, and as a remark the call sign that they mean; that alone where they are just it.
pub fn callsign(out: &mut Vec<u8>, style: Constants, call: [u8; 7]) {
    let [name @ .., last] = call;
    let number = last >> 1 & 0xf;
    let len = 6 - name
        .iter()
        .rev()
        .take_while(|byte| **byte >> 1 == b' ')
        .count();
    let text = name.get(..len).unwrap_or_default();
    // `*` and `/` could end the remark.
    let is_shown =
        |byte: &u8| (b' '..=b'~').contains(&(byte >> 1)) && !b"*/".contains(&(byte >> 1));
    let is_printable = name.iter().all(is_shown);
    let sign = |out: &mut Vec<u8>| {
        out.extend(text.iter().map(|byte| byte >> 1));
        out.push(b'-');
        number::decimal(out, u32::from(number));
    };
    let is_plain = |byte: &u8| {
        let character = byte >> 1;
        byte & 1 == 0 && (character.is_ascii_uppercase() || character.is_ascii_digit())
    };
    let is_exact = last & !0x1e == 0 && !text.is_empty() && text.iter().all(is_plain);
    if is_exact && style == Constants::Abbrev {
        return sign(out);
    }
    out.extend_from_slice(b"{ax25_call=");
    escape::quoted(out, &call, Hex::Always);
    out.push(b'}');
    if is_printable && !(is_exact && style == Constants::Raw) {
        out.extend_from_slice(b" /* ");
        sign(out);
        out.extend_from_slice(b" */");
    }
}
