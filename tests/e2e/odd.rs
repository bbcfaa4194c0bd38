//! Processes, callers and readers that behave in ways that a tracer easily overlooks.

use std::{
    os::fd::AsRawFd,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    errors::assert_refused,
    harness::{BIN, Running, TempDir, alone, example, run, shared, slow, tracer},
    rows::Row,
};

/// Attaches to `odd WHAT`, which then makes its calls: how many of them are in the trace, and the trace.
#[track_caller]
fn attached(what: &str, options: &[&str]) -> (usize, String) {
    let dir = TempDir::new();
    let file = dir.file("trace");
    let mut program = Running::start_with_stdin(Command::new(example("odd")).arg(what));
    let pid = program.stdout_line("ready ").split_off(6);
    let tracer = Running::start(tracer(options).args(["-o", &file, "-p", &pid]));
    tracer.stderr_line("attached");
    // Long enough for a tracer that takes the process to have ended to say so.
    std::thread::sleep(Duration::from_millis(300));
    program.write_stdin("go\n");
    assert_eq!(program.wait().code(), 7, "{what}");
    let output = tracer.wait();
    assert_eq!(output.code(), 0, "{what}: {output:?}");
    let trace = std::fs::read_to_string(&file).unwrap();
    let rows = trace.lines().map(Row::parse);
    (rows.filter(|row| row.name == "getppid").count(), trace)
}

#[test]
fn a_process_whose_first_thread_has_ended() {
    let _machine = shared();
    for options in [&[][..], &["-f"]] {
        let (calls, trace) = attached("leaderless", options);
        assert_eq!(calls, 100, "{options:?}: {trace}");
    }
}

#[test]
fn a_thread_name_that_is_no_text() {
    let _machine = shared();
    let (calls, trace) = attached("name", &[]);
    assert_eq!(calls, 100, "{trace}");
    assert!(trace.contains("\t\\320\\277\\321 ) Z\t"), "{trace}");
}

#[test]
fn an_execve_of_another_thread_in_a_pid_namespace() {
    let _machine = shared();
    let dir = TempDir::new();
    let (file, odd) = (dir.file("trace"), example("odd"));
    for options in ["", "-f"] {
        let script = format!("exec {BIN} {options} -o {file} -- {odd} takeover /bin/pwd");
        let unshare = ["-pf", "--mount-proc", "sh", "-c", &script];
        let output = run(Command::new("unshare").args(unshare));
        assert_eq!(output.code(), 0, "{output:?}");
        let trace = std::fs::read_to_string(&file).unwrap();
        let rows: Vec<Row<'_>> = trace.lines().map(Row::parse).collect();
        let after = rows.iter().rposition(|row| row.name == "execve").unwrap();
        assert!(rows[after].args[0].contains("/bin/pwd"), "{trace}");
        for name in ["getcwd", "write", "exit_group"] {
            assert!(rows[after..].iter().any(|row| row.name == name), "{trace}");
        }
    }
}

/// Waits until nothing more goes into a pipe.
fn until_full(pipe: &impl AsRawFd) {
    let (mut last, begun) = (0, Instant::now());
    loop {
        assert!(
            begun.elapsed() < Duration::from_secs(20) * slow(),
            "nothing is written"
        );
        std::thread::sleep(Duration::from_millis(300) * slow());
        let mut waiting: libc::c_int = 0;
        // SAFETY: FIONREAD fills in one int.
        unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &raw mut waiting) };
        if waiting > 0 && waiting == last {
            return;
        }
        last = waiting;
    }
}

