//! The lines: fields, escapes, columns, time, and where they go.

use std::{collections::BTreeSet, process::Command};

use crate::{
    harness::{BIN, TempDir, example, run, shared, trace, trace_by},
    rows::{Row, named, unescape, unquote},
};

/// Arguments of calls, in the order of the man pages.
const ARGUMENTS: &[(&str, usize)] = &[
    ("execve", 3),
    ("brk", 1),
    ("mmap", 6),
    ("access", 2),
    ("close", 1),
    ("read", 3),
    ("pread64", 4),
    ("mprotect", 3),
    ("write", 3),
    ("writev", 3),
    ("getppid", 0),
    ("rt_sigaction", 4),
    ("exit_group", 1),
    ("syscall_0x270f", 6),
];

#[test]
fn every_line_has_eight_fields_and_one_for_each_argument() {
    let _machine = shared();
    let traced = trace(&["-f", "--", &example("hostile")]);
    assert_eq!(traced.output.code(), 0);
    assert!(traced.trace.ends_with('\n'));
    // `Row::parse` has looked for fields, empty ones, and bytes other than 0x20..0x7e and tabs.
    let rows = traced.rows();
    for (name, count) in ARGUMENTS {
        for row in named(&rows, name) {
            assert_eq!(row.args.len(), *count, "{row:?}");
        }
    }
    // The mode is an argument only where a file may be made.
    for row in named(&rows, "openat") {
        let makes = row.args[2].contains("O_CREAT") || row.args[2].contains("O_TMPFILE");
        assert_eq!(row.args.len(), if makes { 4 } else { 3 }, "{row:?}");
    }
    let seen: BTreeSet<&str> = rows.iter().map(|row| row.name).collect();
    let known = ARGUMENTS
        .iter()
        .filter(|(name, _)| seen.contains(name))
        .count();
    assert!(known >= 11, "only {seen:?}");
    for row in rows.iter().filter(|row| row.is_call()) {
        assert!(row.args.iter().all(|arg| !arg.is_empty()), "{row:?}");
        let failed = row.errno != "-";
        assert_eq!(row.ret == "-1", failed, "{row:?}");
        assert!(!failed || row.errno.starts_with('E'), "{row:?}");
    }
}

/// Each call that `hostile` made, in order, with the result that it saw.
#[test]
fn hostile_calls_come_out_as_they_were_made() {
    let _machine = shared();
    let traced = trace(&["-f", "--", &example("hostile")]);
    let rows = traced.rows();
    let start = rows.iter().position(|row| row.name == "prctl").unwrap();
    let main = rows[0].pid;
    let noise = [
        "mmap", "mprotect", "munmap", "brk", "clone", "wait4", "+fork", "+signal",
    ];
    let calls = rows[start..]
        .iter()
        .filter(|row| row.pid == main && !noise.contains(&row.name));
    let mut calls = calls.peekable();
    for line in traced.output.stdout.lines() {
        let [name, label, ret, errno] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        if label.starts_with("child:") {
            continue;
        }
        let row = calls.next().unwrap_or_else(|| panic!("no row for {line}"));
        let name = if label == "x32-getpid" {
            "getpid"
        } else {
            name
        };
        assert_eq!(
            (row.name, row.ret, row.errno),
            (name, ret, errno),
            "{line}: {row:?}"
        );
    }
    let comm = b"t\tn\n\x1b[31m\xff\"\\";
    let odd = rows[start + 1..]
        .iter()
        .find(|row| row.pid == main)
        .unwrap();
    assert_eq!(unescape(odd.comm), comm, "{odd:?}");
}

