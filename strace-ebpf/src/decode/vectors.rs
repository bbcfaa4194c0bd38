//! Vectors of strings and of buffers: argv, envp, struct iovec.

use strace_ebpf_common::capture::{CAPTURE_PARTIAL, CAPTURE_TRUNCATED};

use super::{
    Options,
    arrays::more,
    cx::{Cx, number},
    netlink,
    value::{Args, Value},
};
use crate::{session::parse::Captured, tables::Dir};

/// `["a", "b", ...]`: the first capture holds the pointers, the others the strings. Where the
/// pointers could not be read, a capture of the new program's argument area stands in.
pub fn strings<'a>(out: &mut Args<'a>, captures: &[Captured<'a>], raw: u64, options: &Options) {
    let Some((vector, elements)) = captures.split_first() else {
        out.push(Value::Addr(raw));
        return;
    };
    if vector.header.errno != 0 {
        out.push(Value::Addr(raw));
        return;
    }
    // The argument area is not a vector: it was copied from an address that is not the argument's.
    if vector.header.addr != raw && elements.is_empty() {
        argument_area(out, vector, options);
        return;
    }
    let count = vector.header.full as usize;
    out.push(Value::ListOpen);
    let mut shown = 0;
    for element in elements
        .iter()
        .filter(|element| element.header.op != vector.header.op)
    {
        if shown == options.most() {
            break;
        }
        out.push(string(element));
        shown += 1;
    }
    if shown < count || vector.header.flags & CAPTURE_TRUNCATED != 0 {
        out.push(Value::More);
    } else if super::cx::is_partial(vector) {
        out.push(Value::MoreAt(raw.wrapping_add(vector.bytes.len() as u64)));
    }
    out.push(Value::ListClose);
}

fn string<'a>(element: &Captured<'a>) -> Value<'a> {
    if element.header.errno != 0 {
        return Value::Addr(element.header.addr);
    }
    Value::Bytes {
        bytes: element.bytes,
        cut: element.header.flags & CAPTURE_TRUNCATED != 0,
    }
}

/// NUL-separated strings, as `mm->arg_start` has them.
fn argument_area<'a>(out: &mut Args<'a>, area: &Captured<'a>, options: &Options) {
    let bytes = area.bytes.strip_suffix(b"\0").unwrap_or(area.bytes);
    out.push(Value::ListOpen);
    for (i, argument) in bytes.split(|&b| b == 0).enumerate() {
        if i == options.most() {
            out.push(Value::More);
            break;
        }
        let shown = argument.len().min(options.string);
        out.push(Value::Bytes {
            bytes: &argument[..shown],
            cut: shown < argument.len(),
        });
    }
    if area.header.flags & CAPTURE_TRUNCATED != 0 {
        out.push(Value::More);
    }
    out.push(Value::ListClose);
}

/// `0x7ff… /* 23 vars */`
pub fn count<'a>(out: &mut Args<'a>, captures: &[Captured<'a>], raw: u64) {
    out.push(Value::Addr(raw));
    if let Some(vector) = captures.first()
        && vector.header.errno == 0
    {
        let n = u64::from(vector.header.full);
        let cut = vector.header.flags & CAPTURE_TRUNCATED != 0;
        out.push(Value::Count(
            n,
            match (n, cut) {
                (1, _) if super::cx::is_partial(vector) => "var, unterminated",
                _ if super::cx::is_partial(vector) => "vars, unterminated",
                (_, true) => "or more vars",
                (1, false) => "var",
                _ => "vars",
            },
        ));
    }
}

