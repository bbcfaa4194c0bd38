//! The end of a trace: detach, take what is still there, close the books, choose the exit status.

use anyhow::{Context, Result};
use strace_ebpf_common::config::TASK_TRACED;

use super::{
    Exit, Failure,
    event_loop::{BUDGET, End, Session, ended, next_signal, tick, watch},
};
use crate::{
    plan::{Form, Output, Request, launch::Interrupt, qualify::STATUS_DETACHED},
    probes, say,
    session::books::Settlement,
    sink, sys, tables,
    tracee::{
        launch::{self, Child, Ending},
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
        mut ending: Option<Ending>,
        mut by_signal: Option<i32>,
    ) -> Result<Exit, Failure> {
        let skipped = self.probes.skipped_runs();
        self.look_after_injector();
        if let Some(child) = &mut self.child {
            // From here on calls are left alone.
            child.injector = None;
        }
        self.detach().await?;
        if let Some(brake) = self.brake.take() {
            brake.finish();
        }
        let mut ended_early = None;
        if end == End::Done {
            self.write_last().await;
        } else {
            let written = self.written().await;
            if ending.is_none() && self.outlives(written.as_ref()) {
                (ending, by_signal) = self.command_ends().await?;
            }
            ended_early = Some(written);
        }
        let mut settled = None;
        let mut failure = None;
        if end == End::Done {
            settled = Some(self.settle().await?);
            // After the books are closed: what ended before that has been told.
            if self.request.qualifiers.status & STATUS_DETACHED != 0 && !self.request.counts_only()
            {
                self.unfinished_calls()?;
            }
            let silent = self.request.launch.interrupt == Interrupt::Anywhere;
            if (by_signal.is_some() || self.tracer.is_full())
                && !self.request.targets.all
                && !silent
            {
                self.tracer.let_go();
            }
            failure = self
                .child
                .as_ref()
                .filter(|_| ending.is_some())
                .and_then(Child::exec_failure);
            if self.request.launch.as_strace
                && let (Some(why), Some(child)) = (&failure, &self.child)
                && self.tracer.exec_failed(&why.to_string(), child.pid(), 1)
            {
                failure = None;
            }
            self.summary()?;
            self.write_last().await;
        }
        let total = probes::total(&self.probes.counters()?);
        let returns = total.missed;
        say::debug(format_args!(
            "detached: {} events seen, {} dropped, {} tasks born, {} ended",
            total.seen,
            total.dropped_full + total.dropped_busy + total.dropped_no_buffer,
            total.born,
            total.gone,
        ));
        if let Some(signal) = by_signal {
            self.end_tracees(signal)?;
        }
        let written = match ended_early {
            Some(written) => written,
            None => self.written().await,
        };
        let Self {
            probes,
            request,
            tracer,
            given_up,
            unseen,
            ..
        } = self;
        drop(probes);
        match written {
            Some(sink::Ending::Complete) => {}
            None => {
                say::line(format_args!(
                    "the output is incomplete: nobody took the rest of it"
                ));
                return Ok(Exit::Signal(given_up.unwrap_or(libc::SIGTERM)));
            }
            Some(sink::Ending::Closed)
                if request.launch.as_strace && !is_to_stdout(&request.output) =>
            {
                return Ok(unwritten(request, libc::EPIPE, ending, by_signal));
            }
            // Nobody wants to know any more.
            Some(sink::Ending::Closed) => return Ok(Exit::Status(0)),
            Some(sink::Ending::Failed { error, .. }) if request.launch.as_strace => {
                let errno = error.raw_os_error().unwrap_or(libc::EIO);
                return Ok(unwritten(request, errno, ending, by_signal));
            }
            Some(sink::Ending::Failed {
                target,
                written,
                error,
            }) => {
                return Err(anyhow::anyhow!(
                    "writing to {target}: {error}; {written} bytes were written"
                )
                .into());
            }
        }
        if let Some(failure) = failure {
            return Err(failure.into());
        }
        let missed = Missed {
            skipped,
            returns,
            unparsed: tracer.unparsed(),
        };
        let lost = report(
            settled.unwrap_or_default(),
            &missed,
            tracer.sparse(),
            request.output.tell_loss,
        );
        if (lost || unseen) && request.output.strict {
            return Ok(Exit::Status(3));
        }
        Ok(status_of(request, ending, by_signal))
    }

    /// Called strace, the status is that of the command even where the trace could not be written to the end. Only without
    /// a reader of standard error strace dies.
    fn outlives(&self, written: Option<&sink::Ending>) -> bool {
        self.request.launch.as_strace
            && match written {
                Some(sink::Ending::Failed { .. }) => true,
                Some(sink::Ending::Closed) => self.request.output.file.is_some(),
                Some(sink::Ending::Complete) | None => false,
            }
    }

    /// Waits for the end of the command, which is not traced any more, or for a signal that ends us.
    async fn command_ends(&mut self) -> Result<(Option<Ending>, Option<i32>)> {
        let Some(pid) = self.child.as_ref().map(Child::pid) else {
            return Ok((None, None));
        };
        let pidfd = watch(pid)?;
        loop {
            tokio::select! {
                biased;
                signal = next_signal(&self.signals) => {
                    if self.ends_by(signal, false) {
                        return Ok((None, Some(signal.0)));
                    }
                }
                () = ended(Some(&pidfd)) => {
                    let ending = match &self.child {
                        Some(child) => launch::reap(child).context("waiting for the command")?,
                        None => None,
                    };
                    return Ok((ending, None));
                }
            }
        }
    }

    /// Detaches, and drains as long as that takes.
    async fn detach(&mut self) -> Result<()> {
        let closing = self.probes.begin_detach()?;
        while !closing.is_finished() {
            let now = sys::clock_ns(libc::CLOCK_MONOTONIC);
            let record = &mut |record: &[u8]| self.tracer.record(record);
            let count = self.merger.round(now, BUDGET, record);
            if !self.write_last().await {
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
                if !self.write_last().await {
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
                self.write_last().await;
                return Ok(settled);
            }
            self.timer
                .get_ref()
                .arm(1_000_000)
                .context("setting the timer")?;
            tick(&self.timer, false).await;
        }
    }

    /// Writes the summary, if there is one.
    fn summary(&mut self) -> Result<()> {
        if let (Some(summary), Some(slots)) = (&self.request.summary, &self.slots) {
            let form = self.request.output.form;
            let text = super::summary::text(&self.probes, slots, summary, form, self.cpus)?;
            self.tracer.append(&text);
        }
        Ok(())
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
                    && let Some(call) = self.call_in_flight(pid, tid, task.enter_ns)
                {
                    self.tracer.unfinished(&call);
                }
            }
        }
        Ok(())
    }

    /// What becomes of the traced processes when a signal has ended the trace.
    fn end_tracees(&self, signal: i32) -> Result<()> {
        let Some(child) = &self.child else {
            return Ok(());
        };
        if self.request.launch.kill_on_exit {
            // Those that were born meanwhile are not traced any more: their parents go first.
            for pid in proc::all().unwrap_or_default() {
                // The first thread may have ended before the others.
                for tid in proc::threads(pid).unwrap_or_default() {
                    if self.probes.task(tid)?.state == TASK_TRACED {
                        sys::kill(pid, libc::SIGKILL);
                        break;
                    }
                }
            }
        } else if self.request.launch.interrupt == Interrupt::Waiting {
            // One that is stopped would not notice.
            sys::kill(child.pid(), libc::SIGCONT);
            sys::kill(child.pid(), signal);
        }
        Ok(())
    }
}

