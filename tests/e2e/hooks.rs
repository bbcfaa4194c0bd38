//! Every program of the object loads on this kernel, and through each hook and each transport a
//! record of every kind arrives.

use std::{collections::BTreeSet, ffi::OsString, path::Path, process::Command, time::Duration};

use strace_ebpf::{
    cli::{self, Attach, Transport},
    kernel::{
        self, Facts, Version,
        hooks::{Ask, Hooks},
        raw_tracepoints_are_preemptible,
    },
    plan::{Request, capture, detail::Details, functions, hook},
    probes::{
        self, Probes, Settings,
        attach::{Hook, Kernel},
        functions::Places,
    },
    sys,
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
    harness::{BIN, Output, Running, example, run, shared, trace, tracer},
    programs,
    rows::named,
};

const BUFFER: u32 = 1 << 20;

/// A hook as `--attach` calls it, and where it hangs on the kernel's functions.
pub struct Usable {
    pub hook: Hook,
    pub name: &'static str,
    pub places: Option<Places>,
}

impl Usable {
    /// Takes tens of seconds to attach to every call.
    fn is_slow(&self) -> bool {
        matches!(self.places, Some(Places::Single(..)))
    }
}

const BY_NAME: [(&str, Attach); 6] = [
    ("tp-btf", Attach::TpBtf),
    ("raw-tracepoint", Attach::RawTracepoint),
    ("tracepoint", Attach::Tracepoint),
    ("kprobe", Attach::Kprobe),
    ("kretprobe", Attach::Kretprobe),
    ("fentry", Attach::Fentry),
];

/// The transports of this kernel: mapped buffers need programs that nothing preempts.
pub fn transports() -> Vec<&'static str> {
    let mut transports = vec!["ringbuf", "perf"];
    if raw_tracepoints_are_preemptible() {
        println!("skipped: --transport mapped: this kernel preempts programs");
    } else {
        transports.push("mapped");
    }
    transports
}

/// The hooks on tracepoints that miss nothing on this kernel.
pub fn tracepoints() -> Vec<&'static str> {
    if raw_tracepoints_are_preemptible() {
        return vec!["tracepoint"];
    }
    let mut hooks = vec!["tp-btf", "raw-tracepoint"];
    if Facts::gather().unwrap().version >= Version(5, 15) {
        hooks.push("tracepoint");
    } else {
        println!("skipped: --attach tracepoint: this kernel is older than 5.15");
    }
    hooks
}

/// The hooks of this kernel; the others are named with the reason, and have to be those that it cannot have.
pub fn usable() -> Vec<Usable> {
    let facts = Facts::gather().unwrap();
    let preemptible = raw_tracepoints_are_preemptible();
    let hooks = Hooks::gather(Ask::Both);
    let mut usable = Vec::new();
    for (name, attach) in BY_NAME {
        let chosen = hook::choose_hook(attach, &facts, preemptible)
            .and_then(|hook| Ok((hook, hook::choose_places(hook, &hooks)?)));
        match chosen {
            Ok((hook, places)) => usable.push(Usable { hook, name, places }),
            Err(why) => {
                println!("skipped: --attach {name}: {why:?}");
                assert!(!must_have(name, &facts, preemptible), "{name}: {why:?}");
            }
        }
    }
    usable
}

/// What a kernel must be able to do, judged by other facts than the program does.
fn must_have(name: &str, facts: &Facts, preemptible: bool) -> bool {
    let kprobes = Path::new("/sys/bus/event_source/devices/kprobe").exists();
    let traceable = || sys::read_tracefs(c"available_filter_functions").unwrap_or_default();
    match name {
        "tp-btf" | "raw-tracepoint" => true,
        "tracepoint" => facts.version >= Version(5, 15),
        "fentry" => {
            let full = std::fs::read_to_string("/proc/cmdline")
                .unwrap()
                .contains("preempt=");
            let calls = || traceable().lines().any(|line| line == "x64_sys_call");
            facts.version >= Version(5, 17) && !preemptible && !full && kprobes && calls()
        }
        _ => kprobes,
    }
}

/// Few calls, for hooks that take a while per function.
const FEW: &str =
    "execve,getppid,tgkill,clone,clone3,vfork,fork,wait4,waitid,write,openat,exit_group";

