//! The tracer itself gets a signal, or dies: the traced program goes on, nothing stays behind.

use std::{os::unix::process::CommandExt, process::Command, time::Duration};

use crate::{
    harness::{Running, TempDir, example, run, shared, slow, tracer},
    hooks, programs,
    rows::{Row, named},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// With a command of our own the signal is the command's.
#[test]
fn a_signal_is_passed_on_to_the_command() {
    let _machine = shared();
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT] {
        let script = "trap 'echo caught; exit 9' TERM INT HUP QUIT; echo ready; while :; do sleep 0.05; done";
        let mut tracer =
            Running::start(tracer(&["-o", "/dev/null", "--"]).args(["sh", "-c", script]));
        tracer.stdout_line("ready");
        tracer.signal(signal);
        let output = tracer.wait_at_most(PATIENCE);
        assert_eq!(
            (output.code(), output.stdout.as_str()),
            (9, "ready\ncaught\n"),
            "signal {signal}"
        );
    }
    let script = "echo ready; exec sleep 30";
    let mut tracer = Running::start(tracer(&["-o", "/dev/null", "--"]).args(["sh", "-c", script]));
    tracer.stdout_line("ready");
    tracer.signal(libc::SIGTERM);
    assert_eq!(tracer.wait_at_most(PATIENCE).signal(), Some(libc::SIGTERM));
    programs::assert_none_left();
}

/// A command that does not want to end: the second signal makes the tracer go without it.
#[test]
fn a_second_signal_lets_the_tracer_go() {
    let _machine = shared();
    let dir = TempDir::new();
    let file = dir.file("trace");
    let rounds = 40 * slow();
    let script = &format!(
        "trap '' TERM; echo ready $$; i=0; while [ $i -lt {rounds} ]; do sleep 0.05; i=$((i+1)); done; echo end"
    );
    let mut tracer = Running::start(tracer(&["-f", "-o", &file, "--"]).args(["sh", "-c", script]));
    let ready = tracer.stdout_line("ready ");
    tracer.signal(libc::SIGTERM);
    std::thread::sleep(Duration::from_millis(300));
    assert!(!tracer.has_ended());
    tracer.signal(libc::SIGTERM);
    tracer.wait_at_most(Duration::from_secs(3));
    // The command goes on for about a second and a half: it was left alone.
    let shell = format!("/proc/{}/stat", ready.trim_start_matches("ready "));
    assert!(std::fs::exists(shell).unwrap());
    programs::assert_none_left();
    assert!(std::fs::read_to_string(&file).unwrap().contains("SIGTERM"));
}

/// Ctrl-C at a terminal reaches the command by itself: it must not get it twice.
#[test]
fn an_interrupt_of_the_whole_group() {
    let _machine = shared();
    let script = "trap 'echo caught' INT; echo ready; i=0; while [ $i -lt 10 ]; do sleep 0.05; i=$((i+1)); done; exit 4";
    let mut tracer = Running::start(tracer(&["-o", "/dev/null", "--"]).args(["sh", "-c", script]));
    tracer.stdout_line("ready");
    // What a terminal does, but for its signal being the kernel's own.
    // SAFETY: no pointers; the group is the tracer's.
    let sent = unsafe { libc::kill(-(tracer.pid() as i32), libc::SIGINT) };
    assert_eq!(sent, 0);
    let output = tracer.wait_at_most(PATIENCE);
    assert_eq!(output.code(), 4, "{output:?}");
    assert!(output.stdout.starts_with("ready\ncaught\n"), "{output:?}");
}

/// SIGKILL in the middle: nobody can clean up, and nothing has to be cleaned up.
#[test]
fn a_tracer_that_is_killed() {
    let _machine = shared();
    for hook in hooks::tracepoints() {
        for transport in ["ringbuf", "perf"] {
            let dir = TempDir::new();
            let (told, file) = (dir.file("told"), dir.file("trace"));
            let script = format!(
                "echo ready $$; {} --calls 1500000 >'{told}'; echo status $? >>'{told}'",
                example("calls")
            );
            let options = [
                "-f",
                "--attach",
                hook,
                "--transport",
                transport,
                "-o",
                &file,
                "--",
            ];
            let mut tracer = Running::start(tracer(&options).args(["sh", "-c", &script]));
            let shell = tracer.stdout_line("ready ").split_off(6);
            std::thread::sleep(Duration::from_millis(150));
            tracer.signal(libc::SIGKILL);
            tracer.wait_at_most(PATIENCE);
            programs::assert_none_left();
            for name in ["fdinfo", "task"] {
                assert!(
                    std::fs::exists(format!("/proc/{shell}/{name}")).unwrap_or(false)
                        || ended(&told)
                );
            }
            let status = format!("/proc/{shell}/status");
            let status = std::fs::read_to_string(status).unwrap_or_default();
            assert!(
                !status.contains("State:\tT") && !status.contains("State:\tt"),
                "{status}"
            );
            let end = std::time::Instant::now() + PATIENCE;
            while !ended(&told) && std::time::Instant::now() < end {
                std::thread::sleep(Duration::from_millis(20));
            }
            let text = std::fs::read_to_string(&told).unwrap();
            assert!(
                text.contains("calls getppid 1500000\n"),
                "{hook} {transport}: {text}"
            );
            assert!(text.ends_with("status 0\n"), "{hook} {transport}: {text}");
        }
    }
}

