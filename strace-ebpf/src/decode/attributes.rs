//! Attributes of netlink messages: lists of records that begin with their lengths, and what is in them by the tables.

use super::{
    cx::{Cx, number_at, signed},
    members::{member, seconds},
    sockaddr,
    structs::structure,
    value::{Args, Value},
    vectors::binary_of,
};
use crate::tables::{self, AttributeTy, Attributes, MemberTy, Protocol, SetId, StructId};

/// Bytes of `struct nlmsghdr`.
pub(super) const MESSAGE: usize = 16;
/// Bytes of `struct nlattr`.
const ATTRIBUTE: usize = 4;
const NLA_F_NESTED: u64 = 0x8000;
const NLA_F_NET_BYTEORDER: u64 = 0x4000;
/// Attributes within attributes that are followed; the deepest that the tables have are half as deep.
const DEEPEST: u8 = 12;

/// What a message's parts must know of it.
#[derive(Clone, Copy)]
pub(super) struct Scope {
    pub(super) protocol: Option<&'static Protocol>,
    /// `AF_*` of the message.
    pub(super) family: u8,
    /// Attributes within attributes.
    pub(super) depth: u8,
    /// What is missing at the end was there, but was not copied.
    pub(super) cut: bool,
}

/// The first record of a list, padded as it is, and what follows; nothing where its length makes no sense. Lengths are
/// the first 4 bytes of a message, 2 of an attribute.
pub(super) fn split(bytes: &[u8], least: usize) -> (&[u8], Option<&[u8]>) {
    let width = if least == MESSAGE { 4 } else { 2 };
    let len = number_at(bytes, 0, width).unwrap_or(0) as usize;
    if len < least {
        return (bytes, None);
    }
    let padded = len.checked_next_multiple_of(4).unwrap_or(usize::MAX);
    match bytes.split_at_checked(padded) {
        Some((own, rest)) => (own, Some(rest)),
        None => (bytes, Some(&[])),
    }
}

/// Records in a row, of `least` bytes each: one stands alone, `several` are a list. Bytes at its end may be none.
pub(super) fn records<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    bytes: &'a [u8],
    scope: Scope,
    least: usize,
    several: impl Fn(&[u8]) -> bool,
    mut each: impl FnMut(&mut Args<'a>, &'a [u8]),
) {
    let (first, rest) = split(bytes, least);
    let Some(rest) = rest.filter(|_| several(first)) else {
        return each(out, first);
    };
    out.push(Value::ListOpen);
    each(out, first);
    others(out, cx, rest, scope, least, each);
    out.push(Value::ListClose);
}

/// The records after the first one.
fn others<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    mut rest: &'a [u8],
    scope: Scope,
    least: usize,
    mut each: impl FnMut(&mut Args<'a>, &'a [u8]),
) {
    let mut shown = 1;
    while !rest.is_empty() {
        if shown >= cx.options.most() {
            return out.push(Value::More);
        }
        if rest.len() < least {
            if scope.cut {
                break;
            }
            return binary(out, cx, rest);
        }
        let (own, next) = split(rest, least);
        each(out, own);
        shown += 1;
        let Some(next) = next else {
            return;
        };
        rest = next;
    }
    if scope.cut && scope.depth == 0 {
        out.push(Value::More);
    }
}

/// Bytes of which nothing is known.
pub(super) fn binary<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    out.push(binary_of(bytes, bytes.len() as u64, cx.options.string));
}

/// Attributes in a row: one stands alone.
pub(super) fn attributes<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    bytes: &'a [u8],
    known: Option<&'static Attributes>,
    scope: Scope,
) {
    if bytes.len() < ATTRIBUTE || scope.depth > DEEPEST {
        return binary(out, cx, bytes);
    }
    let scope = Scope {
        depth: scope.depth + 1,
        ..scope
    };
    let mut kind: &[u8] = &[];
    let several = |first: &[u8]| first.len() < bytes.len();
    records(out, cx, bytes, scope, ATTRIBUTE, several, |out, own| {
        attribute(out, cx, own, known, scope, &mut kind);
    });
}

/// What is behind the head of a record that begins with its length.
fn payload(own: &[u8], head: usize) -> &[u8] {
    let len = number_at(own, 0, 2).unwrap_or(0) as usize;
    own.get(head..len.min(own.len())).unwrap_or_default()
}

