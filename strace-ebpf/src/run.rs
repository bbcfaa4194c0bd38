//! Wires the rooms in order: plan, tracee, probes, transport, session, sink. The only module that
//! sees them all.

use std::{
    fs::File,
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt},
    rc::Rc,
    sync::Arc,
};

use anyhow::{Context, Result};
use strace_ebpf_common::{
    config::{TASK_ARMED, TASK_IDLE, TASK_TRACED},
    record::{CallRecord, DURATION_UNKNOWN, Header},
};
use tokio::io::unix::AsyncFd;

use crate::{
    cli::Transport,
    decode,
    format::{
        strace::{Look, Strace},
        time::Clock,
        tsv::Tsv,
    },
    kernel::{self, Facts, raw_tracepoints_are_preemptible},
    plan::{self, Form, PlanError, Request, capture},
    probes::{self, Outlets, Probes, Settings},
    say,
    session::books::Settlement,
    sink::{self, Target, Writer},
    sys::{self, SignalFd, TimerFd},
    trace::{self, Tracer},
    tracee::{
        launch::{self, Child, Ending, LaunchError},
        proc,
    },
    transport::{Merger, Source, perf::PerfBuffer, ring::Ring},
};

/// How the tracer ends.
#[derive(Debug, PartialEq, Eq)]
pub enum Exit {
    /// With this status.
    Status(i32),
    /// By the signal that ended the command.
    Signal(i32),
}

/// Failures with a status of their own.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line.
    #[error("{0}")]
    Usage(String),
    /// The kernel or the user cannot.
    #[error("{0}")]
    Unable(String),
    /// The command.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// Anything else.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

impl Failure {
    /// The status to exit with.
    #[must_use]
    pub fn status(&self) -> i32 {
        match self {
            Self::Usage(_) => 2,
            Self::Launch(error) => error.status(),
            Self::Unable(_) | Self::Other(_) => 1,
        }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Usage(message) => Self::Usage(message),
            PlanError::Unable(message) => Self::Unable(message),
        }
    }
}

