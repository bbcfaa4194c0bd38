//! Captured bytes and registers to values. Reads the tables and what was captured, never the
//! tracee's memory; what could not be captured is shown as its pointer.

pub mod value;
mod vectors;

use smallvec::SmallVec;
use strace_ebpf_common::{
    capture::CAPTURE_TRUNCATED,
    record::{ABI_I386, ABI_X32},
};

use crate::{
    session::{Call, parse::Captured},
    tables::{self, Abi, Arg, Dir, Ret, SetId, Syscall, Ty},
};
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

/// Is the memory behind arguments of this type shown, and so worth capturing? Structures, arrays
/// and messages still print as their addresses.
#[must_use]
pub fn shows(ty: Ty) -> bool {
    matches!(
        ty,
        Ty::Path | Ty::Str | Ty::Buf { .. } | Ty::StrVec | Ty::EnvVec | Ty::Iovec { .. }
    )
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
    for (index, arg) in (0u8..).zip(syscall.args) {
        if arg.ty == Ty::Unused {
            continue;
        }
        args.begin();
        argument(&mut args, call, abi, index, arg, options);
    }
    args
}

fn argument<'a>(
    out: &mut Args<'a>,
    call: &Call<'a>,
    abi: Abi,
    index: u8,
    arg: &Arg,
    options: &Options,
) {
    let raw = call
        .record
        .args
        .get(usize::from(index))
        .copied()
        .unwrap_or(0);
    if arg.ty.dir().is_none() {
        out.push(scalar(arg.ty, raw, call, index, abi));
        return;
    }
    let captures = memory_of(call, index);
    let failed = (-4095..0).contains(&call.record.ret) && !call.no_return;
    if raw == 0 && captures.is_empty() || failed && arg.ty.dir() == Some(Dir::Out) {
        out.push(Value::Addr(raw));
        return;
    }
    match arg.ty {
        Ty::Path | Ty::Str | Ty::Buf { .. } => match captures.first() {
            Some(captured) if captured.header.errno == 0 => out.push(text(arg.ty, captured)),
            _ => out.push(Value::Addr(raw)),
        },
        Ty::StrVec => vectors::strings(out, &captures, raw, options),
        Ty::EnvVec if options.verbose => vectors::strings(out, &captures, raw, options),
        Ty::EnvVec => vectors::count(out, &captures, raw),
        Ty::Iovec { dir, .. } => vectors::iovecs(out, &captures, raw, abi, dir, call.record.ret),
        _ => out.push(Value::Addr(raw)),
    }
}

/// The captures of one argument: the exit's if the first of them could be read, else the enter's.
fn memory_of<'a>(call: &Call<'a>, index: u8) -> SmallVec<[Captured<'a>; 8]> {
    let mut at_exit: SmallVec<[Captured<'a>; 8]> = SmallVec::new();
    let mut at_enter: SmallVec<[Captured<'a>; 8]> = SmallVec::new();
    for captured in call.captured(index) {
        use strace_ebpf_common::capture::CAPTURE_AT_ENTER;
        let list = if captured.header.flags & CAPTURE_AT_ENTER != 0 {
            &mut at_enter
        } else {
            &mut at_exit
        };
        list.push(*captured);
    }
    if at_enter.is_empty() {
        return at_exit;
    }
    let enter_failed = at_enter
        .first()
        .is_none_or(|captured| captured.header.errno != 0);
    let exit_is_good = at_exit
        .first()
        .is_some_and(|captured| captured.header.errno == 0);
    if enter_failed && exit_is_good {
        at_exit
    } else {
        at_enter
    }
}

fn text<'a>(ty: Ty, captured: &Captured<'a>) -> Value<'a> {
    let cut = captured.header.flags & CAPTURE_TRUNCATED != 0;
    if ty == Ty::Path && !cut {
        return Value::Path(captured.bytes);
    }
    Value::Bytes {
        bytes: captured.bytes,
        cut,
    }
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
            [0xffff_ff9c, 0x1000, 0x80000, 0o644, 0, 0],
            3,
            &[(1, 0, b"/x")],
        );
        assert_eq!(
            decoded(&call, syscall),
            [
                vec![Value::DirFd(-100)],
                vec![Value::Path(b"/x")],
                vec![Value::Set(tables::set(SetId::OpenFlags), 0x80000)],
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
