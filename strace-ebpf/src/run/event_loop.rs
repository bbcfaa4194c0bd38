//! The event loop: drains, writes, sleeps, and looks after signals and the traced processes.

use std::{collections::VecDeque, os::fd::OwnedFd};

use anyhow::{Context, Result};
use strace_ebpf_common::{
    config::{TASK_ARMED, TASK_IDLE, TASK_TRACED},
    record::{ABI_I386, CallRecord, DURATION_UNKNOWN, Header, KIND_ENTER},
};
use tokio::io::unix::AsyncFd;

use super::{Exit, Failure, output::Written};
use crate::{
    decode, kernel,
    plan::{Request, launch::Interrupt, qualify::QUIET_ATTACH},
    probes::{self, Probes},
    resolve::state,
    say,
    sink::{Piece, Writer},
    stack::Jobs,
    summary::slots::Slots,
    sys::{self, SignalFd, TimerFd},
    trace::Tracer,
    tracee::{
        brake::Brake,
        inject::Injector,
        launch::{self, Child},
        proc::{self, Entry},
    },
    transport::Merger,
};

/// Records handled before signals and children are looked after again.
pub(super) const BUDGET: u64 = 16_384;
/// How often the wall clock is measured, and processes that are not our children are looked after.
const LOOK_AFTER_NS: u64 = 100_000_000;
/// After so long without an event, ends of tasks that the kernel did not tell are given up.
const QUIET_NS: u64 = 2_000_000_000;
/// Longest sleep of the drainer.
const IDLE_NS: u64 = 10_000_000;

/// Sleep between rounds: a buffer fills at no more than about a byte per nanosecond.
pub(super) fn nap(buffer_bytes: u32) -> u64 {
    u64::from(buffer_bytes).clamp(50_000, 1_000_000)
}

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The command or all the processes have ended, or we were told to stop.
    Done,
    /// Nobody reads the output any more, or it cannot be written.
    Output,
}

/// A trace under way.
pub(super) struct Session<'a> {
    pub(super) request: &'a Request,
    pub(super) probes: Probes,
    pub(super) merger: Merger,
    pub(super) tracer: Tracer,
    pub(super) writer: Writer,
    pub(super) child: Option<Child>,
    pub(super) pids: Vec<u32>,
    /// Threads that we marked as traced.
    pub(super) marked: u64,
    pub(super) timer: AsyncFd<TimerFd>,
    pub(super) signals: AsyncFd<SignalFd>,
    /// With no more than this in a buffer there is room again.
    pub(super) room_bytes: u64,
    /// With `--lossless`: lets go on what the probes have stopped.
    pub(super) brake: Option<Brake>,
    /// Output for which the writer has no room yet. With `--lossless` it is bounded by what the processes can send before all
    /// of them are stopped, else by what comes from one round.
    pub(super) held_pieces: VecDeque<Piece>,
    /// Signals that asked us to end.
    pub(super) interrupts: u32,
    /// A signal came while the end of the trace was written, or waited for somebody to take it.
    pub(super) given_up: Option<i32>,
    pub(super) nap_ns: u64,
    /// Stacks that are still to be looked at, if there are any.
    pub(super) jobs: Option<std::sync::Arc<Jobs>>,
    /// Rows of the summary, if there is one.
    pub(super) slots: Option<Slots>,
    pub(super) cpus: u32,
    pub(super) pid_max: u32,
    /// There may be processes of which the probes know nothing.
    pub(super) unseen: bool,
    /// When the last event arrived.
    pub(super) last_event_ns: u64,
}

