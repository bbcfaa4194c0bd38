//! Wires the rooms in order: plan, tracee, probes, transport, session, sink. The only module that
//! sees them all.

mod event_loop;
mod finish;
mod output;
mod select;
mod summary;

use std::{fs::File, io::IsTerminal, os::unix::fs::OpenOptionsExt, sync::Arc};

use anyhow::{Context, Result};
use strace_ebpf_common::{
    config::{DESCRIPTORS_PLAIN, FileOffsets, SocketOffsets, TRANSPORT_MAPPED, TRANSPORT_PERF},
    plan::{OP_NETLINK, Op},
    plan::{PLAN_WANTED, Plan},
};

use crate::{
    cli::Transport,
    decode,
    format::{strace::Strace, time::Clock, tsv::Tsv},
    kernel::{
        self, Facts,
        hooks::{Ask, Hooks},
        raw_tracepoints_are_preemptible, since,
    },
    plan::{
        self, Coloring, Form, PlanError, Request, capture,
        detail::Details,
        functions, hook,
        launch::Interrupt,
        qualify::{PIDS_COMM, PIDS_PIDNS, QUIET_ATTACH, QUIET_EXIT},
    },
    probes::{
        self, Probes, Settings,
        attach::{Hook, Kernel},
        functions::Places,
    },
    resolve::names::Show,
    say,
    sink::{Finish, Target, Writer},
    stack::{self, Stacks, mmaps::Mmaps, text::Shape},
    summary::slots::Slots,
    sys::{self, SignalFd, TimerFd},
    trace::{self, Tracer, strace::Telling},
    tracee::{
        brake::Brake,
        launch::{self, LaunchError},
        proc,
    },
    transport::{self, Merger},
};
use event_loop::{Session, nap};

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
    /// The command line: what may be said is in the help.
    #[error("{0}")]
    Usage(String),
    /// Something on the command line that is not there or not to be had.
    #[error("{0}")]
    Invalid(String),
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
            Self::Usage(_) | Self::Invalid(_) => 2,
            Self::Launch(error) => error.status(),
            Self::Unable(_) | Self::Other(_) => 1,
        }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Usage(message) => Self::Usage(message),
            PlanError::Invalid(message) => Self::Invalid(message),
            PlanError::Unable(message) => Self::Unable(message),
        }
    }
}

/// Sleep between rounds where no event can come.
const COUNTING_NAP_NS: u64 = 10_000_000;
/// Signals that end a trace, and the one that stops us.
const SIGNALS: [i32; 5] = [
    libc::SIGINT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGTSTP,
];

/// Those of them that do not have their usual effect.
fn signals_taken(request: &Request) -> &'static [i32] {
    match request.launch.interrupt {
        Interrupt::NeverStop => &SIGNALS,
        _ => &SIGNALS[..SIGNALS.len() - 1],
    }
}

