//! From a trace to the lines of each thread: halves of calls joined, threads named by who made them, so that two runs
//! can be laid side by side.

use std::collections::BTreeMap;

use super::normalize::{self, Line};
use super::tracer::Trace;

/// The lines of one thread in their order, and those that come whenever they like.
#[derive(Debug, Default)]
pub(super) struct Thread {
    pub(super) lines: Vec<Line>,
    /// SIGCHLD, and returns from handlers: a child ends when it ends. Sorted.
    pub(super) signals: Vec<Line>,
}

/// The threads of a trace by name: `0` the first, `0.1` the first that it made.
pub(super) fn split(trace: &Trace) -> BTreeMap<String, Thread> {
    let mut joined: Vec<(u32, String, bool)> = Vec::new();
    let mut open: BTreeMap<u32, usize> = BTreeMap::new();
    for line in trace.text.lines() {
        let (tid, rest) = match (trace.has_tids, line.split_once(' ')) {
            (true, Some((tid, rest))) => (tid.parse().unwrap_or(0), rest.trim_start()),
            _ => (0, line),
        };
        let (time, rest) = normalize::split_time(rest);
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            open.insert(tid, joined.len());
            joined.push((tid, format!("{time}{begun}"), true));
        } else if let (Some(after), true) = (resumed(rest), open.contains_key(&tid)) {
            let at = open.remove(&tid).unwrap_or(0);
            if let Some(line) = joined.get_mut(at) {
                line.1.push_str(after);
            }
        } else {
            joined.push((tid, format!("{time}{rest}"), false));
        }
    }
    let names = names(&joined, trace.tracer);
    let mut threads: BTreeMap<String, Thread> = BTreeMap::new();
    for (tid, text, joined) in &joined {
        let name = names.get(tid).map_or("?", String::as_str);
        let line = normalize::line(text, *joined, &names);
        let thread = threads.entry(name.to_owned()).or_default();
        if line.text.contains("--- SIGCHLD ") || line.text.contains("rt_sigreturn(") {
            thread.signals.push(line);
        } else {
            thread.lines.push(line);
        }
    }
    for thread in threads.values_mut() {
        thread.signals.sort_by(|a, b| a.text.cmp(&b.text));
    }
    threads
}

/// What follows `<... name resumed>`.
fn resumed(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix("<... ")?;
    Some(rest.split_once(" resumed>")?.1)
}

/// Names by number: a thread is its maker's name and how many that made before.
fn names(lines: &[(u32, String, bool)], tracer: u32) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::from([(tracer, "tracer".to_owned())]);
    let Some((first, ..)) = lines.first() else {
        return names;
    };
    names.insert(*first, "0".to_owned());
    let mut made: BTreeMap<u32, u32> = BTreeMap::new();
    // A child may run before its maker's call returns, so the names are given in a pass of their own, until no more
    // are found: makers come before what they make.
    loop {
        let before = names.len();
        made.clear();
        for (tid, text, _) in lines {
            let Some(child) = made_thread(text) else {
                continue;
            };
            let count = made.entry(*tid).or_default();
            *count += 1;
            if let Some(maker) = names.get(tid).cloned() {
                names.entry(child).or_insert(format!("{maker}.{count}"));
            }
        }
        if names.len() == before {
            break;
        }
    }
    for (tid, ..) in lines {
        let name = format!("?{}", names.len());
        names.entry(*tid).or_insert(name);
    }
    names
}

/// The number of the thread or process that this call has made.
fn made_thread(text: &str) -> Option<u32> {
    let at = ["clone(", "clone3(", "vfork(", "fork("]
        .iter()
        .find_map(|name| text.find(name))?;
    let is_start = text.get(..at)?.chars().next_back().is_none_or(|c| c == ' ');
    let result = text.rsplit_once(" = ")?.1;
    is_start.then(|| result.split(' ').next()?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_joined_and_threads_named_by_their_makers() {
        let text = "1010 vfork( <unfinished ...>\n1011 read(0,  <unfinished ...>\n1010 <... vfork resumed>) = 1011\n\
                    1011 <... read resumed>\"x\", 1)   = 1\n1010 wait4(1011, NULL, 0, NULL) = 1011\n1010 --- SIGCHLD {si_pid=1011} ---\n";
        let trace = Trace {
            text: text.to_owned(),
            tracer: 9,
            has_tids: true,
        };
        let threads = split(&trace);
        let lines = |name: &str| -> Vec<String> {
            threads[name]
                .lines
                .iter()
                .map(|line| line.text.clone())
                .collect()
        };
        assert_eq!(
            lines("0"),
            [
                "vfork() = PID:0.1",
                "wait4(PID:0.1, NULL, 0, NULL) = PID:0.1"
            ]
        );
        assert_eq!(lines("0.1"), ["read(0, \"x\", 1) = 1"]);
        assert_eq!(
            threads["0"].signals[0].text,
            "--- SIGCHLD {si_pid=PID:0.1} ---"
        );
    }
}
