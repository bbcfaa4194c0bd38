//! Dumps of data below a call's line: sixteen bytes to a line, in hexadecimal and as text, as strace(1) writes them.

use super::number;
use crate::decode::dump::Piece;

const ROW: usize = 16;

/// Writes all pieces.
pub fn dump(out: &mut Vec<u8>, pieces: &[Piece<'_>]) {
    for piece in pieces {
        match *piece {
            Piece::Vector(i, buffers) => {
                out.extend_from_slice(b" = ");
                number::decimal(out, buffers);
                out.extend_from_slice(b" buffers in vector ");
                number::decimal(out, i);
                out.push(b'\n');
            }
            Piece::Buffer(i, bytes) => {
                out.extend_from_slice(b" * ");
                number::decimal(out, bytes);
                out.extend_from_slice(b" bytes in buffer ");
                number::decimal(out, i);
                out.push(b'\n');
            }
            Piece::Bytes(bytes) => {
                for (i, row) in bytes.chunks(ROW).enumerate() {
                    one_row(out, i * ROW, row);
                }
            }
            Piece::Missing(bytes) => {
                out.extend_from_slice(b" * ");
                number::decimal(out, bytes);
                out.extend_from_slice(b" bytes more were not captured\n");
            }
        }
    }
}

/// ` | 00010  68 65 6c 6c 6f 20 77 6f  72 6c 64 20 31 32 33 34  hello world 1234 |`
fn one_row(out: &mut Vec<u8>, offset: usize, row: &[u8]) {
    out.extend_from_slice(b" | ");
    number::hex_padded(out, offset as u64, 5);
    out.push(b' ');
    for place in 0..ROW {
        if place % (ROW / 2) == 0 {
            out.push(b' ');
        }
        match row.get(place) {
            Some(byte) => {
                number::hex_padded(out, (*byte).into(), 2);
                out.push(b' ');
            }
            None => out.extend_from_slice(b"   "),
        }
    }
    out.push(b' ');
    let text = row.iter().map(|byte| match byte {
        0x20..0x7f => *byte,
        _ => b'.',
    });
    out.extend(text);
    out.extend(std::iter::repeat_n(b' ', ROW - row.len()));
    out.extend_from_slice(b" |\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_as_strace_writes_them() {
        let bytes: Vec<u8> = (0x1cu8..0x30).chain([0x7f, 0x80]).collect();
        let pieces = [
            Piece::Vector(1, 2),
            Piece::Buffer(0, 30),
            Piece::Bytes(&bytes),
            Piece::Missing(8),
        ];
        let mut out = Vec::new();
        dump(&mut out, &pieces);
        let expected = " = 2 buffers in vector 1
 * 30 bytes in buffer 0
 | 00000  1c 1d 1e 1f 20 21 22 23  24 25 26 27 28 29 2a 2b  .... !\"#$%&'()*+ |
 | 00010  2c 2d 2e 2f 7f 80                                 ,-./..           |
 * 8 bytes more were not captured
";
        assert_eq!(String::from_utf8(out).expect("ASCII"), expected);
    }
}
