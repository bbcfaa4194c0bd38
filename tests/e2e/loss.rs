//! Nothing is lost at full speed, and when something is, the account of it is exact.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader},
};

use regex::Regex;

use strace_ebpf::{kernel::raw_tracepoints_are_preemptible, probes::attach::Hook};

use crate::{
    harness::{Output, Running, TempDir, alone, example, run, slow, tracer},
    hooks,
    rows::Row,
};

/// So many calls, or as many as a slow machine makes in the same time.
fn fewer(calls: u64) -> u64 {
    calls / u64::from(slow())
}

/// The same for what has to fill the tracer's queue of lines first, 16 MiB.
fn many(calls: u64) -> u64 {
    fewer(calls).max(150_000)
}

/// What a trace says, read once from start to end: it may have millions of lines.
#[derive(Default)]
struct Tally {
    getppid: u64,
    /// Rows other than `+lost`.
    rows: u64,
    /// Sum of the `+lost` rows, and how many there are.
    lost: u64,
    gaps: u64,
    durations: Vec<u64>,
    /// Rows that begin before the row before them of the same thread, or end before any row before.
    thread_disorder: u64,
    end_disorder: u64,
    /// The longest step back in end times.
    worst_ns: u64,
}

#[track_caller]
fn tally(file: &str) -> Tally {
    let mut tally = Tally::default();
    let (mut threads, mut last_end) = (BTreeMap::<u32, u64>::new(), 0);
    let mut lines = BufReader::with_capacity(1 << 20, File::open(file).unwrap());
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        let row = Row::parse(line.strip_suffix('\n').expect("a whole line"));
        if row.name == "+lost" {
            tally.lost += row.ret() as u64;
            tally.gaps += 1;
            check_gap(&row);
        } else {
            tally.rows += 1;
            tally.end_disorder += u64::from(row.end_ns() < last_end);
            tally.worst_ns = tally.worst_ns.max(last_end.saturating_sub(row.end_ns()));
            last_end = last_end.max(row.end_ns());
        }
        if row.is_call() {
            let before = threads.insert(row.tid, row.time_ns);
            tally.thread_disorder += u64::from(before > Some(row.time_ns));
        }
        if row.name == "getppid" {
            tally.getppid += 1;
            tally.durations.extend(row.dur);
        }
        line.clear();
    }
    tally.durations.sort_unstable();
    tally
}

/// `+lost COUNT - DUR cpu=N FROM TO`
#[track_caller]
fn check_gap(row: &Row<'_>) {
    assert!(row.ret() > 0, "{row:?}");
    let [cpu, from, to] = row.args[..] else {
        panic!("{row:?}");
    };
    let cpu: u32 = cpu.strip_prefix("cpu=").unwrap().parse().unwrap();
    assert!(cpu < 4096, "{row:?}");
    let time = |text| crate::rows::nanoseconds(text).unwrap_or_else(|| panic!("{row:?}"));
    assert!(time(from) <= time(to), "{row:?}");
}

/// Traces `calls` into FILE with these options.
fn trace_calls(options: &[&str], threads: u64, calls: u64) -> (Output, Tally) {
    let dir = TempDir::new();
    let file = dir.file("trace");
    let output = run(tracer(options)
        .args(["-o", &file, "--", &example("calls")])
        .args([
            "--threads",
            &threads.to_string(),
            "--calls",
            &calls.to_string(),
        ]));
    (output, tally(&file))
}

