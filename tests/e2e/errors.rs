//! What can go wrong: one clear line, the right exit status, nothing left behind.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    time::Duration,
};

use strace_ebpf::kernel::{Facts, Version, raw_tracepoints_are_preemptible};

use crate::{
    harness::{BIN, Output, Running, TempDir, example, run, shared, trace, tracer},
    oracle::as_strace,
    programs,
    strace::plain,
};

/// Exactly one line on standard error, with our name and these words, and nothing on standard output.
#[track_caller]
pub fn assert_refused(output: &Output, code: i32, words: &[&str]) {
    assert_eq!(output.code(), code, "{output:?}");
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    assert!(output.stderr.starts_with("strace-ebpf: "), "{output:?}");
    assert!(output.stderr.ends_with('\n'), "{output:?}");
    for word in words {
        assert!(output.stderr.contains(word), "no '{word}' in {output:?}");
    }
    assert_eq!(output.stdout, "", "{output:?}");
}

#[test]
fn statuses_of_the_command() {
    let _machine = shared();
    for (script, code) in [
        ("exit 0", 0),
        ("exit 1", 1),
        ("exit 7", 7),
        ("exit 127", 127),
        ("exit 255", 255),
    ] {
        let traced = trace(&["--", "sh", "-c", script]);
        assert_eq!(traced.output.code(), code, "{script}");
        assert_eq!(traced.output.stderr, "", "{script}");
    }
    for signal in [
        libc::SIGTERM,
        libc::SIGKILL,
        libc::SIGINT,
        libc::SIGSEGV,
        libc::SIGPIPE,
        libc::SIGUSR1,
    ] {
        let traced = trace(&["--", "sh", "-c", &format!("kill -{signal} $$")]);
        assert_eq!(traced.output.signal(), Some(signal));
        assert_eq!(traced.output.stderr, "", "{signal}");
    }
}

#[test]
fn commands_that_cannot_be_run() {
    let _machine = shared();
    let dir = TempDir::new();
    let (text, script) = (dir.file("text"), dir.file("script"));
    std::fs::write(&text, "no program").unwrap();
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    for file in [&text, &script] {
        run(Command::new("chmod").args(["755", file]));
    }
    for (command, code) in [
        ("no-such-command-anywhere", 127),
        ("/no/such/path", 127),
        ("", 127),
        ("/etc/passwd", 126),
        ("/tmp", 126),
        (&text, 126),
    ] {
        let output = run(&mut tracer(&["-o", "/dev/null", "--", command]));
        assert_refused(&output, code, &[command]);
    }
    // A script whose interpreter is missing is not found, as for sh(1) and strace.
    let output = run(&mut tracer(&["-o", "/dev/null", "--", &script]));
    assert_refused(&output, 127, &[&script]);
    programs::assert_none_left();
}

#[test]
fn outputs_that_cannot_be_written() {
    let _machine = shared();
    let dir = TempDir::new();
    for file in ["/no/such/dir/file", dir.path().to_str().unwrap()] {
        let output = run(&mut tracer(&["-o", file, "--", "/bin/echo", "hi"]));
        assert_refused(&output, 1, &[file]);
    }
    // A full disk: what was written is told.
    let output = run(&mut tracer(&["-f", "-o", "/dev/full", "--", "true"]));
    assert_refused(
        &output,
        1,
        &["/dev/full", "No space left on device", "0 bytes"],
    );
    let mut command = Command::new("sh");
    let output = run(command.args(["-c", "exec \"$0\" -- true >/dev/full", BIN]));
    assert_refused(
        &output,
        1,
        &["standard output", "No space left on device", "0 bytes"],
    );
    let output =
        run(Command::new("sh").args(["-c", "exec \"$0\" --list-syscalls >/dev/full", BIN]));
    assert_refused(&output, 1, &["No space left on device"]);
    programs::assert_none_left();
}

