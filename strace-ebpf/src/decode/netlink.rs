//! Messages of netlink sockets: netlink(7), rtnetlink(7). A message is its header and what its type has, which the tables
//! know: a struct, attributes, attributes within attributes.
//!
//! In: bytes that may end anywhere and lie about every length, and the protocol. Out: tokens.

use super::{
    attributes::{MESSAGE, Scope, attributes, binary, records, split},
    cx::{Cx, number_at, signed},
    members::member,
    structs::structure,
    value::{Args, Value},
};
use crate::session::parse::Captured;
use crate::tables::{self, Member, Message, Protocol, Rest, SetId, StructId, Verb};

/// Types below are those of every protocol.
const NLMSG_MIN_TYPE: u16 = 0x10;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// Its messages are text.
const NETLINK_KOBJECT_UEVENT: u8 = 15;
const NLM_F_REQUEST: u64 = 1;
const NLM_F_CAPPED: u64 = 0x100;
const NLM_F_ACK_TLVS: u64 = 0x200;

/// Are these messages, if there are any bytes?
pub fn is_message(captured: &Captured<'_>, there: u64) -> bool {
    ![0, NETLINK_KOBJECT_UEVENT + 1].contains(&captured.header.netlink)
        && there > 0
        && !captured.bytes.is_empty()
}

/// The messages that were captured, of `full` bytes that were there.
pub fn messages<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, captured: &Captured<'a>, full: u64) {
    let most = usize::try_from(full).unwrap_or(usize::MAX);
    let bytes = captured.bytes.get(..most).unwrap_or(captured.bytes);
    let scope = Scope {
        protocol: tables::netlink_protocol(captured.header.netlink.wrapping_sub(1)),
        family: 0,
        depth: 0,
        cut: (bytes.len() as u64) < full,
    };
    if bytes.len() < MESSAGE {
        return binary(out, cx, bytes);
    }
    let several =
        |first: &[u8]| first.len() < bytes.len() || scope.cut && first.len() as u64 == full;
    records(out, cx, bytes, scope, MESSAGE, several, |out, own| {
        message(out, cx, own, scope);
    });
}

/// One message with its padding.
fn message<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, own: &'a [u8], scope: Scope) {
    let (Some(len), Some(number)) = (number_at(own, 0, 4), number_at(own, 4, 2)) else {
        return binary(out, cx, own);
    };
    let number = number as u16;
    let is_cut = scope.cut && len > own.len() as u64;
    let len = (len as usize).min(own.len());
    let payload = own.get(MESSAGE..len).unwrap_or_default();
    if payload.is_empty() && !is_cut {
        return header(out, own, number, scope);
    }
    out.push(Value::ListOpen);
    header(out, own, number, scope);
    let flags = number_at(own, 6, 2).unwrap_or(0);
    match (number, scope.protocol) {
        _ if payload.is_empty() => {}
        (NLMSG_ERROR, _) => error(out, cx, payload, flags, scope),
        (NLMSG_DONE, _) if payload.len() == 4 => {
            let result = number_at(payload, 0, 4).unwrap_or(0);
            out.push(Value::Int(signed(result, 4)));
        }
        (NLMSG_MIN_TYPE.., Some(protocol)) => {
            contents(out, cx, payload, find(protocol, own), protocol, scope);
        }
        _ => binary(out, cx, payload),
    }
    if is_cut {
        out.push(Value::More);
    }
    out.push(Value::ListClose);
}

/// What is known of a message.
fn find(protocol: &'static Protocol, own: &[u8]) -> Option<&'static Message> {
    let number = number_at(own, 4, 2).filter(|number| *number >= NLMSG_MIN_TYPE.into())?;
    let asks = number_at(own, 6, 2).unwrap_or(0) & NLM_F_REQUEST != 0;
    let family = own.get(MESSAGE).copied().unwrap_or(0);
    protocol.message(number as u16, family, asks)
}

/// Types of protocols that begin with a family come in fours.
const VERBS: [Verb; 4] = [Verb::New, Verb::Del, Verb::Get, Verb::Other];

fn header<'a>(out: &mut Args<'a>, own: &'a [u8], number: u16, scope: Scope) {
    let get = |at, width| number_at(own, at, width).unwrap_or(0);
    let types = match scope.protocol {
        Some(protocol) if number >= NLMSG_MIN_TYPE => protocol.types,
        _ => SetId::NetlinkType,
    };
    let known = scope.protocol.and_then(|protocol| find(protocol, own));
    let verb = match (known, scope.protocol) {
        (Some(known), _) => Some(known.verb),
        (None, Some(protocol)) if protocol.get && number >= NLMSG_MIN_TYPE => Some(Verb::Get),
        (None, Some(protocol)) if protocol.family && number >= NLMSG_MIN_TYPE => {
            VERBS.get(usize::from(number & 3)).copied()
        }
        _ => None,
    };
    let flags = match verb {
        _ if number == NLMSG_ERROR => SetId::NetlinkErrorFlags,
        Some(Verb::New) => SetId::NetlinkNewFlags,
        Some(Verb::Del) => SetId::NetlinkDelFlags,
        Some(Verb::Get) => SetId::NetlinkFlags,
        _ => SetId::NetlinkBaseFlags,
    };
    out.push(Value::StructOpen);
    out.push(Value::Field("nlmsg_len"));
    out.push(Value::Uint(get(0, 4)));
    out.push(Value::Field("nlmsg_type"));
    out.push(Value::Set(tables::set(types), number.into()));
    out.push(Value::Field("nlmsg_flags"));
    out.push(Value::Set(tables::set(flags), get(6, 2)));
    out.push(Value::Field("nlmsg_seq"));
    out.push(Value::Uint(get(8, 4)));
    out.push(Value::Field("nlmsg_pid"));
    out.push(Value::Int(signed(get(12, 4), 4)));
    out.push(Value::StructClose);
}

