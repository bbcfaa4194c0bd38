//! Command lines that are refused, and spellings that are not.

use std::process::Command;

use crate::{
    errors::assert_refused,
    harness::{BIN, TempDir, run, shared, tracer},
    oracle::as_strace,
    strace::plain,
};

#[test]
fn command_lines_that_make_no_sense() {
    let _machine = shared();
    for (line, words) in [
        (&[][..], &[][..]),
        (&["--no-such-flag", "true"], &["--no-such-flag"]),
        (&["-p", "x"], &["x"]),
        (&["-p", "0"], &["0"]),
        (&["-p", ""], &[]),
        (
            &["--buffer-size", "lots", "true"],
            &["--buffer-size", "lots"],
        ),
        (&["-s", "x", "true"], &["x"]),
        (&["--transport", "x", "true"], &["x"]),
        (&["-q", "-e", "quiet=exit", "true"], &["-q", "quiet"]),
        (&["-e", "status=good", "true"], &["status", "good"]),
        (&["-e", "signal=good", "true"], &["signal", "good"]),
        (&["-I", "5", "true"], &["-I", "5"]),
        (&["-b", "open", "true"], &["open", "-b"]),
        (&["-DDDD", "true"], &["-D"]),
        (&["-D", "-p", "1"], &["-D"]),
        (&["-e", "trace=no_such_call", "true"], &["no_such_call"]),
        (&["--format", "x", "true"], &["x"]),
        (&["--format", "json", "true"], &["json"]),
        (&["--format", "bin", "true"], &["bin"]),
        (&["-p", "1", "-a"], &[]),
        (&["-o"], &["-o"]),
    ] {
        assert_refused(&run(&mut tracer(line)), 2, words);
    }
}

/// Flags of strace that are not built yet are refused by name; never taken for the command.
#[test]
fn flags_of_strace_that_are_not_there_yet() {
    let _machine = shared();
    for flag in [
        "--secontext",
        "--kvm=vcpu",
        "--namespace",
        "--namespace=new",
    ] {
        let name = flag.split('=').next().unwrap();
        for line in [&[flag, "true"][..], &["-f", flag, "--", "true"], &[flag]] {
            assert_refused(&run(&mut tracer(line)), 2, &[name]);
        }
    }
    for set in ["secontext=full", "kvm=vcpu", "namespace=new"] {
        let name = set.split_once('=').unwrap().0;
        assert_refused(
            &run(&mut tracer(&["-e", set, "true"])),
            2,
            &[name, "not supported"],
        );
    }
    for flag in ["-kk", "--stack-trace=source"] {
        assert_refused(&run(&mut tracer(&[flag, "true"])), 2, &[flag]);
    }
    assert_refused(&run(&mut tracer(&["--read", "x", "true"])), 2, &["--read"]);
}

/// Called strace: the words of strace 6.1, or of 7.2 where it has the option first, to the byte.
const AS_STRACE: &[(&str, &str)] = &[
    (
        "--sy true",
        "option '--sy' is ambiguous; possibilities: '--syscall-limit' '--syscall-number' '--syscall-times'\n?",
    ),
    (
        "--se true",
        "option '--se' is ambiguous; possibilities: '--seccomp-bpf' '--secontext'\n?",
    ),
    ("--nosuch=x true", "unrecognized option '--nosuch=x'\n?"),
    ("-V -Q", "invalid option -- 'Q'\n?"),
    ("-fo", "option requires an argument -- 'o'\n?"),
    ("--output", "option '--output' requires an argument\n?"),
    ("--help=x", "option '--help' doesn't allow an argument\n?"),
    (
        "--follow-forks=x true",
        "option '--follow-forks' doesn't allow an argument\n?",
    ),
    (
        "--interruptible=5 true",
        "invalid --interruptible argument: '5'\n?",
    ),
    ("-I 5 true", "invalid -I argument: '5'\n?"),
    ("--columns=x true", "invalid --columns argument: 'x'\n?"),
    (
        "--summary-syscall-overhead=x true",
        "invalid --summary-syscall-overhead argument: 'x'\n?",
    ),
    (
        "--const-print-style=foo true",
        "invalid --const-print-style argument: 'foo'\n?",
    ),
    ("-X foo true", "invalid -X argument: 'foo'\n?"),
    (
        "--strings-in-hex=foo true",
        "invalid --strings-in-hex argument: 'foo'\n?",
    ),
    (
        "--absolute-timestamps=foo true",
        "invalid --absolute-timestamps argument: 'foo'\n?",
    ),
    (
        "--timestamps=foo true",
        "invalid --timestamps argument: 'foo'\n?",
    ),
    (
        "--stack-trace-frame-limit=0 true",
        "invalid --stack-trace-frame-limit argument: '0'\n?",
    ),
    (
        "--syscall-limit=0 true",
        "invalid --syscall-limit argument: '0'\n?",
    ),
    (
        "--argv0=x -p 99999998",
        "PROG [ARGS] must be specified with --argv0\n?",
    ),
    (
        "-e trace=open@64x true",
        "incorrect personality designator '64x' in qualification 'open@64x'\n?",
    ),
    ("-e %nosuch true", "invalid system call '%nosuch'\n"),
    ("-e trace=none,open true", "invalid system call 'none'\n"),
    ("-e trace=, true", "invalid system call ','\n"),
    ("-e trace=! true", "invalid system call '!'\n"),
    ("-e /[ true", "regcomp: [: Invalid regular expression\n"),
    ("-e inject=foo true", "invalid system call 'foo'\n"),
    (
        "-e inject=foo:bar true",
        "invalid inject argument 'foo:bar'\n",
    ),
    ("-e signal=, true", "invalid signal ','\n"),
    ("-e read=none,1 true", "invalid descriptor 'none'\n"),
    ("--kvm true", "invalid -e kvm= argument: 'true'\n"),
    (
        "-e namespace=foo true",
        "invalid -e namespace= argument: 'foo'\n",
    ),
    (
        "--kvm=vcpu true",
        "option --kvm is known from strace but not supported yet\n",
    ),
    (
        "--name true",
        "option --namespace is known from strace but not supported yet\n",
    ),
    (
        "--secontext=full true",
        "SELinux context printing (--secontext option) is not supported by this build of strace\n",
    ),
    (
        "-e secontext=full true",
        "SELinux context printing (--secontext option) is not supported by this build of strace\n",
    ),
    (
        "-kk true",
        "Stack traces with source line information (-kk/--stack-trace=source option) are not supported by this build of strace\n",
    ),
    (
        "-x --strings-in-hex=all true",
        "-x and --strings-in-hex cannot be provided simultaneously\n",
    ),
    (
        "-y -e decode-fds=path true",
        "-y and --decode-fds cannot be provided simultaneously\n",
    ),
    (
        "--kill-on-exit -p 99999998",
        "--kill-on-exit and -p/--attach are mutually exclusive options\n",
    ),
];

