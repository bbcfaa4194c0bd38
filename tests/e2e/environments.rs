//! Where something is missing or forbidden: each time the exact message or a whole trace, and
//! `--check` says beforehand which of the two it will be.

use std::process::Command;

use strace_ebpf::kernel::{Facts, Version};

use crate::{
    errors::assert_refused,
    harness::{BIN, Output, TempDir, run, shared, tracer},
    programs,
    rows::{Row, named},
    scope::Cgroup,
};

const TRANSPORTS: [&str; 4] = ["auto", "mapped", "ringbuf", "perf"];
const HOOKS: [&str; 4] = ["auto", "tp-btf", "raw-tracepoint", "tracepoint"];

/// A row of `--check`: whether it is good, and what it says.
#[track_caller]
fn checked<'a>(check: &'a Output, feature: &str) -> (bool, &'a str) {
    let row = check.stdout.lines().find_map(|line| {
        let mut fields = line.split('\t');
        (fields.next() == Some(feature)).then(|| (fields.next(), fields.next()))
    });
    let Some((Some(mark), Some(says))) = row else {
        panic!("no row {feature}: {check:?}");
    };
    (mark == "yes", says)
}

/// The script's `check` and `trace` in a mount namespace of its own, after `prepare`.
fn in_private(prepare: &str, options: &str) -> (Output, Output, String) {
    let dir = TempDir::new();
    let file = dir.file("trace");
    let sh = |command: String| {
        let script = format!("{prepare}\n{command}");
        run(Command::new("unshare").args(["-m", "sh", "-c", &script]))
    };
    let check = sh(format!("exec {BIN} --check {options}"));
    let traced = sh(format!(
        "exec {BIN} {options} -f -o {file} -- sh -c '/bin/true; exit 3'"
    ));
    let trace = std::fs::read_to_string(&file).unwrap_or_default();
    (check, traced, trace)
}

/// What was traced is whole, or was refused in one line with these words, as `--check` said.
#[track_caller]
fn as_checked(what: &str, check: &Output, traced: &Output, trace: &str, refusal: &[&str]) {
    let able = checked(check, "hook").0 && checked(check, "transport").0;
    assert_eq!(check.code(), i32::from(!able), "{what}: {check:?}");
    if able {
        assert_eq!(traced.code(), 3, "{what}: {traced:?}");
        let hook = checked(check, "hook").1.replace('_', "-");
        if checked(check, &format!("attach {hook}"))
            .1
            .contains("misses events")
        {
            let told = traced.stderr.lines();
            let told = told.filter(|line| !line.contains("the kernel skipped"));
            assert_eq!(told.count(), 0, "{what}: {traced:?}");
            if !traced.stderr.is_empty() {
                return;
            }
        }
        assert_eq!(traced.stderr, "", "{what}");
        let rows: Vec<Row> = trace.lines().map(Row::parse).collect();
        assert_eq!(named(&rows, "+exit").len(), 2, "{what}\n{trace}");
        let programs: Vec<&str> = named(&rows, "execve")
            .iter()
            .map(|row| row.args[0])
            .collect();
        assert_eq!(programs.last(), Some(&"\"/bin/true\""), "{what}\n{trace}");
    } else {
        assert_eq!(traced.code(), 1, "{what}: {traced:?}");
        assert_eq!(traced.stderr.lines().count(), 1, "{what}: {traced:?}");
        for word in refusal {
            assert!(traced.stderr.contains(word), "{what}: {traced:?}");
        }
        let (good, says) = checked(check, "hook");
        if !good {
            assert!(traced.stderr.contains(says), "{what}: {check:?} {traced:?}");
        }
    }
    programs::assert_none_left();
}

/// Every hook with every transport: `--check` says whether it works, and it is so.
#[test]
fn check_tells_the_truth_about_each_hook_and_transport() {
    let _machine = shared();
    for (hook, transport) in HOOKS
        .iter()
        .flat_map(|hook| TRANSPORTS.map(|transport| (*hook, transport)))
        .filter(|(hook, transport)| *hook == "auto" || *transport == "auto")
    {
        let options = format!("--attach {hook} --transport {transport}");
        let (check, traced, trace) = in_private("", &options);
        as_checked(&options, &check, &traced, &trace, &[]);
    }
}

/// The kernel's types hidden: raw tracepoints and a survey do without, where they are complete.
#[test]
fn without_btf() {
    let _machine = shared();
    let hide = "mount -t tmpfs none /sys/kernel/btf || exit 99";
    for transport in TRANSPORTS {
        let options = format!("--transport {transport}");
        let (check, traced, trace) = in_private(hide, &options);
        let (there, says) = checked(&check, "BTF");
        assert!(
            !there && says.contains("/sys/kernel/btf/vmlinux"),
            "{check:?}"
        );
        as_checked(&options, &check, &traced, &trace, &[]);
        if transport == "auto" {
            let hook = if checked(&check, "raw tracepoints complete").0 {
                "raw_tracepoint"
            } else {
                "tracepoint"
            };
            assert_eq!(checked(&check, "hook"), (true, hook), "{check:?}");
        }
    }
    // The kernel has its types still: it is only we who do not see them.
    let facts = Facts::gather().unwrap();
    if facts.version >= Version(5, 15) {
        let (check, traced, trace) = in_private(hide, "--attach tracepoint");
        assert_eq!(checked(&check, "hook"), (true, "tracepoint"), "{check:?}");
        as_checked("tracepoint", &check, &traced, &trace, &[]);
    }
    // Typed tracepoints cannot be had so.
    let (check, traced, trace) = in_private(hide, "--attach tp-btf");
    assert!(!checked(&check, "hook").0, "{check:?}");
    as_checked(
        "tp-btf",
        &check,
        &traced,
        &trace,
        &["/sys/kernel/btf/vmlinux"],
    );
}

