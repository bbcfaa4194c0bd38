//! Bytes to exact text, as strace 6.1 was seen to print the same calls; and the same bytes cut at every length, from which
//! nothing may follow but other text.

mod basics;
mod devices;
mod files;
mod kernel;
mod measured;
mod netlink;
mod network;
mod noise;
mod processes;
mod requests;
mod transfers;

use strace_ebpf_common::{
    capture::{CAPTURE_AT_ENTER, Capture},
    record::{ABI_I386, ABI_X86_64, CallRecord},
};

use super::*;
use crate::{format::text, session::parse::Captured, tables};

const OPTIONS: Options = Options::NORMAL;
const VERBOSE: Options = Options {
    verbose: true,
    ..OPTIONS
};

/// Argument, taken at the enter, address, bytes.
type Piece<'a> = (u8, bool, u64, &'a [u8]);

fn call_of<'a>(abi: u8, nr: u32, args: &[u64], ret: i64, pieces: &[Piece<'a>]) -> Call<'a> {
    let mut registers = [0; 6];
    registers[..args.len()].copy_from_slice(args);
    let captures = pieces.iter().map(|&(arg, at_enter, addr, bytes)| Captured {
        header: Capture {
            arg,
            addr,
            flags: if at_enter { CAPTURE_AT_ENTER } else { 0 },
            len: bytes.len() as u32,
            full: bytes.len() as u32,
            ..Capture::default()
        },
        bytes,
    });
    Call {
        record: CallRecord {
            nr,
            abi,
            args: registers,
            ret,
            ..CallRecord::default()
        },
        captures: captures.collect(),
        no_return: false,
    }
}

fn text_of(args: &Args<'_>) -> String {
    let each = args.iter().map(|values| {
        let mut out = Vec::new();
        text::argument(&mut out, values, text::Rendering::NORMAL);
        String::from_utf8(out).expect("ASCII")
    });
    each.collect::<Vec<_>>().join(", ")
}

fn shown_with(
    options: &Options,
    abi: u8,
    name: &str,
    args: &[u64],
    ret: i64,
    pieces: &[Piece<'_>],
) -> String {
    let (nr, syscall) = tables::by_name(abi_of(abi), name).expect(name);
    let call = call_of(abi, nr, args, ret, pieces);
    // Whatever is missing, there is always some text.
    for (i, piece) in pieces.iter().enumerate() {
        for len in 0..piece.3.len() {
            let mut shorter = pieces.to_vec();
            shorter[i].3 = &piece.3[..len];
            let call = call_of(abi, nr, args, ret, &shorter);
            for options in [&OPTIONS, &VERBOSE] {
                text_of(&Args::of(|out| {
                    super::args(out, &call, Some(syscall), options)
                }));
                text_of(&Args::of(|out| {
                    returned(out, &call, Some(syscall), options)
                }));
            }
        }
    }
    text_of(&Args::of(|out| {
        super::args(out, &call, Some(syscall), options)
    }))
}

fn shown(name: &str, args: &[u64], ret: i64, pieces: &[Piece<'_>]) -> String {
    shown_with(&OPTIONS, ABI_X86_64, name, args, ret, pieces)
}

/// Name, arguments, result, memory, text.
type Case<'a> = (&'a str, &'a [u64], i64, &'a [Piece<'a>], &'a str);

/// Little-endian words of eight bytes.
fn words(values: &[u64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// The same of four bytes.
fn ints(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

const P: u64 = 0x10_0000;
