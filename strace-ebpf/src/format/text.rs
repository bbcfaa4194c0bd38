//! Decoded values as the text that strace(1) writes for them; TSV and the strace format share it.

use strace_ebpf_common::record::{ABI_I386, CallRecord};

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr},
};

use super::{
    escape::{self, Hex},
    number, time,
};
use crate::{
    decode::value::Value,
    tables::{self, Part, Set, SetId, Split, Syscall},
};

/// How values look, whatever the form of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rendering {
    /// Strings in hexadecimal (`-x`).
    pub strings: Hex,
}

impl Rendering {
    /// Without any option.
    pub const NORMAL: Self = Self {
        strings: Hex::Never,
    };
}

/// One argument from its tokens.
pub fn argument(out: &mut Vec<u8>, values: &[Value<'_>], rendering: Rendering) {
    let mut comma = false;
    for value in values {
        if comma && !sticks(value) {
            out.extend_from_slice(b", ");
        }
        one(out, value, rendering);
        comma = !opens(value);
    }
}

/// Tokens that follow what is before them without a comma.
fn sticks(value: &Value<'_>) -> bool {
    matches!(
        value,
        Value::ListClose
            | Value::StructClose
            | Value::CallClose
            | Value::Becomes
            | Value::Comment(_)
            | Value::Count(..)
            | Value::Date(..)
    )
}

/// Tokens after which no comma comes.
fn opens(value: &Value<'_>) -> bool {
    matches!(
        value,
        Value::ListOpen
            | Value::StructOpen
            | Value::CallOpen(_)
            | Value::Field(_)
            | Value::Word(_)
            | Value::Index(..)
            | Value::At
            | Value::Becomes
            | Value::Beyond(..)
    )
}

/// One token.
pub fn one(out: &mut Vec<u8>, value: &Value<'_>, rendering: Rendering) {
    let strings = rendering.strings;
    match *value {
        Value::Int(n) => number::decimal(out, n),
        Value::Uint(n) => number::decimal(out, n),
        Value::Hex(n) => number::hex(out, n),
        Value::Octal(n) => number::octal(out, n),
        Value::Fd(fd) => number::decimal(out, fd),
        Value::DirFd(libc::AT_FDCWD) => out.extend_from_slice(b"AT_FDCWD"),
        Value::DirFd(fd) => number::decimal(out, fd),
        Value::Addr(0) => out.extend_from_slice(b"NULL"),
        Value::Addr(addr) => number::hex(out, addr),
        Value::Signal(signal) => signal_name(out, signal),
        Value::Path(bytes) => escape::quoted(out, bytes, strings),
        Value::Bytes { bytes, cut } => {
            escape::quoted(out, bytes, strings);
            if cut {
                out.extend_from_slice(b"...");
            }
        }
        Value::Text(bytes) => escape::escaped(out, bytes),
        Value::Set(set, value) => names(out, set, value),
        Value::Ioctl(names, request) => ioctl(out, names, request),
        Value::SigSet(bits) => signal_set(out, bits),
        Value::Dev(major, minor) => device(out, major, minor),
        Value::Name(name) => out.extend_from_slice(name.as_bytes()),
        Value::Wide(set, value) => parts(out, set.split_wide(value)),
        Value::Shifted(set, bits) => shifted(out, set, bits),
        Value::Binary { bytes, cut } => {
            escape::quoted(out, bytes, Hex::Always);
            if cut {
                out.extend_from_slice(b"...");
            }
        }
        Value::WakeOp(op) => wake_op(out, op),
        Value::NrName(name) => write_fmt(out, format_args!("__NR_{name}")),
        Value::Bits(bytes, count) => bits(out, bytes, count),
        Value::Wait(status) => wait(out, status),
        Value::Limit(limit, wide) => rlimit(out, limit, wide),
        Value::Inet(address) => write_fmt(
            out,
            format_args!("{:?}", Ipv4Addr::from(address).to_string()),
        ),
        Value::Inet6(address) => write_fmt(
            out,
            format_args!("{:?}", Ipv6Addr::from(address).to_string()),
        ),
        Value::Hex6(0) => out.extend_from_slice(b"00000000"),
        Value::Hex6(n) => write_fmt(out, format_args!("{n:#08x}")),
        Value::Word64(n, bytes) => {
            let width = 2 * usize::from(bytes);
            if n == 0 {
                number::padded(out, 0, width);
            } else {
                write_fmt(out, format_args!("{n:#0width$x}"));
            }
        }
        Value::CallOpen(name) => {
            out.extend_from_slice(name.as_bytes());
            out.push(b'(');
        }
        Value::CallClose => out.push(b')'),
        Value::At => out.push(b'@'),
        Value::Becomes => out.extend_from_slice(b" => "),
        Value::Index(Some(name), _) => write_fmt(out, format_args!("[{name}]=")),
        Value::Index(None, place) => write_fmt(out, format_args!("[{place}]=")),
        Value::Word(word) => {
            out.extend_from_slice(word.as_bytes());
            out.push(b' ');
        }
        Value::GoesOn(name) => {
            write_fmt(out, format_args!("<... resuming interrupted {name} ...>"))
        }
        Value::Comment(text) => remark(out, text),
        Value::Beyond(from, to) => write_fmt(out, format_args!("/* bytes {from}..{to} */ ")),
        Value::Date(seconds, fraction, digits) => {
            out.extend_from_slice(b" /* ");
            time::date(out, seconds, fraction, digits);
            out.extend_from_slice(b" */");
        }
        Value::ListOpen => out.push(b'['),
        Value::ListClose => out.push(b']'),
        Value::StructOpen => out.push(b'{'),
        Value::StructClose => out.push(b'}'),
        Value::Field(name) => {
            out.extend_from_slice(name.as_bytes());
            out.push(b'=');
        }
        Value::More => out.extend_from_slice(b"..."),
        Value::Count(n, what) => {
            out.extend_from_slice(b" /* ");
            number::decimal(out, n);
            out.push(b' ');
            out.extend_from_slice(what.as_bytes());
            out.extend_from_slice(b" */");
        }
    }
}

/// The call's name; numbers that no table has as `syscall_0x…`.
pub fn call_name(out: &mut Vec<u8>, record: &CallRecord, syscall: Option<&Syscall>) {
    if let Some(syscall) = syscall {
        out.extend_from_slice(syscall.name.as_bytes());
        return;
    }
    out.extend_from_slice(b"syscall_");
    // The kernel takes the number as an int; in 64-bit registers it is sign-extended.
    let wide = i64::from(record.nr as i32) as u64;
    number::hex(
        out,
        if record.abi == ABI_I386 {
            u64::from(record.nr)
        } else {
            wide
        },
    );
}

/// A signal's name, or its number.
pub fn signal_name(out: &mut Vec<u8>, signal: u32) {
    match tables::signal_name(signal) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => number::decimal(out, signal as i32),
    }
}

