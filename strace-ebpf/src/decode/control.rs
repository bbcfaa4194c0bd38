//! Control messages of sockets: cmsg(3), unix(7), ip(7), `Documentation/networking/timestamping.rst`. Those of other levels have
//! no names, as in strace.

use super::{
    cx::{Cx, number_at},
    sockaddr, structs,
    value::{Args, Value},
};
use crate::tables::{self, SetId, StructId};

/// Levels of `include/linux/socket.h`.
const SOL_IP: u64 = 0;
const SOL_SOCKET: u64 = 1;

/// One message after the other: { length, level, type }, the data, padding to a word.
pub fn messages<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8], full: u64) {
    let word = cx.abi.word_bytes() as usize;
    let head = word + 8;
    let mut rest = bytes;
    out.push(Value::ListOpen);
    while rest.len() >= head {
        let len = number_at(rest, 0, word).unwrap_or(0);
        let level = number_at(rest, word, 4).unwrap_or(0);
        let kind = number_at(rest, word + 4, 4).unwrap_or(0);
        let here = (len.min(rest.len() as u64) as usize).max(head);
        let data = rest.get(head..here).unwrap_or_default();
        out.push(Value::StructOpen);
        out.push(Value::Field("cmsg_len"));
        out.push(Value::Uint(len));
        out.push(Value::Field("cmsg_level"));
        out.push(Value::Set(tables::set(SetId::CmsgLevel), level));
        out.push(Value::Field("cmsg_type"));
        match level {
            SOL_SOCKET => of_sockets(out, cx, kind, data),
            SOL_IP => of_ip(out, cx, kind, data),
            _ => out.push(Value::Hex(kind)),
        }
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

/// Types of `include/linux/socket.h` and `include/uapi/asm-generic/socket.h`.
fn of_sockets<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, kind: u64, data: &'a [u8]) {
    const SCM_RIGHTS: u64 = 1;
    const SCM_CREDENTIALS: u64 = 2;
    const SCM_SECURITY: u64 = 3;
    const TIMESTAMP: [u64; 2] = [29, 63];
    const TIMESTAMPNS: [u64; 2] = [35, 64];
    const TIMESTAMPING: [u64; 2] = [37, 65];
    out.push(Value::Set(tables::set(SetId::ScmType), kind));
    // The second of each has 64 bits on every ABI.
    let time = |[_, wide]: [u64; 2], narrow, of_64| if kind == wide { of_64 } else { narrow };
    match kind {
        SCM_RIGHTS if data.len() >= 4 => {
            let fd = |fd: &[u8]| Value::Fd(super::cx::number(fd) as i32);
            list(out, cx, data.chunks_exact(4).map(fd));
        }
        SCM_CREDENTIALS if data.len() >= 12 => {
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
        SCM_SECURITY => text(out, data),
        _ if TIMESTAMP.contains(&kind) => {
            let id = time(TIMESTAMP, StructId::Timeval, StructId::Timeval64);
            times(out, cx, id, 1, data);
        }
        _ if TIMESTAMPNS.contains(&kind) => {
            let id = time(TIMESTAMPNS, StructId::Timespec, StructId::Timespec64);
            times(out, cx, id, 1, data);
        }
        _ if TIMESTAMPING.contains(&kind) => {
            let id = time(TIMESTAMPING, StructId::Timespec, StructId::Timespec64);
            times(out, cx, id, 3, data);
        }
        _ => {}
    }
}

/// Types of `include/uapi/linux/in.h`.
fn of_ip<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, kind: u64, data: &'a [u8]) {
    const IP_TOS: u64 = 1;
    const IP_TTL: u64 = 2;
    const SCM_SECURITY: u64 = 3;
    const IP_RECVOPTS: u64 = 6;
    const IP_RETOPTS: u64 = 7;
    const IP_PKTINFO: u64 = 8;
    const IP_RECVERR: u64 = 11;
    const IP_ORIGDSTADDR: u64 = 20;
    const IP_CHECKSUM: u64 = 23;
    out.push(Value::Set(tables::set(SetId::IpCmsgType), kind));
    match kind {
        IP_TOS | IP_RECVOPTS | IP_RETOPTS if !data.is_empty() => {
            list(out, cx, data.iter().map(|byte| Value::Hex((*byte).into())));
        }
        IP_TTL | IP_CHECKSUM if data.len() >= 4 => {
            let number = |own: &[u8]| Value::Uint(super::cx::number(own));
            list(out, cx, data.chunks_exact(4).map(number));
        }
        SCM_SECURITY => text(out, data),
        IP_PKTINFO if data.len() >= 12 => packet(out, data),
        IP_RECVERR if data.len() >= 32 => extended_error(out, cx, data),
        IP_ORIGDSTADDR if data.len() >= 16 => {
            out.push(Value::Field("cmsg_data"));
            sockaddr::address(out, cx, data);
        }
        _ => {}
    }
}

/// `struct in_pktinfo`.
fn packet<'a>(out: &mut Args<'a>, data: &'a [u8]) {
    out.push(Value::Field("cmsg_data"));
    out.push(Value::StructOpen);
    out.push(Value::Field("ipi_ifindex"));
    let index = number_at(data, 0, 4).unwrap_or(0);
    out.push(Value::Interface(index as u32, [0; 16]));
    for (name, at) in [("ipi_spec_dst", 4), ("ipi_addr", 8)] {
        out.push(Value::Field(name));
        let own = data.get(at..at + 4).and_then(|own| own.try_into().ok());
        let address = own.unwrap_or([0; 4]);
        out.push(Value::Wire(address, 4));
        out.push(Value::CallOpen("inet_addr"));
        out.push(Value::Inet(address));
        out.push(Value::CallClose);
    }
    out.push(Value::StructClose);
}

