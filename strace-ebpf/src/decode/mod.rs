//! Captured bytes and registers to values. Reads the tables and what was captured, never the
//! tracee's memory; what could not be captured is shown as its pointer.

mod cx;
mod files;
mod net;
mod poll;
mod process;
mod returned;
mod signals;
#[cfg(test)]
mod struct_tests;
mod structs;
mod time;
pub mod value;
mod vectors;

use strace_ebpf_common::record::{ABI_I386, ABI_X32};

use crate::{
    session::{Call, parse::Captured},
    tables::{self, Abi, Arg, Attrs, Dir, Len, Ret, SetId, StructId, Syscall, Ty},
};
use cx::Cx;
pub use returned::returned;
use value::{Args, Value};

/// What decoding depends on besides the call.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Elements of a vector that are shown (`-s`, `-v`).
    pub elements: usize,
    /// Bytes of a string that are shown (`-s`).
    pub string: usize,
    /// Nothing is abbreviated (`-v`).
    pub verbose: bool,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// With this value.
    Value(Value<'static>),
    /// With this error.
    Error(u32),
    /// Interrupted by a signal, to be started again: one of the kernel's own error numbers.
    Restart(u32),
    /// Not at all.
    NoReturn,
}

/// Errors that the kernel keeps for itself, `include/linux/errno.h`: ERESTARTSYS,
/// ERESTARTNOINTR, ERESTARTNOHAND, ERESTART_RESTARTBLOCK.
const RESTARTS: [u32; 4] = [512, 513, 514, 516];

/// The table's name for a record's ABI.
#[must_use]
pub fn abi_of(abi: u8) -> Abi {
    match abi {
        ABI_I386 => Abi::I386,
        ABI_X32 => Abi::X32,
        _ => Abi::X86_64,
    }
}

/// Is the memory behind arguments of this type shown, and so worth capturing?
#[must_use]
pub fn shows(ty: Ty) -> bool {
    match ty {
        Ty::Struct { id, .. } | Ty::Array { elem: id, .. } => structs::shown(id),
        _ => ty.dir().is_some(),
    }
}

/// Does the memory of this argument matter to what is shown? What else was captured for it is of another variant, and a
/// failure to read it is none.
#[must_use]
pub fn wants(call: &Call<'_>, syscall: &Syscall, index: u8) -> bool {
    let args = syscall.args_for(&call.record.args);
    let Some(arg) = args.get(usize::from(index)) else {
        return false;
    };
    shows(arg.ty)
        && !(cx::failed(call) && is_output(arg.ty) && !matches!(arg.ty, Ty::Remain { .. }))
}

/// A signal's `siginfo_t`, or the first 48 bytes of it.
#[must_use]
pub fn siginfo(abi: Abi, bytes: &[u8]) -> Args<'_> {
    let mut args = Args::default();
    args.begin();
    signals::siginfo(&mut args, abi, bytes);
    args
}

/// The result of a call.
#[must_use]
pub fn outcome(call: &Call<'_>, syscall: Option<&Syscall>) -> Outcome {
    let ret = call.record.ret;
    if call.no_return {
        return Outcome::NoReturn;
    }
    let kind = syscall.map_or(Ret::Long, |syscall| syscall.ret);
    if (-4095..0).contains(&ret) {
        let errno = ret.unsigned_abs() as u32;
        return if RESTARTS.contains(&errno) {
            Outcome::Restart(errno)
        } else {
            Outcome::Error(errno)
        };
    }
    Outcome::Value(match kind {
        Ret::Addr | Ret::Hex => Value::Hex(ret as u64),
        _ if syscall.is_some_and(|syscall| returned::is_flags(call, syscall)) => {
            Value::Hex(ret as u64)
        }
        Ret::Octal => Value::Octal(ret as u64),
        Ret::Fd => Value::Fd(ret as i32),
        _ => Value::Int(ret),
    })
}

