//! Letting go of what is traced: what is said of it, and what signals to the tracer do (`-I`).

use std::{
    os::unix::process::CommandExt,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    harness::{BIN, TempDir, example, shared, slow, trace},
    oracle::{as_strace, assert_all_same, assert_same},
    rows::named,
    running::Running,
};

/// Waits until the file holds the text.
#[track_caller]
fn wait_for(file: &str, text: &str) {
    let begun = Instant::now();
    while !std::fs::read_to_string(file).is_ok_and(|all| all.contains(text)) {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "no '{text}' in {:?}",
            std::fs::read_to_string(file)
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

struct Sleeper(std::process::Child);

impl Sleeper {
    fn start() -> Self {
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        // Until it sleeps.
        std::thread::sleep(Duration::from_millis(300));
        Self(child)
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// strace is told the same of a call by an interrupted `restart_syscall`, which is its own doing.
const SLEEPS: &str = "clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=60, tv_nsec=0}, ";

#[test]
fn the_call_that_it_was_in_is_detached() {
    let _machine = shared();
    let dir = TempDir::new();
    let ours = as_strace(&dir);
    let sleeper = Sleeper::start();
    let pid = sleeper.0.id();
    for (options, before, after) in [
        (
            &[][..],
            format!(
                "strace: Process {pid} attached\n{SLEEPS}strace: Process {pid} detached\n <detached ...>\n"
            ),
            "",
        ),
        (&["-q"], format!("{SLEEPS} <detached ...>\n"), ""),
        (
            &["-e", "status=detached"],
            format!(
                "strace: Process {pid} attached\nstrace: Process {pid} detached\n{SLEEPS} <detached ...>\n"
            ),
            "",
        ),
        (
            &["-e", "status=!detached"],
            format!("strace: Process {pid} attached\nstrace: Process {pid} detached\n"),
            "",
        ),
        (
            &["-e", "trace=none"],
            format!("strace: Process {pid} attached\nstrace: Process {pid} detached\n"),
            "",
        ),
        (
            &["-o", "FILE"],
            format!("strace: Process {pid} attached\nstrace: Process {pid} detached\n"),
            &format!("{SLEEPS} <detached ...>\n"),
        ),
    ] {
        let file = dir.file("trace");
        let options: Vec<&str> = options
            .iter()
            .map(|o| if *o == "FILE" { &*file } else { o })
            .collect();
        let tracer = Running::start(
            Command::new(&ours)
                .arg0("strace")
                .args(&options)
                .args(["-p", &pid.to_string()]),
        );
        // Long enough to see the process and to be idle once.
        std::thread::sleep(Duration::from_millis(1500));
        tracer.signal(libc::SIGINT);
        let output = tracer.wait();
        assert_eq!(
            output.signal(),
            Some(libc::SIGINT),
            "{options:?}: {output:?}"
        );
        assert_eq!(output.stderr, before, "{options:?}");
        if !after.is_empty() {
            assert_eq!(std::fs::read_to_string(&file).unwrap(), after);
        }
    }
}

/// By our own name a trace that was ended on purpose is a success, and the call is a row.
#[test]
fn detached_calls_in_rows() {
    let _machine = shared();
    let sleeper = Sleeper::start();
    let pid = sleeper.0.id().to_string();
    for (options, rows) in [
        (&[][..], 1),
        (&["-e", "status=detached"], 1),
        (&["-e", "status=!detached"], 0),
    ] {
        let tracer = Running::start(Command::new(BIN).args(options).args(["-p", &pid]));
        tracer.stderr_line("attached");
        std::thread::sleep(Duration::from_millis(500));
        tracer.signal(libc::SIGINT);
        let output = tracer.wait();
        assert_eq!(output.code(), 0, "{output:?}");
        assert_eq!(
            output
                .stdout
                .matches("\tclock_nanosleep\t?\t-\t-\t")
                .count(),
            rows,
            "{options:?}: {output:?}"
        );
    }
}

/// What a signal to the tracer does to it and to the command.
#[test]
fn signals_to_the_tracer() {
    let _machine = shared();
    let dir = TempDir::new();
    let ours = as_strace(&dir);
    let script = "trap 'echo told' TERM; echo ready; read x; echo over";
    let run = |options: &[&str], signal: i32, tell: bool| {
        let mut command = Command::new(&ours);
        command.arg0("strace");
        command
            .args(options)
            .args(["-e", "trace=none", "sh", "-c", script]);
        let mut tracer = Running::start_with_stdin(&mut command);
        tracer.stdout_line("ready");
        std::thread::sleep(Duration::from_millis(300));
        tracer.signal(signal);
        std::thread::sleep(Duration::from_millis(500));
        if tell {
            tracer.write_stdin("go\n");
        }
        tracer.close_stdin();
        tracer.wait()
    };
    let file = dir.file("trace");
    // Waiting: both end; the command by the same signal, which it may handle.
    for options in [&[][..], &["-I2", "-o", &file], &["-I", "waiting"]] {
        let output = run(options, libc::SIGTERM, false);
        assert_eq!(
            output.signal(),
            Some(libc::SIGTERM),
            "{options:?}: {output:?}"
        );
        assert!(output.stdout.contains("told"), "{options:?}: {output:?}");
        assert_eq!(
            output.stderr.contains("detached"),
            !options.contains(&"-o"),
            "{output:?}"
        );
    }
    // Anywhere: the tracer alone.
    let output = run(&["-I1"], libc::SIGTERM, true);
    assert_eq!(output.signal(), Some(libc::SIGTERM), "{output:?}");
    assert_eq!(
        (output.stdout.as_str(), output.stderr.as_str()),
        ("ready\nover\n", "")
    );
    // Never: nothing happens.
    for (options, signal) in [
        (&["-I3"][..], libc::SIGTERM),
        (&["-o", &file], libc::SIGINT),
        (&["-I4"], libc::SIGTSTP),
        (&["-I", "never_tstp"], libc::SIGHUP),
    ] {
        let output = run(options, signal, true);
        assert_eq!(
            (output.code(), output.stdout.as_str()),
            (0, "ready\nover\n"),
            "{options:?}: {output:?}"
        );
    }
}

/// What is traced ends with a tracer that is asked to see to that.
#[test]
fn killed_on_exit() {
    let _machine = shared();
    let dir = TempDir::new();
    let (pids, trace) = (dir.file("pids"), dir.file("trace"));
    let script = format!("sleep 61 & echo $! $$ >{pids}; wait");
    let mut command = Command::new(BIN);
    command.args([
        "-f",
        "--kill-on-exit",
        "-I1",
        "-o",
        &trace,
        "sh",
        "-c",
        &script,
    ]);
    let tracer = Running::start(&mut command);
    wait_for(&trace, "\"/usr/bin/sleep\"");
    tracer.signal(libc::SIGTERM);
    tracer.wait();
    let pids = std::fs::read_to_string(&pids).unwrap();
    let begun = Instant::now();
    let alive = |pid: &str| {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
    };
    while pids.split_whitespace().any(alive) {
        assert!(begun.elapsed() < Duration::from_secs(10), "{pids}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// `-b execve`: a process is let go of where it would become another program.
#[test]
fn processes_that_execute_are_let_go() {
    let _machine = shared();
    let set = "-e trace=execve,exit_group sh -c '/bin/true & wait; exit 3'";
    assert_all_same(&[
        &format!("STRACE -f -b execve {set}"),
        &format!("STRACE -f --detach-on=execve -q {set}"),
        &format!("STRACE -f -o file -b execve {set}"),
        &format!("STRACE -f -b execve -e status=detached {set}"),
        "STRACE -f -b execve -e trace=none sh -c '/bin/true & wait; exit 3'",
        // The tracer ends as soon as it has nothing left to trace.
        "STRACE -b execve -e trace=execve,exit_group sh -c 'exec sleep 2'; echo $?",
    ]);
    let traced = trace(&[
        "-f",
        "-b",
        "execve",
        "--",
        "sh",
        "-c",
        "/bin/true & wait; exit 3",
    ]);
    assert_eq!(traced.output.code(), 3);
    let rows = traced.rows();
    let calls = named(&rows, "execve");
    assert_eq!((calls[0].ret, calls[1].ret), ("0", "?"), "{calls:?}");
    assert_eq!((calls.len(), calls[1].args[0]), (2, "\"/bin/true\""));
    let child = calls[1].tid;
    assert!(rows.last().unwrap().tid != child && named(&rows, "+exit").len() == 1);
}

/// Without `-f` strace traces one thread; by our own name threads belong to what is traced.
#[test]
fn threads_without_f() {
    let _machine = shared();
    let program = example("calls");
    let set = format!("-e trace=getppid {program} --threads 3 --calls 3 >/dev/null");
    assert_same(&format!("STRACE {set}"));
    assert_same(&format!(
        "STRACE -e trace=execve,exit_group {} -- /bin/true >/dev/null",
        example("thread_exec")
    ));
    let traced = trace(&[
        "-e",
        "trace=getppid",
        "--",
        &program,
        "--threads",
        "3",
        "--calls",
        "3",
    ]);
    assert_eq!(named(&traced.rows(), "getppid").len(), 9);
    let dir = TempDir::new();
    let ours = as_strace(&dir);
    let mut attachee = Running::start_with_stdin(&mut Command::new(example("attachee")));
    let ready = attachee.stdout_line("ready ");
    let pid = ready.split(' ').nth(1).unwrap();
    for (options, message) in [
        (&[][..], format!("strace: Process {pid} attached\n")),
        (&["-f"], format!("strace: Process {pid} attached with ")),
    ] {
        let tracer = Running::start(Command::new(&ours).arg0("strace").args(options).args([
            "-e",
            "trace=none",
            "-p",
            pid,
        ]));
        std::thread::sleep(Duration::from_millis(1500) * slow());
        tracer.signal(libc::SIGINT);
        let output = tracer.wait();
        assert!(
            output.stderr.starts_with(&message),
            "{options:?}: {output:?}"
        );
        assert_eq!(
            output.stderr.matches("detached").count() > 1,
            !options.is_empty(),
            "{output:?}"
        );
    }
    attachee.close_stdin();
    attachee.wait();
}

/// A thread that executes a program takes over its process's number.
#[test]
fn threads_that_execute() {
    let _machine = shared();
    let dir = TempDir::new();
    let ours = as_strace(&dir);
    let program = example("thread_exec");
    let run = |quiet: &str| {
        let mut command = Command::new(&ours);
        command.arg0("strace");
        command.args([
            "-f",
            quiet,
            "-e",
            "trace=execve,exit_group",
            &program,
            "--",
            "/bin/true",
        ]);
        let output = crate::harness::run(&mut command);
        assert_eq!(output.code(), 0, "{output:?}");
        output
    };
    let output = run("-q");
    let (leader, execer) = (
        output.number("leader"),
        output.stdout.split(' ').nth(3).unwrap().trim().to_owned(),
    );
    let lines: Vec<&str> = output.stderr.lines().collect();
    let last = &lines[lines.len() - 4..];
    assert_eq!(
        [last[0], last[2], last[3]],
        [
            &format!("+++ superseded by execve in pid {execer} +++"),
            "exit_group(0)                           = ?",
            "+++ exited with 0 +++"
        ]
    );
    assert!(last[1].starts_with("<... execve resumed>)"), "{output:?}");
    assert!(
        !output.stderr.contains(&format!("[pid {leader}] +++")),
        "{output:?}"
    );
    let output = run("-qqq");
    let leader = output.number("leader");
    assert!(
        output.stderr.contains(&format!(
            " <pid changed to {leader} ...>\n<... execve resumed>)"
        )),
        "{output:?}"
    );
}