/// `struct sock_extended_err` of `include/uapi/linux/errqueue.h`, and who the error is from.
fn extended_error<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, data: &'a [u8]) {
    const MEMBERS: [(&str, usize, usize); 6] = [
        ("ee_errno", 0, 4),
        ("ee_origin", 4, 1),
        ("ee_type", 5, 1),
        ("ee_code", 6, 1),
        ("ee_info", 8, 4),
        ("ee_data", 12, 4),
    ];
    out.push(Value::Field("cmsg_data"));
    out.push(Value::StructOpen);
    for (name, at, width) in MEMBERS {
        out.push(Value::Field(name));
        out.push(Value::Uint(number_at(data, at, width).unwrap_or(0)));
    }
    out.push(Value::Field("offender"));
    sockaddr::address(out, cx, data.get(16..32).unwrap_or_default());
    out.push(Value::StructClose);
}

/// A time, or several in a list; what is too short for them cannot be told.
fn times<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, id: StructId, count: usize, data: &'a [u8]) {
    if data.is_empty() {
        return;
    }
    out.push(Value::Field("cmsg_data"));
    let size = tables::struct_size(id, cx.abi) as usize;
    let Some(own) = data.get(..count * size) else {
        return out.push(Value::Name("???"));
    };
    if count == 1 {
        return structs::structure(out, cx, id, 0, own);
    }
    out.push(Value::ListOpen);
    for one in own.chunks_exact(size.max(1)) {
        structs::structure(out, cx, id, 0, one);
    }
    out.push(Value::ListClose);
}

fn list<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, values: impl Iterator<Item = Value<'a>>) {
    out.push(Value::Field("cmsg_data"));
    out.push(Value::ListOpen);
    for (i, value) in values.enumerate() {
        if i >= cx.options.most() {
            out.push(Value::More);
            break;
        }
        out.push(value);
    }
    out.push(Value::ListClose);
}

fn text<'a>(out: &mut Args<'a>, data: &'a [u8]) {
    if !data.is_empty() {
        out.push(Value::Field("cmsg_data"));
        out.push(Value::Bytes {
            bytes: data,
            cut: false,
        });
    }
}
