//! Takes records out of the kernel's per-CPU buffers and hands them on merged by time.
//!
//! A [`Source`] gives the records of one CPU in order. [`Merger`] looks at the first record of
//! every source and takes the oldest, up to a horizon: a record younger than the start of the
//! round before this one may still be overtaken by one of another CPU and waits in its buffer. So
//! the window is bounded by two drain rounds and costs no copy.

pub mod mapped;
pub mod perf;
pub mod ring;

use std::{cmp::Reverse, collections::BinaryHeap, rc::Rc};

use anyhow::{Context, Result};
use strace_ebpf_common::record::{Header, read_fixed};

use crate::probes::maps::{IRQ_RING_BYTES, Outlets};
use mapped::{Mapped, MappedRing};
use perf::PerfBuffer;
use ring::Ring;

/// The buffer of one CPU.
pub trait Source {
    /// The oldest record that has not been taken, if it is complete.
    fn peek(&mut self) -> Option<&[u8]>;
    /// Takes the record that `peek` gave.
    fn take(&mut self);
    /// Gives the space of taken records back to the kernel.
    fn release(&mut self);
    /// Bytes waiting, as far as that can be told cheaply.
    fn backlog(&self) -> u64;
    /// Records that the kernel dropped after it had accepted them (perf's own count).
    fn lost(&self) -> u64 {
        0
    }
}

/// Opens the buffers, each of so many bytes.
pub fn open(outlets: Outlets, cpus: u32, bytes: u32) -> Result<Vec<Box<dyn Source>>> {
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    let mut add_rings = |rings: Vec<_>, bytes| -> Result<()> {
        for ring in rings {
            let ring = Ring::new(ring, bytes).context("mapping a ring buffer")?;
            sources.push(Box::new(ring));
        }
        Ok(())
    };
    match outlets {
        Outlets::Rings(rings) => add_rings(rings, bytes)?,
        Outlets::Mapped {
            cursors,
            chunks,
            irq,
        } => {
            add_rings(irq, IRQ_RING_BYTES)?;
            let all = Mapped::new(&cursors, &chunks, cpus, bytes).context("mapping the buffers")?;
            let all = Rc::new(all);
            for cpu in 0..cpus {
                sources.push(Box::new(MappedRing::new(Rc::clone(&all), cpu)));
            }
        }
        Outlets::Perf(map) => {
            let map = Rc::new(map);
            for cpu in 0..cpus {
                let buffer = PerfBuffer::open(&map, cpu, bytes)
                    .with_context(|| format!("opening the perf buffer of CPU {cpu}"))?;
                if let Some(buffer) = buffer {
                    sources.push(Box::new(buffer));
                }
            }
        }
    }
    Ok(sources)
}

/// Merges sources by the time of their records.
pub struct Merger {
    sources: Vec<Box<dyn Source>>,
    /// (time, source) of each source's first record.
    heads: BinaryHeap<Reverse<(u64, usize)>>,
    /// Is the source's first record in `heads`?
    has_head: Vec<bool>,
    /// Start of the round before.
    horizon: u64,
    /// How long a record waits at least, while there is room.
    settle_ns: u64,
    /// Size of each buffer.
    buffer_bytes: u64,
    /// Records too short for a header; never seen from our probes.
    malformed: u64,
}

/// A program takes the time before it reserves its place, and a virtual CPU may be taken away in
/// between: younger records than this wait, as far as the buffers have room for them.
const SETTLE_NS: std::ops::RangeInclusive<u64> = 200_000..=10_000_000;

/// Space is given back at least every so many records.
const RELEASE_EVERY: u32 = 64;

impl Merger {
    /// A merger over these sources, each with a buffer of so many bytes.
    #[must_use]
    pub fn new(sources: Vec<Box<dyn Source>>, buffer_bytes: u32) -> Self {
        Self {
            // A CPU fills its buffer with about a quarter of a byte per nanosecond at most: so a
            // quarter of the buffer may wait.
            settle_ns: u64::from(buffer_bytes).clamp(*SETTLE_NS.start(), *SETTLE_NS.end()),
            buffer_bytes: u64::from(buffer_bytes),
            heads: BinaryHeap::with_capacity(sources.len()),
            has_head: vec![false; sources.len()],
            sources,
            horizon: 0,
            malformed: 0,
        }
    }

