//! Runs inside a guest: what each hook with each transport does there, told to `report.rs` line by line on standard output.
//!
//! Times are those that a user sees: from the start of a tracer until it says that it has attached, and from Ctrl-C until it
//! is gone. Costs are ratios of CPU time of the caller, in rounds that alternate with the bare program. The least of each is
//! what a busy host disturbed least.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::bench::child::{self, Running, TempDir};

/// As `--attach` calls them.
pub(super) const HOOKS: [&str; 6] = [
    "tp-btf",
    "raw-tracepoint",
    "tracepoint",
    "kprobe",
    "kretprobe",
    "fentry",
];
/// As `--transport` calls them.
pub(super) const TRANSPORTS: [&str; 3] = ["mapped", "ringbuf", "perf"];
/// What a line begins with that is for the report.
pub(super) const MARK: &str = "@report";
/// Threads that call at the same time, and calls of each, where it is counted what arrives.
const THREADS: u64 = 8;
const CALLS: u64 = 4_000;
const ROUNDS: usize = 3;
const LIMIT: Duration = Duration::from_secs(600);

/// Measures everything.
pub(crate) fn run() -> Result<()> {
    let guest = Guest {
        dir: TempDir::new()?,
    };
    for row in ["hook", "transport"] {
        println!("{MARK}\tauto\t{row}\t{}", guest.checked("auto", row)?.1);
    }
    for hook in HOOKS {
        let (there, says) = guest.checked(hook, &format!("attach {hook}"))?;
        println!("{MARK}\thook\t{hook}\t{}\t{says}", u8::from(there));
        if !there {
            continue;
        }
        // A thousand kprobes one by one take minutes.
        let rounds = if says.contains("one by one") {
            1
        } else {
            ROUNDS
        };
        let (attach, detach) = guest.times(hook, rounds)?;
        println!("{MARK}\ttimes\t{hook}\t{attach}\t{detach}");
        println!("{MARK}\tcost\t{hook}\t{:.2}", guest.cost(hook)?);
        for transport in TRANSPORTS {
            guest.completeness(hook, transport)?;
        }
    }
    Ok(())
}

struct Guest {
    dir: TempDir,
}

impl Guest {
    fn tracer(&self, hook: &str, words: &[&str]) -> Command {
        let mut command = Command::new("strace-ebpf");
        command.args(["--attach", hook]).args(words);
        command.stdin(Stdio::null());
        command
    }

    /// A row of `--check`: whether it is good, and what it says.
    fn checked(&self, hook: &str, feature: &str) -> Result<(bool, String)> {
        let check = child::run(&mut self.tracer(hook, &["--check"]), &self.dir, LIMIT)?;
        let mut rows = check.stdout.lines().map(|line| line.split('\t'));
        let row = rows.find_map(|mut row| {
            (row.next() == Some(feature)).then(|| (row.next() == Some("yes"), row.next()))
        });
        let (there, says) = row.with_context(|| format!("--check has no row {feature}"))?;
        Ok((there, says.unwrap_or_default().to_owned()))
    }

    /// Milliseconds until it has attached to every call of a process, and until it is gone again.
    fn times(&self, hook: &str, rounds: usize) -> Result<(u128, u128)> {
        let (mut attach, mut detach) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let sleeper = Running::start(
                Command::new("sleep").arg("3000").stdin(Stdio::null()),
                &self.dir,
            )?;
            let pid = sleeper.pid().to_string();
            let start = Instant::now();
            let mut tracer = self.tracer(hook, &["-o", "/dev/null", "-p", &pid]);
            let mut tracer = Running::start(&mut tracer, &self.dir)?;
            // Not what it says of its progress, one by one.
            tracer.said(&format!("Process {pid} attached"), LIMIT)?;
            attach.push(start.elapsed().as_millis());
            let start = Instant::now();
            tracer.signal(libc::SIGINT);
            tracer.finish(LIMIT)?.success(hook)?;
            detach.push(start.elapsed().as_millis());
        }
        Ok((least(&attach), least(&detach)))
    }

    /// How many times the CPU time of a call a traced one takes.
    fn cost(&self, hook: &str) -> Result<f64> {
        let calls = ["calls", "--batch", "--calls", "20000"];
        let (mut bare, mut traced) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let mut command = Command::new(calls[0]);
            command.args(&calls[1..]);
            bare.push(self.nanoseconds(&mut command)?);
            let options = ["-q", "-e", "getppid", "-o", "/dev/null", "--"];
            traced
                .push(self.nanoseconds(&mut self.tracer(hook, &[&options[..], &calls].concat()))?);
        }
        Ok(least(&traced) as f64 / least(&bare).max(1) as f64)
    }

    fn nanoseconds(&self, command: &mut Command) -> Result<u128> {
        let done = child::run(command, &self.dir, LIMIT)?.success("calls")?;
        Ok(done.number("cpu_ns_per_call")? as u128)
    }

    /// How many of the calls of more threads than there are processors arrive, and how many are told as missing.
    fn completeness(&self, hook: &str, transport: &str) -> Result<()> {
        let file = self.dir.file("trace");
        let name = file.to_string_lossy().into_owned();
        let (threads, calls) = (THREADS.to_string(), CALLS.to_string());
        let options = ["-q", "-e", "getppid", "--transport", transport, "-o", &name];
        let command = ["--", "calls", "--threads", &threads, "--calls", &calls];
        let mut tracer = self.tracer(hook, &[&options[..], &command].concat());
        let done = child::run(&mut tracer, &self.dir, LIMIT)?;
        if done.status != 0 {
            let why = done.stderr.trim().trim_start_matches("strace-ebpf: ");
            println!("{MARK}\trefused\t{hook}\t{transport}\t{why}");
            return Ok(());
        }
        let mut arrived = 0;
        for line in BufReader::new(File::open(&file)?).lines() {
            arrived += u64::from(line?.contains("\tgetppid\t"));
        }
        let told: u64 = done.stderr.lines().map(told_as_missing).sum();
        let all = THREADS * CALLS;
        println!("{MARK}\tcalls\t{hook}\t{transport}\t{arrived}\t{told}\t{all}");
        Ok(())
    }
}

/// The number of events that a message of the tracer gives up for lost.
fn told_as_missing(line: &str) -> u64 {
    let forms = [
        " events lost: ",
        " runs of the probes",
        " calls returned unseen",
    ];
    let number = |form: &&str| {
        let (before, _) = line.split_once(form)?;
        before.rsplit(' ').next()?.parse().ok()
    };
    forms.iter().find_map(number).unwrap_or(0)
}

fn least(values: &[u128]) -> u128 {
    values.iter().copied().min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_about_loss_are_understood() {
        for (line, number) in [
            ("strace-ebpf: 12 events lost: 20 seen, 8 delivered (…)", 12),
            (
                "strace-ebpf: the kernel skipped 5 runs of the probes: as many",
                5,
            ),
            ("strace-ebpf: 3 calls returned unseen: the kernel had", 3),
            ("strace-ebpf: attached to 7 of 9", 0),
        ] {
            assert_eq!(told_as_missing(line), number, "{line}");
        }
    }
}
