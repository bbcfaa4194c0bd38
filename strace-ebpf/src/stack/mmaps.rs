//! The kernel's records of executable mappings and of new programs, perf_event_open(2): in order of time.
//!
//! A dummy event on every CPU; nothing is sampled. Records hold processes in the numbers of our own PID namespace.

use std::{
    collections::VecDeque,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::sys::{self, Mapping};

const PERF_TYPE_SOFTWARE: u64 = 1;
const PERF_COUNT_SW_DUMMY: u64 = 9;
/// `PERF_SAMPLE_TID | PERF_SAMPLE_TIME`: what stands at the end of every record.
const SAMPLE_TYPE: u64 = 1 << 1 | 1 << 2;
/// Bytes of that; the time is its last word.
const SAMPLE_ID_BYTES: usize = 16;
/// `mmap`, `comm`, `watermark`, `sample_id_all`, `mmap2`, `comm_exec`, `use_clockid`.
const FLAGS: u64 = 1 << 8 | 1 << 9 | 1 << 14 | 1 << 18 | 1 << 23 | 1 << 24 | 1 << 25;
const ATTR_BYTES: u64 = 112;
const PERF_EVENT_IOC_ENABLE: libc::c_ulong = 0x2400;
const PERF_RECORD_LOST: u32 = 2;
const PERF_RECORD_COMM: u32 = 3;
const PERF_RECORD_MMAP2: u32 = 10;
const PERF_RECORD_MISC_COMM_EXEC: u16 = 1 << 13;
/// `data_head` and `data_tail` in `struct perf_event_mmap_page`.
const HEAD_AT: usize = 1024;
const TAIL_AT: usize = 1032;
/// Data of one CPU: some hundred mappings.
const DATA_BYTES: usize = 64 * 1024;

/// What happened to the memory of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It begins anew, with another program.
    Exec,
    /// A file was mapped to be executed.
    Mapped(Mapped),
    /// Records are missing: nothing that is known is sure.
    Lost,
}

/// One mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// First address.
    pub start: u64,
    /// The address behind it.
    pub end: u64,
    /// Where in the file.
    pub offset: u64,
    /// The file, or a name in brackets.
    pub path: PathBuf,
    /// Its inode.
    pub inode: u64,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, on the monotonic clock.
    pub ts_ns: u64,
    /// Which process; 0 for all.
    pub tgid: u32,
    /// What.
    pub what: What,
}

/// The buffers of all CPUs, and what was read from them and is not due yet.
#[derive(Debug, Default)]
pub struct Mmaps {
    buffers: Vec<Buffer>,
    waiting: VecDeque<Event>,
}

#[derive(Debug)]
struct Buffer {
    _event: OwnedFd,
    mapping: Mapping,
    page: usize,
    pos: u64,
}

