//! Sockets: addresses, messages and their control data. unix(7), ip(7), ipv6(7), netlink(7), packet(7), cmsg(3).

use strace_ebpf_common::capture::{CAPTURE_PARTIAL, CAPTURE_TRUNCATED};

use super::{
    control,
    cx::{Cx, number_at, signed},
    options, sockaddr,
    structs::Fields,
    value::{Args, Value},
    vectors,
};
use crate::{
    session::parse::Captured,
    tables::{self, Dir, SetId, StructId},
};

/// ICMP_FILTER: messages that are not wanted.
pub fn icmp_filter<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    if let Some(bits) = number_at(bytes, 0, 4) {
        out.push(Value::Chosen(tables::set(SetId::IcmpTypes), bits as u32));
    }
}

/// TCP_AO_ADD_KEY: `struct tcp_ao_add`; of the key as many bytes as it says, and as were given.
pub fn tcp_ao_key<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const ADDRESS: usize = 128;
    const KEY_AT: usize = 208;
    let Some((address, rest)) = bytes.split_at_checked(ADDRESS) else {
        return;
    };
    let (Some(fields), Some(key)) = (
        Fields::new(StructId::TcpAoAdd, cx.abi, bytes),
        rest.get(KEY_AT - ADDRESS..),
    ) else {
        return;
    };
    out.push(Value::StructOpen);
    out.push(Value::Field("addr"));
    sockaddr::address(out, cx, address);
    fields.show_all(out, cx, &["prefix", "alg_name", "ifindex"]);
    for (name, bit) in [("set_current", 1), ("set_rnext", 2)] {
        out.push(Value::Field(name));
        out.push(Value::Uint(u64::from(fields.get("bits") & bit != 0)));
    }
    fields.show_all(out, cx, &["sndid", "rcvid", "maclen", "keyflags"]);
    let shown = key.len().min(fields.get("keylen") as usize);
    out.push(Value::Field("key"));
    out.push(Value::Binary {
        bytes: key.get(..shown).unwrap_or_default(),
        cut: false,
    });
    fields.show(out, cx, "keylen");
    out.push(Value::StructClose);
}

/// `struct ipv6_mreq`.
pub fn ipv6_membership<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::Ipv6Mreq, cx.abi, bytes) else {
        return;
    };
    let address = bytes.get(..16).and_then(|own| own.try_into().ok());
    out.push(Value::StructOpen);
    out.push(Value::InetPton6(
        "ipv6mr_multiaddr",
        address.unwrap_or([0; 16]),
    ));
    fields.show(out, cx, "ipv6mr_interface");
    out.push(Value::StructClose);
}

/// `struct packet_mreq`: of the address as much as counts.
pub fn packet_membership<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    if !options::is_exactly(cx, StructId::PacketMreq) {
        return;
    }
    let Some(fields) = Fields::new(StructId::PacketMreq, cx.abi, bytes) else {
        return;
    };
    let length = (fields.get("mr_alen") as usize).min(8);
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["mr_ifindex", "mr_type", "mr_alen"]);
    out.push(Value::Field("mr_address"));
    out.push(Value::Mac(bytes.get(8..8 + length).unwrap_or_default()));
    out.push(Value::StructClose);
}

/// socketcall(2): the arguments of the call within, as words.
pub fn socketcall<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    /// Arguments of SYS_SOCKET (1) and those after it.
    const COUNTS: [usize; 20] = [3, 3, 3, 2, 3, 3, 3, 4, 4, 4, 6, 6, 2, 5, 5, 3, 3, 4, 5, 4];
    let which = (cx.register(0) as usize).wrapping_sub(1);
    let Some(count) = COUNTS.get(which) else {
        return;
    };
    out.push(Value::ListOpen);
    for word in bytes.chunks_exact(4).take(*count) {
        out.push(Value::Hex(super::cx::number(word)));
    }
    out.push(Value::ListClose);
}

