//! Every program of the object loads on this kernel, and through each hook and each transport a
//! record of every kind arrives.

use std::{collections::BTreeSet, ffi::OsString, process::Command};

use strace_ebpf::{
    cli::{self, Transport},
    kernel::Facts,
    plan::{Request, capture, detail::Details},
    probes::{self, Probes, Settings, attach::Hook},
    transport::{self, Merger},
};
use strace_ebpf_common::{
    config::TASK_TRACED,
    record::{
        Header, KIND_ENTER, KIND_EXEC, KIND_EXIT, KIND_FORK, KIND_SIGNAL, KIND_TASK_EXIT,
        read_fixed,
    },
};

use crate::{
    harness::{BIN, Running, example, run, shared, trace, tracer},
    programs,
    rows::named,
};

const BUFFER: u32 = 1 << 20;
const HOOKS: [Hook; 3] = [Hook::TpBtf, Hook::RawTracepoint, Hook::Tracepoint];

fn settings(hook: Hook, loop_helper: bool, transport: Transport, debug: bool) -> Settings {
    let facts = Facts::gather().unwrap();
    let line = ["strace-ebpf", "-f", "--", "true"].map(OsString::from);
    let request = Request::new(cli::parse(line).unwrap()).unwrap();
    let offsets = facts
        .offsets
        .as_ref()
        .copied()
        .expect("this kernel has BTF");
    Settings {
        config: request.config(&facts, offsets, transport, std::process::id()),
        hook,
        loop_helper,
        buffer_bytes: BUFFER,
        cpus: facts.cpus,
        pid_max: facts.pid_max,
        plans: capture::compile_all(
            &request.qualifiers.trace,
            &request.limits,
            &Details::new(&request.qualifiers),
        ),
        cgroup: None,
        trace_types: facts.trace_types.clone(),
        slots: None,
        debug,
    }
}

/// Makes a call, sends this thread a signal that is ignored, has a child that executes something.
fn one_of_each() {
    // SAFETY: no pointers; the default of SIGURG is to do nothing.
    unsafe {
        libc::syscall(libc::SYS_getppid);
        libc::syscall(
            libc::SYS_tgkill,
            libc::getpid(),
            libc::gettid(),
            libc::SIGURG,
        );
    }
    assert!(Command::new("/bin/true").status().unwrap().success());
}

#[test]
fn every_program_loads_and_every_kind_of_record_arrives() {
    let _machine = shared();
    for (hook, loop_helper, transport, debug) in HOOKS.into_iter().flat_map(|hook| {
        [
            (hook, true, Transport::Ringbuf, false),
            (hook, true, Transport::Mapped, false),
            (hook, false, Transport::Mapped, false),
            (hook, true, Transport::Perf, false),
            (hook, false, Transport::Ringbuf, false),
            (hook, false, Transport::Perf, false),
            (hook, true, Transport::Ringbuf, true),
        ]
    }) {
        let what = format!("{hook:?}, bpf_loop {loop_helper}, {transport:?}, debug {debug}");
        let settings = settings(hook, loop_helper, transport, debug);
        let (mut probes, outlets) =
            Probes::load(&settings).unwrap_or_else(|e| panic!("{what}: {e:#}"));
        let mut merger = Merger::new(
            transport::open(outlets, settings.cpus, BUFFER).unwrap(),
            settings.buffer_bytes,
        );
        probes.attach().unwrap_or_else(|e| panic!("{what}: {e:#}"));
        // SAFETY: no pointers.
        let tid = unsafe { libc::gettid() } as u32;
        probes.set_task(tid, TASK_TRACED).unwrap();
        one_of_each();
        probes.detach().unwrap();
        let (mut kinds, mut count) = (BTreeSet::new(), 0);
        while merger.finish(1 << 20, &mut |record| {
            let header = read_fixed::<Header>(record).expect("a whole header");
            kinds.insert(header.kind);
            count += 1;
        }) > 0
        {}
        let total = probes::total(&probes.counters().unwrap());
        assert_eq!((total.seen, total.dropped()), (count, 0), "{what}");
        let all = [
            KIND_EXIT,
            KIND_ENTER,
            KIND_FORK,
            KIND_EXEC,
            KIND_TASK_EXIT,
            KIND_SIGNAL,
        ];
        let missing: Vec<u16> = all
            .into_iter()
            .filter(|kind| !kinds.contains(kind))
            .collect();
        assert!(missing.is_empty(), "{what}: no record of kinds {missing:?}");
        drop(probes);
    }
}

