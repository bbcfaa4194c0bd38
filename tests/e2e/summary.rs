//! The summary as strace prints it, and as tab-separated values: shape, counts, times.

use std::collections::BTreeMap;

use crate::{
    errors::assert_refused,
    harness::{TempDir, example, run, shared, tracer},
    hooks,
    oracle::as_strace,
    strace::plain,
};

/// A table of ours in the TSV format: cells by name of column.
pub struct Table(pub Vec<BTreeMap<String, String>>);

impl Table {
    /// Reads it from where its first line is.
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        let start = text.find('#').unwrap_or_else(|| panic!("no table: {text}"));
        let mut lines = text[start + 1..].lines();
        let names: Vec<&str> = lines.next().unwrap().split('\t').collect();
        let row = |line: &str| {
            let cells: Vec<&str> = line.split('\t').collect();
            assert_eq!(cells.len(), names.len(), "{line}");
            let pairs = names.iter().zip(cells);
            pairs
                .map(|(n, c)| ((*n).to_owned(), c.to_owned()))
                .collect()
        };
        Self(lines.map(row).collect())
    }

    /// A number in the only row of that call.
    #[track_caller]
    pub fn number(&self, syscall: &str, column: &str) -> u64 {
        let mut rows = self.0.iter().filter(|row| row["syscall"] == syscall);
        let row = rows.next().unwrap_or_else(|| panic!("no {syscall}"));
        assert!(rows.next().is_none(), "{syscall} twice");
        row[column]
            .parse()
            .unwrap_or_else(|e| panic!("{}: {e}", row[column]))
    }

    /// The sum of a column over the rows of that call.
    pub fn sum(&self, syscall: &str, column: &str) -> u64 {
        let rows = self.0.iter().filter(|row| row["syscall"] == syscall);
        rows.map(|row| row[column].parse::<u64>().unwrap()).sum()
    }
}

/// `strace-ebpf -c ARGS`, its table on standard output.
#[track_caller]
pub fn count(args: &[&str]) -> Table {
    let output = run(tracer(&["-c"]).args(args));
    assert!(output.status.code().is_some(), "{output:?}");
    Table::parse(&output.stdout)
}

/// Commands that make the same calls every time.
const COMMANDS: [&[&str]; 5] = [
    &["true"],
    &["ls", "-la", "/usr/share"],
    &["cat", "/etc/passwd", "/no/file"],
    &["sort", "/etc/passwd"],
    &["sh", "-c", "cat /etc/passwd >copy; ls /no/where; exit 3"],
];

/// The last table in what was written, and all before it.
fn table_of(text: &str) -> &str {
    let heading = |line: &&str| line.contains("syscall") && !line.contains('(');
    let first = text
        .lines()
        .find(heading)
        .unwrap_or_else(|| panic!("no table: {text}"));
    &text[text.find(first).unwrap()..]
}

/// Cells that are times replaced by `#`, everything else as it is: the shape of a table.
fn shape(table: &str) -> String {
    let mut lines = table.lines();
    let (heading, dashes) = (lines.next().unwrap(), lines.next().unwrap());
    let mut shape = format!("{heading}\n{dashes}\n");
    let mut spans = Vec::new();
    let mut at = 0;
    for column in dashes.split(' ') {
        let name = heading
            .get(at..(at + column.len()).min(heading.len()))
            .unwrap_or("");
        let kept = ["calls", "errors", "syscall", "abi"].contains(&name.trim());
        spans.push((at, column.len(), kept));
        at += column.len() + 1;
    }
    for line in lines {
        let cells = spans.iter().map(|(at, len, kept)| {
            let end = (at + len).min(line.len());
            if *kept || line.starts_with('-') {
                line[*at.min(&end)..end].to_owned()
            } else {
                "#".repeat(end - at)
            }
        });
        shape += &(cells.collect::<Vec<_>>().join(" ") + "\n");
    }
    shape
}

