//! What every form of line needs: a call put together, with what was not resident, and how it is shown.

use std::sync::Arc;

use smallvec::SmallVec;
use strace_ebpf_common::{
    capture::{CAPTURE_AT_ENTER, CAPTURE_PARTIAL, Capture},
    limits::PLANS_PER_ABI,
    plan::{
        FROM_ARG, FROM_CONST, KIND_BYTES, KIND_STR, PLAN_EMIT_ENTER, PLAN_NO_RETURN, Plan,
        WHEN_ENTER,
    },
    record::CallRecord,
};

use super::{
    select::{Parts, Selection},
    showing::Showing,
};
use crate::{
    decode,
    plan::detail::Details,
    resolve::{
        memory::{self, Fetched},
        names::{Names, Show},
    },
    session::{self, ByTid, Call, assemble, exec, parse::Captured},
    stack::{self, Frames, Stacks},
    tables::{Ret, Syscall},
};

/// What is shown of calls.
#[derive(Debug)]
pub struct Shown {
    /// The same for all of them.
    pub options: decode::Options,
    /// In what detail each is shown.
    pub details: Details,
    /// What is copied of each.
    pub plans: Arc<Vec<Plan>>,
    /// Those that are told, if not all.
    pub selection: Option<Selection>,
    /// The same of calls that are several in one.
    pub parts: Option<Parts>,
    /// What is shown behind numbers of processes (`-Y`).
    pub pids: Show,
}

impl Shown {
    /// Is this call told?
    pub(super) fn chooses(&self, call: &Call<'_>, syscall: Option<&Syscall>) -> bool {
        if let Some(parts) = &self.parts
            && !parts.tells(&call.record)
        {
            return false;
        }
        let selection = self.selection.as_ref();
        selection.is_none_or(|selection| selection.chooses(call, syscall))
    }

    /// How this call is shown.
    pub(super) fn options(&self, record: &CallRecord) -> decode::Options {
        let detail = match decode::number_of(record) {
            Some(number) => self.details.of_inner(number),
            None => self.details.of(decode::abi_of(record.abi), record.nr),
        };
        decode::Options {
            verbose: detail.verbose,
            structs: detail.structs,
            raw: detail.raw,
            dump: self.details.dumps(detail, record.args[0]),
            ..self.options
        }
    }
}

/// What every form of line needs.
#[derive(Debug)]
pub struct Common {
    /// Lines not yet handed on.
    pub out: Vec<u8>,
    pub(super) shown: Shown,
    /// File names of programs just begun, until the execve returns, by thread.
    pub(super) exec_names: ByTid<Vec<u8>>,
    /// Calls told so far.
    pub(super) calls: u64,
    /// Names of processes, if they are shown.
    pub(super) names: Option<Names>,
    /// Callers, if they are shown.
    pub(super) stacks: Option<Stacks>,
}

/// Nothing of it is missing.
fn is_whole(captured: &Captured<'_>) -> bool {
    captured.header.errno == 0 && captured.header.flags & CAPTURE_PARTIAL == 0
}

impl Common {
    /// Puts a call together, mends what was not resident, and gives it to `write` with the buffer
    /// to write to; but those that are not chosen only if their lines are `begun`. Was it told?
    pub(super) fn with_call(
        &mut self,
        record: CallRecord,
        body: &[u8],
        enter: Option<&[u8]>,
        begun: bool,
        write: impl FnOnce(&mut Vec<u8>, &Call<'_>, Option<&Syscall>, &Showing<'_>),
    ) -> bool {
        let filename;
        let fetched;
        let mut call = assemble(record, body, enter);
        decode::narrow(&mut call);
        decode::unwrap(&mut call);
        let syscall = decode::syscall_of(&call.record);
        if let Some(syscall) = syscall
            && exec::succeeded(&call, syscall)
            && !call.no_return
        {
            // The old memory is gone: reading it now would show the new program's.
            filename = self.exec_names.remove(&call.record.header.tid);
            exec::mend(
                &mut call,
                syscall,
                filename.as_deref(),
                self.shown.options.string,
            );
        } else {
            fetched = self.fetch_missing(&call, syscall);
            for (index, fetched) in &fetched {
                if let Some(captured) = call.captures.get_mut(*index) {
                    let (len, header) = (fetched.bytes.len() as u32, captured.header);
                    captured.header =
                        session::refetched(&header, len, header.full, fetched.truncated);
                    captured.bytes = &fetched.bytes;
                }
            }
        }
        if !begun && !self.shown.chooses(&call, syscall) {
            return false;
        }
        let showing = Showing {
            options: self.shown.options(&call.record),
            names: self.names.as_ref(),
            job: self.stacks.as_ref().map(Stacks::number),
        };
        write(&mut self.out, &call, syscall, &showing);
        true
    }

