//! What descriptors lead to, `-y` and its kin: as strace(1) shows it, and right at the time of the call however fast numbers are
//! given out again.

use std::{collections::HashMap, process::Command};

use regex::Regex;
use strace_ebpf::kernel::{Facts, Version, raw_tracepoints_are_preemptible};

use crate::{
    harness::{BIN, Running, TempDir, example, run, shared, slow, trace, tracer},
    rows::{Row, named, unquote},
    strace::plain,
};

/// The lines of each thread, in the order in which threads appear; those that were cut are put together again.
fn by_thread(trace: &str) -> Vec<Vec<String>> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut threads: Vec<Vec<String>> = Vec::new();
    for line in trace.lines() {
        let (tid, rest) = line.split_once(char::is_whitespace).unwrap();
        let place = *places.entry(tid).or_insert_with(|| {
            threads.push(Vec::new());
            threads.len() - 1
        });
        let lines = &mut threads[place];
        let rest = rest.trim_start();
        if rest.starts_with("<... ") {
            let (_, end) = rest.split_once("resumed>").unwrap();
            let begun = lines.last_mut().unwrap();
            *begun = format!("{}{end}", begun.trim_end_matches(" <unfinished ...>"));
        } else {
            lines.push(rest.to_owned());
        }
    }
    threads
}

/// Without the numbers that differ from run to run: inodes, ports, processes; and without padding.
fn steady(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        let end = number
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(number.len());
        let (number, behind) = number.split_at(end);
        out.push_str(before);
        out.push_str(if number.len() > 2 { "N" } else { number });
        rest = behind;
    }
    out.push_str(rest);
    // What a child took is its own.
    let times = Regex::new(r"si_([us])time=\w+(?: /\* [^*]* \*/)?").unwrap();
    let out = times.replace_all(&out, "si_${1}time=TIME");
    // Inodes of a machine that has just started.
    let inodes = Regex::new(r"([A-Za-z]:\[)\d+((?:->)?)\d*").unwrap();
    let out = inodes.replace_all(&out, "${1}N${2}");
    let words: Vec<&str> = out.split_whitespace().collect();
    words.join(" ")
}

/// Traces `program` with strace and with us, both with `options`, and asserts equal lines.
#[track_caller]
fn assert_equal(options: &[&str], program: &[&str], dir_at_end: bool) {
    let dir = TempDir::new();
    let lines = |tracer: &str, mark: &[&str]| {
        let work = dir.file("work");
        let _ = std::fs::remove_dir_all(&work);
        std::fs::create_dir(&work).unwrap();
        let file = dir.file("trace");
        let mut args = mark.to_vec();
        args.extend(["-f", "-s", "40", "-o", &file]);
        args.extend(options);
        args.extend(program);
        if dir_at_end {
            args.push(&work);
        }
        let output = run(plain(tracer, &args).current_dir(&work));
        assert_eq!(output.code(), 0, "{output:?}");
        let trace = std::fs::read_to_string(&file).unwrap();
        let steady = |lines: Vec<String>| lines.iter().map(|line| steady(line)).collect();
        let mut threads: Vec<Vec<String>> = by_thread(&trace).into_iter().map(steady).collect();
        // Which child comes first is chance.
        threads.sort();
        threads
    };
    let mine = lines(BIN, &["--format", "strace"]);
    let theirs = lines("strace", &[]);
    assert_eq!(mine.len(), theirs.len(), "threads");
    for (mine, theirs) in mine.iter().zip(&theirs) {
        for (mine, theirs) in mine.iter().zip(theirs) {
            assert_eq!(mine, theirs, "{options:?}");
        }
        assert_eq!(mine.len(), theirs.len(), "{options:?}");
    }
}

/// A quoted field of ASCII.
fn text(field: &str) -> String {
    String::from_utf8(unquote(field)).unwrap()
}

/// Calls of `descriptors` and of the commands below whose arguments do not differ between two runs but for numbers.
const CALLS: &str = "trace=openat,close,dup,dup2,fcntl,fsync,rename,unlink,pipe2,memfd_create,eventfd2,inotify_init,\
    timerfd_create,pidfd_open,select,poll,epoll_create1,epoll_ctl,chdir,mkdir,rmdir,socket,bind,connect,listen,accept,\
    socketpair,sendmsg,recvmsg,fadvise64,lseek,pread64,fstatfs,ftruncate,sendfile";

