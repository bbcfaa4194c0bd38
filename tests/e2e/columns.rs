//! Which columns there are, and time in the ways of strace.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::harness::{Traced, run, shared, slow, trace, tracer};

#[test]
fn time_is_unix_time_with_nine_decimals() {
    let _machine = shared();
    let now = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_nanos() as u64
    };
    let before = now();
    let traced = trace(&["--", "sleep", "0.2"]);
    let after = now();
    let rows = traced.rows();
    for row in &rows {
        // The two clocks are compared a few times a second.
        assert!(
            row.time_ns > before - 5_000_000 && row.end_ns() < after + 5_000_000,
            "{row:?}"
        );
    }
    let sleep = rows
        .iter()
        .find(|row| row.name.ends_with("nanosleep"))
        .unwrap();
    let dur = sleep.dur.unwrap();
    assert!(
        (200_000_000..200_000_000 * (1 + u64::from(slow()))).contains(&dur),
        "{sleep:?}"
    );
}

#[test]
fn time_in_the_ways_of_strace() {
    let _machine = shared();
    let times = |options: &[&str]| -> Vec<String> {
        let traced = trace(&[options, &["--", "/bin/true"]].concat());
        traced
            .trace
            .lines()
            .map(|line| line.split('\t').next().unwrap().to_owned())
            .collect()
    };
    let matches = |options: &[&str], form: &str| {
        let form = regex::Regex::new(form).unwrap();
        let times = times(options);
        assert!(times.len() > 5);
        assert!(
            times.iter().all(|time| form.is_match(time)),
            "{options:?}: {times:?}"
        );
    };
    matches(&["-t"], r"^\d\d:\d\d:\d\d$");
    matches(&["-tt"], r"^\d\d:\d\d:\d\d\.\d{6}$");
    matches(&["-ttt"], r"^\d{10}\.\d{6}$");
    matches(&["-r"], r"^\d+\.\d{6}$");
    let relative = times(&["-r"]);
    let seconds: f64 = relative
        .iter()
        .map(|time| time.parse::<f64>().unwrap())
        .sum();
    assert!(seconds < 5.0, "{relative:?}");
    // -T and -q change nothing: dur is always there, and nothing was said.
    assert!(!trace(&["-T", "-q", "--", "/bin/true"]).rows().is_empty());
}

fn first_line(traced: &Traced) -> &str {
    traced.trace.lines().next().unwrap()
}

#[test]
fn columns_and_header() {
    let _machine = shared();
    let echo = ["-e", "trace=write", "--", "/bin/echo", "hi"];
    let of = |options: &[&str]| trace(&[options, &echo].concat());
    let traced = of(&["--header"]);
    assert_eq!(
        first_line(&traced),
        "#time\tpid\ttid\tcomm\tsyscall\tret\terrno\tdur\targs"
    );
    let traced = of(&["--columns", "pid,ret,syscall"]);
    let write = traced
        .trace
        .lines()
        .find(|line| line.ends_with("write"))
        .unwrap();
    let [pid, "3", "write"] = write.split('\t').collect::<Vec<_>>()[..] else {
        panic!("{write}");
    };
    assert!(pid.parse::<u32>().is_ok(), "{write}");
    let traced = of(&["--columns", "syscall,args", "--header"]);
    assert_eq!(first_line(&traced), "#syscall\targs");
    assert!(
        traced.trace.contains("\nwrite\t1\t\"hi\\n\"\t3\n"),
        "{}",
        traced.trace
    );
    let traced = of(&["--columns", "+cpu,uid,cgroup,stack", "--header"]);
    let header: Vec<&str> = first_line(&traced).split('\t').collect();
    let at = |name: &str| header.iter().position(|column| *column == name).unwrap();
    assert_eq!((at("#time"), at("dur")), (0, 7));
    let write = traced
        .trace
        .lines()
        .find(|line| line.contains("\twrite\t"))
        .unwrap();
    let fields: Vec<&str> = write.split('\t').collect();
    assert!(fields[at("cpu")].parse::<u32>().unwrap() < 4096, "{write}");
    assert_eq!(fields[at("uid")], "0", "{write}");
    assert!(fields[at("cgroup")].starts_with('/'), "{write}");
    assert!(fields[at("stack")].starts_with("0x"), "{write}");
    assert_eq!(fields[at("args")..], ["1", "\"hi\\n\"", "3"], "{write}");
    for bad in ["", "nope", "pid,nope", "+nope"] {
        let output = run(&mut tracer(&["--columns", bad, "--", "true"]));
        assert_eq!(
            (output.code(), output.stderr.lines().count()),
            (2, 1),
            "{output:?}"
        );
    }
}
