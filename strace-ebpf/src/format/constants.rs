//! Symbolic constants: by name, as the numbers that they are, or both, as strace(1) has it under `-X`.
//!
//! In: a value and what it may be made of. Out: text. The names themselves are data of [`crate::tables`].

use std::net::Ipv6Addr;

use super::{
    escape::{self, Hex},
    number,
    text::{Rendering, signal_name},
};
use crate::tables::{self, FieldKind, Group, Part, Set, SetId, SetKind, Unknown};

/// How constants look (`-X`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constants {
    /// By name.
    Abbrev,
    /// As numbers.
    Raw,
    /// As numbers, with the names in comments.
    Verbose,
}

use Constants::{Abbrev, Raw, Verbose};

/// A remark behind what is before it.
pub fn remark(out: &mut Vec<u8>, text: &str) {
    commented(out, |out| out.extend_from_slice(text.as_bytes()));
}

fn commented(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b" /* ");
    write(out);
    out.extend_from_slice(b" */");
}

/// A number and what it means, as far as the style shows them.
pub(super) fn both(
    out: &mut Vec<u8>,
    style: Constants,
    number: impl FnOnce(&mut Vec<u8>),
    name: impl FnOnce(&mut Vec<u8>),
) {
    match style {
        Abbrev => name(out),
        Raw => number(out),
        Verbose => {
            number(out);
            commented(out, name);
        }
    }
}

/// A constant that is decimal as a number.
pub fn named(out: &mut Vec<u8>, style: Constants, value: i32, name: &str) {
    let number = |out: &mut Vec<u8>| number::decimal(out, value);
    both(out, style, number, |out| {
        out.extend_from_slice(name.as_bytes());
    });
}

/// A constant that is hexadecimal as a number.
pub fn named_hex(out: &mut Vec<u8>, style: Constants, value: u64, name: &str) {
    let number = |out: &mut Vec<u8>| number::hex(out, value);
    both(out, style, number, |out| {
        out.extend_from_slice(name.as_bytes());
    });
}

/// In a name of two parts, of which the first one is the upper byte.
const BYTE: &str = "<<8|";

/// Flags, or one value of many. Every bit of the value counts.
pub fn set(out: &mut Vec<u8>, style: Constants, set: &'static Set, value: u64) {
    if style == Abbrev {
        names(out, set, value);
        return;
    }
    if let Some((above, below)) = set.name_of(value).and_then(|name| name.split_once(BYTE)) {
        let part = |out: &mut Vec<u8>, number: u64, name: &str| {
            number::hex(out, number);
            if style == Verbose {
                remark(out, name);
            }
        };
        part(out, value >> 8, above);
        out.extend_from_slice(BYTE.as_bytes());
        return part(out, value & 0xff, below);
    }
    let before = out.len();
    for group in set.groups(value) {
        if out.len() > before {
            out.push(b'|');
        }
        one_group(out, style, group);
    }
}

/// `[KEY_ESC KEY_A]`: the numbers of the bits that are set, by name.
pub fn bits(out: &mut Vec<u8>, style: Constants, names: &'static Set, bytes: &[u8], most: usize) {
    let is_set = |bit: &usize| {
        bytes
            .get(bit / 8)
            .is_some_and(|byte| byte >> (bit % 8) & 1 != 0)
    };
    out.push(b'[');
    for (i, bit) in (0..8 * bytes.len()).filter(is_set).enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        if i == most {
            out.extend_from_slice(b"...");
            break;
        }
        set(out, style, names, bit as u64);
    }
    out.push(b']');
}

/// Flags of which strace writes the fields first and then the others, though there be none of them.
pub fn loose(out: &mut Vec<u8>, style: Constants, set_of: &'static Set, value: u64) {
    let fields = set_of.field_mask();
    if fields != 0 || value != 0 || style == Raw {
        set(out, style, set_of, value);
    }
    if fields != 0 && value & !fields == 0 && style != Raw {
        out.push(b'|');
    }
}

/// A number with its name in a remark.
pub fn noted(out: &mut Vec<u8>, style: Constants, set: &'static Set, value: u32) {
    number::decimal(out, value as i32);
    // strace tells the name even where numbers are asked for, but of kinds of processes.
    if style != Raw || set.name != "pid_type" {
        remark(out, set.named_or_comment(value.into()));
    }
}