/// Traces as the request says.
pub fn run(request: &Request) -> Result<Exit, Failure> {
    sys::notice_ends_of_children();
    let facts = Facts::gather().context("asking the kernel")?;
    check_privilege(&facts)?;
    say::debug(format_args!(
        "Linux {}, {} CPUs, field offsets {}",
        facts.release,
        facts.cpus,
        if facts.offsets.is_ok() {
            "from BTF"
        } else {
            "to be found"
        },
    ));
    if !request.qualifiers.inject.is_empty() && facts.version < since::UNUSED_FILTERS {
        return Err(Failure::Unable(format!(
            "inject=, fault=: needs Linux 5.9; this is {}",
            facts.release
        )));
    }
    let output = &request.output;
    let target = match &output.file {
        Some(file) if output.separate => Target::separate(file, output.append)?,
        file => Target::open(file.as_deref(), output.append, output.form == Form::Strace)?,
    };
    let pids = existing(request)?;
    let cgroup = request
        .targets
        .cgroup
        .as_deref()
        .map(open_cgroup)
        .transpose()?;
    // The child is made first, while there is only one thread.
    let child = match request.targets.command.as_slice() {
        [] => None,
        command => Some(launch::prepare(
            command,
            &request.launch,
            &request.qualifiers.inject,
            target.is_stdout(),
        )?),
    };
    // Maps, programs and separate files may be many; the command has been made and keeps its own limit.
    sys::allow_descriptors();
    let signals = SignalFd::new(signals_taken(request)).context("taking over signals")?;
    let jobs = request
        .output
        .stack
        .map(|_| Arc::new(stack::Jobs::default()));
    let finish = finish(request, jobs.as_ref());
    let writer = Writer::start(target, finish).context("starting the writing thread")?;
    let settings = settings(request, &facts, cgroup)?;
    debug_settings(&settings);
    let plans = Arc::new(settings.plans.clone());
    let (mut probes, outlets) = Probes::load(&settings)?;
    if let Some(injector) = child.as_ref().and_then(|child| child.injector.as_ref())
        && let Some((tasks, injected)) = probes.injection()
    {
        injector
            .begin(tasks, injected)
            .context("telling the injector what is traced")?;
    }
    let sources = transport::open(outlets, settings.cpus, settings.buffer_bytes)?;
    let brake = brake(&probes, &settings, &writer)?;
    let merger = Merger::new(sources, settings.buffer_bytes);
    let mut tracer = tracer(request, plans, settings.cpus);
    if request.lossless {
        tracer.hide_own_signals(std::process::id());
    }
    if let Some(jobs) = &jobs {
        let mmaps = Mmaps::open(settings.cpus).unwrap_or_else(|error| {
            say::line(format_args!(
                "-k: what short-lived processes have mapped cannot be followed: {error}"
            ));
            Mmaps::default()
        });
        tracer.show_stacks(Stacks::new(Arc::clone(jobs), mmaps));
    }
    sys::schedule_first(0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .context("starting the event loop")?;
    runtime.block_on(async {
        if settings.debug {
            probes.start_log()?;
        }
        probes.attach()?;
        say::debug(format_args!("probes attached"));
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
            brake,
            room_bytes: u64::from(settings.buffer_bytes) / 4,
            held_pieces: std::collections::VecDeque::new(),
            interrupts: 0,
            given_up: None,
            nap_ns: if request.counts_only() {
                COUNTING_NAP_NS
            } else {
                nap(settings.buffer_bytes)
            },
            slots: settings.slots,
            jobs,
            cpus: settings.cpus,
            pid_max: settings.pid_max,
            unseen: false,
            last_event_ns: 0,
        };
        session.begin()?;
        session.trace().await
    })
}

/// With `-k` the writing thread looks for callers.
fn finish(request: &Request, jobs: Option<&Arc<stack::Jobs>>) -> Option<Finish> {
    let limit = request.output.stack? as usize;
    let shape = match request.output.form {
        Form::Tsv => Shape::Column,
        Form::Strace => Shape::Lines,
    };
    let mut writer = stack::text::Writer::new(Arc::clone(jobs?), shape, limit);
    Some(Box::new(move |text| writer.replace(text)))
}

/// What was chosen, for those who want to know.
fn debug_settings(settings: &Settings) {
    let wanted = settings
        .plans
        .iter()
        .filter(|plan| plan.flags & PLAN_WANTED != 0);
    let copies: usize = wanted.clone().map(|plan| usize::from(plan.n_ops)).sum();
    say::debug(format_args!(
        "hook {}, transport {}, buffers of {} bytes, {} calls wanted with {copies} copies",
        settings.hook.name(),
        match settings.config.transport {
            TRANSPORT_MAPPED => "mapped",
            TRANSPORT_PERF => "perf",
            _ => "ringbuf",
        },
        settings.buffer_bytes,
        wanted.count(),
    ));
}

/// What `--lossless` needs, the watchdog included. The command that takes our output must not be stopped: we wait for it.
fn brake(probes: &Probes, settings: &Settings, writer: &Writer) -> Result<Option<Brake>> {
    let Some((held, cursors)) = probes.brake() else {
        return Ok(None);
    };
    let brake = Brake::new(held, cursors, settings.pid_max, settings.cpus)
        .context("preparing to hold back what is traced")?;
    if let Some(reader) = writer.reader() {
        brake.exempt(reader);
    }
    Ok(Some(brake))
}

