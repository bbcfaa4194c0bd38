//! What is traced: a command and its children, the whole system, a cgroup; which calls of it.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use crate::{
    harness::{BIN, Running, TempDir, Traced, alone, example, run, shared, slow, trace, tracer},
    hooks,
    rows::{Row, named},
};

fn pids(traced: &Traced) -> BTreeSet<u32> {
    traced.rows().iter().map(|row| row.pid).collect()
}

#[test]
fn a_command_from_its_first_execve_and_nothing_before() {
    let _machine = shared();
    for hook in hooks::tracepoints() {
        let traced = trace(&["--attach", hook, "--", "/bin/echo", "hi"]);
        assert_eq!(traced.output.code(), 0, "{traced:?}");
        let rows = traced.rows();
        let first = rows.iter().find(|row| row.name != "+exec").unwrap();
        assert_eq!(
            (first.name, first.ret, first.errno),
            ("execve", "0", "-"),
            "{traced:?}"
        );
        assert_eq!(
            first.args[..2],
            ["\"/bin/echo\"", "[\"/bin/echo\", \"hi\"]"]
        );
        assert!(first.dur.is_some(), "{first:?}");
        let execs = rows
            .iter()
            .take_while(|row| row.name.contains("exec"))
            .count();
        assert_eq!(
            execs, 2,
            "+exec and execve, then the program's own\n{}",
            traced.trace
        );
        let last = rows.last().unwrap();
        assert_eq!((last.name, last.ret), ("+exit", "0"), "{traced:?}");
        assert_eq!(pids(&traced).len(), 1);
    }
}

/// When the program cannot be executed the failed execve is all there is.
#[test]
fn a_command_that_does_not_start_shows_nothing_of_ours() {
    let _machine = shared();
    let traced = trace(&["-f", "--", "/etc/passwd"]);
    assert_eq!(traced.output.code(), 126);
    let names: Vec<String> = traced
        .rows()
        .iter()
        .map(|row| row.name.to_owned())
        .collect();
    assert!(names.is_empty() || names == ["execve"], "{}", traced.trace);
}

#[test]
fn children_with_f_only_and_threads_always() {
    let _machine = shared();
    let script = "/bin/true; (exit 3); /bin/echo end";
    assert_eq!(pids(&trace(&["--", "sh", "-c", script])).len(), 1);
    assert_eq!(pids(&trace(&["-f", "--", "sh", "-c", script])).len(), 4);
    let traced = trace(&["--", &example("calls"), "--threads", "3", "--calls", "10"]);
    let rows = traced.rows();
    let calls = named(&rows, "getppid");
    assert_eq!(calls.len(), 30);
    let tids: BTreeSet<u32> = calls.iter().map(|row| row.tid).collect();
    assert_eq!((tids.len(), pids(&traced).len()), (3, 1));
}

/// Without `-f` the tracer ends with the command, with it after the last child, as strace.
#[test]
fn f_waits_for_children_that_stay_behind() {
    let _machine = shared();
    let script = "(sleep 0.5; /bin/echo late) & exit 3";
    let traced = trace(&["-f", "--", "sh", "-c", script]);
    assert_eq!(traced.output.code(), 3);
    let rows = traced.rows();
    assert!(
        named(&rows, "write")
            .iter()
            .any(|row| row.args[1] == "\"late\\n\"")
    );
}

#[test]
fn the_whole_system_but_the_tracer() {
    let _machine = alone();
    let dir = TempDir::new();
    let file = dir.file("trace");
    let mut system = Running::start(&mut tracer(&["-a", "-o", &file]));
    let mut seen = 0;
    for _ in 0..200 {
        seen = run(Command::new("/bin/echo").arg("seen-by-all")).code();
        std::thread::sleep(Duration::from_millis(10));
        let trace = std::fs::read_to_string(&file).unwrap_or_default();
        if trace.contains("seen-by-all") {
            break;
        }
    }
    assert_eq!(seen, 0);
    assert!(!system.has_ended());
    let own = system.pid();
    system.signal(libc::SIGINT);
    let output = system.wait_at_most(Duration::from_secs(20));
    assert_eq!((output.code(), output.stderr.as_str()), (0, ""));
    let trace = std::fs::read_to_string(&file).unwrap();
    let rows: Vec<Row> = trace.lines().map(Row::parse).collect();
    let writes = named(&rows, "write");
    assert!(
        writes
            .iter()
            .any(|row| row.args.get(1) == Some(&"\"seen-by-all\\n\""))
    );
    assert!(
        rows.iter().all(|row| row.pid != own),
        "the tracer's own calls"
    );
}