/// A hexadecimal number with its name in a remark, which numbers alone do without; flags that there are none of need no name.
pub fn noted_hex(out: &mut Vec<u8>, style: Constants, set: &'static Set, value: u64) {
    number::hex(out, value);
    let has_names = set.values.iter().any(|(bit, _)| value & bit != 0);
    match set.kind {
        _ if style == Raw => {}
        SetKind::Enum if set.unknown == Unknown::Hex && set.name_of(value).is_none() => {}
        SetKind::Flags if value == 0 => {}
        SetKind::Flags if has_names => {
            out.extend_from_slice(b" /* ");
            names(out, set, value);
            out.extend_from_slice(b" */");
        }
        _ => remark(out, set.named_or_comment(value)),
    }
}

/// A constant as a sum of the one where its range begins and the rest.
pub fn above(out: &mut Vec<u8>, style: Constants, name: &'static str, from: u64, value: u64) {
    let sum = |out: &mut Vec<u8>| {
        out.extend_from_slice(name.as_bytes());
        out.push(b'+');
        number::decimal(out, value.wrapping_sub(from));
    };
    if style == Constants::Abbrev {
        return sum(out);
    }
    number::hex(out, value);
    if style == Verbose {
        out.extend_from_slice(b" /* ");
        sum(out);
        out.extend_from_slice(b" */");
    }
}

/// `01:02:03:04:05:06`, or the bytes as a string.
pub fn hardware(out: &mut Vec<u8>, style: Constants, address: &[u8]) {
    let colons = |out: &mut Vec<u8>| {
        for (i, byte) in address.iter().enumerate() {
            if i > 0 {
                out.push(b':');
            }
            number::hex_padded(out, (*byte).into(), 2);
        }
    };
    if style == Constants::Abbrev {
        return colons(out);
    }
    escape::quoted(out, address, Hex::Always);
    if style == Verbose && !address.is_empty() {
        out.extend_from_slice(b" /* ");
        colons(out);
        out.extend_from_slice(b" */");
    }
}

/// `IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 4)`: `include/uapi/linux/ioprio.h`.
pub fn io_priority(out: &mut Vec<u8>, style: Constants, value: u32) {
    if style == Raw {
        number::hex(out, u64::from(value));
        return;
    }
    out.extend_from_slice(b"IOPRIO_PRIO_VALUE(");
    set(
        out,
        style,
        tables::set(SetId::IoprioClass),
        u64::from(value >> 13),
    );
    out.extend_from_slice(b", ");
    number::decimal(out, value & 0x1fff);
    out.push(b')');
}

/// The same by name in any style.
pub fn names(out: &mut Vec<u8>, set: &'static Set, value: u64) {
    parts(out, set.split_wide(value));
}

fn parts(out: &mut Vec<u8>, parts: impl Iterator<Item = Part>) {
    for (i, one) in parts.enumerate() {
        if i > 0 {
            out.push(b'|');
        }
        part(out, one);
    }
}

fn part(out: &mut Vec<u8>, part: Part) {
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
        Part::Numbered(n, comment) => {
            number::decimal(out, n);
            remark(out, comment);
        }
        Part::NameShifted(name, by) => {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"<<");
            out.extend_from_slice(by.as_bytes());
        }
        Part::Shifted(n, by) => {
            number::decimal(out, n);
            out.extend_from_slice(b"<<");
            out.extend_from_slice(by.as_bytes());
        }
    }
}

