//! Captured bytes and registers to values. Reads the tables and what was captured, never the
//! tracee's memory; what could not be captured is shown as its pointer.

mod aio;
mod arrays;
mod attributes;
mod bpf;
mod btrfs;
mod clocks;
mod consoles;
mod control;
mod cx;
pub mod descriptor;
mod dm;
pub mod dump;
mod files;
mod filters;
mod inner;
mod input;
mod ioctl;
mod machines;
mod members;
mod mounts;
mod narrow;
mod net;
mod netlink;
mod options;
mod perf;
mod pointers;
mod poll;
mod process;
mod ptrace;
mod quotas;
mod returned;
mod scalar;
mod scsi;
mod security;
mod signals;
mod sockaddr;
mod structs;
#[cfg(test)]
mod tests;
mod time;
mod uring;
pub mod value;
mod vectors;
mod video;

use strace_ebpf_common::{
    limits::{COMM_BYTES, X32_SYSCALL_BIT},
    record::{ABI_I386, ABI_X32, ABI_X86_64, CALL_RETVAL, CallRecord},
};

use crate::{
    session::{Call, parse::Captured},
    tables::{Abi, Arg, Attrs, Dir, Ret, StructId, Syscall, Ty},
};
use cx::Cx;
pub use inner::{number_of, syscall_of, unwrap};
pub use narrow::narrow;
use pointers::{is_output, pointer};
pub use returned::returned;
use scalar::scalars;
use value::{Args, Value};

/// What decoding depends on besides the call.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Elements of a vector that are shown without `-v` (`-s`).
    pub elements: usize,
    /// Bytes of a string that are shown (`-s`).
    pub string: usize,
    /// Nothing is abbreviated (`-v`).
    pub verbose: bool,
    /// Structures are shown, not just their addresses (`-e verbose=`).
    pub structs: bool,
    /// Registers are shown, and nothing is decoded (`-e raw=`).
    pub raw: bool,
    /// The data that goes through the call's descriptor is dumped (`-e read=`, `-e write=`).
    pub dump: bool,
    /// What is shown of descriptors, `descriptor::SHOW_*` bits.
    pub descriptors: u8,
}

impl Options {
    /// Elements of a vector that are shown: all of them with `-v`.
    #[must_use]
    pub const fn most(&self) -> usize {
        if self.verbose {
            usize::MAX
        } else {
            self.elements
        }
    }

    /// Without any option.
    pub const NORMAL: Self = Self {
        elements: 32,
        string: 32,
        verbose: false,
        structs: true,
        raw: false,
        dump: false,
        descriptors: 0,
    };
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
    /// With this number, which is an error that was cut to 32 bits.
    Narrow(u32, u32),
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

/// ABI (`ABI_*`) and number of a call that came in by the 64-bit entry, where a bit marks those of x32.
#[must_use]
pub fn of_64_bits(nr: u32) -> (u8, u32) {
    match nr & X32_SYSCALL_BIT {
        0 => (ABI_X86_64, nr),
        bit => (ABI_X32, nr & !bit),
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

/// Is it text or bytes, which are shown even where structures are not?
#[must_use]
pub fn is_text(ty: Ty) -> bool {
    matches!(
        ty,
        Ty::Path
            | Ty::Str
            | Ty::Buf { .. }
            | Ty::Binary { .. }
            | Ty::Xattr { .. }
            | Ty::PathBuf { .. }
            | Ty::NodeName { .. }
            | Ty::Struct {
                id: StructId::Comm,
                ..
            }
    )
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

/// Is memory missing that would be shown?
#[must_use]
pub fn misses(call: &Call<'_>, syscall: Option<&Syscall>) -> bool {
    let unread = |captured: &&Captured<'_>| {
        i32::from(captured.header.errno) == libc::EFAULT || cx::is_partial(captured)
    };
    let mut unread = call.captures.iter().filter(unread);
    syscall.is_some_and(|syscall| unread.any(|captured| wants(call, syscall, captured.header.arg)))
}

/// Does the call add something behind what it was given, `[3] => [5]`?
#[must_use]
pub fn grows(ty: Ty) -> bool {
    match ty {
        Ty::Struct {
            dir: Dir::InOut,
            id,
            ..
        } => {
            structs::is_scalar(id, Abi::X86_64)
                && !matches!(id, StructId::SocklenT | StructId::LsmSize)
        }
        Ty::Struct { id, .. } => id == StructId::CloneArgs,
        _ => false,
    }
}

/// The name of a call that restart_syscall(2) will go on with.
#[must_use]
pub fn interrupted(record: &CallRecord) -> Option<&'static str> {
    const ERESTART_RESTARTBLOCK: i64 = 516;
    let syscall = syscall_of(record)?;
    (record.ret == -ERESTART_RESTARTBLOCK).then_some(syscall.name)
}

/// Adds the arguments of a call; those of restart_syscall(2) are what it `goes_on` with.
pub fn args_of_restarted<'a>(
    args: &mut Args<'a>,
    call: &Call<'a>,
    syscall: Option<&Syscall>,
    options: &Options,
    goes_on: Option<&'static str>,
) {
    self::args(args, call, syscall, options);
    if syscall.is_some_and(|syscall| syscall.name == "restart_syscall") {
        args.begin();
        args.push(Value::GoesOn(goes_on.unwrap_or("system call")));
    }
}

/// Is it to be started again?
#[must_use]
pub fn restarts(record: &CallRecord) -> bool {
    u32::try_from(record.ret.wrapping_neg()).is_ok_and(|errno| RESTARTS.contains(&errno))
}

/// A signal's `siginfo_t`, or the first 48 bytes of it.
#[must_use]
pub fn siginfo(abi: Abi, bytes: &[u8]) -> Args<'_> {
    let mut args = Args::default();
    args.begin();
    signals::siginfo(&mut args, abi, bytes);
    args
}