/// The arguments of a call.
#[must_use]
pub fn args<'a>(call: &Call<'a>, syscall: Option<&Syscall>, options: &Options) -> Args<'a> {
    let mut args = Args::default();
    let Some(syscall) = syscall else {
        // Nobody knows how many there are.
        for raw in call.record.args {
            args.begin();
            args.push(Value::Hex(raw));
        }
        return args;
    };
    let abi = abi_of(call.record.abi);
    let list = syscall.args_for(&call.record.args);
    if syscall.attrs.contains(Attrs::CLONE) {
        process::clone(&mut args, &Cx::new(call, abi, list, 2, options));
        return args;
    }
    for (index, arg) in (0u8..).zip(list) {
        if arg.ty == Ty::Unused {
            continue;
        }
        if arg.ty == Ty::Frame {
            let captures = cx::before(call, index);
            if let Some(mask) = captures.first().filter(|c| c.bytes.len() == 8) {
                args.begin();
                signals::saved_mask(&mut args, mask.bytes);
            }
            continue;
        }
        args.begin();
        if arg.ty.dir().is_none() {
            let raw = call.record.args.get(usize::from(index)).copied();
            args.push(scalar(arg.ty, raw.unwrap_or(0), call, index, abi));
        } else {
            pointer(&mut args, &Cx::new(call, abi, list, index, options), arg.ty);
        }
    }
    args
}

