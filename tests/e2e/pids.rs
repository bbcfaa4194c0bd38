//! Names of processes and threads behind their numbers: `-Y`, `--decode-pids`.

use crate::{
    harness::{BIN, TempDir, example, run, shared, slow, trace, tracer},
    oracle::{assert_all_same, assert_same},
    rows::{Row, named},
};

/// Calls of `tests/programs/pids.rs` that only the parent makes, or only at a time of its own.
const SET: &str = "getpid,gettid,getpgid,getsid,setpgid,kill,tkill,tgkill,fcntl,getpriority,setpriority,ioprio_get,\
                   sched_getscheduler,prlimit64,kcmp,capget,prctl,wait4";

#[test]
fn names_are_those_of_strace() {
    let _machine = shared();
    let program = example("pids");
    assert_same(&format!("STRACE -Y -f -o file -e trace={SET} {program}"));
    assert_same(&format!(
        "STRACE --decode-pids=comm -f -e trace={SET} {program}"
    ));
    // The child is not traced: its name is asked for.
    assert_same(&format!(
        "STRACE -Y -e trace=clone,fork,kill,getpid -e signal=none {program} 2 2>&1 | head -n 4"
    ));
}

#[test]
fn what_lines_begin_with() {
    let _machine = shared();
    let set = "-e trace=exit_group sh -c '/bin/true & wait'";
    assert_all_same(&[
        &format!("STRACE -Y -f {set}"),
        &format!("STRACE -Y -f -o file {set}"),
        &format!("STRACE -Y -ff -o file {set}"),
        &format!("STRACE -Y -xx -f {set}"),
        "STRACE -Y -f -o file -e trace=execve sh -c '/bin/true & wait'",
        "STRACE -Y -e decode-pids=none -e trace=getpid sh -c 'echo $$' >/dev/null",
        "STRACE -e decode-pids=comm -e trace=kill sh -c 'kill -0 $$'",
        "STRACE -e decode-pids=foo true",
        "STRACE --decode-pids= true",
        "STRACE -Y -e raw=kill -e trace=kill sh -c 'kill -0 $$' 2>&1 | sed 's/(0x.*/RAW/'",
        // Not the second thread's, whose end is told when the first one is gone.
        &format!(
            "STRACE -Y -f -o file -e trace=execve,exit_group {} -- /bin/true >/dev/null",
            example("thread_exec")
        ),
    ]);
}

