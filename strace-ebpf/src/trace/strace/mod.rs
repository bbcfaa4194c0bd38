//! Events as strace prints them: a call's line begins when it is entered and ends when it returns;
//! another thread's line in between cuts it in two.
//!
//! A line is not written before it has to be: most calls return before anything else happens, and
//! then all is known when the line is written at once. `events` holds everything that is no call.

mod events;
mod threads;

use std::borrow::Cow;

use strace_ebpf_common::{
    capture::{ARG_NONE, OP_IP},
    record::{ABI_X86_64, CallRecord, DURATION_UNKNOWN, Header, SignalRecord, read_fixed},
};

use super::Common;
use crate::{
    decode::{self, Outcome, value::Args},
    format::{
        dump,
        strace::{Done, Known, Names, Place, Strace},
    },
    plan::qualify::{QUIET_PERSONALITY, STATUS_FAILED, STATUS_SUCCESSFUL, STATUS_UNFINISHED},
    resolve::names::Comm,
    session::{ByTid, Call, parse},
    stack::{self, Frames},
    tables::{self, Attrs, Dir, Syscall, Ty},
};
use threads::Threads;

/// Records kept for reuse of their memory.
const SPARE: usize = 64;

/// How much of a line has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing yet.
    Held,
    /// Its beginning, and the cursor stands behind it.
    Begun,
    /// Its beginning, and then another line came.
    Cut,
}

/// A call that has been entered.
#[derive(Debug)]
struct InCall {
    enter: Vec<u8>,
    stage: Stage,
    /// Signals that the thread ignores do not interrupt it: they are told when the call is over,
    /// which is when strace gets to see them.
    ignored: Vec<SignalRecord>,
    /// How it came back to be started again. The thread's next event tells whether it was ended there: then strace has
    /// not seen it come back.
    returned: Option<Box<(CallRecord, Vec<u8>)>>,
}

/// What is told, and where.
#[derive(Clone, Copy, Debug)]
pub struct Telling {
    /// Our messages go to standard error, and so do the lines.
    pub messages_within: bool,
    /// Messages that are left out, `QUIET_*` bits.
    pub quiet: u32,
    /// Outcomes that are told, `STATUS_*` bits.
    pub status: u32,
    /// A call's line waits for its outcome.
    pub staged: bool,
    /// Every thread has lines of its own.
    pub separate: bool,
}

/// Lines in the making.
#[derive(Debug)]
pub struct Lines {
    format: Strace,
    telling: Telling,
    calls: ByTid<InCall>,
    /// Memory of records that were used up.
    spare: Vec<Vec<u8>>,
    /// The thread whose call is the last thing that happened.
    current: Option<u32>,
    threads: Threads,
    /// Threads whose call came back to be started again, and that have not been heard of since.
    unsettled: Vec<u32>,
    /// Threads that a signal stops when the call that they are in comes back, and the signal.
    stopping: ByTid<u32>,
    /// What a restart_syscall(2) of these threads goes on with.
    interrupted: ByTid<&'static str>,
    /// Where the last calls of threads were made, if that is shown.
    ips: ByTid<u64>,
    /// Threads whose last call was not an x86-64 one, and which it was.
    foreign: ByTid<u8>,
    /// Where threads made the calls that do not return: told behind their ends.
    last_frames: ByTid<Frames>,
}

impl Lines {
    /// No lines yet.
    #[must_use]
    pub fn new(format: Strace, telling: Telling) -> Self {
        Self {
            format,
            telling,
            calls: ByTid::default(),
            spare: Vec::new(),
            current: None,
            threads: Threads::default(),
            unsettled: Vec::new(),
            stopping: ByTid::default(),
            interrupted: ByTid::default(),
            ips: ByTid::default(),
            foreign: ByTid::default(),
            last_frames: ByTid::default(),
        }
    }

    /// Lines of another thread, which share with these what is known of threads.
    #[must_use]
    pub fn other(&self) -> Self {
        Self::new(self.format.other(), self.telling)
    }

    /// Takes over what is known of threads.
    pub fn share_with(&mut self, other: &mut Self) {
        std::mem::swap(&mut self.threads, &mut other.threads);
    }

    /// Is this thread alive?
    #[must_use]
    pub fn knows(&self, tid: u32) -> bool {
        self.threads.knows(tid)
    }

    /// Is it to be told whose a line is?
    fn several(&self) -> bool {
        !self.telling.separate && self.threads.several()
    }

    /// The writer of lines.
    pub fn format(&mut self) -> &mut Strace {
        &mut self.format
    }

