//! How long it takes to begin and to end.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::Bench;
use super::child::{self, Running};
use super::figures::{Bar, Report};
use super::rounds::{Job, interleave};
use super::tracers::Tracer;

const GROUP: &str = "beginning and ending (wall time)";
const LIMIT: Duration = Duration::from_secs(60);

pub(super) fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let mut jobs = Vec::new();
    for tracer in bench.tracers() {
        let name = tracer.name;
        jobs.push(Job::new(format!("true {name}"), move || {
            launch(bench, tracer)
        }));
        if tracer.is_ours() || tracer.is_strace() {
            jobs.push(Job::new(format!("attach {name}"), move || {
                Ok(attach(bench, tracer)?.0)
            }));
            jobs.push(Job::new(format!("detach {name}"), move || {
                Ok(attach(bench, tracer)?.1)
            }));
        }
    }
    let samples = interleave(bench.rounds(15), jobs);
    for tracer in bench.tracers() {
        let name = tracer.name;
        let bar = if tracer.is_ours() {
            Bar::AtMost(60.0)
        } else {
            Bar::None
        };
        let found = |what: &str| samples.of(&format!("{what} {name}")).to_vec();
        report.add(
            GROUP,
            format!("{name}: -- true, start to exit"),
            "ms",
            found("true"),
            bar,
        );
        if tracer.is_ours() || tracer.is_strace() {
            report.add(
                GROUP,
                format!("{name}: start to attached, -p"),
                "ms",
                found("attach"),
                Bar::None,
            );
            report.add(
                GROUP,
                format!("{name}: interrupt to exit, -p"),
                "ms",
                found("detach"),
                Bar::None,
            );
        }
    }
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn launch(bench: &Bench, tracer: &Tracer) -> Result<f64> {
    let mut command = tracer.launch(&[], &bench.dir.file("trace"), &["true"]);
    let done = child::run(&mut command, &bench.dir, LIMIT)?.success(tracer.name)?;
    Ok(milliseconds(done.wall))
}

/// Start to attached, and interrupt to exit.
fn attach(bench: &Bench, tracer: &Tracer) -> Result<(f64, f64)> {
    let sleeper = Running::start(
        Command::new("sleep").arg("300").stdin(Stdio::null()),
        &bench.dir,
    )?;
    let mut command = tracer.attach(&[], &bench.dir.file("trace"), sleeper.pid());
    let start = Instant::now();
    let mut running = Running::start(command.stdin(Stdio::null()), &bench.dir)?;
    running.said("attached", LIMIT)?;
    let attached = milliseconds(start.elapsed());
    std::thread::sleep(Duration::from_millis(20));
    let interrupt = Instant::now();
    running.signal(libc::SIGINT);
    running.finish(LIMIT)?;
    Ok((attached, milliseconds(interrupt.elapsed())))
}
