//! Per-CPU counters of the probes: the books that make loss exact.
//!
//! One [`Counters`] per CPU and stream. A stream has its own books because its programs may
//! interrupt another's (a signal can be generated from an interrupt) and a plain increment must
//! never be interrupted by one on the same word.

/// The system call, fork, exec, exit and signal-delivery programs: all run in task context.
pub const STREAM_TASK: u32 = 0;
/// The signal-generation program, which may run in interrupt context.
pub const STREAM_IRQ: u32 = 1;
/// Number of streams, the size of the counter map.
pub const STREAMS: u32 = 2;

/// What one CPU counted. `seen` is always `delivered + dropped_full + dropped_busy`, where user
/// space counts what was delivered.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Records that the probes wanted to send. The value after the increment is the record's `seq`.
    pub seen: u64,
    /// Records refused because the buffer was full.
    pub dropped_full: u64,
    /// Records refused because this CPU's scratch buffer was in use (a preempted program).
    pub dropped_busy: u64,
    /// Records that found no buffer for their CPU (a CPU that came online after the start).
    pub dropped_no_buffer: u64,
    /// Traced tasks that were born.
    pub born: u64,
    /// Traced tasks that ended.
    pub gone: u64,
    /// Calls that returned unseen, noticed when their thread entered the next one.
    pub missed: u64,
}

impl Counters {
    /// Records that were refused, for any reason.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped_full + self.dropped_busy + self.dropped_no_buffer
    }
}

const _: () = assert!(size_of::<Counters>() == 56);

#[cfg(feature = "user")]
// SAFETY: repr(C), integers only, no padding (size asserted above).
unsafe impl aya::Pod for Counters {}
