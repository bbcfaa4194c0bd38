//! How much longer a traced program takes: wall time added to its calls, by us and by the others, and the ratio.
//!
//! CPU time of the caller (`per_call`) leaves out what a tracer that stops the caller does meanwhile.

use anyhow::Result;

use super::Bench;
use super::figures::{Bar, Report};
use super::per_call::{self, Clock};
use super::rounds::{Job, interleave};

const GROUP: &str = "slowdown: added to one call (wall time)";

/// Kind of call as `calls` names it, and how many times less than by strace it is to be slowed.
const CALLS: [(&str, Bar); 3] = [
    ("getppid", Bar::AtLeast(300.0)),
    ("access", Bar::None),
    ("write64", Bar::None),
];

pub(super) fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let mut jobs = Vec::new();
    for (kind, _) in CALLS {
        let calls = bench.size(100_000, 2_000_000);
        jobs.push(Job::new(kind, move || {
            per_call::bare(bench, Clock::Wall, kind, calls)
        }));
        for tracer in bench.tracers() {
            let calls = per_call::calls_of(bench, tracer, calls);
            jobs.push(Job::new(format!("{kind} {}", tracer.name), move || {
                per_call::traced(bench, Clock::Wall, tracer, &[], kind, calls)
            }));
        }
    }
    let samples = interleave(bench.rounds(9), jobs);
    for (kind, bar) in CALLS {
        let added = |tracer: &str| {
            samples.pair(&format!("{kind} {tracer}"), kind, |with, without| {
                with - without
            })
        };
        for tracer in bench.tracers() {
            let name = format!("{}: {kind}", tracer.name);
            report.add(GROUP, name, "ns", added(tracer.name), Bar::None);
        }
        for tracer in &bench.ours {
            let ratios = added("strace")
                .iter()
                .zip(added(tracer.name))
                .map(|(theirs, ours)| theirs / ours)
                .collect();
            let name = format!("strace / {}: {kind}", tracer.name);
            report.add(GROUP, name, "times", ratios, bar);
        }
    }
    Ok(())
}
