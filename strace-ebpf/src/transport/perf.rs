//! Reader of one CPU's perf buffer: `--transport perf`, and kernels without ring buffers.
//!
//! The event is opened with `watermark` set and a watermark that is never waited for, so that the
//! kernel wakes nobody per record (`perf_event_open(2)`, MMAP LAYOUT).

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
};

use aya::maps::MapData;

use super::Source;
use crate::{
    probes::maps::map_set_fd,
    sys::{self, Mapping},
};

const PERF_TYPE_SOFTWARE: u64 = 1;
const PERF_COUNT_SW_BPF_OUTPUT: u64 = 10;
const PERF_SAMPLE_RAW: u64 = 1 << 10;
const ATTR_BYTES: u64 = 112;
/// `watermark`, bit 14 of the flags word.
const FLAG_WATERMARK: u64 = 1 << 14;
const PERF_EVENT_IOC_ENABLE: libc::c_ulong = 0x2400;
const PERF_RECORD_LOST: u32 = 2;
const PERF_RECORD_SAMPLE: u32 = 9;
/// `data_head` and `data_tail` in `struct perf_event_mmap_page`.
const HEAD_AT: usize = 1024;
const TAIL_AT: usize = 1032;
const EVENT_HEADER: u64 = 8;

/// One perf buffer.
pub struct PerfBuffer {
    _event: OwnedFd,
    mapping: Mapping,
    page: usize,
    mask: u64,
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
        let mut attr = [0u64; ATTR_BYTES as usize / 8];
        attr[0] = PERF_TYPE_SOFTWARE | ATTR_BYTES << 32;
        attr[1] = PERF_COUNT_SW_BPF_OUTPUT;
        attr[2] = 1; // sample_period
        attr[3] = PERF_SAMPLE_RAW;
        attr[5] = FLAG_WATERMARK;
        attr[6] = u64::from(bytes - 1); // wakeup_watermark, the low half
        let event = match sys::perf_event_open(&attr, cpu as i32) {
            Ok(event) => event,
            Err(e) if e.raw_os_error() == Some(libc::ENODEV) => return Ok(None),
            Err(e) => return Err(e),
        };
        // SAFETY: a plain query.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize };
        let mapping = Mapping::new(event.as_fd(), page + bytes as usize, 0, true)?;
        sys::ioctl(event.as_fd(), PERF_EVENT_IOC_ENABLE, 0)?;
        map_set_fd(map.fd().as_fd(), cpu, event.as_fd())?;
        Ok(Some(Self {
            _event: event,
            _map: Rc::clone(map),
            mapping,
            page,
            mask: u64::from(bytes) - 1,
            pos: 0,
            head: 0,
            current: 0,
            joined: Vec::new(),
            lost: 0,
        }))
    }

    fn control(&self, at: usize) -> &AtomicU64 {
        // SAFETY: a word of the control page.
        unsafe { &*self.mapping.as_ptr().add(at).cast::<AtomicU64>() }
    }

    fn head(&self) -> u64 {
        self.control(HEAD_AT).load(Ordering::Acquire)
    }

    /// Copies `out.len()` bytes from position `pos`, around the end if need be.
    fn copy(&self, pos: u64, out: &mut [u8]) {
        let start = (pos & self.mask) as usize;
        let first = out.len().min(self.mask as usize + 1 - start);
        // SAFETY: both parts lie within the data mapping; the kernel does not write before `tail`.
        unsafe {
            let data = self.mapping.as_ptr().add(self.page);
            std::ptr::copy_nonoverlapping(data.add(start), out.as_mut_ptr(), first);
            std::ptr::copy_nonoverlapping(data, out.as_mut_ptr().add(first), out.len() - first);
        }
    }

    fn u32_at(&self, pos: u64) -> u32 {
        let mut bytes = [0; 4];
        self.copy(pos, &mut bytes);
        u32::from_ne_bytes(bytes)
    }
}

impl Source for PerfBuffer {
    fn peek(&mut self) -> Option<&[u8]> {
        loop {
            if self.pos >= self.head {
                self.head = self.head();
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
                self.copy(start, &mut joined);
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
        self.control(TAIL_AT).store(self.pos, Ordering::Release);
    }

    fn backlog(&self) -> u64 {
        self.head().saturating_sub(self.pos)
    }

    fn lost(&self) -> u64 {
        self.lost
    }
}
