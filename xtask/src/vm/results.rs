//! Which tests a guest is to run, what it said about each, and whether that is good.
//!
//! A test may be left out by name only, with the reason in `tests/guests.txt`. Everything else has to pass.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

/// One line of `tests/guests.txt`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Skip {
    kernels: Vec<String>,
    test: String,
    reason: String,
}

impl Skip {
    fn is_about(&self, test: &str) -> bool {
        match self.test.strip_suffix('*') {
            Some(start) => test.starts_with(start),
            None => self.test == test,
        }
    }
}

/// Reads `tests/guests.txt`; names that are no kernel and no test are errors, so that no entry outlives its test. So is a
/// test that is left out everywhere, but not by one line that says `all`.
pub(super) fn parse_skips(text: &str, kernels: &[&str], tests: &[String]) -> Result<Vec<Skip>> {
    let mut skips = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut words = line.splitn(3, ' ');
        let (Some(list), Some(test), Some(reason)) = (words.next(), words.next(), words.next())
        else {
            bail!("tests/guests.txt: no reason: {line}");
        };
        let list: Vec<String> = match list {
            "all" => kernels.iter().map(|name| (*name).to_owned()).collect(),
            list => list.split(',').map(str::to_owned).collect(),
        };
        if let Some(name) = list.iter().find(|name| !kernels.contains(&name.as_str())) {
            bail!("tests/guests.txt: no kernel {name}: {line}");
        }
        let skip = Skip {
            kernels: list,
            test: test.to_owned(),
            reason: reason.trim().to_owned(),
        };
        if !tests.iter().any(|name| skip.is_about(name)) {
            bail!("tests/guests.txt: no test {test}");
        }
        skips.push(skip);
    }
    for test in tests {
        let mine: Vec<_> = skips.iter().filter(|skip| skip.is_about(test)).collect();
        let left_out = |name: &&str| {
            mine.iter()
                .any(|skip| skip.kernels.iter().any(|k| k == name))
        };
        let everywhere = mine.iter().any(|skip| skip.kernels.len() == kernels.len());
        if kernels.iter().all(left_out) && !everywhere {
            bail!("tests/guests.txt: no guest runs {test}");
        }
    }
    Ok(skips)
}

/// The tests in what a test program prints for `--list`.
pub(super) fn listed(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
    names.map(str::to_owned).collect()
}

/// What one guest is to run.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) run: Vec<String>,
    /// Left out: name and reason.
    pub(super) skipped: Vec<(String, String)>,
}

impl Plan {
    /// Tests whose names hold one of `filters` (all, without any), short of those left out on this kernel.
    pub(super) fn new(tests: &[String], filters: &[String], skips: &[Skip], kernel: &str) -> Self {
        let mut plan = Self::default();
        for test in tests {
            if !filters.is_empty() && !filters.iter().any(|filter| test.contains(filter)) {
                continue;
            }
            let skip = skips
                .iter()
                .find(|skip| skip.is_about(test) && skip.kernels.iter().any(|name| name == kernel));
            match skip {
                Some(skip) => plan.skipped.push((test.clone(), skip.reason.clone())),
                None => plan.run.push(test.clone()),
            }
        }
        plan
    }
}

/// What became of the tests, filled line by line.
#[derive(Debug, Default)]
pub(super) struct Results {
    outcomes: BTreeMap<String, String>,
    /// Of tests that were run once more: what became of them at first.
    first: BTreeMap<String, String>,
}

/// The beginning of the line with which a guest says that it runs a test once more.
pub(super) const AGAIN: &str = "@vm again ";

const NO_END: &str = "did not end";

impl Results {
    /// Takes a line of a test program's output; true when it is the outcome of a test.
    pub(super) fn line(&mut self, line: &str) -> bool {
        let outcome = || {
            let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
            Some((name.to_owned(), outcome.to_owned()))
        };
        if let Some(name) = line.strip_prefix(AGAIN) {
            let outcome = self.outcomes.remove(name);
            let outcome = outcome.unwrap_or_else(|| NO_END.to_owned());
            self.first.insert(name.to_owned(), outcome);
            return true;
        }
        match outcome() {
            Some((name, outcome)) => {
                self.outcomes.insert(name, outcome);
                true
            }
            None => false,
        }
    }

