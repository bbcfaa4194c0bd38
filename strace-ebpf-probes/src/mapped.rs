//! The producer's side of a mapped buffer, see `strace_ebpf_common::mapped`.

use core::arch::asm;

use strace_ebpf_common::mapped::{CHUNK_BYTES, Chunk, Cursor, chunk_bytes, chunks};

use crate::{
    emit::Ticket,
    maps::{CHUNKS, CURSORS, setting},
};

/// Room for one record.
pub struct Place {
    cursor: *mut Cursor,
    chunk: *mut Chunk,
    /// Position of the record.
    start: u64,
}

impl Place {
    /// Room for a record of at most `room` bytes, a multiple of eight. Without any the record counts as dropped.
    #[inline(always)]
    pub fn find(ticket: Ticket, room: u64) -> Option<Self> {
        let Some(cursor) = CURSORS.get_ptr_mut(ticket.cpu) else {
            ticket.dropped_no_buffer();
            return None;
        };
        let ring = u64::from(setting!(ring_bytes));
        let size = u64::from(chunk_bytes(setting!(ring_bytes)));
        // SAFETY: map values; only this program writes here, and nothing interrupts it.
        unsafe {
            let head = (*cursor).head;
            let left = size - (head & (size - 1));
            let skip = if left < room { left } else { 0 };
            let end = head + skip + room;
            if end - (*cursor).tail_seen > ring {
                (*cursor).tail_seen = (&raw const (*cursor).tail).read_volatile();
                // More than a whole piece never fits.
                if end - (*cursor).tail_seen > ring || room > size {
                    ticket.dropped_full();
                    return None;
                }
            }
            if skip != 0 {
                let rest = chunk_of(ticket.cpu, head)?;
                offset(rest, head).cast::<u32>().write_volatile(0);
            }
            let start = head + skip;
            Some(Self {
                cursor,
                chunk: chunk_of(ticket.cpu, start)?,
                start,
            })
        }
    }

    /// First byte; all but the last bytes of [`SLACK_BYTES`](strace_ebpf_common::mapped::SLACK_BYTES) may follow.
    #[inline(always)]
    pub fn at(&self) -> *mut u8 {
        offset(self.chunk, self.start)
    }

    /// The record is complete and has `len` bytes, a multiple of eight.
    #[inline(always)]
    pub fn publish(self, len: u64) {
        // The record's stores come first: for the compiler by this, for the processor because x86-64 keeps the order.
        // SAFETY: no instruction at all.
        unsafe { asm!("", options(nostack)) };
        // SAFETY: a map value.
        unsafe { (&raw mut (*self.cursor).head).write_volatile(self.start + len) };
    }
}

/// Are more than `limit` bytes in use in the buffer of this CPU? Looks at the tracer's side only if need be.
#[inline(always)]
pub fn holds_more_than(cpu: u32, limit: u64) -> bool {
    let Some(cursor) = CURSORS.get_ptr_mut(cpu) else {
        return false;
    };
    // SAFETY: as in `Place::find`.
    unsafe { (*cursor).head - (*cursor).tail_seen > limit && used(cpu) > limit }
}

/// Bytes in use in the buffer of this CPU.
#[inline(always)]
pub fn used(cpu: u32) -> u64 {
    let Some(cursor) = CURSORS.get_ptr_mut(cpu) else {
        return 0;
    };
    // SAFETY: as in `Place::find`.
    unsafe {
        (*cursor).tail_seen = (&raw const (*cursor).tail).read_volatile();
        (*cursor).head - (*cursor).tail_seen
    }
}

#[inline(always)]
fn chunk_of(cpu: u32, position: u64) -> Option<*mut Chunk> {
    let count = chunks(setting!(ring_bytes));
    let index = (position / u64::from(CHUNK_BYTES)) as u32 & (count - 1);
    CHUNKS.get_ptr_mut(cpu * count + index)
}

/// The place of a position within its piece, behind a mask that the verifier can see.
#[inline(always)]
fn offset(chunk: *mut Chunk, position: u64) -> *mut u8 {
    let size = u64::from(chunk_bytes(setting!(ring_bytes)));
    let offset = mask(position & (size - 1));
    // SAFETY: less than a piece.
    unsafe { chunk.cast::<u8>().add(offset as usize) }
}

/// 20 bits, in a form that the compiler cannot prove away.
#[inline(always)]
fn mask(mut x: u64) -> u64 {
    // SAFETY: a bitwise and.
    unsafe { asm!("{0} &= 0xfffff", inout(reg) x, options(pure, nomem, nostack)) };
    x
}
const _: () = assert!(CHUNK_BYTES == 0x10_0000);
