//! Events to lines: one record in, zero or more lines out. Wires session, resolve, decode and
//! format; the event loop in `run` feeds it.

pub mod common;
pub mod select;
pub mod separate;
pub mod showing;
pub mod strace;
pub mod tsv;

use bytes::Bytes;
use strace_ebpf_common::record::{
    CALL_NO_RETURN, CALL_SPARSE, CODE_DETACHED, CallRecord, DURATION_UNKNOWN, ExecRecord,
    ForkRecord, Header, KIND_EXEC, SIGNAL_SPARSE, SignalRecord, TaskExitRecord, read_fixed,
};

use crate::{
    decode,
    plan::qualify::Signals,
    resolve::names::{Names, Show},
    session::{
        self, ByTid, Call, Pending,
        books::{Books, Gap},
        fatal::Fatal,
        parse::{self, Event},
    },
    sink::Piece,
    stack::{Frames, Stacks},
    tables,
};
pub use common::{Common, Shown};
use separate::Separate;

/// Output is handed on in pieces of about this size.
const PIECE_BYTES: usize = 256 * 1024;

/// The form of the trace.
#[derive(Debug)]
pub enum Lines {
    /// Tab-separated values.
    Tsv(tsv::Lines),
    /// As strace.
    Strace(Box<strace::Lines>),
}

/// The state between events.
pub struct Tracer {
    /// What arrived and what is missing.
    pub books: Books,
    common: Common,
    lines: Lines,
    pending: Pending,
    fatal: Fatal,
    ready: Vec<Piece>,
    /// Lines go to a place for each thread or process.
    separate: Option<Separate>,
    /// Children are traced; threads are.
    follow: (bool, bool),
    /// Signals that are told.
    signals: Signals,
    /// Calls that are told.
    limit: Option<u64>,
    /// Records of unknown kind or shape.
    unparsed: u64,
    /// The tracer, when it stops and continues what it traces.
    own_signals: Option<u32>,
    /// Calls that arrived without the copies of their arguments.
    sparse: u64,
}

impl Tracer {
    /// A tracer with nothing seen yet.
    #[must_use]
    pub fn new(
        lines: Lines,
        shown: Shown,
        cpus: u32,
        follow: (bool, bool),
        signals: Signals,
    ) -> Self {
        let out = Vec::with_capacity(PIECE_BYTES + 4096);
        Self {
            books: Books::new(cpus),
            common: Common {
                out,
                names: (shown.pids != Show::default()).then(|| Names::new(shown.pids)),
                stacks: None,
                shown,
                exec_names: ByTid::default(),
                calls: 0,
            },
            lines,
            pending: Pending::default(),
            fatal: Fatal::default(),
            ready: Vec::new(),
            separate: None,
            follow,
            signals,
            limit: None,
            unparsed: 0,
            sparse: 0,
            own_signals: None,
        }
    }

    /// Writes the line of column names, where the form has one.
    pub fn header(&mut self) {
        if let Lines::Tsv(lines) = &mut self.lines {
            lines.format().header(&mut self.common.out);
        }
    }

    /// Measures the wall clock anew.
    pub fn refresh_clock(&mut self) {
        match &mut self.lines {
            Lines::Tsv(lines) => lines.format().clock().refresh(),
            Lines::Strace(lines) => lines.format().refresh_clock(),
        }
    }

    /// Records that could not be understood.
    #[must_use]
    pub fn unparsed(&self) -> u64 {
        self.unparsed
    }

    /// Calls whose strings and buffers the probes left out, for want of room.
    #[must_use]
    pub fn sparse(&self) -> u64 {
        self.sparse
    }

