//! Arguments that lead to memory: text, buffers, single structures, and how much of each there is.

use super::{
    arrays::{array, bits, message},
    cx::{self, Cx},
    net, netlink, structs,
    value::{Args, Value},
    vectors,
};
use crate::{
    session::parse::Captured,
    tables::{self, Dir, Len, StructId, Told, Ty},
};

/// An argument that leads to memory.
pub fn pointer<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, ty: Ty) {
    let raw = cx.register(cx.index);
    // The value of a socket option is a structure, whatever it is made of.
    let arg = cx.args.get(usize::from(cx.index));
    let is_text = super::is_text(ty) && arg.is_none_or(|arg| arg.name != "optval");
    if !cx.options.structs && !is_text {
        if raw != 0 && !(cx.failed() && is_output(ty)) && has_none(cx, ty) {
            out.push(Value::ListOpen);
            out.push(Value::ListClose);
        } else {
            out.push(Value::Addr(raw));
        }
        return;
    }
    if let Ty::Remain { id } = ty {
        remain(out, cx, raw, id);
        return;
    }
    // An execve's strings come from the new program, which has some even where none were passed.
    let is_null = raw == 0 && (cx.captures.is_empty() || matches!(ty, Ty::StrVec | Ty::EnvVec));
    if is_null || cx.failed() && is_output(ty) {
        out.push(Value::Addr(raw));
        return;
    }
    match ty {
        Ty::Path | Ty::Str => string(out, cx, ty, raw),
        Ty::Buf { len, .. } | Ty::Binary { len, .. } => buffer(out, cx, ty, raw, len),
        Ty::PathBuf { len, .. } => path_buffer(out, cx, raw, len),
        Ty::Xattr { len, .. } => attribute(out, cx, raw, len),
        Ty::OptVal { dir, len } => option_value(out, cx, raw, dir, len),
        Ty::IntOpt { dir, len } => int_option(out, cx, raw, dir, len),
        Ty::NodeName { len, .. } if length(cx, len) > Some(NODE_NAME_MAX) => {
            out.push(Value::Addr(raw));
        }
        Ty::NodeName { dir, len } => buffer(out, cx, Ty::Buf { dir, len }, raw, len),
        Ty::StrVec => vectors::strings(out, &cx.captures, raw, cx.options),
        Ty::EnvVec if cx.options.verbose => vectors::strings(out, &cx.captures, raw, cx.options),
        Ty::EnvVec => vectors::count(out, &cx.captures, raw),
        Ty::Iovec { dir, count } => match cx.at(raw) {
            Some(vector) if !overflows(cx, count, 2 * cx.abi.word_bytes() as u64) => {
                let left = cx.call.record.ret.max(0) as u64;
                vectors::iovec_array(out, cx, vector, dir, left);
            }
            _ => out.push(Value::Addr(raw)),
        },
        Ty::Msghdr { dir } => net::msghdr(out, cx, dir),
        Ty::Mmsghdr { dir, .. } => net::mmsghdr(out, cx, dir),
        Ty::Struct { dir, id, len } => structure(out, cx, raw, dir, id, len),
        Ty::Array { elem, count, .. } => array(out, cx, raw, elem, count),
        Ty::Bits { count, .. } => bits(out, cx, raw, count),
        Ty::Msgbuf { len, .. } => message(out, cx, raw, len),
        _ => out.push(Value::Addr(raw)),
    }
}

/// Is it an array of no elements, whatever is behind the pointer?
fn has_none(cx: &Cx<'_, '_>, ty: Ty) -> bool {
    match ty {
        Ty::Array { count, .. } | Ty::Iovec { count, .. } => length(cx, count) == Some(0),
        Ty::Bits { count, word, .. } => word == StructId::Nodemask && length(cx, count) == Some(0),
        _ => false,
    }
}

/// Is it nothing but a pointer when the call fails?
pub fn is_output(ty: Ty) -> bool {
    // The header of a message and the array of buffers are the caller's even then.
    ty.dir() == Some(Dir::Out) && !matches!(ty, Ty::Msghdr { .. } | Ty::Iovec { .. })
}

/// Bytes of a page.
const PAGE: u64 = 4096;

fn string<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, ty: Ty, raw: u64) {
    let Some(captured) = cx.at(raw).or_else(|| first_readable(cx)) else {
        out.push(Value::Addr(raw));
        return;
    };
    let text = captured.bytes.split(|&b| b == 0).next().unwrap_or_default();
    let whole = text.len() < captured.bytes.len() || !cx::is_cut(captured);
    if ty == Ty::Path && whole {
        out.push(Value::Path(text));
        return;
    }
    let shown = text.len().min(if ty == Ty::Path {
        usize::MAX
    } else {
        cx.options.string
    });
    out.push(Value::Bytes {
        bytes: text.get(..shown).unwrap_or_default(),
        cut: !whole || shown < text.len(),
    });
}

