//! What the tracer itself takes: memory beside the buffers, and CPU time.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::Bench;
use super::child::Running;
use super::figures::{Bar, Report};
use super::rounds::{Job, interleave};
use super::tracers::Tracer;

const GROUP: &str = "the tracer itself";
const LIMIT: Duration = Duration::from_secs(300);
const FORMATS: [&str; 2] = ["tsv", "strace"];

/// One trace of a process that is attached to.
#[derive(Clone, Copy, Default)]
struct Cost {
    /// Most memory beside the buffers, and what it was after a tenth of the run, in MiB.
    peak: f64,
    early: f64,
    /// CPU seconds.
    cpu: f64,
}

pub(super) fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let calls = bench.size(200_000, 4_000_000);
    let costs = std::cell::RefCell::new(Vec::new());
    let mut jobs = Vec::new();
    for tracer in &bench.ours {
        for format in FORMATS {
            let costs = &costs;
            let name = format!("{}: {format}", tracer.name);
            jobs.push(Job::new(name.clone(), move || {
                let cost = trace(bench, tracer, format, calls)?;
                costs.borrow_mut().push((name.clone(), cost));
                Ok(cost.cpu / (calls as f64 / 1e6))
            }));
        }
    }
    let samples = interleave(bench.rounds(3), jobs);
    for tracer in &bench.ours {
        for format in FORMATS {
            let name = format!("{}: {format}", tracer.name);
            let of = |f: fn(&Cost) -> f64| {
                costs
                    .borrow()
                    .iter()
                    .filter(|(own, _)| *own == name)
                    .map(|(_, cost)| f(cost))
                    .collect::<Vec<_>>()
            };
            report.add(
                GROUP,
                format!("{name}, CPU per million calls"),
                "s",
                samples.of(&name).to_vec(),
                Bar::None,
            );
            report.add(
                GROUP,
                format!("{name}, peak RSS beside the rings"),
                "MiB",
                of(|c| c.peak),
                Bar::AtMost(40.0),
            );
            report.add(
                GROUP,
                format!("{name}, growth after the first tenth"),
                "MiB",
                of(|c| c.peak - c.early),
                Bar::None,
            );
        }
    }
    Ok(())
}

fn trace(bench: &Bench, tracer: &Tracer, format: &str, calls: u64) -> Result<Cost> {
    let mut program = Command::new(&bench.calls);
    program
        .args([
            "--wait",
            "--threads",
            "2",
            "--calls",
            &(calls / 2).to_string(),
        ])
        .stdin(Stdio::piped());
    let mut program = Running::start(&mut program, &bench.dir)?;
    program.said("ready", LIMIT)?;
    let mut command = tracer.attach(
        &["--format", format],
        &bench.dir.file("trace"),
        program.pid(),
    );
    let mut running = Running::start(command.stdin(Stdio::null()), &bench.dir)?;
    running.said("attached", LIMIT)?;
    let mut go = program.stdin().context("no pipe to the program")?;
    go.write_all(b"\n")?;
    let mut memory = Vec::new();
    while !running.ended_within(Duration::from_millis(10)) {
        if let Ok(smaps) = std::fs::read_to_string(format!("/proc/{}/smaps", running.pid())) {
            memory.push(resident_kib(&smaps) as f64 / 1024.0);
        }
    }
    drop(go);
    let done = running.finish(LIMIT)?.success(tracer.name)?;
    program.finish(LIMIT)?.success("calls")?;
    Ok(Cost {
        peak: memory.iter().copied().fold(0.0, f64::max),
        early: memory
            .iter()
            .take(memory.len() / 10 + 1)
            .copied()
            .fold(0.0, f64::max),
        cpu: done.cpu.as_secs_f64(),
    })
}

/// Resident memory of `/proc/PID/smaps` without the mappings of BPF maps, which are the ring buffers.
fn resident_kib(smaps: &str) -> u64 {
    let (mut total, mut counts) = (0, true);
    for line in smaps.lines() {
        // A mapping's first line has an address range; its properties begin with a capital.
        if line.starts_with(|c: char| c.is_ascii_digit() || c.is_ascii_lowercase()) {
            counts =
                !line.contains("anon_inode:bpf-map") && !line.contains("anon_inode:[perf_event]");
        } else if counts && let Some(size) = line.strip_prefix("Rss:") {
            total += size
                .trim()
                .trim_end_matches(" kB")
                .parse::<u64>()
                .unwrap_or(0);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_are_not_counted() {
        let smaps = "55e0-55e1 r-xp 0 fd:00 1   /bin/x\nSize: 9 kB\nRss:    4 kB\nVmFlags: rd\n\
                     7f00-7f01 rw-s 0 00:0e 2   anon_inode:bpf-map\nRss:  100 kB\n\
                     7ffd-7ffe rw-p 0 00:00 0   [stack]\nRss:      8 kB\n";
        assert_eq!(resident_kib(smaps), 12);
    }
}