    /// Sets to work on the callers of a call whose mark has been written.
    pub(super) fn add_job(&mut self, frames: Option<Frames>) {
        if let (Some(stacks), Some(frames)) = (&mut self.stacks, frames) {
            stacks.add(frames);
        }
    }

    /// The callers of a call that was told before.
    pub(super) fn tell_frames(&mut self, frames: Frames) {
        if let Some(stacks) = &mut self.stacks {
            stack::mark(&mut self.out, stacks.number());
            stacks.add(frames);
        }
    }

    /// A call may have waited for a process that has ended: its number is nobody's now.
    pub(super) fn note_waited(&mut self, record: &CallRecord) {
        let Some(names) = &mut self.names else {
            return;
        };
        let syscall = decode::syscall_of(record);
        if syscall.is_some_and(|syscall| syscall.ret == Ret::Waited)
            && let Ok(pid) = u32::try_from(record.ret)
        {
            names.waited(pid);
        }
    }

    /// Reads what was not resident when the probes looked. When the kernel itself could not read
    /// the call's memory there is nothing to be had.
    pub(super) fn fetch_missing(
        &self,
        call: &Call<'_>,
        syscall: Option<&Syscall>,
    ) -> SmallVec<[(usize, Fetched); 2]> {
        let mut fetched = SmallVec::new();
        if call.record.ret == -i64::from(libc::EFAULT) || call.captures.iter().all(is_whole) {
            return fetched;
        }
        let Some(plan) = self.plan_of(&call.record) else {
            return fetched;
        };
        // Some copies are for another form of the call, where the argument is no pointer.
        let wanted = |arg: u8| syscall.is_none_or(|syscall| decode::wants(call, syscall, arg));
        for (index, captured) in call.captures.iter().enumerate() {
            let header = &captured.header;
            let failed =
                i32::from(header.errno) == libc::EFAULT || header.flags & CAPTURE_PARTIAL != 0;
            if failed
                && wanted(header.arg)
                && let Some(op) = plan.ops.get(usize::from(header.op))
                && let Some(got) =
                    memory::fetch(call.record.header.tid, op, header.addr, header.full)
            {
                fetched.push((index, got));
            }
        }
        fetched
    }

    /// What a call in progress was given, read now.
    pub(super) fn fetch_given(&self, record: &CallRecord) -> Given {
        let mut given = Given::default();
        let Some(plan) = self.plan_of(record) else {
            return given;
        };
        let syscall = decode::syscall_of(record);
        let call = assemble(*record, &[], None);
        for (index, op) in (0u8..).zip(&plan.ops) {
            let known = match op.kind {
                KIND_STR => true,
                KIND_BYTES => op.len_from == FROM_CONST && op.when & WHEN_ENTER != 0,
                _ => false,
            };
            let addr = record.args.get(usize::from(op.addr_off));
            if !known
                || op.addr_from != FROM_ARG
                || syscall.is_some_and(|syscall| !decode::wants(&call, syscall, op.arg))
            {
                continue;
            }
            let addr = addr.copied().unwrap_or(0);
            let full = u32::from(op.len_off) * u32::from(op.scale.max(1));
            if let Some(got) = memory::fetch(record.header.tid, op, addr, full) {
                let header = Capture {
                    addr,
                    op: index,
                    arg: op.arg,
                    flags: CAPTURE_AT_ENTER,
                    ..Capture::default()
                };
                given.0.push((header, got));
            }
        }
        given
    }

    /// Is the beginning of such a call told as soon as it is seen? With `-z` and `-Z` only the result says whether it is.
    pub(super) fn is_told_at_enter(&self, record: &CallRecord) -> bool {
        let told = PLAN_EMIT_ENTER | PLAN_NO_RETURN;
        self.plan_of(record)
            .is_some_and(|plan| plan.flags & told != 0)
    }

    pub(super) fn plan_of(&self, record: &CallRecord) -> Option<&Plan> {
        let nr = record.nr.min(PLANS_PER_ABI - 1);
        self.shown
            .plans
            .get((u32::from(record.abi) * PLANS_PER_ABI + nr) as usize)
    }
}

/// Memory that was read for a call in progress.
#[derive(Debug, Default)]
pub(super) struct Given(SmallVec<[(Capture, Fetched); 2]>);

impl Given {
    /// As the probes would have captured it.
    pub(super) fn captures(&self) -> SmallVec<[Captured<'_>; 8]> {
        let captured = |(header, got): &'_ (Capture, Fetched)| {
            let len = got.bytes.len() as u32;
            session::refetched(header, len, len, got.truncated)
        };
        self.0
            .iter()
            .map(|both| Captured {
                header: captured(both),
                bytes: &both.1.bytes,
            })
            .collect()
    }
}
