//! `cargo xtask bench`: what tracing costs, and what strace, perf trace and bpftrace cost on the same work.
//!
//! Every group interleaves its variants in rounds within one run and reports medians, so that a busy machine disturbs
//! all of them alike; time per call is CPU time of the calling threads, and wall time where tracers stop them. One table goes to standard output, all samples
//! to a JSON file. The program that makes the calls is `tests/programs/calls.rs`.

pub(crate) mod child;
mod cost;
mod figures;
mod machine;
mod packages;
mod per_call;
mod rate;
mod real;
mod rounds;
mod slowdown;
mod start;
mod tracers;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::target_dir;
use crate::tools::{self, say};
use figures::Report;
use tracers::Tracer;

/// Options of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Few and short rounds: to see that everything runs, not to compare with a bar
    #[arg(long)]
    quick: bool,
    /// Only this group; may be given more than once
    #[arg(long, value_name = "NAME", value_parser = GROUPS.map(|(name, _)| name))]
    only: Vec<String>,
    /// Rounds of every group
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// Another build of strace-ebpf, measured in the same rounds
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Where the samples go
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

type Group = fn(&Bench, &mut Report) -> Result<()>;
const GROUPS: [(&str, Group); 6] = [
    ("per-call", per_call::run),
    ("slowdown", slowdown::run),
    ("rate", rate::run),
    ("start", start::run),
    ("cost", cost::run),
    ("real", real::run),
];

/// What every group needs.
struct Bench {
    quick: bool,
    rounds: Option<usize>,
    /// Makes the calls.
    calls: PathBuf,
    /// The release build, and with `--against` another one.
    ours: Vec<Tracer>,
    /// What else is installed.
    others: Vec<Tracer>,
    /// For traces and working files; removed at the end.
    dir: child::TempDir,
}

impl Bench {
    /// Rounds of a group: what was asked for, or `full`.
    fn rounds(&self, full: usize) -> usize {
        self.rounds.unwrap_or(if self.quick { 2 } else { full })
    }

    /// A size of work.
    fn size(&self, quick: u64, full: u64) -> u64 {
        if self.quick { quick } else { full }
    }

    /// All tracers, ours first.
    fn tracers(&self) -> impl Iterator<Item = &Tracer> {
        self.ours.iter().chain(&self.others)
    }
}

/// Builds, measures, prints.
pub(crate) fn run(options: &Options) -> Result<()> {
    if crate::run::privilege()? == crate::run::Privilege::Sudo {
        bail!("the benchmark traces: run it as root, or with CAP_BPF and CAP_PERFMON");
    }
    let root = tools::workspace_root()?;
    let target = target_dir(&root);
    say!("building the release program and the program that makes calls");
    let build = [
        "build",
        "--release",
        "-p",
        "strace-ebpf",
        "--bins",
        "--example",
        "calls",
    ];
    let mut cargo = Command::new("cargo");
    cargo
        .args(build)
        .current_dir(&root)
        .arg("--target-dir")
        .arg(&target);
    tools::run(&mut cargo)?;

    let mut ours = vec![Tracer::ours(
        "strace-ebpf",
        target.join("release/strace-ebpf"),
    )];
    if let Some(before) = &options.against {
        let before = before
            .canonicalize()
            .with_context(|| format!("finding {}", before.display()))?;
        ours.push(Tracer::ours("before", before));
    }
    let bench = Bench {
        quick: options.quick,
        rounds: options.rounds,
        calls: target.join("release/examples/calls"),
        ours,
        others: Tracer::installed(),
        dir: child::TempDir::new()?,
    };
    let mut report = Report::new(machine::describe(&root)?);
    for (name, group) in GROUPS {
        if options.only.is_empty() || options.only.iter().any(|only| only == name) {
            say!("measuring: {name}");
            group(&bench, &mut report).with_context(|| format!("measuring {name}"))?;
        }
    }
    report.close();
    print!("{}", report.table());
    let json = options
        .json
        .clone()
        .unwrap_or_else(|| target.join("bench.json"));
    std::fs::write(&json, report.json()?).with_context(|| format!("writing {}", json.display()))?;
    say!("all samples: {}", json.display());
    Ok(())
}