fn names(out: &mut Vec<u8>, set: &'static Set, value: u64) {
    parts(out, set.split(value));
}

fn parts(out: &mut Vec<u8>, parts: Split) {
    for (i, part) in parts.enumerate() {
        if i > 0 {
            out.push(b'|');
        }
        match part {
            Part::Name(name) => out.extend_from_slice(name.as_bytes()),
            Part::Unknown(n, comment) => {
                number::hex(out, n);
                if let Some(comment) = comment {
                    remark(out, comment);
                }
            }
            Part::Decimal(n) => number::decimal(out, n),
            Part::Octal(n) => number::octal(out, n),
            Part::Shifted(n, by) => {
                number::decimal(out, n);
                out.extend_from_slice(b"<<");
                out.extend_from_slice(by.as_bytes());
            }
        }
    }
}

fn shifted(out: &mut Vec<u8>, set: &'static Set, bits: u64) {
    if bits == 0 {
        out.push(b'0');
    }
    let mut unknown = 0;
    let mut first = true;
    for bit in (0..64).filter(|bit| bits >> bit & 1 != 0) {
        let Some(name) = set.name_of(bit) else {
            unknown |= 1 << bit;
            continue;
        };
        out.extend_from_slice(if first { b"1<<" } else { b"|1<<" });
        out.extend_from_slice(name.as_bytes());
        first = false;
    }
    if unknown != 0 {
        if !first {
            out.push(b'|');
        }
        number::hex(out, unknown);
        if first {
            remark(out, "CAP_???");
        }
    }
}

