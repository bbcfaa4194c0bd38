//! `-e signal=`, `-e status=`, `-e quiet=` and what is short for them.

use crate::{
    harness::{example, run, shared, trace, tracer},
    oracle::{assert_all_same, assert_same},
    rows::named,
};

#[test]
fn signals_that_are_told_are_those_of_strace() {
    let _machine = shared();
    assert_all_same(&[
        "STRACE -e trace=kill -e signal=none sh -c 'kill -USR1 $$'",
        "STRACE -e trace=kill -e signal=all sh -c 'kill -USR1 $$'",
        "STRACE -e trace=kill -e signal=!usr1 sh -c 'kill -USR1 $$'",
        "STRACE -e trace=kill --signal=SIGUSR1,chld sh -c 'kill -USR1 $$'",
        "STRACE -e trace=none -e s=10 sh -c 'kill -USR1 $$'",
        "STRACE -e signal=foo true",
        "STRACE -e signal= true",
    ]);
}

#[test]
fn signals_in_rows() {
    let _machine = shared();
    let count = |set: &str| {
        let traced = trace(&["-e", set, "--", "sh", "-c", "kill -CHLD $$; kill -TERM $$"]);
        let rows = traced.rows();
        (named(&rows, "+signal").len(), named(&rows, "+killed").len())
    };
    assert_eq!(count("signal=all"), (2, 1));
    assert_eq!(count("signal=!term"), (1, 0));
    assert_eq!(count("signal=term"), (1, 1));
    assert_eq!(count("signal=none"), (0, 0));
}

#[test]
fn outcomes_that_are_told_are_those_of_strace() {
    let _machine = shared();
    let set = "-e trace=close,access,exit_group true";
    for status in [
        "-e status=successful",
        "-e status=failed",
        "-e status=unfinished",
        "-e status=detached",
        "-e status=unavailable",
        "-e status=none",
        "-e status=all",
        "--status=!successful",
        "-e status=failed,unfinished",
        "-e status=good",
        "-z",
        "-Z",
        // The later one counts.
        "-z -Z",
        "-Z -z",
        "-z -e status=failed",
        "-e status=failed -z",
    ] {
        assert_same(&format!("STRACE {status} {set}"));
    }
}

/// Calls that a killed thread was in.
#[test]
fn calls_that_did_not_return() {
    let _machine = shared();
    let program = example("thread_exec");
    let output = run(&mut tracer(&[
        "--format",
        "strace",
        "-f",
        "-e",
        "status=unfinished",
        "--",
        &program,
        "--",
        "/bin/true",
    ]));
    let count = |part: &str| output.stderr.lines().filter(|l| l.contains(part)).count();
    assert_eq!(count("pause()"), 1, "{output:?}");
    assert_eq!(count("exit_group(0)"), 1, "{output:?}");
    // Nothing that returned.
    let calls = output.stderr.lines().filter(|line| line.contains(" = "));
    assert!(calls.clone().count() >= 4, "{output:?}");
    for line in calls {
        assert!(line.ends_with("= ?"), "{line}");
    }
}

#[test]
fn messages_that_are_left_out_are_those_of_strace() {
    let _machine = shared();
    let set = "-e trace=exit_group sh -c '/bin/true & wait; exit 3'";
    for quiet in [
        "",
        "-q",
        "-qq",
        "-qqq",
        "-qqqq",
        "--quiet",
        "--quiet=exit",
        "--silent=attach",
        "--silence=exits,attach",
        "-e quiet=all",
        "-e q=none",
        "-e silence=!exit",
        "-q -e quiet=exit",
        "-e quiet=foo",
    ] {
        assert_same(&format!("STRACE -f {quiet} {set}"));
    }
    assert_same(&format!("STRACE -f -o file {set}"));
    let program = example("int80");
    for quiet in ["", "-q", "-e quiet=personality", "-e quiet=exit"] {
        // The call at the end is one of the other ABI again.
        assert_same(&format!(
            "STRACE {quiet} -e trace=getpid,exit_group {program} >/dev/null"
        ));
    }
}

/// In rows, ends are data that may be left out like the line; the other messages are none.
#[test]
fn quiet_rows() {
    let _machine = shared();
    let ends = |options: &[&str]| {
        let traced = trace(&[options, &["--", "true"]].concat());
        named(&traced.rows(), "+exit").len()
    };
    assert_eq!(ends(&[]), 1);
    assert_eq!(ends(&["-q"]), 1);
    assert_eq!(ends(&["-qq"]), 0);
    assert_eq!(ends(&["-e", "quiet=exit"]), 0);
    let traced = trace(&["-qqq", "--", "sh", "-c", "kill -KILL $$"]);
    assert_eq!(named(&traced.rows(), "+killed").len(), 1);
}
