//! Sockets: addresses, messages and their control data. unix(7), ip(7), ipv6(7), netlink(7), packet(7), cmsg(3).

use strace_ebpf_common::capture::{CAPTURE_PARTIAL, CAPTURE_TRUNCATED};

use super::{
    cx::{Cx, number_at, signed},
    value::{Args, Value},
    vectors,
};
use crate::tables::{self, Dir, SetId, Ty};

const AF_UNIX: u64 = 1;
const AF_INET: u64 = 2;
const AF_INET6: u64 = 10;
const AF_NETLINK: u64 = 16;
const AF_PACKET: u64 = 17;

/// An address that an argument points to. Of what the kernel writes no more counts than the caller had room for.
pub fn sockaddr<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let mut bytes = bytes;
    if let Some(Ty::Struct {
        len: Some(tables::Len::ArgPtr32(n)),
        ..
    }) = cx.args.get(usize::from(cx.index)).map(|arg| arg.ty)
    {
        let room = super::cx::before(cx.call, n);
        let room = room.first().and_then(|c| number_at(c.bytes, 0, 4));
        let room = room.map_or(usize::MAX, |room| room as usize);
        bytes = bytes.get(..bytes.len().min(room)).unwrap_or_default();
    }
    address(out, bytes);
}

/// An address by its family; nothing when it is too short to have one.
fn address<'a>(out: &mut Args<'a>, bytes: &'a [u8]) {
    let (Some(family), true) = (number_at(bytes, 0, 2), bytes.len() >= 2) else {
        return;
    };
    out.push(Value::StructOpen);
    out.push(Value::Field("sa_family"));
    out.push(Value::Set(tables::set(SetId::SockDomain), family));
    let rest = bytes.get(2..).unwrap_or_default();
    match family {
        AF_UNIX => unix(out, rest),
        AF_INET if bytes.len() >= 16 => inet(out, bytes),
        AF_INET6 if bytes.len() >= 24 => inet6(out, bytes),
        AF_NETLINK if bytes.len() >= 12 => netlink(out, bytes),
        AF_PACKET if bytes.len() >= 12 => packet(out, bytes),
        _ if !rest.is_empty() => {
            out.push(Value::Field("sa_data"));
            out.push(Value::Bytes {
                bytes: rest,
                cut: false,
            });
        }
        _ => {}
    }
    out.push(Value::StructClose);
}

/// A path up to its NUL, or a name that begins with one and is as long as it is.
fn unix<'a>(out: &mut Args<'a>, path: &'a [u8]) {
    if path.is_empty() {
        return;
    }
    out.push(Value::Field("sun_path"));
    if let [0, name @ ..] = path {
        out.push(Value::At);
        out.push(Value::Bytes {
            bytes: name.get(..name.len().min(107)).unwrap_or_default(),
            cut: false,
        });
        return;
    }
    out.push(Value::Bytes {
        bytes: path.split(|&b| b == 0).next().unwrap_or_default(),
        cut: false,
    });
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let own = bytes.get(at..at + N).and_then(|own| own.try_into().ok());
    own.unwrap_or([0; N])
}

/// A member in network byte order, by the call that makes it.
fn call<'a, const N: usize>(
    out: &mut Args<'a>,
    field: &'static str,
    name: &'static str,
    own: [u8; N],
    value: Value<'a>,
) {
    out.push(Value::Field(field));
    let mut wire = [0; 4];
    for (to, from) in wire.iter_mut().zip(own) {
        *to = from;
    }
    // Two or four.
    out.push(Value::Wire(wire, N as u8));
    out.push(Value::CallOpen(name));
    out.push(value);
    out.push(Value::CallClose);
}

fn port(out: &mut Args<'_>, name: &'static str, bytes: &[u8]) {
    let own: [u8; 2] = array(bytes, 2);
    let port = u16::from_be_bytes(own);
    call(out, name, "htons", own, Value::Uint(port.into()));
}

fn inet<'a>(out: &mut Args<'a>, bytes: &'a [u8]) {
    port(out, "sin_port", bytes);
    let address = array(bytes, 4);
    call(out, "sin_addr", "inet_addr", address, Value::Inet(address));
}

fn inet6<'a>(out: &mut Args<'a>, bytes: &'a [u8]) {
    port(out, "sin6_port", bytes);
    let flow: [u8; 4] = array(bytes, 4);
    let number = u32::from_be_bytes(flow);
    call(
        out,
        "sin6_flowinfo",
        "htonl",
        flow,
        Value::Uint(number.into()),
    );
    out.push(Value::InetPton6("sin6_addr", array(bytes, 8)));
    if let Some(scope) = number_at(bytes, 24, 4) {
        out.push(Value::Field("sin6_scope_id"));
        // The names of link-local scopes would have to be asked for in the tracee's network namespace.
        out.push(Value::Uint(scope));
    }
}

