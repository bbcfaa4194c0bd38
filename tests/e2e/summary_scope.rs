//! The summary: of whom, until when, and where it goes.

use std::time::Duration;

use crate::{
    harness::{TempDir, alone, example, run, shared, trace, tracer},
    rows::Row,
    running::Running,
    scope::Cgroup,
    summary::{Table, count},
};

#[test]
fn the_table_goes_where_the_trace_would() {
    let _machine = shared();
    let dir = TempDir::new();
    let file = dir.file("table");
    let to_stdout = run(&mut tracer(&["-c", "--", "echo", "hello"]));
    assert!(to_stdout.stdout.starts_with("#syscall\t"), "{to_stdout:?}");
    assert_eq!(to_stdout.stderr, "hello\n");
    let to_file = run(&mut tracer(&["-c", "-o", &file, "--", "echo", "hello"]));
    assert_eq!(
        (to_file.stdout.as_str(), to_file.stderr.as_str()),
        ("hello\n", "")
    );
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .contains("\nwrite\t")
    );
    let to_stderr = run(&mut tracer(&["-c", "--format", "strace", "echo", "hello"]));
    assert_eq!(to_stderr.stdout, "hello\n");
    assert!(
        to_stderr
            .stderr
            .starts_with("% time     seconds  usecs/call")
    );
    let status = run(&mut tracer(&["-c", "-o", &file, "sh", "-c", "exit 7"]));
    assert_eq!(status.code(), 7);
}

#[test]
fn trace_and_table_agree() {
    let _machine = shared();
    let traced = trace(&[
        "-C",
        "-f",
        "--",
        "sh",
        "-c",
        "ls / /no; cat /etc/passwd | wc -l",
    ]);
    let (lines, table) = traced.trace.split_once("\n#").expect("a table");
    let table = Table::parse(&format!("#{table}"));
    let rows: Vec<Row<'_>> = lines.lines().map(Row::parse).collect();
    for row in &table.0 {
        let name = &row["syscall"];
        let of_name = || {
            rows.iter()
                .filter(|r| r.name == name && r.is_call() && r.ret != "?")
        };
        // Interrupted calls have `?` as a result and an error.
        let again = rows
            .iter()
            .filter(|r| r.name == name && r.ret == "?" && r.errno != "-");
        let again = again.count();
        assert_eq!(
            row["calls"],
            (of_name().count() + again).to_string(),
            "{name}"
        );
        let errors = of_name().filter(|r| r.errno != "-").count();
        assert_eq!(row["errors"], (errors + again).to_string(), "{name}");
    }
    let calls = table
        .0
        .iter()
        .map(|row| row["calls"].parse::<usize>().unwrap());
    let returned = rows
        .iter()
        .filter(|r| r.is_call() && (r.ret != "?" || r.errno != "-"));
    assert_eq!(calls.sum::<usize>(), returned.count());
}

#[test]
fn only_what_is_wanted_is_counted() {
    let _machine = shared();
    let command = ["--", "cat", "/etc/passwd", "/no/file"];
    let failed = run(&mut tracer(&["-c", "-Z", "--", "cat", "/no/file"]));
    let table = Table::parse(&failed.stdout);
    assert!(
        table.0.iter().all(|row| row["calls"] == row["errors"]),
        "{failed:?}"
    );
    assert_eq!(failed.code(), 1);
    let output = run(tracer(&["-c", "-z", "-e", "openat,read"]).args(command));
    let table = Table::parse(&output.stdout);
    assert_eq!((table.0.len(), table.number("openat", "errors")), (2, 0));
    let none = run(&mut tracer(&["-c", "-e", "none", "true"]));
    assert_eq!(none.stdout.lines().count(), 1, "{none:?}");
}

#[test]
fn children_only_with_f() {
    let _machine = shared();
    let program = example("forks");
    let script = format!("{program} >/dev/null; :");
    let command = ["-e", "execve", "--", "sh", "-c", &script];
    assert_eq!(count(&command).number("execve", "calls"), 1);
    let followed = count(&[&["-f"][..], &command].concat());
    assert!(followed.number("execve", "calls") >= 2);
}

#[test]
fn an_attached_process_until_its_end_and_until_told_to_stop() {
    let _machine = shared();
    let program = example("calls");
    let start = || {
        let mut command = std::process::Command::new(&program);
        command.args(["--threads", "3", "--calls", "4000", "--wait"]);
        let calls = Running::start_with_stdin(&mut command);
        calls.stdout_line("ready");
        let pid = calls.pid().to_string();
        let traced = Running::start(&mut tracer(&["-c", "-w", "-p", &pid]));
        traced.stderr_line("attached");
        (calls, traced)
    };
    let (mut calls, traced) = start();
    calls.close_stdin();
    let table = Table::parse(&traced.wait().stdout);
    assert_eq!(table.number("getppid", "calls"), 12_000);
    calls.wait();
    let (mut calls, traced) = start();
    traced.signal(libc::SIGINT);
    let output = traced.wait();
    assert_eq!(output.code(), 0);
    assert!(output.stdout.starts_with("#syscall\t"), "{output:?}");
    assert!(!output.stdout.contains("getppid"));
    calls.close_stdin();
    calls.wait();
}