impl Session<'_> {
    /// Marks what is to be traced and lets the command go.
    pub(super) fn begin(&mut self) -> Result<(), Failure> {
        for pid in self.pids.clone() {
            let threads = self.mark_process(pid)?;
            if self.request.output.quiet & QUIET_ATTACH == 0 {
                match threads {
                    0 => say::line(format_args!("Process {pid} has ended")),
                    1 => say::line(format_args!("Process {pid} attached")),
                    n => say::line(format_args!("Process {pid} attached with {n} threads")),
                }
            }
        }
        if let Some(child) = &mut self.child {
            self.probes.set_task(child.pid(), TASK_ARMED)?;
            self.marked += 1;
            self.tracer.starts(child.pid());
            if !child.ours && self.request.output.quiet & QUIET_ATTACH == 0 {
                say::line(format_args!("Process {} attached", child.pid()));
            }
            child.start()?;
            say::debug(format_args!("command started as process {}", child.pid()));
        }
        Ok(())
    }

    /// Marks every thread of a process; those born meanwhile inherit the mark, so this ends.
    fn mark_process(&mut self, pid: u32) -> Result<u64> {
        let mut count = 0;
        loop {
            let mut fresh = false;
            let all = proc::threads(pid).unwrap_or_default();
            let wanted = |tid: &u32| self.request.targets.threads || *tid == pid;
            for tid in all.into_iter().filter(wanted).collect::<Vec<_>>() {
                if self.probes.task(tid)?.state == TASK_TRACED {
                    continue;
                }
                self.probes.set_task(tid, TASK_TRACED)?;
                if proc::thread_lives(pid, tid) {
                    (fresh, count) = (true, count + 1);
                    say::debug(format_args!("thread {tid} of process {pid} is traced"));
                    self.marked += 1;
                    self.tell_attached(pid, tid);
                } else if self.probes.task(tid)?.state == TASK_TRACED {
                    // It ended before it was marked: nobody will clear the mark.
                    self.probes.set_task(tid, TASK_IDLE)?;
                } else {
                    self.marked += 1;
                }
            }
            if !fresh {
                return Ok(count);
            }
        }
    }

    /// A thread is marked: tells of it, and of what it was doing, if anything is told.
    fn tell_attached(&mut self, pid: u32, tid: u32) {
        if self.request.counts_only() {
            return self.tracer.attached(tid, pid, None);
        }
        let stopped = self.stopped_by_others(pid, tid);
        let call = self.call_in_flight(pid, tid, 0);
        match stopped {
            Some(signal) => self
                .tracer
                .attached_stopped(tid, pid, signal, call.as_ref()),
            None => self.tracer.attached(tid, pid, call.as_ref()),
        }
    }

    /// The signal that a thread was stopped by, unless that was our own brake: once a thread is marked its process may be held.
    /// In this order, as the probes note a process before it stops.
    fn stopped_by_others(&self, pid: u32, tid: u32) -> Option<u32> {
        let signal = state::stop_signal(tid)?;
        let brake = self.brake.as_ref();
        // The number that was asked for may be that of another thread than the first.
        let tgid = proc::process_of(tid).unwrap_or(pid);
        (!brake.is_some_and(|brake| brake.holds(tgid))).then_some(signal)
    }

    /// The call that a thread is in, if such calls are traced.
    pub(super) fn call_in_flight(&self, pid: u32, tid: u32, enter_ns: u64) -> Option<CallRecord> {
        let call = proc::in_flight(pid, tid)?;
        let is_i386 = match proc::entry(tid, call.ip) {
            Some(entry) => entry == Entry::Int80,
            // By sysenter, or of a process whose memory is not for us to read.
            None => proc::is_32_bit(pid),
        };
        let (abi, nr) = match call.nr {
            nr if is_i386 => (ABI_I386, nr),
            nr => decode::of_64_bits(nr),
        };
        let wanted = &self.request.qualifiers.trace;
        if !wanted.may_want(decode::abi_of(abi), nr) {
            return None;
        }
        // The number that was asked for may be that of another thread than the first.
        let tgid = proc::process_of(tid).unwrap_or(pid);
        Some(CallRecord {
            nr,
            abi,
            ..in_flight(tgid, tid, &call, enter_ns)
        })
    }

    /// The event loop.
    pub(super) async fn trace(mut self) -> Result<Exit, Failure> {
        let pidfd = self
            .child
            .as_ref()
            .map(|child| watch(child.pid()))
            .transpose()?;
        let mut ending = None;
        let mut by_signal = None;
        let mut next_look = 0;
        let mut nap_ns = self.nap_ns;
        let end = loop {
            let now = sys::clock_ns(libc::CLOCK_MONOTONIC);
            let count = self
                .merger
                .round(now, BUDGET, &mut |record| self.tracer.record(record));
            if count > 0 {
                self.last_event_ns = now;
            } else if !self.merger.holds_records() {
                self.tracer.idle();
            }
            match self.write().await {
                Written::All => {}
                Written::Nobody => break End::Output,
                Written::Interrupted(signal) => {
                    if self.ends_by(signal, ending.is_some()) {
                        by_signal = Some(signal.0);
                        break End::Done;
                    }
                }
            }
            self.look_after_held(now);
            if self.tracer.is_full() {
                break End::Done;
            }
            if now >= next_look {
                if let Some(brake) = &mut self.brake {
                    brake.check_watchdog().context("replacing the watchdog")?;
                }
                self.look_after_injector();
                next_look = now + LOOK_AFTER_NS;
                self.tracer.refresh_clock();
                self.look_at_pid_max();
                if self.all_ended(ending.is_some())? {
                    break End::Done;
                }
            }
            nap_ns = if count > 0 {
                self.nap_ns
            } else {
                (2 * nap_ns).min(IDLE_NS.min(8 * self.nap_ns))
            };
            let busy = count >= BUDGET;
            if !busy {
                self.timer
                    .get_ref()
                    .arm(nap_ns)
                    .context("setting the timer")?;
            }
            tokio::select! {
                biased;
                signal = next_signal(&self.signals) => {
                    if self.ends_by(signal, ending.is_some()) {
                        by_signal = Some(signal.0);
                        break End::Done;
                    }
                }
                () = ended(pidfd.as_ref()), if ending.is_none() => {
                    if let Some(child) = &self.child {
                        ending = launch::reap(child).context("waiting for the command")?;
                    }
                    next_look = 0;
                }
                () = self.writer.ended() => break End::Output,
                () = tick(&self.timer, busy) => {}
            }
        };
        self.finish(end, ending, by_signal).await
    }

    /// A signal that asks us to end. Unless told otherwise by `-I`: with a command of ours running,
    /// the command gets it first (from the terminal it has got it already), and only a second one
    /// makes us go. True to go.
    pub(super) fn ends_by(
        &mut self,
        (signal, from_terminal): (i32, bool),
        command_ended: bool,
    ) -> bool {
        self.interrupts += 1;
        let command = self.child.as_ref().filter(|_| !command_ended);
        match (self.request.launch.interrupt, command) {
            (Interrupt::Never | Interrupt::NeverStop, _) => false,
            (Interrupt::Forward, Some(child)) if self.interrupts == 1 => {
                if !from_terminal {
                    sys::kill(child.pid(), signal);
                }
                false
            }
            _ => true,
        }
    }

    /// Is nothing left to be traced?
    fn all_ended(&self, command_ended: bool) -> Result<bool> {
        let targets = &self.request.targets;
        if self.request.launch.detach_on_exec && self.live()? == 0 {
            // A command that has not been let go but is ending has a status yet to come.
            let child = self.child.as_ref().filter(|_| !command_ended);
            return Ok(!child.is_some_and(|child| proc::is_ending(child.pid())));
        }
        if !targets.command.is_empty() {
            if !command_ended {
                return Ok(false);
            }
            // The system and cgroups are traced for as long as the command runs.
            return Ok(!targets.follow
                || targets.all
                || targets.cgroup.is_some()
                || self.live()? == 0);
        }
        if targets.all || targets.cgroup.is_some() {
            return Ok(false);
        }
        let roots_ended = self.pids.iter().all(|pid| proc::has_ended(*pid));
        Ok(roots_ended && (!targets.follow || self.live()? == 0))
    }

    /// Traced tasks that are alive.
    ///
    /// Where the kernel has skipped runs of the probes, ends of tasks may be among them: then a
    /// trace in which nothing has happened for a while is taken to be over.
    fn live(&self) -> Result<u64> {
        let total = probes::total(&self.probes.counters()?);
        let live = (self.marked + total.born).saturating_sub(total.gone);
        let quiet_ns = sys::clock_ns(libc::CLOCK_MONOTONIC).saturating_sub(self.last_event_ns);
        if live > 0 && quiet_ns > QUIET_NS && self.probes.skipped_runs() > 0 {
            return Ok(0);
        }
        Ok(live)
    }

    /// Says so when somebody has ended the injector: there is no other one that the kernel would ask.
    pub(super) fn look_after_injector(&mut self) {
        if let Some(child) = &mut self.child
            && child.injector.as_ref().is_some_and(Injector::has_ended)
        {
            child.injector = None;
            say::line(format_args!(
                "inject=: the process that answers the kernel was ended: from then on these calls fail with ENOSYS"
            ));
        }
    }

    /// The probes have room for the numbers that there were at the start.
    fn look_at_pid_max(&mut self) {
        let now = kernel::pid_max();
        if now > self.pid_max {
            say::line(format_args!(
                "kernel.pid_max was raised from {} to {now}: processes with higher numbers are not traced",
                self.pid_max
            ));
            self.pid_max = now;
            self.unseen = true;
        }
    }

    /// With `--lossless`: lets go on what is stopped, if little is waiting to be drained and to be written.
    fn look_after_held(&mut self, now: u64) {
        let stuck = !self.held_pieces.is_empty();
        let room = !stuck && self.merger.backlog() <= self.room_bytes;
        if let Some(brake) = &mut self.brake {
            brake.hold(stuck);
            brake.look(now, room);
        }
    }
}