#[test]
fn words_and_status_of_strace() {
    let _machine = shared();
    let dir = TempDir::new();
    let ours = as_strace(&dir);
    for (line, words) in AS_STRACE {
        let output = run(&mut plain(&ours, &line.split(' ').collect::<Vec<_>>()));
        let words = words.replace('?', "Try 'strace -h' for more information.\n");
        assert_eq!(output.stderr, format!("strace: {words}"), "{line}");
        assert_eq!((output.code(), output.stdout.as_str()), (1, ""), "{line}");
    }
    // What strace takes is taken.
    for line in [
        "-e ?%nosuch",
        "-e trace=open,,read,",
        "-e !!open",
        "-e trace=all@64",
        "-e signal=INT,",
        "-e quiet=attach,",
        "-e read=9,",
        "--sil --fail",
        "--daemonized=grandchild -o /dev/null",
        "-Y --pid",
    ] {
        let words: Vec<&str> = line
            .split(' ')
            .chain(["-e", "trace=none", "true"])
            .collect();
        let output = run(&mut plain(&ours, &words));
        assert_eq!(output.code(), 0, "{line}: {output:?}");
        assert!(!output.stderr.contains("strace: "), "{line}: {output:?}");
    }
    let output = run(&mut plain(
        &ours,
        &["-c", "-yy", "-T", "-t", "-N", "-n", "-k", "-i", "true"],
    ));
    let told: Vec<&str> = output
        .stderr
        .lines()
        .filter_map(|line| line.strip_suffix(" has no effect with -c/--summary-only"))
        .collect();
    assert_eq!(
        told,
        [
            "strace: -i/--instruction-pointer",
            "strace: -k/--stack-trace",
            "strace: -n/--syscall-number",
            "strace: -N/--arg-names",
            "strace: -t/--absolute-timestamps",
            "strace: -T/--syscall-times",
            "strace: -y/--decode-fds",
        ]
    );
}

/// Without its reader strace goes on to the end of the command and ends as it; without standard error it dies.
#[test]
fn a_reader_of_strace_that_goes_away() {
    let _machine = shared();
    let dir = TempDir::new();
    let ours = as_strace(&dir);
    let script = "i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done; exit 5";
    let output = run(&mut plain(
        &ours,
        &["-f", "-o", "|head -n 1", "sh", "-c", script],
    ));
    assert_eq!(output.code(), 5, "{output:?}");
    assert_eq!(output.stderr, "strace: |head -n 1: Broken pipe\n");
    assert!(output.stdout.contains("execve(\"/"), "{output:?}");
    let output = run(&mut plain(
        &ours,
        &["-o", "/dev/full", "sh", "-c", "exit 5"],
    ));
    assert_eq!(output.code(), 5, "{output:?}");
    assert_eq!(
        output.stderr,
        "strace: /dev/full: No space left on device\n"
    );
    let file = dir.file("status");
    let outer = "{ \"$0\" -f sh -c \"$1\"; echo $? >\"$2\"; } 2>&1 | head -n 1";
    run(Command::new("sh").args(["-c", outer, &ours, script, &file]));
    let status = std::fs::read_to_string(&file).unwrap();
    assert_eq!(
        status.trim().parse::<i32>(),
        Ok(128 + libc::SIGPIPE),
        "{status}"
    );
}

/// Values may stand beside short flags, and flags together, as in strace.
#[test]
fn short_flags_in_every_spelling() {
    let _machine = shared();
    for line in [
        &["-fs5", "-o/dev/null", "true"][..],
        &["-fo", "/dev/null", "-s5", "true"],
        &["-etrace=read", "-o", "/dev/null", "true"],
        &["-fqttT", "-s", "5", "-o", "/dev/null", "--", "true"],
        &["-o", "/dev/null", "env", "-i", "true"],
    ] {
        let output = run(&mut tracer(line));
        assert_eq!((output.code(), output.stderr.as_str()), (0, ""), "{line:?}");
    }
    let own = std::process::id();
    let output = run(Command::new("timeout").args([
        "-s",
        "INT",
        "4",
        BIN,
        &format!("-p{own}"),
        "-o/dev/null",
    ]));
    assert!(output.stderr.contains("attached"), "{output:?}");
}

#[test]
fn cgroups_that_are_none() {
    let _machine = shared();
    for path in ["/no/such/cgroup", "/tmp"] {
        assert_refused(&run(&mut tracer(&["--cgroup", path])), 1, &[path]);
    }
}
