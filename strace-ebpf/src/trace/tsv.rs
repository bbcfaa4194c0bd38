//! Events as TSV lines, docs/output.md.

use strace_ebpf_common::{
    capture::{ARG_NONE, Identity, OP_IDENTITY, OP_IP, OP_STACK},
    record::{
        CallRecord, ExecRecord, ForkRecord, Header, SIGNAL_IGNORED, SignalRecord, TaskExitRecord,
        read_fixed,
    },
};

use super::{Common, showing::Showing};
use crate::{
    decode::{
        self,
        value::{Args, Value},
    },
    format::tsv::{Extra, Remark, Tsv},
    resolve::cgroup::Cgroups,
    session::{Call, books::Gap},
    stack::{Frames, Stacks},
    tables::Syscall,
};

/// Writes lines.
#[derive(Debug)]
pub struct Lines {
    format: Tsv,
    cgroups: Cgroups,
    /// Ends by exit(2) are told.
    exits: bool,
}

impl Lines {
    /// Lines in this format.
    #[must_use]
    pub fn new(format: Tsv, exits: bool) -> Self {
        Self {
            format,
            exits,
            cgroups: Cgroups::new(),
        }
    }

    /// The writer of lines.
    pub fn format(&mut self) -> &mut Tsv {
        &mut self.format
    }

    /// A call that is complete.
    pub fn call(
        &mut self,
        common: &mut Common,
        record: CallRecord,
        body: &[u8],
        enter: Option<&[u8]>,
    ) {
        let mut frames = None;
        let told = common.with_call(record, body, enter, false, |out, call, syscall, showing| {
            frames = self.write(out, call, syscall, showing);
        });
        common.add_job(frames);
        common.calls += u64::from(told);
    }

    /// A call that was put together elsewhere.
    pub fn line(&mut self, common: &mut Common, call: &Call<'_>) {
        let syscall = decode::syscall_of(&call.record);
        if !common.shown.chooses(call, syscall) {
            return;
        }
        let showing = Showing {
            options: common.shown.options(&call.record),
            names: common.names.as_ref(),
            job: None,
        };
        self.write(&mut common.out, call, syscall, &showing);
    }

    fn write(
        &mut self,
        out: &mut Vec<u8>,
        call: &Call<'_>,
        syscall: Option<&Syscall>,
        showing: &Showing<'_>,
    ) -> Option<Frames> {
        let outcome = decode::outcome(call, syscall, &showing.options);
        let mut showing = *showing;
        if showing.options.dump {
            // A line is one call: its data stands in its own column, whole.
            showing.options.string = usize::MAX;
        }
        let mut args = Args::default();
        showing.args(&mut args, call, syscall);
        let mut extra = Extra::default();
        let mut identity = None;
        for captured in call
            .captures
            .iter()
            .filter(|captured| captured.header.arg == ARG_NONE)
        {
            match captured.header.op {
                OP_IDENTITY => identity = read_fixed::<Identity>(captured.bytes),
                OP_STACK => extra.stack = captured.bytes,
                // Those of the enter are behind those of the exit.
                OP_IP => extra.ip = Some(captured.header.addr),
                _ => {}
            }
        }
        if let Some(identity) = identity {
            extra.uid = Some(identity.uid);
            extra.cgroup = Some(self.cgroups.path(identity.cgroup_id));
        }
        let mut frames = None;
        if let Some((found, job)) = showing.frames(call) {
            extra.job = Some(job);
            frames = Some(found);
        }
        self.format.call(out, call, &outcome, &args, &extra);
        frames
    }

    /// Events are missing here.
    pub fn gap(&mut self, common: &mut Common, gap: &Gap) {
        self.format.gap(&mut common.out, gap);
    }

    fn remark(&mut self, common: &mut Common, header: &Header, remark: &Remark<'_>) {
        self.format
            .remark(&mut common.out, header, remark, &Extra::default());
    }

    /// `+fork`
    pub fn fork(&mut self, common: &mut Common, record: &ForkRecord) {
        let is_thread = record.child_tgid == record.header.tgid;
        let what = Value::Name(if is_thread { "thread" } else { "process" });
        let ret = Some(i64::from(record.child_tid));
        let remark = Remark {
            name: "+fork",
            ret,
            args: &[what],
            ..Remark::default()
        };
        self.remark(common, &record.header, &remark);
    }

    /// `+exec`
    pub fn exec(&mut self, common: &mut Common, record: &ExecRecord, name: Option<&[u8]>) {
        let file = name.map_or(Value::Text(b"?"), Value::Path);
        let old = format!("old_tid={}", record.old_tid);
        let both = [file, Value::Text(old.as_bytes())];
        let shown = if record.old_tid == record.header.tid {
            1
        } else {
            2
        };
        let remark = Remark {
            name: "+exec",
            args: &both[..shown],
            ..Remark::default()
        };
        self.remark(common, &record.header, &remark);
    }

    /// `+exit` or `+killed`
    pub fn task_exit(&mut self, common: &mut Common, record: &TaskExitRecord) {
        let signal = record.code & 0x7f;
        let both = [Value::Signal(signal), Value::Name("core dumped")];
        let remark = if signal == 0 {
            if !self.exits {
                return;
            }
            let ret = Some(i64::from(record.code >> 8 & 0xff));
            Remark {
                name: "+exit",
                ret,
                ..Remark::default()
            }
        } else {
            let shown = if record.code & 0x80 == 0 { 1 } else { 2 };
            Remark {
                name: "+killed",
                args: &both[..shown],
                ..Remark::default()
            }
        };
        self.remark(common, &record.header, &remark);
    }

    /// `+signal`
    pub fn signal(&mut self, common: &mut Common, record: &SignalRecord, frames: Option<Frames>) {
        let ignored = record.outcome == SIGNAL_IGNORED;
        let outcome = Value::Name(if ignored { "ignored" } else { "delivered" });
        let args = [Value::Signal(record.signal), outcome];
        let remark = Remark {
            name: "+signal",
            args: &args,
            ..Remark::default()
        };
        let job = common.stacks.as_ref().map(Stacks::number);
        let extra = Extra {
            job: job.filter(|_| frames.is_some()),
            ..Extra::default()
        };
        self.format
            .remark(&mut common.out, &record.header, &remark, &extra);
        common.add_job(frames);
    }
}
