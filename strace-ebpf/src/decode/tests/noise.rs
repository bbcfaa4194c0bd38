//! Bytes that mean nothing.

use super::*;

/// Every call of every ABI, with memory of every length behind each argument: none of it may panic.
#[test]
fn nothing_panics_on_any_bytes() {
    let noise: Vec<u8> = (0..600u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    for abi in [ABI_X86_64, ABI_I386] {
        for (nr, syscall) in tables::all(abi_of(abi)) {
            for len in [
                0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 31, 56, 63, 64, 88, 128, 144, 300, 600,
            ] {
                for (bytes, ret) in [
                    (&noise, 0),
                    (&noise, 5),
                    (&noise, i64::MAX),
                    (&vec![0xff; 600], -11),
                ] {
                    let pieces: Vec<Piece<'_>> = (0..6)
                        .flat_map(|arg| {
                            [
                                (arg, true, P, &bytes[..len]),
                                (arg, false, P, &bytes[..len]),
                            ]
                        })
                        .collect();
                    for registers in [[P; 6], [3, P, P, P, 64, P], [u64::MAX; 6]] {
                        let call = call_of(abi, nr, &registers, ret, &pieces);
                        for options in [&OPTIONS, &VERBOSE] {
                            text_of(&Args::of(|out| args(out, &call, Some(syscall), options)));
                            text_of(&Args::of(|out| {
                                returned(out, &call, Some(syscall), options)
                            }));
                        }
                    }
                }
            }
        }
    }
}