fn settings(usable: &Usable, loop_helper: bool, transport: Transport, debug: bool) -> Settings {
    let facts = Facts::gather().unwrap();
    kernel::allow_locked_memory(facts.version).unwrap();
    let line = ["strace-ebpf", "-f", "-e", FEW, "--", "true"].map(OsString::from);
    let request = Request::new(cli::parse(line).unwrap()).unwrap();
    let offsets = facts
        .offsets
        .as_ref()
        .copied()
        .expect("this kernel has BTF");
    let plans = capture::compile_all(
        &request.qualifiers.trace,
        &request.limits,
        &Details::new(&request.qualifiers),
    );
    let places = usable.places.clone().map(|places| {
        let needed = places
            .functions_of_calls()
            .map(|all| functions::needed(all, &plans));
        match needed {
            Some(needed) => places.with(needed),
            None => places,
        }
    });
    let config = request.config(&facts, offsets, usable.hook, transport, std::process::id());
    let kernel = Kernel::of(&config, &facts, raw_tracepoints_are_preemptible());
    Settings {
        config,
        hook: usable.hook,
        kernel: Kernel {
            loop_helper,
            ..kernel
        },
        places,
        quiet: true,
        buffer_bytes: BUFFER,
        cpus: facts.cpus,
        pid_max: facts.pid_max,
        plans,
        cgroup: None,
        trace_types: facts.trace_types.clone(),
        slots: None,
        debug,
    }
}

