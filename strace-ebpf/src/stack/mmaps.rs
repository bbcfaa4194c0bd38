//! The kernel's records of executable mappings and of new programs, perf_event_open(2): in order of time.
//!
//! A dummy event on every CPU; nothing is sampled. Records hold processes in the numbers of our own PID namespace.

use std::{collections::VecDeque, io, os::unix::ffi::OsStringExt, path::PathBuf};

use crate::sys::perf::{self, Buffer, PERF_RECORD_LOST, PERF_TYPE_SOFTWARE};

const PERF_COUNT_SW_DUMMY: u64 = 9;
/// `PERF_SAMPLE_TID | PERF_SAMPLE_TIME`: what stands at the end of every record.
const SAMPLE_TYPE: u64 = 1 << 1 | 1 << 2;
/// Bytes of that; the time is its last word.
const SAMPLE_ID_BYTES: usize = 16;
/// `mmap`, `comm`, `sample_id_all`, `mmap2`, `comm_exec`, `use_clockid`.
const FLAGS: u64 = 1 << 8 | 1 << 9 | 1 << 18 | 1 << 23 | 1 << 24 | 1 << 25;
const PERF_RECORD_COMM: u32 = 3;
const PERF_RECORD_MMAP2: u32 = 10;
const PERF_RECORD_MISC_COMM_EXEC: u16 = 1 << 13;
/// Data of one CPU: some hundred mappings.
const DATA_BYTES: u32 = 64 * 1024;

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
    buffers: Vec<Records>,
    waiting: VecDeque<Event>,
}

#[derive(Debug)]
struct Records {
    buffer: Buffer,
    pos: u64,
}

impl Mmaps {
    /// Watches every CPU that is online.
    pub fn open(cpus: u32) -> io::Result<Self> {
        let mut attr = perf::attributes(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY);
        attr[3] = SAMPLE_TYPE;
        attr[5] = FLAGS;
        attr[11] = (libc::CLOCK_MONOTONIC as u64) << 32; // clockid
        let mut all = Self::default();
        for cpu in 0..cpus {
            let buffer = Buffer::open(attr, cpu, DATA_BYTES)?;
            all.buffers
                .extend(buffer.map(|buffer| Records { buffer, pos: 0 }));
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

impl Records {
    fn read(&mut self, events: &mut VecDeque<Event>) {
        let head = self.buffer.head();
        if head == self.pos {
            return;
        }
        while self.pos < head {
            let mut header = [0; 8];
            self.buffer.copy(self.pos, &mut header);
            let size = u64::from(u16::from_ne_bytes([header[6], header[7]]));
            if size < 8 {
                // Cannot be: without a size there is no way on.
                self.pos = head;
                break;
            }
            let mut record = vec![0; size as usize];
            self.buffer.copy(self.pos, &mut record);
            events.extend(parse(&record));
            self.pos += size;
        }
        self.buffer.release(self.pos);
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