#[test]
fn every_kind_is_shown_as_strace_shows_it() {
    let _machine = shared();
    let program = example("descriptors");
    for options in [
        &["-y"][..],
        &["-yy"],
        &["-y", "-x"],
        &["--decode-fds=dev,pidfd"],
    ] {
        let mut all = vec!["-e", CALLS];
        all.extend(options);
        assert_equal(&all, &[&program], true);
    }
}

#[test]
fn commands_are_shown_as_strace_shows_them() {
    let _machine = shared();
    let script =
        "exec 7</etc/passwd; cat <&7 >out; cat out | wc -l; exec 7>&-; echo hi >out; rm out";
    let commands: [&[&str]; 5] = [
        &["ls", "-l", "/etc"],
        &["cat", "/etc/passwd", "/etc/group"],
        &["cp", "/etc/passwd", "copy"],
        &["find", "/usr/share/git-core/templates"],
        &["sh", "-c", script],
    ];
    for command in commands {
        // Which call a child's end interrupts is chance.
        assert_equal(&["-e", CALLS, "-e", "signal=none", "-yy"], command, false);
    }
}

#[test]
fn a_storm_of_opens_and_closes_is_told_right() {
    let _machine = shared();
    // Raw ones miss events where they run preemptibly.
    let raw = if raw_tracepoints_are_preemptible() {
        "tracepoint"
    } else {
        "raw-tracepoint"
    };
    for options in [&["-y"][..], &["-yy", "--attach", raw]] {
        let dir = TempDir::new();
        let (program, work) = (example("storm"), dir.file(""));
        let mut args = vec!["-f", "-s", "200"];
        args.extend(options);
        args.extend([
            "--buffer-size",
            "64M",
            "--",
            &program,
            work.trim_end_matches('/'),
        ]);
        let rounds = (1500 / slow()).to_string();
        args.extend(["--threads", "4", "--rounds", &rounds]);
        let traced = trace(&args);
        assert_eq!(traced.output.code(), 0, "{:?}", traced.output);
        let rows = traced.rows();
        assert!(named(&rows, "+lost").is_empty());
        let mut told = 0;
        let mut last: HashMap<(u32, String), String> = HashMap::new();
        for row in rows
            .iter()
            .filter(|row| row.tid != row.pid || row.name == "write")
        {
            let fd = |row: &Row<'_>| row.args[0].split('<').next().unwrap().to_owned();
            if row.name == "write" && row.args[1].starts_with("\"<") {
                let expected = format!("{}{}", fd(row), text(row.args[1]));
                assert_eq!(row.args[0], expected, "{row:?}");
                last.insert((row.tid, fd(row)), expected);
                told += 1;
            } else if row.name == "close"
                && let Some(expected) = last.remove(&(row.tid, fd(row)))
            {
                assert_eq!(row.args[0], expected, "{row:?}");
            }
        }
        assert_eq!(told, traced.output.number("writes"));
    }
}

#[test]
fn results_lead_somewhere_too() {
    let _machine = shared();
    let dir = TempDir::new();
    let (program, work, file) = (example("storm"), dir.file("files"), dir.file("trace"));
    std::fs::create_dir(&work).unwrap();
    let args = [
        "--format",
        "strace",
        "-f",
        "-y",
        "-e",
        "trace=openat,dup",
        "-o",
        &file,
    ];
    let output = run(tracer(&args).args(["--", &program, &work, "--rounds", "300"]));
    assert_eq!(output.code(), 0, "{output:?}");
    let trace = std::fs::read_to_string(&file).unwrap();
    let mut opened = 0;
    for line in by_thread(&trace)
        .concat()
        .iter()
        .filter(|line| line.contains("/files/t"))
    {
        let path = line.split('"').nth(1);
        let (_, result) = line.rsplit_once(" = ").unwrap();
        let (_, led) = result.split_once('<').unwrap();
        let led = led.trim_end_matches('>');
        match path {
            Some(path) => {
                assert_eq!(led, path, "{line}");
                opened += 1;
            }
            None => assert!(line.contains(&format!("<{led}>)")), "{line}"),
        }
    }
    assert_eq!(opened, 4 * 300);
}