    /// One round: passes on every record that can no longer be overtaken, up to about `budget` of
    /// them. `now_ns` is the monotonic time at its start. Returns how many there were.
    pub fn round(&mut self, now_ns: u64, budget: u64, each: &mut dyn FnMut(&[u8])) -> u64 {
        let before = std::mem::replace(&mut self.horizon, now_ns);
        let settle_ns = self.settle_ns();
        self.drain_until(before.min(now_ns.saturating_sub(settle_ns)), budget, each)
    }

    /// How long a record waits now: the fuller the fullest buffer the less, and from a quarter on the least. To be in
    /// order is good, to be there is better.
    fn settle_ns(&self) -> u64 {
        let quarter = (self.buffer_bytes / 4).max(1);
        let free = quarter.saturating_sub(self.backlog());
        let share = u128::from(self.settle_ns) * u128::from(free) / u128::from(quarter);
        // At most the whole of it.
        (share as u64).max(*SETTLE_NS.start())
    }

    /// Passes on everything, up to about `budget` records; for the end, when no more can come.
    pub fn finish(&mut self, budget: u64, each: &mut dyn FnMut(&[u8])) -> u64 {
        self.drain_until(u64::MAX, budget, each)
    }

    /// Do records wait that may still be overtaken?
    #[must_use]
    pub fn holds_records(&self) -> bool {
        !self.heads.is_empty()
    }

    /// Bytes waiting in the fullest buffer.
    #[must_use]
    pub fn backlog(&self) -> u64 {
        self.sources
            .iter()
            .map(|source| source.backlog())
            .max()
            .unwrap_or(0)
    }

    /// Records that perf dropped after accepting them.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.sources.iter().map(|source| source.lost()).sum()
    }

    /// Records that were not records.
    #[must_use]
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    fn drain_until(&mut self, horizon: u64, budget: u64, each: &mut dyn FnMut(&[u8])) -> u64 {
        for index in 0..self.sources.len() {
            if !self.has_head[index] {
                self.push_head(index);
            }
        }
        let mut count = 0;
        while let Some(Reverse((ts, index))) = self.heads.pop() {
            if ts > horizon || count >= budget {
                self.heads.push(Reverse((ts, index)));
                break;
            }
            // As long as this source stays the oldest there is no need to ask the others.
            let next = self.heads.peek().map_or(u64::MAX, |Reverse((ts, _))| *ts);
            count += self.run_of(index, next.min(horizon), budget - count, each);
            self.push_head(index);
        }
        for source in &mut self.sources {
            source.release();
        }
        count
    }

    /// Passes on records of one source up to time `until`, the first one whatever its time.
    fn run_of(
        &mut self,
        index: usize,
        until: u64,
        budget: u64,
        each: &mut dyn FnMut(&[u8]),
    ) -> u64 {
        self.has_head[index] = false;
        let source = &mut self.sources[index];
        let mut count = 0;
        let mut unreleased = 0;
        while let Some(record) = source.peek() {
            if count > 0 && (count == budget || time_of(record).is_some_and(|ts| ts > until)) {
                break;
            }
            each(record);
            source.take();
            count += 1;
            unreleased += 1;
            if unreleased == RELEASE_EVERY {
                source.release();
                unreleased = 0;
            }
        }
        count
    }

    fn push_head(&mut self, index: usize) {
        while let Some(record) = self.sources[index].peek() {
            if let Some(ts) = time_of(record) {
                self.heads.push(Reverse((ts, index)));
                self.has_head[index] = true;
                return;
            }
            self.malformed += 1;
            self.sources[index].take();
        }
    }
}

