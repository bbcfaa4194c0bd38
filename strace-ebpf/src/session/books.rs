//! The books of what arrived: finds gaps in each CPU's sequence, and settles at the end with what
//! the probes counted.

use strace_ebpf_common::{
    counters::{Counters, STREAMS},
    record::Header,
};

/// Where and how much was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// CPU whose records are missing.
    pub cpu: u32,
    /// How many.
    pub count: u64,
    /// Monotonic time of the last record before the gap, 0 if there was none.
    pub from_ns: u64,
    /// Monotonic time of the first record after it.
    pub to_ns: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Line {
    last_seq: u64,
    last_ns: u64,
    delivered: u64,
}

/// One line per CPU and stream.
#[derive(Debug)]
pub struct Books {
    lines: Vec<[Line; STREAMS as usize]>,
}

/// The bit of [`Header::cpu`] that names the stream.
const STREAM_SHIFT: u16 = 15;

/// The end of the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settlement {
    /// Records that the probes wanted to send.
    pub seen: u64,
    /// Records that arrived.
    pub delivered: u64,
    /// Records that were refused, as counted by the probes.
    pub dropped: u64,
    /// `seen - delivered - dropped`: must be 0, or the books are wrong.
    pub unaccounted: i64,
}

impl Books {
    /// Empty books for so many CPUs.
    #[must_use]
    pub fn new(cpus: u32) -> Self {
        Self {
            lines: vec![[Line::default(); STREAMS as usize]; cpus as usize],
        }
    }

    /// Enters one record; tells the gap before it, if there is one.
    pub fn enter(&mut self, header: &Header) -> Option<Gap> {
        let cpu = usize::from(header.cpu & !(1 << STREAM_SHIFT));
        let line = self
            .lines
            .get_mut(cpu)?
            .get_mut(usize::from(header.cpu >> STREAM_SHIFT))?;
        let missing = header.seq.saturating_sub(line.last_seq + 1);
        let from_ns = line.last_ns;
        line.delivered += 1;
        line.last_seq = line.last_seq.max(header.seq);
        line.last_ns = header.ts_ns;
        (missing > 0).then_some(Gap {
            cpu: cpu as u32,
            count: missing,
            from_ns,
            to_ns: header.ts_ns,
        })
    }

    /// Records that arrived so far.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.lines.iter().flatten().map(|line| line.delivered).sum()
    }

    /// Gaps that no record followed, told by the probes' counters.
    pub fn trailing_gaps(&mut self, counters: &[Vec<Counters>], now_ns: u64) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for (stream, counters) in counters.iter().enumerate() {
            for (cpu, counter) in counters.iter().enumerate() {
                let Some(line) = self.lines.get_mut(cpu).and_then(|l| l.get_mut(stream)) else {
                    continue;
                };
                let missing = counter.seen.saturating_sub(line.last_seq);
                if missing > 0 {
                    let from_ns = line.last_ns;
                    gaps.push(Gap {
                        cpu: cpu as u32,
                        count: missing,
                        from_ns,
                        to_ns: now_ns,
                    });
                    line.last_seq = counter.seen;
                }
            }
        }
        gaps
    }

    /// Compares with what the probes counted.
    #[must_use]
    pub fn settle(&self, counters: &[Vec<Counters>]) -> Settlement {
        let total = crate::probes::total(counters);
        let (seen, dropped, delivered) = (total.seen, total.dropped(), self.delivered());
        Settlement {
            seen,
            delivered,
            dropped,
            unaccounted: seen as i64 - delivered as i64 - dropped as i64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(cpu: u16, seq: u64, ts_ns: u64) -> Header {
        Header {
            cpu,
            seq,
            ts_ns,
            ..Header::default()
        }
    }

    #[test]
    fn finds_each_gap_on_its_own_cpu_and_stream() {
        let mut books = Books::new(2);
        assert_eq!(books.enter(&header(0, 1, 10)), None);
        assert_eq!(books.enter(&header(1, 1, 11)), None);
        let gap = Gap {
            cpu: 0,
            count: 3,
            from_ns: 10,
            to_ns: 20,
        };
        assert_eq!(books.enter(&header(0, 5, 20)), Some(gap));
        assert_eq!(books.enter(&header(1, 2, 21)), None);
        assert_eq!(books.enter(&header(1 << 15, 1, 22)), None);
        let gap = Gap {
            cpu: 0,
            count: 1,
            from_ns: 22,
            to_ns: 23,
        };
        assert_eq!(books.enter(&header(1 << 15, 3, 23)), Some(gap));
        assert_eq!(books.delivered(), 6);
        assert_eq!(
            books.enter(&header(9, 1, 1)),
            None,
            "an unknown CPU is not entered"
        );
    }

    #[test]
    fn settles_and_tells_what_no_record_followed() {
        let mut books = Books::new(1);
        books.enter(&header(0, 1, 10));
        books.enter(&header(0, 4, 20));
        let counters = vec![
            vec![Counters {
                seen: 9,
                dropped_full: 7,
                ..Counters::default()
            }],
            vec![Counters::default()],
        ];
        let gaps = books.trailing_gaps(&counters, 99);
        assert_eq!(
            gaps,
            [Gap {
                cpu: 0,
                count: 5,
                from_ns: 20,
                to_ns: 99
            }]
        );
        assert_eq!(books.trailing_gaps(&counters, 99), []);
        let settled = books.settle(&counters);
        assert_eq!(
            settled,
            Settlement {
                seen: 9,
                delivered: 2,
                dropped: 7,
                unaccounted: 0
            }
        );
    }
}