impl Mmaps {
    /// Watches every CPU that is online.
    pub fn open(cpus: u32) -> io::Result<Self> {
        let mut all = Self::default();
        for cpu in 0..cpus {
            match Buffer::open(cpu as i32) {
                Ok(buffer) => all.buffers.push(buffer),
                Err(error) if error.raw_os_error() == Some(libc::ENODEV) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// Gives everything that happened until then, in order.
    pub fn take(&mut self, until_ns: u64, sink: &mut impl FnMut(Event)) {
        let before = self.waiting.len();
        for buffer in &mut self.buffers {
            buffer.read(&mut self.waiting);
        }
        if self.waiting.len() > before {
            self.waiting
                .make_contiguous()
                .sort_by_key(|event| event.ts_ns);
        }
        while let Some(event) = self.waiting.pop_front_if(|event| event.ts_ns <= until_ns) {
            sink(event);
        }
    }
}

impl Buffer {
    fn open(cpu: i32) -> io::Result<Self> {
        let mut attr = [0u64; ATTR_BYTES as usize / 8];
        attr[0] = PERF_TYPE_SOFTWARE | ATTR_BYTES << 32;
        attr[1] = PERF_COUNT_SW_DUMMY;
        attr[3] = SAMPLE_TYPE;
        attr[5] = FLAGS;
        attr[6] = DATA_BYTES as u64 - 1; // wakeup_watermark: nobody is woken
        attr[11] = (libc::CLOCK_MONOTONIC as u64) << 32; // clockid
        let event = sys::perf_event_open(&attr, cpu)?;
        // SAFETY: a plain query.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize };
        let mapping = Mapping::new(event.as_fd(), page + DATA_BYTES, 0, true)?;
        sys::ioctl(event.as_fd(), PERF_EVENT_IOC_ENABLE, 0)?;
        Ok(Self {
            _event: event,
            mapping,
            page,
            pos: 0,
        })
    }

    fn control(&self, at: usize) -> &AtomicU64 {
        // SAFETY: a word of the control page.
        unsafe { &*self.mapping.as_ptr().add(at).cast::<AtomicU64>() }
    }

    fn read(&mut self, events: &mut VecDeque<Event>) {
        let head = self.control(HEAD_AT).load(Ordering::Acquire);
        if head == self.pos {
            return;
        }
        while self.pos < head {
            let mut header = [0; 8];
            self.copy(self.pos, &mut header);
            let size = u64::from(u16::from_ne_bytes([header[6], header[7]]));
            if size < 8 {
                // Cannot be: without a size there is no way on.
                self.pos = head;
                break;
            }
            let mut record = vec![0; size as usize];
            self.copy(self.pos, &mut record);
            events.extend(parse(&record));
            self.pos += size;
        }
        self.control(TAIL_AT).store(self.pos, Ordering::Release);
    }

    /// Copies `out.len()` bytes from position `pos`, around the end if need be.
    fn copy(&self, pos: u64, out: &mut [u8]) {
        let start = pos as usize & (DATA_BYTES - 1);
        let first = out.len().min(DATA_BYTES - start);
        // SAFETY: both parts lie within the data mapping; the kernel does not write before the tail.
        unsafe {
            let data = self.mapping.as_ptr().add(self.page);
            std::ptr::copy_nonoverlapping(data.add(start), out.as_mut_ptr(), first);
            std::ptr::copy_nonoverlapping(data, out.as_mut_ptr().add(first), out.len() - first);
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// One record, `include/uapi/linux/perf_event.h`; `None` if it is none that counts.
fn parse(record: &[u8]) -> Option<Event> {
    let kind = u32_at(record, 0)?;
    let misc = (u32_at(record, 4)? & 0xffff) as u16;
    let ts_ns = u64_at(record, record.len().checked_sub(8)?)?;
    let body = record.get(8..record.len().checked_sub(SAMPLE_ID_BYTES)?)?;
    let tgid = u32_at(body, 0)?;
    let event = |tgid, what| Some(Event { ts_ns, tgid, what });
    match kind {
        PERF_RECORD_LOST => event(0, What::Lost),
        PERF_RECORD_COMM if misc & PERF_RECORD_MISC_COMM_EXEC != 0 => event(tgid, What::Exec),
        PERF_RECORD_MMAP2 => {
            // pid, tid; addr, len, pgoff; maj, min; ino, ino_generation; prot, flags; filename
            let start = u64_at(body, 8)?;
            let name = body.get(64..)?.split(|&byte| byte == 0).next()?;
            let mapped = Mapped {
                start,
                end: start.checked_add(u64_at(body, 16)?)?,
                offset: u64_at(body, 24)?,
                inode: u64_at(body, 40)?,
                path: PathBuf::from(std::ffi::OsString::from_vec(name.to_vec())),
            };
            event(tgid, What::Mapped(mapped))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u32, misc: u16, body: &[u8], ts_ns: u64) -> Vec<u8> {
        let size = (8 + body.len() + SAMPLE_ID_BYTES) as u16;
        let mut out = kind.to_ne_bytes().to_vec();
        out.extend(misc.to_ne_bytes());
        out.extend(size.to_ne_bytes());
        out.extend(body);
        out.extend([0; 8]);
        out.extend(ts_ns.to_ne_bytes());
        out
    }

    #[test]
    fn records_of_any_length() {
        let mut body = 7u32.to_ne_bytes().to_vec();
        body.extend(8u32.to_ne_bytes());
        for word in [0x1000u64, 0x2000, 0x3000, 0, 99, 0, 5] {
            body.extend(word.to_ne_bytes());
        }
        body.extend(b"/lib/x\0\0");
        let whole = record(PERF_RECORD_MMAP2, 0, &body, 5);
        let mapped = Mapped {
            start: 0x1000,
            end: 0x3000,
            offset: 0x3000,
            path: "/lib/x".into(),
            inode: 99,
        };
        let event = parse(&whole).expect("valid");
        assert_eq!((event.ts_ns, event.tgid), (5, 7));
        assert_eq!(event.what, What::Mapped(mapped));
        for len in 0..whole.len() {
            let _ = parse(&whole[..len]);
        }
        let exec = record(PERF_RECORD_COMM, PERF_RECORD_MISC_COMM_EXEC, &body[..16], 6);
        assert_eq!(parse(&exec).map(|event| event.what), Some(What::Exec));
        let comm = record(PERF_RECORD_COMM, 0, &body[..16], 6);
        assert_eq!(parse(&comm), None);
    }
}
