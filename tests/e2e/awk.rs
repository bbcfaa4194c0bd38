//! The one-liners of the README, over real traces of programs whose calls are known.

use std::{collections::BTreeMap, process::Command};

use crate::{
    harness::{TempDir, Traced, example, run, shared, slow, trace},
    rows::named,
};

/// Which files could not be opened, and why, most frequent first.
pub const FAILING_OPENS: &str = r#"awk -F'\t' '$5 ~ /^open/ && $6 == -1 {n[$7 " " ($5 == "open" ? $9 : $10)]++} END {for (k in n) print n[k], k}' | sort -rn"#;

/// The ten slowest calls: seconds, thread, call, first argument.
pub const SLOWEST: &str = r#"awk -F'\t' '$8 ~ /^[0-9]/ && $5 !~ /^\+/ {printf "%.6f %s %s %s\n", $8 / 1e9, $3, $5, $9}' | sort -rn | head -n 10"#;

/// Bytes read by each process.
pub const BYTES_READ: &str = r#"awk -F'\t' '$5 ~ /^(read|pread64|readv|recvfrom)$/ && $6 > 0 {n[$2 " " $4] += $6} END {for (k in n) print n[k], k}' | sort -rn"#;

/// Calls in each second.
pub const CALLS_PER_SECOND: &str = r#"awk -F'\t' '$5 !~ /^\+/ {split($1, t, "."); n[t[1]]++} END {for (k in n) print k, n[k]}' | sort -n"#;

/// How often each call failed in each way.
pub const ERRORS: &str =
    r#"awk -F'\t' '$7 != "-" {n[$5 " " $7]++} END {for (k in n) print n[k], k}' | sort -rn"#;

/// Time spent in each call, in milliseconds, and how often it was made.
pub const TIME_BY_CALL: &str = r#"awk -F'\t' '$5 !~ /^\+/ {n[$5]++; d[$5] += $8} END {for (k in n) printf "%.3f %d %s\n", d[k] / 1e6, n[k], k}' | sort -rn"#;

#[test]
fn the_readme_has_these() {
    let readme = include_str!("../../README.md");
    let all = [
        FAILING_OPENS,
        SLOWEST,
        BYTES_READ,
        CALLS_PER_SECOND,
        ERRORS,
        TIME_BY_CALL,
    ];
    for line in all {
        assert!(readme.contains(&format!("| {line}\n")), "{line}");
    }
}

/// What a one-liner makes of a trace: lines of words.
#[track_caller]
fn pipe(traced: &Traced, line: &str) -> Vec<Vec<String>> {
    let dir = TempDir::new();
    let file = dir.file("trace");
    std::fs::write(&file, &traced.trace).unwrap();
    let script = format!("cat '{file}' | {line}");
    let output = run(Command::new("sh").args(["-c", &script]).env("LC_ALL", "C"));
    assert_eq!((output.code(), output.stderr.as_str()), (0, ""), "{line}");
    let words = |line: &str| line.split(' ').map(str::to_owned).collect();
    output.stdout.lines().map(words).collect()
}

#[test]
fn failing_opens_by_path() {
    let _machine = shared();
    let script = "for i in 1 2 3 4 5; do cat /no/five; done; cat /no/one /tmp/; cat /etc/hostname >/dev/null";
    let traced = trace(&["-f", "--", "sh", "-c", script]);
    let found = pipe(&traced, FAILING_OPENS);
    let count = |path: &str| {
        let quoted = format!("\"{path}\"");
        let line = found.iter().find(|line| line[2] == quoted)?;
        Some((line[0].clone(), line[1].clone()))
    };
    assert_eq!(
        count("/no/five"),
        Some(("5".to_owned(), "ENOENT".to_owned())),
        "{found:?}"
    );
    assert_eq!(
        count("/no/one"),
        Some(("1".to_owned(), "ENOENT".to_owned())),
        "{found:?}"
    );
    assert_eq!((count("/etc/hostname"), count("/tmp/")), (None, None));
    // The same from the other direction: all of them, and no more.
    let failed = traced
        .rows()
        .into_iter()
        .filter(|row| row.name.starts_with("open") && row.ret == "-1");
    let sum: usize = found
        .iter()
        .map(|line| line[0].parse::<usize>().unwrap())
        .sum();
    assert_eq!(sum, failed.count());
}

