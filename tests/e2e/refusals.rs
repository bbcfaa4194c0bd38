//! Command lines that are refused, and spellings that are not.

use std::process::Command;

use crate::{
    errors::assert_refused,
    harness::{BIN, run, shared, tracer},
};

#[test]
fn command_lines_that_make_no_sense() {
    let _machine = shared();
    for (line, words) in [
        (&[][..], &[][..]),
        (&["--no-such-flag", "true"], &["--no-such-flag"]),
        (&["-p", "x"], &["x"]),
        (&["-p", "0"], &["0"]),
        (&["-p", ""], &[]),
        (
            &["--buffer-size", "lots", "true"],
            &["--buffer-size", "lots"],
        ),
        (&["-s", "x", "true"], &["x"]),
        (&["--transport", "x", "true"], &["x"]),
        (&["-q", "-e", "quiet=exit", "true"], &["-q", "quiet"]),
        (&["-e", "status=good", "true"], &["status", "good"]),
        (&["-e", "signal=good", "true"], &["signal", "good"]),
        (&["-I", "5", "true"], &["-I", "5"]),
        (&["-b", "open", "true"], &["open", "-b"]),
        (&["-DDDD", "true"], &["-D"]),
        (&["-D", "-p", "1"], &["-D"]),
        (&["-e", "trace=no_such_call", "true"], &["no_such_call"]),
        (&["--format", "x", "true"], &["x"]),
        (&["--format", "json", "true"], &["json"]),
        (&["--format", "bin", "true"], &["bin"]),
        (&["-p", "1", "-a"], &[]),
        (&["-o"], &["-o"]),
    ] {
        assert_refused(&run(&mut tracer(line)), 2, words);
    }
}

/// Flags of strace that are not built yet are refused by name; never taken for the command.
#[test]
fn flags_of_strace_that_are_not_there_yet() {
    let _machine = shared();
    for flag in ["--secontext", "--kvm=vcpu"] {
        let name = flag.split('=').next().unwrap();
        for line in [&[flag, "true"][..], &["-f", flag, "--", "true"], &[flag]] {
            assert_refused(&run(&mut tracer(line)), 2, &[name]);
        }
    }
    assert_refused(&run(&mut tracer(&["--read", "x", "true"])), 2, &["--read"]);
}

/// Values may stand beside short flags, and flags together, as in strace.
#[test]
fn short_flags_in_every_spelling() {
    let _machine = shared();
    for line in [
        &["-fs5", "-o/dev/null", "true"][..],
        &["-fo", "/dev/null", "-s5", "true"],
        &["-etrace=read", "-o", "/dev/null", "true"],
        &["-fqttT", "-s", "5", "-o", "/dev/null", "--", "true"],
        &["-o", "/dev/null", "env", "-i", "true"],
    ] {
        let output = run(&mut tracer(line));
        assert_eq!((output.code(), output.stderr.as_str()), (0, ""), "{line:?}");
    }
    let own = std::process::id();
    let output = run(Command::new("timeout").args([
        "-s",
        "INT",
        "4",
        BIN,
        &format!("-p{own}"),
        "-o/dev/null",
    ]));
    assert!(output.stderr.contains("attached"), "{output:?}");
}

#[test]
fn cgroups_that_are_none() {
    let _machine = shared();
    for path in ["/no/such/cgroup", "/tmp"] {
        assert_refused(&run(&mut tracer(&["--cgroup", path])), 1, &[path]);
    }
}
