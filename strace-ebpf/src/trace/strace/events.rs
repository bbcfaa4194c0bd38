//! What happens to threads besides calls: births, other programs, ends, signals; and our own messages
//! where the lines go.

use strace_ebpf_common::record::{
    CallRecord, ExecRecord, ForkRecord, SIGNAL_DEFAULT, SIGNAL_DELIVERED, SIGNAL_IGNORED,
    SignalRecord, TaskExitRecord, read_fixed,
};

use super::{Common, InCall, Lines, Stage, Strace, ip_at_enter};
use crate::{
    decode,
    format::strace::Place,
    plan::qualify::{QUIET_ATTACH, QUIET_EXIT, QUIET_THREAD_EXEC, STATUS_DETACHED},
    resolve::state,
    say,
    session::books::Gap,
    stack::Frames,
    tables::{self, Abi},
};

impl Lines {
    /// A line of its own, for `tid`, whose name is added to the place.
    pub(super) fn line(
        &mut self,
        common: &mut Common,
        tid: u32,
        ts_ns: u64,
        mut place: Place,
        write: impl FnOnce(&mut Strace, &mut Vec<u8>),
    ) {
        // A signal or an end cuts its own thread's line too.
        self.make_way(common, 0);
        let several = self.several();
        place.comm = common.names.as_ref().and_then(|names| names.of_traced(tid));
        self.format
            .leader(&mut common.out, tid, several, ts_ns, place);
        write(&mut self.format, &mut common.out);
    }

    /// Where the thread's present call was made.
    fn place_in_call(&self, tid: u32) -> Place {
        let Some(call) = self.calls.get(&tid) else {
            return Place::default();
        };
        let record = read_fixed::<CallRecord>(&call.enter);
        Place {
            nr: record.map_or(0, |record| record.nr),
            ip: ip_at_enter(&call.enter),
            narrow: self.foreign.contains_key(&tid),
            comm: None,
        }
    }

    /// A message of ours: between the lines where they go to the same place.
    fn message(&mut self, common: &mut Common, text: &str) {
        if self.telling.messages_within {
            let text = format!("{}: {text}", say::name());
            self.format.remark(&mut common.out, &text);
        } else {
            say::line(format_args!("{text}"));
        }
    }

    /// A thread that was running already.
    pub fn attached(&mut self, tid: u32, tgid: u32) {
        self.threads.known(tid, tgid);
    }

    /// The call in which a thread was before we came, should it go on with that.
    pub fn was_in(&mut self, tid: u32, call: &CallRecord) {
        if let Some(syscall) = tables::syscall(decode::abi_of(call.abi), call.nr) {
            self.interrupted.insert(tid, syscall.name);
        }
    }

    /// The command could not be executed: what is said of it, and of its end.
    pub fn exec_failed(&mut self, common: &mut Common, why: &str, end: &TaskExitRecord) {
        self.message(common, why);
        for end in self.task_exit(common, end).iter().flatten() {
            self.ended(common, end, end.header.ts_ns, true);
        }
    }

    /// A new process or thread.
    pub fn fork(&mut self, common: &mut Common, record: &ForkRecord, followed: bool) {
        if !followed {
            return;
        }
        self.threads.known(record.child_tid, record.child_tgid);
        if self.telling.quiet & QUIET_ATTACH != 0 {
            return;
        }
        if self.telling.messages_within {
            self.make_way(common, 0);
        }
        self.message(common, &format!("Process {} attached", record.child_tid));
    }

    /// Another program; a thread that was not the leader takes over the leader's number.
    pub fn exec(&mut self, common: &mut Common, record: &ExecRecord) {
        let (old, new) = (record.old_tid, record.header.tid);
        if old == new {
            return;
        }
        self.settle(common, new);
        let moved = self.leave(common, old, new);
        self.take_over(common, record, moved);
    }

    /// What `old` was doing, to be gone on with under another number.
    pub fn leave(&mut self, common: &mut Common, old: u32, new: u32) -> Moved {
        let place = self.place_in_call(old);
        if self.current == Some(old) {
            self.begin_line(common, old, true);
            if let Some(call) = self.calls.get_mut(&old) {
                call.stage = Stage::Cut;
                self.format
                    .remark(&mut common.out, &format!(" <pid changed to {new} ...>"));
            }
            self.current = None;
        }
        Moved {
            place,
            call: self.calls.remove(&old),
            abi: self.foreign.remove(&old),
        }
    }

    /// The thread goes on as the first one of its process.
    pub fn take_over(&mut self, common: &mut Common, record: &ExecRecord, moved: Moved) {
        let (old, new) = (record.old_tid, record.header.tid);
        self.calls.remove(&new);
        self.threads.superseded(old, new);
        if self.telling.quiet & QUIET_THREAD_EXEC == 0 {
            let superseded = format!("+++ superseded by execve in pid {old} +++");
            let (ts_ns, place) = (record.header.ts_ns, moved.place);
            self.line(common, new, ts_ns, place, |format, out| {
                format.remark(out, &superseded)
            });
        }
        if let Some(call) = moved.call {
            self.calls.insert(new, call);
        }
        if let Some(abi) = moved.abi {
            self.foreign.insert(new, abi);
        }
    }