    /// A call begins.
    pub fn enter(&mut self, common: &mut Common, record: &CallRecord, bytes: &[u8]) {
        let tid = record.header.tid;
        self.threads.known(tid, record.header.tgid);
        self.settle(common, tid);
        if !self.telling.staged {
            self.make_way(common, tid);
        }
        self.personality(common, record, ip_at_enter(bytes));
        // The memory of the thread's call before, if there was one.
        let mut enter = self.spare.pop().unwrap_or_default();
        enter.clear();
        enter.extend_from_slice(bytes);
        let call = InCall {
            enter,
            stage: Stage::Held,
            ignored: Vec::new(),
            returned: None,
        };
        if let Some(old) = self.calls.insert(tid, call) {
            if old.stage == Stage::Begun {
                // Its end is among what was lost.
                self.format.unfinished(&mut common.out);
            }
            self.recycle(old.enter);
        }
        if !self.telling.staged {
            self.current = Some(tid);
        }
    }

    /// Says so when a thread's calls are of another ABI than before.
    fn personality(&mut self, common: &mut Common, record: &CallRecord, ip: Option<u64>) {
        if record.abi == ABI_X86_64 && self.foreign.is_empty() {
            return;
        }
        let (tid, abi) = (record.header.tid, record.abi);
        let before = if abi == ABI_X86_64 {
            self.foreign.remove(&tid)
        } else {
            self.foreign.insert(tid, abi)
        };
        if before.unwrap_or(ABI_X86_64) == abi || self.telling.quiet & QUIET_PERSONALITY != 0 {
            return;
        }
        let mode = match decode::abi_of(abi) {
            tables::Abi::X86_64 => "64 bit",
            tables::Abi::I386 => "32 bit",
            tables::Abi::X32 => "x32",
        };
        let text = format!("[ Process PID={tid} runs in {mode} mode. ]");
        let place = Place {
            nr: record.nr,
            narrow: abi != ABI_X86_64,
            ip,
            comm: None,
        };
        self.line(common, tid, record.header.ts_ns, place, |format, out| {
            format.remark(out, &text)
        });
    }

    /// A call returns.
    pub fn exit(&mut self, common: &mut Common, record: CallRecord, body: &[u8]) {
        let tid = record.header.tid;
        self.threads.known(tid, record.header.tgid);
        self.settle(common, tid);
        match self.calls.get_mut(&tid) {
            None => self.personality(common, &record, None),
            Some(call)
                if decode::restarts(&record)
                    && is_of(&call.enter, &record)
                    && !self.stopping.contains_key(&tid) =>
            {
                call.returned = Some(Box::new((record, body.to_vec())));
                self.unsettled.push(tid);
                return;
            }
            Some(_) => {}
        }
        self.end(common, record, body);
    }

    /// The thread goes on: what its interrupted call returned can be told.
    fn settle(&mut self, common: &mut Common, tid: u32) {
        if !self.unsettled.is_empty() {
            self.unsettled.retain(|other| *other != tid);
            self.settle_now(common, tid);
        }
    }

    fn settle_now(&mut self, common: &mut Common, tid: u32) {
        let held = self.calls.get_mut(&tid);
        if let Some(returned) = held.and_then(|held| held.returned.take()) {
            let (record, body) = *returned;
            self.end(common, record, &body);
        }
    }

    /// A call has returned, for certain.
    fn end(&mut self, common: &mut Common, record: CallRecord, body: &[u8]) {
        let tid = record.header.tid;
        let held = self
            .calls
            .remove(&tid)
            .filter(|held| is_of(&held.enter, &record));
        let stage = held.as_ref().map_or(Stage::Held, |held| held.stage);
        let enter = held.as_ref().map(|held| held.enter.as_slice());
        if self.wants_outcome(record.ret) {
            self.make_way(common, tid);
            self.returned(common, record, body, enter, stage);
        }
        if let Some(held) = held {
            if self.format.look().ip
                && let Some(ip) = ip_at_enter(&held.enter)
            {
                self.ips.insert(tid, ip);
            }
            if let Some(signal) = self.stopping.remove(&tid) {
                self.stopped(common, tid, record.header.ts_ns, signal);
            }
            for signal in held.ignored {
                // It reaches the thread where the call was made.
                let frames = Frames::of_record(&record, body);
                self.tell_signal(common, &signal, frames);
            }
            self.recycle(held.enter);
        }
    }

    /// Where only some outcomes are told: is this one of them?
    fn wants_outcome(&self, ret: i64) -> bool {
        let bit = if (-4095..0).contains(&ret) {
            STATUS_FAILED
        } else {
            STATUS_SUCCESSFUL
        };
        !self.telling.staged || self.telling.status & bit != 0
    }

