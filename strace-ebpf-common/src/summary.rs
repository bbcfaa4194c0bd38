//! The summary's counters: one [`Row`] per system call and CPU, kept by the probes and added up in user space.
//!
//! Times go into a log-linear histogram: every power of two is cut into eight equal parts, so that a percentile read from
//! it is off by an eighth of its value at most.

use crate::limits::COMM_BYTES;

/// Parts of a power of two, as a power of two.
pub const SUB_BITS: u32 = 3;
/// Parts of a histogram. The last one begins at 128 s and has no end.
pub const BUCKETS: usize = 280;
/// The largest time that a histogram tells from smaller ones, in nanoseconds.
pub const LONGEST_NS: u64 = (1 << 37) - 1;

/// No summary.
pub const COUNT_OFF: u32 = 0;
/// Count, and report no event.
pub const COUNT_ONLY: u32 = 1;
/// Count, and report events too.
pub const COUNT_TOO: u32 = 2;

/// Time between enter and exit.
pub const CLOCK_WALL: u32 = 0;
/// Of it, the time during which the thread had a CPU.
pub const CLOCK_CPU: u32 = 1;

/// Rows per system call only.
pub const BY_NOTHING: u32 = 0;
/// Per process: `tgid`.
pub const BY_PID: u32 = 1;
/// Per thread name.
pub const BY_COMM: u32 = 2;
/// Per cgroup v2 of the thread, by number.
pub const BY_CGROUP: u32 = 3;
/// Per result: 0, or a positive errno.
pub const BY_ERRNO: u32 = 4;

/// Settings of the summary, constants for the probes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Taken off the time of every call.
    pub overhead_ns: u64,
    /// `COUNT_*`.
    pub mode: u32,
    /// `CLOCK_*`.
    pub clock: u32,
    /// `BY_*`.
    pub by: u32,
    /// `STATUS_*` bits of what is counted: not always what is reported.
    pub status: u32,
    /// 1: keep histograms.
    pub histogram: u32,
    /// Explicit padding.
    pub _pad: u32,
}

const _: () = assert!(size_of::<Count>() == 32);

/// What one CPU counted of one system call (and group).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Calls that ended.
    pub calls: u64,
    /// Of these, calls that failed.
    pub errors: u64,
    /// Of these, calls whose beginning was not seen: they have no time.
    pub untimed: u64,
    /// Sum of the times.
    pub total_ns: u64,
    /// Longest time.
    pub max_ns: u64,
    /// Shortest time with all bits inverted, so that zeros mean "none yet".
    pub min_inverted: u64,
    /// Calls by time, see [`bucket`].
    pub buckets: [u64; BUCKETS],
}

const _: () = assert!(size_of::<Row>() == 48 + 8 * BUCKETS);

/// Key of a row in a group.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct GroupKey {
    /// The group: a number in its first eight bytes, or a thread name.
    pub group: [u8; COMM_BYTES],
    /// Index of the system call's row.
    pub slot: u32,
    /// Explicit padding.
    pub _pad: u32,
}

const _: () = assert!(size_of::<GroupKey>() == 24);

/// When a thread was last taken off its CPU within the present call, and how long it has waited for one in it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OffCpu {
    /// Monotonic time, 0: it has its CPU.
    pub left_ns: u64,
    /// Sum.
    pub off_ns: u64,
}

const _: () = assert!(size_of::<OffCpu>() == 16);

/// The part of the histogram that a time belongs to: eight parts of one nanosecond each, then eight for every power
/// of two from 8 on.
#[must_use]
#[inline(always)]
pub const fn bucket(ns: u64) -> u32 {
    let ns = if ns > LONGEST_NS { LONGEST_NS } else { ns };
    // The position of the highest bit: the BPF target has no instruction for it, and its stand-in is slower.
    let mut rest = ns >> (SUB_BITS + 1);
    let mut shift = 0;
    if rest == 0 {
        // Below 16 a part is one nanosecond.
        return ns as u32;
    }
    if rest >> 16 != 0 {
        rest >>= 16;
        shift += 16;
    }
    if rest >> 16 != 0 {
        rest >>= 16;
        shift += 16;
    }
    if rest >> 8 != 0 {
        rest >>= 8;
        shift += 8;
    }
    if rest >> 4 != 0 {
        rest >>= 4;
        shift += 4;
    }
    if rest >> 2 != 0 {
        rest >>= 2;
        shift += 2;
    }
    if rest >> 1 != 0 {
        shift += 1;
    }
    let octave = shift + 1;
    (octave << SUB_BITS) + (ns >> octave) as u32
}

/// The smallest time of a part, and the smallest one of the next.
#[must_use]
pub const fn bounds(bucket: u32) -> (u64, u64) {
    (lower(bucket), lower(bucket + 1))
}

const fn lower(bucket: u32) -> u64 {
    let parts = 1 << SUB_BITS;
    if bucket < 2 * parts {
        return bucket as u64;
    }
    let octave = bucket / parts - 1;
    ((parts + bucket % parts) as u64) << octave
}

impl Default for Row {
    fn default() -> Self {
        Self {
            calls: 0,
            errors: 0,
            untimed: 0,
            total_ns: 0,
            max_ns: 0,
            min_inverted: 0,
            buckets: [0; BUCKETS],
        }
    }
}

#[cfg(feature = "user")]
// SAFETY: repr(C), integers only, no padding (sizes asserted above).
unsafe impl aya::Pod for Row {}
#[cfg(feature = "user")]
// SAFETY: as above.
unsafe impl aya::Pod for GroupKey {}
#[cfg(feature = "user")]
// SAFETY: as above.
unsafe impl aya::Pod for OffCpu {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_touch_and_are_an_eighth_wide_at_most() {
        let mut last = 0;
        for index in 0..BUCKETS as u32 {
            let (from, to) = bounds(index);
            assert_eq!(from, last, "{index}");
            assert!(to > from && (to - from <= from.div_ceil(8) || from < 8));
            assert_eq!(bucket(from), index);
            assert_eq!(bucket(to - 1), index);
            last = to;
        }
        assert_eq!(last, LONGEST_NS + 1);
    }

    #[test]
    fn times_beyond_the_last_bucket_are_in_it() {
        for ns in [LONGEST_NS, LONGEST_NS + 1, u64::MAX] {
            assert_eq!(bucket(ns), BUCKETS as u32 - 1);
        }
        assert_eq!((bucket(0), bucket(1), bucket(7), bucket(8)), (0, 1, 7, 8));
        assert_eq!(
            (bucket(15), bucket(16), bucket(17), bucket(18)),
            (15, 16, 16, 17)
        );
    }
}
