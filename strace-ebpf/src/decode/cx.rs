//! What a decoder may look at: one argument of one call, and the memory that was captured for it.

use smallvec::SmallVec;
use strace_ebpf_common::capture::{CAPTURE_AT_ENTER, CAPTURE_PARTIAL, CAPTURE_TRUNCATED};

use super::Options;
use crate::{
    session::{Call, parse::Captured},
    tables::{Abi, Arg, Dir},
};

/// The captures of one argument, of one end of the call.
pub type Captures<'a> = SmallVec<[Captured<'a>; 8]>;

/// One argument.
pub struct Cx<'c, 'a> {
    pub call: &'c Call<'a>,
    pub abi: Abi,
    /// Every argument's name and type, those of the variant in force.
    pub args: &'static [Arg],
    /// Which of them this is.
    pub index: u8,
    pub options: &'c Options,
    /// As they are to be shown: for what the caller wrote those of the enter, else of the exit.
    pub captures: Captures<'a>,
}

impl<'c, 'a> Cx<'c, 'a> {
    pub fn new(
        call: &'c Call<'a>,
        abi: Abi,
        args: &'static [Arg],
        index: u8,
        options: &'c Options,
    ) -> Self {
        let arg = args.get(usize::from(index));
        let dir = arg.and_then(|arg| arg.ty.dir());
        let captures = match dir {
            Some(Dir::Out) => after(call, index),
            Some(Dir::In) => given(call, index),
            _ => before(call, index),
        };
        Self {
            call,
            abi,
            args,
            index,
            options,
            captures,
        }
    }

    /// The register of argument `n`.
    pub fn register(&self, n: u8) -> u64 {
        let raw = self.call.record.args.get(usize::from(n)).copied();
        raw.unwrap_or(0)
    }

    /// The capture of what is at this address, if it could be read: of all that begin there the one with most bytes.
    pub fn at(&self, addr: u64) -> Option<&Captured<'a>> {
        self.captures
            .iter()
            .filter(|c| c.header.addr == addr && c.header.errno == 0)
            .max_by_key(|c| c.bytes.len())
    }

    /// The same of what the kernel has written there.
    pub fn at_after(&self, addr: u64) -> Option<Captured<'a>> {
        after(self.call, self.index)
            .into_iter()
            .filter(|c| c.header.addr == addr && c.header.errno == 0)
            .max_by_key(|c| c.bytes.len())
    }

    /// The bytes that the argument points to.
    pub fn bytes(&self) -> Option<&'a [u8]> {
        Some(self.at(self.register(self.index))?.bytes)
    }

    /// The same after the call.
    pub fn bytes_after(&self) -> Option<&'a [u8]> {
        let addr = self.register(self.index);
        let captures = after(self.call, self.index);
        let of_addr = captures
            .iter()
            .filter(|c| c.header.addr == addr && c.header.errno == 0);
        of_addr.max_by_key(|c| c.bytes.len()).map(|c| c.bytes)
    }

    /// The call came back and did what it was asked for.
    pub fn succeeded(&self) -> bool {
        !self.call.no_return && !self.failed()
    }

    /// The call came back with an error.
    pub fn failed(&self) -> bool {
        failed(self.call)
    }
}

/// The call came back with an error.
pub fn failed(call: &Call<'_>) -> bool {
    (-4095..0).contains(&call.record.ret) && !call.no_return
}

/// More was there than was copied.
pub fn is_cut(captured: &Captured<'_>) -> bool {
    captured.header.flags & CAPTURE_TRUNCATED != 0
}

/// What follows could not be read.
pub fn is_partial(captured: &Captured<'_>) -> bool {
    captured.header.flags & CAPTURE_PARTIAL != 0
}

/// The captures of an argument at the enter, unless they failed and those at the exit did not.
pub fn before<'a>(call: &Call<'a>, index: u8) -> Captures<'a> {
    let (at_enter, at_exit): (Captures<'a>, Captures<'a>) = call
        .captured(index)
        .copied()
        .partition(|c| c.header.flags & CAPTURE_AT_ENTER != 0);
    // The first is what the argument points to.
    let readable = |captures: &Captures<'_>| captures.iter().any(|c| c.header.errno == 0);
    let is_cut_off = |captures: &Captures<'_>| captures.iter().any(is_partial);
    let failed = !readable(&at_enter) || is_cut_off(&at_enter) && !is_cut_off(&at_exit);
    if at_enter.is_empty() || failed && readable(&at_exit) {
        at_exit
    } else {
        at_enter
    }
}

/// The same of what only the caller writes: those of the exit too, where they go further. Another form of the call may
/// have needed a few bytes at the enter.
fn given<'a>(call: &Call<'a>, index: u8) -> Captures<'a> {
    let longest = |captures: &Captures<'_>| {
        let readable = captures.iter().filter(|c| c.header.errno == 0);
        readable.map(|c| c.bytes.len()).max().unwrap_or(0)
    };
    let (at_enter, at_exit) = (before(call, index), after(call, index));
    if longest(&at_exit) > longest(&at_enter) {
        at_exit
    } else {
        at_enter
    }
}

/// The captures of an argument at the exit.
pub fn after<'a>(call: &Call<'a>, index: u8) -> Captures<'a> {
    call.captured(index)
        .copied()
        .filter(|c| c.header.flags & CAPTURE_AT_ENTER == 0)
        .collect()
}

/// A little-endian number of up to 8 bytes.
pub fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

/// The number of `width` bytes at an offset; nothing where the bytes end before.
pub fn number_at(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    Some(number(bytes.get(at..at.checked_add(width)?)?))
}

/// Sign-extends a number of `width` bytes.
pub fn signed(value: u64, width: usize) -> i64 {
    match width {
        1 => i64::from(value as i8),
        2 => i64::from(value as i16),
        4 => i64::from(value as i32),
        _ => value as i64,
    }
}