/// One number, and in a comment the names that it has.
fn one_group(out: &mut Vec<u8>, style: Constants, group: Group) {
    let verbose = style == Verbose;
    match group {
        Group::Field(field, value, one) => {
            let number = value >> field.mask.trailing_zeros();
            match (field.kind, one) {
                (FieldKind::Octal | FieldKind::Decimal, _) => return part(out, one),
                (FieldKind::Signal, _) => number::decimal(out, number),
                (FieldKind::Shift(_), _) => {
                    number::decimal(out, number);
                    out.extend_from_slice(b"<<");
                    number::decimal(out, field.mask.trailing_zeros());
                }
                (FieldKind::Moved(..), _) => {
                    number::hex(out, number);
                    out.extend_from_slice(b"<<");
                    number::decimal(out, field.mask.trailing_zeros());
                }
                (FieldKind::Set(_) | FieldKind::Joins(_), _) => number::hex(out, value),
            }
            match (field.kind, one) {
                (FieldKind::Shift(by), _) if verbose => remark(out, by),
                (_, Part::NameShifted(name, _)) if verbose => remark(out, name),
                (_, Part::Name(name)) if verbose => remark(out, name),
                (_, Part::Unknown(_, Some(comment))) if verbose => remark(out, comment),
                _ => {}
            }
        }
        Group::Whole(set, value, mut split) => {
            let first = split.clone().next();
            match first {
                // Without a name it is what it is in every style.
                Some(Part::Decimal(n)) if !set.is_flags() => return number::decimal(out, n),
                _ if set.is_decimal() => number::decimal(out, value as i32),
                _ if set.is_octal() => number::octal(out, value),
                _ => number::hex(out, value),
            }
            let Some(first) = split.next().filter(|_| verbose) else {
                return;
            };
            match first {
                Part::Unknown(_, Some(comment)) | Part::Numbered(_, comment) => {
                    remark(out, comment);
                }
                Part::Unknown(_, None) | Part::Decimal(0) => {}
                _ => commented(out, |out| {
                    parts(out, std::iter::once(first).chain(split));
                }),
            }
        }
    }
}

/// Bit numbers by name, `1<<CAP_CHOWN`; as numbers two words of 32 bits.
pub fn shifted(out: &mut Vec<u8>, style: Constants, set: &'static Set, bits: u64) {
    if bits == 0 {
        out.push(b'0');
        return;
    }
    if style == Abbrev {
        bit_names(out, set, bits);
        return;
    }
    let mut first = true;
    for word in [bits & 0xffff_ffff, bits & !0xffff_ffff] {
        if word == 0 {
            continue;
        }
        if !first {
            out.push(b'|');
        }
        first = false;
        number::hex(out, if word >> 32 == 0 { word } else { word >> 32 });
        if style == Verbose {
            commented(out, |out| bit_names(out, set, word));
        }
    }
}

fn bit_names(out: &mut Vec<u8>, set: &'static Set, bits: u64) {
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
            remark(out, set.comment().unwrap_or_default());
        }
    }
}

/// `FUTEX_OP_SET<<28|0<<12|FUTEX_OP_CMP_NE<<24|0x5`: futex(2) FUTEX_WAKE_OP.
pub fn wake_op(out: &mut Vec<u8>, style: Constants, op: u32) {
    const SHIFTED_ARGUMENT: u32 = 8;
    let (what, compare) = (op >> 28, op >> 24 & 0xf);
    let one = |out: &mut Vec<u8>, id, value: u32, shift: &str, unknown: &str| {
        let flag = if shift == "<<28" { SHIFTED_ARGUMENT } else { 0 };
        if value & flag != 0 {
            named_hex(out, style, flag.into(), "FUTEX_OP_OPARG_SHIFT");
            out.extend_from_slice(b"<<28|");
        }
        let (set_of, value) = (tables::set(id), u64::from(value & !flag));
        // As numbers alone strace 6.1 comments these two as if they had no names.
        if style != Raw && set_of.name_of(value).is_some() {
            set(out, style, set_of, value);
            out.extend_from_slice(shift.as_bytes());
        } else {
            number::hex(out, value);
            out.extend_from_slice(shift.as_bytes());
            remark(out, unknown);
        }
    };
    one(out, SetId::FutexWakeOp, what, "<<28", "FUTEX_OP_???");
    out.push(b'|');
    number::hex(out, u64::from(op >> 12 & 0xfff));
    out.extend_from_slice(b"<<12|");
    one(
        out,
        SetId::FutexWakeCmp,
        compare,
        "<<24",
        "FUTEX_OP_CMP_???",
    );
    out.push(b'|');
    number::hex(out, u64::from(op & 0xfff));
}

