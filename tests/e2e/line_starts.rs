//! What lines begin and end with: times, numbers, places, names; and files that are added to.

use std::process::Command;

use crate::{
    harness::{BIN, TempDir, example, run, shared, trace, tracer},
    oracle::{assert_all_same, assert_same},
    rows::{Row, named},
};

#[test]
fn times_are_those_of_strace() {
    let _machine = shared();
    for options in [
        "-t",
        "-tt",
        "-ttt",
        "-tttt",
        "-t -ttt",
        "-r",
        "-rr",
        "-r -t",
        "-r -ttt",
        "-T",
        "-tT",
        "--absolute-timestamps",
        "--timestamps=",
        "--timestamps=ns",
        "--timestamps=ms,unix",
        "--timestamps=format:unix,precision:ns",
        "--timestamps=none",
        "--timestamps=foo",
        "--timestamps -t",
        "--relative-timestamps=ns",
        "--relative-timestamps=s",
        "--relative-timestamps=ms -t",
        "--relative-timestamps=foo",
        "--syscall-times",
        "--syscall-times=ns",
        "--syscall-times=s",
        "--syscall-times=foo",
    ] {
        assert_same(&format!("STRACE {options} -e trace=close true"));
    }
    assert_same("STRACE -f -tr -o file -e trace=exit_group sh -c 'sleep 0.3 & wait'");
}

#[test]
fn times_in_rows() {
    let _machine = shared();
    let first = |options: &[&str]| {
        let traced = trace(&[options, &["-e", "trace=close", "--", "true"]].concat());
        traced.trace.split('\t').next().unwrap().to_owned()
    };
    let fraction = |text: &str| text.split_once('.').map_or(0, |(_, digits)| digits.len());
    for (option, digits) in [
        ("--timestamps=unix,s", 0),
        ("--timestamps=unix,ms", 3),
        ("--timestamps=time,us", 6),
        ("--timestamps=ns", 9),
        ("--relative-timestamps=ns", 9),
        ("-ttt", 6),
    ] {
        assert_eq!(fraction(&first(&[option])), digits, "{option}");
    }
    let refused = run(&mut tracer(&["-t", "-r", "true"]));
    assert_eq!(refused.code(), 2, "{refused:?}");
}

#[test]
fn numbers_and_places_are_those_of_strace() {
    let _machine = shared();
    assert_all_same(&[
        "STRACE -n -e trace=close,exit_group true",
        "STRACE -i -e trace=close,exit_group true",
        "STRACE -tni -f -e trace=exit_group sh -c 'sleep 0.3 & wait'",
        "STRACE -int -f -o file -e trace=exit_group sh -c 'sleep 0.3 & wait'",
        "STRACE --syscall-number --instruction-pointer -e trace=kill sh -c 'kill -USR1 $$'",
        "STRACE -in -e trace=kill,rt_sigreturn sh -c 'trap : USR1; kill -USR1 $$'",
        &format!(
            "STRACE -i -e trace=getpid,exit_group {} >/dev/null",
            example("int80")
        ),
    ]);
}

/// The place is that of the call, also where the program is another one afterwards.
#[test]
fn numbers_and_places_in_rows() {
    let _machine = shared();
    let traced = trace(&[
        "-n",
        "-i",
        "-e",
        "trace=execve,getpid",
        "--",
        "sh",
        "-c",
        "exec sh -c 'echo $$'",
    ]);
    let line = traced
        .trace
        .lines()
        .find(|line| line.contains("\texecve\t"))
        .unwrap();
    let fields: Vec<&str> = line.split('\t').collect();
    assert_eq!(fields[8], "59", "{line}");
    assert!(
        fields[9].starts_with("0x") && fields[9].len() > 10,
        "{line}"
    );
    // Libraries are mapped where 0x7f begins only without random places.
    let mut command = Command::new("setarch");
    command.args([
        "-R",
        BIN,
        "--columns",
        "syscall,ip,nr",
        "-e",
        "trace=close",
        "--",
        "true",
    ]);
    let traced = run(&mut command);
    for line in traced
        .stdout
        .lines()
        .filter(|line| line.starts_with("close"))
    {
        let fields: Vec<&str> = line.split('\t').collect();
        assert!(fields[1].starts_with("0x7f") && fields[2] == "3", "{line}");
    }
    assert!(traced.stdout.contains("+exit\t-\t"), "{traced:?}");
}