/// `FUTEX_OP_SET<<28|0<<12|FUTEX_OP_CMP_NE<<24|0x5`: futex(2) FUTEX_WAKE_OP.
fn wake_op(out: &mut Vec<u8>, op: u32) {
    names(
        out,
        tables::set(SetId::FutexWakeOp),
        u64::from(op >> 28 & 7),
    );
    if op >> 31 != 0 {
        out.extend_from_slice(b"|FUTEX_OP_OPARG_SHIFT");
    }
    out.extend_from_slice(b"<<28|");
    number::hex(out, u64::from(op >> 12 & 0xfff));
    out.extend_from_slice(b"<<12|");
    names(
        out,
        tables::set(SetId::FutexWakeCmp),
        u64::from(op >> 24 & 0xf),
    );
    out.extend_from_slice(b"<<24|");
    number::hex(out, u64::from(op & 0xfff));
}

/// The numbers of the bits that are set.
fn bits(out: &mut Vec<u8>, bytes: &[u8], count: u32) {
    out.push(b'[');
    let mut first = true;
    for (byte, at) in bytes.iter().zip((0u32..).step_by(8)) {
        for bit in (0..8).filter(|bit| byte >> bit & 1 != 0 && at + bit < count) {
            if !first {
                out.push(b' ');
            }
            first = false;
            number::decimal(out, at + bit);
        }
    }
    out.push(b']');
}

/// A status as wait(2)'s macros take it apart.
fn wait(out: &mut Vec<u8>, status: u32) {
    let (low, high) = (status & 0x7f, status >> 8 & 0xff);
    let signal = |out: &mut Vec<u8>, what: &str, number: u32| {
        out.extend_from_slice(what.as_bytes());
        signal_name(out, number);
    };
    out.push(b'{');
    let mut known = 0xffff;
    if status == 0xffff {
        out.extend_from_slice(b"WIFCONTINUED(s)");
    } else if status & 0xff == 0x7f {
        signal(out, "WIFSTOPPED(s) && WSTOPSIG(s) == ", high & 0x7f);
        if high & 0x80 != 0 {
            out.extend_from_slice(b" | 0x80");
        }
    } else if low == 0 {
        out.extend_from_slice(b"WIFEXITED(s) && WEXITSTATUS(s) == ");
        number::decimal(out, high);
    } else {
        signal(out, "WIFSIGNALED(s) && WTERMSIG(s) == ", low);
        if status & 0x80 != 0 {
            out.extend_from_slice(b" && WCOREDUMP(s)");
        }
        known = 0xff;
    }
    out.push(b'}');
    let event = status >> 16;
    if event != 0 {
        out.extend_from_slice(b" | ");
        if let (Some(name), true) = (
            tables::set(SetId::PtraceEvent).name_of(event.into()),
            known == 0xffff,
        ) {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b" << 16");
        } else {
            number::hex(out, u64::from(status & !known));
        }
    }
}

/// In KiB where it is a whole number of them.
fn rlimit(out: &mut Vec<u8>, limit: u64, wide: bool) {
    match (limit, wide) {
        (u64::MAX, true) => out.extend_from_slice(b"RLIM64_INFINITY"),
        (0xffff_ffff, false) => out.extend_from_slice(b"RLIM_INFINITY"),
        _ if limit > 1024 && limit.is_multiple_of(1024) => {
            number::decimal(out, limit / 1024);
            out.extend_from_slice(b"*1024");
        }
        _ => number::decimal(out, limit),
    }
}

