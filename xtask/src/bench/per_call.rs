//! Nanoseconds of CPU time that tracing adds to a call.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Result;

use super::Bench;
use super::child::{self, Running};
use super::figures::{Bar, Report};
use super::rounds::{Job, interleave};
use super::tracers::Tracer;

const GROUP: &str = "added to one call (CPU time of the caller)";
const LIMIT: Duration = Duration::from_secs(120);

/// Kind of call as `calls` names it, what it stands for, and the bar.
const CALLS: [(&str, &str, Bar); 3] = [
    ("getppid", "duration and arguments", Bar::AtMost(300.0)),
    ("access", "and a path of 30 bytes", Bar::AtMost(430.0)),
    ("write64", "and a buffer of 64 bytes", Bar::None),
];

pub(super) fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let calls = bench.size(100_000, 1_000_000);
    let mut jobs = Vec::new();
    for (kind, _, _) in CALLS {
        jobs.push(Job::new(kind, move || bare(bench, Clock::Cpu, kind, calls)));
        for tracer in bench.tracers() {
            let calls = calls_of(bench, tracer, calls);
            jobs.push(Job::new(format!("{kind} {}", tracer.name), move || {
                traced(bench, Clock::Cpu, tracer, &[], kind, calls)
            }));
        }
    }
    for tracer in &bench.ours {
        jobs.push(Job::new(format!("bystander {}", tracer.name), move || {
            bystander(bench, tracer, calls)
        }));
        jobs.push(Job::new(format!("filtered {}", tracer.name), move || {
            let options = ["-e", "trace=open"];
            traced(bench, Clock::Cpu, tracer, &options, "getppid", calls)
        }));
        if has_summary(bench, tracer) {
            jobs.push(Job::new(format!("-c {}", tracer.name), move || {
                traced(bench, Clock::Cpu, tracer, &["-c"], "getppid", calls)
            }));
        }
    }
    let samples = interleave(bench.rounds(9), jobs);
    report.add(
        GROUP,
        "getppid untraced, for comparison",
        "ns",
        samples.of("getppid").to_vec(),
        Bar::None,
    );
    let mut add = |name: String, variant: String, bare: &str, bar| {
        report.add(
            GROUP,
            name,
            "ns",
            samples.pair(&variant, bare, |with, without| with - without),
            bar,
        );
    };
    for tracer in bench.tracers() {
        let bar = |bar| if tracer.is_ours() { bar } else { Bar::None };
        let name = tracer.name;
        if tracer.is_ours() {
            add(
                format!("{name}: bystander"),
                format!("bystander {name}"),
                "getppid",
                Bar::AtMost(165.0),
            );
            add(
                format!("{name}: getppid, filtered out by -e trace="),
                format!("filtered {name}"),
                "getppid",
                Bar::None,
            );
        }
        for (kind, what, own) in CALLS {
            add(
                format!("{name}: {kind}, {what}"),
                format!("{kind} {name}"),
                kind,
                bar(own),
            );
        }
        if tracer.is_ours() && has_summary(bench, tracer) {
            add(
                format!("{name}: getppid, -c only"),
                format!("-c {name}"),
                "getppid",
                Bar::AtMost(230.0),
            );
        }
    }
    Ok(())
}

/// Which time of a call.
#[derive(Clone, Copy)]
pub(super) enum Clock {
    /// That of the calling thread on a CPU.
    Cpu,
    /// What passes.
    Wall,
}

impl Clock {
    /// What `calls` puts before it.
    fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu_ns_per_call",
            Self::Wall => "wall_ns_per_call",
        }
    }
}

/// How many calls are made under a tracer: the slow ones need not see as many.
pub(super) fn calls_of(bench: &Bench, tracer: &Tracer, calls: u64) -> u64 {
    if tracer.is_ours() {
        calls
    } else {
        bench.size(2_000, 20_000)
    }
}

/// Time of one call, untraced.
pub(super) fn bare(bench: &Bench, clock: Clock, kind: &str, calls: u64) -> Result<f64> {
    let calls = calls.to_string();
    let mut command = Command::new(&bench.calls);
    command.args(["--batch", "--call", kind, "--calls", &calls]);
    child::run(&mut command, &bench.dir, LIMIT)?
        .success("calls")?
        .number(clock.word())
}

/// Time of one call, traced.
pub(super) fn traced(
    bench: &Bench,
    clock: Clock,
    tracer: &Tracer,
    options: &[&str],
    kind: &str,
    calls: u64,
) -> Result<f64> {
    let output = bench.dir.file("trace");
    let calls = calls.to_string();
    let words = [
        bench.calls.as_os_str(),
        "--batch".as_ref(),
        "--call".as_ref(),
        kind.as_ref(),
        "--calls".as_ref(),
        calls.as_ref(),
    ];
    let mut command = tracer.launch(options, &output, &words);
    let done = child::run(&mut command, &bench.dir, LIMIT)?.success(tracer.name)?;
    done.number(clock.word())
}

/// Another process is traced, not the one that makes the calls.
fn bystander(bench: &Bench, tracer: &Tracer, calls: u64) -> Result<f64> {
    let sleeper = Running::start(
        Command::new("sleep").arg("300").stdin(Stdio::null()),
        &bench.dir,
    )?;
    let mut command = tracer.attach(&[], &bench.dir.file("trace"), sleeper.pid());
    let mut running = Running::start(command.stdin(Stdio::null()), &bench.dir)?;
    running.said("attached", LIMIT)?;
    let sample = bare(bench, Clock::Cpu, "getppid", calls);
    running.signal(libc::SIGINT);
    running.finish(LIMIT)?.success(tracer.name)?;
    sample
}

/// Does this build count calls in the kernel?
fn has_summary(bench: &Bench, tracer: &Tracer) -> bool {
    let mut command = tracer.launch(&["-c"], &bench.dir.file("trace"), &["true"]);
    child::run(&mut command, &bench.dir, LIMIT).is_ok_and(|done| done.status == 0)
}
