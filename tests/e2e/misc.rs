//! Options about the tracer itself: `-d`, `-h`, `-V`, `--tips`, `--seccomp-bpf`.

use std::process::Command;

use regex::Regex;

use crate::{
    harness::{TempDir, run, shared, tracer},
    oracle::{as_strace, assert_all_same},
};

/// Our filter is in the kernel with or without it; where strace says that it has no effect, so do we.
#[test]
fn a_filter_that_is_always_in_the_kernel() {
    let _machine = shared();
    let set = "-e trace=exit_group sh -c '/bin/true & wait'";
    assert_all_same(&[
        &format!("STRACE --seccomp-bpf -f -e signal=none {set}"),
        &format!("STRACE --seccomp-bpf {set}"),
        "STRACE --seccomp-bpf -f -b execve -e trace=close true",
        "STRACE --seccomp-bpf -f -e trace=all true 2>&1 | head -n 1",
        "sleep 2 & STRACE --seccomp-bpf -f -e trace=exit_group -p $!",
    ]);
}

#[test]
fn tips() {
    let _machine = shared();
    assert_all_same(&[
        "STRACE --tips=none -e trace=none true",
        "STRACE --tips=format:none,id:3 -e trace=close true",
        "STRACE --tips=foo true",
        "STRACE --tips=-1 true",
        "STRACE --tips=format:x true",
        "STRACE --tips",
    ]);
    let told = |option: &str| {
        let output = run(&mut tracer(&[
            option,
            "-e",
            "trace=none",
            "--",
            "sh",
            "-c",
            "exit 3",
        ]));
        assert_eq!(output.code(), 3, "{output:?}");
        output.stderr
    };
    let (first, again, other) = (
        told("--tips=1"),
        told("--tips=id:1,compact"),
        told("--tips=2"),
    );
    assert!(
        first.contains("-c counts calls") && first == again && first != other,
        "{first}"
    );
    let full = told("--tips=1,full");
    assert!(
        full.starts_with(&first) && full.len() > first.len(),
        "{full}"
    );
    assert!(told("--tips").contains(" | "));
}

#[test]
fn what_the_tracer_does() {
    let _machine = shared();
    let output = run(&mut tracer(&[
        "-d",
        "-e",
        "trace=exit_group",
        "-o",
        "/dev/null",
        "true",
    ]));
    let has = |words: &str| {
        output
            .stderr
            .lines()
            .any(|line| line.starts_with("strace-ebpf: ") && line.contains(words))
    };
    for words in [
        "Linux ",
        "hook ",
        "probes attached",
        "command started as process ",
        "detached: ",
    ] {
        assert!(has(words), "{words}: {output:?}");
    }
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert!(has(release.trim()), "{output:?}");
    let quiet = run(&mut tracer(&[
        "-e",
        "trace=exit_group",
        "-o",
        "/dev/null",
        "true",
    ]));
    assert_eq!(quiet.stderr, "");
}

/// What scripts look for in strace's version and help.
#[test]
fn version_and_help_called_strace() {
    let _machine = shared();
    let dir = TempDir::new();
    let strace = as_strace(&dir);
    let text = |tracer: &str, option: &str| {
        let output = run(Command::new(tracer).arg(option));
        assert_eq!(
            (output.code(), output.stderr.as_str()),
            (0, ""),
            "{output:?}"
        );
        output.stdout
    };
    let shape = Regex::new(r"^strace -- version \d+\.\d+").unwrap();
    let long = Regex::new(r"--[a-z][a-z0-9-]+").unwrap();
    for option in ["-V", "--version"] {
        let (ours, theirs) = (text(&strace, option), text("strace", option));
        assert!(shape.is_match(&ours) && shape.is_match(&theirs), "{ours}");
        let features = |text: &str| {
            text.lines()
                .any(|line| line.starts_with("Optional features enabled: "))
        };
        assert!(features(&ours) && features(&theirs), "{ours}");
    }
    for option in ["-h", "--help"] {
        let (ours, theirs) = (text(&strace, option), text("strace", option));
        assert!(
            ours.starts_with("Usage: strace ") && theirs.starts_with("Usage: strace "),
            "{ours}"
        );
        assert!(!ours.contains("strace-ebpf"), "{ours}");
        // Each long option of strace is named, or refused by name.
        for found in long.find_iter(&theirs) {
            let option = found.as_str();
            let named = ours.contains(option);
            let refused = || {
                run(Command::new(crate::harness::BIN).args([&format!("{option}=x"), "true"])).stderr
            };
            assert!(
                named || refused().contains("known from strace"),
                "{option}: {}",
                refused()
            );
        }
    }
    let own = text(crate::harness::BIN, "-V");
    assert!(own.starts_with("strace-ebpf "), "{own}");
}