    /// The line of a call that has returned, or what of it is not written yet.
    fn returned(
        &mut self,
        common: &mut Common,
        record: CallRecord,
        body: &[u8],
        enter: Option<&[u8]>,
        stage: Stage,
    ) {
        let tid = record.header.tid;
        let several = self.several();
        let goes_on = self.interrupted.remove(&tid);
        if let Some(name) = decode::interrupted(&record) {
            self.interrupted.insert(tid, goes_on.unwrap_or(name));
        }
        let format = &mut self.format;
        let begun = stage != Stage::Held;
        // As it was called when the line begins.
        let at_enter = enter
            .filter(|_| stage == Stage::Held)
            .and_then(read_fixed::<Header>);
        let header = at_enter.unwrap_or(record.header);
        let mut frames = None;
        let told = common.with_call(record, body, enter, begun, |out, call, syscall, showing| {
            let options = &showing.options;
            let mut args = Args::default();
            showing.args_of_restarted(&mut args, call, syscall, goes_on);
            let names = names_of(format, call, syscall);
            let known = match stage {
                Stage::Held => {
                    let place = place_of(call, showing.comm(&header));
                    format.leader(out, tid, several, call.start_ns(), place);
                    format.begin(out, &name_of(call, syscall), &args, &names, Known::ALL);
                    Known::ALL
                }
                Stage::Begun => known_at_enter(call, syscall, options),
                Stage::Cut => {
                    let ts_ns = call.record.header.ts_ns;
                    let place = place_of(call, showing.comm(&header));
                    format.leader(out, tid, several, ts_ns, place);
                    format.resumed(out, &name_of(call, syscall));
                    known_at_enter(call, syscall, options)
                }
            };
            format.rest(out, &args, &names, known);
            let done = Done {
                flags: call.record.flags,
                duration_ns: Some(call.record.duration_ns).filter(|ns| *ns != DURATION_UNKNOWN),
            };
            let mut returned = Args::default();
            decode::returned(&mut returned, call, syscall, options);
            let outcome = decode::outcome(call, syscall, options);
            let behind = showing.behind(call, &outcome);
            format.result(out, &outcome, &behind, &returned, done);
            if let Some(syscall) = syscall.filter(|_| options.dump) {
                dump::dump(out, &decode::dump::pieces(call, syscall, options));
            }
            if let Some((found, job)) = showing.frames(call) {
                stack::mark(out, job);
                frames = Some(found);
            }
        });
        common.add_job(frames);
        self.current = None;
        common.calls += u64::from(told);
    }

    fn recycle(&mut self, enter: Vec<u8>) {
        if self.spare.len() < SPARE {
            self.spare.push(enter);
        }
    }

    /// Another thread's turn: the line that is not finished gives way.
    fn make_way(&mut self, common: &mut Common, tid: u32) {
        if let Some(current) = self.current.filter(|current| *current != tid) {
            self.begin_line(common, current, false);
            let begun = |held: &&mut InCall| held.stage == Stage::Begun;
            if let Some(held) = self.calls.get_mut(&current).filter(begun) {
                held.stage = Stage::Cut;
                self.format.unfinished(&mut common.out);
            }
            self.current = None;
        }
    }

    /// Writes the beginning of a held line. Memory that was not resident is known when the call returns: unless `forced`,
    /// the whole line waits for it.
    fn begin_line(&mut self, common: &mut Common, tid: u32, forced: bool) {
        let several = self.several();
        let Some(held) = self
            .calls
            .get_mut(&tid)
            .filter(|held| held.stage == Stage::Held)
        else {
            return;
        };
        let Some((record, body)) = parse::call(&held.enter) else {
            return;
        };
        if !common.is_told_at_enter(&record) {
            return;
        }
        let format = &mut self.format;
        let stage = &mut held.stage;
        let goes_on = self.interrupted.get(&tid).copied();
        common.with_call(record, body, None, false, |out, call, syscall, showing| {
            if !forced && decode::misses(call, syscall) {
                return;
            }
            *stage = Stage::Begun;
            let options = &showing.options;
            let mut args = Args::default();
            showing.args_of_restarted(&mut args, call, syscall, goes_on);
            let place = place_of(call, showing.comm(&record.header));
            format.leader(out, tid, several, record.header.ts_ns, place);
            let known = known_at_enter(call, syscall, options);
            let names = names_of(format, call, syscall);
            format.begin(out, &name_of(call, syscall), &args, &names, known);
        });
    }

    /// Nothing has happened for a while: show what the last thread is waiting in.
    pub fn idle(&mut self, common: &mut Common) {
        // The memory that an execve was given is gone before it returns, its line then says more than it would now.
        let executes = |tid: &u32| self.calls.get(tid).is_some_and(|held| is_exec(&held.enter));
        if let Some(current) = self.current.filter(|tid| !executes(tid)) {
            self.begin_line(common, current, true);
        }
        // An end would have come with what came before, if it had been one.
        for tid in std::mem::take(&mut self.unsettled) {
            self.settle_now(common, tid);
        }
    }

