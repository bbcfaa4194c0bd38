//! i386 and x32 system calls, told apart by how they were made and named from their own tables.

use crate::{
    harness::{TempDir, example, run, shared, trace},
    hooks,
    rows::named,
};

#[test]
fn i386_calls_of_a_64_bit_process() {
    let _machine = shared();
    for hook in hooks::tracepoints() {
        let traced = trace(&["--attach", hook, "--", &example("int80")]);
        assert_eq!(traced.output.code(), 0);
        let rows = traced.rows();
        let told: Vec<(&str, &str)> = traced
            .output
            .stdout
            .lines()
            .filter_map(|line| line.split_once(' '))
            .collect();
        for name in ["getpid", "write", "open", "getuid32"] {
            let told: Vec<&str> = told
                .iter()
                .filter(|(known, _)| *known == name)
                .map(|(_, ret)| *ret)
                .collect();
            let calls = named(&rows, name);
            // The program's own output is a 64-bit write more.
            let rets: Vec<&str> = calls.iter().map(|row| row.ret).take(10).collect();
            assert_eq!(rets, told, "{hook}: {name}");
            assert_eq!(
                calls.len(),
                10 + usize::from(name == "write"),
                "{hook}: {name}"
            );
            assert!(calls.iter().all(|row| row.dur.is_some()), "{hook}: {name}");
        }
        for row in &named(&rows, "write")[..10] {
            assert_eq!(row.args, ["1", "\"int80\\n\"", "6"], "{hook}");
        }
        for row in named(&rows, "open") {
            assert_eq!(row.args[0], "\"/etc/passwd\"", "{hook}: {row:?}");
        }
        // Numbers 20, 4, 5 and 199 of x86_64 would be these.
        for name in ["writev", "stat", "fstat", "fremovexattr"] {
            assert!(named(&rows, name).is_empty(), "{hook}: {name}");
        }
    }
}

#[test]
fn a_32_bit_program() {
    let _machine = shared();
    let dir = TempDir::new();
    let file = dir.file("elf32");
    let made = run(std::process::Command::new(example("int80")).args(["--elf32", &file]));
    assert_eq!(made.code(), 0, "{made:?}");
    for hook in hooks::tracepoints() {
        let traced = trace(&["--attach", hook, "--", &file]);
        assert_eq!(
            (traced.output.code(), traced.output.stdout.as_str()),
            (7, "hi\n"),
            "{hook}"
        );
        let rows = traced.rows();
        let calls: Vec<&str> = rows
            .iter()
            .filter(|row| row.is_call())
            .map(|row| row.name)
            .collect();
        assert_eq!(
            calls,
            [
                "execve", "getpid", "getpid", "getpid", "write", "openat", "exit"
            ],
            "{hook}"
        );
        let pid = rows[0].pid.to_string();
        assert!(
            named(&rows, "getpid").iter().all(|row| row.ret == pid),
            "{hook}"
        );
        assert_eq!(
            named(&rows, "write")[0].args,
            ["1", "\"hi\\n\"", "3"],
            "{hook}"
        );
        let openat = named(&rows, "openat")[0];
        assert_eq!(
            openat.args[..2],
            ["AT_FDCWD", "\"/etc/hostname\""],
            "{hook}"
        );
        let exit = named(&rows, "exit")[0];
        assert_eq!((exit.ret, exit.args[0]), ("?", "7"), "{hook}");
        assert_eq!(rows.last().unwrap().ret, "7", "{hook}");
    }
}

/// `-e trace=` looks the names up in each table.
#[test]
fn filters_know_the_other_tables() {
    let _machine = shared();
    let program = example("int80");
    let count = |expression: &str, name: &str| {
        let traced = trace(&["-e", expression, "--", &program]);
        let rows = traced.rows();
        let calls = rows.iter().filter(|row| row.is_call()).count();
        assert_eq!(
            calls,
            named(&rows, name).len(),
            "{expression}: {}",
            traced.trace
        );
        calls
    };
    assert_eq!(count("trace=getuid32", "getuid32"), 10);
    assert_eq!(count("trace=write", "write"), 11);
    assert_eq!(count("trace=write@32", "write"), 10);
    assert_eq!(count("trace=write@64", "write"), 1);
}

/// Numbers that no table has, and one of x32.
#[test]
fn numbers_without_a_name() {
    let _machine = shared();
    for hook in hooks::tracepoints() {
        let traced = trace(&["--attach", hook, "--", &example("hostile")]);
        let rows = traced.rows();
        let unknown = named(&rows, "syscall_0x270f");
        assert_eq!(unknown.len(), 1, "{hook}");
        assert_eq!(
            (unknown[0].ret, unknown[0].errno),
            ("-1", "ENOSYS"),
            "{hook}"
        );
        assert_eq!(
            unknown[0].args[..5],
            ["0x1", "0x2", "0x3", "0x4", "0x5"],
            "{hook}"
        );
        let minus_one = rows
            .iter()
            .filter(|row| row.name.starts_with("syscall_0xffffffff"));
        let names: Vec<&str> = minus_one.map(|row| row.name).collect();
        assert_eq!(names, ["syscall_0xffffffffffffffff"], "{hook}");
        let x32 = named(&rows, "getpid");
        assert!(
            x32.iter().any(|row| row.errno == "ENOSYS"),
            "{hook}: {x32:?}"
        );
    }
}

/// socketcall(2) and its like are what they mean: to filters, to details, to dumps.
#[cfg(target_arch = "x86_64")]
#[test]
fn calls_that_are_several_in_one_are_chosen_by_what_they_mean() {
    let _machine = shared();
    let program = example("families");
    let names = |options: &[&str]| {
        let mut args = options.to_vec();
        args.extend(["--", &program, "compat"]);
        let traced = trace(&args);
        assert_eq!(traced.output.code(), 0, "{options:?}");
        let rows = traced.rows();
        let calls = rows.iter().filter(|row| !row.name.starts_with('+'));
        calls
            .map(|row| (row.name.to_owned(), row.args.join(" ")))
            .collect::<Vec<_>>()
    };
    let only =
        |calls: &[(String, String)]| calls.iter().map(|call| call.0.clone()).collect::<Vec<_>>();
    assert_eq!(only(&names(&["-e", "trace=bind,semop"])), ["bind", "semop"]);
    // What could not be taken apart.
    assert_eq!(only(&names(&["-e", "trace=socketcall"])), ["socketcall"; 3]);
    let network = only(&names(&["-e", "trace=%network"]));
    assert!(network.len() > 15 && !network.contains(&"socketcall".to_owned()));
    let sent = names(&["-e", "trace=send", "-s", "2", "-e", "write=all"]);
    assert_eq!(sent[1].1.split(' ').nth(1), Some("\"hello\""), "{sent:?}");
    let raw = names(&["-e", "trace=listen,shutdown", "-e", "raw=listen"]);
    assert_eq!(raw[0].1, "0xffffffff 0x5");
    assert_eq!(raw[1].1, "-1 SHUT_RDWR");
    let limited = names(&["-e", "trace=%network", "--syscall-limit=3"]);
    assert_eq!(only(&limited), ["socket", "bind", "connect"]);
}