/// Records handled before signals and children are looked after again.
const BUDGET: u64 = 16_384;
/// How often the wall clock is measured, and processes that are not our children are looked after.
const LOOK_AFTER_NS: u64 = 100_000_000;
/// Longest sleep of the drainer.
const IDLE_NS: u64 = 10_000_000;
/// How long records in the making are waited for at the end.
const SETTLE_NS: u64 = 500_000_000;
/// Signals that end a trace.
const ENDING_SIGNALS: [i32; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

/// Traces as the request says.
pub fn run(request: &Request) -> Result<Exit, Failure> {
    let facts = Facts::gather().context("asking the kernel")?;
    check_privilege(&facts)?;
    let target = Target::open(
        request.output.file.as_deref(),
        request.output.form == Form::Strace,
    )?;
    let pids = existing(&request.targets.pids, request.output.quiet)?;
    let cgroup = request
        .targets
        .cgroup
        .as_deref()
        .map(open_cgroup)
        .transpose()?;
    // The child is made first, while there is only one thread.
    let child = match request.targets.command.as_slice() {
        [] => None,
        command => Some(launch::prepare(command, target.is_stdout())?),
    };
    let signals = SignalFd::new(&ENDING_SIGNALS).context("taking over signals")?;
    let writer = Writer::start(target).context("starting the writing thread")?;
    let settings = settings(request, &facts, cgroup)?;
    let plans = Arc::new(settings.plans.clone());
    let (mut probes, outlets) = Probes::load(&settings)?;
    let merger = Merger::new(sources(outlets, settings.buffer_bytes)?);
    let options = decode::Options {
        elements: usize::from(capture::shown_elements(&request.limits)),
        string: request.limits.string as usize,
        verbose: request.limits.verbose,
    };
    let follow = request.targets.follow;
    let mut tracer = Tracer::new(lines(request), options, plans, settings.cpus, follow);
    if request.output.header {
        tracer.header();
    }
    sys::schedule_first();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .context("starting the event loop")?;
    runtime.block_on(async {
        if settings.debug {
            probes.start_log()?;
        }
        probes.attach()?;
        let mut session = Session {
            request,
            probes,
            merger,
            tracer,
            writer,
            child,
            pids,
            marked: 0,
            timer: sys::watch(TimerFd::new().context("making a timer")?)
                .context("watching the timer")?,
            signals: sys::watch(signals).context("watching signals")?,
            nap_ns: nap(settings.buffer_bytes),
        };
        session.begin()?;
        session.trace().await
    })
}

fn check_privilege(facts: &Facts) -> Result<(), Failure> {
    if facts.caps.can_trace() {
        if let Err(error) = kernel::try_load() {
            return Err(Failure::Unable(format!(
                "the kernel refuses BPF programs: {error}{}",
                if facts.lockdown.contains("confidentiality") {
                    " (it is locked down for confidentiality: see /sys/kernel/security/lockdown)"
                } else {
                    ""
                }
            )));
        }
        return Ok(());
    }
    Err(Failure::Unable(format!(
        "missing privilege: tracing needs CAP_BPF and CAP_PERFMON; run: sudo {}",
        own_command_line()
    )))
}

/// What was typed, quoted for a shell.
fn own_command_line() -> String {
    let quote = |arg: std::ffi::OsString| {
        let text = arg.to_string_lossy().into_owned();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:@%+".contains(c);
        if !text.is_empty() && text.chars().all(plain) {
            text
        } else {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
    };
    std::env::args_os().map(quote).collect::<Vec<_>>().join(" ")
}

/// Lines in the form that the request wants.
fn lines(request: &Request) -> trace::Lines {
    let output = &request.output;
    match output.form {
        Form::Tsv => {
            let clock = Clock::new(output.time);
            trace::Lines::Tsv(trace::tsv::Lines::new(Tsv::new(
                output.columns.clone(),
                clock,
                output.hex,
            )))
        }
        Form::Strace => {
            let look = Look {
                column: output.result_column,
                bare_tid: request.targets.follow && output.file.is_some(),
                times: output.times,
                durations: output.durations,
                hex: output.hex,
            };
            let format = Strace::new(look, output.time);
            trace::Lines::Strace(trace::strace::Lines::new(
                format,
                output.file.is_none(),
                output.quiet,
            ))
        }
    }
}

/// The processes that are there; those that are not are named. An error if none is left.
fn existing(pids: &[u32], quiet: u8) -> Result<Vec<u32>, Failure> {
    let (there, gone): (Vec<u32>, Vec<u32>) = pids.iter().partition(|pid| !proc::has_ended(**pid));
    if gone.is_empty() {
        return Ok(there);
    }
    let named = gone
        .iter()
        .map(u32::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    let message = format!("no such process: {named}");
    if there.is_empty() {
        return Err(Failure::Unable(message));
    }
    if quiet < 2 {
        say::line(format_args!("{message}"));
    }
    Ok(there)
}

fn open_cgroup(path: &std::path::Path) -> Result<File> {
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_DIRECTORY)
        .open(path)
        .with_context(|| format!("cannot open cgroup '{}'", path.display()))?;
    if !path.join("cgroup.procs").exists() {
        anyhow::bail!("'{}' is not a cgroup v2 directory", path.display());
    }
    Ok(file)
}

fn settings(request: &Request, facts: &Facts, cgroup: Option<File>) -> Result<Settings, Failure> {
    let hook = plan::choose_hook(request.attach, facts, raw_tracepoints_are_preemptible())?;
    let offsets = match &facts.offsets {
        Ok(offsets) => *offsets,
        Err(_) => probes::survey(facts.version)?,
    };
    let transport = plan::choose_transport(request.transport, facts)?;
    if transport == Transport::Perf && facts.lockdown.contains("confidentiality") {
        return Err(Failure::Unable(
            "--transport perf: the kernel is locked down".to_owned(),
        ));
    }
    Ok(Settings {
        config: request.config(facts, offsets, transport, std::process::id()),
        hook,
        loop_helper: facts.version >= kernel::since::BPF_LOOP,
        buffer_bytes: plan::buffer_bytes(request.buffer_bytes, facts.cpus),
        cpus: facts.cpus,
        pid_max: facts.pid_max,
        plans: capture::compile_all(&request.filter, &request.limits),
        cgroup,
        debug: request.debug,
    })
}

fn sources(outlets: Outlets, bytes: u32) -> Result<Vec<Box<dyn Source>>> {
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    match outlets {
        Outlets::Rings(rings) => {
            for ring in rings {
                sources.push(Box::new(
                    Ring::new(ring, bytes).context("mapping a ring buffer")?,
                ));
            }
        }
        Outlets::Perf(map) => {
            let cpus = map
                .info()
                .context("asking about the perf event map")?
                .max_entries();
            let map = Rc::new(map);
            for cpu in 0..cpus {
                let buffer = PerfBuffer::open(&map, cpu, bytes)
                    .with_context(|| format!("opening the perf buffer of CPU {cpu}"))?;
                if let Some(buffer) = buffer {
                    sources.push(Box::new(buffer));
                }
            }
        }
    }
    Ok(sources)
}

/// Sleep between rounds: a buffer fills at no more than about a byte per nanosecond.
fn nap(buffer_bytes: u32) -> u64 {
    u64::from(buffer_bytes).clamp(50_000, 1_000_000)
}

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The command or all the processes have ended, or we were told to stop.
    Done,
    /// Nobody reads the output any more, or it cannot be written.
    Output,
}

struct Session<'a> {
    request: &'a Request,
    probes: Probes,
    merger: Merger,
    tracer: Tracer,
    writer: Writer,
    child: Option<Child>,
    pids: Vec<u32>,
    /// Threads that we marked as traced.
    marked: u64,
    timer: AsyncFd<TimerFd>,
    signals: AsyncFd<SignalFd>,
    nap_ns: u64,
}