/// As `write!` does; a vector takes everything.
fn write_fmt(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = io::Write::write_fmt(out, text);
}

fn remark(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b" /* ");
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b" */");
}

/// A request by name; without one as what its number is made of, `include/uapi/asm-generic/ioctl.h`.
fn ioctl(out: &mut Vec<u8>, names: &[&str], request: u32) {
    if names.is_empty() {
        let (dir, size) = (request >> 30, request >> 16 & 0x3fff);
        let dir = match dir {
            0 => "_IOC_NONE",
            1 => "_IOC_WRITE",
            2 => "_IOC_READ",
            _ => "_IOC_READ|_IOC_WRITE",
        };
        out.extend_from_slice(b"_IOC(");
        out.extend_from_slice(dir.as_bytes());
        for part in [request >> 8 & 0xff, request & 0xff, size] {
            out.extend_from_slice(b", ");
            number::hex(out, u64::from(part));
        }
        out.push(b')');
        return;
    }
    for (i, name) in names.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b" or ");
        }
        out.extend_from_slice(name.as_bytes());
    }
}

/// `[INT CHLD]`, or `~[KILL STOP]` when that is shorter.
fn signal_set(out: &mut Vec<u8>, bits: u64) {
    let inverted = bits.count_ones() > 42;
    let shown = if inverted { !bits } else { bits };
    if inverted {
        out.push(b'~');
    }
    out.push(b'[');
    let mut first = true;
    for signal in (1..=64).filter(|signal| shown >> (signal - 1) & 1 != 0) {
        if !first {
            out.push(b' ');
        }
        first = false;
        match tables::signal_name(signal) {
            Some(name) => out.extend_from_slice(name.trim_start_matches("SIG").as_bytes()),
            None => number::decimal(out, signal),
        }
    }
    out.push(b']');
}

fn device(out: &mut Vec<u8>, major: u32, minor: u32) {
    out.extend_from_slice(b"makedev(");
    number::hex(out, u64::from(major));
    out.extend_from_slice(b", ");
    number::hex(out, u64::from(minor));
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{Abi, ioctl_names, set};

    fn text(values: &[Value<'_>]) -> String {
        let mut out = Vec::new();
        argument(&mut out, values, Rendering::NORMAL);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn values_as_strace_writes_them() {
        use Value::*;
        let cases: &[(&[Value<'_>], &str)] = &[
            (
                &[Value::Set(set(SetId::OpenFlags), 0x80241)],
                "O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC",
            ),
            (
                &[Value::Set(set(SetId::MmapProt), 0x1000)],
                "0x1000 /* PROT_??? */",
            ),
            (&[SigSet(0)], "[]"),
            (&[SigSet(1 << 1 | 1 << 16)], "[INT CHLD]"),
            (&[SigSet(!(1 << 8 | 1 << 18))], "~[KILL STOP]"),
            (&[Dev(8, 0x11)], "makedev(0x8, 0x11)"),
            (
                &[Ioctl(ioctl_names(Abi::X86_64, 0x5413), 0x5413)],
                "TIOCGWINSZ",
            ),
            (
                &[Ioctl(&[], 0x8004_1234)],
                "_IOC(_IOC_READ, 0x12, 0x34, 0x4)",
            ),
            (&[ListOpen, Int(1), Int(2), More, ListClose], "[1, 2, ...]"),
            (
                &[
                    ListOpen,
                    StructOpen,
                    Field("a"),
                    Int(1),
                    Field("b"),
                    Addr(0),
                    StructClose,
                    ListClose,
                ],
                "[{a=1, b=NULL}]",
            ),
            (&[Addr(0x10), Count(2, "vars")], "0x10 /* 2 vars */"),
            (&[Signal(17)], "SIGCHLD"),
            (&[Signal(99)], "99"),
        ];
        for (values, expected) in cases {
            assert_eq!(text(values), *expected);
        }
    }
}