#[test]
fn the_whole_system_for_as_long_as_a_command_runs() {
    let _machine = alone();
    let dir = TempDir::new();
    let file = dir.file("trace");
    let rounds = 20 * slow();
    let script = format!("i=0; while [ $i -lt {rounds} ]; do sleep 0.05; i=$((i+1)); done");
    let mut other = Running::start(Command::new("sh").args(["-c", &script]));
    let output = run(&mut tracer(&[
        "-a",
        "-o",
        &file,
        "--",
        "sh",
        "-c",
        "sleep 0.4; exit 9",
    ]));
    assert_eq!(output.code(), 9, "{output:?}");
    other.wait_at_most(Duration::from_secs(20));
    let trace = std::fs::read_to_string(&file).unwrap();
    let rows: Vec<Row> = trace.lines().map(Row::parse).collect();
    assert!(
        rows.iter().any(|row| row.pid == other.pid()),
        "nothing of process {}",
        other.pid()
    );
    assert!(
        named(&rows, "exit_group")
            .iter()
            .any(|row| row.args == ["9"])
    );
}

/// A cgroup of this test, removed at the end.
pub struct Cgroup(pub PathBuf);

impl Cgroup {
    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    pub fn new() -> Self {
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
        let mount = mounts
            .lines()
            .find(|line| line.split(' ').nth(2) == Some("cgroup2"));
        let root = mount.expect("a cgroup v2 mount").split(' ').nth(1).unwrap();
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("strace-ebpf-e2e-{}-{number}", std::process::id());
        let path = PathBuf::from(root).join(name);
        std::fs::create_dir_all(path.join("child")).unwrap();
        Self(path)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(self.0.join("child"));
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn a_cgroup_and_those_below_it() {
    let _machine = shared();
    let cgroup = Cgroup::new();
    let dir = TempDir::new();
    let file = dir.file("trace");
    let script =
        "echo ready; while read where; do echo $$ >$where/cgroup.procs; /bin/echo in-$where; done";
    let mut shells: Vec<Running> = (0..3)
        .map(|_| {
            let mut command = Command::new("sh");
            Running::start_with_stdin(command.args(["-c", script]).current_dir(&cgroup.0))
        })
        .collect();
    let path = cgroup.0.to_str().unwrap();
    let mut tracer = Running::start(&mut tracer(&["--cgroup", path, "-o", &file]));
    // The first shell is inside before the tracer is known to be there.
    shells[0].stdout_line("ready");
    for _ in 0..200 * slow() {
        shells[0].write_stdin(".\n");
        std::thread::sleep(Duration::from_millis(10));
        if std::fs::read_to_string(&file).is_ok_and(|trace| trace.contains("in-.")) {
            break;
        }
    }
    shells[1].write_stdin("child\n");
    shells[1].stdout_line("in-child");
    shells[2].write_stdin("..\n");
    shells[2].stdout_line("in-..");
    assert!(!tracer.has_ended());
    tracer.signal(libc::SIGINT);
    let output = tracer.wait_at_most(Duration::from_secs(20));
    assert_eq!((output.code(), output.stderr.as_str()), (0, ""));
    let pids: Vec<u32> = shells.iter().map(Running::pid).collect();
    for mut shell in shells {
        shell.close_stdin();
        shell.wait();
    }
    let trace = std::fs::read_to_string(&file).unwrap();
    let rows: Vec<Row> = trace.lines().map(Row::parse).collect();
    assert!(rows.iter().any(|row| row.pid == pids[0]), "{trace}");
    assert!(
        rows.iter().any(|row| row.pid == pids[1]),
        "the child cgroup\n{trace}"
    );
    assert!(
        rows.iter().all(|row| row.pid != pids[2]),
        "outside\n{trace}"
    );
    for (text, wanted) in [
        ("\"in-.\\n\"", true),
        ("\"in-child\\n\"", true),
        ("\"in-..\\n\"", false),
    ] {
        let any = named(&rows, "write").iter().any(|row| row.args[1] == text);
        assert_eq!(any, wanted, "{text}: children born inside\n{trace}");
    }
}

/// A call is told where it ends inside: one during which the process leaves is not, and one during which it comes is. In the
/// strace format what was begun inside is left unfinished.
#[test]
fn a_cgroup_that_is_left_during_a_call() {
    let _machine = shared();
    for format in ["tsv", "strace"] {
        let cgroup = Cgroup::new();
        let dir = TempDir::new();
        let file = dir.file("trace");
        let script = "echo ready; while read line; do echo got-$line; done";
        let mut shell = Running::start_with_stdin(Command::new("sh").args(["-c", script]));
        let pid = shell.pid();
        let move_to = |path: &std::path::Path| {
            std::fs::write(path.join("cgroup.procs"), pid.to_string()).unwrap();
        };
        shell.stdout_line("ready");
        let mut tracer = Running::start(&mut tracer(&[
            "--format",
            format,
            "--cgroup",
            cgroup.path(),
            "-o",
            &file,
        ]));
        // It waits in a read that began outside.
        move_to(&cgroup.0);
        let mut inside = 0;
        for _ in 0..200 * slow() {
            shell.write_stdin(&format!("in-{inside}\n"));
            shell.stdout_line(&format!("got-in-{inside}"));
            std::thread::sleep(Duration::from_millis(20));
            if std::fs::read_to_string(&file).is_ok_and(|trace| trace.contains("got-in-")) {
                break;
            }
            inside += 1;
        }
        // And now in one that began inside.
        move_to(cgroup.0.parent().unwrap());
        shell.write_stdin("out\n");
        shell.stdout_line("got-out");
        move_to(&cgroup.0.join("child"));
        shell.write_stdin("back\n");
        shell.stdout_line("got-back");
        shell.close_stdin();
        shell.wait();
        std::thread::sleep(Duration::from_millis(200));
        tracer.signal(libc::SIGINT);
        let output = tracer.wait_at_most(Duration::from_secs(20));
        assert_eq!((output.code(), output.stderr.as_str()), (0, ""));
        let trace = std::fs::read_to_string(&file).unwrap();
        assert!(!trace.contains("out\\n"), "{trace}");
        for text in [format!("got-in-{inside}\\n"), "\"got-back\\n\"".to_owned()] {
            assert!(trace.contains(&text), "{text}: {trace}");
        }
        // A read of one byte, the last of what came when it was back.
        let reads = trace
            .lines()
            .filter(|line| line.contains("read") && line.contains("\"b\""));
        assert_eq!(reads.count(), 1, "{trace}");
    }
}

/// There is room for the numbers that there were at the start: that there are more now is said, and `--strict` fails.
#[test]
fn numbers_of_processes_that_are_raised() {
    let _machine = alone();
    // From Linux 6.14 on the limit is one of the PID namespace; before it is everybody's, and put back.
    let script = "f=/proc/sys/kernel/pid_max; old=$(cat $f); trap 'echo $old >$f' EXIT; trap 'exit 1' INT TERM; echo 40000 >$f; \
                  \"$0\" --strict -o /dev/null -- sh -c \"echo 50000 >$f; sleep 1\"; echo status $?";
    let output =
        run(Command::new("unshare").args(["-pf", "--mount-proc", "sh", "-c", script, BIN]));
    assert_eq!(output.number("status"), 3, "{output:?}");
    assert_eq!(
        output.stderr,
        "strace-ebpf: kernel.pid_max was raised from 40000 to 50000: processes with higher numbers are not traced\n"
    );
}

#[test]
fn pids_are_those_of_the_namespace_of_the_tracer() {
    let _machine = shared();
    let dir = TempDir::new();
    let file = dir.file("trace");
    let mut command = Command::new("unshare");
    command.args(["-p", "-f", "--mount-proc", BIN, "-f", "-o", &file, "--"]);
    let output = run(command.args(["sh", "-c", "echo pid $$; /bin/true; exit 6"]));
    assert_eq!(output.code(), 6, "{output:?}");
    let trace = std::fs::read_to_string(&file).unwrap();
    let rows: Vec<Row> = trace.lines().map(Row::parse).collect();
    let shell = output.number("pid") as u32;
    assert!(shell < 100, "{output:?}");
    assert_eq!(rows[0].pid, shell, "{trace}");
    assert!(
        rows.iter().all(|row| row.pid < 100 && row.tid < 100),
        "{trace}"
    );
    let child = named(&rows, "+fork")[0].ret();
    assert!(
        rows.iter().any(|row| i64::from(row.pid) == child),
        "{trace}"
    );
}