#[test]
fn tsv_shows_arguments_so_and_results_as_numbers() {
    let _machine = shared();
    let traced = trace(&["-y", "--", "cat", "/etc/passwd"]);
    let rows = traced.rows();
    let open = named(&rows, "openat");
    let open = open
        .iter()
        .find(|row| row.args[1] == "\"/etc/passwd\"")
        .unwrap();
    let cwd = std::env::current_dir().unwrap();
    assert_eq!(open.args[0], format!("AT_FDCWD<{}>", cwd.display()));
    let expected = format!("{}</etc/passwd>", open.ret());
    let read = named(&rows, "read");
    assert!(read.iter().any(|row| row.args[0] == expected), "{read:?}");
    let close = named(&rows, "close");
    assert!(close.iter().any(|row| row.args[0] == expected), "{close:?}");
}

#[test]
fn descriptors_open_before_we_came_are_known() {
    let _machine = shared();
    let script = "exec 7</etc/passwd; echo ready; read line; cat <&7 >/dev/null; read line";
    let mut shell = Running::start_with_stdin(Command::new("sh").args(["-c", script]));
    shell.stdout_line("ready");
    let dir = TempDir::new();
    let file = dir.file("trace");
    let pid = shell.pid().to_string();
    let tracer = Running::start(&mut tracer(&["-f", "-y", "-o", &file, "-p", &pid]));
    tracer.stderr_line("attached");
    shell.write_stdin("go\n");
    shell.write_stdin("end\n");
    shell.close_stdin();
    assert_eq!(shell.wait().code(), 0);
    assert_eq!(tracer.wait().code(), 0);
    let trace = std::fs::read_to_string(&file).unwrap();
    let rows: Vec<Row<'_>> = trace.lines().map(Row::parse).collect();
    // The call that it was in when we came is over before we could see it begin.
    let first = rows.iter().find(|row| row.name == "read").unwrap();
    assert_eq!(first.dur, None, "{first:?}");
    assert!(first.args[0].starts_with("0<pipe:["), "{first:?}");
    let copied = named(&rows, "dup2");
    assert!(
        copied.iter().any(|row| row.args[0] == "7</etc/passwd>"),
        "{copied:?}"
    );
    let read = named(&rows, "read");
    assert!(
        read.iter().any(|row| row.args[0] == "0</etc/passwd>"),
        "{read:?}"
    );
}

#[test]
fn only_what_is_asked_for_is_shown() {
    let _machine = shared();
    let (dir, program) = (TempDir::new(), example("descriptors"));
    let work = dir.file("");
    let args = [
        "-e",
        "decode-fds=socket",
        "-e",
        "trace=fsync,close",
        "--",
        &program,
        &work,
    ];
    let traced = trace(&args);
    let rows = traced.rows();
    let shown: Vec<&str> = rows
        .iter()
        .filter(|row| row.name == "fsync" || row.name == "close")
        .filter_map(|row| row.args[0].split_once('<'))
        .map(|(_, shown)| shown)
        .collect();
    // The kernel's own names.
    let version = Facts::gather().unwrap().version;
    let unix = if version >= Version(5, 15) {
        "UNIX-STREAM:["
    } else {
        "UNIX:["
    };
    for kind in [
        "TCP:[127.0.0.1:",
        "TCPv6:[[::1]:",
        "UDP:[",
        unix,
        "NETLINK:[ROUTE:",
    ] {
        assert!(
            shown.iter().any(|shown| shown.starts_with(kind)),
            "{kind}: {shown:?}"
        );
    }
    assert!(
        !shown.iter().any(|shown| shown.starts_with('/')),
        "{shown:?}"
    );
    let output = run(&mut tracer(&["--decode-fds=inode", "true"]));
    assert_eq!(output.code(), 2);
    assert!(
        output.stderr.contains("invalid decode-fds 'inode'"),
        "{output:?}"
    );
}

