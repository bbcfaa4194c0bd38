//! Which calls of what is traced: `-e`, `-z`, `-Z`.

use std::collections::BTreeSet;

use crate::{
    harness::{Traced, run, shared, trace, tracer},
    rows::Row,
};

fn names(traced: &Traced) -> BTreeSet<String> {
    let rows = traced.rows();
    rows.iter()
        .filter(|row| row.is_call())
        .map(|row| row.name.to_owned())
        .collect()
}

/// What `cat`, `-e` given, is seen to call.
fn cat(options: &[&str]) -> BTreeSet<String> {
    let traced = trace(&[options, &["--", "cat", "/etc/hostname", "/missing"]].concat());
    assert_eq!(traced.output.code(), 1, "{traced:?}");
    names(&traced)
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn expressions_choose_calls_as_in_strace() {
    let _machine = shared();
    let all = cat(&[]);
    assert_eq!(
        cat(&["-e", "trace=openat,close"]),
        set(&["openat", "close"])
    );
    assert_eq!(cat(&["-e", "openat"]), set(&["openat"]));
    assert_eq!(
        cat(&["--trace=/^get|^exec"]),
        cat(&["-e", "trace=execve,getrandom"])
    );
    assert_eq!(
        cat(&["-e", "trace=!%file"]),
        &all - &cat(&["-e", "trace=%file"])
    );
    assert_eq!(
        cat(&["-e", "!openat,mmap"]),
        &all - &set(&["openat", "mmap"])
    );
    assert_eq!(
        cat(&["-e", "trace=file"]),
        set(&["execve", "access", "openat", "newfstatat"])
    );
    assert_eq!(cat(&["-e", "trace=none"]), set(&[]));
    assert_eq!(cat(&["-e", "trace=all"]), all);
    assert_eq!(cat(&["-e", "trace=?no_such_call,read"]), set(&["read"]));
    for bad in [
        "trace=no_such_call",
        "trace=%no_such_class",
        "trace=/(",
        "trace=",
    ] {
        let output = run(&mut tracer(&["-e", bad, "--", "true"]));
        assert_eq!(output.code(), 2, "{bad}: {output:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{bad}: {output:?}");
        assert_eq!(output.stdout, "", "{bad}");
    }
}

#[test]
fn only_calls_that_succeeded_or_failed() {
    let _machine = shared();
    let count = |options: &[&str]| {
        let traced = trace(&[options, &["--", "cat", "/etc/hostname", "/missing"]].concat());
        let rows = traced.rows();
        let calls: Vec<&Row> = rows.iter().filter(|row| row.is_call()).collect();
        let failed = calls.iter().filter(|row| row.errno != "-").count();
        (calls.len() - failed, failed)
    };
    let (succeeded, failed) = count(&[]);
    assert!(succeeded > 10 && failed > 1, "{succeeded} {failed}");
    // strace: -z leaves out calls that do not return, here exit_group.
    assert_eq!(count(&["-z"]), (succeeded - 1, 0));
    assert_eq!(count(&["-Z"]), (0, failed));
}
