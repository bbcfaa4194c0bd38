//! The counts of every call equal those of strace(1), for real command lines.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::process::CommandExt,
    path::Path,
    process::Command,
};

use crate::{
    cases::{COREUTILS, Case, FILES, PROGRAMS, SHELLS},
    harness::{BIN, TempDir, example, run, shared, slow},
    rows::Row,
};

/// How often each call was made.
type Counts = BTreeMap<String, u64>;

/// Runs `line` (a shell's `exec`, words after an `@` being programs of ours) in `dir`, under
/// `tracer` when there is one, with nothing left to chance.
fn command(dir: &Path, tracer: &[&str], line: &str) -> Command {
    let line = line.strip_prefix('@').map_or(line.to_owned(), |rest| {
        let (name, args) = rest.split_once(' ').unwrap_or((rest, ""));
        format!("{} {args}", example(name))
    });
    let words = split(&line);
    let mut all: Vec<&str> = tracer.to_vec();
    all.extend(words.iter().map(String::as_str));
    let mut command = Command::new(all[0]);
    command.args(&all[1..]).current_dir(dir).env_clear();
    for (name, value) in [
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("LC_ALL", "C"),
        ("TZ", "UTC"),
        ("HOME", "/nonexistent"),
        ("PYTHONHASHSEED", "0"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PERL_HASH_SEED", "0"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_AUTHOR_NAME", "a"),
        ("GIT_AUTHOR_EMAIL", "a@b"),
        ("GIT_COMMITTER_NAME", "a"),
        ("GIT_COMMITTER_EMAIL", "a@b"),
        ("GIT_AUTHOR_DATE", "2020-01-01T00:00:00Z"),
        ("GIT_COMMITTER_DATE", "2020-01-01T00:00:00Z"),
    ] {
        command.env(name, value);
    }
    // SAFETY: one system call without pointers. Where things are mapped decides how some
    // allocators go on.
    unsafe {
        command.pre_exec(|| {
            libc::personality(libc::ADDR_NO_RANDOMIZE as _);
            Ok(())
        });
    }
    command.stdin(std::process::Stdio::null());
    command
}

/// Words of a line: spaces separate, single quotes keep together.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Ends a call that the kernel makes again by itself, as a fork while a signal waits. strace, which
/// gets every signal first, makes that happen more often; neither side counts it.
const AGAIN: &str = "ERESTARTNOINTR";

/// Counts in what `strace -f -o FILE` wrote: `PID NAME(`; a resumed call was counted already.
fn strace_counts(text: &str) -> Counts {
    let mut counts = Counts::new();
    for line in text.lines() {
        let call = line
            .split_once(' ')
            .map_or("", |(_, call)| call.trim_start());
        let again = call.contains(&format!(" = ? {AGAIN} "));
        let resumed = call
            .strip_prefix("<... ")
            .and_then(|rest| rest.split_once(" resumed>"));
        if let Some((name, _)) = resumed {
            // Never negative: the line before it was counted.
            *counts.entry(name.to_owned()).or_default() -= u64::from(again);
            continue;
        }
        let name = call.split_once('(').map_or("", |(name, _)| name);
        if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            *counts.entry(name.to_owned()).or_default() += u64::from(!again);
        }
    }
    counts
}

/// Counts in a trace of ours.
fn our_counts(trace: &str) -> Counts {
    let mut counts = Counts::new();
    let rows = trace.lines().map(Row::parse);
    for row in rows.filter(|row| row.is_call() && row.errno != AGAIN) {
        *counts.entry(row.name.to_owned()).or_default() += 1;
    }
    counts
}

/// Runs a case under one tracer in a directory made anew, always of the same name.
fn run_under(dir: &TempDir, case: &Case, tracer: &[&str]) -> (String, Option<i32>) {
    let work = dir.path().join("work");
    let _ = std::fs::remove_dir_all(&work);
    std::fs::create_dir(&work).unwrap();
    if case.setup.starts_with('@') {
        assert_eq!(run(&mut command(&work, &[], case.setup)).code(), 0);
    } else {
        let made = run(&mut command(&work, &["sh", "-c", case.setup], ""));
        assert_eq!(made.code(), 0, "{made:?}");
    }
    let file = dir.file("trace");
    let options: Vec<&str> = tracer
        .iter()
        .copied()
        .chain(["-f", "-o", &file, "--"])
        .collect();
    let output = run(&mut command(&work, &options, case.command));
    let status = output.status.code();
    (
        std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{e}: {output:?}")),
        status,
    )
}

/// What differs, as text; nothing if ours is the same as strace's.
fn differences(case: &Case, ours: &Counts, strace: &Counts) -> String {
    let mut text = String::new();
    let names: BTreeSet<&String> = ours.keys().chain(strace.keys()).collect();
    for name in names {
        let count = |counts: &Counts| counts.get(name).copied().unwrap_or(0);
        let excepted = case.except.iter().any(|(except, _)| except == name);
        if !excepted && count(ours) != count(strace) {
            text += &format!("  {name}: {} ours, {} strace\n", count(ours), count(strace));
        }
    }
    text
}

/// What differs between the runs of a case that are most alike; each tracer has three tries, as programs draw random
/// numbers and race with their own children.
fn compare_case(dir: &TempDir, case: &Case) -> String {
    let (mut all_ours, mut all_strace) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let (trace, status) = run_under(dir, case, &[BIN]);
        all_ours.push(our_counts(&trace));
        let (trace, strace_status) = run_under(dir, case, &["strace"]);
        assert_eq!(status, strace_status, "{}", case.command);
        let strace = strace_counts(&trace);
        assert!(
            strace.contains_key("execve"),
            "strace failed: {}",
            case.command
        );
        all_strace.push(strace);
        let pairs = all_ours
            .iter()
            .flat_map(|ours| all_strace.iter().map(move |strace| (ours, strace)));
        let mut said = pairs.map(|(ours, strace)| differences(case, ours, strace));
        if said.any(|said| said.is_empty()) {
            return String::new();
        }
    }
    differences(case, &all_ours[0], &all_strace[0])
}

fn compare(cases: &[Case]) {
    let _machine = shared();
    let dir = TempDir::new();
    let mut failures = String::new();
    // Every third one on a slow machine: what differs between kernels is not in each of them.
    let step = if slow() > 1 { 3 } else { 1 };
    for case in cases.iter().step_by(step) {
        let said = compare_case(&dir, case);
        if !said.is_empty() {
            failures += &format!("{}\n{said}", case.command);
        }
    }
    assert!(failures.is_empty(), "counts differ\n{failures}");
}

#[test]
fn coreutils() {
    compare(COREUTILS);
}

#[test]
fn file_tools_and_git() {
    compare(FILES);
}

#[test]
fn interpreters_and_shells() {
    compare(SHELLS);
}

#[test]
fn programs_of_ours() {
    compare(PROGRAMS);
}
