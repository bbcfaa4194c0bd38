//! `-k`: through which functions a program came to a call.
//!
//! The probes copy registers and the top of the stack with each call. What was mapped where at that time is known from
//! the kernel's own records of mappings (`mmaps`, `space`). Callers are found by the unwind tables of the mapped files, and
//! named by their symbols, in the thread that writes (`text`), so that draining never waits for it: in the output stands a
//! mark, which that thread replaces.

pub mod mmaps;
pub mod object;
pub mod space;
pub mod text;
pub mod unwind;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use strace_ebpf_common::{
    capture::{ARG_NONE, FRAME_PAGES, FRAME_REGISTERS, OP_FRAMES},
    record::{ABI_I386, CallRecord, ForkRecord, Header, SignalRecord},
};

use crate::session::{
    Call,
    parse::{self, Captured},
};
use mmaps::Mmaps;
use space::{Space, Spaces};

/// Begins a mark in the output, whose other bytes are all printable. The number of a job follows.
pub const MARK: u8 = 0;
/// Bytes of a whole mark.
pub const MARK_BYTES: usize = 1 + size_of::<u64>();

/// A copy of the stack that is so long was cut.
const WHOLE_STACK: usize = (FRAME_PAGES as usize - 1) * 4096;

/// What is needed to find the callers.
#[derive(Debug)]
pub struct Job {
    /// Instruction, stack and frame pointer.
    pub registers: [u64; 3],
    /// What was on the stack.
    pub stack: Box<[u8]>,
    /// What was mapped.
    pub space: Arc<Space>,
    /// Whose it is.
    pub tgid: u32,
    /// A 32-bit call, of whose callers nothing can be told.
    pub narrow: bool,
}

/// Registers and stack as a record has them.
#[derive(Clone, Debug)]
pub struct Frames {
    registers: [u64; 3],
    stack: Box<[u8]>,
    tgid: u32,
    ts_ns: u64,
    narrow: bool,
}

impl Frames {
    /// Those of a call, if they were copied.
    #[must_use]
    pub fn of(call: &Call<'_>) -> Option<Self> {
        let narrow = call.record.abi == ABI_I386;
        Self::within(call.captures.iter().copied(), &call.record.header, narrow)
    }

    /// The same from what follows the call's record.
    #[must_use]
    pub fn of_record(record: &CallRecord, body: &[u8]) -> Option<Self> {
        let captures = parse::captures(body, record.n_captures);
        Self::within(captures, &record.header, record.abi == ABI_I386)
    }

    /// Those of a signal: `body` is what follows its record. What has its stack so low is a 32-bit program.
    #[must_use]
    pub fn of_signal(record: &SignalRecord, body: &[u8]) -> Option<Self> {
        let mut found = Self::within(parse::captures(body, 1), &record.header, false)?;
        if found.registers[1] == 0 {
            // This kernel does not tell where the registers are.
            return None;
        }
        found.narrow = found.registers[1] >> 32 == 0;
        Some(found)
    }

    fn within<'a>(
        mut captures: impl Iterator<Item = Captured<'a>>,
        header: &Header,
        narrow: bool,
    ) -> Option<Self> {
        let found = captures.find(|c| c.header.arg == ARG_NONE && c.header.op == OP_FRAMES)?;
        let (registers, stack) = found.bytes.split_at_checked(FRAME_REGISTERS as usize)?;
        let (ip, bp) = registers.split_at_checked(8)?;
        let word = |bytes: &[u8]| bytes.try_into().map(u64::from_ne_bytes).ok();
        Some(Self {
            registers: [word(ip)?, found.header.addr, word(bp)?],
            stack: stack.into(),
            tgid: header.tgid,
            ts_ns: header.ts_ns,
            narrow,
        })
    }
}

/// Jobs that are not done yet.
#[derive(Debug, Default)]
pub struct Jobs {
    by_number: Mutex<HashMap<u64, Job>>,
    bytes: AtomicU64,
}

impl Jobs {
    fn put(&self, number: u64, job: Job) {
        self.bytes
            .fetch_add(job.stack.len() as u64, Ordering::Relaxed);
        let mut jobs = self
            .by_number
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        jobs.insert(number, job);
    }