    /// Takes one record.
    pub fn record(&mut self, bytes: &[u8]) {
        let header = read_fixed::<Header>(bytes);
        if let Some(gap) = header.and_then(|header| self.books.enter(&header)) {
            self.gap(&gap);
        }
        if self.is_full() {
            return;
        }
        if let Some(header) = header {
            self.select_for(&header);
            // What is told of another program stands under the old name.
            if let Some(names) = self.common.names.as_mut()
                && header.kind != KIND_EXEC
            {
                names.note(&header);
            }
        }
        match parse::parse(bytes) {
            Ok(Event::Exit(record, body)) => {
                self.sparse += u64::from(record.flags & CALL_SPARSE != 0);
                self.exit(record, body);
            }
            Ok(Event::Enter(record, body)) => self.enter(record, body, bytes),
            Ok(Event::Fork(record)) => self.fork(&record),
            Ok(Event::Exec(record, body)) => self.exec(&record, body),
            Ok(Event::TaskExit(record)) => self.task_exit(&record),
            Ok(Event::Signal(record, body)) => {
                self.sparse += u64::from(record.flags & SIGNAL_SPARSE != 0);
                if self.fatal.note(&record) {
                    let frames = Frames::of_signal(&record, body);
                    self.signal(&record, frames);
                }
            }
            Err(_) => self.unparsed += 1,
        }
        if self.common.out.len() >= PIECE_BYTES {
            self.cut();
        }
    }

