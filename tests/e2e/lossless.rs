//! `--lossless`: everything arrives through a buffer that is far too small, nothing stays stopped.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    errors::assert_refused,
    harness::{BIN, Output, Running, TempDir, alone, example, run, shared, slow, tracer},
    hooks, programs,
    scope::Cgroup,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Rows of the trace by name, and whether `+lost` is among them.
fn count(file: &str, name: &str) -> (u64, u64) {
    let (mut found, mut lost) = (0, 0);
    let field = format!("\t{name}\t");
    for line in BufReader::new(File::open(file).unwrap()).lines() {
        let line = line.unwrap();
        found += u64::from(line.contains(&field));
        lost += u64::from(line.contains("\t+lost\t"));
    }
    (found, lost)
}

#[track_caller]
fn assert_all_there(what: &str, output: &Output, file: &str) {
    assert_eq!(output.code(), 0, "{what}: {output:?}");
    // Of the strings and buffers some may be missing, of the calls none.
    assert!(!output.stderr.contains("lost"), "{what}: {output:?}");
    // The program's own output has a line of that name too, with spaces.
    let (found, lost) = count(file, "getppid");
    assert_eq!((found, lost), (output.number("calls getppid"), 0), "{what}");
}

/// The full proof has `STRACE_EBPF_LOSSLESS_CALLS=10000000`; the suite does with fewer.
fn scale() -> u64 {
    let calls = std::env::var("STRACE_EBPF_LOSSLESS_CALLS");
    calls.map_or(400_000 / u64::from(slow()), |calls| {
        calls.parse().expect("a number")
    })
}

#[test]
fn sixteen_threads_and_a_sink_that_stalls() {
    let _machine = alone();
    for transport in hooks::transports() {
        if transport == "perf" {
            continue;
        }
        let dir = TempDir::new();
        let file = dir.file("trace");
        let sink = format!("|sleep 3; cat >'{file}'");
        let mut command = tracer(&["--lossless", "--strict", "--buffer-size", "64K"]);
        command.args([
            "--transport",
            transport,
            "-e",
            "trace=getppid",
            "-o",
            &sink,
            "--",
        ]);
        command.args([&example("calls"), "--threads", "16", "--calls"]);
        let output = Running::start(command.arg((scale() / 16).to_string()))
            .wait_at_most(Duration::from_secs(300));
        assert_all_there(transport, &output, &file);
    }
}

#[test]
fn a_tree_of_fifty_processes() {
    let _machine = alone();
    let dir = TempDir::new();
    let file = dir.file("trace");
    let sink = format!("|sleep 2; cat >'{file}'");
    let mut command = tracer(&["--lossless", "--strict", "--buffer-size", "64K", "-f"]);
    command.args(["-e", "trace=getppid", "-o", &sink, "--", &example("tree")]);
    let calls = (scale() / 100).to_string();
    let output = Running::start(command.args(["--processes", "50", "--calls", &calls]))
        .wait_at_most(Duration::from_secs(300));
    assert_all_there("tree", &output, &file);
    assert_eq!(output.number("failed"), 0);
    programs::assert_none_left();
}

/// Neither the signals nor the stops of our own are in the trace.
#[test]
fn what_we_do_to_the_processes_is_not_shown() {
    let _machine = alone();
    for format in ["tsv", "strace"] {
        let dir = TempDir::new();
        let file = dir.file("trace");
        let mut command = tracer(&["--lossless", "--buffer-size", "8K", "--format", format]);
        let calls = (100_000 / slow()).to_string();
        command.args(["-o", &file, "--", &example("calls"), "--calls", &calls]);
        let output = run(&mut command);
        assert_eq!(output.code(), 0, "{output:?}");
        let trace = std::fs::read_to_string(&file).unwrap();
        for word in ["SIGSTOP", "SIGCONT", "lost"] {
            assert!(!trace.contains(word), "{format}: {word}");
        }
    }
}

/// State letters of a process and all below it.
fn states(pid: &str) -> String {
    let mut letters = String::new();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    letters.extend(
        stat.rsplit(')')
            .next()
            .and_then(|rest| rest.trim().chars().next()),
    );
    let children = format!("/proc/{pid}/task/{pid}/children");
    for child in std::fs::read_to_string(children)
        .unwrap_or_default()
        .split_whitespace()
    {
        letters.push_str(&states(child));
    }
    letters
}