#[track_caller]
fn assert_complete(what: &str, output: &Output, tally: &Tally, calls: u64) {
    assert_eq!(output.code(), 0, "{what}: {output:?}");
    assert_eq!(output.stderr, "", "{what}");
    assert_eq!(output.number("calls getppid"), calls, "{what}");
    assert_eq!(tally.gaps, 0, "{what}: +lost");
    assert_eq!(tally.getppid, calls, "{what}");
    let begun = tally.durations.len() as u64;
    assert_eq!(begun, calls, "{what}: calls whose start was seen");
    // The window is bounded: where the host takes a CPU away between the reading of the clock and
    // the sending for longer than it is, that one record comes late (docs/design.md). Emulated
    // processors take turns, of many milliseconds each.
    let (late, late_of_thread) = if slow() > 1 {
        (calls / 1000, calls / 10_000)
    } else {
        (calls / 100_000, 0)
    };
    assert!(
        tally.thread_disorder <= late_of_thread,
        "{what}: {} calls of a thread out of order",
        tally.thread_disorder
    );
    assert!(
        tally.end_disorder <= late,
        "{what}: {} lines not in the order in which calls end, by {} ns at most",
        tally.end_disorder,
        tally.worst_ns
    );
    let (first, last) = (
        tally.durations[0],
        tally.durations[tally.durations.len() - 1],
    );
    assert!(
        first > 0 && last < 10_000_000_000 * u64::from(slow()),
        "{what}: {first} to {last} ns"
    );
    let median = tally.durations[tally.durations.len() / 2];
    assert!(
        median < 100_000 * u64::from(slow()),
        "{what}: median {median} ns"
    );
}

#[test]
fn four_million_calls_of_four_threads_all_arrive() {
    let _machine = alone();
    let (output, tally) = trace_calls(&["--strict"], 4, fewer(1_000_000));
    let (what, calls) = ("default options", 4 * fewer(1_000_000));
    // An emulated processor writes lines more slowly than its programs make calls: there the account has to be exact.
    if slow() > 1 && output.code() == 3 {
        assert_books_balance(what, &output, &tally, calls);
        return;
    }
    assert_complete(what, &output, &tally, calls);
}

#[test]
fn every_hook_and_transport_delivers_every_call() {
    let _machine = alone();
    let preemptible = raw_tracepoints_are_preemptible();
    let hooks = hooks::usable();
    // Raw tracepoints miss events where they run preemptibly; kretprobes have so many places and no more.
    let complete = hooks.iter().filter(|usable| match usable.hook {
        Hook::TpBtf | Hook::RawTracepoint => !preemptible,
        Hook::Kretprobe => false,
        _ => true,
    });
    for hook in complete {
        for transport in hooks::transports() {
            let trace = ["-e", "getppid", "-q", "--strict"];
            let options = ["--attach", hook.name, "--transport", transport];
            let options = [trace, options].concat();
            let (output, tally) = trace_calls(&options, 4, fewer(100_000));
            assert_complete(&format!("{options:?}"), &output, &tally, 4 * fewer(100_000));
        }
    }
}

/// Eight threads at full speed, more than there are CPUs: with every hook, what is not there has been told.
#[test]
fn whatever_hook_is_forced_no_event_is_missing_untold() {
    let _machine = alone();
    let calls = 8 * fewer(50_000);
    for usable in hooks::usable() {
        let options = ["-e", "getppid", "-q", "--attach", usable.name];
        let (output, tally) = trace_calls(&options, 8, calls / 8);
        assert_eq!(output.code(), 0, "{output:?}");
        let told = told_as_missing(&output.stderr);
        let what = usable.name;
        println!(
            "{what}: {} of {calls} arrived, {told} told as missing",
            tally.getppid
        );
        assert!(tally.getppid <= calls, "{what}");
        assert!(tally.getppid + told >= calls, "{what}: {output:?}");
        if output.stderr.is_empty() {
            assert_eq!(tally.getppid, calls, "{what}");
        }
        let auto = if raw_tracepoints_are_preemptible() {
            Hook::Tracepoint
        } else {
            Hook::TpBtf
        };
        if usable.hook == auto {
            assert_eq!(
                tally.getppid, calls,
                "{what} is what auto takes: {output:?}"
            );
        }
    }
}

/// Sum of what the messages say is lost, in whatever way.
fn told_as_missing(stderr: &str) -> u64 {
    let forms = [
        r"(\d+) events lost: ",
        r"the kernel skipped (\d+) runs",
        r"(\d+) calls returned unseen",
    ];
    let number = |form: &str| -> u64 {
        let found = Regex::new(form).unwrap().captures(stderr);
        found.map_or(0, |found| found[1].parse().unwrap())
    };
    forms.into_iter().map(number).sum()
}

