//! Names of processes and threads behind their numbers: `-Y`, `--decode-pids`.

use crate::{
    harness::{example, run, shared, trace, tracer},
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

#[test]
fn numbers_of_namespaces_are_refused_by_name() {
    let _machine = shared();
    for option in ["--decode-pids=pidns", "--decode-pids=all"] {
        let output = run(&mut tracer(&[option, "true"]));
        assert_eq!(output.code(), 2, "{output:?}");
        assert!(
            output.stderr.contains("pidns is known from strace"),
            "{output:?}"
        );
    }
}
