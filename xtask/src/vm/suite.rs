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

/// Tests that have something else to show in a guest that was booted with these words; they run again there, with this
/// variable set.
const AGAIN: [(&str, &str, &str); 3] = [
    (
        "environments::lockdown",
        "lockdown=confidentiality",
        "STRACE_EBPF_TEST_LOCKDOWN",
    ),
    (
        "hooks::check_tells_the_truth_about_every_hook",
        "preempt=full",
        "",
    ),
    (
        "loss::whatever_hook_is_forced_no_event_is_missing_untold",
        "preempt=full",
        "",
    ),
];

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
        let mut failures = self.boot(guest, kernel, &plan, "", "")?;
        for (test, words, variable) in AGAIN {
            if plan.run.iter().any(|name| name == test) {
                say!("{}: {test} again with {words}", guest.name);
                let plan = Plan {
                    run: vec![test.to_owned()],
                    skipped: Vec::new(),
                };
                failures.extend(self.boot(guest, kernel, &plan, words, variable)?);
            }
        }
        for failure in &failures {
            say!("{}: {failure}", guest.name);
        }
        if !failures.is_empty() {
            bail!("{} of {} tests", failures.len(), plan.run.len());
        }
        Ok(format!(
            "Linux {}: {} tests passed, {} left out for the reasons above",
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

    /// Boots once with more `words` on the kernel's command line and a variable set; the failures of the plan's tests.
    fn boot(
        &self,
        guest: &Guest,
        kernel: &Kernel,
        plan: &Plan,
        words: &str,
        variable: &str,
    ) -> Result<Vec<String>> {
        let set = if variable.is_empty() {
            String::new()
        } else {
            format!("export {variable}=1\n")
        };
        // A process per test: what one of them does to itself, or hangs in, is not the next one's.
        let script = format!(
            "{set}for test in {}; do\n timeout -k 5 {} {} --exact $test 2>&1 ||\n \
             echo \"@vm failed $test $?\"\ndone\n",
            plan.run.join(" "),
            TEST_SECONDS * self.options.slow,
            self.built.tests.display(),
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
        let failures = results.failures(plan);
        match end {
            End::Exit(_) => Ok(failures),
            end => {
                for failure in &failures {
                    say!("{}: {failure}", guest.name);
                }
                Err(self.failure(&machine, &end))
            }
        }
    }
}
