//! The one normaliser: hides from a line in the strace format what differs between any two runs of the same command.
//!
//! Addresses, numbers of processes, times, inode numbers, free memory and space, ephemeral ports, random bytes. Everything
//! else stays, so that it is compared. Used by `cargo xtask oracle` and by the end-to-end tests.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::{Captures, Regex};

/// A line that can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// With one blank before the result.
    pub text: String,
    /// Blanks before the result, where their number does not depend on what is hidden.
    pub padding: Option<usize>,
}

impl Line {
    /// Equal but for what differs by nature.
    pub fn is_like(&self, other: &Self) -> bool {
        let both = self.padding.zip(other.padding);
        self.text == other.text && both.is_none_or(|(mine, theirs)| mine == theirs)
    }

    /// Replaces what matches, but for the first group if there is one; the padding is unknown then.
    pub fn mask(&mut self, what: &Regex) -> bool {
        let found = what.is_match(&self.text);
        if found {
            let instead = match what.captures_len() {
                1 => "MASKED",
                _ => "${1}MASKED",
            };
            self.text = what.replace_all(&self.text, instead).into_owned();
            self.padding = None;
        }
        found
    }
}

/// What is hidden in which calls' lines: the beginning of the line, what is looked for, and what stands there instead.
const RULES: &[(&str, &str, &str)] = &[
    // Places in memory; not the low addresses that programs choose themselves.
    ("", r"\b0x(?:7f|5[56])[0-9a-f]{10}\b", "ADDR"),
    ("", r"=0x(?:7f|5[56])[0-9a-f]{10}\b", "=ADDR"),
    // Time in the call (-T).
    ("", r" <\d+\.\d{3,9}>$", " <T>"),
    // Clocks, and what is left of a time.
    (
        r"clock_gettime|gettimeofday|getrusage|wait4|waitid|select|pselect6|ppoll|nanosleep|clock_nanosleep|futex|timer_|timerfd_|[gs]etitimer|rt_sigtimedwait|adjtimex|clock_adjtime|statx|utimensat|sysinfo|recvm?msg",
        r"\b(tv_sec|tv_nsec|tv_usec)=\d+",
        "$1=N",
    ),
    ("statx", r" /\* \d{4}-\d\d-\d\dT[^*]*\*/", ""),
    ("", r"(NOW /\* [^*]* \*/, st_[acm]time_nsec)=\d+", "$1=N"),
    ("set_tid_address", r" = \d+$", " = N"),
    (
        "times|time",
        r"\b(tms_\w+)=\d+(?: /\* \d+\.\d\d s \*/)?",
        "$1=N",
    ),
    ("times|time", r" = \d+(?: \(\d{4}-.*\))?$", " = N"),
    (
        "(?:sem|shm|msg)ctl",
        r"\b(\w+_[acrso]?time)=[1-9]\d{9}",
        "$1=N",
    ),
    (
        "",
        r"\b(ru_\w+|si_[us]time)=\d+(?: /\* \d+\.\d\d s \*/)?",
        "$1=N",
    ),
    // File systems.
    (
        "",
        r"\b(st_ino|stx_ino|d_ino|d_off|f_bfree|f_bavail|f_files|f_ffree)=\d+",
        "$1=N",
    ),
    (
        "",
        r"<(socket|pipe|anon_inode|[A-Z-]+v?6?):\[\d+\]",
        "<$1:[N]",
    ),
    // The machine.
    (
        "sysinfo",
        r"\b(uptime|freeram|sharedram|bufferram|freeswap|procs)=\d+",
        "$1=N",
    ),
    ("sysinfo", r"loads=\[[^]]*\]", "loads=[N]"),
    // Random bytes.
    (
        "getrandom",
        r#"^getrandom\("(?:\\.|[^"\\])*""#,
        r#"getrandom("RANDOM""#,
    ),
    // What the interrupted code had in its register; System V identifiers.
    ("rt_sigreturn", r"= .*$", "= N"),
    ("(?:sem|shm|msg)get", r" = \d+$", " = ID"),
    (
        "(?:sem|shm|msg)(?:op|timedop|ctl|at|snd|rcv)",
        r"^(\w+)\(\d+",
        "$1(ID",
    ),
    // Ports that the kernel gives away.
    ("", r"htons\([3-6]\d{4}\)", "htons(PORT)"),
];

struct Rule {
    calls: Regex,
    what: Regex,
    instead: &'static str,
}

static COMPILED: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let rule = |&(calls, what, instead): &(&str, &str, &'static str)| {
        Some(Rule {
            calls: Regex::new(&format!("^(?:{calls})")).ok()?,
            what: Regex::new(what).ok()?,
            instead,
        })
    };
    RULES.iter().filter_map(rule).collect()
});

/// Numbers that may be those of processes.
static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\b[1-9]\d{2,6}\b").ok());
/// Seconds since 1970 with the date behind them.
static DATE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b(\d{9,11}) /\* (\d{4}-[0-9T:.+-]+) \*/").ok());
static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^(?:\d\d:\d\d:\d\d(?:\.\d+)?|\d{10}(?:\.\d+)?|\s*\d+\.\d{3,9}) ").ok()
});
static RESULT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\)( +)= (?:-?\d|0x|\?)").ok());

