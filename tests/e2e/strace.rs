//! The strace format, and being strace when called strace: lines equal to those of strace(1).

use std::{
    collections::BTreeMap,
    os::unix::process::CommandExt,
    process::Command,
    time::{Duration, Instant},
};

use regex::Regex;

use crate::{
    harness::{TempDir, example, run, shared},
    oracle::as_strace,
    running::Running,
};

/// A command without address randomisation, in a small environment.
pub fn plain(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .arg0("strace")
        .args(args)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C");
    // SAFETY: one system call without pointers.
    unsafe {
        command.pre_exec(|| {
            libc::personality(libc::ADDR_NO_RANDOMIZE as _);
            Ok(())
        });
    }
    command.stdin(std::process::Stdio::null());
    command
}

/// Calls whose arguments and results do not differ between two runs.
const STEADY: &str = "execve,brk,access,openat,close,read,write,mmap,mprotect,munmap,exit_group,pread64,\
    set_robust_list,rseq,getpgrp,lseek,fadvise64,statfs,chdir,mkdir,rmdir,rename,unlink,umask,pipe2,dup2";

/// Lines without what differs between two runs: where the environment is in memory, numbers of processes, and how long
/// children ran.
fn steady(trace: &str) -> Vec<String> {
    let children = Regex::new(r"si_pid=\d+|si_[us]time=\d+(?: /\* [\d.]+ s \*/)?").unwrap();
    let line = |line: &str| match line.split_once(", 0x") {
        Some((before, _)) if line.starts_with("execve") => before.to_owned(),
        _ => children.replace_all(line, "").into_owned(),
    };
    trace.lines().map(line).collect()
}

#[test]
fn lines_equal_those_of_strace() {
    let _machine = shared();
    let dir = TempDir::new();
    let ours = as_strace(&dir);
    let script = "mkdir d; cd d; umask 22; echo hello >f; cat f <f; mv f g; rm g; cd ..; rmdir d; cd /no/where; exit 3";
    let commands: [&[&str]; 6] = [
        &["true"],
        &["ls", "/"],
        &["cat", "/etc/passwd", "/no/file"],
        &["head", "-c", "100", "/etc/passwd"],
        &["sort", "/etc/passwd"],
        &["sh", "-c", script],
    ];
    for command in commands {
        let (theirs, mine) = (dir.file("theirs"), dir.file("mine"));
        let traced = |tracer: &str, file: &str| {
            let set = format!("trace={STEADY}");
            let mut args = vec!["-o", file, "-e", &set];
            args.extend(command);
            let output = run(plain(tracer, &args).current_dir(dir.path()));
            (output.code(), std::fs::read_to_string(file).unwrap())
        };
        let (their_code, their_lines) = traced("strace", &theirs);
        let (my_code, my_lines) = traced(&ours, &mine);
        assert_eq!(my_code, their_code, "{command:?}");
        assert_eq!(steady(&my_lines), steady(&their_lines), "{command:?}");
    }
}

#[test]
fn threads_and_children_are_told_apart() {
    let _machine = shared();
    let dir = TempDir::new();
    let ours = as_strace(&dir);
    let file = dir.file("trace");
    let program = example("calls");
    let args = [
        "-f",
        "-o",
        &file,
        "-e",
        "trace=getppid",
        &program,
        "--threads",
        "3",
        "--calls",
        "500",
    ];
    assert_eq!(run(&mut plain(&ours, &args)).code(), 0);
    let trace = std::fs::read_to_string(&file).unwrap();
    let mut ended: BTreeMap<&str, u32> = BTreeMap::new();
    let mut open: BTreeMap<&str, &str> = BTreeMap::new();
    for line in trace.lines() {
        let (tid, rest) = line.split_once(char::is_whitespace).unwrap();
        let rest = rest.trim_start();
        assert!(tid.bytes().all(|b| b.is_ascii_digit()), "{line}");
        if rest == "getppid( <unfinished ...>" {
            assert_eq!(open.insert(tid, rest), None, "{line}");
        } else if rest.starts_with("<... getppid resumed>)") {
            assert!(open.remove(tid).is_some(), "{line}");
            *ended.entry(tid).or_default() += 1;
        } else if rest.starts_with("getppid()") {
            assert_eq!(open.get(tid), None, "{line}");
            *ended.entry(tid).or_default() += 1;
        } else {
            assert!(rest.starts_with("+++ exited with 0 +++"), "{line}");
        }
    }
    assert_eq!((open.len(), ended.values().sum::<u32>()), (0, 1500));
}

#[test]
fn deaths_and_their_signals() {
    let _machine = shared();
    let dir = TempDir::new();
    let ours = as_strace(&dir);
    let output = run(&mut plain(
        &ours,
        &["-e", "trace=kill", "sh", "-c", "kill -TERM $$"],
    ));
    assert_eq!(output.signal(), Some(libc::SIGTERM));
    let lines: Vec<&str> = output.stderr.lines().collect();
    let [kill, signal, killed] = lines[..] else {
        panic!("{lines:?}");
    };
    assert!(
        kill.starts_with("kill(") && kill.contains(", SIGTERM)") && kill.ends_with("= 0"),
        "{kill}"
    );
    assert!(
        signal.starts_with("--- SIGTERM {si_signo=SIGTERM, si_code=SI_USER, si_pid="),
        "{signal}"
    );
    assert!(signal.ends_with("} ---"), "{signal}");
    assert_eq!(killed, "+++ killed by SIGTERM +++");
}

/// What a process waits in is shown while it waits.
#[test]
fn a_call_in_progress_is_there_to_see() {
    let _machine = shared();
    let dir = TempDir::new();
    let file = dir.file("trace");
    let ours = as_strace(&dir);
    let mut running = Running::start_with_stdin(Command::new(ours).args([
        "-o",
        &file,
        "-e",
        "trace=read",
        "cat",
    ]));
    let waits = || std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with("\nread(0, "));
    let begun = Instant::now();
    while !waits() {
        assert!(
            begun.elapsed() < Duration::from_secs(20) * crate::harness::slow(),
            "{:?}",
            std::fs::read_to_string(&file)
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    running.close_stdin();
    assert_eq!(running.wait().code(), 0);
    let trace = std::fs::read_to_string(&file).unwrap();
    assert!(trace.contains("\nread(0, \"\", 131072)"), "{trace}");
}

#[test]
fn flags_mean_what_they_mean_to_strace() {
    let _machine = shared();
    let dir = TempDir::new();
    let ours = as_strace(&dir);
    // `-a` is a column here; the command keeps its standard output; messages have our name.
    let output = run(&mut plain(
        &ours,
        &["-a", "60", "-e", "trace=close", "echo", "hi"],
    ));
    assert_eq!((output.code(), output.stdout.as_str()), (0, "hi\n"));
    let close = output
        .stderr
        .lines()
        .find(|line| line.starts_with("close(3)"))
        .unwrap();
    assert_eq!(close.find("= 0"), Some(60), "{close}");
    let refused = run(&mut plain(&ours, &["--kvm=vcpu", "true"]));
    assert_eq!(refused.code(), 1);
    assert_eq!(
        refused.stderr,
        "strace: option --kvm is known from strace but not supported yet\n"
    );
    // As strace has it: messages begin with the whole of what was typed.
    let typed = run(Command::new(&ours).args(["-o", "/no/such/file", "true"]));
    assert_eq!(
        typed.stderr,
        format!("{ours}: Can't fopen '/no/such/file': No such file or directory\n")
    );
}