/// A file system of 256 KiB fills up in the middle.
#[test]
fn a_disk_that_fills_up() {
    let _machine = shared();
    let dir = TempDir::new();
    let script = format!(
        "mount -t tmpfs -o size=256k none {0} && {BIN} -o {0}/trace -- {1} --calls 100000; \
         echo status $?; echo size $(stat -c %s {0}/trace)",
        dir.path().display(),
        example("calls")
    );
    let output = run(Command::new("unshare").args(["-m", "sh", "-c", &script]));
    assert_eq!(output.number("status"), 1, "{output:?}");
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    let bytes = regex::Regex::new(r"(\d+) bytes were written").unwrap();
    let told = bytes
        .captures(&output.stderr)
        .unwrap_or_else(|| panic!("{output:?}"));
    assert_eq!(
        told[1].parse::<u64>().unwrap(),
        output.number("size"),
        "{output:?}"
    );
}

#[test]
fn a_reader_that_goes_away() {
    let _machine = shared();
    for options in [&["--"][..], &["-f", "--"]] {
        let mut command = tracer(options);
        command
            .args([&example("calls"), "--calls", "300000"])
            .process_group(0);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        // The pipe is closed after one line.
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(line.contains("exec"), "{line}");
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        // Nothing but what the command itself wrote, if it got that far.
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("strace-ebpf:"), "{stderr}");
    }
    programs::assert_none_left();
}

/// A reader that goes away while there is nothing to say: noticed without another event.
#[test]
fn a_sink_command_that_ends_early() {
    let _machine = shared();
    let program = example("calls");
    let mut tracer =
        Running::start(tracer(&["-o", "|head -n 1", "--"]).args([&program, "--calls", "300000"]));
    let output = tracer.wait_at_most(Duration::from_secs(30));
    assert_eq!(output.code(), 0, "{output:?}");
    assert!(!output.stderr.contains("strace-ebpf:"), "{output:?}");
    assert!(
        output
            .stdout
            .lines()
            .next()
            .is_some_and(|line| line.contains("exec")),
        "{output:?}"
    );
}

/// What cannot be written does not change how the command ends, nor when we do.
#[test]
fn called_strace_the_status_is_the_commands() {
    let _machine = shared();
    let dir = TempDir::new();
    let ours = as_strace(&dir);
    let end = dir.file("end");
    // Late enough that the trace is cut before.
    let script = format!("sleep 1; echo ended >{end}; exit 5");
    let full = |program: &str, words: &str| {
        let outer = format!("exec \"$0\" {words} sh -c '{script}' 2>/dev/full");
        let output = run(Command::new("sh").args(["-c", &outer, program]));
        let said = std::fs::read_to_string(&end).unwrap_or_default();
        let _ = std::fs::remove_file(&end);
        (output.code(), said)
    };
    let told = full("strace", "-f");
    assert_eq!(told, (5, "ended\n".to_owned()));
    assert_eq!(full(&ours, "-f"), told);
    assert_eq!(full(&ours, "-f --strict"), (3, told.1.clone()));
    let file = |words: &[&str]| {
        let words = [words, &["-o", "/dev/full", "sh", "-c", "exit 5"]].concat();
        let output = run(&mut plain(&ours, &words));
        assert_eq!(
            output.stderr,
            "strace: /dev/full: No space left on device\n"
        );
        output.code()
    };
    assert_eq!((file(&[]), file(&["--strict"])), (5, 3));
    let outer = "exec \"$0\" --format tsv sh -c 'exit 5' >/dev/full";
    let output = run(Command::new("sh").args(["-c", outer, &ours]));
    assert_eq!(output.code(), 5, "{output:?}");
    let words = "standard output: No space left on device";
    assert!(output.stderr.contains(words), "{output:?}");
}

