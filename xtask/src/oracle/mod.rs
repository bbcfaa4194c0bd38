//! `cargo xtask oracle`: the same commands under strace and under us, and what differs.
//!
//! Cases and the differences that are right are data in `tests/oracle`; what differs by nature between any two runs is
//! hidden by the one normaliser there. Both traces of every case stay in `target/oracle`.

mod case;
mod compare;
mod differences;
#[path = "../../../tests/oracle/normalize.rs"]
mod normalize;
mod report;
mod threads;
mod tracer;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::target_dir;
use crate::tools::{self, say};
use case::Case;
use compare::Outcome;
use differences::Differences;
use report::Report;

/// Options of `cargo xtask oracle`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only the cases whose name or command holds this text
    filter: Option<String>,
    /// Write the table to tests/oracle/results.txt
    #[arg(long)]
    update: bool,
    /// Compare the unoptimised build
    #[arg(long)]
    debug: bool,
    /// Differing lines that are shown for one case
    #[arg(long, value_name = "N", default_value_t = 60)]
    show: usize,
    /// Another strace to compare with than the one in PATH
    #[arg(
        long,
        value_name = "PATH",
        default_value = "strace",
        conflicts_with = "update"
    )]
    strace: String,
    /// Runs of a case whose threads race, of which the most alike pair counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    attempts: u32,
}

/// Where the data is, from the workspace's root.
const DATA: &str = "tests/oracle";

/// Runs the cases; an error when a goal is missed, a run failed, or a listed difference is no more.
pub(crate) fn run(options: &Options) -> Result<()> {
    let root = tools::workspace_root()?;
    if options.strace == "strace" && !tools::in_path("strace") {
        bail!("strace is not installed: there is nothing to compare with");
    }
    let version = version(&options.strace)?;
    let read = |name: &str| {
        let path = root.join(DATA).join(name);
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    };
    let cases = case::parse(&read("cases.txt")?)?;
    let mut differences = Differences::parse(&read("differences.txt")?, version)?;
    let built = build(&root, options.debug)?;
    let work = tracer::Work::new(&target_dir(&root).join("oracle"), &built, &options.strace)?;
    let mut report = Report::default();
    let wanted = |case: &&Case| {
        let filter = options.filter.as_deref();
        filter.is_none_or(|text| case.name.contains(text) || case.run.contains(text))
    };
    for case in cases.iter().filter(wanted) {
        for variant in 0..case.options.len() {
            let outcome = attempts(&work, case, variant, &mut differences, options.attempts)
                .with_context(|| format!("case {}", case.name))?;
            report.add(case, variant, outcome, options.show);
        }
    }
    report.finish(
        &differences,
        options.filter.is_none(),
        options
            .update
            .then(|| root.join(DATA).join("results.txt"))
            .as_deref(),
    )
}

/// What `strace -V` says.
fn version(strace: &str) -> Result<differences::Version> {
    let output = Command::new(strace).arg("-V").output();
    let output = output.with_context(|| format!("starting {strace}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let told = text
        .split_once("version ")
        .context("strace -V has no version")?;
    differences::version(told.1.split_whitespace().next().unwrap_or_default())
}

/// Threads that race may do something else each time: the run that is most alike counts.
fn attempts(
    work: &tracer::Work,
    case: &Case,
    variant: usize,
    differences: &mut Differences,
    most: u32,
) -> Result<Outcome> {
    let mut best: Option<Outcome> = None;
    for _ in 0..most {
        let theirs = work.run(case, variant, tracer::Which::Strace)?;
        let ours = work.run(case, variant, tracer::Which::Ours)?;
        let outcome = compare::compare(&case.name, &theirs, &ours, differences);
        let is_equal = outcome.diff.is_empty();
        if best
            .as_ref()
            .is_none_or(|best| outcome.diff.len() < best.diff.len())
        {
            best = Some(outcome);
        }
        if is_equal {
            break;
        }
    }
    best.context("no attempt was made")
}

/// Builds the program and the test programs; the folder that holds them.
fn build(root: &Path, debug: bool) -> Result<std::path::PathBuf> {
    let target = target_dir(root);
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--package", "strace-ebpf", "--bins", "--examples"]);
    if !debug {
        cargo.arg("--release");
    }
    say!("building the program and the test programs");
    tools::run(
        cargo
            .arg("--target-dir")
            .arg(&target)
            .arg("--manifest-path")
            .arg(root.join("Cargo.toml")),
    )?;
    Ok(target.join(if debug { "debug" } else { "release" }))
}
