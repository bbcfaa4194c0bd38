//! In what detail calls are shown: constants, structures, registers, dumps of data, and what can only be read in part –
//! all of it as strace does it, and the same values in TSV.

use std::process::Command;

use crate::{
    harness::{BIN, TempDir, example, run, shared, trace},
    oracle::as_strace,
    rows::named,
    strace::plain,
};

/// The calls of `shapes` that its start-up does not make, or makes alike under every tracer.
const CALLS: &str = "trace=openat,mknodat,madvise,kill,socket,ioctl,fcntl,prctl,prlimit64,utimensat,connect,bind,\
    newfstatat,pipe2,socketpair,write,read,writev,readv,sendmsg,sendmmsg,recvmsg,recvmmsg,sendto,recvfrom,poll,\
    setgroups,sched_setaffinity,nanosleep,execve";

fn lines(dir: &TempDir, tracer: &str, options: &[&str]) -> Vec<String> {
    let file = dir.file("trace");
    let program = example("shapes");
    let mut args = vec!["-e", CALLS, "-o", &file];
    args.extend(options);
    args.push(&program);
    assert_eq!(run(&mut plain(tracer, &args)).code(), 0, "{options:?}");
    let trace = std::fs::read_to_string(&file).unwrap();
    // What comes before is start-up, which does not look the same twice.
    let is_first = |line: &&str| {
        line.starts_with("openat(") && (line.contains("0644)") || line.contains("0x1a4)"))
    };
    trace
        .lines()
        .skip_while(|line| !is_first(line))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_detail_equals_that_of_strace() {
    let _machine = shared();
    let dir = TempDir::new();
    let ours = as_strace(&dir);
    for options in [
        &[][..],
        &["-X", "raw"],
        &["--const-print-style=verbose"],
        &["-v", "-s", "5"],
        &["-x"],
        &["-xx"],
        &["--strings-in-hex=non-ascii-chars"],
        &["-e", "raw=all"],
        &["--raw=openat,poll", "-e", "abbrev=!newfstatat"],
        &["-e", "verbose=none"],
        &["--verbose=writev,sendmsg"],
        &["-e", "read=all", "-e", "write=all"],
        &["--read=3", "--write=4,5", "-s", "2"],
        &["-e", "write=!4", "-e", "raw=sendmmsg"],
    ] {
        let theirs = lines(&dir, "strace", options);
        assert!(theirs.len() > 40, "{theirs:?}");
        let mine = lines(&dir, &ours, options);
        for (mine, theirs) in mine.iter().zip(&theirs) {
            assert_eq!(mine, theirs, "{options:?}");
        }
        assert_eq!(mine.len(), theirs.len(), "{options:?}");
    }
}

#[test]
fn tsv_carries_the_same_values() {
    let _machine = shared();
    let program = example("shapes");
    let traced = trace(&[
        "-e",
        "trace=socket,mknodat",
        "-X",
        "verbose",
        "--",
        &program,
    ]);
    let rows = traced.rows();
    let socket = named(&rows, "socket")[0];
    assert_eq!(
        socket.args,
        [
            "0x2 /* AF_INET */",
            "0x1 /* SOCK_STREAM */|0x80000 /* SOCK_CLOEXEC */",
            "0x6 /* IPPROTO_TCP */"
        ]
    );
    let traced = trace(&["-e", "trace=writev", "-e", "raw=writev", "--", &program]);
    let rows = traced.rows();
    let writev = named(&rows, "writev")[0];
    assert_eq!((writev.ret, writev.args.len()), ("0x17", 3));
    assert!(writev.args.iter().all(|arg| arg.starts_with("0x")));
}

/// In TSV a line is one call: the data of the descriptors that are asked for stands in its own column, whole.
#[test]
fn tsv_shows_data_whole() {
    let _machine = shared();
    let line = [
        "-e",
        "trace=write",
        "-e",
        "write=1",
        "--",
        "printf",
        "%100s",
        "x",
    ];
    let traced = trace(&line);
    let rows = traced.rows();
    let written = named(&rows, "write");
    let expected = format!("\"{}x\"", " ".repeat(99));
    assert_eq!(written[0].args[1], expected);
    let line = [
        "-e",
        "trace=write",
        "-e",
        "write=2",
        "--",
        "printf",
        "%100s",
        "x",
    ];
    let traced = trace(&line);
    let cut = format!("\"{}\"...", " ".repeat(32));
    assert_eq!(named(&traced.rows(), "write")[0].args[1], cut);
}

/// A record holds 60 KiB. What is beyond is counted, not passed over.
#[test]
fn dumps_say_what_they_lack() {
    let _machine = shared();
    let dir = TempDir::new();
    let file = dir.file("trace");
    let line = [
        "--format",
        "strace",
        "-o",
        &file,
        "-e",
        "trace=write",
        "-e",
        "write=1",
    ];
    let mut command = Command::new(BIN);
    command.args(line).args([
        "dd",
        "if=/dev/zero",
        "of=/dev/null",
        "bs=100000",
        "count=1",
        "status=none",
    ]);
    assert_eq!(run(&mut command).code(), 0);
    let trace = std::fs::read_to_string(&file).unwrap();
    let dumped = trace.lines().filter(|line| line.starts_with(" | ")).count() * 16;
    let beyond = trace.lines().find_map(|line| {
        line.strip_prefix(" * ")?
            .strip_suffix(" bytes more were not captured")
    });
    let beyond: usize = beyond.expect("a remark").parse().unwrap();
    assert!(dumped > 50_000, "{dumped}");
    // The last line of the dump may be shorter.
    assert!(
        (100_000..100_016).contains(&(dumped + beyond)),
        "{dumped} {beyond}"
    );
}

#[test]
fn sets_that_make_no_sense_are_refused() {
    let _machine = shared();
    for (option, word) in [
        ("-eraw=nosuch", "nosuch"),
        ("-eread=x", "x"),
        ("-Xnames", "names"),
        ("--strings-in-hex=some", "some"),
    ] {
        let output = run(Command::new(BIN).args([option, "true"]));
        crate::errors::assert_refused(&output, 2, &[word]);
    }
}

/// Every string and buffer with `-v`, as many as `-s` says without it: as strace, line by line.
#[test]
fn long_vectors_are_whole() {
    let _machine = shared();
    let dir = TempDir::new();
    let ours = as_strace(&dir);
    let words: Vec<String> = (0..1000).map(|n| format!("w{n}")).collect();
    for options in [&["-v"][..], &["-s", "200"], &["-v", "-s", "2"]] {
        let lines = |tracer: &str| {
            let file = dir.file("trace");
            let mut command = plain(tracer, options);
            command.args(["-e", "trace=execve", "-o", &file, "true"]);
            assert_eq!(run(command.args(&words)).code(), 0);
            std::fs::read_to_string(&file).unwrap()
        };
        let theirs = lines("strace");
        assert!(theirs.matches(", \"w").count() >= 199, "{theirs}");
        assert_eq!(
            without_addresses(&lines(&ours)),
            without_addresses(&theirs),
            "{options:?}"
        );
    }
    let buffers = trace(&["-v", "-e", "trace=writev", "--", &example("shapes"), "many"]);
    let rows = buffers.rows();
    let row = named(&rows, "writev")[0];
    assert_eq!(row.args[1].matches("iov_len=1}").count(), 1024, "{row:?}");
}

fn without_addresses(text: &str) -> String {
    let words = text
        .split(' ')
        .map(|word| if word.starts_with("0x") { "ADDR" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// A limit that no record could keep is told once, and the most is shown.
#[test]
fn a_string_limit_that_is_too_large_is_told() {
    let _machine = shared();
    let output = run(&mut crate::harness::tracer(&[
        "-s",
        "100000",
        "-e",
        "trace=write",
        "--",
        "dd",
        "if=/dev/zero",
        "of=/dev/null",
        "bs=60000",
        "count=1",
    ]));
    assert_eq!(output.code(), 0);
    let told = "strace-ebpf: -s 100000: 53248 bytes of a string are shown at most";
    assert_eq!(output.stderr.matches(told).count(), 1, "{}", output.stderr);
    let shown = format!("\"{}\"...\t60000", r"\0".repeat(53_248));
    assert!(
        output.stdout.contains(&shown),
        "{} bytes",
        output.stdout.len()
    );
}
