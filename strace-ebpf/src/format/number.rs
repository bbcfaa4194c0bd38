//! Integers as text, without the formatting machinery.

/// Decimal.
pub fn decimal<I: itoa::Integer>(out: &mut Vec<u8>, value: I) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// `0x…`, lower case, no padding; zero is `0` as C's `%#x` has it.
pub fn hex(out: &mut Vec<u8>, value: u64) {
    if value == 0 {
        out.push(b'0');
        return;
    }
    let digits = (64 - value.leading_zeros()).div_ceil(4);
    out.extend_from_slice(b"0x");
    for i in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(value >> (4 * i) & 15) as usize]);
    }
}

/// C's `%#03lo`: permission bits.
pub fn octal(out: &mut Vec<u8>, value: u64) {
    let digits = (64 - value.leading_zeros()).div_ceil(3).max(1);
    if value != 0 {
        out.push(b'0');
    }
    let shortest = if value == 0 { 3 } else { 2 };
    for _ in digits..shortest {
        out.push(b'0');
    }
    for i in (0..digits).rev() {
        out.push(b'0' + (value >> (3 * i) & 7) as u8);
    }
}

/// `value` with leading zeros up to `width` digits (at most 9).
pub fn padded(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(value).as_bytes();
    out.extend(std::iter::repeat_n(b'0', width.saturating_sub(text.len())));
    out.extend_from_slice(text);
}

/// Hexadecimal without `0x`, with leading zeros up to `width` digits.
pub fn hex_padded(out: &mut Vec<u8>, value: u64, width: u32) {
    let digits = (64 - value.leading_zeros()).div_ceil(4).max(width);
    for i in (0..digits).rev() {
        let digit = value.checked_shr(4 * i).unwrap_or(0) & 15;
        out.push(b"0123456789abcdef"[digit as usize]);
    }
}

/// Decimal with spaces behind up to `width`.
pub fn left(out: &mut Vec<u8>, value: u64, width: usize) {
    let before = out.len();
    decimal(out, value);
    out.extend(std::iter::repeat_n(
        b' ',
        width.saturating_sub(out.len() - before),
    ));
}

/// Decimal with spaces before up to `width`.
pub fn right(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(value).as_bytes();
    out.extend(std::iter::repeat_n(b' ', width.saturating_sub(text.len())));
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_c_prints_them() {
        let text = |f: fn(&mut Vec<u8>, u64), v| {
            let mut out = Vec::new();
            f(&mut out, v);
            String::from_utf8(out).expect("ASCII")
        };
        for (value, expected) in [
            (0, "0"),
            (10, "0xa"),
            (0x1234, "0x1234"),
            (u64::MAX, "0xffffffffffffffff"),
        ] {
            assert_eq!(text(hex, value), expected);
        }
        for (value, expected) in [
            (0, "000"),
            (7, "007"),
            (0o77, "077"),
            (0o644, "0644"),
            (0o100644, "0100644"),
        ] {
            assert_eq!(text(octal, value), expected);
        }
        assert_eq!(text(|o, v| padded(o, v, 9), 123), "000000123");
    }
}