fn in_flight(pid: u32, tid: u32, call: &proc::InFlight, enter_ns: u64) -> CallRecord {
    let mut comm = [0; 16];
    let name = proc::comm(pid, tid);
    let len = name.len().min(15);
    comm[..len].copy_from_slice(&name[..len]);
    let now = sys::clock_ns(libc::CLOCK_MONOTONIC);
    CallRecord {
        header: Header {
            kind: KIND_ENTER,
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
        duration_ns: DURATION_UNKNOWN,
        args: call.args,
        ..CallRecord::default()
    }
}

pub(super) fn watch(pid: u32) -> Result<AsyncFd<OwnedFd>> {
    let fd = sys::pidfd_open(pid).context("watching the command")?;
    sys::watch(fd).context("watching the command")
}

/// Waits for the process to end; forever if there is none.
pub(super) async fn ended(pidfd: Option<&AsyncFd<OwnedFd>>) {
    match pidfd {
        // The descriptor stays readable: the guard need not be cleared.
        Some(pidfd) => drop(pidfd.readable().await),
        None => std::future::pending().await,
    }
}

pub(super) async fn next_signal(signals: &AsyncFd<SignalFd>) -> (i32, bool) {
    loop {
        let Ok(mut guard) = signals.readable().await else {
            std::future::pending::<()>().await;
            continue;
        };
        if let Some(signal) = signals.get_ref().read() {
            return signal;
        }
        guard.clear_ready();
    }
}

/// Waits for the timer, unless there is more to do at once.
pub(super) async fn tick(timer: &AsyncFd<TimerFd>, busy: bool) {
    if busy {
        return;
    }
    if let Ok(mut guard) = timer.readable().await {
        guard.clear_ready();
    }
}