#[test]
fn failed_calls_alone_are_told_whole() {
    let _machine = shared();
    let dir = TempDir::new();
    let (program, file, work) = (example("descriptors"), dir.file("trace"), dir.file(""));
    let args = [
        "--format",
        "strace",
        "-Z",
        "-y",
        "-e",
        "trace=fsync,dup",
        "-o",
        &file,
    ];
    let output = run(tracer(&args).args(["--", &program, &work]));
    assert_eq!(output.code(), 0, "{output:?}");
    let trace = std::fs::read_to_string(&file).unwrap();
    assert!(trace.contains("fsync(999) "), "{trace}");
    assert!(trace.contains("<anon_inode:[eventfd]>) "), "{trace}");
    for line in trace.lines().filter(|line| line.starts_with("fsync")) {
        assert!(line.contains(" = -1 E"), "{line}");
    }
}

/// Lines of `command` under strace and under us, both with `options`, and what they said.
#[track_caller]
fn assert_chosen_equally(options: &[&str], command: &[&str]) {
    let dir = TempDir::new();
    let told = |tracer: &str, mark: &[&str]| {
        let file = dir.file("trace");
        let mut args = mark.to_vec();
        args.extend(["-f", "-e", "signal=none", "-o", &file]);
        args.extend(options);
        args.extend(command);
        let output = run(plain(tracer, &args).current_dir("/etc"));
        assert_eq!(output.code(), 0, "{output:?}");
        let said = output.stderr.replace("strace-ebpf: ", "strace: ");
        let trace = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<String> = by_thread(&trace)
            .concat()
            .iter()
            .map(|l| steady(l))
            .collect();
        (said, lines)
    };
    let theirs = told("strace", &[]);
    let mine = told(BIN, &["--format", "strace"]);
    assert_eq!(mine, theirs, "{options:?}");
    assert!(mine.1.len() > 2, "{mine:?}");
}

#[test]
fn calls_are_chosen_by_path_as_strace_chooses_them() {
    let _machine = shared();
    let cat: &[&str] = &["cat", "/etc/passwd", "group", "/etc/../etc/hosts"];
    assert_chosen_equally(&["-P", "/etc/passwd"], cat);
    assert_chosen_equally(&["-y", "-P", "group", "-P", "/etc/hosts"], cat);
    assert_chosen_equally(&["-P", "/lib/x86_64-linux-gnu/libc.so.6"], cat);
    assert_chosen_equally(&["-P", "/no/such", "-P", "../etc/group"], cat);
    let quiet = ["-e", "quiet=path-resolution", "-P", "group"];
    assert_chosen_equally(&quiet, cat);
    let script = "exec 5<passwd; cat <&5; exec 6<&5; read x <&6; :";
    assert_chosen_equally(&["-P", "/etc/passwd"], &["sh", "-c", script]);
}

#[test]
fn calls_are_chosen_by_descriptor() {
    let _machine = shared();
    let dir = TempDir::new();
    let (program, work) = (example("descriptors"), dir.file(""));
    let run_with = |options: &[&str]| {
        let mut args = options.to_vec();
        args.extend(["--", &program, &work]);
        trace(&args)
    };
    let traced = run_with(&["-e", "trace-fds=50,60"]);
    let rows = traced.rows();
    let calls: Vec<&Row<'_>> = rows.iter().filter(|row| row.is_call()).collect();
    // dup2, dup2 and close of 50, close of 60, for each of five files; F_DUPFD is given another one.
    assert_eq!(calls.len(), 5 * 4, "{calls:?}");
    let about = |row: &&Row<'_>| row.args.iter().any(|arg| ["50", "60"].contains(arg));
    assert!(calls.iter().all(about), "{calls:?}");
    let traced = run_with(&[
        "--trace-fds=!0,1,2",
        "-P",
        "/dev/null",
        "-e",
        "trace=close,getpid,openat",
    ]);
    let rows = traced.rows();
    assert!(named(&rows, "getpid").is_empty());
    assert!(!named(&rows, "close").is_empty());
    // Of those that are given no descriptor only those that name the path.
    let opened = named(&rows, "openat");
    let beside = opened.iter().filter(|row| row.args[0] == "AT_FDCWD");
    assert!(beside.clone().count() > 0 && beside.clone().all(|row| row.args[1] == "\"/dev/null\""));
    let output = run(&mut tracer(&["-c", "-P", "/etc", "true"]));
    assert_eq!(output.code(), 2);
    assert!(output.stderr.contains("-P"), "{output:?}");
}