    /// Tests that passed only when they were run once more.
    pub(super) fn flaky(&self) -> Vec<String> {
        let passed = |name: &&String| is_ok(self.outcomes.get(*name));
        self.first.keys().filter(passed).cloned().collect()
    }

    /// Tests of the plan that did not pass, each with what was said of it.
    pub(super) fn failures(&self, plan: &Plan) -> Vec<String> {
        let mut failures: Vec<String> = Vec::new();
        for test in &plan.run {
            let outcome = self.outcomes.get(test);
            if !is_ok(outcome) {
                let outcome = outcome.map_or(NO_END, String::as_str);
                failures.push(format!("{test}: {outcome}"));
            }
        }
        let known: BTreeSet<_> = plan.run.iter().collect();
        let strays = self.outcomes.keys().filter(|name| !known.contains(name));
        failures.extend(strays.map(|name| format!("{name}: ran though nobody asked for it")));
        failures
    }
}

fn is_ok(outcome: Option<&String>) -> bool {
    outcome.is_some_and(|outcome| outcome.starts_with("ok"))
}

/// What a test program says of every run, which nobody needs to read for each test.
pub(super) fn is_noise(line: &str) -> bool {
    let always = [
        "running 1 test",
        "test result: ok",
        "failures:",
        "note: run with",
    ];
    line.trim().is_empty() || always.iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_test_is_left_out_only_by_its_name_and_with_a_reason() -> Result<()> {
        let tests = names(&["a::one", "a::two", "b::one"]);
        let kernels = ["6.1", "6.12"];
        let parse = |text: &str| parse_skips(text, &kernels, &tests);
        let skips = parse("# x\n6.1 a::one too slow there\nall b::one no reason why\n")?;
        let plan = Plan::new(&tests, &[], &skips, "6.1");
        assert_eq!(plan.run, ["a::two"]);
        assert_eq!(
            plan.skipped[0],
            ("a::one".to_owned(), "too slow there".to_owned())
        );
        let plan = Plan::new(&tests, &names(&["one"]), &skips, "6.12");
        assert_eq!((plan.run, plan.skipped.len()), (names(&["a::one"]), 1));
        let skips = parse("6.1 a::* too slow there\n6.12 b::o* why")?;
        assert_eq!(Plan::new(&tests, &[], &skips, "6.1").run, ["b::one"]);
        let rest = names(&["a::one", "a::two"]);
        assert_eq!(Plan::new(&tests, &[], &skips, "6.12").run, rest);
        for wrong in [
            "6.1 a::one",
            "6.2 a::one why",
            "6.1 a::none why",
            "6.1 c::* why",
            "6.1 a::* why\n6.12 a::two why",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        Ok(())
    }

    #[test]
    fn what_did_not_pass_failed() {
        let plan = Plan {
            run: names(&["a", "b", "c", "d"]),
            skipped: Vec::new(),
        };
        let mut results = Results::default();
        assert!(results.line("test a ... ok"));
        assert!(results.line("test b ... FAILED"));
        assert!(results.line("test c ... ignored"));
        assert!(!results.line("test result: FAILED. 1 passed"));
        assert!(results.line("test x ... ok"));
        let failures = results.failures(&plan);
        let want = [
            "b: FAILED",
            "c: ignored",
            "d: did not end",
            "x: ran though nobody asked for it",
        ];
        assert_eq!(failures, want);
        assert!(results.flaky().is_empty());
    }

    #[test]
    fn what_passes_when_run_again_is_flaky() {
        let plan = Plan {
            run: names(&["a", "b", "c", "d"]),
            skipped: Vec::new(),
        };
        let mut results = Results::default();
        for line in [
            "test a ... ok",
            "test b ... FAILED",
            "test c ... FAILED",
            "@vm again b",
            "test b ... ok",
            "@vm again c",
            "test c ... FAILED",
            "@vm again d",
            "test d ... ok",
        ] {
            assert!(results.line(line), "{line}");
        }
        assert_eq!(results.failures(&plan), ["c: FAILED"]);
        assert_eq!(results.flaky(), ["b", "d"]);
    }

    #[test]
    fn tests_are_listed() {
        assert_eq!(
            listed("a::b: test\nc: benchmark\n\n2 tests, 0 benchmarks\n"),
            ["a::b"]
        );
    }
}