/// In KiB where it is a whole number of them.
pub fn limit(out: &mut Vec<u8>, style: Constants, limit: u64, wide: bool) {
    let number = |out: &mut Vec<u8>| number::decimal(out, limit);
    match (limit, wide) {
        (u64::MAX, true) => both(out, style, number, |out| {
            out.extend_from_slice(b"RLIM64_INFINITY");
        }),
        (0xffff_ffff, false) => both(out, style, number, |out| {
            out.extend_from_slice(b"RLIM_INFINITY");
        }),
        _ if limit > 1024 && limit.is_multiple_of(1024) => both(out, style, number, |out| {
            number::decimal(out, limit / 1024);
            out.extend_from_slice(b"*1024");
        }),
        _ => number(out),
    }
}

/// A signal's name, or its number.
pub fn signal(out: &mut Vec<u8>, style: Constants, signal: u32) {
    if style == Abbrev || tables::signal_name(signal).is_none() {
        signal_name(out, signal);
        return;
    }
    number::decimal(out, signal);
    if style == Verbose {
        commented(out, |out| signal_name(out, signal));
    }
}

/// `[INT CHLD]`, or `~[KILL STOP]` when that is shorter.
pub fn signal_set(out: &mut Vec<u8>, style: Constants, bits: u64) {
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
            Some(name) => both(
                out,
                style,
                |out| number::decimal(out, signal),
                |out| out.extend_from_slice(name.trim_start_matches("SIG").as_bytes()),
            ),
            None => number::decimal(out, signal),
        }
    }
    out.push(b']');
}

/// A device; as a number in the encoding of makedev(3).
pub fn device(out: &mut Vec<u8>, style: Constants, major: u32, minor: u32) {
    let (high, low) = (u64::from(major), u64::from(minor));
    let whole = low & 0xff | (high & 0xfff) << 8 | (low & !0xff) << 12 | (high & !0xfff) << 32;
    let number = |out: &mut Vec<u8>| number::hex(out, whole);
    both(out, style, number, |out| {
        out.extend_from_slice(b"makedev(");
        number::hex(out, high);
        out.extend_from_slice(b", ");
        number::hex(out, low);
        out.push(b')');
    });
}

/// A system call's number, `__NR_read`.
pub fn call_number(out: &mut Vec<u8>, style: Constants, name: &str, nr: u32) {
    let number = |out: &mut Vec<u8>| number::hex(out, u64::from(nr));
    both(out, style, number, |out| {
        out.extend_from_slice(b"__NR_");
        out.extend_from_slice(name.as_bytes());
    });
}

/// A time of utimensat(2) that is none, `UTIME_NOW`.
pub fn utime(out: &mut Vec<u8>, style: Constants, name: &str, seconds: i64, nanos: u64) {
    let number = |out: &mut Vec<u8>| {
        out.extend_from_slice(b"{tv_sec=");
        number::decimal(out, seconds);
        out.extend_from_slice(b", tv_nsec=");
        number::decimal(out, nanos);
        out.push(b'}');
    };
    both(out, style, number, |out| {
        out.extend_from_slice(name.as_bytes());
    });
}

/// `if_nametoindex("lo")`, or the number.
pub fn interface(out: &mut Vec<u8>, rendering: Rendering, index: u32, name: &[u8; 16]) {
    let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
    let number = |out: &mut Vec<u8>| number::decimal(out, index);
    if name.is_empty() {
        return number(out);
    }
    both(out, rendering.constants, number, |out| {
        out.extend_from_slice(b"if_nametoindex(");
        escape::quoted(out, name, rendering.strings);
        out.push(b')');
    });
}

/// A member that is an IPv6 address. By name it is the call that fills it.
pub fn inet_pton6(out: &mut Vec<u8>, rendering: Rendering, field: &str, address: [u8; 16]) {
    let call = |out: &mut Vec<u8>| {
        let text = Ipv6Addr::from(address).to_string();
        out.extend_from_slice(b"inet_pton(AF_INET6, ");
        escape::quoted(out, text.as_bytes(), rendering.strings);
    };
    if rendering.constants == Abbrev {
        call(out);
        out.extend_from_slice(b", &");
        out.extend_from_slice(field.as_bytes());
        out.push(b')');
        return;
    }
    out.extend_from_slice(field.as_bytes());
    out.push(b'=');
    escape::quoted(out, &address, Hex::Always);
    if rendering.constants == Verbose {
        commented(out, |out| {
            call(out);
            out.push(b')');
        });
    }
}

#[cfg(test)]
#[path = "constants_tests.rs"]
mod tests;