    /// Takes a job out.
    #[must_use]
    pub fn take(&self, number: u64) -> Option<Job> {
        let mut jobs = self
            .by_number
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let job = jobs.remove(&number)?;
        self.bytes
            .fetch_sub(job.stack.len() as u64, Ordering::Relaxed);
        Some(job)
    }

    /// Bytes of all stacks.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// The drainer's side: follows mappings, puts marks into the output.
#[derive(Debug)]
pub struct Stacks {
    jobs: Arc<Jobs>,
    next: u64,
    mmaps: Mmaps,
    spaces: Spaces,
}

impl Stacks {
    /// Follows mappings from now on.
    #[must_use]
    pub fn new(jobs: Arc<Jobs>, mmaps: Mmaps) -> Self {
        Self {
            jobs,
            next: 0,
            mmaps,
            spaces: Spaces::default(),
        }
    }

    /// A process that is traced from now on, before its first program.
    pub fn watch(&mut self, tgid: u32) {
        self.spaces.watch(tgid);
    }

    /// A process that ran already: what it has mapped is asked for while it is there.
    pub fn attached(&mut self, tgid: u32) {
        self.spaces.of(tgid, 0);
    }

    /// A thread or process was made.
    pub fn born(&mut self, record: &ForkRecord) {
        if record.child_tgid != record.header.tgid {
            self.bring_up(record.header.ts_ns);
            self.spaces.inherit(record.header.tgid, record.child_tgid);
        }
    }

    /// A thread has ended.
    pub fn ended(&mut self, header: &Header) {
        if header.tid == header.tgid {
            self.spaces.ended(header.tgid);
        }
    }

    fn bring_up(&mut self, until_ns: u64) {
        let spaces = &mut self.spaces;
        self.mmaps.take(until_ns, &mut |event| spaces.apply(event));
    }

    /// The number that the next job will have.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.next
    }

    /// Adds a job.
    pub fn add(&mut self, frames: Frames) -> u64 {
        self.bring_up(frames.ts_ns);
        let [ip, ..] = frames.registers;
        let job = Job {
            registers: frames.registers,
            stack: frames.stack,
            space: self.spaces.of(frames.tgid, ip),
            tgid: frames.tgid,
            narrow: frames.narrow,
        };
        let number = self.next;
        self.next += 1;
        self.jobs.put(number, job);
        number
    }
}

/// Writes the mark of a job.
pub fn mark(out: &mut Vec<u8>, number: u64) {
    out.push(MARK);
    out.extend_from_slice(&number.to_ne_bytes());
}

#[cfg(test)]
mod tests {
    use strace_ebpf_common::capture::{CAPTURE_BYTES, Capture};

    use super::*;

    #[test]
    fn a_signal_brings_registers_and_stack() {
        let record = SignalRecord {
            header: Header {
                tgid: 7,
                ..Header::default()
            },
            signal: 11,
            outcome: 0,
            nr: 0,
            flags: 0,
            ip: 0,
            info: [0; 48],
        };
        let body = |sp: u64, op: u8| {
            let capture = Capture {
                addr: sp,
                len: 24,
                op,
                arg: ARG_NONE,
                ..Capture::default()
            };
            let mut body = Vec::new();
            body.extend(capture.addr.to_ne_bytes());
            body.extend(capture.len.to_ne_bytes());
            body.extend([0; 4]);
            body.extend([capture.op, capture.arg]);
            body.resize(CAPTURE_BYTES as usize, 0);
            for word in [0x1000u64, 0x2000, 0x3000] {
                body.extend(word.to_ne_bytes());
            }
            body
        };
        let sp = 0x7fff_0000_0000;
        let found = Frames::of_signal(&record, &body(sp, OP_FRAMES)).expect("there");
        assert_eq!(found.registers, [0x1000, sp, 0x2000]);
        assert_eq!(
            (&found.stack[..], found.tgid),
            (&0x3000u64.to_ne_bytes()[..], 7)
        );
        assert!(!found.narrow);
        let narrow = Frames::of_signal(&record, &body(0xffff_0000, OP_FRAMES)).expect("there");
        assert!(narrow.narrow);
        assert!(Frames::of_signal(&record, &[]).is_none());
        assert!(Frames::of_signal(&record, &body(sp, 0)).is_none());
        let whole = body(sp, OP_FRAMES);
        for len in 0..whole.len() {
            assert!(Frames::of_signal(&record, &whole[..len]).is_none(), "{len}");
        }
    }
}