fn time_of(record: &[u8]) -> Option<u64> {
    read_fixed::<Header>(record).map(|header| header.ts_ns)
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::VecDeque, rc::Rc};

    use super::*;

    const MS: u64 = 1_000_000;

    /// A source fed by the test.
    #[derive(Clone, Default)]
    struct Fed(Rc<RefCell<VecDeque<Vec<u8>>>>, Vec<u8>);

    impl Fed {
        fn push(&self, ts_ms: u64, seq: u64) {
            let mut bytes = vec![0u8; size_of::<Header>()];
            bytes[8..16].copy_from_slice(&seq.to_ne_bytes());
            bytes[16..24].copy_from_slice(&(ts_ms * MS).to_ne_bytes());
            self.0.borrow_mut().push_back(bytes);
        }
    }

    impl Source for Fed {
        fn peek(&mut self) -> Option<&[u8]> {
            self.1 = self.0.borrow().front()?.clone();
            Some(&self.1)
        }
        fn take(&mut self) {
            self.0.borrow_mut().pop_front();
        }
        fn release(&mut self) {}
        fn backlog(&self) -> u64 {
            self.0.borrow().len() as u64
        }
    }

    fn times(merger: &mut Merger, now: Option<u64>) -> Vec<u64> {
        let mut out = Vec::new();
        let mut each = |r: &[u8]| out.extend(time_of(r).map(|ts| ts / MS));
        match now {
            Some(now) => merger.round(now * MS, u64::MAX, &mut each),
            None => merger.finish(u64::MAX, &mut each),
        };
        out
    }

    #[test]
    fn merges_by_time_and_holds_back_what_may_be_overtaken() {
        let (a, b) = (Fed::default(), Fed::default());
        let mut merger = Merger::new(vec![Box::new(a.clone()), Box::new(b.clone())], 4096);
        a.push(10, 1);
        a.push(30, 2);
        b.push(20, 1);
        // The first round knows no horizon yet.
        assert_eq!(times(&mut merger, Some(40)), []);
        a.push(50, 3);
        assert_eq!(times(&mut merger, Some(60)), [10, 20, 30]);
        b.push(45, 2);
        assert_eq!(times(&mut merger, Some(70)), [45, 50]);
        b.push(90, 3);
        a.push(80, 4);
        assert_eq!(times(&mut merger, Some(75)), []);
        assert!(merger.holds_records());
        assert_eq!(times(&mut merger, None), [80, 90]);
        assert!(!merger.holds_records());
        assert_eq!(merger.backlog(), 0);
    }

    #[test]
    fn the_fuller_a_buffer_the_shorter_records_wait() {
        let a = Fed::default();
        let merger = Merger::new(vec![Box::new(a.clone())], 1_000_000);
        assert_eq!(merger.settle_ns(), 1_000_000);
        (1..=125_000).for_each(|n| a.push(n, n));
        assert_eq!(merger.settle_ns(), 500_000);
        (1..=125_000).for_each(|n| a.push(n, n));
        assert_eq!(merger.settle_ns(), *SETTLE_NS.start());
    }

    #[test]
    fn a_round_stops_at_its_budget_and_goes_on_from_there() {
        let (a, b) = (Fed::default(), Fed::default());
        let mut merger = Merger::new(vec![Box::new(a.clone()), Box::new(b.clone())], 4096);
        (1..=5).for_each(|n| a.push(n, n));
        b.push(3, 1);
        let mut out = Vec::new();
        assert_eq!(
            merger.finish(2, &mut |r| out.extend(time_of(r).map(|ts| ts / MS))),
            2
        );
        assert_eq!(out, [1, 2]);
        assert_eq!(times(&mut merger, None), [3, 3, 4, 5]);
    }

    #[test]
    fn skips_records_without_a_header() {
        let a = Fed::default();
        a.0.borrow_mut().push_back(vec![1, 2, 3]);
        a.push(5, 1);
        let mut merger = Merger::new(vec![Box::new(a)], 4096);
        assert_eq!(times(&mut merger, None), [5]);
        assert_eq!(merger.malformed(), 1);
    }
}
