//! Events as strace prints them: a call's line begins when it is entered and ends when it returns;
//! another thread's line in between cuts it in two.
//!
//! A line is not written before it has to be: most calls return before anything else happens, and
//! then all is known when the line is written at once.

use std::collections::HashMap;

use strace_ebpf_common::record::{
    CallRecord, DURATION_UNKNOWN, ExecRecord, ForkRecord, SIGNAL_IGNORED, SignalRecord,
    TaskExitRecord, read_fixed,
};

use super::Common;
use crate::{
    decode::{self, Outcome, value::Args},
    format::strace::{Known, Strace},
    say,
    session::{Call, books::Gap},
    tables::{self, Abi, Attrs, Dir, Syscall, Ty},
};

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
    returned: Option<(CallRecord, Vec<u8>)>,
}

/// Lines in the making.
#[derive(Debug)]
pub struct Lines {
    format: Strace,
    calls: HashMap<u32, InCall>,
    /// Memory of records that were used up.
    spare: Vec<Vec<u8>>,
    /// The thread whose call is the last thing that happened.
    current: Option<u32>,
    /// Traced threads that are alive, as far as was seen, with their processes.
    threads: HashMap<u32, u32>,
    /// Leaders that ended before other threads of their processes: who waits for them, strace too, is told when the last
    /// one ends.
    leaders: HashMap<u32, TaskExitRecord>,
    /// What a restart_syscall(2) of these threads goes on with.
    interrupted: HashMap<u32, &'static str>,
    /// Our messages go to standard error, and so do the lines.
    messages_within: bool,
    /// `-q` so many times.
    quiet: u8,
}

impl Lines {
    /// No lines yet.
    #[must_use]
    pub fn new(format: Strace, messages_within: bool, quiet: u8) -> Self {
        Self {
            format,
            calls: HashMap::new(),
            spare: Vec::new(),
            current: None,
            threads: HashMap::new(),
            leaders: HashMap::new(),
            interrupted: HashMap::new(),
            messages_within,
            quiet,
        }
    }

    /// The writer of lines.
    pub fn format(&mut self) -> &mut Strace {
        &mut self.format
    }

