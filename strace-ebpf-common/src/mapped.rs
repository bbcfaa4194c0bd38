//! A CPU's buffer in memory that the kernel and the tracer have both mapped: written in place, without a copy and without
//! a lock.
//!
//! Only one program at a time writes to it, on one CPU; so it is for kernels that do not preempt programs, and for programs
//! that no other one interrupts. Positions count bytes from the start and never wrap; a record lies at its position modulo
//! the size of the buffer, whole within a chunk. What it cannot use at the end of a chunk it leaves: there stands a zero
//! where a record would have its length.

use crate::limits::RECORD_MAX;

/// Buffers are made of pieces of this size, or are smaller than one.
pub const CHUNK_BYTES: u32 = 1 << 20;
/// Behind each piece, never used: from the masks of a position and of a length the verifier sees only that a record ends
/// within it.
pub const SLACK_BYTES: u32 = 64 << 10;
const _: () = assert!(RECORD_MAX < SLACK_BYTES);

/// One piece.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Chunk(pub [u8; (CHUNK_BYTES + SLACK_BYTES) as usize]);

/// Both ends of a CPU's buffer, each in a cache line of its own.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Cursor {
    /// Position behind the last complete record, by the probes.
    pub head: u64,
    /// What they last saw of `tail`.
    pub tail_seen: u64,
    /// Signals by which the probes stopped a process from this CPU.
    pub stops: u64,
    /// Explicit padding.
    pub _pad: [u64; 5],
    /// Position up to which the tracer has read.
    pub tail: u64,
    /// Explicit padding.
    pub _pad2: [u64; 7],
}

const _: () = assert!(size_of::<Cursor>() == 128);

/// Pieces of a buffer of so many bytes, a power of two.
#[must_use]
#[inline(always)]
pub const fn chunks(ring_bytes: u32) -> u32 {
    if ring_bytes > CHUNK_BYTES {
        ring_bytes / CHUNK_BYTES
    } else {
        1
    }
}

/// How much of a piece a buffer of so many bytes uses.
#[must_use]
#[inline(always)]
pub const fn chunk_bytes(ring_bytes: u32) -> u32 {
    if ring_bytes > CHUNK_BYTES {
        CHUNK_BYTES
    } else {
        ring_bytes
    }
}
