//! Calls per second that are traced from end to end with nothing lost.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::Bench;
use super::child;
use super::figures::{Bar, Report};
use super::rounds::{Job, interleave};
use super::tracers::Tracer;

const GROUP: &str = "traced calls per second, end to end, nothing lost";
const LIMIT: Duration = Duration::from_secs(180);
const THREADS: [u64; 3] = [1, 2, 4];

/// Format, bar.
const FORMATS: [(&str, f64); 2] = [("tsv", 2.0), ("strace", 1.5)];

pub(super) fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let calls = bench.size(200_000, 4_000_000);
    let sinks = [
        ("file", bench.dir.file("trace")),
        ("/dev/null", PathBuf::from("/dev/null")),
    ];
    let mut jobs = Vec::new();
    for threads in THREADS {
        jobs.push(Job::new(format!("bare {threads}"), move || {
            bare(bench, threads, calls)
        }));
        for tracer in &bench.ours {
            for (format, _) in FORMATS {
                for (sink, path) in &sinks {
                    let name = format!("{} {format} {sink} {threads}", tracer.name);
                    jobs.push(Job::new(name, move || {
                        traced(bench, tracer, format, path, threads, calls)
                    }));
                }
            }
        }
    }
    let samples = interleave(bench.rounds(5), jobs);
    for threads in THREADS {
        let name = format!("untraced, {threads} threads");
        report.add(
            GROUP,
            name,
            "M/s",
            samples.of(&format!("bare {threads}")).to_vec(),
            Bar::None,
        );
    }
    for tracer in &bench.ours {
        for (format, bar) in FORMATS {
            for (sink, _) in &sinks {
                for threads in THREADS {
                    let found = samples
                        .of(&format!("{} {format} {sink} {threads}", tracer.name))
                        .to_vec();
                    let name = format!("{}: {format} to {sink}, {threads} threads", tracer.name);
                    let bar = if *sink == "file" {
                        Bar::AtLeast(bar)
                    } else {
                        Bar::None
                    };
                    report.add(GROUP, name, "M/s", found, bar);
                }
            }
        }
    }
    Ok(())
}

fn bare(bench: &Bench, threads: u64, calls: u64) -> Result<f64> {
    let mut command = Command::new(&bench.calls);
    command.args(words(threads, calls));
    let done = child::run(&mut command, &bench.dir, LIMIT)?.success("calls")?;
    Ok(calls as f64 / done.wall.as_secs_f64() / 1e6)
}

/// Millions of calls per second over the whole run of the tracer, its start and its end included.
fn traced(
    bench: &Bench,
    tracer: &Tracer,
    format: &str,
    sink: &Path,
    threads: u64,
    calls: u64,
) -> Result<f64> {
    let options = ["--format", format, "--strict"];
    let mut all = vec![bench.calls.clone().into_os_string()];
    all.extend(words(threads, calls).map(Into::into));
    let mut command = tracer.launch(&options, sink, &all);
    // Status 3 would be loss.
    let done = child::run(&mut command, &bench.dir, LIMIT)?.success("nothing may be lost")?;
    if sink.starts_with(&bench.dir) {
        let lines = count_lines(sink)?;
        std::fs::remove_file(sink)?;
        if lines < calls {
            bail!("{lines} lines for {calls} calls");
        }
    }
    Ok(calls as f64 / done.wall.as_secs_f64() / 1e6)
}

fn words(threads: u64, calls: u64) -> [String; 4] {
    let per_thread = (calls / threads).to_string();
    [
        "--threads".to_owned(),
        threads.to_string(),
        "--calls".to_owned(),
        per_thread,
    ]
}

fn count_lines(path: &Path) -> Result<u64> {
    let mut file =
        std::fs::File::open(path).with_context(|| format!("reading {}", path.display()))?;
    let (mut piece, mut lines) = (vec![0; 1 << 20], 0);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(lines),
            n => lines += piece[..n].iter().filter(|byte| **byte == b'\n').count() as u64,
        }
    }
}