#[test]
fn names_in_rows() {
    let _machine = shared();
    let traced = trace(&["-Y", "-f", "--", &example("pids")]);
    let rows = traced.rows();
    let first = |name: &str| -> Vec<String> {
        let all = named(&rows, name);
        all.iter()
            .map(|row: &&Row<'_>| row.args[0].to_owned())
            .collect()
    };
    let kill = first("kill");
    assert!(
        kill[0].ends_with("<pids>") && kill[1].ends_with("<kid>"),
        "{kill:?}"
    );
    let wait = first("wait4");
    assert!(wait[0].ends_with("<kid>"), "{wait:?}");
    // After it was waited for nobody has the number.
    assert!(kill.last().unwrap().parse::<u32>().is_ok(), "{kill:?}");
    assert!(
        named(&rows, "getpid")
            .iter()
            .all(|row| row.ret.parse::<u32>().is_ok())
    );
    let plain = trace(&["-f", "-e", "trace=kill", "--", &example("pids")]);
    assert!(!plain.trace.contains('<'), "{}", plain.trace);
}

/// A name may hold anything.
#[test]
fn hostile_names_break_nothing() {
    let _machine = shared();
    let script = "printf 'a<b>\\n\\t\\033' >/proc/self/comm; kill -0 $$; kill -0 $$";
    let script = script.replace("/proc/self", "/proc/$$");
    let output = run(tracer(&[
        "--format",
        "strace",
        "-Y",
        "-e",
        "trace=kill",
        "--",
        "sh",
        "-c",
    ])
    .arg(script));
    let kills = output.stderr.matches("kill(").count();
    assert_eq!(kills, 2, "{output:?}");
    assert!(output.stderr.contains(r"<a\74b\76\n\t\33>"), "{output:?}");
}

/// What is process 1 in a namespace of its own has another number here, in arguments, results and signals; processes that are
/// not traced are looked for.
#[test]
fn numbers_of_another_namespace() {
    let _machine = shared();
    let script = "kill -0 $$; sleep 0.1 & kill -0 $!; wait";
    let set = "trace=kill,clone,fork,vfork,getppid,wait4";
    let unshare = ["unshare", "-pf", "sh", "-c", script];
    let of = |options: &[&str]| {
        let output = run(tracer(options).args(["-f", "-e", set, "--"]).args(unshare));
        assert_eq!(output.code(), 0, "{output:?}");
        output
    };
    let lines = of(&["--format", "strace", "--decode-pids=pidns"]).stderr;
    let regex =
        regex::Regex::new(r"\[pid +(\d+)\] kill\(1 /\* (\d+) in strace's PID NS \*/, 0\)").unwrap();
    let own = regex.captures(&lines).unwrap_or_else(|| panic!("{lines}"));
    assert_eq!(own[1], own[2], "{lines}");
    let child = regex::Regex::new(r"= 2 /\* (\d+) in strace's PID NS \*/").unwrap();
    let child = child.captures(&lines).unwrap_or_else(|| panic!("{lines}"));
    for text in [
        format!("kill(2 /* {} in strace's PID NS */, 0)", &child[1]),
        format!("si_pid=2 /* {} in strace's PID NS */, si_uid", &child[1]),
        format!("[pid {:>5}] +++ exited with 0 +++", &child[1]),
    ] {
        assert!(lines.contains(&text), "{text}: {lines}");
    }
    // Ours need no remark.
    assert!(
        !lines
            .lines()
            .any(|line| line.starts_with("clone(") && line.contains("/*"))
    );
    let both = of(&["--format", "strace", "-e", "decode-pids=comm,pidns"]).stderr;
    assert!(both.contains("kill(1<sh> /* "), "{both}");
    let rows = of(&["--pidns-translation"]).stdout;
    assert!(
        rows.contains("\tkill\t0\t-\t")
            && rows.contains("\t1 /* ")
            && rows.contains(" in strace's PID NS */\t0\n"),
        "{rows}"
    );
    // Another process of that namespace, which is not traced.
    let script = "sleep 5 & exec \"$0\" --format strace --decode-pids=pidns -e trace=kill -- sh -c 'kill -0 $PPID'";
    let plain = run(std::process::Command::new("sh").args(["-c", script, BIN]));
    assert!(!plain.stderr.contains("/*"), "{plain:?}");
    // Long enough that it is still there when it is looked for.
    let outside = format!(
        "nsenter -t $(cat \"$1\") -p sh -c 'kill -0 1; sleep {}'",
        slow()
    );
    let dir = TempDir::new();
    let file = dir.file("pid");
    let script = format!(
        "unshare -pf --kill-child sh -c 'exec sleep 30' & until pgrep -P $! > \"$1\"; do sleep 0.1; done; \
         for show in pidns comm; do \"$0\" -f --format strace --decode-pids=$show -e trace=kill -- sh -c '{}' x \"$1\"; done; kill $!",
        outside.replace('\'', "'\\''")
    );
    let output = run(std::process::Command::new("sh").args(["-c", &script, BIN, &file]));
    let pid = std::fs::read_to_string(&file).unwrap();
    let text = format!("kill(1 /* {} in strace's PID NS */, 0) = 0", pid.trim());
    assert!(output.stderr.contains(&text), "{text} {output:?}");
    // Names alone are not worth looking through all processes.
    assert!(output.stderr.contains(" kill(1, 0) "), "{output:?}");
}