#[test]
fn tables_equal_those_of_strace() {
    let _machine = shared();
    let dir = TempDir::new();
    let ours = as_strace(&dir);
    let variants: [&[&str]; 10] = [
        &["-c", "-f", "-S", "name"],
        &["-c", "-f", "-S", "calls"],
        &["-c", "-w", "-f", "-S", "errors"],
        &["-C", "-f", "-S", "nothing"],
        &["-C", "-w", "-f", "-S", "name", "-e", "trace=%file"],
        &["-c", "-f", "-U", "name,calls,errors", "-S", "syscall"],
        &["-c", "-f", "-U", "calls", "-S", "count", "-z"],
        &[
            "-c",
            "-f",
            "-U",
            "errors,min-time,syscall,max_time,time",
            "-S",
            "name",
            "-Z",
        ],
        &["-c", "-f", "-O", "1s", "-S", "time"],
        &[
            "--summary-only",
            "--summary-wall-clock",
            "--follow-forks",
            "--summary-sort-by=name",
            "--summary-columns=name,avg-time,total-time",
            "--summary-syscall-overhead=3us",
        ],
    ];
    for command in COMMANDS {
        for variant in variants {
            let traced = |tracer: &str| {
                let file = dir.file("table");
                let mut args = vec!["-o", &file];
                args.extend(variant);
                args.extend(command);
                let output = run(plain(tracer, &args).current_dir(dir.path()));
                let text = std::fs::read_to_string(&file).unwrap();
                (output.code(), shape(table_of(&text)))
            };
            let mine = traced(&ours);
            // strace's own counts differ now and then: signals while it waits.
            let mut theirs = traced("strace");
            for _ in 0..3 {
                if theirs == mine {
                    break;
                }
                theirs = traced("strace");
            }
            assert_eq!(mine.1, theirs.1, "{variant:?} {command:?}");
            assert_eq!(mine.0, theirs.0, "{variant:?} {command:?}");
        }
    }
}

#[test]
fn compat_calls_have_a_table_of_their_own() {
    let _machine = shared();
    let dir = TempDir::new();
    let (ours, program) = (as_strace(&dir), example("int80"));
    let file = dir.file("table");
    let set = "trace=open,getpid,getuid32,write";
    let args = ["-o", &file, "-c", "-S", "name", "-e", set, &program];
    let table = |tracer: &str| {
        assert_eq!(run(&mut plain(tracer, &args)).code(), 0);
        std::fs::read_to_string(&file).unwrap()
    };
    let (mine, theirs) = (table(&ours), table("strace"));
    let part = "System call usage summary for 32 bit mode:\n";
    assert!(mine.contains(part) && theirs.contains(part), "{mine}");
    let tables = |text: &str| -> Vec<String> { text.split(part).map(shape).collect() };
    assert_eq!(tables(&mine), tables(&theirs));
    let table = count(&["-e", "getpid@32", &program]);
    assert_eq!(table.0.len(), 1);
    assert_eq!(table.0[0]["abi"], "i386");
    assert_eq!(table.number("getpid", "calls"), 10);
}

#[test]
fn counts_are_exact_with_threads() {
    let _machine = shared();
    let (program, hooks) = (example("calls"), hooks::tracepoints());
    for (options, kind) in [
        (&[][..], "getppid"),
        (&["-w"], "access"),
        (&["--attach", "tracepoint"], "getppid"),
        (&["--attach", "raw-tracepoint", "-w"], "write64"),
        (&["--by", "comm"], "getppid"),
    ] {
        let forced = options.iter().skip_while(|word| **word != "--attach");
        if forced.skip(1).take(1).any(|hook| !hooks.contains(hook)) {
            continue;
        }
        let name = if kind == "write64" { "write" } else { kind };
        let set = format!("trace={name}");
        let mut args = vec!["-o", "-", "-e", &set];
        args.extend(options);
        args.extend([
            "--",
            &program,
            "--threads",
            "4",
            "--calls",
            "25000",
            "--call",
            kind,
        ]);
        let table = count(&args);
        // The report itself is one more write, and the loader looks for a file that is not there.
        let own = u64::from(name == "write" || name == "access");
        assert_eq!(table.sum(name, "calls"), 100_000 + own, "{options:?}");
        let errors = if kind == "access" { 100_001 } else { 0 };
        assert_eq!(table.sum(name, "errors"), errors, "{options:?}");
        assert_eq!(table.0.len(), 1, "{options:?}");
    }
}

#[test]
fn columns_of_a_row_agree() {
    let _machine = shared();
    let program = example("calls");
    let table = count(&["-w", "--", &program, "--threads", "2", "--call", "mixed"]);
    for row in &table.0 {
        let number = |name: &str| {
            row[name]
                .parse::<u64>()
                .unwrap_or_else(|_| panic!("{name}: {row:?}"))
        };
        let order = ["min", "p50", "p90", "p99", "p99.9", "max"].map(number);
        assert!(order.is_sorted(), "{row:?}");
        assert_eq!(number("avg"), number("total") / number("calls"), "{row:?}");
        assert!(number("avg") >= number("min") && number("avg") <= number("max"));
    }
    let totals: Vec<u64> = table
        .0
        .iter()
        .map(|row| row["total"].parse().unwrap())
        .collect();
    assert!(totals.iter().rev().is_sorted(), "by time: {totals:?}");
}

