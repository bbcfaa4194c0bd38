//! Bytes of the tracee as text that cannot break a line or reach the terminal.
//!
//! C escapes as strace(1) writes them: `\t \n \v \f \r`, `\"`, `\\`, and octal for the rest, as
//! short as the next character allows. With `-x` strings that need octal are written in
//! hexadecimal as a whole, with `-xx` all strings.

/// How strings are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hex {
    /// Escapes where needed.
    #[default]
    Never,
    /// Escapes where needed, in hexadecimal instead of octal.
    NonAsciiBytes,
    /// `-x`: all of a string in hexadecimal if it holds a non-ASCII byte.
    NonAscii,
    /// `-xx`: all strings in hexadecimal.
    Always,
}

/// Per byte: 0 plain, 1 octal, else the letter after the backslash.
static CLASS: [u8; 256] = {
    let mut class = [1u8; 256];
    let mut byte = 0x20;
    while byte < 0x7f {
        class[byte] = 0;
        byte += 1;
    }
    class[b'\t' as usize] = b't';
    class[b'\n' as usize] = b'n';
    class[0x0b] = b'v';
    class[0x0c] = b'f';
    class[b'\r' as usize] = b'r';
    class[b'"' as usize] = b'"';
    class[b'\\' as usize] = b'\\';
    class
};

/// Writes `bytes` in double quotes.
pub fn quoted(out: &mut Vec<u8>, bytes: &[u8], hex: Hex) {
    out.push(b'"');
    if in_hex(bytes, hex) {
        for &byte in bytes {
            out.extend_from_slice(b"\\x");
            hex_pair(out, byte);
        }
    } else {
        escape(out, bytes, hex == Hex::NonAsciiBytes);
    }
    out.push(b'"');
}

/// Writes `bytes` for angle brackets around them: those are escaped too.
pub fn bare(out: &mut Vec<u8>, bytes: &[u8], hex: Hex) {
    if in_hex(bytes, hex) {
        for &byte in bytes {
            out.extend_from_slice(b"\\x");
            hex_pair(out, byte);
        }
        return;
    }
    let bytewise = hex == Hex::NonAsciiBytes;
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| b"<>".contains(byte)) {
        let (before, behind) = rest.split_at(at);
        escape(out, before, bytewise);
        out.push(b'\\');
        if bytewise {
            out.push(b'x');
            hex_pair(out, behind[0]);
            rest = &behind[1..];
            continue;
        }
        // A digit behind it would be taken for part of it: three digits then.
        let next_is_digit = behind
            .get(1)
            .is_some_and(|next| (b'0'..=b'7').contains(next));
        octal(out, behind[0], next_is_digit);
        rest = &behind[1..];
    }
    escape(out, rest, bytewise);
}

fn in_hex(bytes: &[u8], hex: Hex) -> bool {
    match hex {
        Hex::Never | Hex::NonAsciiBytes => false,
        Hex::NonAscii => bytes.iter().any(|&b| CLASS[usize::from(b)] == 1),
        Hex::Always => true,
    }
}

/// Writes `bytes` without quotes but with every escape; for names and other bare fields.
pub fn escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    escape(out, bytes, false);
}

fn escape(out: &mut Vec<u8>, bytes: &[u8], hex: bool) {
    let mut plain_from = 0;
    for (i, &byte) in bytes.iter().enumerate() {
        let class = CLASS[usize::from(byte)];
        if class == 0 {
            continue;
        }
        out.extend_from_slice(&bytes[plain_from..i]);
        plain_from = i + 1;
        out.push(b'\\');
        if class == 1 && hex {
            out.push(b'x');
            hex_pair(out, byte);
        } else if class == 1 {
            // A digit behind a short octal escape would be taken for part of it.
            let next_is_digit = bytes
                .get(i + 1)
                .is_some_and(|next| (b'0'..=b'7').contains(next));
            octal(out, byte, next_is_digit);
        } else {
            out.push(class);
        }
    }
    out.extend_from_slice(&bytes[plain_from..]);
}

fn octal(out: &mut Vec<u8>, byte: u8, all_digits: bool) {
    let (high, middle, low) = (byte >> 6, byte >> 3 & 7, byte & 7);
    if all_digits || high > 0 {
        out.push(b'0' + high);
    }
    if all_digits || high > 0 || middle > 0 {
        out.push(b'0' + middle);
    }
    out.push(b'0' + low);
}

fn hex_pair(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(DIGITS[usize::from(byte >> 4)]);
    out.push(DIGITS[usize::from(byte & 15)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], hex: Hex) -> String {
        let mut out = Vec::new();
        quoted(&mut out, bytes, hex);
        String::from_utf8(out).expect("ASCII only")
    }

    #[test]
    fn escapes_as_strace_does() {
        let cases: &[(&[u8], &str)] = &[
            (b"", r#""""#),
            (b"/etc/passwd", r#""/etc/passwd""#),
            (b"a\tb\nc\rd\x0be\x0c", r#""a\tb\nc\rd\ve\f""#),
            (b"quote\" back\\", r#""quote\" back\\""#),
            (b"\x00", r#""\0""#),
            (b"\x001", r#""\0001""#),
            (b"\x008", r#""\08""#),
            (b"\x1b[31m", r#""\33[31m""#),
            (b"\x1b1", r#""\0331""#),
            (b"\x7f\xff\xc3\xa9", r#""\177\377\303\251""#),
        ];
        for (bytes, expected) in cases {
            assert_eq!(text(bytes, Hex::Never), *expected);
        }
    }

    #[test]
    fn hexadecimal_strings() {
        assert_eq!(text(b"a\nb", Hex::NonAscii), r#""a\nb""#);
        assert_eq!(text(b"a\x01", Hex::NonAscii), r#""\x61\x01""#);
        assert_eq!(
            text(b"a\n\x01b\xff", Hex::NonAsciiBytes),
            r#""a\n\x01b\xff""#
        );
        assert_eq!(text(b"ab", Hex::Always), r#""\x61\x62""#);
    }

    #[test]
    fn nothing_that_could_break_a_line_gets_through() {
        let all: Vec<u8> = (0..=255).collect();
        for hex in [Hex::Never, Hex::NonAsciiBytes, Hex::NonAscii, Hex::Always] {
            assert!(text(&all, hex).bytes().all(|b| (0x20..0x7f).contains(&b)));
        }
    }
}