/// More threads in a call than a kretprobe has places: every return that it misses is told.
#[test]
fn returns_that_a_kretprobe_misses_are_counted() {
    let _machine = alone();
    let usable = hooks::usable();
    if !usable.iter().any(|usable| usable.hook == Hook::Kretprobe) {
        println!("skipped: this kernel has no kprobes");
        return;
    }
    let dir = TempDir::new();
    let file = dir.file("trace");
    let options = ["-q", "--attach", "kretprobe", "-e", "nanosleep,exit"];
    let threads = 200;
    let output = run(tracer(&options)
        .args([
            "-o",
            &file,
            "--",
            &example("blocked"),
            "--call",
            "nanosleep",
        ])
        .args(["--ms", "1000", "--threads", "200"]));
    assert_eq!(output.code(), 0, "{output:?}");
    let trace = std::fs::read_to_string(&file).unwrap();
    let sleeps = trace.lines().filter(|line| line.contains("\tnanosleep\t"));
    let (seen, told) = (sleeps.count() as u64, told_as_missing(&output.stderr));
    println!("{seen} of {threads} returns seen, {told} told as missed");
    // Each thread goes on to its exit, where the missing return is noticed.
    assert_eq!(seen + told, threads, "{output:?}");
}

/// The totals on standard error: lost, seen, delivered.
#[track_caller]
fn totals(output: &Output) -> [u64; 3] {
    let form = r"^strace-ebpf: (\d+) events lost: (\d+) seen, (\d+) delivered";
    let form = Regex::new(form).unwrap();
    let mut lines = output.stderr.lines().filter(|line| sparse(line).is_none());
    let line = lines
        .next()
        .unwrap_or_else(|| panic!("no totals: {output:?}"));
    assert_eq!(lines.next(), None, "more than the totals: {output:?}");
    let found = form.captures(line).unwrap_or_else(|| panic!("{line}"));
    [1, 2, 3].map(|i| found[i].parse().unwrap())
}

/// How many calls are without their strings and buffers, if this line tells.
fn sparse(line: &str) -> Option<u64> {
    let form = r"^strace-ebpf: (\d+) calls are shown without their strings and buffers";
    Regex::new(form).unwrap().captures(line)?[1].parse().ok()
}

/// seen = delivered + lost, the gaps in the stream add up to the total, and the calls that are not
/// there are among the lost.
#[track_caller]
fn assert_books_balance(what: &str, output: &Output, tally: &Tally, calls: u64) {
    let [lost, seen, delivered] = totals(output);
    assert_eq!(seen, delivered + lost, "{what}: {output:?}");
    assert!(lost > 0, "{what}: nothing was lost, the test is too weak");
    assert_eq!(tally.lost, lost, "{what}: +lost lines against the total");
    assert!(tally.gaps > 0, "{what}");
    assert!(
        tally.getppid + lost >= calls,
        "{what}: {} + {lost}",
        tally.getppid
    );
    assert!(tally.getppid < calls, "{what}");
    // Records that make no line are those of the entry of calls whose arguments are read there.
    let hidden = delivered.checked_sub(tally.rows);
    let hidden =
        hidden.unwrap_or_else(|| panic!("{what}: {} rows, {delivered} delivered", tally.rows));
    assert!(hidden < 2000, "{what}: {hidden} records without a line");
    // As in `assert_complete`; the fuller the buffers the shorter the window.
    let late = calls / 1000;
    assert!(
        tally.end_disorder <= late,
        "{what}: {} lines out of order, by {} ns at most",
        tally.end_disorder,
        tally.worst_ns
    );
}

#[test]
fn a_tiny_buffer_loses_events_and_accounts_for_each() {
    let _machine = alone();
    let transports = hooks::transports();
    let rounds = if slow() > 1 { 3 } else { 9 };
    for round in 0..rounds {
        let transport = transports[round % transports.len()];
        let threads = 2 + round as u64 % 3;
        let options = ["--buffer-size", "4K", "--transport", transport];
        let (output, tally) = trace_calls(&options, threads, 50_000);
        assert_eq!(output.code(), 0, "{output:?}");
        let what = format!("round {round}, {transport}, {threads} threads");
        assert_books_balance(&what, &output, &tally, threads * 50_000);
    }
}