/// Without BTF the fields' places are found by looking; with it both must say the same.
#[test]
fn every_hook_traces_a_command_alike() {
    let _machine = shared();
    let mut first: Option<Vec<String>> = None;
    for hook in ["tp-btf", "raw-tracepoint", "tracepoint"] {
        for transport in ["mapped", "ringbuf", "perf"] {
            let options = ["-f", "--attach", hook, "--transport", transport];
            let command = ["--", &example("forks"), "--children", "1"];
            let traced = trace(&[&options[..], &command].concat());
            assert_eq!(traced.output.code(), 0);
            let rows = traced.rows();
            let tracee = rows[0].pid;
            // Lines of the two processes come in any order, those of one in its own; SIGCHLD at any time.
            let lines = |of_child| {
                let rows = rows
                    .iter()
                    .filter(move |row| (row.pid != tracee) == of_child);
                let rows = rows.filter(|row| row.name != "+signal");
                rows.map(move |row| format!("{of_child} {} {}", row.name, row.errno))
            };
            let lines: Vec<String> = lines(false).chain(lines(true)).collect();
            match &first {
                Some(first) => assert_eq!(&lines, first, "{hook} {transport}"),
                None => first = Some(lines),
            }
        }
    }
}

/// `--check` is a table, and the hook it names is the one that is then used.
#[test]
fn check_says_what_will_be_used() {
    let _machine = shared();
    for (forced, name, suffix) in [
        ("auto", "tp_btf", "_btf"),
        ("tp-btf", "tp_btf", "_btf"),
        ("raw-tracepoint", "raw_tracepoint", "_raw"),
        ("tracepoint", "tracepoint", "_tp"),
    ] {
        let output = run(&mut tracer(&["--check", "--attach", forced]));
        assert_eq!((output.code(), output.stderr.as_str()), (0, ""), "{forced}");
        let rows: Vec<Vec<&str>> = output
            .stdout
            .lines()
            .map(|line| line.split('\t').collect())
            .collect();
        assert!(
            rows.len() >= 8 && rows.iter().all(|row| row.len() >= 3),
            "{output:?}"
        );
        assert!(
            rows.iter().all(|row| ["yes", "no"].contains(&row[1])),
            "{output:?}"
        );
        let hook = rows.iter().find(|row| row[0] == "hook").unwrap();
        assert_eq!(hook[2], name, "{forced}");
        assert!(rows.iter().any(|row| row[0] == "transport"));
        // What the tracer holds while its command runs: the shell asks for it.
        let script = "cat /proc/$PPID/fdinfo/* 2>/dev/null | grep prog_id: | sort -u; exit 0";
        let output = run(&mut tracer(&[
            "-o",
            "/dev/null",
            "--attach",
            forced,
            "--",
            "sh",
            "-c",
            script,
        ]));
        assert_eq!(output.code(), 0, "{output:?}");
        let held = output.stdout.lines().count();
        assert!(held >= 7, "{forced}: {held} programs: {output:?}");
        let used = used_by_a_trace(forced);
        let calls: Vec<&String> = used
            .iter()
            .filter(|name| name.starts_with("enter_") || name.starts_with("exit_"))
            .collect();
        assert_eq!(calls.len(), 2, "{forced}: {used:?}");
        assert!(
            calls.iter().all(|name| name.ends_with(suffix)),
            "{forced}: {used:?}"
        );
    }
}

/// Names of the programs that are loaded while a command is traced.
fn used_by_a_trace(attach: &str) -> Vec<String> {
    let mut command = Command::new(BIN);
    command.args([
        "-o",
        "/dev/null",
        "--attach",
        attach,
        "--",
        "sh",
        "-c",
        "echo ready; read x",
    ]);
    let mut tracer = Running::start_with_stdin(&mut command);
    tracer.stdout_line("ready");
    let loaded = programs::loaded();
    let process = format!("/proc/{}", tracer.pid());
    let ids: BTreeSet<u32> = programs::programs_of(process.as_ref())
        .into_iter()
        .collect();
    tracer.close_stdin();
    tracer.wait();
    ids.iter()
        .filter_map(|id| loaded.get(id).cloned())
        .collect()
}

#[test]
fn a_hook_by_name_is_taken_or_refused() {
    let _machine = shared();
    for later in ["kprobe", "fentry", "no-such-hook"] {
        let output = run(&mut tracer(&["--attach", later, "--", "true"]));
        assert_eq!(output.code(), 2, "{later}: {output:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{later}: {output:?}");
        assert!(output.stderr.contains(later), "{output:?}");
    }
    let traced = trace(&[
        "--attach",
        "raw-tracepoint",
        "--transport",
        "perf",
        "--",
        "/bin/true",
    ]);
    assert_eq!(named(&traced.rows(), "exit_group").len(), 1);
}