    /// Has everything been told that was to be?
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.common.calls >= limit)
    }

    /// Tells of so many calls only.
    pub fn stop_after(&mut self, limit: Option<u64>) {
        self.limit = limit;
    }

    /// A gap, as a line of its own.
    pub fn gap(&mut self, gap: &Gap) {
        match &mut self.lines {
            Lines::Tsv(lines) => lines.gap(&mut self.common, gap),
            Lines::Strace(lines) => lines.gap(&mut self.common, gap),
        }
    }

    /// Nothing has arrived for a while.
    pub fn idle(&mut self) {
        for key in self.keys() {
            self.select(key);
            if let Lines::Strace(lines) = &mut self.lines {
                lines.idle(&mut self.common);
            }
        }
    }

    /// Text that stands after all lines.
    pub fn append(&mut self, text: &[u8]) {
        self.idle();
        self.common.out.extend_from_slice(text);
    }

    /// What is ready to be written.
    pub fn take_output(&mut self) -> Vec<Piece> {
        // What was put by is older than what is in the making.
        self.take_separate_output();
        if !self.common.out.is_empty() {
            self.cut();
        }
        std::mem::take(&mut self.ready)
    }

    fn cut(&mut self) {
        let room = PIECE_BYTES + 4096;
        let piece = std::mem::replace(&mut self.common.out, Vec::with_capacity(room));
        self.ready.push(Piece {
            key: self.key(),
            bytes: Bytes::from(piece),
        });
    }

    /// From now on it is told through which functions calls were made.
    pub fn show_stacks(&mut self, stacks: Stacks) {
        self.common.stacks = Some(stacks);
    }

    fn fork(&mut self, record: &ForkRecord) {
        if let Some(stacks) = &mut self.common.stacks {
            stacks.born(record);
        }
        if let Some(names) = &mut self.common.names {
            names.born(record);
        }
        match &mut self.lines {
            Lines::Tsv(lines) => lines.fork(&mut self.common, record),
            Lines::Strace(lines) => {
                let (children, threads) = self.follow;
                let same = record.child_tgid == record.header.tgid;
                lines.fork(&mut self.common, record, children || threads && same);
            }
        }
    }

    fn enter(&mut self, record: CallRecord, body: &[u8], bytes: &[u8]) {
        if record.flags & CALL_NO_RETURN != 0 {
            self.sparse += u64::from(record.flags & CALL_SPARSE != 0);
        }
        match &mut self.lines {
            Lines::Tsv(lines) if record.flags & CALL_NO_RETURN != 0 => {
                lines.call(&mut self.common, record, body, None);
            }
            Lines::Tsv(_) => self.pending.hold(record.header.tid, bytes),
            Lines::Strace(lines) => lines.enter(&mut self.common, &record, bytes),
        }
    }

    fn exit(&mut self, mut record: CallRecord, body: &[u8]) {
        record.nr = number(&record);
        match &mut self.lines {
            Lines::Tsv(lines) => {
                let enter = self.pending.claim(&record);
                lines.call(&mut self.common, record, body, enter.as_deref());
                if let Some(enter) = enter {
                    self.pending.recycle(enter);
                }
            }
            Lines::Strace(lines) => lines.exit(&mut self.common, record, body),
        }
        self.common.note_waited(&record);
    }

    fn exec(&mut self, record: &ExecRecord, body: &[u8]) {
        self.pending.rename(record.old_tid, record.header.tid);
        let name = parse::captures(body, record.n_captures.min(1) as u8).next();
        let name = name
            .filter(|name| name.header.errno == 0)
            .map(|name| name.bytes);
        if let Some(name) = name {
            self.common
                .exec_names
                .insert(record.header.tid, name.to_vec());
        }
        match &mut self.lines {
            Lines::Tsv(lines) => lines.exec(&mut self.common, record, name),
            Lines::Strace(lines) if self.separate.is_none() => {
                lines.exec(&mut self.common, record);
            }
            Lines::Strace(_) => self.exec_separately(record),
        }
        if let Some(names) = &mut self.common.names {
            names.note(&record.header);
        }
    }

    /// We have let go of a thread at its call that replaces the program.
    fn detached(&mut self, record: &TaskExitRecord) {
        let tid = record.header.tid;
        match &mut self.lines {
            Lines::Strace(lines) => lines.detached(&mut self.common, tid),
            Lines::Tsv(lines) => {
                let Some(enter) = self.pending.take(tid) else {
                    return;
                };
                if let Some((call, body)) = parse::call(&enter) {
                    lines.call(&mut self.common, call, body, None);
                }
                self.pending.recycle(enter);
            }
        }
    }

    fn task_exit(&mut self, record: &TaskExitRecord) {
        if record.code & CODE_DETACHED != 0 {
            self.detached(record);
            return;
        }
        self.pending.forget(record.header.tid);
        self.common.exec_names.remove(&record.header.tid);
        if let Some(sent) = self.fatal.ended(record) {
            self.signal(&sent, None);
        }
        let signal = record.code & 0x7f;
        let told = signal == 0 || self.signals.contains(signal);
        match &mut self.lines {
            Lines::Tsv(lines) if told => lines.task_exit(&mut self.common, record),
            Lines::Tsv(_) => {}
            Lines::Strace(lines) => {
                for end in lines.task_exit(&mut self.common, record).iter().flatten() {
                    self.select(end.header.tid);
                    if let Lines::Strace(lines) = &mut self.lines {
                        lines.ended(&mut self.common, end, record.header.ts_ns, told);
                    }
                }
            }
        }
        if let Some(names) = &mut self.common.names {
            names.ended(&record.header);
        }
        if let Some(stacks) = &mut self.common.stacks {
            stacks.ended(&record.header);
        }
    }

    /// Signals by which this tracer holds back what it traces are not shown.
    pub fn hide_own_signals(&mut self, pid: u32) {
        self.own_signals = Some(pid);
    }

    fn signal(&mut self, record: &SignalRecord, frames: Option<Frames>) {
        if self.own_signals.is_some_and(|own| is_own(record, own)) {
            return;
        }
        if !self.signals.contains(record.signal) {
            return;
        }
        self.select_for(&record.header);
        let others = match &mut self.lines {
            Lines::Tsv(lines) => return lines.signal(&mut self.common, record, frames),
            Lines::Strace(lines) => {
                if !lines.signal(&mut self.common, record, frames) {
                    return;
                }
                lines.others_of(record.header.tid, record.header.tgid)
            }
        };
        for tid in others {
            self.select(tid);
            if let Lines::Strace(lines) = &mut self.lines {
                lines.stops_too(&mut self.common, tid, record.header.ts_ns, record.signal);
            }
        }
    }

    /// The command, before its first program.
    pub fn starts(&mut self, pid: u32) {
        if let Some(stacks) = &mut self.common.stacks {
            stacks.watch(pid);
        }
        self.attached(pid, pid, None);
    }

    /// A thread that ran already is traced now; `call` is what /proc says it is in.
    pub fn attached(&mut self, tid: u32, tgid: u32, call: Option<&CallRecord>) {
        self.select(tid);
        if let Some(stacks) = &mut self.common.stacks {
            stacks.attached(tgid);
        }
        let Lines::Strace(lines) = &mut self.lines else {
            return;
        };
        lines.attached(tid, tgid);
        if let Some(call) = call {
            let fetched = self.common.fetch_given(call);
            let bytes = session::serialize(call, &fetched.captures());
            if let Some(record) = read_fixed(&bytes) {
                lines.enter(&mut self.common, &record, &bytes);
            }
        }
    }

    /// A thread that is traced now has been stopped by a signal: the call that /proc tells of is over, but it may go on by a
    /// restart_syscall(2).
    pub fn attached_stopped(
        &mut self,
        tid: u32,
        tgid: u32,
        signal: u32,
        call: Option<&CallRecord>,
    ) {
        self.attached(tid, tgid, None);
        let Lines::Strace(lines) = &mut self.lines else {
            return;
        };
        if let Some(call) = call {
            lines.was_in(tid, call);
        }
        if self.signals.contains(signal) {
            let now = crate::sys::clock_ns(libc::CLOCK_MONOTONIC);
            lines.stopped(&mut self.common, tid, now, signal);
        }
    }

    /// The command could not be executed, in the strace format: why, and that it has ended. False
    /// in other formats.
    pub fn exec_failed(&mut self, why: &str, pid: u32, status: u32) -> bool {
        let Lines::Strace(lines) = &mut self.lines else {
            return false;
        };
        let header = Header {
            tid: pid,
            tgid: pid,
            ts_ns: crate::sys::clock_ns(libc::CLOCK_MONOTONIC),
            ..Header::default()
        };
        let end = TaskExitRecord {
            header,
            code: status << 8,
            nr: 0,
        };
        lines.exec_failed(&mut self.common, why, &end);
        true
    }

    /// We let go of what is left, in the strace format.
    pub fn let_go(&mut self) {
        let left = match &mut self.lines {
            Lines::Strace(lines) => lines.left(),
            Lines::Tsv(_) => Vec::new(),
        };
        for tid in left {
            self.select(tid);
            if let Lines::Strace(lines) = &mut self.lines {
                lines.detached(&mut self.common, tid);
            }
        }
    }

    /// A call that a thread is in when we let go of it: what /proc tells, with `?` for a result.
    pub fn unfinished(&mut self, record: &CallRecord) {
        let Lines::Tsv(lines) = &mut self.lines else {
            return;
        };
        let mut record = *record;
        record.flags = CALL_NO_RETURN;
        let fetched = self.common.fetch_given(&record);
        lines.line(
            &mut self.common,
            &Call {
                record,
                captures: fetched.captures(),
                no_return: true,
            },
        );
    }
}