/// `struct nlattr`.
fn attribute_head(out: &mut Args<'_>, own: &[u8], known: Option<&'static Attributes>) {
    out.push(Value::StructOpen);
    out.push(Value::Field("nla_len"));
    out.push(Value::Uint(number_at(own, 0, 2).unwrap_or(0)));
    out.push(Value::Field("nla_type"));
    attribute_type(out, number_at(own, 2, 2).unwrap_or(0), known);
    out.push(Value::StructClose);
}

/// One attribute with its padding.
fn attribute<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    own: &'a [u8],
    known: Option<&'static Attributes>,
    scope: Scope,
    kind: &mut &'a [u8],
) {
    let len = number_at(own, 0, 2).unwrap_or(0) as usize;
    let number = number_at(own, 2, 2).unwrap_or(0);
    let payload = payload(own, ATTRIBUTE);
    let is_cut = scope.cut && len > own.len();
    let has_more = !payload.is_empty() || is_cut;
    if has_more {
        out.push(Value::ListOpen);
    }
    attribute_head(out, own, known);
    let ty = known.and_then(|known| known.ty(number as u16 & 0x3fff));
    match ty {
        _ if payload.is_empty() => {}
        Some(ty) => value(out, cx, payload, ty, scope, kind),
        None => binary(out, cx, payload),
    }
    if is_cut {
        out.push(Value::More);
    }
    if has_more {
        out.push(Value::ListClose);
    }
}

fn attribute_type(out: &mut Args<'_>, number: u64, known: Option<&'static Attributes>) {
    for (flag, name) in [
        (NLA_F_NESTED, "NLA_F_NESTED"),
        (NLA_F_NET_BYTEORDER, "NLA_F_NET_BYTEORDER"),
    ] {
        if number & flag != 0 {
            out.push(Value::Const(name, flag));
            out.push(Value::Or);
        }
    }
    let number = number & 0x3fff;
    out.push(match known {
        Some(known) => Value::Set(tables::set(known.names), number),
        None => Value::Hex(number),
    });
}

/// The value of an attribute, which has some bytes; as bytes where they are not what its type says.
fn value<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    bytes: &'a [u8],
    ty: &'static AttributeTy,
    scope: Scope,
    kind: &mut &'a [u8],
) {
    let before = out.len();
    match ty {
        AttributeTy::One { ty, least, most }
            if (usize::from(*least)..=usize::from(*most)).contains(&bytes.len()) =>
        {
            member(out, cx, ty, bytes);
        }
        AttributeTy::Text => text(out, cx, bytes),
        AttributeTy::Kind => {
            *kind = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
            // What is behind its NUL is not shown here.
            text(out, cx, bytes.get(..=kind.len()).unwrap_or(bytes));
        }
        AttributeTy::Mac if bytes.len() <= MOST_MAC => out.push(Value::Mac(bytes)),
        AttributeTy::Address => address(out, cx, bytes, scope.family.into()),
        AttributeTy::Address6 => address(out, cx, bytes, sockaddr::AF_INET6),
        AttributeTy::Via => via(out, cx, bytes),
        AttributeTy::Fraction(digits) if bytes.len() <= 8 => {
            seconds(out, super::cx::number(bytes), *digits);
        }
        AttributeTy::Nest(known) => attributes(out, cx, bytes, Some(known), scope),
        AttributeTy::Numbered(known) => numbered(out, cx, bytes, known, scope),
        AttributeTy::OfKind(kinds) => {
            let found = kinds.iter().find(|(name, _)| name.as_bytes() == *kind);
            if let Some((_, known)) = found {
                attributes(out, cx, bytes, Some(known), scope);
            }
        }
        AttributeTy::Nexthops(known) => nexthops(out, cx, bytes, known, scope),
        AttributeTy::Each(ty, width) => row(out, cx, bytes, *width, |out, own, _| {
            member(out, cx, ty, own);
        }),
        AttributeTy::Places(set, width) => row(out, cx, bytes, *width, |out, own, place| {
            out.push(Value::Place(tables::set(*set), place));
            let number = super::cx::number(own);
            out.push(match own.len() {
                4 => Value::Int(signed(number, 4)),
                _ => Value::Uint(number),
            });
        }),
        _ => {}
    }
    if out.len() == before {
        binary(out, cx, bytes);
    }
}