/// The verifier gives up after a million instructions, and takes longer for more of them.
#[track_caller]
fn assert_easily_verified(what: &str) {
    let loaded = programs::loaded();
    for id in programs::programs_of("/proc/self".as_ref()) {
        let (Some(count), Some(name)) = (programs::verified(id), loaded.get(&id)) else {
            continue;
        };
        println!("{what}: {name}: {count} instructions verified");
        assert!(count < 50_000, "{what}: {name}: {count} instructions");
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
    let usable = usable();
    for (hook, loop_helper, transport, debug) in usable.iter().flat_map(|hook| {
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
        // What needs bpf_loop cannot be loaded without it; fentry has no build that does without.
        let has_loop = Facts::gather().unwrap().version >= Version(5, 17);
        if loop_helper && !has_loop || !loop_helper && hook.hook == Hook::Fentry {
            continue;
        }
        let what = format!(
            "{}, bpf_loop {loop_helper}, {transport:?}, debug {debug}",
            hook.name
        );
        let settings = settings(hook, loop_helper, transport, debug);
        let (mut probes, outlets) =
            Probes::load(&settings).unwrap_or_else(|e| panic!("{what}: {e:#}"));
        assert_easily_verified(&what);
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

/// Forced raw tracepoints where they run preemptibly may miss events, and say so.
fn misses_were_told(output: &Output) -> bool {
    raw_tracepoints_are_preemptible() && output.stderr.contains("the kernel skipped")
}

#[test]
fn every_hook_traces_a_command_alike() {
    let _machine = shared();
    let mut first: Option<Vec<String>> = None;
    let usable = usable();
    // One by one all functions would take minutes.
    let filter = if usable.iter().any(Usable::is_slow) {
        FEW
    } else {
        "all"
    };
    for Usable { name: hook, .. } in &usable {
        for transport in transports() {
            let options = ["-f", "-q", "-e", filter, "--attach", hook];
            let command = ["--", &example("forks"), "--children", "1"];
            let transport = ["--transport", transport];
            let traced = trace(&[&options[..], &transport, &command].concat());
            assert_eq!(traced.output.code(), 0);
            if misses_were_told(&traced.output) {
                continue;
            }
            assert_eq!(traced.output.stderr, "", "{hook}");
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
                Some(first) => assert_eq!(&lines, first, "{hook} {transport:?}"),
                None => first = Some(lines),
            }
        }
    }
}

/// What `--check` says of each hook is what then happens: it traces, or it is refused with that reason.
#[test]
fn check_tells_the_truth_about_every_hook() {
    let _machine = shared();
    let check = run(&mut tracer(&["--check"]));
    let read = |file| std::fs::read_to_string(file).unwrap();
    let full = read("/proc/cmdline").contains("preempt=full")
        && read("/proc/sys/kernel/version").contains("PREEMPT");
    if std::env::var_os("STRACE_EBPF_TEST_PREEMPT").is_some() {
        assert!(full, "this kernel cannot be made preemptible");
    }
    // Tracepoints that nothing preempts are complete still.
    let auto = if raw_tracepoints_are_preemptible() {
        "hook\tyes\ttracepoint\n"
    } else {
        "hook\tyes\ttp_btf\n"
    };
    assert!(check.stdout.contains(auto), "{check:?}");
    for (name, _) in BY_NAME {
        let row = check
            .stdout
            .lines()
            .map(|line| line.split('\t').collect::<Vec<_>>())
            .find(|row| row[0] == format!("attach {name}"))
            .unwrap_or_else(|| panic!("no row for {name}: {check:?}"));
        // Where a program may be preempted the kernel skips others.
        assert!(!(full && name == "fentry" && row[1] == "yes"), "{check:?}");
        let command = ["-q", "-e", FEW, "--attach", name, "--", "/bin/true"];
        match row[1] {
            "yes" => {
                let traced = trace(&command);
                assert_eq!(traced.output.code(), 0, "{row:?}: {:?}", traced.output);
                if misses_were_told(&traced.output) {
                    assert!(row[2].contains("misses"), "{row:?}");
                    continue;
                }
                assert_eq!(named(&traced.rows(), "exit_group").len(), 1, "{row:?}");
                assert_eq!(named(&traced.rows(), "execve").len(), 1, "{row:?}");
            }
            "no" => {
                let output = run(&mut tracer(&command));
                assert_eq!(output.code(), 1, "{row:?}: {output:?}");
                assert_eq!(output.stderr, format!("strace-ebpf: {}\n", row[2]));
            }
            other => panic!("{other}: {check:?}"),
        }
    }
}

/// Calls without a function of their own are named, and still shown.
#[test]
fn calls_that_no_kprobe_sees_are_named_at_start() {
    let _machine = shared();
    let usable = usable();
    let Some(kprobe) = usable.iter().find(|usable| usable.hook == Hook::Kprobe) else {
        println!("skipped: this kernel has no kprobes");
        return;
    };
    let options = ["-e", "trace=vserver,getppid", "--attach", "kprobe"];
    let told = |output: &Output| -> Vec<String> {
        let lines = output.stderr.lines();
        lines
            .filter(|line| line.contains("without a function"))
            .map(str::to_owned)
            .collect()
    };
    let command = &mut tracer(&[&options[..], &["-o", "/dev/null", "--", "/bin/true"]].concat());
    match kprobe.places {
        Some(Places::Dispatchers(..)) => {
            let output = run(command);
            assert_eq!((output.code(), output.stderr.as_str()), (0, ""));
        }
        Some(Places::Single(..)) => {
            // One by one it takes a minute, of which it tells; it can be interrupted.
            let mut slow = Running::start(command);
            slow.stderr_line("one by one");
            slow.signal(libc::SIGINT);
            let output = slow.wait_at_most(Duration::from_secs(20));
            assert_eq!(told(&output).len(), 1, "{output:?}");
            programs::assert_none_left();
        }
        _ => {
            let output = run(command);
            assert_eq!(output.code(), 0, "{output:?}");
            let told = told(&output);
            assert_eq!(told.len(), 1, "{output:?}");
            assert!(told[0].ends_with(": vserver"), "{told:?}");
        }
    }
}

/// `--check` is a table, and the hook it names is the one that is then used.
#[test]
fn check_says_what_will_be_used() {
    let _machine = shared();
    let auto = if raw_tracepoints_are_preemptible() {
        ("auto", "tracepoint", ["_tp", "_tp"])
    } else {
        ("auto", "tp_btf", ["_btf", "_btf"])
    };
    let usable = usable();
    let by_name = usable.iter().map(|Usable { hook, name, .. }| {
        let ends = match hook {
            Hook::TpBtf => ["_btf", "_btf"],
            Hook::RawTracepoint => ["_raw", "_raw"],
            Hook::Tracepoint => ["_tp", "_tp"],
            Hook::Kprobe => ["_kp", auto.2[0]],
            Hook::Kretprobe => ["_kp", "_krp"],
            Hook::Fentry => ["_fen", "_fex"],
        };
        (*name, hook.name(), ends)
    });
    for (forced, name, ends) in std::iter::once(auto).chain(by_name) {
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
            "-q",
            "-o",
            "/dev/null",
            "-e",
            FEW,
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
        // One of each; of typed ones on functions, one of each per function.
        let (enters, exits): (Vec<&String>, Vec<&String>) = calls
            .into_iter()
            .partition(|name| name.starts_with("enter_"));
        let plain = |name: &&String, end| name.trim_end_matches('0').ends_with(end);
        assert!(
            !enters.is_empty() && enters.len() == exits.len(),
            "{used:?}"
        );
        assert!(
            enters.iter().all(|name| plain(name, ends[0])),
            "{forced}: {used:?}"
        );
        assert!(
            exits.iter().all(|name| plain(name, ends[1])),
            "{forced}: {used:?}"
        );
    }
}

/// Names of the programs that are loaded while a command is traced.
fn used_by_a_trace(attach: &str) -> Vec<String> {
    let mut command = Command::new(BIN);
    command.args([
        "-q",
        "-o",
        "/dev/null",
        "-e",
        FEW,
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
    let output = run(&mut tracer(&["--attach", "no-such-hook", "--", "true"]));
    assert_eq!(output.code(), 2, "{output:?}");
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    assert!(output.stderr.contains("no-such-hook"), "{output:?}");
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