/// The status that tells how the command ended, or what ended us.
fn status_of(request: &Request, ending: Option<Ending>, by_signal: Option<i32>) -> Exit {
    match (ending, by_signal) {
        (Some(Ending::Exited(status)), _) => Exit::Status(status),
        (Some(Ending::Killed(signal)), _) => Exit::Signal(signal),
        (None, Some(signal)) if request.launch.as_strace => Exit::Signal(signal),
        (Some(Ending::Untold) | None, _) => Exit::Status(0),
    }
}

/// Called strace, and the trace could not be written to its end: strace says so of every line; we, once.
fn unwritten(
    request: &Request,
    errno: i32,
    ending: Option<Ending>,
    by_signal: Option<i32>,
) -> Exit {
    let why = tables::errno_message(errno.unsigned_abs()).unwrap_or("Input/output error");
    match &request.output.file {
        Some(file) => say::line(format_args!("{}: {why}", file.to_string_lossy())),
        None if is_to_stdout(&request.output) => {
            say::line(format_args!("standard output: {why}"));
        }
        None if errno == libc::EPIPE => return Exit::Signal(libc::SIGPIPE),
        // Where that would be said is where it could not be written.
        None => {}
    }
    if request.output.strict && errno != libc::EPIPE {
        return Exit::Status(3);
    }
    status_of(request, ending, by_signal)
}

/// Does the trace go to standard output because nothing else was said?
fn is_to_stdout(output: &Output) -> bool {
    output.file.is_none() && output.form != Form::Strace
}

/// What is missing beside what the books tell.
struct Missed {
    /// Runs of the programs that the kernel skipped.
    skipped: u64,
    /// Calls whose return was not seen.
    returns: u64,
    /// Records that were not understood.
    unparsed: u64,
}

/// Tells about loss; true if there was any.
fn report(settled: Settlement, missed: &Missed, sparse: u64, tell: bool) -> bool {
    if sparse > 0 && tell {
        say::line(format_args!(
            "{} calls are shown without their strings and buffers: a buffer was nearly full (--buffer-size gives more room)",
            sparse
        ));
    }
    let Missed {
        skipped,
        returns,
        unparsed,
    } = *missed;
    let lost = settled.dropped + skipped + returns + unparsed + settled.unaccounted.unsigned_abs();
    if lost == 0 {
        return false;
    }
    if tell {
        let Settlement {
            seen,
            delivered,
            dropped,
            unaccounted,
        } = settled;
        if dropped > 0 {
            say::line(format_args!(
                "{dropped} events lost: {seen} seen, {delivered} delivered (--buffer-size gives more room)"
            ));
        }
        if skipped > 0 {
            say::line(format_args!(
                "the kernel skipped {skipped} runs of the probes: as many events may be missing"
            ));
        }
        if returns > 0 {
            say::line(format_args!(
                "{returns} calls returned unseen: the kernel had no place left to note their returns (--attach auto misses none)"
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
