//! From records to events: parses them, pairs a call's enter with its exit, keeps the books.
//!
//! Plain functions over bytes; no I/O, so that everything here is tested without a kernel.

pub mod books;
pub mod exec;
pub mod fatal;
pub mod parse;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use strace_ebpf_common::{
    capture::{Capture, padded},
    record::{CALL_HAS_ENTER, CAPTURES_TO_END, CallRecord, Fixed, KIND_ENTER},
};

use parse::Captured;

/// Something for each thread. Their numbers are given by the kernel, so a quick hash is safe.
pub type ByTid<T> = FxHashMap<u32, T>;

/// A system call with everything that was captured for it.
#[derive(Debug)]
pub struct Call<'a> {
    /// The exit record, or the enter record of a call that does not return.
    pub record: CallRecord,
    /// Captures of the exit, then those of the enter.
    pub captures: SmallVec<[Captured<'a>; 8]>,
    /// The call does not return.
    pub no_return: bool,
}

impl<'a> Call<'a> {
    /// The captures of argument `arg` made by operation `op` of its plan, in order of elements;
    /// those of the exit if there are any that could be read, else those of the enter.
    pub fn captured(&self, arg: u8) -> impl Iterator<Item = &Captured<'a>> {
        self.captures
            .iter()
            .filter(move |captured| captured.header.arg == arg)
    }

    /// Monotonic time at which the call began, or at which it ended if that is all we know.
    #[must_use]
    pub fn start_ns(&self) -> u64 {
        let header = &self.record.header;
        if self.record.duration_ns == strace_ebpf_common::record::DURATION_UNKNOWN {
            header.ts_ns
        } else {
            header.ts_ns.saturating_sub(self.record.duration_ns)
        }
    }
}

/// Enter records that wait for their exits, by thread.
#[derive(Debug, Default)]
pub struct Pending {
    by_tid: ByTid<Vec<u8>>,
    spare: Vec<Vec<u8>>,
}

/// Records kept for reuse of their memory.
const SPARE: usize = 64;

impl Pending {
    /// Keeps an enter record until the exit of the same thread.
    pub fn hold(&mut self, tid: u32, record: &[u8]) {
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(record);
        if let Some(old) = self.by_tid.insert(tid, bytes) {
            self.recycle(old);
        }
    }

    /// The enter record that belongs to this exit, if one was announced and has arrived.
    pub fn claim(&mut self, exit: &CallRecord) -> Option<Vec<u8>> {
        if exit.flags & CALL_HAS_ENTER == 0 {
            return None;
        }
        let bytes = self.by_tid.remove(&exit.header.tid)?;
        let enter: Option<CallRecord> = strace_ebpf_common::record::read_fixed(&bytes);
        if enter.is_some_and(|enter| enter.nr == exit.nr && enter.abi == exit.abi) {
            return Some(bytes);
        }
        self.recycle(bytes);
        None
    }

    /// A thread has taken over another's tid (execve by a thread that is not the leader).
    pub fn rename(&mut self, old_tid: u32, tid: u32) {
        if old_tid != tid
            && let Some(bytes) = self.by_tid.remove(&old_tid)
        {
            self.by_tid.insert(tid, bytes);
        }
    }

    /// The enter record of a call of which nothing more will be heard.
    pub fn take(&mut self, tid: u32) -> Option<Vec<u8>> {
        self.by_tid.remove(&tid)
    }

    /// A thread is gone.
    pub fn forget(&mut self, tid: u32) {
        if let Some(bytes) = self.by_tid.remove(&tid) {
            self.recycle(bytes);
        }
    }

    /// Takes back memory.
    pub fn recycle(&mut self, bytes: Vec<u8>) {
        if self.spare.len() < SPARE {
            self.spare.push(bytes);
        }
    }
}

