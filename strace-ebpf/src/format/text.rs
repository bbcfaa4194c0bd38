//! Decoded values as the text that strace(1) writes for them; TSV and the strace format share it.

use strace_ebpf_common::record::{ABI_I386, CallRecord};

use std::{io, net::Ipv4Addr};

use super::{
    color,
    constants::{self, Constants, remark},
    descriptor,
    escape::{self, Hex},
    network, number, requests, time,
};
use crate::{
    decode::value::Value,
    tables::{self, Set, SetId, Syscall},
};

/// How values look, whatever the form of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rendering {
    /// Strings in hexadecimal (`-x`).
    pub strings: Hex,
    /// Constants by name, as numbers, or both (`-X`).
    pub constants: Constants,
    /// With colors (`--color`).
    pub color: bool,
}

impl Rendering {
    /// Without any option.
    pub const NORMAL: Self = Self {
        strings: Hex::Never,
        constants: Constants::Abbrev,
        color: false,
    };
}

/// One argument from its tokens.
pub fn argument(out: &mut Vec<u8>, values: &[Value<'_>], rendering: Rendering) {
    let mut comma = false;
    let mut rest = values.iter();
    while let Some(value) = rest.next() {
        if comma && !sticks(value) {
            out.extend_from_slice(b", ");
        }
        comma = !opens(value);
        match *value {
            Value::Wire(bytes, len) if rendering.constants != Constants::Abbrev => {
                wire(out, bytes, len, &mut rest, rendering);
                comma = true;
            }
            Value::Memory(bytes) if rendering.constants != Constants::Abbrev => {
                escape::quoted(out, bytes, Hex::Always);
                meaning(out, &mut rest, rendering, true);
                comma = true;
            }
            _ if rendering.color => {
                color::paint(out, color::of(value), |out| one(out, value, rendering));
            }
            _ => one(out, value, rendering),
        }
    }
}

/// Bytes as they were in memory, or the number that they are, then perhaps the call in C that makes them, which follows.
fn wire(
    out: &mut Vec<u8>,
    bytes: [u8; 4],
    len: u8,
    rest: &mut std::slice::Iter<'_, Value<'_>>,
    rendering: Rendering,
) {
    match len {
        0 => number::decimal(out, u32::from_le_bytes(bytes)),
        1 => number::decimal(out, i32::from_le_bytes(bytes)),
        3 | 5 => number::hex(out, u32::from_le_bytes(bytes).into()),
        _ => {
            let bytes = bytes.get(..usize::from(len)).unwrap_or_default();
            escape::quoted(out, bytes, Hex::Always);
        }
    }
    meaning(out, rest, rendering, !matches!(len, 0 | 1 | 3));
}

/// The call in C that makes what stands there, as a remark if there are any; by name alone if it is `plain`.
fn meaning(
    out: &mut Vec<u8>,
    rest: &mut std::slice::Iter<'_, Value<'_>>,
    rendering: Rendering,
    plain: bool,
) {
    let mut inner = rendering;
    if plain {
        inner.constants = Constants::Abbrev;
    }
    let is_end = |value: &Value<'_>| matches!(value, Value::CallClose);
    let call = rest.as_slice();
    let end = call
        .iter()
        .position(is_end)
        .map_or(call.len(), |end| end + 1);
    let (call, after) = call.split_at(end);
    if rendering.constants == Constants::Verbose {
        out.extend_from_slice(b" /* ");
        argument(out, call, inner);
        out.extend_from_slice(b" */");
    }
    *rest = after.iter();
}

/// Tokens that follow what is before them without a comma.
fn sticks(value: &Value<'_>) -> bool {
    matches!(
        value,
        Value::ListClose
            | Value::StructClose
            | Value::CallClose
            | Value::NextFd(_)
            | Value::Opened(_)
            | Value::Comm(_)
            | Value::OurPid(_)
            | Value::Becomes
            | Value::Comment(_)
            | Value::Spanning(..)
            | Value::Count(..)
            | Value::Date(..)
            | Value::Range(..)
            | Value::Shift(_)
            | Value::Seconds(..)
            | Value::SignedSeconds(..)
            | Value::Tone(..)
            | Value::Key(_)
            | Value::Or
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
            | Value::Wire(..)
            | Value::Memory(_)
            | Value::At
            | Value::Plus(_)
            | Value::Sign(_)
            | Value::Or
            | Value::Place(..)
            | Value::Becomes
            | Value::Shift(_)
            | Value::Beyond(..)
    )
}

/// How many seconds parts of one are, as a remark.
fn seconds(out: &mut Vec<u8>, sign: &[u8], parts: u64, digits: u8) {
    let second = 10_u64.pow(digits.into());
    out.extend_from_slice(b" /* ");
    out.extend_from_slice(sign);
    number::decimal(out, parts / second);
    out.push(b'.');
    number::padded(out, parts % second, digits.into());
    out.extend_from_slice(b" s */");
}

/// One token.
pub fn one(out: &mut Vec<u8>, value: &Value<'_>, rendering: Rendering) {
    let (strings, style) = (rendering.strings, rendering.constants);
    match *value {
        Value::Int(n) => number::decimal(out, n),
        Value::Uint(n) => number::decimal(out, n),
        Value::Hex(n) => number::hex(out, n),
        Value::Octal(n) => number::octal(out, n),
        Value::Fd(fd) => number::decimal(out, fd),
        Value::Pid(pid) => number::decimal(out, pid),
        Value::Comm(ref name) => comm(out, name, strings),
        Value::OurPid(pid) => our_pid(out, pid),
        Value::DirFd(libc::AT_FDCWD) => {
            constants::named(out, style, libc::AT_FDCWD, "AT_FDCWD");
        }
        Value::DirFd(fd) => number::decimal(out, fd),
        Value::NextFd(fd) => {
            out.push(b' ');
            number::decimal(out, fd);
        }
        Value::Opened(ref opened) => descriptor::opened(out, opened, strings),
        Value::Addr(0) => out.extend_from_slice(b"NULL"),
        Value::Addr(addr) => number::hex(out, addr),
        Value::Signal(signal) => constants::signal(out, style, signal),
        Value::Path(bytes) => escape::quoted(out, bytes, strings),
        Value::Bytes { bytes, cut } => {
            escape::quoted(out, bytes, strings);
            if cut {
                out.extend_from_slice(b"...");
            }
        }
        Value::Text(bytes) => escape::escaped(out, bytes),
        Value::Set(set, value) => constants::set(out, style, set, set.cut(value)),
        Value::Noted(set, value) => constants::noted(out, style, set, value),
        Value::NotedHex(set, value) => constants::noted_hex(out, style, set, value),
        Value::Loose(set, value) => constants::loose(out, style, set, value),
        Value::IoPrio(value) => constants::io_priority(out, style, value),
        Value::Ioctl(names, request) => requests::ioctl(out, style, names, request),
        Value::IoctlOf(pattern, names, request) => {
            requests::ioctl_of(out, style, pattern, names, request);
        }
        Value::Chosen(set, bits) => chosen(out, style, set, bits),
        Value::SigSet(bits) => constants::signal_set(out, style, bits),
        Value::Dev(major, minor) => constants::device(out, style, major, minor),
        Value::Name(name) => out.extend_from_slice(name.as_bytes()),
        Value::Wide(set, value) => constants::set(out, style, set, value),
        Value::Names(set, value) => constants::names(out, set, set.cut(value)),
        Value::Shifted(set, bits) => constants::shifted(out, style, set, bits),
        Value::Binary { bytes, cut } => {
            escape::quoted(out, bytes, Hex::Always);
            if cut {
                out.extend_from_slice(b"...");
            }
        }
        Value::WakeOp(op) => constants::wake_op(out, style, op),
        Value::Const(name, value) => constants::named_hex(out, style, value, name),
        Value::NrName(name, nr) => constants::call_number(out, style, name, nr),
        Value::Utime(name, seconds, nanos) => {
            constants::utime(out, style, name, seconds, nanos);
        }
        Value::InetPton6(field, address) => constants::inet_pton6(out, rendering, field, address),
        Value::Interface(index, name) => constants::interface(out, rendering, index, &name),
        // Its turn is in `argument`; alone it has none.
        Value::Wire(..) | Value::Memory(_) => {}
        Value::Number(name, value) => constants::named(out, style, value, name),
        Value::Unnamed(comment, value) => {
            number::decimal(out, value);
            if style != Constants::Raw {
                constants::remark(out, comment);
            }
        }
        Value::Bits(bytes, count) => bits(out, bytes, count),
        Value::NamedBits(set, bytes, most) => constants::bits(out, style, set, bytes, most),
        Value::Wait(status) => wait(out, status),
        Value::Limit(limit, wide) => constants::limit(out, style, limit, wide),
        Value::Inet(address) => {
            let text = Ipv4Addr::from(address).to_string();
            escape::quoted(out, text.as_bytes(), strings);
        }
        Value::Callsign(call) => network::callsign(out, style, call),
        Value::Mac(bytes) => constants::hardware(out, style, bytes),
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
        Value::Above(name, from, value) => constants::above(out, style, name, from, value),
        Value::Plus(name) => {
            out.extend_from_slice(name.as_bytes());
            out.push(b'+');
        }
        Value::Range(first, last) => write_fmt(out, format_args!(" /* {first}..{last} */")),
        Value::Becomes => out.extend_from_slice(b" => "),
        Value::Index(Some(name), _) => write_fmt(out, format_args!("[{name}]=")),
        Value::Index(None, place) => write_fmt(out, format_args!("[{place}]=")),
        Value::Shift(by) => {
            out.extend_from_slice(b"<<");
            number::decimal(out, by);
            out.push(b'|');
        }
        Value::Word(word) => {
            out.extend_from_slice(word.as_bytes());
            out.push(b' ');
        }
        Value::GoesOn(name) => {
            write_fmt(out, format_args!("<... resuming interrupted {name} ...>"))
        }
        Value::Comment(text) => remark(out, text),
        Value::Spanning(from, to) => write_fmt(out, format_args!(" /* bytes {from}..{to} */")),
        Value::Beyond(from, to) => write_fmt(out, format_args!("/* bytes {from}..{to} */ ")),
        Value::Date(seconds, ..) if !time::is_date(seconds) => {}
        Value::Date(seconds, fraction, digits) => {
            out.extend_from_slice(b" /* ");
            time::date(out, seconds, fraction, digits);
            out.extend_from_slice(b" */");
        }
        Value::Inet6(address) => network::inet6(out, rendering, address),
        Value::Errno(errno) => network::errno(out, style, errno),
        Value::Or => out.push(b'|'),
        Value::Sign(sign) => out.push(sign as u8),
        Value::Place(set, place) => network::place(out, style, set, place),
        Value::Seconds(parts, digits) => seconds(out, b"", parts, digits),
        Value::SignedSeconds(parts, digits) => {
            let sign: &[u8] = if parts < 0 { b"-" } else { b"" };
            seconds(out, sign, parts.unsigned_abs(), digits);
        }
        Value::Tone(0, _) | Value::Tone(_, Some(0)) => remark(out, "off"),
        Value::Tone(hertz, ms) => {
            write_fmt(out, format_args!(" /* {hertz} Hz"));
            if let Some(ms) = ms {
                write_fmt(out, format_args!(", {ms} ms"));
            }
            out.extend_from_slice(b" */");
        }
        Value::Key(value) => requests::key(out, value),
        Value::Char(byte) => requests::character(out, byte),
        Value::FourCc(code) => requests::fourcc(out, style, code),
        Value::Fraction(above, below) => write_fmt(out, format_args!("{above}/{below}")),
        Value::Uuid(bytes) => uuid(out, bytes),
        Value::DateAlone(seconds) => time::date(out, seconds, 0, 0),
        Value::ListOpen => out.push(b'['),
        Value::ListClose => out.push(b']'),
        Value::StructOpen => out.push(b'{'),
        Value::StructClose => out.push(b'}'),
        Value::Field(name) => {
            out.extend_from_slice(name.as_bytes());
            out.push(b'=');
        }
        Value::More => out.extend_from_slice(b"..."),
        Value::MoreAt(addr) => {
            out.extend_from_slice(b"... /* ");
            number::hex(out, addr);
            out.extend_from_slice(b" */");
        }
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

/// A thread's name in angle brackets.
pub fn comm(out: &mut Vec<u8>, name: &[u8], strings: Hex) {
    let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
    out.push(b'<');
    escape::bare(out, name, strings);
    out.push(b'>');
}

/// A remark of strace's: a number in the PID namespace of the tracer.
pub fn our_pid(out: &mut Vec<u8>, pid: u32) {
    out.extend_from_slice(b" /* ");
    number::decimal(out, i64::from(pid));
    out.extend_from_slice(b" in strace's PID NS */");
}

/// A signal's name, or its number.
pub fn signal_name(out: &mut Vec<u8>, signal: u32) {
    match tables::signal_name(signal) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => number::decimal(out, signal as i32),
    }
}

/// Bytes in the groups of RFC 9562.
fn uuid(out: &mut Vec<u8>, bytes: [u8; 16]) {
    for (i, byte) in bytes.into_iter().enumerate() {
        if [4, 6, 8, 10].contains(&i) {
            out.push(b'-');
        }
        write_fmt(out, format_args!("{byte:02x}"));
    }
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
    if count as usize > 8 * bytes.len() {
        out.extend_from_slice(if first { b"..." } else { b" ..." });
    }
    out.push(b']');
}

/// The names of bits' numbers, or of those that are not there, when those are fewer.
fn chosen(out: &mut Vec<u8>, style: Constants, set: &'static Set, bits: u32) {
    let inverted = bits.count_ones() > u32::BITS / 2;
    let shown = if inverted { !bits } else { bits };
    if inverted {
        out.push(b'~');
    }
    out.push(b'[');
    let before = out.len();
    for bit in (0..u32::BITS).filter(|bit| shown >> bit & 1 != 0) {
        if out.len() > before {
            out.push(b' ');
        }
        constants::set(out, style, set, bit.into());
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

/// As `write!` does; a vector takes everything.
pub fn write_fmt(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = io::Write::write_fmt(out, text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{Abi, ioctl_names, ioctl_pattern, set};

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
            (
                &[Chosen(set(SetId::IcmpTypes), 0x103)],
                "[ICMP_ECHOREPLY 0x1 /* ICMP_??? */ ICMP_ECHO]",
            ),
            (&[Chosen(set(SetId::IcmpTypes), !0x100)], "~[ICMP_ECHO]"),
            (&[SigSet(0)], "[]"),
            (&[SigSet(1 << 1 | 1 << 16)], "[INT CHLD]"),
            (&[SigSet(!(1 << 8 | 1 << 18))], "~[KILL STOP]"),
            (&[Dev(8, 0x11)], "makedev(0x8, 0x11)"),
            (
                &[Ioctl(ioctl_names(Abi::X86_64, 0x5413), 0x5413)],
                "TIOCGWINSZ",
            ),
            (
                &[IoctlOf(
                    ioctl_pattern(0x8060_4521).expect("EVIOCGBIT"),
                    &["OTHER"],
                    0x8060_4521,
                )],
                "EVIOCGBIT(EV_KEY, 96) or OTHER",
            ),
            (&[FourCc(0x5659_5559)], "v4l2_fourcc('Y', 'U', 'Y', 'V')"),
            (&[Char(b'\n'), Char(1), Char(b'\'')], r"'\n', '\x01', '\''"),
            (&[Uint(7), Seconds(1_000_007, 6)], "7 /* 1.000007 s */"),
            (&[Uint(1193), Tone(1000, None)], "1193 /* 1000 Hz */"),
            (&[Uint(5), Tone(1000, Some(0))], "5 /* off */"),
            (&[Hex(0xb61), Key(0xb61)], "0xb61 /* K(KT_LETTER, 'a') */"),
            (&[Hex(0x101), Key(0x101)], "0x101 /* K_F2 */"),
            (&[Fraction(1, 25)], "1/25"),
            (
                &[Uuid(*b"0123456789abcdef")],
                "30313233-3435-3637-3839-616263646566",
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