fn netlink<'a>(out: &mut Args<'a>, bytes: &'a [u8]) {
    let get = |at| number_at(bytes, at, 4).unwrap_or(0);
    out.push(Value::Field("nl_pid"));
    out.push(Value::Int(signed(get(4), 4)));
    out.push(Value::Field("nl_groups"));
    out.push(Value::Hex6(get(8)));
}

fn packet<'a>(out: &mut Args<'a>, bytes: &'a [u8]) {
    let get = |at, width| number_at(bytes, at, width).unwrap_or(0);
    let protocol = tables::set(SetId::EthernetProtocol);
    let own: [u8; 2] = array(bytes, 2);
    let number = u16::from_be_bytes(own);
    call(
        out,
        "sll_protocol",
        "htons",
        own,
        Value::Set(protocol, number.into()),
    );
    out.push(Value::Field("sll_ifindex"));
    out.push(Value::Int(signed(get(4, 4), 4)));
    out.push(Value::Field("sll_hatype"));
    out.push(Value::Set(tables::set(SetId::ArpHardware), get(8, 2)));
    out.push(Value::Field("sll_pkttype"));
    out.push(Value::Set(tables::set(SetId::PacketType), get(10, 1)));
    out.push(Value::Field("sll_halen"));
    out.push(Value::Uint(get(11, 1)));
    let length = (get(11, 1) as usize).min(8);
    if length > 0 && bytes.len() > 12 {
        out.push(Value::Field("sll_addr"));
        out.push(Value::ListOpen);
        for byte in bytes.iter().skip(12).take(length) {
            out.push(Value::Hex(u64::from(*byte)));
        }
        out.push(Value::ListClose);
    }
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
        address(
            out,
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
    match cx.at(iov).filter(|_| iov != 0) {
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
        match cx.at(control).filter(|_| control != 0) {
            Some(captured) => controls(out, captured.bytes, controllen, word),
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
    out.push(Value::ListOpen);
    for (i, one) in vector.chunks_exact(stride).enumerate() {
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

/// Control messages: { length, level, type }, the data, padding to a word.
fn controls<'a>(out: &mut Args<'a>, bytes: &'a [u8], full: u64, word: usize) {
    let head = word + 8;
    let mut rest = bytes;
    out.push(Value::ListOpen);
    while rest.len() >= head {
        let len = number_at(rest, 0, word).unwrap_or(0);
        let level = number_at(rest, word, 4).unwrap_or(0);
        let kind = number_at(rest, word + 4, 4).unwrap_or(0);
        let here = (len.min(rest.len() as u64) as usize).max(head);
        out.push(Value::StructOpen);
        out.push(Value::Field("cmsg_len"));
        out.push(Value::Uint(len));
        out.push(Value::Field("cmsg_level"));
        out.push(Value::Set(tables::set(SetId::SockLevel), level));
        out.push(Value::Field("cmsg_type"));
        control(out, level, kind, rest.get(head..here).unwrap_or_default());
        out.push(Value::StructClose);
        if len < head as u64 {
            break;
        }
        let next = here.next_multiple_of(word);
        rest = rest.get(next..).unwrap_or_default();
    }
    if full > bytes.len() as u64 {
        out.push(Value::More);
    }
    out.push(Value::ListClose);
}

fn control<'a>(out: &mut Args<'a>, level: u64, kind: u64, data: &'a [u8]) {
    const SOL_SOCKET: u64 = 1;
    const SCM_RIGHTS: u64 = 1;
    const SCM_CREDENTIALS: u64 = 2;
    let set = match level {
        0 => SetId::IpOption,
        41 => SetId::Ipv6Option,
        SOL_SOCKET => SetId::ScmType,
        _ => {
            out.push(Value::Hex(kind));
            return bytes(out, data);
        }
    };
    out.push(Value::Set(tables::set(set), kind));
    match (level, kind) {
        (SOL_SOCKET, SCM_RIGHTS) => {
            out.push(Value::Field("cmsg_data"));
            out.push(Value::ListOpen);
            for fd in data.chunks_exact(4) {
                out.push(Value::Fd(super::cx::number(fd) as i32));
            }
            out.push(Value::ListClose);
        }
        (SOL_SOCKET, SCM_CREDENTIALS) if data.len() >= 12 => {
            let get = |at| number_at(data, at, 4).unwrap_or(0);
            out.push(Value::Field("cmsg_data"));
            out.push(Value::StructOpen);
            out.push(Value::Field("pid"));
            out.push(Value::Pid(get(0) as i32));
            out.push(Value::Field("uid"));
            out.push(Value::Uint(get(4)));
            out.push(Value::Field("gid"));
            out.push(Value::Uint(get(8)));
            out.push(Value::StructClose);
        }
        _ => bytes(out, data),
    }
}

fn bytes<'a>(out: &mut Args<'a>, data: &'a [u8]) {
    if !data.is_empty() {
        out.push(Value::Field("cmsg_data"));
        out.push(Value::Binary {
            bytes: data,
            cut: false,
        });
    }
}