#[test]
fn a_slow_reader_loses_events_and_accounts_for_each() {
    let _machine = alone();
    for transport in hooks::transports() {
        let dir = TempDir::new();
        let file = dir.file("trace");
        let sink = format!("|sleep 2; cat >'{file}'");
        let options = [
            "--buffer-size",
            "64K",
            "--transport",
            transport,
            "-o",
            &sink,
            "--",
        ];
        let mut command = tracer(&options);
        let calls = many(400_000);
        command.args([
            &example("calls"),
            "--threads",
            "3",
            "--calls",
            &calls.to_string(),
        ]);
        let output = run(&mut command);
        assert_eq!(output.code(), 0, "{output:?}");
        assert_books_balance(transport, &output, &tally(&file), 3 * calls);
    }
}

/// With little room left the calls go on arriving without their strings, and are told.
#[test]
fn copies_are_left_out_before_calls_are_lost() {
    let _machine = alone();
    for transport in hooks::transports() {
        // It does not tell how full it is.
        if transport == "perf" {
            continue;
        }
        let dir = TempDir::new();
        let file = dir.file("trace");
        let sink = format!("|sleep 2; cat >'{file}'");
        let mut command = tracer(&["--buffer-size", "64K", "--transport", transport]);
        command.args(["-e", "access", "-o", &sink, "--", &example("calls")]);
        let output = run(command.args(["--call", "access", "--calls", &many(400_000).to_string()]));
        assert_eq!(output.code(), 0, "{output:?}");
        let told: Vec<u64> = output.stderr.lines().filter_map(sparse).collect();
        let trace = std::fs::read_to_string(&file).unwrap();
        let rows = trace
            .lines()
            .map(Row::parse)
            .filter(|row| row.name == "access");
        let (mut pointers, mut strings) = (0, 0);
        for row in rows {
            match row.args[0].as_bytes()[0] {
                b'"' => strings += 1,
                b'0' => pointers += 1,
                _ => panic!("{row:?}"),
            }
        }
        assert!(strings > 0 && pointers > 0, "{strings}, {pointers}");
        assert_eq!(told, [pointers], "{transport}: {output:?}");
    }
}

#[test]
fn strict_makes_loss_an_exit_status() {
    let _machine = alone();
    let (output, _) = trace_calls(&["--strict", "--buffer-size", "4K"], 3, 50_000);
    assert_eq!(output.code(), 3, "{output:?}");
    totals(&output);
    let (output, _) = trace_calls(&["--strict"], 1, 1000);
    assert_eq!(output.code(), 0, "{output:?}");
    // The command's own failure is still there when nothing was lost.
    let output = run(tracer(&["--strict", "-o", "/dev/null", "--"]).args(["sh", "-c", "exit 7"]));
    assert_eq!(output.code(), 7, "{output:?}");
}

#[test]
fn quiet_twice_says_nothing_about_loss_but_strict_still_tells() {
    let _machine = alone();
    let (output, tally) = trace_calls(&["-qq", "--strict", "--buffer-size", "4K"], 3, 50_000);
    assert_eq!(output.code(), 3, "{output:?}");
    assert_eq!(output.stderr, "");
    assert!(tally.lost > 0);
}

/// A process that makes calls at full speed is not held up by a reader that reads nothing.
#[test]
fn a_blocked_reader_does_not_block_the_traced_program() {
    let _machine = alone();
    let (calls, patience) = (many(400_000), 6 * slow().min(4));
    let sink = format!("|sleep {patience}");
    let mut tracer = Running::start(tracer(&["--buffer-size", "64K", "-o", &sink, "--"]).args([
        &example("calls"),
        "--threads",
        "2",
        "--calls",
        &calls.to_string(),
    ]));
    // Its report comes at its end, long before the reader's.
    tracer.stdout_line(&format!("calls getppid {}", 2 * calls));
    assert!(!tracer.has_ended(), "the output was not waited for");
    assert_eq!(tracer.wait().code(), 0);
}
