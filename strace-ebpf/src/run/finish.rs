//! The end of a trace: detach, take what is still there, close the books, choose the exit status.

use anyhow::{Context, Result};
use strace_ebpf_common::{
    config::TASK_TRACED,
    record::{CallRecord, DURATION_UNKNOWN, Header},
};

use super::{
    Exit, Failure,
    event_loop::{BUDGET, End, Session, tick},
};
use crate::{
    say,
    session::books::Settlement,
    sink, sys,
    tracee::{
        launch::{Child, Ending},
        proc,
    },
};

/// How long records in the making are waited for at the end.
const SETTLE_NS: u64 = 500_000_000;

impl Session<'_> {
    /// Detaches, takes what is still there, closes the books.
    pub(super) async fn finish(
        mut self,
        end: End,
        ending: Option<Ending>,
    ) -> Result<Exit, Failure> {
        let skipped = self.probes.skipped_runs();
        self.detach().await?;
        let mut settled = None;
        if end == End::Done {
            settled = Some(self.settle().await?);
            // After the books are closed: what ended before that has been told.
            self.unfinished_calls()?;
            self.write().await;
        }
        let Self {
            writer,
            probes,
            child,
            request,
            tracer,
            ..
        } = self;
        drop(probes);
        match writer.finish() {
            sink::Ending::Complete => {}
            // Nobody wants to know any more.
            sink::Ending::Closed => return Ok(Exit::Status(0)),
            sink::Ending::Failed {
                target,
                written,
                error,
            } => {
                return Err(anyhow::anyhow!(
                    "writing to {target}: {error}; {written} bytes were written"
                )
                .into());
            }
        }
        if let Some(failure) = child
            .as_ref()
            .filter(|_| ending.is_some())
            .and_then(Child::exec_failure)
        {
            return Err(failure.into());
        }
        let lost = report(
            settled.unwrap_or_default(),
            skipped,
            tracer.unparsed(),
            request.output.quiet,
        );
        if lost && request.output.strict {
            return Ok(Exit::Status(3));
        }
        Ok(match ending {
            Some(Ending::Exited(status)) => Exit::Status(status),
            Some(Ending::Killed(signal)) => Exit::Signal(signal),
            None => Exit::Status(0),
        })
    }

    /// Detaches, and drains as long as that takes.
    async fn detach(&mut self) -> Result<()> {
        let closing = self.probes.begin_detach();
        while !closing.is_finished() {
            let now = sys::clock_ns(libc::CLOCK_MONOTONIC);
            let record = &mut |record: &[u8]| self.tracer.record(record);
            let count = self.merger.round(now, BUDGET, record);
            if !self.write().await {
                break;
            }
            if count < BUDGET {
                self.timer
                    .get_ref()
                    .arm(self.nap_ns)
                    .context("setting the timer")?;
                tick(&self.timer, false).await;
            }
        }
        self.probes.detach().context("detaching")
    }

    /// Drains until what the probes have seen is all accounted for: programs that were running
    /// when we detached may still be about to send.
    async fn settle(&mut self) -> Result<Settlement> {
        let give_up = sys::clock_ns(libc::CLOCK_MONOTONIC) + SETTLE_NS;
        loop {
            while self
                .merger
                .finish(BUDGET, &mut |record| self.tracer.record(record))
                > 0
            {
                if !self.write().await {
                    return Ok(Settlement::default());
                }
            }
            let counters = self.probes.counters()?;
            let settled = self.tracer.books.settle(&counters);
            let now = sys::clock_ns(libc::CLOCK_MONOTONIC);
            if settled.unaccounted == 0 || now > give_up {
                for gap in self.tracer.books.trailing_gaps(&counters, now) {
                    self.tracer.gap(&gap);
                }
                self.write().await;
                return Ok(settled);
            }
            self.timer
                .get_ref()
                .arm(1_000_000)
                .context("setting the timer")?;
            tick(&self.timer, false).await;
        }
    }

    /// The calls in which the processes of `-p` are when we let go of them.
    fn unfinished_calls(&mut self) -> Result<()> {
        for pid in self.pids.clone() {
            if proc::has_ended(pid) {
                continue;
            }
            for tid in proc::threads(pid).unwrap_or_default() {
                let task = self.probes.task(tid)?;
                if task.state == TASK_TRACED
                    && let Some(call) = proc::in_flight(pid, tid)
                    && self
                        .request
                        .qualifiers
                        .trace
                        .wants(crate::tables::Abi::X86_64, call.nr)
                    && self.request.limits.no_return
                {
                    self.tracer
                        .unfinished(&unfinished(pid, tid, &call, task.enter_ns));
                }
            }
        }
        Ok(())
    }
}

fn unfinished(pid: u32, tid: u32, call: &proc::InFlight, enter_ns: u64) -> CallRecord {
    let mut comm = [0; 16];
    let name = proc::comm(pid, tid);
    let len = name.len().min(15);
    comm[..len].copy_from_slice(&name[..len]);
    let now = sys::clock_ns(libc::CLOCK_MONOTONIC);
    CallRecord {
        header: Header {
            tgid: pid,
            tid,
            comm,
            ts_ns: if enter_ns == 0 || enter_ns == u64::MAX {
                now
            } else {
                enter_ns
            },
            ..Header::default()
        },
        nr: call.nr,
        duration_ns: DURATION_UNKNOWN,
        args: call.args,
        ..CallRecord::default()
    }
}

/// Tells about loss; true if there was any.
fn report(settled: Settlement, skipped: u64, unparsed: u64, quiet: u8) -> bool {
    let lost = settled.dropped + skipped + unparsed + settled.unaccounted.unsigned_abs();
    if lost == 0 {
        return false;
    }
    if quiet < 2 {
        let Settlement {
            seen,
            delivered,
            dropped,
            unaccounted,
        } = settled;
        say::line(format_args!(
            "{dropped} events lost: {seen} seen, {delivered} delivered (--buffer-size gives more room)"
        ));
        if skipped > 0 {
            say::line(format_args!(
                "the kernel skipped {skipped} runs of the probes: as many events may be missing"
            ));
        }
        if unparsed > 0 || unaccounted != 0 {
            say::line(format_args!(
                "{unparsed} records not understood, {unaccounted} not accounted for: please report this"
            ));
        }
    }
    true
}
