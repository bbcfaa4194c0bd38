//! Options of sockets whose value is more than its members: ip(7), netlink(7), `include/uapi/linux/in.h`.

use super::{
    cx::{Cx, number, number_at, signed},
    sockaddr,
    structs::Fields,
    value::{Args, Value},
};
use crate::tables::{self, Set, SetId, StructId};

/// IP_LOCAL_PORT_RANGE: the first port and the last one, each 16 bits.
pub fn ports<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let [a, b, c, d] = *bytes else {
        return binary(out, bytes);
    };
    let (first, last) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
    out.push(Value::ListOpen);
    out.push(Value::Hex(number(bytes)));
    out.push(Value::Range(first, last));
    out.push(Value::ListClose);
}

/// IP_PROTOCOL: what is no int is shown as it is.
pub fn protocol<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    match bytes.len() {
        4 => one_of(out, tables::set(SetId::IpProtocol), bytes),
        _ => binary(out, bytes),
    }
}

/// SO_TXREHASH as the kernel tells it: what is too short is shown as it is.
pub fn rehash<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    match bytes.get(..4) {
        Some(_) => new_rehash(out, cx, bytes),
        None => binary(out, bytes),
    }
}

/// SO_TXREHASH as it is set, in decimal.
pub fn new_rehash<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(value) = number_at(bytes, 0, 4) else {
        return;
    };
    let set = tables::set(SetId::SocketRehash);
    out.push(Value::ListOpen);
    out.push(match set.name_of(value) {
        Some(_) => Value::Set(set, value),
        None => Value::Unnamed("SOCK_TXREHASH_???", value as i32),
    });
    out.push(Value::ListClose);
}

/// An int, if it is all there.
pub fn int<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    if let Some(value) = number_at(bytes, 0, 4) {
        out.push(Value::ListOpen);
        out.push(Value::Int(signed(value, 4)));
        out.push(Value::ListClose);
    }
}

/// A struct, if it is all there; of what is behind it nothing is said.
fn whole<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, id: StructId, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(id, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_every(out, cx);
    out.push(Value::StructClose);
}

/// SO_LINGER as it is set.
pub fn linger<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    whole(out, cx, StructId::LingerIn, bytes);
}

/// IP_ADD_MEMBERSHIP and its opposite.
pub fn ip_membership<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    whole(out, cx, StructId::IpMreq, bytes);
}

/// TIPC_GROUP_JOIN.
pub fn tipc_group<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    whole(out, cx, StructId::TipcGroupReq, bytes);
}

/// PACKET_RX_RING and PACKET_TX_RING, which are told from longer ones by their length.
pub fn ring<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    if is_exactly(cx, StructId::TpacketReq) {
        whole(out, cx, StructId::TpacketReq, bytes);
    }
}

/// Is the option that is set as long as this struct, no longer and no shorter?
pub(super) fn is_exactly(cx: &Cx<'_, '_>, id: StructId) -> bool {
    const OPTLEN: u8 = 4;
    cx.register(OPTLEN) as u32 == tables::struct_size(id, cx.abi)
}

fn one_of<'a>(out: &mut Args<'a>, set: &'static Set, bytes: &'a [u8]) {
    out.push(Value::ListOpen);
    out.push(Value::Set(set, number(bytes)));
    out.push(Value::ListClose);
}

fn binary<'a>(out: &mut Args<'a>, bytes: &'a [u8]) {
    if !bytes.is_empty() {
        out.push(Value::Binary { bytes, cut: false });
    }
}

/// NETLINK_LIST_MEMBERSHIPS: words of bits, those that are whole.
pub fn groups<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    if bytes.is_empty() {
        return;
    }
    out.push(Value::ListOpen);
    for (i, word) in bytes.chunks_exact(4).enumerate() {
        if i >= cx.options.most() {
            out.push(Value::More);
            break;
        }
        out.push(Value::Uint(number(word)));
    }
    out.push(Value::ListClose);
}

/// `struct group_req`: an interface, and behind padding to a word the address of a group.
pub fn group<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let size = tables::struct_size(StructId::GroupReq, cx.abi) as usize;
    let at = cx.abi.word_bytes() as usize;
    let (Some(index), Some(address)) = (number_at(bytes, 0, 4), bytes.get(at..size)) else {
        return;
    };
    out.push(Value::StructOpen);
    out.push(Value::Field("gr_interface"));
    out.push(Value::Interface(index as u32, [0; 16]));
    out.push(Value::Field("gr_group"));
    sockaddr::address(out, cx, address);
    out.push(Value::StructClose);
}