#[test]
fn signals_are_heard_while_nobody_reads() {
    let _machine = alone();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = tracer(&["--", &example("calls"), "--calls", "100000000"]);
    command.stdout(writer).stderr(Stdio::piped());
    let mut tracer = command.spawn().unwrap();
    // Its copy of the pipe's other end, or nothing would ever be the last.
    drop(command);
    until_full(&reader);
    // The queue and the buffers, too.
    std::thread::sleep(Duration::from_secs(3));
    let end = Instant::now() + Duration::from_secs(10) * slow();
    let mut asked = 0;
    let status = loop {
        if let Some(status) = tracer.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < end, "still there after {asked} signals");
        if asked < 3 {
            // The first goes to the command, the second ends the trace, the third the waiting for the reader.
            // SAFETY: plain numbers.
            unsafe { libc::kill(tracer.id() as i32, libc::SIGTERM) };
            asked += 1;
        }
        std::thread::sleep(Duration::from_millis(300) * slow());
    };
    drop(reader);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut tracer.stderr.take().unwrap(), &mut said).unwrap();
    assert!(
        said.contains("the output is incomplete"),
        "{status}: {said}"
    );
}

#[test]
fn messages_that_nobody_hears_change_nothing() {
    let _machine = shared();
    for (words, status) in [
        ("-d -e trace=none sh -c 'exit 7'", 7),
        ("no-such-program", 127),
        ("--no-such-option", 2),
    ] {
        let script = format!("{BIN} {words} >/dev/null 2>/dev/full");
        let output = run(Command::new("sh").args(["-c", &script]));
        assert_eq!(output.code(), status, "{words}: {output:?}");
    }
}

#[test]
fn what_was_ignored_before_us_is_so_for_the_command_alone() {
    let _machine = shared();
    let show = "grep SigIgn /proc/self/status; exit 7";
    let bare = format!("trap '' PIPE CHLD; sh -c '{show}'");
    let traced = format!("trap '' PIPE CHLD; {BIN} -o /dev/null -- sh -c '{show}'");
    let [bare, traced] = [bare, traced].map(|script| run(Command::new("sh").args(["-c", &script])));
    assert_eq!((bare.code(), traced.code()), (7, 7), "{traced:?}");
    assert_eq!(bare.stdout, traced.stdout);
}

#[test]
fn kill_on_exit_holds_for_another_user() {
    let _machine = shared();
    let mut command = tracer(&["--kill-on-exit", "-u", "nobody", "-o", "/dev/null", "--"]);
    let tracer = Running::start(command.args(["sh", "-c", "echo ready $$; exec sleep 100"]));
    let pid = tracer.stdout_line("ready ").split_off(6);
    tracer.signal(libc::SIGKILL);
    let end = Instant::now() + Duration::from_secs(10) * slow();
    while std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| !s.contains(") Z ")) {
        assert!(Instant::now() < end, "it lives on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_thread_of_the_kernel_makes_no_calls() {
    let _machine = shared();
    let output = run(&mut tracer(&["-p", "2"]));
    assert_refused(&output, 1, &["makes no system calls: 2"]);
}

#[test]
fn separate_files_beyond_the_limit_of_descriptors() {
    let _machine = shared();
    let dir = TempDir::new();
    let script = "i=0; while [ $i -lt 150 ]; do /bin/true; i=$((i + 1)); done";
    let command = format!(
        "ulimit -Sn 100; exec {BIN} -f --format strace -ff -e trace=none -o {} -- sh -c '{script}'",
        dir.file("trace")
    );
    let output = run(Command::new("sh").args(["-c", &command]));
    assert_eq!(output.code(), 0, "{output:?}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 151);
}

#[test]
fn signals_that_nobody_but_a_call_or_the_kernel_sends() {
    let _machine = shared();
    let dir = TempDir::new();
    let file = dir.file("trace");
    let script = "(sleep 0.1; echo; echo; echo) | true";
    let options = [
        "-f",
        "--format",
        "strace",
        "-e",
        "trace=none",
        "-o",
        &file,
        "--",
    ];
    let output = run(tracer(&options).args(["bash", "-c", script]));
    assert_eq!(output.code(), 0, "{output:?}");
    let trace = std::fs::read_to_string(&file).unwrap();
    let line = trace.lines().find(|line| line.contains("--- SIGPIPE"));
    let line = line.unwrap_or_else(|| panic!("{trace}"));
    let (pid, _) = line.split_once(' ').unwrap();
    let told = format!("{{si_signo=SIGPIPE, si_code=SI_USER, si_pid={pid}, si_uid=0}}");
    assert!(line.contains(&told), "{line}");
}
