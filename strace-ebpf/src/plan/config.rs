//! The probes' settings from a request and the kernel's facts.

use strace_ebpf_common::{
    config::{
        Config, DESCRIPTORS_DETAILS, DESCRIPTORS_PATHS, DESCRIPTORS_PLAIN, EXTRA_FRAMES,
        EXTRA_IDENTITY, EXTRA_IP, EXTRA_SIGNAL_IP, EXTRA_STACK, FOLLOW_ALL, FOLLOW_NONE,
        FOLLOW_THREADS, FileOffsets, Offsets, SCOPE_ALL, SCOPE_CGROUP, STATUS_FAILURE,
        STATUS_SUCCESS, SocketOffsets, TRANSPORT_MAPPED, TRANSPORT_PERF, TRANSPORT_RINGBUF,
    },
    summary::Count,
};

use super::{Form, Request};
use crate::{
    cli::Transport,
    decode::descriptor::{SHOW_PIDFDS, SHOW_SOCKETS},
    format::tsv::Column,
    kernel::{Facts, since},
    probes::attach::Hook,
};

impl Request {
    /// What the probes find out about descriptors, `DESCRIPTORS_*`.
    #[must_use]
    pub fn descriptors(&self) -> u32 {
        let details = u32::from(SHOW_SOCKETS | SHOW_PIDFDS);
        if !self.limits.descriptors {
            DESCRIPTORS_PLAIN
        } else if self.qualifiers.decode_fds & details == 0 {
            DESCRIPTORS_PATHS
        } else {
            DESCRIPTORS_DETAILS
        }
    }

    /// The probes' settings; `offsets` are those of this kernel, `self_tgid` is the tracer.
    #[must_use]
    pub fn config(
        &self,
        facts: &Facts,
        offsets: Offsets,
        hook: Hook,
        transport: Transport,
        self_tgid: u32,
    ) -> Config {
        let mut scope = 0;
        if self.targets.all {
            scope |= SCOPE_ALL;
        }
        if self.targets.cgroup.is_some() {
            scope |= SCOPE_CGROUP;
        }
        let wants = |column| self.output.columns.contains(&column);
        let mut extra = 0;
        if wants(Column::Uid) || wants(Column::Cgroup) {
            extra |= EXTRA_IDENTITY;
        }
        if wants(Column::Ip) || self.output.look.ip {
            extra |= EXTRA_IP;
            if self.output.form == Form::Strace && facts.version >= since::TASK_PT_REGS {
                extra |= EXTRA_SIGNAL_IP;
            }
        }
        if self.output.stack.is_some() {
            extra |= EXTRA_FRAMES;
        } else if wants(Column::Stack) {
            extra |= EXTRA_STACK;
        }
        Config {
            scope,
            self_tgid,
            follow: match (self.targets.follow, self.targets.threads) {
                (true, _) => FOLLOW_ALL,
                (false, true) => FOLLOW_THREADS,
                (false, false) => FOLLOW_NONE,
            },
            transport: match transport {
                Transport::Mapped => TRANSPORT_MAPPED,
                Transport::Perf => TRANSPORT_PERF,
                Transport::Ringbuf | Transport::Auto => TRANSPORT_RINGBUF,
            },
            // Known when the buffers are made.
            ring_bytes: 0,
            lossless: u32::from(self.lossless),
            status: self.status,
            has_task_btf: u32::from(facts.version >= since::TASK_BTF && facts.offsets.is_ok()),
            pidns_inum: facts.pidns_inum,
            lifecycle: u32::from(!self.counts_only()),
            extra,
            detach_on_exec: u32::from(self.launch.detach_on_exec),
            count: self.count(),
            inject: u32::from(!self.qualifiers.inject.is_empty()),
            // Known when the plans are.
            rounds: 0,
            descriptors: self.descriptors(),
            has_task_regs: u32::from(facts.task_registers),
            kprobes: hook.kprobes(),
            count_missed: u32::from(hook.misses_returns()),
            stoppable: u32::from(hook.on_functions()),
            offsets,
            sockets: facts.sockets,
            // Unless no plan asks for it.
            netlink: u32::from(facts.sockets != SocketOffsets::default()),
            // Found when they are asked for.
            files: FileOffsets::default(),
        }
    }

    /// The summary's settings. strace counts all calls, whatever their outcome.
    fn count(&self) -> Count {
        let status = match self.output.form {
            Form::Tsv => self.status,
            Form::Strace => STATUS_SUCCESS | STATUS_FAILURE,
        };
        self.summary
            .as_ref()
            .map_or_else(Count::default, |summary| summary.settings(status))
    }
}
