//! Colors of the strace format (`--color`): what a piece of text is tells its color.
//!
//! The sequences are ours alone: bytes of the tracee never reach the output without being escaped, and so never begin one.

use crate::decode::value::Value;

/// A sequence that begins a color, SGR of ECMA-48.
pub type Color = &'static [u8];

/// Names of calls.
pub const NAME: Color = b"\x1b[33m";
/// Values: numbers, addresses, strings, paths.
pub const VALUE: Color = b"\x1b[35m";
/// Constants by name.
pub const CONSTANT: Color = b"\x1b[34m";
/// Remarks.
pub const REMARK: Color = b"\x1b[36m";
/// Results.
pub const RESULT: Color = b"\x1b[32m";
/// Errors.
pub const ERROR: Color = b"\x1b[31m";
/// Ends every color.
const END: Color = b"\x1b[0m";

/// Writes something in a color, or plainly.
pub fn paint(out: &mut Vec<u8>, color: Option<Color>, write: impl FnOnce(&mut Vec<u8>)) {
    let Some(color) = color else {
        write(out);
        return;
    };
    out.extend_from_slice(color);
    write(out);
    out.extend_from_slice(END);
}

/// The color of a token; none for what only holds others together.
pub fn of(value: &Value<'_>) -> Option<Color> {
    Some(match value {
        Value::Set(..)
        | Value::Noted(..)
        | Value::NotedHex(..)
        | Value::Loose(..)
        | Value::Wide(..)
        | Value::Names(..)
        | Value::Shifted(..)
        | Value::Chosen(..)
        | Value::Ioctl(..)
        | Value::IoctlOf(..)
        | Value::FourCc(_)
        | Value::Name(_)
        | Value::Const(..)
        | Value::NrName(..)
        | Value::Errno(_)
        | Value::IoPrio(_)
        | Value::Utime(..)
        | Value::DirFd(libc::AT_FDCWD) => CONSTANT,
        Value::Comment(_)
        | Value::Beyond(..)
        | Value::Spanning(..)
        | Value::Date(..)
        | Value::Seconds(..)
        | Value::SignedSeconds(..)
        | Value::Tone(..)
        | Value::Key(_)
        | Value::Plus(_)
        | Value::DateAlone(_)
        | Value::Count(..)
        | Value::MoreAt(_) => REMARK,
        Value::ListOpen
        | Value::ListClose
        | Value::StructOpen
        | Value::StructClose
        | Value::CallOpen(_)
        | Value::CallClose
        | Value::At
        | Value::Becomes
        | Value::Field(_)
        | Value::Index(..)
        | Value::Place(..)
        | Value::Or
        | Value::Sign(_)
        | Value::Word(_)
        | Value::More
        | Value::GoesOn(_)
        | Value::Wire(..)
        | Value::Memory(_) => return None,
        _ => VALUE,
    })
}

/// Bytes that can be seen: all but our sequences.
#[must_use]
pub fn visible(text: &[u8]) -> usize {
    let hidden = |rest: &[u8]| memchr::memchr(b'm', rest).map_or(0, |end| end + 1);
    let sequences = memchr::memchr_iter(b'\x1b', text);
    text.len() - sequences.map(|at| hidden(&text[at..])).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_take_no_room() {
        let mut out = Vec::new();
        paint(&mut out, Some(NAME), |out| out.extend_from_slice(b"mmap"));
        paint(&mut out, None, |out| out.extend_from_slice(b"(0m"));
        paint(&mut out, of(&Value::Int(1)), |out| out.push(b'1'));
        assert_eq!(out, b"\x1b[33mmmap\x1b[0m(0m\x1b[35m1\x1b[0m");
        assert_eq!(visible(&out), 8);
        assert_eq!(
            (visible(b"mm"), visible(b"\x1b[0"), of(&Value::More)),
            (2, 3, None)
        );
    }
}
