//! `cargo xtask test`: builds everything, then runs the unit tests and the end-to-end tests.
//!
//! The end-to-end tests trace real programs and need the privilege to load probes. Where it is missing, cargo runs
//! them through sudo and everything else as the user who called us; no test is left out.
//!
//! What fails in a whole run is run once more, alone: machines stall. A test that passes then does not fail the run, but
//! is told by name at its end.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::run::{Privilege, privilege, sudo_prefix};
use crate::tools::{self, say};

/// Makes the strace-ebpf under test load the object in this file instead of the embedded one.
const PROBES_VARIABLE: &str = "STRACE_EBPF_PROBES";

/// Options of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Test these compiled probes instead of the ones embedded in the program
    #[arg(long, value_name = "FILE")]
    probes: Option<PathBuf>,
    /// Run the end-to-end tests only
    #[arg(long)]
    e2e: bool,
    /// A filter and other arguments for every test program, such as `--nocapture`
    #[arg(last = true)]
    args: Vec<OsString>,
}

/// Runs the tests; an error when any failed, after all have run.
pub(crate) fn run(options: &Options) -> Result<()> {
    let root = tools::workspace_root()?;
    let probes = match &options.probes {
        Some(file) => Some(
            file.canonicalize()
                .with_context(|| format!("finding the probes {}", file.display()))?,
        ),
        None => None,
    };
    let cargo = |args: &[&str]| {
        let mut command = Command::new("cargo");
        command.current_dir(&root).arg("test").args(args);
        if let Some(file) = &probes {
            command.env(PROBES_VARIABLE, file);
        }
        command
    };

    // One build for all, by one profile: `cargo test` without a choice of targets also builds the examples, which the
    // end-to-end tests start from `examples/` beside their own `deps/`.
    say!("building the tests and the test programs");
    tools::run(&mut cargo(&["--no-run"]))?;

    let passes = || passes(privilege()?, options.e2e, probes.as_deref(), &cargo);
    let (mut failed, mut unsteady) = (Vec::new(), Vec::new());
    for (index, (what, mut command)) in passes()?.into_iter().enumerate() {
        say!("running {what}");
        command.args(["--no-fail-fast", "--"]).args(&options.args);
        let Outcome { passed, tests } = watch(&mut command, &mut std::io::stdout())?;
        if passed {
            continue;
        }
        // Whoever asks for some tests wants to see them fail.
        if tests.is_empty() || tests.len() > MOST_AGAIN || !options.args.is_empty() {
            failed.push(what);
            continue;
        }
        say!("running again, alone: {}", tests.join(", "));
        let (_, mut command) = passes()?.swap_remove(index);
        command.args(["--no-fail-fast", "--", "--test-threads=1", "--exact"]);
        if watch(command.args(&tests), &mut std::io::stdout())?.passed {
            unsteady.extend(tests);
        } else {
            failed.push(what);
        }
    }
    if !unsteady.is_empty() {
        say!("PASSED ONLY THE SECOND TIME: {}", unsteady.join(", "));
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// More failures than this are not the machine's fault.
const MOST_AGAIN: usize = 3;

/// What became of a test program's run.
struct Outcome {
    passed: bool,
    /// The tests that failed.
    tests: Vec<String>,
}

/// Runs tests and shows what they say.
fn watch(command: &mut Command, shown: &mut dyn Write) -> Result<Outcome> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("starting cargo")?;
    let mut tests = Vec::new();
    let said = child.stdout.take().context("cargo has no output")?;
    for line in BufReader::new(said).split(b'\n') {
        let mut line = line.context("reading what cargo says")?;
        tests.extend(failed_test(&String::from_utf8_lossy(&line)).map(str::to_owned));
        line.push(b'\n');
        shown
            .write_all(&line)
            .context("passing on what cargo says")?;
    }
    let passed = child.wait().context("waiting for cargo")?.success();
    Ok(Outcome { passed, tests })
}

/// The test that this line of a test program's output says has failed.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

/// The runs of `cargo test` that make up a whole test, each with its name.
fn passes(
    privilege: Privilege,
    e2e_only: bool,
    probes: Option<&Path>,
    cargo: &dyn Fn(&[&str]) -> Command,
) -> Result<Vec<(&'static str, Command)>> {
    // No `--package` anywhere: another set of packages would mean other features, and another build.
    let end_to_end = ["--test", "e2e"];
    Ok(match (privilege, e2e_only) {
        (Privilege::Ours, false) => vec![("all tests", cargo(&[]))],
        (Privilege::Ours, true) => vec![("the end-to-end tests", cargo(&end_to_end))],
        (Privilege::Sudo, e2e_only) => {
            let mut privileged = cargo(&end_to_end);
            privileged.arg("--config").arg(sudo_runner(probes)?);
            let mut passes = vec![("the end-to-end tests, through sudo", privileged)];
            if !e2e_only {
                passes.insert(0, ("the documentation tests", cargo(&["--doc"])));
                let own = cargo(&["--lib", "--bins", "--test", "fuzz"]);
                passes.insert(0, ("the unit and property tests", own));
            }
            passes
        }
    })
}

/// A cargo setting that makes it start test programs through sudo. The variables cargo gives a test program at run
/// time do not survive sudo; the tests use those fixed when they were compiled.
fn sudo_runner(probes: Option<&Path>) -> Result<OsString> {
    let mut words = sudo_prefix(&["RUST_BACKTRACE", "RUST_TEST_THREADS", "CI"]);
    if let Some(file) = probes {
        let mut word = OsString::from(format!("{PROBES_VARIABLE}="));
        word.push(file);
        words.push(word);
    }
    let words: Vec<_> = words
        .iter()
        .map(|word| toml_string(word))
        .collect::<Result<_>>()?;
    Ok(format!("target.'cfg(unix)'.runner=[{}]", words.join(",")).into())
}

/// A TOML basic string; see "String" in the TOML 1.0 text.
fn toml_string(word: &OsStr) -> Result<String> {
    let word = word
        .to_str()
        .with_context(|| format!("{} is not UTF-8", word.display()))?;
    if word.contains(char::is_control) {
        bail!("{word:?} holds a control character");
    }
    Ok(format!(
        "\"{}\"",
        word.replace('\\', "\\\\").replace('"', "\\\"")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_tests_by_name() {
        let name = failed_test("test loss::a_slow_reader ... FAILED");
        assert_eq!(name, Some("loss::a_slow_reader"));
        for line in [
            "test a::b ... ok",
            "test result: FAILED. 1 passed",
            "failures:",
        ] {
            assert_eq!(failed_test(line), None);
        }
    }

    #[test]
    fn what_is_said_and_how_it_ends_is_told() {
        let script = "echo 'test a ... ok'; echo 'test b ... FAILED'; exit 101";
        // Not on our own output, where it would count as a failure of ours.
        let mut shown = Vec::new();
        let outcome =
            watch(Command::new("sh").args(["-c", script]), &mut shown).expect("sh is there");
        assert_eq!(shown, b"test a ... ok\ntest b ... FAILED\n");
        assert!(!outcome.passed);
        assert_eq!(outcome.tests, ["b"]);
    }

    fn lines(privilege: Privilege, e2e_only: bool) -> Vec<String> {
        let cargo = |args: &[&str]| {
            let mut command = Command::new("cargo");
            command.arg("test").args(args);
            command
        };
        let passes = passes(privilege, e2e_only, Some(Path::new("/p.o")), &cargo);
        let lines = passes.map(|passes| {
            let mut lines: Vec<_> = passes.iter().map(|(_, c)| tools::line(c)).collect();
            lines.iter_mut().for_each(|line| {
                line.truncate(line.find("--config").map_or(line.len(), |at| at + 8));
            });
            lines
        });
        lines.unwrap_or_default()
    }

    #[test]
    fn only_the_end_to_end_tests_go_through_sudo() {
        use Privilege::{Ours, Sudo};
        assert_eq!(lines(Ours, false), ["cargo test"]);
        assert_eq!(lines(Ours, true), ["cargo test --test e2e"]);
        assert_eq!(lines(Sudo, true), ["cargo test --test e2e --config"]);
        assert_eq!(
            lines(Sudo, false),
            [
                "cargo test --lib --bins --test fuzz",
                "cargo test --doc",
                "cargo test --test e2e --config"
            ]
        );
    }

    #[test]
    fn toml_strings_are_quoted() {
        let cases = [
            ("sudo", Some("\"sudo\"")),
            ("PATH=/a b:/\"c\\", Some("\"PATH=/a b:/\\\"c\\\\\"")),
            ("a\nb", None),
        ];
        for (word, want) in cases {
            let got = toml_string(OsStr::new(word)).ok();
            assert_eq!(got.as_deref(), want, "{word:?}");
        }
    }
}