fn ended(told: &str) -> bool {
    std::fs::read_to_string(told).is_ok_and(|text| text.contains("status "))
}

#[test]
fn a_tracer_that_is_killed_while_attached() {
    let _machine = shared();
    let mut attachee = Running::start_with_stdin(&mut Command::new(example("attachee")));
    let pid = attachee
        .stdout_line("ready ")
        .split(' ')
        .nth(1)
        .unwrap()
        .to_owned();
    let mut tracer = Running::start(&mut tracer(&["-o", "/dev/null", "-p", &pid]));
    tracer.stderr_line("attached");
    tracer.signal(libc::SIGKILL);
    tracer.wait_at_most(PATIENCE);
    programs::assert_none_left();
    std::thread::sleep(Duration::from_millis(300));
    attachee.close_stdin();
    let told = attachee.wait();
    for key in ["eintr", "tracer_pid_max", "stopped"] {
        assert_eq!(told.number(key), 0, "{key}");
    }
}

/// What the command gets from its parent is what it would get without us.
#[test]
fn the_command_inherits_what_it_should() {
    let _machine = shared();
    let script = "ls -l /proc/self/fd | wc -l; grep -E '^(Sig(Blk|Ign)|TracerPid|NoNewPrivs|Seccomp):' /proc/self/status; \
        grep -E 'open files|locked memory|core' /proc/self/limits; cut -d ' ' -f 18,19,40,41 /proc/self/stat; umask; env | sort";
    let plain = run(Command::new("sh")
        .args(["-c", script])
        .stdin(std::process::Stdio::null()));
    let traced = run(tracer(&["-f", "-o", "/dev/null", "--"]).args(["sh", "-c", script]));
    assert_eq!(traced.stdout, plain.stdout);
    // A signal that was ignored by whoever started us stays ignored.
    let ignoring = |command: &mut Command| {
        // SAFETY: no memory is touched.
        unsafe {
            command.pre_exec(|| {
                libc::signal(libc::SIGINT, libc::SIG_IGN);
                Ok(())
            });
        }
        run(command.args(["^SigIgn:", "/proc/self/status"])).stdout
    };
    let plain = ignoring(&mut Command::new("grep"));
    assert_eq!(
        ignoring(&mut tracer(&["-o", "/dev/null", "--", "grep"])),
        plain
    );
}

/// A command that stops itself and is continued is nobody's business of ours.
#[test]
fn a_command_that_stops_and_goes_on() {
    let _machine = shared();
    let dir = TempDir::new();
    let file = dir.file("trace");
    let script = "echo ready $$; kill -STOP $$; echo again; exit 2";
    let mut tracer = Running::start(tracer(&["-o", &file, "--"]).args(["sh", "-c", script]));
    let pid: i32 = tracer.stdout_line("ready ").split_off(6).parse().unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert!(!tracer.has_ended());
    // SAFETY: no pointers; the process is the tracer's child.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGCONT) }, 0);
    let output = tracer.wait_at_most(PATIENCE);
    assert_eq!(
        (output.code(), output.stdout.lines().last()),
        (2, Some("again"))
    );
    let trace = std::fs::read_to_string(&file).unwrap();
    let rows: Vec<Row> = trace.lines().map(Row::parse).collect();
    assert_eq!(named(&rows, "kill").len(), 1);
}

/// A process that a signal has stopped is said to be.
#[test]
fn stops_are_told() {
    let _machine = shared();
    let script =
        |signal: &str| format!("sh -c '(sleep 1; kill -CONT $$) & kill -{signal} $$; wait'");
    crate::oracle::assert_all_same(&[
        &format!("STRACE -e trace=none -e signal=STOP {}", script("STOP")),
        &format!(
            "STRACE -Y -f -o file -e trace=none -e signal=STOP {}",
            script("STOP")
        ),
        &format!("STRACE -e trace=none -e signal=TSTP {}", script("TSTP")),
        // One that is handled stops nothing; nor does one in an orphaned group.
        "STRACE -e trace=none -e signal=TSTP sh -c 'trap : TSTP; kill -TSTP $$'",
        "setsid -w STRACE -e trace=none -e signal=TSTP sh -c 'kill -TSTP $$'",
        &format!(
            "STRACE -e trace=none -e signal=!STOP,CHLD {}",
            script("STOP")
        ),
    ]);
}

/// What raised a SIGTRAP has an address, or none that is told.
#[cfg(target_arch = "x86_64")]
#[test]
fn traps_have_addresses() {
    let _machine = shared();
    let program = crate::harness::example("int80");
    crate::oracle::assert_same(&format!("STRACE -e trace=none {program} --trap"));
}

/// Time that a child took is in seconds too.
#[test]
fn times_of_children() {
    let _machine = shared();
    let script =
        "STRACE -e trace=none sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done & wait'";
    crate::oracle::assert_same(script);
    let script = script.trim_start_matches("STRACE ");
    let line = format!("{} --format strace {script}", crate::harness::BIN);
    let output = run(std::process::Command::new("sh").args(["-c", &line]));
    let times = regex::Regex::new(r"si_[us]time=([1-9]\d*) /\* (\d+)\.(\d\d) s \*/").unwrap();
    let found = times.captures(&output.stderr);
    let found = found.unwrap_or_else(|| panic!("{output:?}"));
    let number = |n: usize| found[n].parse::<u64>().unwrap();
    assert_eq!(number(1), 100 * number(2) + number(3), "{output:?}");
}