/// Classic tracepoints without tracefs: it is mounted where nobody else sees it.
#[test]
fn without_tracefs() {
    let _machine = shared();
    let gone = "for dir in /sys/kernel/tracing /sys/kernel/debug/tracing /sys/kernel/debug; do \
        while umount $dir 2>/dev/null; do :; done; done; ! grep -q tracefs /proc/mounts || exit 99";
    let (check, traced, trace) = in_private(gone, "--attach tracepoint");
    as_checked("no tracefs", &check, &traced, &trace, &["needs Linux 5.15"]);
    let mounts = run(Command::new("unshare").args([
        "-m",
        "sh",
        "-c",
        &format!("{gone}; {BIN} -o /dev/null -- true; cat /proc/mounts"),
    ]));
    assert!(!mounts.stdout.contains("tracefs"), "{mounts:?}");
}

/// The tracer in a cgroup of its own, and in a cgroup namespace.
#[test]
fn inside_a_cgroup() {
    let _machine = shared();
    let cgroup = Cgroup::new();
    let enter = format!("echo $$ >{}/child/cgroup.procs || exit 99", cgroup.path());
    for prepare in [
        enter.clone(),
        format!("{enter}; exec unshare -C sh -c \"$0\""),
    ] {
        let dir = TempDir::new();
        let file = dir.file("trace");
        let script = format!("{BIN} -f -o {file} -- sh -c '/bin/true; exit 3'");
        let mut command = Command::new("sh");
        let output = if prepare == enter {
            run(command.args(["-c", &format!("{enter}; {script}")]))
        } else {
            run(command.args(["-c", &prepare, &script]))
        };
        assert_eq!(
            (output.code(), output.stderr.as_str()),
            (3, ""),
            "{prepare}"
        );
        let trace = std::fs::read_to_string(&file).unwrap();
        let rows: Vec<Row> = trace.lines().map(Row::parse).collect();
        assert_eq!(named(&rows, "+exit").len(), 2, "{prepare}\n{trace}");
    }
}

/// Where the mode cannot be read, it is not said that there is none.
#[test]
fn lockdown_that_cannot_be_read() {
    let _machine = shared();
    let script = "umount -l /sys/kernel/security 2>/dev/null; mount -t tmpfs none /sys/kernel/security; \
                  exec setpriv --reuid 65534 --clear-groups --inh-caps=+bpf,+perfmon --ambient-caps=+bpf,+perfmon \"$0\" --check";
    let check = run(Command::new("unshare").args(["-m", "sh", "-c", script, BIN]));
    let (fine, says) = checked(&check, "lockdown");
    assert!(fine && says.starts_with("not known: "), "{check:?}");
}

/// Root of a user namespace has every capability, and none that counts here: the cause is named.
#[test]
fn root_of_a_user_namespace() {
    let _machine = shared();
    let inside = |options: &[&str]| run(Command::new("unshare").arg("-Ur").arg(BIN).args(options));
    let refused = inside(&["--", "/bin/true"]);
    assert_refused(&refused, 1, &["user namespace", "CAP_BPF", "CAP_PERFMON"]);
    let check = inside(&["--check"]);
    assert_eq!(check.code(), 1, "{check:?}");
    let (fine, says) = checked(&check, "privilege");
    assert!(!fine, "{check:?}");
    assert_eq!(refused.stderr, format!("strace-ebpf: {says}\n"));
}

/// Locked down for confidentiality the kernel lets no program read its memory: one line says so. `cargo xtask vm`
/// boots each guest once more for this test; elsewhere the mode must be named rightly, and not be in the way.
#[test]
fn lockdown() {
    let _machine = shared();
    let facts = Facts::gather().unwrap();
    let check = run(&mut tracer(&["--check"]));
    let (fine, says) = checked(&check, "lockdown");
    let expected = match facts.lockdown.as_str() {
        "" => "not built in",
        mode => mode,
    };
    assert_eq!(says, expected, "{check:?}");
    let locked = facts.lockdown.contains("[confidentiality]");
    assert_eq!(fine, !locked, "{check:?}");
    if std::env::var_os("STRACE_EBPF_TEST_LOCKDOWN").is_some() {
        assert!(locked, "{:?}", facts.lockdown);
    }
    for hook in HOOKS {
        let output = run(&mut tracer(&["--attach", hook, "--", "/bin/true"]));
        if locked {
            assert_eq!(
                (output.code(), output.stdout.as_str()),
                (1, ""),
                "{output:?}"
            );
            assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
            assert!(output.stderr.contains("locked down"), "{output:?}");
        } else if hook == "auto" {
            assert_eq!(
                (output.code(), output.stderr.as_str()),
                (0, ""),
                "{output:?}"
            );
        }
    }
    if locked {
        assert_eq!(check.code(), 1, "{check:?}");
        for row in HOOKS.iter().skip(1) {
            let (there, says) = checked(&check, &format!("attach {row}"));
            assert!(!there && says.contains("locked down"), "{row}: {check:?}");
        }
        assert!(!checked(&check, "hook").0, "{check:?}");
    }
    programs::assert_none_left();
}