/// `struct nlmsgerr`: an error number, the message that it is about or just that one's header, and attributes.
fn error<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, payload: &'a [u8], flags: u64, scope: Scope) {
    let (Some(error), Some(inner)) = (number_at(payload, 0, 4), payload.get(4..)) else {
        return binary(out, cx, payload);
    };
    if inner.len() < MESSAGE || scope.depth > 0 {
        return binary(out, cx, payload);
    }
    let own = match flags & NLM_F_CAPPED {
        0 => split(inner, MESSAGE).0,
        _ => inner.get(..MESSAGE).unwrap_or_default(),
    };
    let behind = inner.get(own.len()..).unwrap_or_default();
    let has_more = flags & NLM_F_ACK_TLVS != 0 && !behind.is_empty();
    if has_more {
        out.push(Value::ListOpen);
    }
    out.push(Value::StructOpen);
    out.push(Value::Field("error"));
    let error = error as i32;
    out.push(match u32::try_from(error.wrapping_neg()) {
        Ok(errno @ 1..) => Value::Errno(errno),
        _ => Value::Int(error.into()),
    });
    out.push(Value::Field("msg"));
    let within = Scope { depth: 1, ..scope };
    message(out, cx, own, within);
    out.push(Value::StructClose);
    if has_more {
        let known = tables::netlink_error();
        attributes(out, cx, behind, Some(known), within);
        out.push(Value::ListClose);
    }
}

/// What a message of a protocol holds.
fn contents<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    payload: &'a [u8],
    known: Option<&'static Message>,
    protocol: &'static Protocol,
    scope: Scope,
) {
    let family = payload.first().copied().unwrap_or(0);
    let scope = Scope { family, ..scope };
    let Some(known) = known else {
        return match protocol.family {
            true => of_family(out, cx, payload),
            false => binary(out, cx, payload),
        };
    };
    let size = known
        .header
        .map_or(0, |id| tables::struct_size(id, cx.abi) as usize);
    if let Some(id) = known.header
        && !begin(out, cx, payload, (id, size), protocol)
    {
        return;
    }
    let rest = payload.get(size.next_multiple_of(4)..).unwrap_or_default();
    rest_of(out, cx, rest, known, scope);
}

fn rest_of<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    rest: &'a [u8],
    known: &'static Message,
    scope: Scope,
) {
    if rest.is_empty() {
        return;
    }
    match known.rest {
        Rest::Attributes(known) => attributes(out, cx, rest, known, scope),
        Rest::Bytes => binary(out, cx, rest),
        Rest::Nothing => {}
    }
}

/// The struct that a message begins with: true if it is all there.
fn begin<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    payload: &'a [u8],
    (id, size): (StructId, usize),
    protocol: &Protocol,
) -> bool {
    if let Some(own) = payload.get(..size) {
        structure(out, cx, id, 0, own);
        return true;
    }
    match tables::layout(id, cx.abi).and_then(|layout| layout.members.first()) {
        Some(Member { name, ty, .. }) if protocol.family => {
            out.push(Value::StructOpen);
            out.push(Value::Field(name));
            member(out, cx, ty, payload);
            out.push(Value::More);
            out.push(Value::StructClose);
        }
        _ => binary(out, cx, payload),
    }
    false
}

/// A message of which only the family is known.
fn of_family<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, payload: &'a [u8]) {
    let Some((family, data)) = payload.split_first() else {
        return;
    };
    out.push(Value::StructOpen);
    out.push(Value::Field("family"));
    out.push(Value::Set(tables::set(SetId::SockDomain), (*family).into()));
    if !data.is_empty() {
        out.push(Value::Field("data"));
        binary(out, cx, data);
    }
    out.push(Value::StructClose);
}