#[track_caller]
fn wait_for(what: &str, mut reached: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE * slow();
    while !reached() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A tree that is stopped because nobody reads the trace, and its first process.
fn stopped_tree(dir: &TempDir) -> (Running, String) {
    let mut command = tracer(&[
        "--lossless",
        "--buffer-size",
        "64K",
        "-f",
        "-o",
        "|sleep 40",
        "--",
    ]);
    let script = format!(
        "{} --processes 8 --calls 1000000 >'{}'; :",
        example("tree"),
        dir.file("told")
    );
    command.args(["sh", "-c", &format!("echo ready $$; {script}")]);
    let tracer = Running::start(&mut command);
    let shell = tracer.stdout_line("ready ").split_off(6);
    let tree = || {
        let children = format!("/proc/{shell}/task/{shell}/children");
        let first = std::fs::read_to_string(children).unwrap_or_default();
        first.split_whitespace().next().map(str::to_owned)
    };
    wait_for("the tree is not stopped", || {
        tree().is_some_and(|pid| {
            let states = states(&pid);
            states.len() == 8 && states.chars().all(|state| state == 'T')
        })
    });
    let first = tree().unwrap();
    (tracer, first)
}

#[test]
fn what_the_drainer_keeps_up_with_is_stopped_too() {
    let _machine = alone();
    // One thread fills no buffer of this size; its output is taken by nobody.
    let mut command = tracer(&["--lossless", "--buffer-size", "8M", "-o", "|sleep 40", "--"]);
    let calls = format!("echo ready $$; exec {} --calls 200000000", example("calls"));
    command.args(["sh", "-c", &calls]);
    let tracer = Running::start(&mut command);
    let pid = tracer.stdout_line("ready ").split_off(6);
    wait_for("it is not stopped", || states(&pid) == "T");
    tracer.signal(libc::SIGKILL);
    wait_for("still stopped", || states(&pid) != "T");
    // SAFETY: plain numbers.
    unsafe { libc::kill(pid.parse().unwrap(), libc::SIGKILL) };
    programs::assert_none_left();
}

#[test]
fn nothing_stays_stopped_when_the_tracer_is_killed() {
    let _machine = alone();
    let dir = TempDir::new();
    let (tracer, tree) = stopped_tree(&dir);
    tracer.signal(libc::SIGKILL);
    wait_for("still stopped", || !states(&tree).contains('T'));
    // And not stopped again.
    std::thread::sleep(Duration::from_millis(300));
    assert!(!states(&tree).contains('T'), "{}", states(&tree));
    wait_for("the watchdog is still there", || {
        watchdog_of(tracer.pid()).is_none()
    });
    programs::assert_none_left();
}

#[test]
fn a_watchdog_that_is_killed_is_replaced() {
    let _machine = alone();
    let dir = TempDir::new();
    let (tracer, tree) = stopped_tree(&dir);
    let first = watchdog_of(tracer.pid()).expect("a watchdog");
    // SAFETY: plain numbers.
    unsafe { libc::kill(first as i32, libc::SIGKILL) };
    wait_for("no other watchdog", || {
        watchdog_of(tracer.pid()).is_some_and(|pid| pid != first)
    });
    tracer.signal(libc::SIGKILL);
    wait_for("still stopped", || !states(&tree).contains('T'));
}

#[test]
fn nothing_stays_stopped_when_the_tracer_is_told_to_end() {
    let _machine = alone();
    let dir = TempDir::new();
    let (tracer, tree) = stopped_tree(&dir);
    // The first one goes to the command.
    for _ in 0..2 {
        tracer.signal(libc::SIGTERM);
        std::thread::sleep(Duration::from_millis(100));
    }
    wait_for("still stopped", || !states(&tree).contains('T'));
}

/// The watchdog stands outside of the tracer's cgroup: who ends all of that does not end it.
#[test]
fn nothing_stays_stopped_when_the_tracers_cgroup_is_killed() {
    let _machine = alone();
    let cgroup = Cgroup::new();
    let calls = format!(
        "echo ready $$; read x; exec {} --calls 200000000",
        example("calls")
    );
    let mut program = Running::start_with_stdin(Command::new("sh").args(["-c", &calls]));
    let pid = program.stdout_line("ready ").split_off(6);
    let script = "echo $$ >\"$1/cgroup.procs\"; exec \"$0\" --lossless -o '|exec sleep 40' -p $2";
    let tracer = Running::start(Command::new("sh").args(["-c", script, BIN, cgroup.path(), &pid]));
    tracer.stderr_line("attached");
    program.write_stdin("go\n");
    wait_for("it is not stopped", || states(&pid) == "T");
    let inside = std::fs::read_to_string(cgroup.0.join("cgroup.procs")).unwrap();
    assert!(
        inside.lines().any(|line| line == tracer.pid().to_string()),
        "{inside}"
    );
    // The file is there from Linux 5.14 on.
    if std::fs::write(cgroup.0.join("cgroup.kill"), "1").is_err() {
        for pid in inside.lines() {
            // SAFETY: plain numbers.
            unsafe { libc::kill(pid.parse().unwrap(), libc::SIGKILL) };
        }
    }
    wait_for("still stopped", || states(&pid) != "T");
    // SAFETY: plain numbers.
    unsafe { libc::kill(pid.parse().unwrap(), libc::SIGKILL) };
    wait_for("the cgroup is not empty", || {
        std::fs::read_to_string(cgroup.0.join("cgroup.procs")).is_ok_and(|all| all.is_empty())
    });
    programs::assert_none_left();
}

/// The process named so that the tracer forked; its pid.
fn watchdog_of(tracer: u32) -> Option<u32> {
    let entries = std::fs::read_dir("/proc").unwrap();
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .find(|pid: &u32| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            // Its parent is another one once the tracer is gone; its session is its own either way.
            status.starts_with("Name:\tsebpf-watchdog\n")
                && (status.contains(&format!("\nPPid:\t{tracer}\n"))
                    || !std::fs::exists(format!("/proc/{tracer}/exe")).unwrap_or(false))
                && !status.contains("\nState:\tZ")
        })
}

#[test]
fn is_refused_where_it_cannot_be_kept() {
    let _machine = shared();
    let everything = run(&mut tracer(&["--lossless", "-a", "--", "true"]));
    assert_refused(&everything, 2, &["--lossless", "-a"]);
    let perf = run(&mut tracer(&["--lossless", "--transport", "perf", "true"]));
    assert_refused(&perf, 2, &["--lossless", "perf"]);
}