#[test]
fn data_is_escaped_and_cut_as_in_strace() {
    let _machine = shared();
    let script = r#"printf 'tab\tnl\nesc\033[1mnul\0001oct\1779\377"\\'"'"'end-of-the-text-here'"#;
    for (options, expected) in [
        (&[][..], r#""tab\tnl\nesc\33[1mnul\0001oct\1779\377"..."#),
        (
            &["-s", "200"],
            r#""tab\tnl\nesc\33[1mnul\0001oct\1779\377\"\\'end-of-the-text-here""#,
        ),
        (&["-s", "5"], r#""tab\tn"..."#),
        (&["-s", "0"], r#"""..."#),
        (
            &["-x"],
            r#""\x74\x61\x62\x09\x6e\x6c\x0a\x65\x73\x63\x1b\x5b\x31\x6d\x6e\x75\x6c\x00\x31\x6f\x63\x74\x7f\x39\xff"..."#,
        ),
        (&["-xx", "-s", "3"], r#""\x74\x61\x62"..."#),
    ] {
        let traced = trace(&[options, &["-e", "trace=write", "--", "sh", "-c", script]].concat());
        let rows = traced.rows();
        let shown = named(&rows, "write")[0].args[1];
        // Thirty-two bytes by default: this text is cut where the expected one is, or says more.
        let (cut, whole) = (expected.trim_end_matches("..."), expected.ends_with("..."));
        let stem = cut.trim_end_matches('"');
        assert!(shown.starts_with(stem), "{options:?}: {shown}");
        assert_eq!(shown.ends_with("\"..."), whole, "{options:?}: {shown}");
    }
    let text = |options: &[&str]| {
        let traced = trace(
            &[
                options,
                &["-e", "trace=write", "--", "/bin/echo", "0123456789"],
            ]
            .concat(),
        );
        let rows = traced.rows();
        named(&rows, "write")[0].args[1].to_owned()
    };
    assert_eq!(text(&["-s", "11"]), r#""0123456789\n""#);
    assert_eq!(text(&["-s", "10"]), r#""0123456789"..."#);
    assert_eq!(text(&["-x"]), r#""0123456789\n""#);
    assert_eq!(
        text(&["-xx", "-s", "11"]),
        r#""\x30\x31\x32\x33\x34\x35\x36\x37\x38\x39\x0a""#
    );
}

/// The same bytes as strace shows, at every limit around the default.
#[test]
fn strings_are_those_of_strace() {
    let _machine = shared();
    let dir = TempDir::new();
    let odd: Vec<u8> = (0..=255u8).chain(*b"0\x001\x01\x018\x7f7").collect();
    std::fs::write(dir.path().join("odd"), &odd).unwrap();
    for options in [
        &["-s", "300"][..],
        &["-s", "33"],
        &[],
        &["-x", "-s", "300"],
        &["-xx"],
    ] {
        let line = [options, &["-e", "trace=read", "--", "cat", "odd"]].concat();
        let ours = trace_by(Command::new(BIN).current_dir(dir.path()), &line);
        let rows = ours.rows();
        let ours = named(&rows, "read")
            .iter()
            .find(|row| row.ret == "264")
            .unwrap()
            .args[1];
        let mut strace = Command::new("strace");
        strace
            .current_dir(dir.path())
            .args(["-o", "strace"])
            .args(&line);
        assert_eq!(run(&mut strace).code(), 0);
        let theirs = std::fs::read_to_string(dir.path().join("strace")).unwrap();
        let theirs = theirs
            .lines()
            .find(|line| line.ends_with(" = 264"))
            .unwrap();
        let theirs = theirs
            .split_once(", ")
            .unwrap()
            .1
            .rsplit_once(", ")
            .unwrap()
            .0;
        assert_eq!(ours, theirs, "{options:?}");
        if options == ["-s", "300"] {
            assert_eq!(unquote(ours), odd);
        }
    }
}

#[test]
fn results_by_kind() {
    let _machine = shared();
    let traced = trace(&["--", "sh", "-c", "cat /missing; exit 5"]);
    let rows: Vec<Row> = traced.rows();
    assert_eq!(named(&rows, "exit_group").last().unwrap().args, ["5"]);
    // The start of every call of a command of ours is seen.
    for row in rows.iter().filter(|row| row.is_call() && row.ret != "?") {
        assert!(row.dur.is_some_and(|dur| dur > 0), "{row:?}");
    }
    for row in named(&rows, "exit_group") {
        assert_eq!((row.ret, row.errno, row.dur), ("?", "-", None), "{row:?}");
    }
    for row in named(&rows, "mmap").iter().chain(&named(&rows, "brk")) {
        assert!(row.ret.starts_with("0x") && row.errno == "-", "{row:?}");
    }
    for row in named(&rows, "openat").iter().filter(|row| row.errno == "-") {
        assert!(row.ret.parse::<u32>().is_ok(), "{row:?}");
    }
}