    /// A thread ends: first its call, which does not return. Gives back whose ends are to be told.
    pub fn task_exit(
        &mut self,
        common: &mut Common,
        record: &TaskExitRecord,
    ) -> [Option<TaskExitRecord>; 2] {
        let tid = record.header.tid;
        if self.calls.contains_key(&tid) {
            self.no_return(common, tid);
        }
        self.interrupted.remove(&tid);
        self.stopping.remove(&tid);
        self.ips.remove(&tid);
        self.threads.ended(record)
    }

    /// Tells that a thread has ended.
    pub fn ended(&mut self, common: &mut Common, end: &TaskExitRecord, ts_ns: u64, told: bool) {
        let tid = end.header.tid;
        let place = Place {
            nr: end.nr,
            ip: None,
            narrow: self.foreign.remove(&tid).is_some(),
            comm: None,
        };
        let quiet = self.telling.quiet & QUIET_EXIT != 0 && end.code & 0x7f == 0;
        if told && !quiet {
            let text = ending(end.code);
            self.line(common, tid, ts_ns, place, |format, out| {
                format.remark(out, &text)
            });
        }
        if let Some(frames) = self.last_frames.remove(&tid) {
            common.tell_frames(frames);
        }
        self.threads.forget(tid);
    }

    /// A signal arrives. True if it stops the process: then its other threads are told of with `stops_too`.
    pub fn signal(
        &mut self,
        common: &mut Common,
        record: &SignalRecord,
        frames: Option<Frames>,
    ) -> bool {
        let ignored = record.outcome == SIGNAL_IGNORED;
        if !ignored {
            self.settle(common, record.header.tid);
        }
        // It lets go on whatever becomes of it.
        if record.signal as i32 == libc::SIGCONT && !self.stopping.is_empty() {
            // Those that are still in their calls were not stopped.
            for tid in self.threads.of(record.header.tgid) {
                self.stopping.remove(&tid);
            }
        }
        if ignored && let Some(call) = self.calls.get_mut(&record.header.tid) {
            call.ignored.push(*record);
            return false;
        }
        self.tell_signal(common, record, frames)
    }

    /// The lines of a signal, with where it interrupts; true if it stops the process.
    pub(super) fn tell_signal(
        &mut self,
        common: &mut Common,
        record: &SignalRecord,
        frames: Option<Frames>,
    ) -> bool {
        let mut info = decode::siginfo(Abi::X86_64, &record.info);
        if let Some(names) = &common.names {
            let receiver = record.header.tgid;
            decode::name_pids(
                &mut info,
                |pid| names.of(pid, receiver),
                |pid| names.ours(pid, receiver),
            );
        }
        let info = info.iter().next().unwrap_or_default();
        let (tid, ts_ns) = (record.header.tid, record.header.ts_ns);
        let place = Place {
            nr: record.nr,
            // One that ends the process, or that nobody waits for, is told where it was sent.
            ip: Some(record.ip)
                .filter(|ip| *ip != 0)
                .or_else(|| self.ips.get(&tid).copied()),
            narrow: self.foreign.contains_key(&tid),
            comm: None,
        };
        self.line(common, tid, ts_ns, place, |format, out| {
            format.signal(out, record.signal, info)
        });
        let stops = stops(record);
        let again = frames.clone().filter(|_| stops);
        if let Some(frames) = frames {
            common.tell_frames(frames);
        }
        if stops {
            self.line(common, tid, ts_ns, place, |format, out| {
                format.stopped(out, record.signal)
            });
        }
        if let Some(frames) = again {
            common.tell_frames(frames);
        }
        stops
    }

    /// The other threads of a process.
    #[must_use]
    pub fn others_of(&self, tid: u32, tgid: u32) -> Vec<u32> {
        let mut all = self.threads.of(tgid);
        all.retain(|other| *other != tid);
        all
    }

    /// A thread that stops because another one of its process was told to: where it is in a call, when that comes back.
    pub fn stops_too(&mut self, common: &mut Common, tid: u32, ts_ns: u64, signal: u32) {
        self.settle(common, tid);
        if self.calls.contains_key(&tid) {
            self.stopping.insert(tid, signal);
        } else {
            self.stopped(common, tid, ts_ns, signal);
        }
    }

    /// A thread has been stopped.
    pub fn stopped(&mut self, common: &mut Common, tid: u32, ts_ns: u64, signal: u32) {
        let place = self.place_in_call(tid);
        self.line(common, tid, ts_ns, place, |format, out| {
            format.stopped(out, signal)
        });
    }

    /// Events are missing here.
    pub fn gap(&mut self, common: &mut Common, gap: &Gap) {
        self.make_way(common, 0);
        let text = format!(
            "{}: {} events lost on CPU {}",
            say::name(),
            gap.count,
            gap.cpu
        );
        self.format.remark(&mut common.out, &text);
        // Ends of calls may be among them: what is begun stays cut.
    }