/// Sleeps of two milliseconds each: their length is there with `-w` and is no CPU time.
#[test]
fn percentiles_of_sleeps() {
    let _machine = shared();
    let script = "select undef, undef, undef, 0.002 for 1..60";
    let run = |options: &[&str]| {
        let mut args = options.to_vec();
        args.extend(["-e", "pselect6,select", "--", "perl", "-e", script]);
        count(&args)
    };
    let wall = run(&["-w"]);
    let name = wall.0[0]["syscall"].clone();
    let of = |column: &str| wall.number(&name, column);
    assert_eq!(of("calls"), 60);
    assert!(
        of("min") >= 2_000_000 && of("p50") < 10_000_000,
        "{:?}",
        wall.0
    );
    assert!(of("total") >= 120_000_000);
    let cpu = run(&[]);
    assert_eq!(cpu.number(&name, "calls"), 60);
    assert!(cpu.number(&name, "p50") < 500_000, "{:?}", cpu.0);
    assert!(cpu.number(&name, "total") < 60_000_000, "{:?}", cpu.0);
}

/// A call that computes: CPU time is there without `-w`, and no more than the time that passed.
#[test]
fn work_in_a_call_is_cpu_time() {
    let _machine = shared();
    let start = std::time::Instant::now();
    let args = [
        "-e",
        "read",
        "--",
        "dd",
        "if=/dev/urandom",
        "of=/dev/null",
        "bs=8M",
        "count=4",
    ];
    let table = count(&args);
    let elapsed = start.elapsed().as_nanos();
    let longest = table.number("read", "max");
    assert!(longest > 2_000_000, "{:?}", table.0);
    assert!(u128::from(table.number("read", "total")) < elapsed);
}

#[test]
fn overhead_is_taken_off_each_call() {
    let _machine = shared();
    let program = example("calls");
    let run = |overhead: &str| {
        count(&[
            "-w", "-O", overhead, "-e", "getppid", "--", &program, "--calls", "5000",
        ])
    };
    let all = run("1s");
    let of = |column: &str| all.number("getppid", column);
    assert_eq!((of("calls"), of("total"), of("max")), (5000, 0, 0));
    assert!(run("0").number("getppid", "min") > 30);
}

#[test]
fn orders_and_columns() {
    let _machine = shared();
    let first = |order: &str| {
        let table = count(&[
            "-S",
            order,
            "-U",
            "name,calls,errors,time,p99",
            "--",
            "ls",
            "/no/where",
        ]);
        let header = table.0[0].keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(header, "calls errors p99 percent syscall");
        table.0[0]["syscall"].clone()
    };
    assert_eq!(first("name"), "access");
    assert_eq!(first("nothing"), "read");
    assert_eq!(first("errors"), "openat");
    assert_eq!(first("time"), "execve");
    let only = run(&mut tracer(&["-c", "-U", "calls", "-e", "getppid", "true"]));
    assert_eq!(only.stdout, "#calls\tsyscall\n");
}

#[test]
fn bad_options_are_one_line() {
    let _machine = shared();
    for (line, words) in [
        (&["-c", "-S", "size", "true"][..], &["sortby", "size"][..]),
        (&["-c", "-U", "calls,size", "true"], &["column", "size"]),
        (&["-c", "-U", "calls,calls", "true"], &["more than once"]),
        (&["-c", "-O", "5x", "true"], &["-O", "5x"]),
        (&["-c", "-O", "-1", "true"], &["-O", "-1"]),
        (&["-c", "-C", "true"], &["mutually exclusive"]),
        (&["-c", "-ff", "true"], &["-ff", "mutually exclusive"]),
        (&["-w", "true"], &["-w", "-c"]),
        (&["-U", "calls", "true"], &["-U", "-c"]),
        (&["--by", "pid", "true"], &["--by", "-c"]),
        (&["-c", "--by", "size", "true"], &["--by", "size"]),
        (
            &["-c", "--by", "pid", "--format", "strace", "true"],
            &["--by", "tsv"],
        ),
    ] {
        assert_refused(&run(&mut tracer(line)), 2, words);
    }
    let dir = TempDir::new();
    let strace = as_strace(&dir);
    let refused = run(&mut plain(&strace, &["-c", "-S", "size", "true"]));
    assert_eq!(refused.code(), 1);
    assert_eq!(
        refused.stderr,
        "strace: invalid sortby: 'size'\nTry 'strace -h' for more information.\n"
    );
}