/// What stands in for memory at another address: the program's own name after an execve.
fn first_readable<'x, 'a>(cx: &'x Cx<'_, 'a>) -> Option<&'x Captured<'a>> {
    cx.captures.first().filter(|c| c.header.errno == 0)
}

/// More elements than memory could hold: strace does not look for any.
pub fn overflows(cx: &Cx<'_, '_>, count: Len, size: u64) -> bool {
    length(cx, count).is_some_and(|count| count.checked_mul(size).is_none())
}

fn buffer<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, ty: Ty, raw: u64, len: Len) {
    // Asked for the size only.
    if matches!(len, Len::RetMax(n) if cx.register(n) == 0) {
        out.push(Value::Addr(raw));
        return;
    }
    if length(cx, len) == Some(0) {
        // Nothing is looked for, wherever it is said to be.
        let (bytes, cut) = (&[][..], false);
        out.push(match ty {
            Ty::Binary { .. } => Value::Binary { bytes, cut },
            _ => Value::Bytes { bytes, cut },
        });
        return;
    }
    let Some(captured) = cx.at(raw) else {
        out.push(Value::Addr(raw));
        return;
    };
    let there = length(cx, len).unwrap_or(captured.header.full.into());
    if netlink::is_message(captured, there) {
        return netlink::messages(out, cx, captured, there);
    }
    let most = captured.bytes.len().min(cx.options.string);
    let shown = most.min(usize::try_from(there).unwrap_or(usize::MAX));
    let bytes = captured.bytes.get(..shown).unwrap_or_default();
    let cut = (shown as u64) < there;
    out.push(match ty {
        Ty::Binary { .. } => Value::Binary { bytes, cut },
        _ => Value::Bytes { bytes, cut },
    });
}

fn path_buffer<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, raw: u64, len: Len) {
    let there = length(cx, len).and_then(|n| usize::try_from(n).ok());
    let own = cx.at(raw).map(|c| match there {
        Some(there) => c.bytes.get(..there).unwrap_or(c.bytes),
        None => c.bytes,
    });
    out.push(match own {
        Some(own) => Value::Path(own.split(|&b| b == 0).next().unwrap_or_default()),
        None => Value::Addr(raw),
    });
}

/// The value of an extended attribute: text may end with a NUL, which is not shown then.
fn attribute<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, raw: u64, len: Len) {
    // `include/uapi/linux/limits.h`.
    const XATTR_SIZE_MAX: u64 = 65536;
    let there = length(cx, len).unwrap_or(0);
    let captured = match cx.at(raw) {
        _ if there == 0 => &[][..],
        Some(captured) if there <= XATTR_SIZE_MAX => captured.bytes,
        _ => return out.push(Value::Addr(raw)),
    };
    let most = captured.len().min(cx.options.string);
    let shown = most.min(usize::try_from(there).unwrap_or(usize::MAX));
    let bytes = captured.get(..shown).unwrap_or_default();
    let (bytes, cut) = match bytes.split_last() {
        Some((0, before)) => (before, false),
        _ => (bytes, (shown as u64) < there),
    };
    out.push(Value::Bytes { bytes, cut });
}

/// `__NEW_UTS_LEN` of `include/uapi/linux/utsname.h`.
const NODE_NAME_MAX: u64 = 64;

/// The length of a socket option, an `int`.
fn option_length(cx: &Cx<'_, '_>, len: Len) -> i32 {
    match len {
        Len::Arg(n) => cx.register(n) as i32,
        _ => length(cx, len).unwrap_or(0) as i32,
    }
}

/// A socket option: an `int` if it has four bytes. A length below 0 is a large one to setsockopt(2), and none to getsockopt(2).
fn option_value<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, raw: u64, dir: Dir, len: Len) {
    let there = option_length(cx, len);
    match there {
        4 => int_option(out, cx, raw, dir, len),
        ..=0 if dir == Dir::Out => out.push(Value::Addr(raw)),
        _ if there < 0 => option_text(out, cx, raw),
        _ => buffer(out, cx, Ty::Buf { dir, len }, raw, len),
    }
}

/// As much as is shown of a string that never ends.
fn option_text<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, raw: u64) {
    let bytes = cx.at(raw).map(|captured| captured.bytes);
    out.push(
        match bytes.and_then(|bytes| bytes.get(..cx.options.string)) {
            Some(bytes) => Value::Bytes { bytes, cut: true },
            None => Value::Addr(raw),
        },
    );
}

/// A socket option that is an `int`: what is too short for it is shown as it is after getsockopt(2) only.
fn int_option<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, raw: u64, dir: Dir, len: Len) {
    let int = cx.bytes().and_then(|bytes| cx::number_at(bytes, 0, 4));
    match (option_length(cx, len), int) {
        (4.., Some(int)) => {
            out.push(Value::ListOpen);
            out.push(Value::Int(cx::signed(int, 4)));
            out.push(Value::ListClose);
        }
        (1..4, _) if dir == Dir::Out => buffer(out, cx, Ty::Binary { dir, len }, raw, len),
        _ => out.push(Value::Addr(raw)),
    }
}

