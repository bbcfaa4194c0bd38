//! Through which functions calls were made: `-k`.

use std::process::Command;

use regex::Regex;

use crate::{
    harness::{TempDir, example, run, shared, tracer},
    oracle::{as_strace, steady},
    running::Running,
};

/// The lines without names of functions, in which strace 6.1 guesses where it knows none.
fn places(tracer: &str, args: &[&str]) -> String {
    let dir = TempDir::new();
    let file = dir.file("trace");
    let mut command = Command::new(tracer);
    command.args(["-k", "-o", &file]).args(args);
    let output = run(command.stdin(std::process::Stdio::null()));
    assert_eq!(output.code(), 0, "{output:?}");
    let text = std::fs::read_to_string(&file).unwrap();
    let names = Regex::new(r"(?m)^( > .*?)\(.*\) ").unwrap();
    let lines = names.replace_all(&text, "$1 ").into_owned();
    steady(&lines)
}

#[test]
fn callers_are_those_of_strace() {
    let _machine = shared();
    let dir = TempDir::new();
    let ours = as_strace(&dir);
    for args in [
        // Without a frame pointer anywhere, and gone at once.
        &["-e", "trace=close,exit_group", "true"][..],
        &["-e", "trace=execve,close", "cat", "/dev/null"],
        &[
            "-f",
            "-e",
            "trace=exit_group",
            "-e",
            "signal=none",
            "sh",
            "-c",
            "/bin/true & wait",
        ],
        // A signal has the stack that it interrupts, or that of the call with which an ignored one was sent.
        &["-e", "trace=kill", "sh", "-c", "trap : USR1; kill -USR1 $$"],
        &[
            "-e",
            "trace=kill",
            "sh",
            "-c",
            "kill -CHLD $$; kill -WINCH $$",
        ],
    ] {
        assert_eq!(places(&ours, args), places("strace", args), "{args:?}");
    }
    // strace 6.1 does not get beyond the first function of what lld has linked, such as Rust's programs: those are compared
    // by name, below.
}

#[test]
fn callers_by_name() {
    let _machine = shared();
    let program = example("stacks");
    let output = run(&mut tracer(&[
        "--format",
        "strace",
        "-kf",
        "-e",
        "trace=getppid",
        "--stack-trace-frame-limit=7",
        "--",
        &program,
    ]));
    let lines: Vec<&str> = output.stderr.lines().collect();
    let names = Regex::new(r"^ > .*?/stacks\((.*?)\+0x[0-9a-f]+\) \[0x[0-9a-f]+\]$").unwrap();
    let mut calls = 0;
    for (at, _) in lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.contains("getppid("))
    {
        let found: Vec<&str> = lines[at + 1..]
            .iter()
            .take_while(|line| line.starts_with(" > "))
            .filter_map(|line| Some(names.captures(line)?.get(1)?.as_str()))
            .collect();
        assert_eq!(found[..3], ["callee", "inner", "inner"], "{output:?}");
        assert_eq!(found.len(), 6, "{output:?}");
        assert!(["outer", "inner"].contains(&found[4]), "{output:?}");
        assert_eq!(lines[at + 8], " > too many stack frames");
        calls += 1;
    }
    assert_eq!(calls, 4, "{output:?}");
    assert!(output.stderr.contains("(outer+0x"), "{output:?}");
    assert!(
        output.stderr.contains("/libc.so.6(syscall+0x"),
        "{output:?}"
    );
}

/// Where a program crashed.
#[test]
fn a_deadly_signal_has_its_place() {
    let _machine = shared();
    let program = example("signals");
    let output = run(&mut tracer(&[
        "-k",
        "-e",
        "trace=none",
        "--columns",
        "syscall,stack,args",
        "--",
        &program,
        "segv",
    ]));
    assert_eq!(output.signal(), Some(libc::SIGSEGV), "{output:?}");
    let row = output
        .stdout
        .lines()
        .find(|line| line.starts_with("+signal\t") && line.ends_with("\tSIGSEGV\tdelivered"));
    let row = row.unwrap_or_else(|| panic!("{output:?}"));
    let stack = row.split('\t').nth(1).unwrap();
    assert!(stack.contains("/signals(signals::main+0x"), "{row}");
    assert!(stack.contains("/signals(main+0x"), "{row}");
}

