//! Colors of the strace format, `--color`.

use std::{
    ffi::CStr,
    fs::File,
    io::Read,
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt},
    process::{Command, Stdio},
};

use regex::Regex;

use crate::{
    harness::{TempDir, example, run, shared, tracer},
    oracle::as_strace,
};

const ESCAPE: char = '\x1b';

/// What a command writes to a terminal that is its standard error.
fn at_terminal(command: &mut Command) -> String {
    let open = |path: &str| {
        let mut options = File::options();
        options.read(true).write(true).custom_flags(libc::O_NOCTTY);
        options.open(path).unwrap()
    };
    let mut ours = open("/dev/ptmx");
    let mut name = [0u8; 64];
    // SAFETY: an open terminal, and room for a name of 64 bytes.
    let made = unsafe {
        libc::unlockpt(ours.as_raw_fd()) == 0
            && libc::ptsname_r(ours.as_raw_fd(), name.as_mut_ptr().cast(), name.len()) == 0
    };
    assert!(made);
    let theirs = open(CStr::from_bytes_until_nul(&name).unwrap().to_str().unwrap());
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(theirs)
        .spawn()
        .unwrap();
    // The command holds a copy of the other end.
    *command = Command::new("true");
    let mut text = Vec::new();
    // The end of a terminal is an error: EIO.
    let _ = ours.read_to_end(&mut text);
    assert!(child.wait().unwrap().success());
    String::from_utf8(text).unwrap()
}

#[test]
fn colors_when_asked_for_and_at_terminals() {
    let _machine = shared();
    let dir = TempDir::new();
    let strace = as_strace(&dir);
    let traced = |options: &[&str]| {
        let mut command = Command::new(&strace);
        command.args(options).args(["-e", "trace=close", "true"]);
        command.env("TERM", "xterm").env_remove("NO_COLOR");
        command
    };
    let mut command = traced(&[]);
    let text = at_terminal(&mut command);
    assert!(text.contains("\x1b[33mclose\x1b[0m(\x1b[35m"), "{text}");
    for options in [&["--color=never"][..], &["-o", &dir.file("out")]] {
        let text = at_terminal(&mut traced(options));
        assert!(!text.contains(ESCAPE), "{options:?}: {text}");
    }
    for (name, value, colored) in [
        ("NO_COLOR", "1", false),
        ("NO_COLOR", "", true),
        ("TERM", "dumb", false),
    ] {
        let text = at_terminal(traced(&["--color"]).env(name, value));
        assert_eq!(text.contains(ESCAPE), colored, "{name}={value}: {text}");
    }
    for (options, colored) in [
        (&[][..], false),
        (&["--color"], false),
        (&["--color=always"], true),
    ] {
        let output = run(&mut traced(options));
        assert_eq!(output.stderr.contains(ESCAPE), colored, "{output:?}");
    }
}

/// With the sequences taken out, lines are as without colors, and no sequence is the tracee's.
#[test]
fn colors_change_nothing_else() {
    let _machine = shared();
    let lines = |color: &str| {
        let program = example("hostile");
        let output = run(&mut tracer(&[
            "--format",
            "strace",
            color,
            "-e",
            "trace=openat,mkdir,unlink,rename,chdir",
            "--",
            &program,
        ]));
        output.stderr
    };
    let (colored, plain) = (lines("--color=always"), lines("--color=never"));
    let ours = Regex::new("\x1b\\[(3[1-6]|0)m").unwrap();
    let bare = ours.replace_all(&colored, "");
    assert!(colored.len() > bare.len() && !bare.contains(ESCAPE));
    let steady = |text: &str| crate::oracle::steady(text);
    assert_eq!(steady(&bare), steady(&plain));
}

#[test]
fn colors_that_make_no_sense() {
    let _machine = shared();
    for (options, words) in [
        (
            &["--color=always", "true"][..],
            "only the strace format has colors",
        ),
        (
            &["--format", "strace", "--color=foo", "true"],
            "invalid --color argument: 'foo'",
        ),
    ] {
        let output = run(&mut tracer(options));
        assert_eq!(output.code(), 2, "{output:?}");
        assert!(output.stderr.contains(words), "{output:?}");
    }
}