impl Session<'_> {
    /// Marks what is to be traced and lets the command go.
    fn begin(&mut self) -> Result<(), Failure> {
        for pid in self.pids.clone() {
            let threads = self.mark_process(pid)?;
            if self.request.output.quiet == 0 {
                match threads {
                    0 => say::line(format_args!("process {pid} has ended")),
                    1 => say::line(format_args!("process {pid} attached")),
                    n => say::line(format_args!("process {pid} attached with {n} threads")),
                }
            }
        }
        if let Some(child) = &mut self.child {
            self.probes.set_task(child.pid(), TASK_ARMED)?;
            self.marked += 1;
            child.start()?;
        }
        Ok(())
    }

    /// Marks every thread of a process; those born meanwhile inherit the mark, so this ends.
    fn mark_process(&mut self, pid: u32) -> Result<u64> {
        let mut count = 0;
        loop {
            let mut fresh = false;
            for tid in proc::threads(pid).unwrap_or_default() {
                if self.probes.task(tid)?.state == TASK_TRACED {
                    continue;
                }
                self.probes.set_task(tid, TASK_TRACED)?;
                if proc::thread_exists(pid, tid) {
                    (fresh, count) = (true, count + 1);
                    self.marked += 1;
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

    /// The event loop.
    async fn trace(mut self) -> Result<Exit, Failure> {
        let pidfd = self
            .child
            .as_ref()
            .map(|child| watch(child.pid()))
            .transpose()?;
        let mut ending = None;
        let mut interrupts = 0;
        let mut next_look = 0;
        let mut nap_ns = self.nap_ns;
        let end = loop {
            let now = sys::clock_ns(libc::CLOCK_MONOTONIC);
            let count = self
                .merger
                .round(now, BUDGET, &mut |record| self.tracer.record(record));
            if count == 0 {
                self.tracer.idle();
            }
            if !self.write().await {
                break End::Output;
            }
            if now >= next_look {
                next_look = now + LOOK_AFTER_NS;
                self.tracer.refresh_clock();
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
                    interrupts += 1;
                    if self.interrupted(signal, interrupts, ending.is_some()) {
                        break End::Done;
                    }
                }
                () = ended(pidfd.as_ref()), if ending.is_none() => {
                    if let Some(child) = &self.child {
                        ending = launch::reap(child.pid()).context("waiting for the command")?;
                    }
                    next_look = 0;
                }
                () = self.writer.ended() => break End::Output,
                () = tick(&self.timer, busy) => {}
            }
        };
        self.finish(end, ending).await
    }

    /// A signal that asks us to end. With a command of ours running, the command gets it first
    /// (from the terminal it has got it already), and only a second one makes us go. True to go.
    fn interrupted(&self, signal: (i32, bool), count: u32, command_ended: bool) -> bool {
        let (signal, from_terminal) = signal;
        match &self.child {
            Some(child) if !command_ended && count == 1 => {
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
    fn live(&self) -> Result<u64> {
        let total = probes::total(&self.probes.counters()?);
        Ok((self.marked + total.born).saturating_sub(total.gone))
    }

    /// Hands over what is ready. False when there is nobody to take it.
    async fn write(&mut self) -> bool {
        for piece in self.tracer.take_output() {
            if !self.writer.send(piece).await {
                return false;
            }
        }
        true
    }

    /// Detaches, takes what is still there, closes the books.
    async fn finish(mut self, end: End, ending: Option<Ending>) -> Result<Exit, Failure> {
        if end == End::Done {
            self.unfinished_calls()?;
        }
        let skipped = self.probes.skipped_runs();
        self.probes.detach().context("detaching")?;
        let mut settled = None;
        if end == End::Done {
            settled = Some(self.settle().await?);
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
                        .filter
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

fn watch(pid: u32) -> Result<AsyncFd<OwnedFd>> {
    let fd = sys::pidfd_open(pid).context("watching the command")?;
    sys::watch(fd).context("watching the command")
}

/// Waits for the process to end; forever if there is none.
async fn ended(pidfd: Option<&AsyncFd<OwnedFd>>) {
    match pidfd {
        // The descriptor stays readable: the guard need not be cleared.
        Some(pidfd) => drop(pidfd.readable().await),
        None => std::future::pending().await,
    }
}

async fn next_signal(signals: &AsyncFd<SignalFd>) -> (i32, bool) {
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
async fn tick(timer: &AsyncFd<TimerFd>, busy: bool) {
    if busy {
        return;
    }
    if let Ok(mut guard) = timer.readable().await {
        guard.clear_ready();
    }
}