#[test]
fn callers_in_rows() {
    let _machine = shared();
    let program = example("stacks");
    let output = run(&mut tracer(&[
        "-k",
        "-f",
        "-e",
        "trace=getppid",
        "--header",
        "--",
        &program,
    ]));
    let mut lines = output.stdout.lines();
    assert!(
        lines.next().unwrap().contains("\tdur\tstack\targs"),
        "{output:?}"
    );
    let stacks: Vec<&str> = lines
        .filter(|line| line.contains("\tgetppid\t"))
        .map(|line| line.split('\t').nth(8).unwrap())
        .collect();
    assert_eq!(stacks.len(), 4, "{output:?}");
    for stack in &stacks {
        let frames: Vec<&str> = stack.split(';').collect();
        assert!(
            frames[0].contains("(syscall+0x") && frames[1].contains("(callee+0x"),
            "{stack}"
        );
        assert!(
            frames
                .iter()
                .all(|frame| frame.ends_with(']') || *frame == "..."),
            "{stack}"
        );
    }
    assert!(
        stacks[0].contains("(outer+0x") && stacks[0].contains("(main+0x"),
        "{}",
        stacks[0]
    );
    assert!(stacks[3].ends_with(";..."), "{}", stacks[3]);
    // Without -k the column has bare addresses, as ever.
    let plain = run(&mut tracer(&[
        "--columns",
        "syscall,stack",
        "-e",
        "trace=getppid",
        "--",
        &program,
    ]));
    assert!(plain.stdout.contains("getppid\t0x"), "{plain:?}");
}

/// What was mapped before we came is asked for.
#[test]
fn callers_of_a_process_that_runs_already() {
    let _machine = shared();
    let mut program = Running::start_with_stdin(Command::new(example("stacks")).arg("--wait"));
    program.stdout_line("ready");
    let dir = TempDir::new();
    let file = dir.file("trace");
    let pid = program.pid().to_string();
    let tracer = Running::start(&mut tracer(&[
        "-k",
        "-f",
        "-o",
        &file,
        "-e",
        "trace=getppid",
        "-p",
        &pid,
    ]));
    tracer.stderr_line("attached");
    program.write_stdin("go\n");
    assert_eq!(program.wait().code(), 0);
    assert_eq!(tracer.wait().code(), 0);
    let trace = std::fs::read_to_string(&file).unwrap();
    let calls: Vec<&str> = trace
        .lines()
        .filter(|line| line.contains("\tgetppid\t"))
        .collect();
    assert_eq!(calls.len(), 4, "{trace}");
    assert!(
        calls.iter().all(|line| line.contains("(inner+0x")),
        "{trace}"
    );
}

/// Programs that are no files of this machine's, stacks that are none: nothing is made up, nothing breaks.
#[test]
fn stacks_that_are_none() {
    let _machine = shared();
    for program in [
        &["hostile"][..],
        &["int80"],
        &["execs"],
        &["signals", "self"],
    ] {
        let path = example(program[0]);
        let mut args = vec!["-k", "-f", "-o", "/dev/null", "--", &path];
        args.extend(&program[1..]);
        let output = run(&mut tracer(&args));
        assert_eq!(
            (output.code(), output.stderr.as_str()),
            (0, ""),
            "{output:?}"
        );
    }
}

#[test]
fn stacks_that_are_refused() {
    let _machine = shared();
    for (option, words) in [
        ("-kk", "source line information"),
        ("--stack-trace=source", "source line information"),
        ("--stack-trace=foo", "invalid --stack-trace argument: 'foo'"),
        ("--stack-trace-frame-limit=x", "--stack-trace-frame-limit"),
    ] {
        let output = run(&mut tracer(&[option, "true"]));
        assert_eq!(output.code(), 2, "{output:?}");
        assert!(output.stderr.contains(words), "{output:?}");
    }
}
