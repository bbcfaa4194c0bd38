//! The end-to-end tests in one guest: those that are to run there, in one boot or more, and what became of them.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::Vm;
use super::boot::End;
use super::guests::{GUESTS, Guest};
use super::kernel::Kernel;
use super::results::{self, Plan, Results};
use crate::tools::say;

/// Seconds for one test in a guest, per unit of `--slow`.
const TEST_SECONDS: u32 = 40;

/// Where more tests than this fail, it is not by chance: they are not run once more.
const UNLUCKY: usize = 8;

/// A guest that is booted once more, for tests that have something else to show there.
struct OtherBoot {
    /// For the kernel's command line.
    words: &'static str,
    /// Kernels on which these words do nothing.
    not_on: &'static [&'static str],
    /// Set for the tests.
    variable: &'static str,
    tests: &'static [&'static str],
}

const OTHER_BOOTS: [OtherBoot; 2] = [
    OtherBoot {
        words: "lockdown=confidentiality",
        not_on: &[],
        variable: "STRACE_EBPF_TEST_LOCKDOWN",
        tests: &["environments::lockdown"],
    },
    OtherBoot {
        words: "preempt=full",
        // It came with Linux 5.12.
        not_on: &["5.10"],
        variable: "STRACE_EBPF_TEST_PREEMPT",
        tests: &[
            "hooks::check_tells_the_truth_about_every_hook",
            "loss::whatever_hook_is_forced_no_event_is_missing_untold",
        ],
    },
];

/// What one boot or several say of the tests.
#[derive(Debug, Default)]
struct Outcome {
    failures: Vec<String>,
    /// Tests that failed, and passed when they were run once more.
    flaky: Vec<String>,
}

impl Vm<'_> {
    /// Runs the tests.
    pub(super) fn suite(&self, guest: &Guest, kernel: &Kernel, tests: &[String]) -> Result<String> {
        let plan = self.plan(guest, tests)?;
        if plan.run.is_empty() {
            return Ok("no tests of that name".into());
        }
        say!(
            "{}: Linux {}: {} tests",
            guest.name,
            kernel.version,
            plan.run.len()
        );
        let mut outcome = self.boot(guest, kernel, &plan, "", "")?;
        let others = OTHER_BOOTS.iter();
        for other in others.filter(|other| !other.not_on.contains(&guest.name)) {
            let words = other.words;
            let run = other.tests.iter().map(|test| (*test).to_owned());
            let plan = Plan {
                run: run.filter(|test| plan.run.contains(test)).collect(),
                skipped: Vec::new(),
            };
            if !plan.run.is_empty() {
                say!(
                    "{}: again with {words}: {}",
                    guest.name,
                    plan.run.join(", ")
                );
                let other = self.boot(guest, kernel, &plan, words, other.variable)?;
                let named = |list: Vec<String>| list.into_iter().map(|t| format!("{t} ({words})"));
                outcome.failures.extend(named(other.failures));
                outcome.flaky.extend(named(other.flaky));
            }
        }
        for failure in &outcome.failures {
            say!("{}: {failure}", guest.name);
        }
        for test in &outcome.flaky {
            say!(
                "{}: FLAKY: {test}: failed, and passed when run once more, alone",
                guest.name
            );
        }
        let flaky = match &outcome.flaky[..] {
            [] => String::new(),
            flaky => format!(", FLAKY: {}", flaky.join(", ")),
        };
        if !outcome.failures.is_empty() {
            let failed = outcome.failures.len();
            bail!("{failed} of {} tests{flaky}", plan.run.len());
        }
        Ok(format!(
            "Linux {}: {} tests passed{flaky}, {} left out for the reasons above",
            kernel.version,
            plan.run.len(),
            plan.skipped.len()
        ))
    }

    /// What is to run on this guest.
    fn plan(&self, guest: &Guest, tests: &[String]) -> Result<Plan> {
        let file = self.root.join("tests/guests.txt");
        let text =
            fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let kernels = GUESTS.map(|guest| guest.name);
        let skips = results::parse_skips(&text, &kernels, tests)?;
        let plan = Plan::new(tests, &self.options.filters, &skips, guest.name);
        for (test, reason) in &plan.skipped {
            say!("{}: not run: {test}: {reason}", guest.name);
        }
        Ok(plan)
    }

    /// Boots once with more `words` on the kernel's command line and a variable set, and runs the plan's tests.
    fn boot(
        &self,
        guest: &Guest,
        kernel: &Kernel,
        plan: &Plan,
        words: &str,
        variable: &str,
    ) -> Result<Outcome> {
        let set = match variable {
            "" => String::new(),
            name => format!("export {name}=1\n"),
        };
        // A process per test: what one of them does to itself, or hangs in, is not the next one's.
        let script = format!(
            "{set}run() {{ timeout -k 5 {} {} --exact $1 2>&1; }}\n\
             failed=\n\
             for test in {}; do\n run $test || {{ echo \"@vm failed $test $?\"; failed+=\" $test\"; }}\ndone\n\
             if [ $(wc -w <<<$failed) -le {UNLUCKY} ]; then\n \
             for test in $failed; do\n  echo \"{}$test\"\n  run $test || echo \"@vm failed $test $?\"\n done\nfi\n",
            TEST_SECONDS * self.options.slow,
            self.built.tests.display(),
            plan.run.join(" "),
            results::AGAIN,
        );
        let initramfs = self.initramfs(guest, script, false)?;
        let mut machine = self.machine(guest, kernel, &initramfs);
        machine.parameters = format!("{} {words}", machine.parameters);
        let mut results = Results::default();
        let start = Instant::now();
        let end = machine.run(&mut |line| {
            let seconds = start.elapsed().as_secs();
            if let Some(inside) = line.strip_prefix("@vm ready ") {
                say!(
                    "{}: up after {seconds} s ({inside} s by its own clock)",
                    guest.name
                );
            } else if results.line(line) || !results::is_noise(line) {
                println!("{} {seconds:4} s  {line}", guest.name);
            }
        })?;
        let outcome = Outcome {
            failures: results.failures(plan),
            flaky: results.flaky(),
        };
        match end {
            End::Exit(_) => Ok(outcome),
            end => {
                for failure in &outcome.failures {
                    say!("{}: {failure}", guest.name);
                }
                Err(self.failure(&machine, &end))
            }
        }
    }
}
