//! Where the lines go: a file, a pipe, standard output; and the table of system calls.

use std::process::Command;

use crate::{
    harness::{BIN, TempDir, run, shared, trace, tracer},
    rows::{Row, named},
};

#[test]
fn with_a_file_the_command_keeps_its_standard_output() {
    let _machine = shared();
    let traced = trace(&["--", "sh", "-c", "echo out; echo err >&2"]);
    assert_eq!(
        (traced.output.stdout.as_str(), traced.output.stderr.as_str()),
        ("out\n", "err\n")
    );
    assert_eq!(named(&traced.rows(), "write").len(), 2);
}

#[test]
fn without_one_standard_output_holds_the_trace_alone() {
    let _machine = shared();
    for options in [&[][..], &["-o", "-"]] {
        let output = run(tracer(options).args(["--", "sh", "-c", "echo out; echo err >&2"]));
        assert_eq!(output.code(), 0);
        assert_eq!(output.stderr, "out\nerr\n", "{options:?}");
        let rows: Vec<Row> = output.stdout.lines().map(Row::parse).collect();
        assert_eq!(named(&rows, "write").len(), 2, "{options:?}");
    }
}

#[test]
fn into_a_command() {
    let _machine = shared();
    let dir = TempDir::new();
    let file = dir.file("sorted");
    for sign in ["|", "!"] {
        let sink = format!("{sign}cut -f 5 >'{file}'; echo done >>'{file}'");
        let output = run(tracer(&["-o", &sink]).args(["--", "sh", "-c", "echo out; exit 3"]));
        assert_eq!(
            (output.code(), output.stdout.as_str()),
            (3, "out\n"),
            "{output:?}"
        );
        // The tracer waits for it: all is there when it ends.
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.lines().any(|line| line == "execve"), "{text}");
        assert_eq!(
            text.lines().rev().take(2).collect::<Vec<_>>(),
            ["done", "+exit"],
            "{text}"
        );
    }
}

/// What a terminal or a reader asks for does not change the lines.
#[test]
fn lines_arrive_while_the_command_runs() {
    let _machine = shared();
    let mut command = Command::new(BIN);
    command.args([
        "-e",
        "trace=write",
        "--",
        "sh",
        "-c",
        "echo first; read x; echo second",
    ]);
    let mut tracer = crate::harness::Running::start_with_stdin(&mut command);
    tracer.stderr_line("first");
    let seen = (0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        tracer.stdout_so_far().contains("first")
    });
    assert!(
        seen,
        "nothing of the first call while the second is yet to come"
    );
    tracer.write_stdin("go\n");
    let output = tracer.wait();
    assert!(output.stdout.contains("second"), "{output:?}");
}

#[test]
fn the_table_of_system_calls() {
    let _machine = shared();
    let output = run(&mut tracer(&["--list-syscalls"]));
    assert_eq!((output.code(), output.stderr.as_str()), (0, ""));
    let rows: Vec<Vec<&str>> = output
        .stdout
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    assert!(rows[0][0].starts_with('#'), "{:?}", rows[0]);
    let find = |abi: &str, name: &str| {
        let row = rows.iter().find(|row| row[0] == abi && row[2] == name);
        row.unwrap_or_else(|| panic!("no {abi} {name}"))
    };
    let openat = find("x86_64", "openat");
    assert_eq!(openat[1], libc::SYS_openat.to_string());
    assert!(
        openat[3].contains("pathname") && openat[4].contains("%file"),
        "{openat:?}"
    );
    assert_eq!(find("x86_64", "clone3")[1], libc::SYS_clone3.to_string());
    assert_eq!(find("i386", "getuid32")[1], "199");
    assert!(rows.iter().filter(|row| row[0] == "x86_64").count() > 340);
    // Every one of them can be asked for.
    for name in ["openat", "futex_waitv", "io_uring_enter", "mseal"] {
        let expression = format!("trace={name}");
        let output = run(&mut tracer(&[
            "-o",
            "/dev/null",
            "-e",
            &expression,
            "--",
            "true",
        ]));
        assert_eq!(output.code(), 0, "{name}: {output:?}");
    }
}