/// `MAX_ADDR_LEN` of `include/linux/netdevice.h`.
const MOST_MAC: usize = 32;

/// Text that should end with a NUL.
fn text<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    // Its NUL counts as well.
    let shown = bytes.get(..cx.options.string).unwrap_or(bytes);
    let own = match bytes.strip_suffix(b"\0") {
        Some(own) if shown.len() == bytes.len() => own,
        _ => shown,
    };
    out.push(Value::Bytes {
        bytes: own,
        cut: own.len() == shown.len(),
    });
}

/// Nothing where it is none of the family.
fn address<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8], family: u64) {
    match family {
        sockaddr::AF_INET if bytes.len() >= 4 => member(out, cx, &MemberTy::Inet, bytes),
        sockaddr::AF_INET6 => {
            if let Some(own) = bytes.first_chunk::<16>() {
                out.push(Value::Inet6(*own));
            }
        }
        _ => {}
    }
}

/// `struct rtvia`: two bytes of family, and an address.
fn via<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let (Some(family), Some(rest)) = (number_at(bytes, 0, 2), bytes.get(2..)) else {
        return;
    };
    out.push(Value::StructOpen);
    out.push(Value::Field("rtvia_family"));
    out.push(Value::Set(tables::set(SetId::SockDomain), family));
    match (family, rest.first_chunk::<16>()) {
        _ if rest.is_empty() => {}
        (sockaddr::AF_INET6, Some(own)) => out.push(Value::InetPton6("rtvia_addr", *own)),
        _ => {
            out.push(Value::Field("rtvia_addr"));
            match family {
                sockaddr::AF_INET if rest.len() >= 4 => member(out, cx, &MemberTy::Inet, rest),
                _ => binary(out, cx, rest),
            }
        }
    }
    out.push(Value::StructClose);
}

/// Values of `width` bytes each, those that are whole.
fn row<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    bytes: &'a [u8],
    width: u16,
    mut each: impl FnMut(&mut Args<'a>, &'a [u8], u16),
) {
    if bytes.len() < usize::from(width) {
        return;
    }
    out.push(Value::ListOpen);
    for (place, own) in (0u16..).zip(bytes.chunks_exact(usize::from(width).max(1))) {
        if usize::from(place) >= cx.options.most() {
            out.push(Value::More);
            break;
        }
        each(out, own, place);
    }
    out.push(Value::ListClose);
}

/// Attributes whose types are their places, each of which holds attributes.
fn numbered<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    bytes: &'a [u8],
    known: &'static Attributes,
    scope: Scope,
) {
    if bytes.len() < ATTRIBUTE || scope.depth > DEEPEST {
        return;
    }
    let several = |first: &[u8]| first.len() < bytes.len();
    records(out, cx, bytes, scope, ATTRIBUTE, several, |out, own| {
        let payload = payload(own, ATTRIBUTE);
        if payload.is_empty() {
            return attribute_head(out, own, None);
        }
        out.push(Value::ListOpen);
        attribute_head(out, own, None);
        attributes(out, cx, payload, Some(known), scope);
        out.push(Value::ListClose);
    });
}

/// `struct rtnexthop` in a row, each with attributes up to its own length.
fn nexthops<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    bytes: &'a [u8],
    known: &'static Attributes,
    scope: Scope,
) {
    let size = tables::struct_size(StructId::Rtnexthop, cx.abi) as usize;
    if bytes.len() < size || scope.depth > DEEPEST {
        return;
    }
    let several = |first: &[u8]| first.len() < bytes.len();
    records(out, cx, bytes, scope, size, several, |out, own| {
        let Some((head, _)) = own.split_at_checked(size) else {
            return binary(out, cx, own);
        };
        let rest = payload(own, size);
        if rest.is_empty() {
            return structure(out, cx, StructId::Rtnexthop, 0, head);
        }
        out.push(Value::ListOpen);
        structure(out, cx, StructId::Rtnexthop, 0, head);
        attributes(out, cx, rest, Some(known), scope);
        out.push(Value::ListClose);
    });
}
