//! strace(1) as the oracle: the same command line under both, and all that they say compared, after
//! what differs from run to run has been replaced.

use std::{os::unix::fs::symlink, process::Command};

use regex::Regex;

use crate::harness::{BIN, TempDir, run};

/// All that a tracer did.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// What is in the directory at the end, by name.
    pub files: Vec<(String, String)>,
}

/// The tracer under the name `strace`.
pub fn as_strace(dir: &TempDir) -> String {
    let link = dir.file("strace");
    symlink(BIN, &link).unwrap();
    link
}

/// Text without addresses, times and numbers of processes; the last keep their order.
pub fn steady(text: &str) -> String {
    let replace = |text: &str, pattern: &str, by: &str| {
        let regex = Regex::new(pattern).unwrap();
        regex.replace_all(text, by).into_owned()
    };
    let mut text = replace(text, r"0x[0-9a-f]{6,}", "ADDR");
    for (pattern, by) in [
        (r"\[[0-9a-f]{16}\]", "[IP]"),
        // Of a 32-bit call from a 64-bit program: more than there is room for.
        (r"\[[0-9a-f]{12}\] (\[|getpid\(\)) *", "[IP] $1 "),
        (r"\d\d:\d\d:\d\d", "CLOCK"),
        (r"\b1[789]\d{8}\b", "UNIX"),
        // Not the number after a file's name: `file.314` is a process.
        (r"(?m)(^|[^\w.]|CLOCK|UNIX)\d*\.\d{9}\b", "${1}NANOS"),
        (r"(?m)(^|[^\w.]|CLOCK|UNIX)\d*\.\d{6}\b", "${1}MICROS"),
        (r"(?m)(^|[^\w.]|CLOCK|UNIX)\d*\.\d{3}\b", "${1}MILLIS"),
        // What a child took is its own.
        (
            r"si_([us])time=(?:0|[1-9]\d* /\* \d+\.\d\d s \*/)",
            "si_${1}time=TIME",
        ),
        // The number of variables differs by the shell's own.
        (r"/\* \d+ vars \*/", "/* VARS */"),
        (r"\[pid +(\d+)\]", "[pid $1]"),
        (r"(?m)^(\d+) +", "$1 "),
    ] {
        text = replace(&text, pattern, by);
    }
    let mut seen: Vec<String> = Vec::new();
    let pids = Regex::new(r"\b\d{3,7}\b").unwrap();
    pids.replace_all(&text, |found: &regex::Captures<'_>| {
        let number = found[0].to_owned();
        let at = seen.iter().position(|old| *old == number);
        let at = at.unwrap_or_else(|| {
            seen.push(number);
            seen.len() - 1
        });
        format!("P{at}")
    })
    .into_owned()
}

fn told(tracer: &str, script: &str) -> Told {
    let dir = TempDir::new();
    let script = script.replace("STRACE", tracer);
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(dir.path());
    let output = run(command.stdin(std::process::Stdio::null()));
    let name = |text: &str| {
        let text = text.replace(&format!("{tracer}:"), "strace:");
        steady(&text.replace(&format!("'{tracer} -h'"), "'strace -h'"))
    };
    let mut files: Vec<(String, String)> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let text = std::fs::read(entry.path()).unwrap();
            let text = String::from_utf8_lossy(&text).into_owned();
            (steady(&entry.file_name().to_string_lossy()), name(&text))
        })
        .collect();
    files.sort();
    Told {
        code: output.status.code(),
        signal: output.signal(),
        stdout: name(&output.stdout),
        stderr: name(&output.stderr),
        files,
    }
}

/// Runs the script, in which STRACE stands for the tracer, under both, in a directory of its own each.
#[track_caller]
pub fn assert_same(script: &str) {
    let dir = TempDir::new();
    let ours = as_strace(&dir);
    let (theirs, mine) = (told("strace", script), told(&ours, script));
    assert_eq!(mine, theirs, "{script}");
}

/// The same for several.
#[track_caller]
pub fn assert_all_same(scripts: &[&str]) {
    for script in scripts {
        assert_same(script);
    }
}