/// `[{iov_base="…", iov_len=5}, …]`, from a capture of the array. The buffers that the kernel filled hold `left` bytes in
/// all.
pub fn iovec_array<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    vector: &Captured<'a>,
    dir: Dir,
    left: u64,
) {
    let word = cx.abi.word_bytes() as usize;
    let mut left = if dir == Dir::In { u64::MAX } else { left };
    if super::cx::is_partial(vector) && vector.bytes.len() < 2 * word {
        out.push(Value::Addr(vector.header.addr));
        return;
    }
    out.push(Value::ListOpen);
    let mut shown = 0;
    let is_there = dir == Dir::In || cx.succeeded();
    for element in vector.bytes.chunks_exact(2 * word) {
        if shown == cx.options.most() {
            break;
        }
        shown += 1;
        let (base, len) = (number(&element[..word]), number(&element[word..]));
        let here = len.min(left);
        if dir == Dir::Out {
            left -= here;
        }
        out.push(Value::StructOpen);
        out.push(Value::Field("iov_base"));
        let message = cx
            .at(base)
            .filter(|buffer| is_there && netlink::is_message(buffer, here));
        if let Some(buffer) = message {
            netlink::messages(out, cx, buffer, here);
            out.push(Value::Field("iov_len"));
            out.push(Value::Uint(len));
            out.push(Value::StructClose);
            continue;
        }
        out.push(
            match cx
                .at(base)
                .filter(|_| base != 0 && (dir == Dir::In || cx.succeeded()))
            {
                // Of nothing, nothing is looked for.
                _ if here == 0 && base != 0 && (dir == Dir::In || cx.succeeded()) => Value::Bytes {
                    bytes: &[],
                    cut: false,
                },
                // Another element may have been of no bytes at the same place.
                Some(buffer) if !buffer.bytes.is_empty() || cx.options.string == 0 => {
                    bytes_of(buffer.bytes, here, cx.options.string)
                }
                _ => Value::Addr(base),
            },
        );
        out.push(Value::Field("iov_len"));
        out.push(Value::Uint(len));
        out.push(Value::StructClose);
    }
    let is_cut = vector.header.flags & (CAPTURE_TRUNCATED | CAPTURE_PARTIAL) != 0;
    if is_cut || shown * 2 * word < vector.bytes.len() {
        out.push(more(vector, shown * 2 * word, 2 * word));
    }
    out.push(Value::ListClose);
}

/// A buffer of `len` bytes of which some were captured, and at most so many are shown.
pub fn bytes_of(bytes: &[u8], len: u64, most: usize) -> Value<'_> {
    let (bytes, cut) = beginning(bytes, len, most);
    Value::Bytes { bytes, cut }
}

/// The same where no text is to be expected.
pub fn binary_of(bytes: &[u8], len: u64, most: usize) -> Value<'_> {
    let (bytes, cut) = beginning(bytes, len, most);
    Value::Binary { bytes, cut }
}

fn beginning(bytes: &[u8], len: u64, most: usize) -> (&[u8], bool) {
    let most = most.min(usize::try_from(len).unwrap_or(usize::MAX));
    let shown = bytes.len().min(most);
    (bytes.get(..shown).unwrap_or_default(), (shown as u64) < len)
}

#[cfg(test)]
mod tests {
    use strace_ebpf_common::capture::Capture;

    use super::*;

    const OPTIONS: Options = Options {
        elements: 2,
        ..Options::NORMAL
    };

    fn captured(op: u8, addr: u64, full: u32, element: u16, bytes: &[u8]) -> Captured<'_> {
        let header = Capture {
            op,
            addr,
            full,
            element,
            len: bytes.len() as u32,
            ..Capture::default()
        };
        Captured { header, bytes }
    }

    fn values<'a>(f: impl FnOnce(&mut Args<'a>)) -> Vec<Value<'a>> {
        let mut args = Args::default();
        args.begin();
        f(&mut args);
        args.iter().flatten().copied().collect()
    }

    fn bytes(bytes: &[u8]) -> Value<'_> {
        Value::Bytes { bytes, cut: false }
    }

    #[test]
    fn vectors_of_strings() {
        let captures = [
            captured(1, 0x10, 2, 0, &[0; 16]),
            captured(2, 0x20, 2, 0, b"ls"),
            captured(2, 0x30, 1, 1, b"/"),
        ];
        let expected = [Value::ListOpen, bytes(b"ls"), bytes(b"/"), Value::ListClose];
        assert_eq!(
            values(|out| strings(out, &captures, 0x10, &OPTIONS)),
            expected
        );
        let mut longer = captures;
        longer[0].header.full = 5;
        let expected = [
            Value::ListOpen,
            bytes(b"ls"),
            bytes(b"/"),
            Value::More,
            Value::ListClose,
        ];
        assert_eq!(
            values(|out| strings(out, &longer, 0x10, &OPTIONS)),
            expected
        );
        let area = [captured(3, 0x7000, 0, 0, b"ls\0/\0")];
        let expected = [Value::ListOpen, bytes(b"ls"), bytes(b"/"), Value::ListClose];
        assert_eq!(values(|out| strings(out, &area, 0x10, &OPTIONS)), expected);
        assert_eq!(
            values(|out| strings(out, &[], 0x10, &OPTIONS)),
            [Value::Addr(0x10)]
        );
    }
}
