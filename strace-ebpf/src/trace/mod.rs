//! Events to lines: one record in, zero or more lines out. Wires session, resolve, decode and
//! format; the event loop in `run` feeds it.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use smallvec::SmallVec;
use strace_ebpf_common::{
    capture::{ARG_NONE, Identity, OP_IDENTITY, OP_STACK},
    limits::PLANS_PER_ABI,
    plan::{FROM_ARG, Plan},
    record::{
        CALL_NO_RETURN, CallRecord, ExecRecord, ForkRecord, Header, KIND_ENTER, SIGNAL_IGNORED,
        SignalRecord, TaskExitRecord, read_fixed,
    },
};

use crate::{
    decode::{self, value::Value},
    format::tsv::{Extra, Remark, Tsv},
    resolve::{
        cgroup::Cgroups,
        memory::{self, Fetched},
    },
    session::{
        self, Call, Pending, assemble,
        books::{Books, Gap},
        exec,
        fatal::Fatal,
        parse::{self, Captured, Event},
    },
    tables,
};

/// Output is handed on in pieces of about this size.
const PIECE_BYTES: usize = 256 * 1024;

/// The state between events.
pub struct Tracer {
    /// What arrived and what is missing.
    pub books: Books,
    tsv: Tsv,
    options: decode::Options,
    plans: Arc<Vec<Plan>>,
    pending: Pending,
    cgroups: Cgroups,
    out: Vec<u8>,
    ready: Vec<Bytes>,
    /// File names of programs just begun, until the execve returns, by thread.
    exec_names: HashMap<u32, Vec<u8>>,
    fatal: Fatal,
    /// Records of unknown kind or shape.
    unparsed: u64,
}

impl Tracer {
    /// A tracer with nothing seen yet.
    #[must_use]
    pub fn new(tsv: Tsv, options: decode::Options, plans: Arc<Vec<Plan>>, cpus: u32) -> Self {
        Self {
            books: Books::new(cpus),
            tsv,
            options,
            plans,
            pending: Pending::default(),
            cgroups: Cgroups::new(),
            out: Vec::with_capacity(PIECE_BYTES + 4096),
            ready: Vec::new(),
            exec_names: HashMap::new(),
            fatal: Fatal::default(),
            unparsed: 0,
        }
    }

    /// Writes the line of column names.
    pub fn header(&mut self) {
        self.tsv.header(&mut self.out);
    }

    /// Measures the wall clock anew.
    pub fn refresh_clock(&mut self) {
        self.tsv.clock().refresh();
    }

    /// Records that could not be understood.
    #[must_use]
    pub fn unparsed(&self) -> u64 {
        self.unparsed
    }

    /// Takes one record.
    pub fn record(&mut self, bytes: &[u8]) {
        if let Some(header) = read_fixed::<Header>(bytes)
            && let Some(gap) = self.books.enter(&header)
        {
            self.gap(&gap);
        }
        match parse::parse(bytes) {
            Ok(Event::Exit(record, body)) => self.exit(record, body),
            Ok(Event::Enter(record, body)) if record.flags & CALL_NO_RETURN != 0 => {
                self.call(record, body, None, None);
            }
            Ok(Event::Enter(record, _)) => self.pending.hold(record.header.tid, bytes),
            Ok(Event::Fork(record)) => self.fork(&record),
            Ok(Event::Exec(record, body)) => self.exec(&record, body),
            Ok(Event::TaskExit(record)) => self.task_exit(&record),
            Ok(Event::Signal(record)) => self.signal(&record),
            Err(_) => self.unparsed += 1,
        }
        if self.out.len() >= PIECE_BYTES {
            self.cut();
        }
    }

    /// A gap, as a line of its own.
    pub fn gap(&mut self, gap: &Gap) {
        self.tsv.gap(&mut self.out, gap);
    }