    /// A call begins.
    pub fn enter(&mut self, common: &mut Common, record: &CallRecord, bytes: &[u8]) {
        let tid = record.header.tid;
        self.settle(common, tid);
        self.threads.insert(tid, record.header.tgid);
        self.make_way(common, tid);
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
            self.recycle(old.enter);
        }
        self.current = Some(tid);
    }

    /// A call returns.
    pub fn exit(&mut self, common: &mut Common, record: CallRecord, body: &[u8]) {
        let tid = record.header.tid;
        self.settle(common, tid);
        if decode::restarts(&record)
            && let Some(held) = self.calls.get_mut(&tid)
            && is_of(&held.enter, &record)
        {
            held.returned = Some((record, body.to_vec()));
            return;
        }
        self.finish(common, record, body);
    }

    /// The end of a call's line that had to wait for the thread's next event.
    fn settle(&mut self, common: &mut Common, tid: u32) {
        let held = self.calls.get_mut(&tid);
        if let Some((record, body)) = held.and_then(|held| held.returned.take()) {
            self.finish(common, record, &body);
        }
    }

    fn finish(&mut self, common: &mut Common, record: CallRecord, body: &[u8]) {
        let tid = record.header.tid;
        self.threads.insert(tid, record.header.tgid);
        self.make_way(common, tid);
        let held = self
            .calls
            .remove(&tid)
            .filter(|held| is_of(&held.enter, &record));
        let stage = held.as_ref().map_or(Stage::Held, |held| held.stage);
        let enter = held.as_ref().map(|held| held.enter.as_slice());
        let several = self.threads.len() > 1;
        let goes_on = self.interrupted.remove(&tid);
        if let Some(name) = decode::interrupted(&record) {
            self.interrupted.insert(tid, goes_on.unwrap_or(name));
        }
        let format = &mut self.format;
        common.with_call(record, body, enter, |out, call, syscall, options| {
            let args = decode::args_of_restarted(call, syscall, options, goes_on);
            let known = match stage {
                Stage::Held => {
                    format.leader(out, tid, several, call.start_ns());
                    begin(format, out, call, &args, Known::ALL);
                    Known::ALL
                }
                Stage::Begun => known_at_enter(call, syscall),
                Stage::Cut => {
                    format.leader(out, tid, several, call.record.header.ts_ns);
                    format.resumed(out, &name_of(call, syscall));
                    known_at_enter(call, syscall)
                }
            };
            format.rest(out, &args, known);
            let duration = Some(call.record.duration_ns).filter(|ns| *ns != DURATION_UNKNOWN);
            let returned = decode::returned(call, syscall, options);
            format.result(out, &decode::outcome(call, syscall), &returned, duration);
        });
        self.current = None;
        if let Some(held) = held {
            self.recycle(held.enter);
            for record in held.ignored {
                self.signal(common, &record);
            }
        }
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
        let several = self.threads.len() > 1;
        let Some(held) = self
            .calls
            .get_mut(&tid)
            .filter(|held| held.stage == Stage::Held)
        else {
            return;
        };
        let Some(record) = read_fixed::<CallRecord>(&held.enter) else {
            return;
        };
        let body = held
            .enter
            .get(size_of::<CallRecord>()..)
            .unwrap_or_default();
        let format = &mut self.format;
        let stage = &mut held.stage;
        let goes_on = self.interrupted.get(&tid).copied();
        common.with_call(record, body, None, |out, call, syscall, options| {
            if !forced && decode::misses(call, syscall) {
                return;
            }
            *stage = Stage::Begun;
            let args = decode::args_of_restarted(call, syscall, options, goes_on);
            format.leader(out, tid, several, record.header.ts_ns);
            begin(format, out, call, &args, known_at_enter(call, syscall));
        });
    }

    /// Nothing has happened for a while: show what the last thread is waiting in.
    pub fn idle(&mut self, common: &mut Common) {
        // The memory that an execve was given is gone before it returns, its line then says more than it would now.
        let executes = |tid: &u32| self.calls.get(tid).is_some_and(|held| is_exec(&held.enter));
        if let Some(current) = self.current.filter(|tid| !executes(tid)) {
            self.begin_line(common, current, true);
        }
        let returned = |call: &(&u32, &InCall)| call.1.returned.is_some();
        while let Some((&tid, _)) = self.calls.iter().find(returned) {
            self.settle(common, tid);
        }
    }

    /// A line of its own, for `tid`.
    fn line(
        &mut self,
        common: &mut Common,
        tid: u32,
        ts_ns: u64,
        write: impl FnOnce(&mut Strace, &mut Vec<u8>),
    ) {
        // A signal or an end cuts its own thread's line too.
        self.make_way(common, 0);
        let several = self.threads.len() > 1;
        self.format.leader(&mut common.out, tid, several, ts_ns);
        write(&mut self.format, &mut common.out);
    }

    /// A new process or thread.
    pub fn fork(&mut self, common: &mut Common, record: &ForkRecord, followed: bool) {
        if !followed {
            return;
        }
        self.threads.insert(record.child_tid, record.child_tgid);
        if self.quiet > 0 {
            return;
        }
        if self.messages_within {
            self.make_way(common, 0);
            let message = format!("{}: Process {} attached", say::name(), record.child_tid);
            self.format.remark(&mut common.out, &message);
        } else {
            say::line(format_args!("Process {} attached", record.child_tid));
        }
    }

    /// Another program; a thread that was not the leader takes over the leader's number.
    pub fn exec(&mut self, common: &mut Common, record: &ExecRecord) {
        let (old, new) = (record.old_tid, record.header.tid);
        if old == new {
            return;
        }
        let superseded = format!("+++ superseded by execve in pid {old} +++");
        self.line(common, new, record.header.ts_ns, |format, out| {
            format.remark(out, &superseded)
        });
        if let Some(call) = self.calls.remove(&old) {
            self.calls.insert(new, call);
        }
        self.leaders.remove(&new);
        self.threads.remove(&old);
        self.threads.insert(new, record.header.tgid);
    }

    /// A thread ends: first its call, which does not return.
    pub fn task_exit(&mut self, common: &mut Common, record: &TaskExitRecord) {
        let tid = record.header.tid;
        if self.calls.contains_key(&tid) {
            self.make_way(common, tid);
            self.no_return(common, tid);
        }
        let tgid = record.header.tgid;
        let others = self
            .threads
            .iter()
            .any(|(&other, &of)| of == tgid && other != tid);
        if tid == tgid && others {
            self.leaders.insert(tgid, *record);
            return;
        }
        self.ended(common, record);
        let is_last = !self
            .threads
            .iter()
            .any(|(&other, &of)| of == tgid && other != tgid);
        if is_last && let Some(leader) = self.leaders.remove(&tgid) {
            self.ended(common, &leader);
        }
    }

    fn ended(&mut self, common: &mut Common, record: &TaskExitRecord) {
        let tid = record.header.tid;
        let signal = record.code & 0x7f;
        let text = if signal == 0 {
            format!("+++ exited with {} +++", record.code >> 8 & 0xff)
        } else {
            let name =
                tables::signal_name(signal).map_or_else(|| signal.to_string(), str::to_owned);
            let core = if record.code & 0x80 == 0 {
                ""
            } else {
                " (core dumped)"
            };
            format!("+++ killed by {name}{core} +++")
        };
        if self.quiet < 2 || signal != 0 {
            self.line(common, tid, record.header.ts_ns, |format, out| {
                format.remark(out, &text)
            });
        }
        self.threads.remove(&tid);
        self.interrupted.remove(&tid);
    }

    /// The line of a call that does not return.
    fn no_return(&mut self, common: &mut Common, tid: u32) {
        self.begin_line(common, tid, true);
        let several = self.threads.len() > 1;
        let Some(held) = self.calls.remove(&tid) else {
            return;
        };
        self.current = None;
        let Some(record) = read_fixed::<CallRecord>(&held.enter) else {
            return;
        };
        let body = held
            .enter
            .get(size_of::<CallRecord>()..)
            .unwrap_or_default();
        let format = &mut self.format;
        common.with_call(record, body, None, |out, call, syscall, options| {
            if held.stage == Stage::Cut {
                format.leader(out, tid, several, record.header.ts_ns);
                format.resumed(out, &name_of(call, syscall));
            }
            let args = decode::args(call, syscall, options);
            if !known_at_enter(call, syscall).is_all(&args) {
                out.extend_from_slice(b" <unfinished ...>");
            }
            format.result(out, &Outcome::NoReturn, &Args::default(), None);
        });
    }

    /// A signal arrives.
    pub fn signal(&mut self, common: &mut Common, record: &SignalRecord) {
        if record.outcome == SIGNAL_IGNORED
            && let Some(call) = self.calls.get_mut(&record.header.tid)
        {
            call.ignored.push(*record);
            return;
        }
        self.settle(common, record.header.tid);
        let info = decode::siginfo(Abi::X86_64, &record.info);
        let info = info.iter().next().unwrap_or_default();
        let (tid, ts_ns) = (record.header.tid, record.header.ts_ns);
        self.line(common, tid, ts_ns, |format, out| {
            format.signal(out, record.signal, info)
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

fn begin(format: &mut Strace, out: &mut Vec<u8>, call: &Call<'_>, args: &Args<'_>, known: Known) {
    let syscall = tables::syscall(decode::abi_of(call.record.abi), call.record.nr);
    format.begin(out, &name_of(call, syscall), args, known);
}

fn name_of(call: &Call<'_>, syscall: Option<&Syscall>) -> Vec<u8> {
    let mut name = Vec::new();
    crate::format::text::call_name(&mut name, &call.record, syscall);
    name
}

/// How much is known when the call begins: the arguments before the first that the kernel fills in, or adds to.
fn known_at_enter(call: &Call<'_>, syscall: Option<&Syscall>) -> Known {
    let Some(syscall) = syscall else {
        return Known::ALL;
    };
    let args = syscall.args_for(&call.record.args);
    let shown = args.iter().filter(|arg| arg.ty != Ty::Unused);
    for (before, arg) in shown.enumerate() {
        let grows = decode::grows(arg.ty);
        if grows || arg.ty.dir() == Some(Dir::Out) {
            return Known {
                args: before,
                grows,
            };
        }
    }
    Known::ALL
}