/// What is left of a sleep that a signal has ended.
fn remain<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, raw: u64, id: StructId) {
    const EINTR: i64 = 4;
    const ERESTART_RESTARTBLOCK: i64 = 516;
    let interrupted = [-EINTR, -ERESTART_RESTARTBLOCK].contains(&cx.call.record.ret);
    let size = tables::struct_size(id, cx.abi) as usize;
    match cx.bytes_after().and_then(|bytes| bytes.get(..size)) {
        Some(bytes) if interrupted => structs::pointee(out, cx, id, raw, bytes),
        _ => out.push(Value::Addr(raw)),
    }
}

/// A structure, and apart from it what the kernel has made of it.
fn before_and_after<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    raw: u64,
    (id, before): (StructId, &'a [u8]),
    (then, told): (StructId, Told),
) {
    let is_shown = told != Told::Given || before.iter().any(|byte| *byte != 0);
    if is_shown {
        structs::pointee(out, cx, id, raw, before);
    }
    let size = tables::struct_size(then, cx.abi) as usize;
    let after = cx.bytes_after().filter(|_| cx.succeeded());
    let after = after.and_then(|bytes| bytes.get(..size));
    let before = out.len();
    if is_shown && (after.is_some() || told != Told::Success && cx.failed()) {
        out.push(Value::Becomes);
    }
    match after {
        Some(bytes) => {
            structs::pointee(out, cx, then, raw, bytes);
            // A union that has nothing of the kind.
            if out.len() == before + 3 && is_shown {
                out.truncate(before);
            }
        }
        None if !is_shown || told != Told::Success && cx.failed() => out.push(Value::Addr(raw)),
        None => {}
    }
}

/// Bytes or elements as the caller, or the result, says; nothing where that is not known.
pub fn length(cx: &Cx<'_, '_>, len: Len) -> Option<u64> {
    let ret = cx.call.record.ret.max(0) as u64;
    let argument = |n: u8| match cx.args.get(usize::from(n)).map(|arg| arg.ty) {
        Some(Ty::Int) => u64::try_from(cx.register(n) as i32).unwrap_or(0),
        Some(Ty::Uint) => u64::from(cx.register(n) as u32),
        _ => cx.register(n),
    };
    let behind = |n: u8, at: u8, width: usize| {
        let own = if cx.args.get(usize::from(cx.index))?.ty.dir() == Some(Dir::Out) {
            cx::after(cx.call, n)
        } else {
            cx::before(cx.call, n)
        };
        let own = own.iter().find(|c| c.header.errno == 0)?;
        cx::number_at(own.bytes, at.into(), width)
    };
    match len {
        Len::Const(n) => Some(n.into()),
        Len::Arg(n) => Some(argument(n)),
        Len::Ret => Some(ret),
        Len::RetMax(n) => Some(ret.min(argument(n))),
        Len::ArgPtr32(n) => behind(n, 0, 4),
        Len::ArgPtr32At(n, at) => behind(n, at, 4),
        Len::ArgPtr64(n) => behind(n, 0, 8),
        Len::Pages(n) => Some(argument(n).div_ceil(PAGE)),
    }
}

fn structure<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    raw: u64,
    dir: Dir,
    id: StructId,
    len: Option<Len>,
) {
    let size = tables::struct_size(id, cx.abi) as usize;
    let own = |bytes: &'a [u8]| match len {
        None => bytes.get(..size),
        Some(len) => {
            let there = length(cx, len).unwrap_or(bytes.len() as u64);
            let most = usize::try_from(there).unwrap_or(usize::MAX);
            Some(bytes.get(..most).unwrap_or(bytes))
        }
    };
    // Of what the result says is nothing, nothing is looked for.
    let is_nothing =
        matches!(len, Some(len @ (Len::Ret | Len::Pages(_))) if length(cx, len) == Some(0));
    let found = match structs::is_answered(id) {
        _ if is_nothing => Some(&[][..]),
        true => cx.bytes_after().or(cx.bytes()),
        false => cx.bytes(),
    };
    let Some(bytes) = found.and_then(own) else {
        out.push(Value::Addr(raw));
        return;
    };
    if let Some((after, told)) = structs::then(id, cx.abi) {
        before_and_after(out, cx, raw, (id, bytes), (after, told));
        return;
    }
    if dir != Dir::InOut || !structs::is_scalar(id, cx.abi) {
        structs::pointee(out, cx, id, raw, bytes);
        return;
    }
    // A list of security modules that did not fit: how much room there should have been.
    let told = cx.succeeded() || id == StructId::LsmSize;
    let after = cx.bytes_after().filter(|_| told).and_then(own);
    structs::both(out, cx, id, bytes, after);
}