    /// What is ready to be written.
    pub fn take_output(&mut self) -> Vec<Bytes> {
        if !self.out.is_empty() {
            self.cut();
        }
        std::mem::take(&mut self.ready)
    }

    fn cut(&mut self) {
        let piece = std::mem::replace(&mut self.out, Vec::with_capacity(PIECE_BYTES + 4096));
        self.ready.push(Bytes::from(piece));
    }

    fn exit(&mut self, record: CallRecord, body: &[u8]) {
        let enter = self.pending.claim(&record);
        let filename = if self.exec_names.is_empty() {
            None
        } else {
            self.exec_names.remove(&record.header.tid)
        };
        self.call(record, body, enter.as_deref(), filename.as_deref());
        if let Some(enter) = enter {
            self.pending.recycle(enter);
        }
    }

    fn call(
        &mut self,
        record: CallRecord,
        body: &[u8],
        enter: Option<&[u8]>,
        filename: Option<&[u8]>,
    ) {
        let fetched;
        let mut call = assemble(record, body, enter);
        let syscall = tables::syscall(decode::abi_of(call.record.abi), call.record.nr);
        if let Some(syscall) = syscall
            && exec::succeeded(&call, syscall)
        {
            exec::mend(&mut call, syscall, filename, self.options.string);
        }
        fetched = self.fetch_missing(&call);
        for (index, fetched) in &fetched {
            if let Some(captured) = call.captures.get_mut(*index) {
                let (len, header) = (fetched.bytes.len() as u32, captured.header);
                captured.header = session::refetched(&header, len, header.full, fetched.truncated);
                captured.bytes = &fetched.bytes;
            }
        }
        self.line(&call);
    }

    /// Reads what was not resident when the probes looked. When the kernel itself could not read
    /// the call's memory there is nothing to be had.
    fn fetch_missing(&self, call: &Call<'_>) -> SmallVec<[(usize, Fetched); 2]> {
        let mut fetched = SmallVec::new();
        if call.record.ret == -i64::from(libc::EFAULT)
            || call.captures.iter().all(|c| c.header.errno == 0)
        {
            return fetched;
        }
        let Some(plan) = self.plan_of(&call.record) else {
            return fetched;
        };
        for (index, captured) in call.captures.iter().enumerate() {
            if i32::from(captured.header.errno) == libc::EFAULT
                && let Some(op) = plan.ops.get(usize::from(captured.header.op))
                && let Some(got) = memory::fetch(
                    call.record.header.tid,
                    op,
                    captured.header.addr,
                    captured.header.full,
                )
            {
                fetched.push((index, got));
            }
        }
        fetched
    }

    fn plan_of(&self, record: &CallRecord) -> Option<&Plan> {
        let nr = record.nr.min(PLANS_PER_ABI - 1);
        self.plans
            .get((u32::from(record.abi) * PLANS_PER_ABI + nr) as usize)
    }

    fn line(&mut self, call: &Call<'_>) {
        let syscall = tables::syscall(decode::abi_of(call.record.abi), call.record.nr);
        let outcome = decode::outcome(call, syscall);
        let args = decode::args(call, syscall, &self.options);
        let mut extra = Extra::default();
        let mut identity = None;
        for captured in call
            .captures
            .iter()
            .filter(|captured| captured.header.arg == ARG_NONE)
        {
            match captured.header.op {
                OP_IDENTITY => {
                    identity = read_fixed::<Identity>(captured.bytes);
                }
                OP_STACK => extra.stack = captured.bytes,
                _ => {}
            }
        }
        if let Some(identity) = identity {
            extra.uid = Some(identity.uid);
            extra.cgroup = Some(self.cgroups.path(identity.cgroup_id));
        }
        self.tsv.call(&mut self.out, call, &outcome, &args, &extra);
    }

