//! Reader of one CPU's mapped buffer, `strace_ebpf_common::mapped`.

use std::{
    io,
    os::fd::AsFd,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
};

use aya::maps::MapData;
use strace_ebpf_common::{
    capture::padded,
    mapped::{Chunk, Cursor, chunk_bytes, chunks},
};

use super::Source;
use crate::sys::Mapping;

/// The buffers of all CPUs, mapped.
pub struct Mapped {
    cursors: Mapping,
    chunks: Mapping,
    ring_bytes: u32,
}

impl Mapped {
    /// Maps the two maps for so many CPUs with buffers of so many bytes.
    pub fn new(
        cursors: &MapData,
        pieces: &MapData,
        cpus: u32,
        ring_bytes: u32,
    ) -> io::Result<Self> {
        let cursors_bytes = (cpus as usize * size_of::<Cursor>()).next_multiple_of(4096);
        let pieces_bytes = (cpus * chunks(ring_bytes)) as usize * size_of::<Chunk>();
        Ok(Self {
            cursors: Mapping::new(cursors.fd().as_fd(), cursors_bytes, 0, true)?,
            chunks: Mapping::new(pieces.fd().as_fd(), pieces_bytes, 0, false)?,
            ring_bytes,
        })
    }
}

/// One CPU's buffer.
pub struct MappedRing {
    all: Rc<Mapped>,
    cpu: u32,
    /// Next byte to read.
    pos: u64,
    /// The producer's position when we last looked.
    head: u64,
    /// Length of the record that `peek` gave, its padding included.
    current: u64,
}

impl MappedRing {
    /// The buffer of `cpu`.
    #[must_use]
    pub fn new(all: Rc<Mapped>, cpu: u32) -> Self {
        Self {
            all,
            cpu,
            pos: 0,
            head: 0,
            current: 0,
        }
    }

    fn cursor(&self) -> *const Cursor {
        // SAFETY: `Mapped::new` has mapped one for each CPU.
        unsafe {
            self.all
                .cursors
                .as_ptr()
                .cast::<Cursor>()
                .add(self.cpu as usize)
        }
    }

    fn load_head(&self) -> u64 {
        // SAFETY: an aligned word of the mapping that only the probes write.
        unsafe { AtomicU64::from_ptr((&raw const (*self.cursor()).head).cast_mut()) }
            .load(Ordering::Acquire)
    }

    /// Where a position is, and how many bytes of its piece are left there.
    fn place(&self, pos: u64) -> (*const u8, u64) {
        let (ring, piece) = (
            self.all.ring_bytes,
            u64::from(chunk_bytes(self.all.ring_bytes)),
        );
        let count = chunks(ring);
        let index = self.cpu * count + ((pos / piece) as u32 & (count - 1));
        let offset = pos & (piece - 1);
        let at = index as usize * size_of::<Chunk>() + offset as usize;
        // SAFETY: within the mapping by the masks.
        (unsafe { self.all.chunks.as_ptr().add(at) }, piece - offset)
    }
}

impl Source for MappedRing {
    fn peek(&mut self) -> Option<&[u8]> {
        loop {
            if self.pos >= self.head {
                self.head = self.load_head();
                if self.pos >= self.head {
                    return None;
                }
            }
            let (at, left) = self.place(self.pos);
            // SAFETY: positions are multiples of eight, so a word is left of every piece.
            let len = u64::from(unsafe { at.cast::<u32>().read() });
            if len == 0 || len > left {
                // The rest of the piece is not used.
                self.pos += left;
                continue;
            }
            self.current = padded(len);
            // SAFETY: a published record; it stays in place until `release`.
            return Some(unsafe { std::slice::from_raw_parts(at, len as usize) });
        }
    }

    fn take(&mut self) {
        self.pos += self.current;
        self.current = 0;
    }

    fn release(&mut self) {
        // SAFETY: an aligned word of the mapping that only we write.
        unsafe { AtomicU64::from_ptr((&raw const (*self.cursor()).tail).cast_mut()) }
            .store(self.pos, Ordering::Release);
    }

    fn backlog(&self) -> u64 {
        self.load_head().saturating_sub(self.pos)
    }
}
