//! `-p`: joining processes that run, and leaving them as they were.

use std::{collections::BTreeSet, process::Command, time::Duration};

use crate::{
    harness::{Running, TempDir, alone, example, run, shared, slow, tracer},
    hooks, programs,
    rows::{Row, named},
};

fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms) * slow());
}

/// Starts `strace-ebpf -o FILE OPTIONS` and waits until it says that it has attached.
fn attach(file: &str, options: &[&str]) -> Running {
    let tracer = Running::start(tracer(&["-o", file]).args(options));
    tracer.stderr_line("attached");
    tracer
}

/// A program of ours that waits for a line, and its pid.
fn waiting(name: &str, args: &[&str]) -> (Running, u32) {
    let program = Running::start_with_stdin(Command::new(example(name)).args(args));
    let ready = program.stdout_line("ready ");
    let pid = ready.split(' ').nth(1).unwrap().parse().unwrap();
    (program, pid)
}

/// A number that was a process a moment ago.
fn vanished() -> u32 {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    child.id()
}

#[test]
fn a_process_with_many_threads_does_not_notice() {
    let _machine = alone();
    for hook in hooks::tracepoints() {
        let mut attachee = Running::start_with_stdin(&mut Command::new(example("attachee")));
        let ready = attachee.stdout_line("ready ");
        let ids: Vec<u32> = ready
            .split(' ')
            .skip(1)
            .map(|id| id.parse().unwrap())
            .collect();
        let pid = ids[0].to_string();
        let dir = TempDir::new();
        let mut tracer = attach(&dir.file("trace"), &["--attach", hook, "-p", &pid]);
        // Several of the waits, also in a guest; there all that the busy thread does meanwhile takes long to write.
        std::thread::sleep(Duration::from_millis(700) * slow().min(2));
        tracer.signal(libc::SIGINT);
        let output = tracer.wait_at_most(Duration::from_secs(20));
        assert_eq!(output.code(), 0, "{hook}: {output:?}");
        programs::assert_none_left();
        attachee.close_stdin();
        let told = attachee.wait();
        assert_eq!(told.code(), 0, "{told:?}");
        for key in ["eintr", "tracer_pid_max", "stopped"] {
            assert_eq!(told.number(key), 0, "{hook}: {key}");
        }
        let trace = std::fs::read_to_string(dir.file("trace")).unwrap();
        let rows: Vec<Row> = trace.lines().map(Row::parse).collect();
        assert!(
            // What an emulated processor loses of the busy thread's calls is of no process.
            rows.iter()
                .all(|row| row.pid == ids[0] || row.name == "+lost"),
            "{hook}: other processes"
        );
        let seen: BTreeSet<u32> = rows
            .iter()
            .filter(|row| row.name != "+lost")
            .map(|row| row.tid)
            .collect();
        let all: BTreeSet<u32> = ids.iter().copied().collect();
        assert_eq!(seen, all, "{hook}: threads");
        assert!(
            named(&rows, "getppid").len() > 1000 / slow() as usize,
            "{hook}: the busy thread"
        );
        let errors: BTreeSet<&str> = rows.iter().map(|row| row.errno).collect();
        assert!(!errors.contains("EINTR"), "{hook}");
    }
}

#[test]
fn attaching_again_and_again_leaves_nothing() {
    let _machine = shared();
    let (mut program, pid) = waiting("attachee", &[]);
    for _ in 0..5 {
        let dir = TempDir::new();
        let mut tracer = attach(&dir.file("trace"), &["-p", &pid.to_string()]);
        tracer.signal(libc::SIGTERM);
        let output = tracer.wait_at_most(Duration::from_secs(20));
        assert_eq!(output.code(), 0, "{output:?}");
    }
    programs::assert_none_left();
    program.close_stdin();
    let told = program.wait();
    assert_eq!(
        (told.number("eintr"), told.number("tracer_pid_max")),
        (0, 0)
    );
}

#[test]
fn many_pids_in_every_form_and_one_that_is_gone() {
    let _machine = shared();
    let mut programs: Vec<(Running, u32)> = (0..4)
        .map(|_| waiting("calls", &["--calls", "100", "--wait"]))
        .collect();
    let [a, b, c, d] = [0, 1, 2, 3].map(|i: usize| programs[i].1.to_string());
    let gone = vanished();
    let dir = TempDir::new();
    let options = [
        "-p",
        &format!("{a},{b}"),
        "-p",
        &format!("{gone} {c}\n"),
        &format!("-p{d}"),
        "-e",
        "trace=getppid",
    ];
    let tracer = attach(&dir.file("trace"), &options);
    tracer.stderr_line(&format!("Process {d} attached"));
    for (program, _) in &mut programs {
        program.write_stdin("go\n");
    }
    // It ends by itself after the last of them.
    let output = tracer.wait();
    assert_eq!(output.code(), 0, "{output:?}");
    let naming: Vec<&str> = output
        .stderr
        .lines()
        .filter(|line| line.contains(&gone.to_string()))
        .collect();
    assert_eq!(
        naming.len(),
        1,
        "the one that is gone is named once: {output:?}"
    );
    assert!(
        output
            .stderr
            .lines()
            .all(|line| line.starts_with("strace-ebpf: ")),
        "{output:?}"
    );
    let trace = std::fs::read_to_string(dir.file("trace")).unwrap();
    let rows: Vec<Row> = trace.lines().map(Row::parse).collect();
    for (program, pid) in programs {
        assert_eq!(program.wait().number("calls getppid"), 100);
        let calls = named(&rows, "getppid")
            .into_iter()
            .filter(|row| row.pid == pid)
            .count();
        assert_eq!(calls, 100, "process {pid}");
    }
}