/// `struct msghdr`: { name, namelen, iov, iovlen, control, controllen, flags }, each a word. `bytes` are those before a
/// call that only reads it, else those after; `room` is the length of the name that was asked for. Bytes in all buffers
/// come off `left`.
fn header<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    bytes: &'a [u8],
    room: Option<u64>,
    dir: Dir,
    left: u64,
) {
    let word = cx.abi.word_bytes() as usize;
    let get = |i: usize, width| number_at(bytes, i * word, width).unwrap_or(0);
    let (name, namelen) = (get(0, word), get(1, 4));
    out.push(Value::StructOpen);
    out.push(Value::Field("msg_name"));
    let before = out.len();
    let most = room.unwrap_or(namelen).min(namelen) as usize;
    if let Some(captured) = cx.at(name).filter(|_| name != 0) {
        sockaddr::address(
            out,
            cx,
            captured
                .bytes
                .get(..captured.bytes.len().min(most))
                .unwrap_or_default(),
        );
    }
    if out.len() == before {
        out.push(Value::Addr(name));
    }
    out.push(Value::Field("msg_namelen"));
    length(out, room, namelen);
    out.push(Value::Field("msg_iov"));
    let (iov, count) = (get(2, word), get(3, word));
    let is_vector = |vector: &&Captured<'_>| iov != 0 && (count == 0 || !vector.bytes.is_empty());
    match cx.at(iov).filter(is_vector) {
        Some(vector) => {
            // Other messages may share its first elements.
            let most = usize::try_from(count)
                .unwrap_or(usize::MAX)
                .saturating_mul(2 * word);
            let mut vector = *vector;
            if let Some(own) = vector.bytes.get(..most) {
                vector.bytes = own;
                vector.header.flags &= !(CAPTURE_TRUNCATED | CAPTURE_PARTIAL);
            }
            vectors::iovec_array(out, cx, &vector, dir, left);
        }
        None if count == 0 && iov != 0 => {
            out.push(Value::ListOpen);
            out.push(Value::ListClose);
        }
        None => out.push(Value::Addr(iov)),
    }
    out.push(Value::Field("msg_iovlen"));
    out.push(Value::Uint(count));
    let (control, controllen) = (get(4, word), get(5, word));
    if controllen != 0 {
        out.push(Value::Field("msg_control"));
        // One message at least, and no more than a socket may keep.
        let fits = (word as u64 + 8..=MOST_CONTROL).contains(&controllen);
        match cx.at(control).filter(|_| control != 0 && fits) {
            Some(captured) => control::messages(out, cx, captured.bytes, controllen),
            None => out.push(Value::Addr(control)),
        }
    }
    out.push(Value::Field("msg_controllen"));
    out.push(Value::Uint(controllen));
    out.push(Value::Field("msg_flags"));
    out.push(Value::Set(tables::set(SetId::MsgFlags), get(6, 4)));
    out.push(Value::StructClose);
}

fn length(out: &mut Args<'_>, room: Option<u64>, now: u64) {
    if let Some(room) = room
        && room != now
    {
        out.push(Value::Int(signed(room, 4)));
        out.push(Value::Becomes);
    }
    out.push(Value::Int(signed(now, 4)));
}

/// sendmsg(2), recvmsg(2).
pub fn msghdr<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, dir: Dir) {
    let word = cx.abi.word_bytes() as usize;
    let addr = cx.register(cx.index);
    let before = super::cx::before(cx.call, cx.index);
    let own = before
        .iter()
        .find(|c| c.header.addr == addr && c.header.errno == 0);
    let Some(own) = own else {
        return out.push(Value::Addr(addr));
    };
    let room = number_at(own.bytes, word, 4);
    if dir == Dir::In {
        return header(out, cx, own.bytes, None, dir, u64::MAX);
    }
    if cx.failed() {
        out.push(Value::StructOpen);
        out.push(Value::Field("msg_namelen"));
        out.push(Value::Int(signed(room.unwrap_or(0), 4)));
        out.push(Value::StructClose);
        return;
    }
    let left = cx.call.record.ret.max(0) as u64;
    match cx.bytes_after().filter(|_| cx.succeeded()) {
        Some(after) => header(out, cx, after, room, dir, left),
        None => out.push(Value::Addr(addr)),
    }
}

/// sendmmsg(2), recvmmsg(2).
pub fn mmsghdr<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, dir: Dir) {
    let word = cx.abi.word_bytes() as usize;
    let (addr, stride) = (cx.register(cx.index), 8 * word);
    let done = cx.call.record.ret.max(0) as usize;
    let vector = if dir == Dir::In {
        cx.bytes()
    } else {
        cx.bytes_after()
    };
    let is_there = |vector: &&[u8]| {
        (dir == Dir::In || cx.succeeded())
            && !(vector.len() < stride && cx.at(addr).is_some_and(super::cx::is_partial))
    };
    let Some(vector) = vector.filter(is_there) else {
        return out.push(Value::Addr(addr));
    };
    let after = cx.bytes_after().unwrap_or(vector);
    let most = cx.options.most();
    out.push(Value::ListOpen);
    for (i, one) in vector.chunks_exact(stride).enumerate() {
        if i >= most {
            out.push(Value::More);
            out.push(Value::ListClose);
            return;
        }
        let len = number_at(after, i * stride + 7 * word, 4).unwrap_or(0);
        out.push(Value::StructOpen);
        out.push(Value::Field("msg_hdr"));
        let left = if dir == Dir::In { u64::MAX } else { len };
        header(out, cx, one, None, dir, left);
        if cx.succeeded() && i < done {
            out.push(Value::Field("msg_len"));
            out.push(Value::Uint(len));
        }
        out.push(Value::StructClose);
    }
    if let Some(vector) = cx
        .at(addr)
        .filter(|c| super::cx::is_cut(c) || super::cx::is_partial(c))
    {
        out.push(super::arrays::more(
            vector,
            vector.bytes.len() / stride * stride,
            stride,
        ));
    }
    out.push(Value::ListClose);
}

/// Bytes of control data, `net.core.optmem_max` of Linux 6.18.
const MOST_CONTROL: u64 = 128 * 1024;
