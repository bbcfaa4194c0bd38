//! Births, execs, ends and signals: the events with a `+`, and the calls around them.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use crate::{
    harness::{BIN, Traced, alone, example, shared, slow, trace, trace_by},
    hooks,
    rows::{Row, named},
};

/// Children by the three ways there are.
#[test]
fn forks_and_exits_of_many_children() {
    let _machine = shared();
    for (mode, call, calls) in [
        ("", "clone", 3),
        ("--clone3", "clone3", 3),
        ("--vfork-exec", "vfork", 0),
    ] {
        let program = example("forks");
        let children = 300 / slow() as usize;
        let number = children.to_string();
        let mut line = vec!["-f", "--", &program, "--children", &number];
        line.extend([mode].iter().filter(|mode| !mode.is_empty()));
        let traced = trace(&line);
        assert_eq!(traced.output.code(), 0, "{mode}: {:?}", traced.output);
        let rows = traced.rows();
        let parent = rows[0].pid;
        let born: Vec<i64> = named(&rows, "+fork").iter().map(|row| row.ret()).collect();
        assert_eq!(born.len(), children, "{mode}: +fork");
        assert!(
            named(&rows, "+fork")
                .iter()
                .all(|row| row.pid == parent && row.args == ["process"])
        );
        // A fork that a signal interrupts is made again by the kernel.
        let made = named(&rows, call)
            .into_iter()
            .filter(|row| row.errno == "-");
        let made: Vec<i64> = made.map(Row::ret).collect();
        assert_eq!(made, born, "{mode}: results of {call} against +fork");
        assert_eq!(named(&rows, "getppid").len(), children * calls, "{mode}");
        check_statuses(mode, &traced, &rows, parent);
        let executed = if mode == "--vfork-exec" {
            children + 1
        } else {
            1
        };
        assert_eq!(named(&rows, "+exec").len(), executed, "{mode}");
        assert_eq!(named(&rows, "execve").len(), executed, "{mode}");
    }
}

/// Many processes that execute programs at the same time: also where the kernel preempts our programs no birth, exec, end or
/// signal is missing, and none has been skipped (that would be told on standard error).
#[test]
fn nothing_is_missing_of_the_lives_of_many_processes() {
    let _machine = alone();
    let children = if slow() > 1 { 15 } else { 40 };
    let script = format!(
        "for i in 1 2 3 4 5 6 7 8; do {} --children {children} --vfork-exec >/dev/null & done; wait",
        example("forks")
    );
    let nested = ["unshare", "-p", "-f", "--mount-proc", BIN];
    for prefix in [&nested[..0], &nested] {
        let mut command = Command::new(prefix.first().unwrap_or(&BIN));
        command.args(prefix.get(1..).unwrap_or_default());
        let traced = trace_by(&mut command, &["-f", "--", "sh", "-c", &script]);
        assert_eq!(
            (traced.output.code(), traced.output.stderr.as_str()),
            (0, ""),
            "{prefix:?}"
        );
        let rows = traced.rows();
        let succeeded = |name| named(&rows, name).iter().filter(|r| r.errno == "-").count();
        let processes = 1 + 8 + 8 * children;
        for (name, count) in [
            ("+fork", processes - 1),
            ("+exec", processes),
            ("execve", processes),
            ("+exit", processes),
        ] {
            assert_eq!(succeeded(name), count, "{prefix:?}: {name}");
        }
        let executed: BTreeSet<u32> = named(&rows, "+exec").iter().map(|row| row.pid).collect();
        assert_eq!(executed.len(), processes, "{prefix:?}");
    }
}

/// The `+exit` rows against the program's `status S COUNT` lines.
fn check_statuses(mode: &str, traced: &Traced, rows: &[Row<'_>], parent: u32) {
    let mut statuses = BTreeMap::<i64, u64>::new();
    let mut ended = BTreeSet::new();
    for row in named(rows, "+exit")
        .into_iter()
        .filter(|row| row.pid != parent)
    {
        *statuses.entry(row.ret()).or_default() += 1;
        assert!(ended.insert(row.tid), "{mode}: ended twice: {row:?}");
    }
    let mut told = BTreeMap::new();
    for line in traced
        .output
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("status "))
    {
        let (status, count) = line.split_once(' ').unwrap();
        told.insert(status.parse().unwrap(), count.parse().unwrap());
    }
    assert_eq!(statuses, told, "{mode}");
    let born: BTreeSet<u32> = named(rows, "+fork")
        .iter()
        .map(|row| row.ret() as u32)
        .collect();
    assert_eq!(ended, born, "{mode}");
}