#[test]
fn only_processes_that_are_gone() {
    let _machine = shared();
    for quiet in [&[][..], &["-q"], &["-qq"]] {
        let pid = vanished().to_string();
        let output = run(tracer(quiet).args(["-p", &pid]));
        assert_eq!(output.code(), 1, "{output:?}");
        assert_eq!(output.stdout, "");
        assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
        assert!(output.stderr.starts_with("strace-ebpf: "), "{output:?}");
        assert!(
            output.stderr.contains(&pid),
            "the message names it: {output:?}"
        );
    }
}

/// A thread's number is not that of a process: strace attaches to that thread's process as well.
#[test]
fn the_number_of_a_thread_is_taken() {
    let _machine = shared();
    let mut attachee = Running::start_with_stdin(&mut Command::new(example("attachee")));
    let ready = attachee.stdout_line("ready ");
    let tid = ready.split(' ').nth(3).unwrap().to_owned();
    let dir = TempDir::new();
    let mut tracer = attach(&dir.file("trace"), &["-p", &tid]);
    pause(500);
    tracer.signal(libc::SIGINT);
    let output = tracer.wait_at_most(Duration::from_secs(20));
    assert_eq!(output.code(), 0, "{output:?}");
    attachee.close_stdin();
    assert_eq!(attachee.wait().number("eintr"), 0);
    let trace = std::fs::read_to_string(dir.file("trace")).unwrap();
    let tid: u32 = tid.parse().unwrap();
    assert!(
        trace.lines().map(Row::parse).any(|row| row.tid == tid),
        "nothing of thread {tid}"
    );
}

#[test]
fn children_of_an_attached_process_only_with_f() {
    let _machine = shared();
    for (follow, children) in [(&["-f"][..], 2), (&[], 0)] {
        let script = "echo ready $$; read x; /bin/true; (exit 3); exit 4";
        let mut shell = Running::start_with_stdin(Command::new("sh").args(["-c", script]));
        let pid = shell.stdout_line("ready ").split_off(6);
        let dir = TempDir::new();
        let mut tracer = attach(&dir.file("trace"), &[follow, &["-p", &pid]].concat());
        shell.write_stdin("go\n");
        assert_eq!(shell.wait().code(), 4);
        let output = tracer.wait_at_most(Duration::from_secs(20));
        assert_eq!(output.code(), 0, "{output:?}");
        let trace = std::fs::read_to_string(dir.file("trace")).unwrap();
        let rows: Vec<Row> = trace.lines().map(Row::parse).collect();
        let pid: u32 = pid.parse().unwrap();
        let pids: BTreeSet<u32> = rows
            .iter()
            .map(|row| row.pid)
            .filter(|p| *p != pid)
            .collect();
        assert_eq!(pids.len(), children, "{follow:?}: {trace}");
        assert!(
            named(&rows, "exit_group").iter().any(|row| row.pid == pid),
            "{trace}"
        );
    }
}

/// The calls in which threads sleep when the tracer comes are shown when they end.
#[test]
fn calls_in_flight_are_shown_when_they_end() {
    let _machine = shared();
    let ms = (2000 * slow()).to_string();
    let args = ["--threads", "20", "--ms", &ms];
    let (blocked, pid) = waiting("blocked", &args);
    let dir = TempDir::new();
    let tracer = attach(&dir.file("trace"), &["-p", &pid.to_string()]);
    let told = blocked.wait();
    assert_eq!((told.number("done"), told.number("eintr")), (20, 0));
    let output = tracer.wait();
    assert_eq!(output.code(), 0, "{output:?}");
    let trace = std::fs::read_to_string(dir.file("trace")).unwrap();
    let rows: Vec<Row> = trace.lines().map(Row::parse).collect();
    for name in ["nanosleep", "poll"] {
        let calls = named(&rows, name);
        assert_eq!(calls.len(), 10, "{name}\n{trace}");
        for row in &calls {
            assert_eq!((row.ret, row.errno, row.dur), ("0", "-", None), "{row:?}");
        }
        let threads: BTreeSet<u32> = calls.iter().map(|row| row.tid).collect();
        assert_eq!(threads.len(), 10, "{name}");
    }
    // poll(NULL, 0, MS): what /proc told about the arguments.
    assert!(
        named(&rows, "poll")
            .iter()
            .all(|row| row.args == ["NULL", "0", &ms]),
        "{trace}"
    );
    let ends = rows.iter().filter(|row| row.name == "+exit").count();
    assert_eq!(ends, 21, "threads and leader\n{trace}");
}