    /// The threads that are left, in the order in which they came.
    pub fn left(&self) -> Vec<u32> {
        self.threads.all()
    }

    /// We let go of a thread, whose line ends here if it can be seen to.
    pub fn detached(&mut self, common: &mut Common, tid: u32) {
        let told = self.telling.status & STATUS_DETACHED != 0;
        let staged = self.telling.staged && told && self.calls.contains_key(&tid);
        let shown = self.current == Some(tid);
        if shown {
            self.begin_line(common, tid, true);
            self.current = None;
        }
        if self.telling.quiet & QUIET_ATTACH == 0 {
            self.message(common, &format!("Process {tid} detached"));
        }
        if staged {
            self.begin_line(common, tid, true);
        }
        if shown || staged {
            self.format.remark(&mut common.out, " <detached ...>");
        }
        self.calls.remove(&tid);
        self.threads.forget(tid);
    }
}

/// Has this signal stopped the process? SIGSTOP always does; those of the terminal do unless the process group is orphaned,
/// which only shows while the process is stopped: credentials(7).
fn stops(record: &SignalRecord) -> bool {
    if record.flags & SIGNAL_DEFAULT == 0 || record.outcome != SIGNAL_DELIVERED {
        return false;
    }
    match record.signal as i32 {
        libc::SIGSTOP => true,
        libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => state::is_stopped(record.header.tid),
        _ => false,
    }
}

/// What a thread takes along to another number.
#[derive(Debug)]
pub struct Moved {
    place: Place,
    call: Option<InCall>,
    abi: Option<u8>,
}

/// What the last line of a thread says; `code` as wait(2) gives it.
fn ending(code: u32) -> String {
    let signal = code & 0x7f;
    if signal == 0 {
        return format!("+++ exited with {} +++", code >> 8 & 0xff);
    }
    let name = tables::signal_name(signal).map_or_else(|| signal.to_string(), str::to_owned);
    let core = if code & 0x80 == 0 {
        ""
    } else {
        " (core dumped)"
    };
    format!("+++ killed by {name}{core} +++")
}

#[cfg(test)]
mod tests {
    use strace_ebpf_common::record::Header;

    use super::*;
    use crate::{
        cli,
        plan::{Request, detail::Details},
        resolve::names::Show,
        trace::{Shown, strace::Telling},
    };

    fn nothing_told() -> (Common, Lines) {
        let words = ["strace-ebpf", "--format=strace", "true"];
        let cli = cli::parse(words.map(Into::into)).expect("parses");
        let request = Request::new(cli).expect("valid");
        let common = Common {
            out: Vec::new(),
            shown: Shown {
                options: decode::Options::NORMAL,
                details: Details::new(&request.qualifiers),
                plans: Default::default(),
                selection: None,
                parts: None,
                pids: Show::default(),
            },
            exec_names: Default::default(),
            calls: 0,
            names: None,
            stacks: None,
        };
        let telling = Telling {
            messages_within: true,
            quiet: 0,
            status: u32::MAX,
            staged: false,
            separate: false,
        };
        let format = Strace::new(request.output.look, None, None);
        (common, Lines::new(format, telling))
    }

    fn signal(tid: u32, signal: i32, outcome: u32) -> SignalRecord {
        SignalRecord {
            header: Header {
                tgid: 7,
                tid,
                ..Header::default()
            },
            signal: signal as u32,
            outcome,
            nr: 0,
            flags: SIGNAL_DEFAULT,
            ip: 0,
            info: [0; 48],
        }
    }

    fn in_call() -> InCall {
        InCall {
            enter: Vec::new(),
            stage: Stage::Cut,
            ignored: Vec::new(),
            returned: None,
        }
    }

    /// A process goes on by SIGCONT also where that is ignored, at once though it is told only after the call.
    #[test]
    fn an_ignored_sigcont_lets_go_on() {
        let (mut common, mut lines) = nothing_told();
        for tid in [7, 8] {
            lines.attached(tid, 7);
            lines.calls.insert(tid, in_call());
            lines.stops_too(&mut common, tid, 1, libc::SIGSTOP as u32);
        }
        assert_eq!(lines.stopping.len(), 2);
        let goes_on = signal(7, libc::SIGCONT, SIGNAL_IGNORED);
        assert!(!lines.signal(&mut common, &goes_on, None));
        assert!(lines.stopping.is_empty() && common.out.is_empty());
        assert_eq!(lines.calls[&7].ignored, [goes_on]);
        // What came after it is not undone when it is told.
        lines.stops_too(&mut common, 8, 2, libc::SIGSTOP as u32);
        assert!(!lines.tell_signal(&mut common, &goes_on, None));
        assert!(common.out.windows(7).any(|part| part == b"SIGCONT"));
        assert_eq!(lines.stopping.len(), 1);
    }
}