/// Puts their names, and behind those their numbers here, behind all processes and threads of which `name` and `ours` know
/// one.
pub fn name_pids(
    args: &mut Args<'_>,
    name: impl Fn(i32) -> Option<[u8; COMM_BYTES]>,
    ours: impl Fn(i32) -> Option<u32>,
) {
    args.insert_behind(|value| match *value {
        Value::Pid(pid) => ours(pid).map(Value::OurPid),
        _ => None,
    });
    args.insert_behind(|value| match *value {
        Value::Pid(pid) => name(pid).map(Value::Comm),
        _ => None,
    });
}

/// The result of a call.
#[must_use]
pub fn outcome(call: &Call<'_>, syscall: Option<&Syscall>, options: &Options) -> Outcome {
    let ret = call.record.ret;
    if call.no_return {
        return Outcome::NoReturn;
    }
    let kind = syscall.map_or(Ret::Long, |syscall| syscall.ret);
    let is_value = call.record.flags & CALL_RETVAL != 0;
    if (-4095..0).contains(&ret) && !is_value {
        let errno = ret.unsigned_abs() as u32;
        return if RESTARTS.contains(&errno) {
            Outcome::Restart(errno)
        } else {
            Outcome::Error(errno)
        };
    }
    let cut = (ret as u32).wrapping_neg();
    if kind == Ret::Narrow && (1..4096).contains(&cut) && !options.raw {
        return Outcome::Narrow(ret as u32, cut);
    }
    Outcome::Value(match kind {
        _ if options.raw => Value::Hex(ret as u64),
        Ret::Addr | Ret::Hex => Value::Hex(ret as u64),
        _ if syscall.is_some_and(|syscall| returned::is_flags(call, syscall)) => {
            Value::Hex(ret as u64)
        }
        Ret::Octal => Value::Octal(ret as u64),
        Ret::Fd => Value::Fd(ret as i32),
        Ret::Pid => Value::Pid(ret as i32),
        _ if syscall.is_some_and(|syscall| returned::is_of(Ty::Fd, call, syscall)) => {
            Value::Fd(ret as i32)
        }
        _ if syscall.is_some_and(|syscall| returned::is_of(Ty::Pid, call, syscall)) => {
            Value::Pid(ret as i32)
        }
        _ if is_value => Value::Uint(ret as u64),
        _ => Value::Int(ret),
    })
}

/// What was in the registers. On 64 bits the second half of an offset is always empty, and strace leaves it out.
fn registers(out: &mut Args<'_>, call: &Call<'_>, syscall: &Syscall, abi: Abi) {
    let is_empty = |arg: &Arg| abi != Abi::I386 && arg.ty == Ty::Unused || arg.ty == Ty::Frame;
    let last = syscall.args.iter().rposition(|arg| !is_empty(arg));
    for raw in call
        .record
        .args
        .iter()
        .take(last.map_or(0, |last| last + 1))
    {
        out.begin();
        out.push(Value::Hex(*raw));
    }
}

/// Adds the arguments of a call. They are written where they are to be: moving them costs more than most calls take to
/// decode.
pub fn args<'a>(
    args: &mut Args<'a>,
    call: &Call<'a>,
    syscall: Option<&Syscall>,
    options: &Options,
) {
    plain_args(args, call, syscall, options);
    if options.descriptors != 0 {
        descriptor::decorate(args, call, options.descriptors);
    }
}

/// The arguments as the caller wrote them.
fn plain_args<'a>(
    args: &mut Args<'a>,
    call: &Call<'a>,
    syscall: Option<&Syscall>,
    options: &Options,
) {
    let Some(syscall) = syscall else {
        // Nobody knows how many there are.
        for raw in call.record.args {
            args.begin();
            args.push(Value::Hex(raw));
        }
        return;
    };
    let abi = abi_of(call.record.abi);
    if options.raw {
        registers(args, call, syscall, abi);
        return;
    }
    let list = syscall.args_for(&call.record.args);
    if syscall.attrs.contains(Attrs::CLONE) {
        process::clone(args, &Cx::new(call, abi, list, 2, options));
        return;
    }
    for (index, arg) in (0u8..).zip(list) {
        if arg.ty == Ty::Unused {
            continue;
        }
        if arg.ty == Ty::Frame {
            let captures = cx::before(call, index);
            if let Some(mask) = captures.first().filter(|c| c.bytes.len() == 8) {
                args.begin();
                signals::saved_mask(args, mask.bytes);
            }
            continue;
        }
        args.begin();
        if arg.ty.dir().is_none() {
            let raw = call.record.args.get(usize::from(index)).copied();
            scalars(args, arg.ty, raw.unwrap_or(0), call, index, abi);
        } else {
            pointer(args, &Cx::new(call, abi, list, index, options), arg.ty);
        }
    }
}