/// An argument that leads to memory.
fn pointer<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, ty: Ty) {
    let raw = cx.register(cx.index);
    if let Ty::Remain { id } = ty {
        remain(out, cx, raw, id);
        return;
    }
    if raw == 0 && cx.captures.is_empty() || cx.failed() && is_output(ty) {
        out.push(Value::Addr(raw));
        return;
    }
    match ty {
        Ty::Path | Ty::Str => string(out, cx, ty, raw),
        Ty::Buf { len, .. } | Ty::Binary { len, .. } => buffer(out, cx, ty, raw, len),
        Ty::PathBuf { len, .. } => path_buffer(out, cx, raw, len),
        Ty::OptVal { dir, len } => option_value(out, cx, raw, dir, len),
        Ty::StrVec => vectors::strings(out, &cx.captures, raw, cx.options),
        Ty::EnvVec if cx.options.verbose => vectors::strings(out, &cx.captures, raw, cx.options),
        Ty::EnvVec => vectors::count(out, &cx.captures, raw),
        Ty::Iovec { dir, .. } => match cx.at(raw) {
            Some(vector) => {
                let left = cx.call.record.ret.max(0) as u64;
                vectors::iovec_array(out, cx, vector, dir, left);
            }
            None => out.push(Value::Addr(raw)),
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

/// Is it nothing but a pointer when the call fails?
fn is_output(ty: Ty) -> bool {
    // The header of a message is the caller's even then.
    ty.dir() == Some(Dir::Out) && !matches!(ty, Ty::Msghdr { .. })
}

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

fn buffer<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, ty: Ty, raw: u64, len: Len) {
    let Some(captured) = cx.at(raw) else {
        out.push(Value::Addr(raw));
        return;
    };
    let there = length(cx, len).unwrap_or(captured.header.full.into());
    // Asked for the size only.
    if matches!(len, Len::RetMax(n) if cx.register(n) == 0) {
        out.push(Value::Addr(raw));
        return;
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

/// A socket option: most are an `int`, and one that is too short for it means nothing.
fn option_value<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, raw: u64, dir: Dir, len: Len) {
    let there = length(cx, len).unwrap_or(0);
    match (cx.at(raw), there) {
        (Some(captured), 4) if captured.bytes.len() >= 4 => {
            let value = cx::number_at(captured.bytes, 0, 4).unwrap_or(0);
            out.push(Value::ListOpen);
            out.push(Value::Int(cx::signed(value, 4)));
            out.push(Value::ListClose);
        }
        (Some(_), 0..4) if dir == Dir::In => out.push(Value::Addr(raw)),
        (_, 0..4) => buffer(out, cx, Ty::Binary { dir, len }, raw, len),
        _ => buffer(out, cx, Ty::Buf { dir, len }, raw, len),
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

/// Bytes or elements as the caller, or the result, says; nothing where that is not known.
fn length(cx: &Cx<'_, '_>, len: Len) -> Option<u64> {
    let ret = cx.call.record.ret.max(0) as u64;
    let argument = |n: u8| match cx.args.get(usize::from(n)).map(|arg| arg.ty) {
        Some(Ty::Int) => u64::try_from(cx.register(n) as i32).unwrap_or(0),
        Some(Ty::Uint) => u64::from(cx.register(n) as u32),
        _ => cx.register(n),
    };
    let behind = |n: u8, width: usize| {
        let own = if cx.args.get(usize::from(cx.index))?.ty.dir() == Some(Dir::Out) {
            cx::after(cx.call, n)
        } else {
            cx::before(cx.call, n)
        };
        let own = own.iter().find(|c| c.header.errno == 0)?;
        cx::number_at(own.bytes, 0, width)
    };
    match len {
        Len::Const(n) => Some(n.into()),
        Len::Arg(n) => Some(argument(n)),
        Len::Ret => Some(ret),
        Len::RetMax(n) => Some(ret.min(argument(n))),
        Len::ArgPtr32(n) => behind(n, 4),
        Len::ArgPtr64(n) => behind(n, 8),
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
    let Some(bytes) = cx.bytes().and_then(own) else {
        out.push(Value::Addr(raw));
        return;
    };
    if dir != Dir::InOut || !structs::is_scalar(id, cx.abi) {
        structs::pointee(out, cx, id, raw, bytes);
        return;
    }
    let after = cx.bytes_after().filter(|_| cx.succeeded()).and_then(own);
    structs::both(out, cx, id, bytes, after);
}

fn array<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, raw: u64, elem: StructId, count: Len) {
    let size = (tables::struct_size(elem, cx.abi) as usize).max(1);
    let there = length(cx, count).unwrap_or(0);
    let negative = matches!(count, Len::Arg(n) if (cx.register(n) as i32) < 0);
    if negative {
        out.push(Value::Addr(raw));
        return;
    }
    let Some(captured) = cx.at(raw).filter(|c| there == 0 || !c.bytes.is_empty()) else {
        out.push(Value::Addr(raw));
        return;
    };
    if cx
        .args
        .get(usize::from(cx.index))
        .is_some_and(|arg| is_times(arg, elem))
    {
        time::pair(out, cx, elem, captured.bytes);
        return;
    }
    out.push(Value::ListOpen);
    let mut shown = 0;
    for (i, element) in captured.bytes.chunks_exact(size).enumerate() {
        if i as u64 == there || i >= cx.options.elements && !cx.options.verbose {
            break;
        }
        structs::structure(out, cx, elem, raw + (i * size) as u64, element);
        shown += 1;
    }
    if shown < there {
        out.push(Value::More);
    }
    out.push(Value::ListClose);
}

/// The times of utimensat(2) and its kin.
fn is_times(arg: &Arg, elem: StructId) -> bool {
    arg.name == "times"
        && matches!(
            elem,
            StructId::Timespec | StructId::Timespec64 | StructId::Timeval
        )
}

fn bits<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, raw: u64, count: Len) {
    let count = length(cx, count).unwrap_or(0);
    if cx.args.iter().any(|arg| arg.name == "maxnode") {
        nodes(out, cx, raw, count);
        return;
    }
    let value = cx
        .bytes()
        .filter(|bytes| count.div_ceil(8) <= bytes.len() as u64)
        .map(|bytes| Value::Bits(bytes, u32::try_from(count).unwrap_or(u32::MAX)));
    let refused = cx.args.iter().any(|arg| arg.name == "nfds") && (cx.register(0) as i32) < 0;
    out.push(value.filter(|_| !refused).unwrap_or(Value::Addr(raw)));
}

/// A mask of NUMA nodes, word by word; the count that mbind(2) and its kin take is one more than that of the bits.
fn nodes<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, raw: u64, count: u64) {
    let word = cx.abi.word_bytes() as usize;
    let words = usize::try_from(count.saturating_sub(1))
        .unwrap_or(usize::MAX)
        .div_ceil(8 * word);
    if count == 0 {
        out.push(Value::ListOpen);
        out.push(Value::ListClose);
        return;
    }
    let own = cx.bytes().filter(|_| words > 0);
    let own = own.and_then(|bytes| bytes.get(..words.checked_mul(word)?));
    let Some(own) = own else {
        out.push(Value::Addr(raw));
        return;
    };
    out.push(Value::ListOpen);
    for one in own.chunks_exact(word) {
        out.push(Value::Word64(cx::number(one), word as u8));
    }
    out.push(Value::ListClose);
}

fn message<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, raw: u64, len: Len) {
    let word = cx.abi.word_bytes() as usize;
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

fn scalar(ty: Ty, raw: u64, call: &Call<'_>, index: u8, abi: Abi) -> Value<'static> {
    let next = || {
        call.record
            .args
            .get(usize::from(index) + 1)
            .copied()
            .unwrap_or(0)
    };
    let narrow = abi.word_bytes() == 4 && abi == Abi::I386;
    match ty {
        Ty::Int | Ty::Pid => Value::Int(i64::from(raw as i32)),
        Ty::Uint => Value::Uint(u64::from(raw as u32)),
        Ty::Uid | Ty::Gid if raw as u32 == u32::MAX => Value::Int(-1),
        Ty::Uid | Ty::Gid => Value::Uint(u64::from(raw as u32)),
        Ty::Uid16 | Ty::Gid16 if raw as u16 == u16::MAX => Value::Int(-1),
        Ty::Uid16 | Ty::Gid16 => Value::Uint(u64::from(raw as u16)),
        Ty::Long | Ty::Offset if narrow => Value::Int(i64::from(raw as i32)),
        Ty::Long | Ty::Offset => Value::Int(raw as i64),
        Ty::Ulong | Ty::Size => Value::Uint(raw),
        Ty::Offset64 => Value::Int((raw & 0xffff_ffff | next() << 32) as i64),
        Ty::Offset64Hi => Value::Int((raw << 32 | next() & 0xffff_ffff) as i64),
        Ty::PageOffset => Value::Hex(raw << 12),
        Ty::Octal => Value::Octal(raw & 0xffff),
        Ty::Mode => Value::Set(tables::set(SetId::FileModeBits), raw & 0xffff),
        Ty::Fd => Value::Fd(raw as i32),
        Ty::DirFd => Value::DirFd(raw as i32),
        Ty::Signal => Value::Signal(raw as u32),
        Ty::Addr => Value::Addr(raw),
        Ty::WakeOp => Value::WakeOp(raw as u32),
        Ty::Flags64(id) => Value::Set(tables::set(id), raw & 0xffff_ffff | next() << 32),
        Ty::Enum(SetId::IoctlRequest) => {
            Value::Ioctl(tables::ioctl_names(abi, raw as u32), raw as u32)
        }
        Ty::Flags(id) | Ty::Enum(id) => Value::Set(tables::set(id), raw),
        Ty::SigMask => Value::SigSet(raw & 0xffff_ffff),
        Ty::Dev => {
            let (major, minor) = (raw >> 8 & 0xfff, raw & 0xff | raw >> 12 & 0xf_ff00);
            Value::Dev(major as u32, minor as u32)
        }
        Ty::Key if raw as u32 == 0 => Value::Name("IPC_PRIVATE"),
        _ => Value::Hex(raw),
    }
}

#[cfg(test)]
mod tests {
    use strace_ebpf_common::{capture::Capture, record::CallRecord};

    use super::*;
    use crate::tables;

    const OPTIONS: Options = Options {
        elements: 32,
        string: 32,
        verbose: false,
    };

    fn call<'a>(
        name: &str,
        args: [u64; 6],
        ret: i64,
        captures: &[(u8, i32, &'a [u8])],
    ) -> (Call<'a>, &'static Syscall) {
        let (nr, syscall) = tables::by_name(Abi::X86_64, name).expect(name);
        let record = CallRecord {
            nr,
            args,
            ret,
            ..CallRecord::default()
        };
        let captures = captures
            .iter()
            .map(|&(arg, errno, bytes)| Captured {
                header: Capture {
                    arg,
                    addr: args.get(usize::from(arg)).copied().unwrap_or(0),
                    errno: errno as u16,
                    len: bytes.len() as u32,
                    ..Capture::default()
                },
                bytes,
            })
            .collect();
        (
            Call {
                record,
                captures,
                no_return: false,
            },
            syscall,
        )
    }

    fn decoded<'a>(call: &Call<'a>, syscall: &Syscall) -> Vec<Vec<Value<'a>>> {
        args(call, Some(syscall), &OPTIONS)
            .iter()
            .map(<[Value<'_>]>::to_vec)
            .collect()
    }

    #[test]
    fn scalars_have_the_width_of_their_type() {
        let (call, syscall) = call(
            "openat",
            [0xffff_ff9c, 0x1000, 0x80040, 0o644, 0, 0],
            3,
            &[(1, 0, b"/x")],
        );
        assert_eq!(
            decoded(&call, syscall),
            [
                vec![Value::DirFd(-100)],
                vec![Value::Path(b"/x")],
                vec![Value::Set(tables::set(SetId::OpenFlags), 0x80040)],
                vec![Value::Octal(0o644)]
            ]
        );
    }

    #[test]
    fn what_could_not_be_read_is_a_pointer_and_never_empty() {
        let (failed, syscall) = call("openat", [3, 0x1000, 0, 0, 0, 0], -14, &[(1, 14, b"")]);
        assert_eq!(decoded(&failed, syscall)[1], [Value::Addr(0x1000)]);
        let (missing, syscall) = call("openat", [3, 0x1000, 0, 0, 0, 0], -14, &[]);
        assert_eq!(decoded(&missing, syscall)[1], [Value::Addr(0x1000)]);
        let (null, syscall) = call("openat", [3, 0, 0, 0, 0, 0], -14, &[]);
        assert_eq!(decoded(&null, syscall)[1], [Value::Addr(0)]);
    }

    #[test]
    fn outputs_of_failed_calls_are_pointers() {
        let (good, syscall) = call("read", [0, 0x2000, 5, 0, 0, 0], 2, &[(1, 0, b"hi")]);
        assert_eq!(
            decoded(&good, syscall)[1],
            [Value::Bytes {
                bytes: b"hi",
                cut: false
            }]
        );
        let (bad, syscall) = call("read", [0, 0x2000, 5, 0, 0, 0], -9, &[]);
        assert_eq!(decoded(&bad, syscall)[1], [Value::Addr(0x2000)]);
    }

    #[test]
    fn outcomes() {
        let of = |name, ret| {
            let (call, syscall) = call(name, [0; 6], ret, &[]);
            outcome(&call, Some(syscall))
        };
        assert_eq!(of("read", 5), Outcome::Value(Value::Int(5)));
        assert_eq!(of("read", -2), Outcome::Error(2));
        assert_eq!(of("read", -512), Outcome::Restart(512));
        assert_eq!(
            of("mmap", 0x7f00_0000_0000),
            Outcome::Value(Value::Hex(0x7f00_0000_0000))
        );
        assert_eq!(of("rt_sigreturn", -4), Outcome::Error(4));
        assert_eq!(of("mmap", -12), Outcome::Error(12));
    }
}