/// Puts a call together from its record and, if there was one, the enter record before it.
#[must_use]
pub fn assemble<'a>(record: CallRecord, body: &'a [u8], enter: Option<&'a [u8]>) -> Call<'a> {
    let mut captures: SmallVec<[Captured<'a>; 8]> = SmallVec::new();
    captures.extend(parse::captures(body, record.n_captures));
    let mut record = record;
    if let Some((fixed, body)) = enter.and_then(parse::call) {
        captures.extend(parse::captures(body, fixed.n_captures));
        // After a successful execve the registers hold nothing of the old arguments.
        record.args = fixed.args;
    }
    Call {
        no_return: record.header.kind == KIND_ENTER,
        record,
        captures,
    }
}

/// A capture header for data that user space read itself.
#[must_use]
pub fn refetched(header: &Capture, len: u32, full: u32, truncated: bool) -> Capture {
    use strace_ebpf_common::capture::{CAPTURE_PARTIAL, CAPTURE_TRUNCATED};
    let flags = header.flags & !CAPTURE_PARTIAL | if truncated { CAPTURE_TRUNCATED } else { 0 };
    Capture {
        len,
        full,
        errno: 0,
        flags,
        ..*header
    }
}

/// The bytes of a record with these captures, as the probes would have sent them.
#[must_use]
pub fn serialize(record: &CallRecord, captures: &[Captured<'_>]) -> Vec<u8> {
    let mut record = *record;
    record.n_captures = captures.len().min(CAPTURES_TO_END.into()) as u8;
    let body = captures
        .iter()
        .map(|c| size_of::<Capture>() + padded(c.bytes.len() as u64) as usize);
    record.header.len = (size_of::<CallRecord>() + body.sum::<usize>()) as u32;
    let mut bytes = plain(&record).to_vec();
    for captured in captures {
        bytes.extend_from_slice(plain(&captured.header));
        bytes.extend_from_slice(captured.bytes);
        let rest = padded(captured.bytes.len() as u64) as usize - captured.bytes.len();
        bytes.extend(std::iter::repeat_n(0, rest));
    }
    bytes
}

fn plain<T: Fixed>(value: &T) -> &[u8] {
    // SAFETY: `Fixed` types are integers without padding.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(value).cast(), size_of::<T>()) }
}

#[cfg(test)]
mod tests {
    use strace_ebpf_common::record::{Header, KIND_EXIT};

    use super::*;

    fn bytes_of(record: &CallRecord) -> Vec<u8> {
        plain(record).to_vec()
    }

    fn call(kind: u16, tid: u32, nr: u32, flags: u16, arg0: u64) -> CallRecord {
        CallRecord {
            header: Header {
                kind,
                tid,
                len: 120,
                ..Header::default()
            },
            nr,
            flags,
            args: [arg0, 0, 0, 0, 0, 0],
            ..CallRecord::default()
        }
    }

    #[test]
    fn what_is_serialized_is_parsed_again() {
        let one = |arg: u8, bytes: &'static [u8]| Captured {
            header: Capture {
                arg,
                len: bytes.len() as u32,
                ..Capture::default()
            },
            bytes,
        };
        let bytes = serialize(
            &call(KIND_ENTER, 7, 59, 0, 1),
            &[one(0, b"hello"), one(1, b"")],
        );
        let Ok(parse::Event::Enter(record, body)) = parse::parse(&bytes) else {
            panic!("not parsed");
        };
        let found: Vec<(u8, &[u8])> = parse::captures(body, record.n_captures)
            .map(|captured| (captured.header.arg, captured.bytes))
            .collect();
        assert_eq!(found, [(0, &b"hello"[..]), (1, b"")]);
    }

    #[test]
    fn pairs_an_exit_with_its_own_enter_only() {
        let mut pending = Pending::default();
        pending.hold(7, &bytes_of(&call(KIND_ENTER, 7, 59, 0, 1)));
        // Another call of the thread: the enter was stale.
        assert!(
            pending
                .claim(&call(KIND_EXIT, 7, 2, CALL_HAS_ENTER, 0))
                .is_none()
        );
        assert!(
            pending
                .claim(&call(KIND_EXIT, 7, 59, CALL_HAS_ENTER, 0))
                .is_none()
        );
        pending.hold(7, &bytes_of(&call(KIND_ENTER, 7, 59, 0, 1)));
        pending.rename(7, 5);
        assert!(
            pending.claim(&call(KIND_EXIT, 5, 59, 0, 0)).is_none(),
            "none was announced"
        );
        let exit = call(KIND_EXIT, 5, 59, CALL_HAS_ENTER, 0);
        let enter = pending
            .claim(&exit)
            .expect("the enter moved with the thread");
        assert_eq!(assemble(exit, &[], Some(&enter)).record.args[0], 1);
    }
}
