//! Reader of one CPU's perf buffer: `--transport perf`, and kernels without ring buffers.

use std::{io, os::fd::AsFd, rc::Rc};

use aya::maps::MapData;

use super::Source;
use crate::{
    probes::maps::map_set_fd,
    sys::perf::{self, Buffer, PERF_RECORD_LOST, PERF_TYPE_SOFTWARE},
};

const PERF_COUNT_SW_BPF_OUTPUT: u64 = 10;
const PERF_SAMPLE_RAW: u64 = 1 << 10;
const PERF_RECORD_SAMPLE: u32 = 9;
const EVENT_HEADER: u64 = 8;

/// One perf buffer.
pub struct PerfBuffer {
    buffer: Buffer,
    pos: u64,
    head: u64,
    /// Size of the event that `peek` gave.
    current: u64,
    /// A record that wraps around the end, put together.
    joined: Vec<u8>,
    lost: u64,
    /// The kernel empties the map's slots when the descriptor through which they were filled is
    /// closed (`perf_event_fd_array_release`).
    _map: Rc<MapData>,
}

impl PerfBuffer {
    /// Opens and maps the buffer of `cpu`, `bytes` large (a power of two of pages), and puts it into
    /// its slot of `map`. `Ok(None)` if that CPU is offline.
    pub fn open(map: &Rc<MapData>, cpu: u32, bytes: u32) -> io::Result<Option<Self>> {
        let mut attr = perf::attributes(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_BPF_OUTPUT);
        attr[2] = 1; // sample_period
        attr[3] = PERF_SAMPLE_RAW;
        let Some(buffer) = Buffer::open(attr, cpu, bytes)? else {
            return Ok(None);
        };
        map_set_fd(map.fd().as_fd(), cpu, buffer.as_fd())?;
        Ok(Some(Self {
            buffer,
            _map: Rc::clone(map),
            pos: 0,
            head: 0,
            current: 0,
            joined: Vec::new(),
            lost: 0,
        }))
    }

    fn u32_at(&self, pos: u64) -> u32 {
        let mut bytes = [0; 4];
        self.buffer.copy(pos, &mut bytes);
        u32::from_ne_bytes(bytes)
    }
}

impl Source for PerfBuffer {
    fn peek(&mut self) -> Option<&[u8]> {
        loop {
            if self.pos >= self.head {
                self.head = self.buffer.head();
                if self.pos >= self.head {
                    return None;
                }
            }
            // struct perf_event_header { u32 type; u16 misc; u16 size; }
            let kind = self.u32_at(self.pos);
            let size = u64::from(self.u32_at(self.pos + 4) >> 16);
            if size < EVENT_HEADER {
                // Cannot be: without a size there is no way on.
                self.pos = self.head;
                continue;
            }
            if kind == PERF_RECORD_SAMPLE {
                // PERF_SAMPLE_RAW: u32 size, then the data.
                let len =
                    u64::from(self.u32_at(self.pos + EVENT_HEADER)).min(size - EVENT_HEADER - 4);
                self.current = size;
                let start = self.pos + EVENT_HEADER + 4;
                let mut joined = std::mem::take(&mut self.joined);
                joined.resize(len as usize, 0);
                self.buffer.copy(start, &mut joined);
                self.joined = joined;
                return Some(&self.joined);
            }
            if kind == PERF_RECORD_LOST {
                // { u64 id; u64 lost; }
                self.lost += u64::from(self.u32_at(self.pos + EVENT_HEADER + 8));
            }
            self.pos += size;
        }
    }

    fn take(&mut self) {
        self.pos += self.current;
        self.current = 0;
    }

    fn release(&mut self) {
        self.buffer.release(self.pos);
    }

    fn backlog(&self) -> u64 {
        self.buffer.head().saturating_sub(self.pos)
    }

    fn lost(&self) -> u64 {
        self.lost
    }
}