/// Rows go to standard output, whoever calls us by which name.
#[test]
fn called_strace_a_reader_of_rows_may_go_away() {
    let _machine = shared();
    let dir = TempDir::new();
    let (ours, status) = (as_strace(&dir), dir.file("status"));
    let outer = "{ \"$0\" --format tsv \"$1\" --calls 300000; echo $? >\"$2\"; } | head -n 1";
    let output = run(Command::new("sh").args(["-c", outer, &ours, &example("calls"), &status]));
    assert!(output.stdout.contains("exec"), "{output:?}");
    assert!(!output.stderr.contains("strace:"), "{output:?}");
    assert_eq!(std::fs::read_to_string(&status).unwrap(), "0\n");
}

#[test]
fn without_the_privilege() {
    let _machine = shared();
    let dir = TempDir::new();
    let copy = dir.file("strace-ebpf");
    std::fs::copy(BIN, &copy).unwrap();
    let mut command = Command::new(&copy);
    command
        .args(["-f", "-e", "trace=openat", "--", "ls", "a b", "it's"])
        .uid(65534)
        .gid(65534);
    let output = run(command.stdin(Stdio::null()));
    let fix = format!("sudo {copy} -f -e trace=openat -- ls 'a b' 'it'\\''s'");
    assert_refused(&output, 1, &[&fix, "CAP_BPF", "CAP_PERFMON"]);
    let mut command = Command::new(&copy);
    let output = run(command.arg("--check").uid(65534).gid(65534));
    assert_eq!(output.code(), 1, "{output:?}");
    let row = output
        .stdout
        .lines()
        .find(|line| line.starts_with("privilege\t"));
    assert!(
        row.is_some_and(|row| row.contains("\tNO\t") && row.contains("sudo")),
        "{output:?}"
    );
    // By capability, not by uid: a user with the two rights may trace.
    let keep = "--inh-caps=+bpf,+perfmon";
    let ambient = "--ambient-caps=+bpf,+perfmon";
    let with_rights = |more: &str, prepare: &str, words: &str| {
        let script = format!(
            "{prepare} exec setpriv --reuid 65534 --clear-groups {keep}{more} {ambient}{more} {copy} {words}"
        );
        run(Command::new("unshare").args(["-m", "sh", "-c", &script]))
    };
    // Where more is wanted that is said, by the program and by --check.
    let refused = |more: &str, prepare: &str, words: &[&str]| {
        let output = with_rights(more, prepare, "-- /bin/true");
        assert_refused(&output, 1, words);
        let told = with_rights(more, prepare, "--check");
        assert_eq!(told.code(), 1, "{told:?}");
        let reason = output.stderr.trim_start_matches("strace-ebpf: ").trim_end();
        assert!(
            told.stdout.contains(&format!("\tNO\t{reason}\n")),
            "{told:?} {reason}"
        );
    };
    let (mut more, mut prepare) = (String::new(), "");
    let facts = Facts::gather().unwrap();
    if facts.version < Version(5, 11) {
        refused(
            "",
            "ulimit -l 64;",
            &["ulimit -l unlimited", "CAP_SYS_RESOURCE"],
        );
        more += ",+sys_resource";
    }
    let setting = "/proc/sys/kernel/perf_event_paranoid";
    let paranoid = std::fs::read_to_string(setting).unwrap();
    if raw_tracepoints_are_preemptible() {
        // Classic tracepoints want tracefs, which such a user cannot mount, and perf events.
        let gone = "umount -a -t tracefs 2>/dev/null;";
        refused("", gone, &["tracefs", "CAP_SYS_ADMIN"]);
        more += ",+dac_read_search";
        prepare = "mount -t tracefs none /sys/kernel/tracing || exit 99;";
        if paranoid.trim().parse::<i32>().unwrap() > 2 {
            refused(&more, prepare, &["perf_event_paranoid", "CAP_SYS_ADMIN"]);
            std::fs::write(setting, "2").unwrap();
        }
    }
    let output = with_rights(&more, prepare, "-- /bin/true");
    std::fs::write(setting, &paranoid).unwrap();
    assert_eq!(
        (output.code(), output.stderr.as_str()),
        (0, ""),
        "{output:?}"
    );
    assert!(output.stdout.contains("\texecve\t0\t"), "{output:?}");
}
