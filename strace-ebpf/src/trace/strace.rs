//! Events as strace prints them: a call's line begins when it is entered and ends when it returns;
//! another thread's line in between cuts it in two.
//!
//! A line is not written before it has to be: most calls return before anything else happens, and
//! then all is known when the line is written at once.

use std::collections::{HashMap, HashSet};

use strace_ebpf_common::record::{
    CallRecord, DURATION_UNKNOWN, ExecRecord, ForkRecord, SIGNAL_IGNORED, SignalRecord,
    TaskExitRecord, read_fixed,
};

use super::Common;
use crate::{
    decode::{self, Outcome, value::Args},
    format::strace::Strace,
    say,
    session::{Call, books::Gap},
    tables::{self, Abi, Dir, Syscall, Ty},
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
    /// Traced threads that are alive, as far as was seen.
    threads: HashSet<u32>,
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
            threads: HashSet::new(),
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
        self.threads.insert(tid);
        self.make_way(common, tid);
        // The memory of the thread's call before, if there was one.
        let mut enter = self.spare.pop().unwrap_or_default();
        enter.clear();
        enter.extend_from_slice(bytes);
        let call = InCall {
            enter,
            stage: Stage::Held,
            ignored: Vec::new(),
        };
        if let Some(old) = self.calls.insert(tid, call) {
            self.recycle(old.enter);
        }
        self.current = Some(tid);
    }

    /// A call returns.
    pub fn exit(&mut self, common: &mut Common, record: CallRecord, body: &[u8]) {
        let tid = record.header.tid;
        self.threads.insert(tid);
        self.make_way(common, tid);
        let held = self
            .calls
            .remove(&tid)
            .filter(|held| is_of(&held.enter, &record));
        let stage = held.as_ref().map_or(Stage::Held, |held| held.stage);
        let enter = held.as_ref().map(|held| held.enter.as_slice());
        let several = self.threads.len() > 1;
        let format = &mut self.format;
        common.with_call(record, body, enter, |out, call, syscall, options| {
            let args = decode::args(call, syscall, options);
            let known = match stage {
                Stage::Held => {
                    format.leader(out, tid, several, call.start_ns());
                    begin(format, out, call, &args, args.iter().count());
                    args.iter().count()
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
            self.begin_line(common, current);
            if let Some(held) = self.calls.get_mut(&current) {
                held.stage = Stage::Cut;
                self.format.unfinished(&mut common.out);
            }
            self.current = None;
        }
    }

    /// Writes the beginning of a held line.
    fn begin_line(&mut self, common: &mut Common, tid: u32) {
        let several = self.threads.len() > 1;
        let Some(held) = self
            .calls
            .get_mut(&tid)
            .filter(|held| held.stage == Stage::Held)
        else {
            return;
        };
        held.stage = Stage::Begun;
        let Some(record) = read_fixed::<CallRecord>(&held.enter) else {
            return;
        };
        let body = held
            .enter
            .get(size_of::<CallRecord>()..)
            .unwrap_or_default();
        let format = &mut self.format;
        common.with_call(record, body, None, |out, call, syscall, options| {
            let args = decode::args(call, syscall, options);
            format.leader(out, tid, several, record.header.ts_ns);
            begin(format, out, call, &args, known_at_enter(call, syscall));
        });
    }

    /// Nothing has happened for a while: show what the last thread is waiting in.
    pub fn idle(&mut self, common: &mut Common) {
        if let Some(current) = self.current {
            self.begin_line(common, current);
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
        self.threads.insert(record.child_tid);
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
        self.threads.remove(&old);
        self.threads.insert(new);
    }

    /// A thread ends: first its call, which does not return.
    pub fn task_exit(&mut self, common: &mut Common, record: &TaskExitRecord) {
        let tid = record.header.tid;
        if self.calls.contains_key(&tid) {
            self.make_way(common, tid);
            self.no_return(common, tid);
        }
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
    }

    /// The line of a call that does not return.
    fn no_return(&mut self, common: &mut Common, tid: u32) {
        self.begin_line(common, tid);
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
            if known_at_enter(call, syscall) < args.iter().count() {
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

fn begin(format: &mut Strace, out: &mut Vec<u8>, call: &Call<'_>, args: &Args<'_>, known: usize) {
    let syscall = tables::syscall(decode::abi_of(call.record.abi), call.record.nr);
    format.begin(out, &name_of(call, syscall), args, known);
}

fn name_of(call: &Call<'_>, syscall: Option<&Syscall>) -> Vec<u8> {
    let mut name = Vec::new();
    crate::format::text::call_name(&mut name, &call.record, syscall);
    name
}

/// How many arguments are known when the call begins: those before the first that the kernel
/// fills in.
fn known_at_enter(call: &Call<'_>, syscall: Option<&Syscall>) -> usize {
    let Some(syscall) = syscall else {
        return usize::MAX;
    };
    let args = syscall.args_for(&call.record.args);
    let shown = args.iter().filter(|arg| arg.ty != Ty::Unused);
    let before = shown
        .clone()
        .take_while(|arg| arg.ty.dir() != Some(Dir::Out))
        .count();
    if before == shown.count() {
        usize::MAX
    } else {
        before
    }
}