/// Is it a SIGSTOP of the probes, or a SIGCONT of process `own`? In a `siginfo_t` the code is at 8, the sender at 16.
fn is_own(record: &SignalRecord, own: u32) -> bool {
    const SI_KERNEL: i32 = 0x80;
    let word = |at: usize| {
        let four = record.info.get(at..at + 4)?;
        Some(i32::from_ne_bytes(four.try_into().ok()?))
    };
    match record.signal as i32 {
        // Nobody else sends a SIGSTOP from within the kernel.
        libc::SIGSTOP => word(8) == Some(SI_KERNEL),
        libc::SIGCONT => word(8) == Some(libc::SI_USER) && word(16) == Some(own as i32),
        _ => false,
    }
}
/// The number of a call that has come back. When a signal handler has ended, and nobody saw it begin to, the registers that are
/// restored say -1.
fn number(record: &CallRecord) -> u32 {
    match record.nr {
        u32::MAX if record.duration_ns == DURATION_UNKNOWN => {
            tables::sigreturn(decode::abi_of(record.abi)).unwrap_or(record.nr)
        }
        nr => nr,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_returns_to_what_was_interrupted_is_known() {
        let record = |nr, abi, duration_ns| CallRecord {
            nr,
            abi,
            duration_ns,
            ..CallRecord::default()
        };
        let unseen = |abi| number(&record(u32::MAX, abi, DURATION_UNKNOWN));
        assert_eq!([unseen(0), unseen(1)], [15, 173]);
        assert_eq!(number(&record(u32::MAX, 0, 5)), u32::MAX);
        assert_eq!(number(&record(3, 0, DURATION_UNKNOWN)), 3);
    }
}