/// Calls that are still going on when the tracer leaves are shown too, without a result.
#[test]
fn calls_in_flight_at_the_end_are_shown_without_result() {
    let _machine = shared();
    let ms = (3000 * slow()).to_string();
    let (mut blocked, pid) = waiting("blocked", &["--threads", "6", "--ms", &ms]);
    let dir = TempDir::new();
    let mut tracer = attach(&dir.file("trace"), &["-p", &pid.to_string()]);
    pause(100);
    tracer.signal(libc::SIGINT);
    let output = tracer.wait_at_most(Duration::from_secs(20));
    assert_eq!(output.code(), 0, "{output:?}");
    assert!(!blocked.has_ended());
    assert_eq!(blocked.wait().number("done"), 6);
    let trace = std::fs::read_to_string(dir.file("trace")).unwrap();
    let rows: Vec<Row> = trace.lines().map(Row::parse).collect();
    for name in ["nanosleep", "poll"] {
        let calls = named(&rows, name);
        assert_eq!(calls.len(), 3, "{name}\n{trace}");
        assert!(
            calls.iter().all(|row| row.ret == "?" && row.dur.is_none()),
            "{trace}"
        );
    }
}

/// Waits until the file holds this text so many times.
#[track_caller]
fn wait_for(file: &str, text: &str, times: usize) -> String {
    let mut all = String::new();
    for _ in 0..2000 * slow() {
        all = std::fs::read_to_string(file).unwrap_or_default();
        if all.matches(text).count() >= times {
            return all;
        }
        pause(10);
    }
    panic!("not {times} times {text}: {all}");
}

fn kill(pid: u32, signal: i32) {
    // SAFETY: plain numbers.
    assert_eq!(unsafe { libc::kill(pid as i32, signal) }, 0);
}

/// A process that is stopped when the tracer comes is in no call: all its threads are said to be stopped, and what they go on
/// with is known. One that is stopped later is told thread by thread too, each behind its call.
#[test]
fn stopped_processes() {
    let _machine = shared();
    let args = ["--threads", "2", "--ms", "60000", "--call", "nanosleep"];
    let (mut blocked, pid) = waiting("blocked", &args);
    kill(pid, libc::SIGSTOP);
    for _ in 0..1000 * slow() {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        if stat.contains(") T ") {
            break;
        }
        pause(10);
    }
    let dir = TempDir::new();
    let file = dir.file("trace");
    let number = pid.to_string();
    let goes_on = "restart_syscall(<... resuming interrupted nanosleep ...>";
    let mut tracer = attach(&file, &["--format", "strace", "-f", "-p", &number]);
    let trace = wait_for(&file, "stopped by SIGSTOP ---\n", 3);
    assert_eq!(trace.lines().count(), 3, "{trace}");
    kill(pid, libc::SIGCONT);
    wait_for(&file, goes_on, 2);
    kill(pid, libc::SIGSTOP);
    wait_for(&file, "stopped by SIGSTOP ---\n", 6);
    kill(pid, libc::SIGCONT);
    wait_for(&file, goes_on, 4);
    tracer.signal(libc::SIGINT);
    let output = tracer.wait_at_most(Duration::from_secs(20));
    assert_eq!(output.code(), 0, "{output:?}");
    let trace = std::fs::read_to_string(&file).unwrap();
    assert_eq!(trace.matches(goes_on).count(), 4, "{trace}");
    // The end of a call stands before the stop that it came back for.
    for begin in ["--- stopped by SIGSTOP ---", "restart_syscall"] {
        let lines = trace.lines().filter(|line| line.contains(begin));
        let tids: BTreeSet<&str> = lines.map(|line| line.split(' ').next().unwrap()).collect();
        assert!(tids.len() >= 2, "{trace}");
    }
    let last_end = trace.rfind("ERESTART_RESTARTBLOCK").unwrap();
    let last_stop = trace.rfind("--- stopped by SIGSTOP").unwrap();
    assert!(last_end < last_stop, "{trace}");
    blocked.signal(libc::SIGKILL);
    blocked.wait_at_most(Duration::from_secs(20));
}

/// 168 is poll to i386 and swapoff to x86-64: which of the two a 64-bit program is in, its instruction tells.
#[cfg(target_arch = "x86_64")]
#[test]
fn an_i386_call_of_a_64_bit_process_in_flight() {
    let _machine = shared();
    let ms = (4000 * slow()).to_string();
    let (program, pid) = waiting("int80", &["--poll", &ms]);
    let dir = TempDir::new();
    let file = dir.file("trace");
    let tracer = attach(&file, &["-p", &pid.to_string()]);
    assert_eq!(program.wait().number("poll"), 0);
    assert_eq!(tracer.wait().code(), 0);
    let trace = std::fs::read_to_string(&file).unwrap();
    let rows: Vec<Row> = trace.lines().map(Row::parse).collect();
    let polls = named(&rows, "poll");
    assert_eq!(polls.len(), 1, "{trace}");
    assert_eq!(
        (polls[0].ret, &polls[0].args[..]),
        ("0", &["NULL", "0", &*ms][..])
    );
    assert!(named(&rows, "swapoff").is_empty(), "{trace}");
}