#[test]
fn threads_are_born_and_end_too() {
    let _machine = shared();
    let traced = trace(&["--", &example("calls"), "--threads", "3", "--calls", "1"]);
    let rows = traced.rows();
    let births = named(&rows, "+fork");
    assert_eq!(births.len(), 3);
    assert!(
        births.iter().all(|row| row.args == ["thread"]),
        "{births:?}"
    );
    let ends: BTreeSet<i64> = named(&rows, "+exit")
        .iter()
        .map(|row| i64::from(row.tid))
        .collect();
    assert_eq!(ends.len(), 4, "{}", traced.trace);
    assert!(births.iter().all(|row| ends.contains(&row.ret())));
}

#[test]
fn deadly_signals() {
    let _machine = shared();
    for (args, signal, name) in [
        (&["kill", "15"][..], libc::SIGTERM, "SIGTERM"),
        (&["kill", "9"], libc::SIGKILL, "SIGKILL"),
        (&["kill", "34"], 34, "SIGRT_2"),
        (&["abort"], libc::SIGABRT, "SIGABRT"),
        (&["segv"], libc::SIGSEGV, "SIGSEGV"),
    ] {
        let program = example("signals");
        let traced = trace(&[&["--", &program], args].concat());
        assert_eq!(
            traced.output.signal(),
            Some(signal),
            "{args:?}: {:?}",
            traced.output
        );
        let rows = traced.rows();
        let killed = named(&rows, "+killed");
        assert_eq!(killed.len(), 1, "{args:?}");
        assert_eq!(killed[0].args[0], name, "{args:?}");
        assert!(named(&rows, "+exit").is_empty(), "{args:?}");
        // As in strace, which cannot see SIGKILL either.
        if signal != libc::SIGKILL {
            let signals = named(&rows, "+signal");
            assert_eq!(
                signals.last().unwrap().args,
                [name, "delivered"],
                "{args:?}"
            );
        }
    }
}

#[test]
fn signals_that_are_handled_or_ignored() {
    let _machine = shared();
    let traced = trace(&["-f", "--", &example("signals"), "self"]);
    assert_eq!(traced.output.code(), 0);
    let rows = traced.rows();
    let parent = rows[0].pid;
    let count = |name: &str, outcome: &str| {
        let signals = named(&rows, "+signal").into_iter();
        signals
            .filter(|row| row.pid == parent && row.args == [name, outcome])
            .count()
    };
    assert_eq!(count("SIGUSR1", "delivered"), 5);
    assert_eq!(count("SIGCHLD", "ignored"), 1);
    // SIGRTMIN+1 of libc is 35; strace counts from the kernel's 32.
    assert_eq!(count("SIGRT_3", "delivered"), 1);
    assert_eq!(count("SIGALRM", "delivered"), 1);
    assert_eq!(named(&rows, "tgkill").len(), 5);
    assert!(
        named(&rows, "tgkill")
            .iter()
            .all(|row| row.args[2] == "SIGUSR1")
    );
    let returns = named(&rows, "rt_sigreturn");
    assert_eq!(returns.len(), 7);
    // The wait that SIGALRM interrupted: strace says the same of what rt_sigreturn restores.
    assert_eq!(
        (returns[6].ret, returns[6].errno),
        ("-1", "EINTR"),
        "{:?}",
        returns[6]
    );
    let child: u32 = traced.output.number("child") as u32;
    let end = rows
        .iter()
        .find(|row| row.tid == child && row.name == "+exit")
        .unwrap();
    assert_eq!(end.ret, "3");
}

#[test]
fn calls_that_seccomp_refuses() {
    let _machine = shared();
    for hook in hooks::tracepoints() {
        let program = example("seccomp_deny");
        let traced = trace(&["--attach", hook, "--", &program]);
        assert_eq!(traced.output.code(), 0);
        let rows = traced.rows();
        let refused = named(&rows, "mkdir");
        assert_eq!(refused.len(), 5, "{hook}");
        for row in refused {
            // The filter answers before the entry is traced: the start is not seen.
            assert_eq!(
                (row.ret, row.errno, row.dur),
                ("-1", "EPERM", None),
                "{hook}: {row:?}"
            );
            assert_eq!(row.args, ["\"/tmp/denied-dir\"", "0700"], "{hook}");
        }
        let traced = trace(&["--attach", hook, "--", &program, "--kill"]);
        assert_eq!(traced.output.signal(), Some(libc::SIGSYS), "{hook}");
        let rows = traced.rows();
        assert_eq!(named(&rows, "+killed")[0].args[0], "SIGSYS", "{hook}");
    }
}