    /// The line of a call that does not return.
    fn no_return(&mut self, common: &mut Common, tid: u32) {
        self.unsettled.retain(|other| *other != tid);
        if self.telling.status & STATUS_UNFINISHED == 0 {
            self.calls.remove(&tid);
            return;
        }
        self.make_way(common, tid);
        self.begin_line(common, tid, true);
        let several = self.several();
        let Some(held) = self.calls.remove(&tid) else {
            return;
        };
        self.current = None;
        let Some((record, body)) = parse::call(&held.enter) else {
            return;
        };
        if !common.is_told_at_enter(&record) {
            return;
        }
        let format = &mut self.format;
        let begun = held.stage != Stage::Held;
        let mut frames = None;
        common.with_call(record, body, None, begun, |out, call, syscall, showing| {
            if held.stage == Stage::Cut {
                let place = place_of(call, showing.comm(&record.header));
                format.leader(out, tid, several, record.header.ts_ns, place);
                format.resumed(out, &name_of(call, syscall));
            }
            let options = &showing.options;
            let mut args = Args::default();
            showing.args(&mut args, call, syscall);
            if !known_at_enter(call, syscall, options).is_all(&args) {
                out.extend_from_slice(b" <unfinished ...>");
            }
            format.result(
                out,
                &Outcome::NoReturn,
                &[],
                &Args::default(),
                Done::default(),
            );
            frames = showing.frames(call).map(|(frames, _)| frames);
        });
        if let Some(frames) = frames {
            self.last_frames.insert(tid, frames);
        }
    }
}

/// Does this enter record belong to that exit?
fn is_of(enter: &[u8], exit: &CallRecord) -> bool {
    read_fixed::<CallRecord>(enter)
        .is_some_and(|enter| enter.nr == exit.nr && enter.abi == exit.abi)
}

/// Does this record tell of a call that replaces the program?
fn is_exec(record: &[u8]) -> bool {
    let record = read_fixed::<CallRecord>(record);
    let syscall = record.and_then(|r| tables::syscall(decode::abi_of(r.abi), r.nr));
    syscall.is_some_and(|syscall| syscall.attrs.contains(Attrs::EXEC))
}

/// Where a call was made. What its enter says stands behind what its exit says.
fn place_of(call: &Call<'_>, comm: Option<Comm>) -> Place {
    let mut ips = call
        .captures
        .iter()
        .filter(|c| c.header.arg == ARG_NONE && c.header.op == OP_IP);
    Place {
        nr: call.record.nr,
        ip: ips.next_back().map(|captured| captured.header.addr),
        narrow: call.record.abi != ABI_X86_64,
        comm,
    }
}

/// Where the program was when this call was entered, if that was asked for.
fn ip_at_enter(enter: &[u8]) -> Option<u64> {
    let (record, body) = parse::call(enter)?;
    let mut captures = parse::captures(body, record.n_captures);
    let ip = captures.find(|c| c.header.arg == ARG_NONE && c.header.op == OP_IP);
    ip.map(|captured| captured.header.addr)
}

/// The names of the arguments that are shown, if they are to be.
fn names_of(format: &Strace, call: &Call<'_>, syscall: Option<&Syscall>) -> Names {
    let Some(syscall) = syscall.filter(|_| format.look().names) else {
        return Names::new();
    };
    let args = syscall.args_for(&call.record.args).iter();
    args.filter(|arg| arg.ty != Ty::Unused)
        .map(|arg| arg.name)
        .collect()
}

fn name_of(call: &Call<'_>, syscall: Option<&Syscall>) -> Cow<'static, [u8]> {
    if let Some(syscall) = syscall {
        return Cow::Borrowed(syscall.name.as_bytes());
    }
    let mut name = Vec::new();
    crate::format::text::call_name(&mut name, &call.record, syscall);
    Cow::Owned(name)
}

/// How much is known when the call begins: the arguments before the first that the kernel fills in, or adds to.
fn known_at_enter(call: &Call<'_>, syscall: Option<&Syscall>, options: &decode::Options) -> Known {
    let Some(syscall) = syscall.filter(|_| !options.raw) else {
        return Known::ALL;
    };
    let args = syscall.args_for(&call.record.args);
    let shown = args.iter().filter(|arg| arg.ty != Ty::Unused);
    for (before, arg) in shown.enumerate() {
        let grows = decode::grows(arg.ty);
        let is_output = matches!(arg.ty, Ty::Mmsghdr { .. }) || arg.ty.dir() == Some(Dir::Out);
        if grows || is_output {
            return Known {
                args: before,
                grows,
                comma_follows: syscall.attrs.contains(Attrs::CLONE),
            };
        }
    }
    Known::ALL
}
