//! Arguments that lead to many of a kind: elements, bits, and System V messages.

use super::{
    cx::{self, Cx},
    pointers::{length, overflows},
    structs, time,
    value::{Args, Value},
};
use crate::{
    session::parse::Captured,
    tables::{self, Abi, Arg, Len, StructId, Ty},
};

pub fn array<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, raw: u64, elem: StructId, count: Len) {
    let size = (tables::struct_size(elem, cx.abi) as usize).max(1);
    let there = length(cx, count).unwrap_or(0);
    let is_int = |n: u8| {
        let arg = cx.args.get(usize::from(n));
        arg.is_some_and(|arg| arg.ty == Ty::Int)
    };
    let negative = matches!(count, Len::Arg(n) if is_int(n) && (cx.register(n) as i32) < 0);
    if negative || overflows(cx, count, size as u64) || too_many(elem, there) {
        out.push(Value::Addr(raw));
        return;
    }
    // Of none, none is looked for.
    if there == 0 && matches!(count, Len::Ret | Len::RetMax(_)) {
        out.push(Value::ListOpen);
        out.push(Value::ListClose);
        return;
    }
    let is_there = |c: &&Captured<'a>| {
        there == 0 || !(c.bytes.is_empty() || cx::is_partial(c) && c.bytes.len() < size)
    };
    let Some(captured) = cx.at(raw).filter(is_there) else {
        out.push(Value::Addr(raw));
        return;
    };
    if cx
        .args
        .get(usize::from(cx.index))
        .is_some_and(|arg| is_times(arg, elem))
    {
        if cx::is_partial(captured) {
            out.push(Value::Addr(raw));
        } else {
            time::pair(out, cx, elem, captured.bytes);
        }
        return;
    }
    out.push(Value::ListOpen);
    let mut shown = 0u64;
    for (i, element) in captured.bytes.chunks_exact(size).enumerate() {
        if i as u64 == there || i >= cx.options.most() {
            break;
        }
        structs::structure(out, cx, elem, raw.wrapping_add((i * size) as u64), element);
        shown += 1;
    }
    if shown < there {
        out.push(more(captured, shown as usize * size, size));
    }
    out.push(Value::ListClose);
}

/// More groups than a process can be in, `NGROUPS_MAX` of `include/uapi/linux/limits.h`; more than
/// `KEXEC_SEGMENT_MAX` of `include/uapi/linux/kexec.h`.
fn too_many(elem: StructId, count: u64) -> bool {
    match elem {
        StructId::GidT | StructId::Gid16T => count > 65536,
        StructId::KexecSegment => count > 16,
        _ => false,
    }
}

/// What stands for elements that are not shown, of which the first is so many bytes behind the start.
pub fn more(captured: &Captured<'_>, at: usize, size_of_element: usize) -> Value<'static> {
    let size = captured.bytes.len();
    if cx::is_partial(captured) && size - size.min(at) < size_of_element {
        return Value::MoreAt(captured.header.addr.wrapping_add(at as u64));
    }
    Value::More
}

/// The times of utimensat(2) and its kin.
fn is_times(arg: &Arg, elem: StructId) -> bool {
    arg.name == "times"
        && matches!(
            elem,
            StructId::Timespec | StructId::Timespec64 | StructId::Timeval
        )
}

pub fn bits<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, raw: u64, count: Len) {
    let count = length(cx, count).unwrap_or(0);
    if cx.args.iter().any(|arg| arg.name == "maxnode") {
        nodes(out, cx, raw, count);
        return;
    }
    if cx.options.descriptors != 0 && numbered(out, cx, count) {
        return;
    }
    let value = cx
        .bytes()
        .filter(|bytes| count.div_ceil(8) <= bytes.len() as u64)
        .map(|bytes| Value::Bits(bytes, u32::try_from(count).unwrap_or(u32::MAX)));
    let refused = cx.args.iter().any(|arg| arg.name == "nfds") && (cx.register(0) as i32) <= 0;
    out.push(value.filter(|_| !refused).unwrap_or(Value::Addr(raw)));
}

/// An `fd_set` with each descriptor as a token of its own, for what it leads to.
fn numbered<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, count: u64) -> bool {
    let Some(bytes) = cx.bytes().filter(|_| (cx.register(0) as i32) >= 0) else {
        return false;
    };
    let Some(bytes) = bytes.get(..count.div_ceil(8) as usize) else {
        return false;
    };
    let bits = (0..count).filter(|bit| bytes[*bit as usize / 8] >> (bit % 8) & 1 != 0);
    out.push(Value::ListOpen);
    for (i, fd) in bits.enumerate() {
        let fd = fd as i32;
        out.push(if i == 0 {
            Value::Fd(fd)
        } else {
            Value::NextFd(fd)
        });
    }
    out.push(Value::ListClose);
    true
}

/// A mask of NUMA nodes, word by word; the count that mbind(2) and its kin take is one more than that of the bits.
fn nodes<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, raw: u64, count: u64) {
    let word = cx.abi.word_bytes() as usize;
    // As large numbers come out where adding is modulo 2^64: none.
    let bits = 8 * word as u64;
    let words = count.saturating_sub(1).wrapping_add(bits - 1) / bits;
    if count == 0 {
        out.push(Value::ListOpen);
        out.push(Value::ListClose);
        return;
    }
    let captured = cx.at(raw).filter(|c| words > 0 && c.bytes.len() >= word);
    let Some(captured) = captured else {
        out.push(Value::Addr(raw));
        return;
    };
    let most = cx.options.most();
    let most = usize::try_from(words).unwrap_or(usize::MAX).min(most);
    let mut shown = 0;
    out.push(Value::ListOpen);
    for one in captured.bytes.chunks_exact(word).take(most) {
        out.push(Value::Word64(cx::number(one), word as u8));
        shown += 1;
    }
    if (shown as u64) < words {
        out.push(more(captured, shown * word, word));
    }
    out.push(Value::ListClose);
}

pub fn message<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, raw: u64, len: Len) {
    // x32 has the calls of x86_64.
    let word = if cx.abi == Abi::I386 { 4 } else { 8 };
    let there = length(cx, len).unwrap_or(0);
    let parts = cx.bytes().and_then(|bytes| bytes.split_at_checked(word));
    let Some((kind, text)) = parts else {
        out.push(Value::Addr(raw));
        return;
    };
    let most = text.len().min(cx.options.string);
    let shown = most.min(usize::try_from(there).unwrap_or(usize::MAX));
    out.push(Value::StructOpen);
    out.push(Value::Field("mtype"));
    out.push(Value::Int(cx::signed(cx::number(kind), word)));
    out.push(Value::Field("mtext"));
    out.push(Value::Bytes {
        bytes: text.get(..shown).unwrap_or_default(),
        cut: (shown as u64) < there,
    });
    out.push(Value::StructClose);
}