    /// A call that a thread is in when we let go of it: what /proc tells, with `?` for a result.
    pub fn unfinished(&mut self, record: &CallRecord) {
        let mut record = *record;
        record.header.kind = KIND_ENTER;
        record.flags = CALL_NO_RETURN;
        let mut fetched: SmallVec<[(u8, Fetched); 2]> = SmallVec::new();
        if let Some(plan) = self.plan_of(&record) {
            for op in plan.ops.iter().filter(|op| op.addr_from == FROM_ARG) {
                let addr = record
                    .args
                    .get(usize::from(op.addr_off))
                    .copied()
                    .unwrap_or(0);
                if op.kind == strace_ebpf_common::plan::KIND_STR
                    && let Some(got) = memory::fetch(record.header.tid, op, addr, 0)
                {
                    fetched.push((op.arg, got));
                }
            }
        }
        let captures = fetched
            .iter()
            .map(|(arg, got)| {
                let header = strace_ebpf_common::capture::Capture {
                    arg: *arg,
                    ..Default::default()
                };
                let len = got.bytes.len() as u32;
                Captured {
                    header: session::refetched(&header, len, len, got.truncated),
                    bytes: &got.bytes,
                }
            })
            .collect();
        self.line(&Call {
            record,
            captures,
            no_return: true,
        });
    }

    fn remark(&mut self, header: &Header, remark: &Remark<'_>) {
        self.tsv
            .remark(&mut self.out, header, remark, &Extra::default());
    }

    fn fork(&mut self, record: &ForkRecord) {
        let is_thread = record.child_tgid == record.header.tgid;
        let what = Value::Name(if is_thread { "thread" } else { "process" });
        let ret = Some(i64::from(record.child_tid));
        self.remark(
            &record.header,
            &Remark {
                name: "+fork",
                ret,
                args: &[what],
                ..Remark::default()
            },
        );
    }

    fn exec(&mut self, record: &ExecRecord, body: &[u8]) {
        self.pending.rename(record.old_tid, record.header.tid);
        let name = parse::captures(body, record.n_captures.min(1) as u8).next();
        let file = match name {
            Some(name) if name.header.errno == 0 => {
                self.exec_names
                    .insert(record.header.tid, name.bytes.to_vec());
                Value::Path(name.bytes)
            }
            _ => Value::Text(b"?"),
        };
        let old = format!("old_tid={}", record.old_tid);
        let both = [file, Value::Text(old.as_bytes())];
        let args = if record.old_tid == record.header.tid {
            &both[..1]
        } else {
            &both[..]
        };
        self.remark(
            &record.header,
            &Remark {
                name: "+exec",
                args,
                ..Remark::default()
            },
        );
    }

    fn task_exit(&mut self, record: &TaskExitRecord) {
        self.pending.forget(record.header.tid);
        self.exec_names.remove(&record.header.tid);
        let signal = record.code & 0x7f;
        if let Some(sent) = self.fatal.ended(record)
            && signal != 0
        {
            self.signal_line(&sent);
        }
        if signal == 0 {
            let ret = Some(i64::from(record.code >> 8 & 0xff));
            self.remark(
                &record.header,
                &Remark {
                    name: "+exit",
                    ret,
                    ..Remark::default()
                },
            );
            return;
        }
        let both = [Value::Signal(signal), Value::Name("core dumped")];
        let args = if record.code & 0x80 == 0 {
            &both[..1]
        } else {
            &both[..]
        };
        self.remark(
            &record.header,
            &Remark {
                name: "+killed",
                args,
                ..Remark::default()
            },
        );
    }

    fn signal(&mut self, record: &SignalRecord) {
        if self.fatal.note(record) {
            self.signal_line(record);
        }
    }

    fn signal_line(&mut self, record: &SignalRecord) {
        let outcome = if record.outcome == SIGNAL_IGNORED {
            "ignored"
        } else {
            "delivered"
        };
        let args = [Value::Signal(record.signal), Value::Name(outcome)];
        self.remark(
            &record.header,
            &Remark {
                name: "+signal",
                args: &args,
                ..Remark::default()
            },
        );
    }
}