/// Takes the time off the beginning of a line, each of its digits a 9; of relative ones the seconds too.
pub fn split_time(text: &str) -> (String, &str) {
    let found = TIME.as_ref().and_then(|time| time.find(text));
    let Some(found) = found else {
        return (String::new(), text);
    };
    let shape = found.as_str().trim_start();
    let shape = shape.replace(|c: char| c.is_ascii_digit(), "9");
    (shape, text.get(found.end()..).unwrap_or_default())
}

/// One line, `joined` if it was put together from two; `names` are the processes by number.
pub fn line(text: &str, joined: bool, names: &BTreeMap<u32, String>) -> Line {
    let (time, call) = split_time(text);
    let (mut hidden, padding) = collapse(call);
    let mut changed = joined || !time.is_empty();
    let mut replace = |text: &mut String, new: String| {
        if new != *text {
            changed = true;
            *text = new;
        }
    };
    if let Some(number) = NUMBER.as_ref() {
        let new = number.replace_all(&hidden, |found: &Captures<'_>| {
            let number = found.get(0).map_or("", |number| number.as_str());
            let name = number
                .parse()
                .ok()
                .and_then(|number: u32| names.get(&number));
            name.map_or(number.to_owned(), |name| format!("PID:{name}"))
        });
        let new = new.into_owned();
        replace(&mut hidden, new);
    }
    if let Some(date) = DATE.as_ref() {
        let new = date.replace_all(&hidden, |found: &Captures<'_>| recent(found));
        let new = new.into_owned();
        replace(&mut hidden, new);
    }
    for rule in COMPILED.iter().filter(|rule| rule.calls.is_match(call)) {
        let new = rule.what.replace_all(&hidden, rule.instead).into_owned();
        replace(&mut hidden, new);
    }
    Line {
        text: format!("{time}{hidden}"),
        padding: padding.filter(|_| !changed),
    }
}

/// One blank before the result, and how many there were.
fn collapse(text: &str) -> (String, Option<usize>) {
    let found = RESULT
        .as_ref()
        .and_then(|result| result.captures_iter(text).last());
    let Some(blanks) = found.and_then(|found| found.get(1)) else {
        return (text.to_owned(), None);
    };
    let (before, after) = (&text[..blanks.start()], &text[blanks.end()..]);
    (format!("{before} {after}"), Some(blanks.len()))
}

/// A date of the last two days is one of this run.
fn recent(found: &Captures<'_>) -> String {
    let part = |n| found.get(n).map_or("", |part| part.as_str());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_secs());
    let seconds: u64 = part(1).parse().unwrap_or(0);
    if seconds + 2 * 86400 < now {
        return part(0).to_owned();
    }
    let (day, time) = part(2).split_once('T').unwrap_or_default();
    // Trailing zeros of a fraction differ from one file to the next: its digits are told by unit tests.
    let time = time.split(['.', '+']).next().unwrap_or_default();
    let shape = format!("{day}T{time}").replace(|c: char| c.is_ascii_digit(), "9");
    format!("NOW /* {shape} */")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_by_nature_is_hidden_and_nothing_else() {
        let names = BTreeMap::from([(4711, "0".to_owned())]);
        let cases = [
            (
                "close(3)                          = 0",
                "close(3) = 0",
                Some(26),
            ),
            ("brk(NULL)  = 0x555555560000", "brk(NULL) = ADDR", None),
            ("kill(4711, SIGTERM) = 0", "kill(PID:0, SIGTERM) = 0", None),
            (
                "read(4, \"4710\", 4712) = 4",
                "read(4, \"4710\", 4712) = 4",
                Some(1),
            ),
            (
                "12:34:56.789 getpid() = 4711 <0.000012>",
                "99:99:99.999 getpid() = PID:0 <T>",
                None,
            ),
            (
                "getrandom(\"\\x1\\\"2\", 2, 0) = 2",
                "getrandom(\"RANDOM\", 2, 0) = 2",
                None,
            ),
            (
                "nanosleep({tv_sec=1, tv_nsec=2}, NULL) = 0",
                "nanosleep({tv_sec=N, tv_nsec=N}, NULL) = 0",
                None,
            ),
            (
                "stat(\"a\", {st_mtime=1577836800 /* 2020-01-01T00:00:00+0000 */, st_ino=7}) = 0",
                "stat(\"a\", {st_mtime=1577836800 /* 2020-01-01T00:00:00+0000 */, st_ino=N}) = 0",
                None,
            ),
            (
                "mmap(0x10000, 4096) = 0x10000",
                "mmap(0x10000, 4096) = 0x10000",
                Some(1),
            ),
        ];
        for (text, want, padding) in cases {
            let line = line(text, false, &names);
            assert_eq!((line.text.as_str(), line.padding), (want, padding));
        }
        assert_eq!(COMPILED.len(), RULES.len(), "an expression is wrong");
    }

    #[test]
    fn padding_counts_where_nothing_is_hidden() {
        let names = BTreeMap::new();
        let of = |text| line(text, false, &names);
        assert!(!of("close(3)  = 0").is_like(&of("close(3) = 0")));
        assert!(of("getpid()  = 0 <0.000001>").is_like(&of("getpid() = 0 <0.000002>")));
    }
}