fn check_privilege(facts: &Facts) -> Result<(), Failure> {
    if facts.caps.can_trace() {
        if facts.is_confidential() {
            return Err(Failure::Unable(kernel::CONFIDENTIAL.to_owned()));
        }
        // Even the smallest program counts, beside the maps of a tracer that has just ended.
        kernel::allow_locked_memory(facts.version).map_err(Failure::Unable)?;
        if let Err(error) = kernel::try_load() {
            return Err(Failure::Unable(format!(
                "the kernel refuses BPF programs: {error}"
            )));
        }
        return Ok(());
    }
    if kernel::caps::in_user_namespace() {
        return Err(Failure::Unable(kernel::caps::USER_NAMESPACE.to_owned()));
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

/// What makes lines of records, as the request wants them.
#[must_use]
pub fn tracer(request: &Request, plans: Arc<Vec<Plan>>, cpus: u32) -> Tracer {
    let options = decode::Options {
        // One is copied even of none, and not shown.
        elements: usize::from(capture::shown_elements(&request.limits))
            .min(request.limits.string as usize),
        string: request.limits.string as usize,
        descriptors: request.qualifiers.decode_fds as u8,
        ..decode::Options::NORMAL
    };
    let shown = trace::Shown {
        options,
        details: Details::new(&request.qualifiers),
        plans,
        selection: select::selection(request),
        parts: Some(&request.qualifiers.trace)
            .filter(|calls| calls.parts())
            .map(|calls| trace::select::Parts(calls.clone())),
        pids: Show {
            comm: request.qualifiers.decode_pids & PIDS_COMM != 0,
            pidns: request.qualifiers.decode_pids & PIDS_PIDNS != 0,
        },
    };
    let follow = (request.targets.follow, request.targets.threads);
    let signals = request.qualifiers.signal;
    let mut tracer = Tracer::new(lines(request), shown, cpus, follow, signals);
    tracer.stop_after(request.output.call_limit);
    if request.output.header && !request.counts_only() {
        tracer.header();
    }
    if request.output.separate {
        tracer.separate();
    }
    tracer
}

/// Lines in the form that the request wants.
fn lines(request: &Request) -> trace::Lines {
    let output = &request.output;
    match output.form {
        Form::Tsv => {
            let clock = Clock::new(output.time);
            let format = Tsv::new(output.columns.clone(), clock, output.look.rendering);
            let exits = output.quiet & QUIET_EXIT == 0;
            trace::Lines::Tsv(trace::tsv::Lines::new(format, exits))
        }
        Form::Strace => {
            let times = &output.times;
            let mut look = output.look;
            look.rendering.color = wants_color(output);
            let format = Strace::new(look, times.absolute, times.relative);
            let telling = Telling {
                messages_within: output.file.is_none(),
                quiet: output.quiet,
                status: request.qualifiers.status,
                staged: output.staged,
                separate: output.separate,
            };
            trace::Lines::Strace(Box::new(trace::strace::Lines::new(format, telling)))
        }
    }
}

/// Are lines in the strace format to have colors? <https://no-color.org>.
fn wants_color(output: &plan::Output) -> bool {
    let is = |name, what: fn(&std::ffi::OsStr) -> bool| {
        std::env::var_os(name).is_some_and(|value| what(&value))
    };
    match output.coloring {
        Coloring::Always => true,
        Coloring::Never => false,
        Coloring::Auto => {
            output.file.is_none()
                && std::io::stderr().is_terminal()
                && !is("NO_COLOR", |value| !value.is_empty())
                && !is("TERM", |value| value == "dumb")
        }
    }
}

/// The processes that are there; those that are not are named. An error if nothing is left to trace.
fn existing(request: &Request) -> Result<Vec<u32>, Failure> {
    let targets = &request.targets;
    let (left, gone): (Vec<u32>, Vec<u32>) =
        targets.pids.iter().partition(|pid| !proc::has_ended(**pid));
    let (kernels, there): (Vec<u32>, Vec<u32>) = left
        .into_iter()
        .partition(|pid| proc::is_kernel_thread(*pid));
    let nothing = there.is_empty() && targets.command.is_empty();
    let list = |pids: &[u32]| {
        pids.iter()
            .map(u32::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut messages = Vec::new();
    if request.launch.as_strace {
        // Scripts know these words, though it is not ptrace(2) that we ask.
        let message = |pid, why| format!("attach: ptrace(PTRACE_SEIZE, {pid}): {why}");
        messages.extend(gone.iter().map(|pid| message(pid, "No such process")));
        messages.extend(
            kernels
                .iter()
                .map(|pid| message(pid, "Operation not permitted")),
        );
    } else {
        if !gone.is_empty() {
            messages.push(format!("no such process: {}", list(&gone)));
        }
        if !kernels.is_empty() {
            messages.push(format!(
                "the kernel's own, which makes no system calls: {}",
                list(&kernels)
            ));
        }
    }
    if messages.is_empty() {
        return Ok(there);
    }
    let last = if nothing { messages.pop() } else { None };
    if request.output.tell_loss {
        for message in &messages {
            say::line(format_args!("{message}"));
        }
    }
    match last {
        Some(message) => Err(Failure::Unable(message)),
        None => Ok(there),
    }
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
    let preemptible = raw_tracepoints_are_preemptible();
    let hook = hook::choose_hook(request.attach, facts, preemptible)?;
    if hook::needs_tracefs(hook, preemptible) {
        kernel::find_tracepoints(facts.caps).map_err(Failure::Unable)?;
    }
    let mut plans = capture::compile_all(
        &request.qualifiers.trace,
        &request.limits,
        &Details::new(&request.qualifiers),
    );
    let places = places(request, hook, &plans)?;
    let offsets = match &facts.offsets {
        Ok(offsets) => *offsets,
        Err(_) => probes::survey(facts.version)?,
    };
    let transport = hook::choose_transport(request.transport, facts, preemptible)?;
    if request.lossless && transport == Transport::Perf {
        return Err(Failure::Unable(format!(
            "--lossless needs Linux 5.8; this is {}",
            facts.release
        )));
    }
    let mut config = request.config(facts, offsets, hook, transport, std::process::id());
    if request.counts_only() {
        for plan in &mut plans {
            *plan = probes::summary::plan_to_count(plan);
        }
        config.descriptors = DESCRIPTORS_PLAIN;
    }
    let asks = |op: &Op| op.flags & OP_NETLINK != 0;
    if !plans.iter().any(|plan| plan.ops.iter().any(asks)) {
        config.netlink = 0;
    }
    if config.descriptors != DESCRIPTORS_PLAIN {
        config.files = file_offsets(facts).map_err(|why| {
            Failure::Unable(format!(
                "-y, -P: what descriptors lead to cannot be found out: {why}"
            ))
        })?;
    }
    Ok(Settings {
        config,
        hook,
        kernel: Kernel::of(&config, facts, preemptible),
        places,
        quiet: request.output.quiet & QUIET_ATTACH != 0,
        buffer_bytes: if request.counts_only() {
            plan::BUFFER_MIN as u32
        } else {
            plan::buffer_bytes(request.buffer_bytes, facts.cpus)
        },
        cpus: facts.cpus,
        pid_max: facts.pid_max,
        plans,
        slots: request
            .summary
            .as_ref()
            .map(|_| Slots::new(&request.qualifiers.trace)),
        cgroup,
        trace_types: facts.trace_types.clone(),
        debug: request.debug,
    })
}

/// What leads from descriptors to paths: nothing without what leads to files.
fn file_offsets(facts: &Facts) -> Result<FileOffsets, String> {
    let offsets = kernel::file_offsets()?;
    if facts.sockets == SocketOffsets::default() {
        return Err("this kernel does not tell where open files are".into());
    }
    Ok(offsets)
}

/// Where a hook on the kernel's functions hangs.
fn places(request: &Request, hook: Hook, plans: &[Plan]) -> Result<Option<Places>, Failure> {
    let ask = match hook {
        Hook::Kprobe | Hook::Kretprobe => Ask::Kprobes,
        Hook::Fentry => Ask::Fentry,
        _ => return Ok(None),
    };
    let quiet = request.output.quiet & QUIET_ATTACH != 0;
    let places = hook::choose_places(hook, &Hooks::gather(ask))?;
    Ok(places.map(|places| only_needed(places, plans, quiet)))
}

/// Leaves out functions that are not needed, and names wanted calls that have none.
fn only_needed(places: Places, plans: &[Plan], quiet: bool) -> Places {
    let Some(there) = places.functions_of_calls() else {
        return places;
    };
    let without = functions::without(there, plans);
    if !without.is_empty() && !quiet {
        say::line(format_args!(
            "calls without a function that can be probed in this kernel, shown without a duration: {}",
            without.join(" ")
        ));
    }
    let needed = functions::needed(there, plans);
    places.with(needed)
}