#[test]
fn slowest_calls() {
    let _machine = shared();
    let late = 0.2 * f64::from(slow());
    let traced = trace(&["-f", "--", "sh", "-c", "sleep 0.3; sleep 0.1"]);
    let found = pipe(&traced, SLOWEST);
    assert_eq!(found.len(), 10);
    // The shell waits for what sleeps, so its wait is a little longer.
    let calls: Vec<&str> = found[..4].iter().map(|line| line[2].as_str()).collect();
    assert_eq!(
        calls,
        ["wait4", "clock_nanosleep", "wait4", "clock_nanosleep"],
        "{found:?}"
    );
    let seconds: Vec<f64> = found.iter().map(|line| line[0].parse().unwrap()).collect();
    assert!(seconds.is_sorted_by(|a, b| a >= b), "{found:?}");
    assert!(
        (0.3..0.3 + late).contains(&seconds[1]) && (0.1..0.1 + late).contains(&seconds[3]),
        "{found:?}"
    );
}

#[test]
fn bytes_read_per_process() {
    let _machine = shared();
    let dir = TempDir::new();
    let file = dir.file("data");
    std::fs::write(&file, vec![b'x'; 300_000]).unwrap();
    let script = format!("cat '{file}' '{file}' >/dev/null; head -c 100000 '{file}' | wc -c");
    let traced = trace(&["-f", "--", "sh", "-c", &script]);
    let found = pipe(&traced, BYTES_READ);
    let of = |name: &str| {
        let line = found
            .iter()
            .find(|line| line[2] == name)
            .unwrap_or_else(|| panic!("{found:?}"));
        line[0].parse::<u64>().unwrap()
    };
    // Beside the files each has read the headers of its libraries, a few KiB.
    assert!((600_000..620_000).contains(&of("cat")), "{found:?}");
    assert!((100_000..120_000).contains(&of("wc")), "{found:?}");
    assert!((100_000..120_000).contains(&of("head")), "{found:?}");
    assert_eq!(found[0][2], "cat");
}

#[test]
fn calls_per_second() {
    let _machine = shared();
    let traced = trace(&[
        "-f",
        "--",
        "sh",
        "-c",
        &format!("{} --calls 5000; sleep 1.1", example("calls")),
    ]);
    let found = pipe(&traced, CALLS_PER_SECOND);
    let total: usize = found
        .iter()
        .map(|line| line[1].parse::<usize>().unwrap())
        .sum();
    assert_eq!(
        total,
        traced.rows().iter().filter(|row| row.is_call()).count()
    );
    assert!(found.len() >= 2, "{found:?}");
    let most = found
        .iter()
        .map(|line| line[1].parse::<usize>().unwrap())
        .max()
        .unwrap();
    assert!(most >= 2500, "{found:?}");
    for (line, seconds) in found.iter().zip(found[0][0].parse::<u64>().unwrap()..) {
        // Nothing may happen in one of the seconds, but none comes before its time.
        assert!(line[0].parse::<u64>().unwrap() >= seconds, "{found:?}");
    }
}

#[test]
fn errors_of_each_call() {
    let _machine = shared();
    let traced = trace(&["-f", "--", &example("hostile")]);
    let found = pipe(&traced, ERRORS);
    let mut told = BTreeMap::<(String, String), usize>::new();
    for line in traced.output.stdout.lines() {
        let [name, label, ret, errno] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let start_up = ["openat", "access"].contains(&name);
        if ret == "-1" && !label.starts_with("child:") && !start_up && !name.starts_with("syscall")
        {
            *told.entry((name.to_owned(), errno.to_owned())).or_default() += 1;
        }
    }
    // The x32 getpid is told under its number.
    told.insert(("getpid".to_owned(), "ENOSYS".to_owned()), 1);
    for ((name, errno), count) in told {
        let line = [count.to_string(), name, errno];
        assert!(
            found.contains(&line.to_vec()),
            "{line:?} is not in {found:?}"
        );
    }
    let refused = trace(&["--", &example("seccomp_deny")]);
    assert!(pipe(&refused, ERRORS).contains(&["5", "mkdir", "EPERM"].map(str::to_owned).to_vec()));
}

#[test]
fn time_by_call() {
    let _machine = shared();
    let traced = trace(&["--", "sleep", "0.25"]);
    let found = pipe(&traced, TIME_BY_CALL);
    assert_eq!(found[0][1..], ["1", "clock_nanosleep"], "{found:?}");
    assert!(
        (250.0..250.0 * f64::from(1 + slow())).contains(&found[0][0].parse::<f64>().unwrap()),
        "{found:?}"
    );
    let rows = traced.rows();
    let mmap = found.iter().find(|line| line[2] == "mmap").unwrap();
    assert_eq!(mmap[1], named(&rows, "mmap").len().to_string());
}