#[test]
fn an_interrupted_command_is_counted_too() {
    let _machine = shared();
    let traced = Running::start(&mut tracer(&[
        "-c",
        "-w",
        "--",
        "sh",
        "-c",
        "echo on; exec /bin/sleep 30",
    ]));
    traced.stderr_line("on");
    std::thread::sleep(Duration::from_millis(300));
    traced.signal(libc::SIGINT);
    let output = traced.wait();
    assert_eq!(output.signal(), Some(libc::SIGINT));
    let table = Table::parse(&output.stdout);
    assert_eq!(table.number("execve", "calls"), 2);
}

#[test]
fn a_call_whose_start_was_not_seen_has_no_time() {
    let _machine = shared();
    let program = example("seccomp_deny");
    let table = count(&["-e", "mkdir", "--", &program]);
    assert_eq!(table.number("mkdir", "calls"), 5);
    assert_eq!(table.number("mkdir", "errors"), 5);
    assert_eq!(
        (table.0[0]["min"].as_str(), table.0[0]["p99"].as_str()),
        ("-", "-")
    );
}

#[test]
fn groups_add_up() {
    let _machine = shared();
    let script = "cat /etc/passwd | wc -l; ls /no/where; true";
    let with = |by: &[&str]| {
        let args = [&["-c", "-f"], by, &["--", "sh", "-c", script]].concat();
        Table::parse(&run(&mut tracer(&args)).stdout)
    };
    let all = with(&[]);
    for by in ["pid", "comm", "cgroup", "errno"] {
        let table = with(&["--by", by]);
        for name in ["openat", "read", "execve", "mmap"] {
            let sums = |table: &Table| (table.sum(name, "calls"), table.sum(name, "errors"));
            assert_eq!(sums(&table), sums(&all), "{by} {name}");
        }
        let groups = |wanted: &str| table.0.iter().filter(|row| row[by] == wanted).count();
        match by {
            "pid" => assert_eq!(
                table.0.iter().filter(|r| r["syscall"] == "execve").count(),
                4
            ),
            "comm" => assert!(groups("cat") > 5 && groups("wc") > 5 && groups("ls") > 5),
            "cgroup" => assert!(table.0.iter().all(|row| row[by].starts_with('/'))),
            _ => assert!(groups("ENOENT") > 0 && groups("-") > 5),
        }
    }
}

/// More groups than there is room for: their calls are in the rows of `+other`, and all are there.
#[test]
fn groups_without_room_are_told() {
    let _machine = alone();
    let script = r#"for (1..30000) { $0 = "n$_"; getppid }"#;
    let output = run(&mut tracer(&[
        "-c", "--by", "comm", "-e", "getppid", "--", "perl", "-e", script,
    ]));
    let table = Table::parse(&output.stdout);
    assert_eq!(table.sum("getppid", "calls"), 30_000);
    let other = table
        .0
        .iter()
        .find(|row| row["comm"] == "+other")
        .expect("no room");
    let told = format!("{} calls are in the rows of +other", other["calls"]);
    assert!(output.stderr.contains(&told), "{}", output.stderr);
}

#[test]
fn the_whole_system() {
    let _machine = alone();
    let program = example("calls");
    let args = [
        "-c", "-a", "-e", "getppid", "--", &program, "--calls", "7000",
    ];
    let table = Table::parse(&run(&mut tracer(&args)).stdout);
    assert!(table.number("getppid", "calls") >= 7000);
}

#[test]
fn a_cgroup_for_as_long_as_the_command_runs() {
    // The cgroup has one name for all tests.
    let _machine = alone();
    let cgroup = Cgroup::new();
    let path = cgroup.0.to_str().unwrap();
    let inside = format!(
        "echo $$ >{path}/cgroup.procs; exec {} --calls 6000",
        example("calls")
    );
    let args = ["-c", "--cgroup", path, "-e", "getppid", "--by", "cgroup"];
    // Our own command is traced too, wherever it is: it makes no such call before it is inside.
    let output = run(tracer(&args).args(["--", "sh", "-c", "sh -c \"$0\"; true", &inside]));
    let table = Table::parse(&output.stdout);
    let name = cgroup.0.file_name().unwrap().to_str().unwrap();
    let rows: Vec<_> = table
        .0
        .iter()
        .filter(|row| row["cgroup"].ends_with(name))
        .collect();
    assert!(
        rows.iter()
            .any(|row| row["calls"].parse::<u64>().unwrap() >= 6000),
        "{output:?}"
    );
}