/// What strace has only since 6.1.
#[test]
fn names_of_arguments_and_pids_always() {
    let _machine = shared();
    let output = run(&mut tracer(&[
        "--format",
        "strace",
        "-N",
        "--always-show-pid",
        "-e",
        "trace=openat,read,close,pipe2,getppid",
        "--",
        "sh",
        "-c",
        "cat /etc/hostname | cat",
    ]));
    let lines: Vec<&str> = output.stderr.lines().collect();
    assert!(
        lines.iter().all(|line| line.starts_with("[pid ")),
        "{output:?}"
    );
    let has = |part: &str| lines.iter().any(|line| line.contains(part));
    assert!(
        has(
            "] openat(dirfd=AT_FDCWD, pathname=\"/etc/ld.so.cache\", flags=O_RDONLY|O_CLOEXEC) = 3"
        ),
        "{output:?}"
    );
    assert!(has("] close(fd=3)") && has("] getppid()"), "{output:?}");
    assert!(has("] read(fd=3, buf=\"\\177ELF"), "{output:?}");
}

#[test]
fn so_many_calls_and_no_more() {
    let _machine = shared();
    let program = example("calls");
    let line = [
        "--syscall-limit",
        "5",
        "-e",
        "trace=getppid",
        "--",
        &program,
        "--calls",
        "1000",
    ];
    let traced = trace(&line);
    assert_eq!(
        (traced.output.code(), named(&traced.rows(), "getppid").len()),
        (0, 5)
    );
    let output = run(tracer(&["--format", "strace"]).args(line));
    assert_eq!(output.stderr.matches("getppid()").count(), 5, "{output:?}");
    assert!(
        output.stderr.trim_end().ends_with(" detached"),
        "{output:?}"
    );
}

#[test]
fn files_that_are_added_to() {
    let _machine = shared();
    assert_all_same(&[
        "echo old >file; STRACE -A -o file -e trace=close true",
        "STRACE --output-append-mode -o file -e trace=close true",
        "echo old >file; STRACE -o file -e trace=close true",
        "STRACE -A -e trace=none true",
        "STRACE -o '|cat >file' -e trace=close true",
        "STRACE -f -o '!cat >file' -e trace=exit_group sh -c 'sleep 0.3 & wait'",
        "STRACE -o '|cat' -ff true",
        "STRACE -o '!cat' --output-separately true",
        "STRACE -F -e trace=exit_group sh -c 'sleep 0.3 & wait'",
        "STRACE -f -F -e trace=exit_group true",
        // Two processes are told apart by their numbers.
        "sleep 2 & a=$!; sleep 3 & STRACE -o file -e trace=exit_group -p $a,$!",
    ]);
}

/// `-ff`: a file for each thread, as strace has it.
#[test]
fn a_file_for_each() {
    let _machine = shared();
    let set = "-e trace=execve,exit_group sh -c 'sleep 0.3 & wait; exit 3'";
    assert_all_same(&[
        &format!("STRACE -ff -o file {set}"),
        &format!("STRACE -ff {set}"),
        &format!("STRACE --follow-forks --output-separately -o file {set}"),
        &format!("STRACE --output-separately -o file {set}"),
        &format!("STRACE -ff -qq -tTr -o file {set}"),
        "STRACE -ff -A -o file -e trace=exit_group true",
        "sleep 3 & STRACE -ff -o file -e trace=exit_group -p $!",
        &format!(
            "STRACE -ff -o file -e trace=execve,exit_group {} -- /bin/true >/dev/null",
            example("thread_exec")
        ),
    ]);
    let refused = run(&mut tracer(&["-ff", "-o", "/no/such/dir/file", "true"]));
    assert_eq!(refused.code(), 1, "{refused:?}");
    assert!(refused.stderr.contains("/no/such/dir/file"), "{refused:?}");
}

/// In rows a process has a file, with all its threads, each with the header.
#[test]
fn a_file_for_each_process() {
    let _machine = shared();
    let dir = TempDir::new();
    let file = dir.file("trace");
    let program = example("calls");
    let script =
        format!("{program} --threads 3 --calls 10 & {program} --threads 1 --calls 20; wait");
    let output = run(&mut tracer(&[
        "-ff",
        "--header",
        "-o",
        &file,
        "-e",
        "trace=getppid",
        "--",
        "sh",
        "-c",
        &script,
    ]));
    assert_eq!(output.code(), 0, "{output:?}");
    let mut counts = Vec::new();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        let pid: u32 = path.extension().unwrap().to_str().unwrap().parse().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let rows: Vec<Row> = text.lines().skip(1).map(Row::parse).collect();
        assert!(text.starts_with("#time\tpid\t"), "{text}");
        assert!(rows.iter().all(|row| row.pid == pid), "{text}");
        counts.push(named(&rows, "getppid").len());
    }
    counts.sort_unstable();
    // The shell asks for its parent once.
    assert_eq!(counts, [1, 20, 30], "{output:?}");
}
