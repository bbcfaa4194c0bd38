//! Every decoder, on any registers and any memory, with any options: there is text, and it is harmless.

use strace_ebpf::{
    decode::{
        self, Options,
        descriptor::{SHOW_ALL, SHOW_PATHS},
        value::Args,
    },
    format::{constants::Constants, descriptor, dump, escape::Hex, text},
    session::{Call, parse::Captured},
    tables::{self, Abi, Syscall},
};
use strace_ebpf_common::{capture::Capture, descriptor::ARG_DESCRIPTOR, record::CallRecord};

use crate::{Source, assert_harmless, check};

/// Addresses that lead from one piece of memory to another.
const PLACES: [u64; 6] = [
    0x10_0000,
    0x10_0008,
    0x10_0040,
    0x10_1000,
    0x20_0000,
    u64::MAX - 7,
];

/// A register: an address, a value that a variant of the call is about, a small number, or anything.
fn register(source: &mut Source, syscall: &Syscall, index: usize) -> u64 {
    let tests = syscall.variants.iter().flat_map(|variant| variant.tests);
    let own: Vec<u64> = tests
        .filter(|test| usize::from(test.arg) == index)
        .flat_map(|test| test.values)
        .copied()
        .collect();
    match source.byte() % 5 {
        0 if !own.is_empty() => source.pick(&own),
        0 | 1 => source.pick(&PLACES),
        2 => u64::from(source.byte()),
        3 => u64::MAX - u64::from(source.byte()),
        _ => source.word(),
    }
}

/// Memory: numbers, addresses that are captured too, and noise.
pub fn memory(source: &mut Source) -> Vec<u8> {
    let len = source.below(160);
    let mut bytes = source.bytes(len.min(24));
    while bytes.len() < len {
        let word = match source.byte() % 4 {
            0 => source.pick(&PLACES),
            1 => u64::from(source.byte()),
            2 => 0,
            _ => source.word(),
        };
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

pub fn capture(source: &mut Source, args: &[u64; 6], len: usize) -> Capture {
    let arg = source.byte() % 7;
    let own = args.get(usize::from(arg)).copied().unwrap_or(0);
    Capture {
        addr: if source.flag() {
            own
        } else {
            source.pick(&PLACES)
        },
        len: len as u32,
        full: match source.byte() % 3 {
            0 => len as u32,
            1 => u32::MAX,
            _ => u32::from(source.byte()),
        },
        op: source.byte() % 12,
        arg,
        flags: source.byte() % 8,
        netlink: source.byte() % 24,
        errno: source.pick(&[0, 0, 0, 14]),
        element: u16::from(source.byte() % 8),
    }
}

fn result(source: &mut Source) -> i64 {
    match source.byte() % 6 {
        0 => 0,
        1 => i64::from(source.byte()),
        2 => -i64::from(source.byte()),
        3 => -512 - i64::from(source.byte() % 8),
        4 => i64::MAX,
        // Any bits.
        _ => source.word() as i64,
    }
}

fn show(args: &Args<'_>, source: &mut Source) -> usize {
    let rendering = text::Rendering {
        color: false,
        strings: source.pick(&[Hex::Never, Hex::NonAsciiBytes, Hex::NonAscii, Hex::Always]),
        constants: source.pick(&[Constants::Abbrev, Constants::Raw, Constants::Verbose]),
    };
    let mut out = Vec::new();
    for values in args.iter() {
        let before = out.len();
        text::argument(&mut out, values, rendering);
        assert!(out.len() > before, "an argument without text");
    }
    assert_harmless(&out, b"");
    args.iter().count()
}

fn one_call(source: &mut Source, abi: u8, nr: u32, syscall: &'static Syscall) {
    let args = std::array::from_fn(|index| register(source, syscall, index));
    let memory: Vec<(Capture, Vec<u8>)> = (0..source.below(10))
        .map(|_| {
            let bytes = memory(source);
            let mut header = capture(source, &args, bytes.len());
            if source.one_in(4) {
                header.arg = ARG_DESCRIPTOR;
                header.addr = u64::from(source.pick(&args) as u32);
            }
            (header, bytes)
        })
        .collect();
    let captures = memory.iter().map(|(header, bytes)| Captured {
        header: *header,
        bytes: if header.errno == 0 { bytes } else { &[] },
    });
    let call = Call {
        record: CallRecord {
            nr,
            abi,
            args,
            ret: result(source),
            ..CallRecord::default()
        },
        captures: captures.collect(),
        no_return: source.one_in(16),
    };
    let options = Options {
        elements: source.pick(&[1, 2, 32]),
        string: source.pick(&[0, 1, 32, usize::MAX]),
        verbose: source.flag(),
        structs: !source.one_in(4),
        raw: source.one_in(8),
        dump: source.flag(),
        descriptors: source.pick(&[0, SHOW_PATHS, SHOW_ALL]),
    };
    let shown = show(
        &Args::of(|out| decode::args(out, &call, Some(syscall), &options)),
        source,
    );
    if options.raw {
        assert!(shown <= 6);
    }
    show(
        &Args::of(|out| decode::args(out, &call, None, &options)),
        source,
    );
    show(
        &Args::of(|out| decode::returned(out, &call, Some(syscall), &options)),
        source,
    );
    let outcome = decode::outcome(&call, Some(syscall), &options);
    if let Some(opened) = decode::descriptor::returned(&call, &outcome, options.descriptors) {
        let mut out = Vec::new();
        descriptor::opened(&mut out, &opened, Hex::Never);
        assert_harmless(&out, b"");
    }
    let mut out = Vec::new();
    dump::dump(&mut out, &decode::dump::pieces(&call, syscall, &options));
    assert_harmless(&out, b"\n");
}

#[test]
fn any_call_on_any_memory() {
    let all: Vec<(u8, u32, &'static Syscall)> = Abi::ALL
        .into_iter()
        .flat_map(|abi| tables::all(abi).map(move |(nr, syscall)| (abi as u8, nr, syscall)))
        .collect();
    check("decoders", 100_000, 200, |source| {
        let (abi, nr, syscall) = source.pick(&all);
        one_call(source, abi, nr, syscall);
    });
}

/// The same for each call in turn, so that none is left to chance.
#[test]
fn every_call_on_some_memory() {
    for (turn, abi) in (0u64..).zip(Abi::ALL) {
        for (nr, syscall) in tables::all(abi) {
            for round in 0..6 {
                let mut state = turn << 40 | u64::from(nr) << 8 | round;
                let words: Vec<u64> = (0..120).map(|_| split_mix(&mut state)).collect();
                one_call(&mut Source::new(&words), abi as u8, nr, syscall);
            }
        }
    }
}

/// Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[test]
fn any_siginfo() {
    check("siginfo", 20_000, 20, |source| {
        let abi = source.pick(&Abi::ALL);
        // Shorter ones are shown as an address, or never come.
        let len = 12 + source.below(120);
        let bytes = source.bytes(len);
        show(&decode::siginfo(abi, &bytes), source);
    });
}
