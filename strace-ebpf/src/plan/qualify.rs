//! strace's qualifying expressions, `-e QUALIFIER=SET`, and the long options that say the same.
//!
//! Text in, typed sets out. A later expression of the same qualifier replaces an earlier one.

use std::collections::BTreeSet;

use super::{filter::Filter, inject::Rules};
use crate::{
    cli::{Called, Cli, lacking},
    decode::descriptor::{SHOW_ALL, SHOW_DEVICES, SHOW_PATHS, SHOW_PIDFDS, SHOW_SOCKETS},
    tables,
};

/// What all expressions together ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qualifiers {
    /// Calls that are traced.
    pub trace: Filter,
    /// Calls whose structures are abbreviated.
    pub abbrev: Filter,
    /// Calls whose structures are shown at all.
    pub verbose: Filter,
    /// Calls whose arguments are shown undecoded.
    pub raw: Filter,
    /// Signals that are told.
    pub signal: Signals,
    /// Outcomes that are told, `STATUS` bits.
    pub status: u32,
    /// Messages that are left out, `QUIET` bits.
    pub quiet: u32,
    /// A set of messages was given.
    quiet_named: bool,
    /// What to tell of descriptors was given.
    decode_fds_named: bool,
    /// Descriptors of which data that is read is dumped.
    pub read: Descriptors,
    /// Descriptors of which data that is written is dumped.
    pub write: Descriptors,
    /// Descriptors that a call must be about to be told, if not all calls are.
    pub trace_fds: Option<Descriptors>,
    /// What is told of descriptors, `descriptor::SHOW` bits.
    pub decode_fds: u32,
    /// What is told of processes, `PIDS` bits.
    pub decode_pids: u32,
    /// What is done to calls.
    pub inject: Rules,
}

/// Their names.
pub const PIDS_COMM: u32 = 1;
/// Their numbers in the tracer's PID namespace.
pub const PIDS_PIDNS: u32 = 2;

const DECODE_PIDS: &[(&str, u32)] = &[("comm", PIDS_COMM), ("pidns", PIDS_PIDNS)];

const DECODE_FDS: &[(&str, u32)] = &[
    ("path", SHOW_PATHS as u32),
    ("socket", SHOW_SOCKETS as u32),
    ("dev", SHOW_DEVICES as u32),
    ("pidfd", SHOW_PIDFDS as u32),
];

/// The call succeeded.
pub const STATUS_SUCCESSFUL: u32 = 1;
/// It failed.
pub const STATUS_FAILED: u32 = 2;
/// It did not return.
pub const STATUS_UNFINISHED: u32 = 4;
/// It returned, and with what cannot be told.
pub const STATUS_UNAVAILABLE: u32 = 8;
/// It was under way when we let go of the process.
pub const STATUS_DETACHED: u32 = 16;
/// Any of them.
pub const STATUS_ALL: u32 = 31;

const STATUS: &[(&str, u32)] = &[
    ("successful", STATUS_SUCCESSFUL),
    ("failed", STATUS_FAILED),
    ("unfinished", STATUS_UNFINISHED),
    ("unavailable", STATUS_UNAVAILABLE),
    ("detached", STATUS_DETACHED),
];

/// Processes that are attached to or let go of.
pub const QUIET_ATTACH: u32 = 1;
/// Exit statuses.
pub const QUIET_EXIT: u32 = 2;
/// What paths of `-P` lead to.
pub const QUIET_PATHS: u32 = 4;
/// Changes between 64-bit and 32-bit programs.
pub const QUIET_PERSONALITY: u32 = 8;
/// A thread that executes a program and takes over its leader's number.
pub const QUIET_THREAD_EXEC: u32 = 16;
/// Any of them.
pub const QUIET_ALL: u32 = 31;

const QUIET: &[(&str, u32)] = &[
    ("attach", QUIET_ATTACH),
    ("exit", QUIET_EXIT),
    ("exits", QUIET_EXIT),
    ("path-resolution", QUIET_PATHS),
    ("personality", QUIET_PERSONALITY),
    ("thread-execve", QUIET_THREAD_EXEC),
    ("superseded", QUIET_THREAD_EXEC),
];

/// Some of the 64 signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signals(u64);

impl Signals {
    /// Every one.
    pub const ALL: Self = Self(u64::MAX);

    /// Is this signal in the set? Numbers that are no signals are never.
    #[must_use]
    pub fn contains(self, signal: u32) -> bool {
        (1..=64).contains(&signal) && self.0 >> (signal - 1) & 1 != 0
    }
}

/// Some file descriptors, or all but some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Descriptors {
    numbers: BTreeSet<i32>,
    inverted: bool,
}

impl Descriptors {
    /// Is this descriptor in the set?
    #[must_use]
    pub fn contains(&self, fd: i32) -> bool {
        fd >= 0 && self.numbers.contains(&fd) != self.inverted
    }

    /// The set as bits, each of the descriptors that are equal to it modulo 64; nothing for those that are all but some.
    #[must_use]
    pub fn bits(&self) -> Option<u64> {
        let bit = |fd: &i32| 1 << (fd & 63);
        (!self.inverted).then(|| self.numbers.iter().map(bit).fold(0, |all, bit| all | bit))
    }

    /// No descriptor is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty() && !self.inverted
    }
}

/// One qualifier: what it is called, in messages by the first name, and what it sets.
struct Qualifier {
    names: &'static [&'static str],
    set: fn(&mut Qualifiers, &str) -> Result<(), String>,
}

const KNOWN: &[Qualifier] = &[
    Qualifier {
        names: &["trace-fds", "trace-fd", "fds", "fd"],
        set: |all, set| parse_descriptors(set).map(|fds| all.trace_fds = Some(fds)),
    },
    Qualifier {
        names: &["decode-fds", "decode-fd"],
        set: |all, set| parse_bits("decode-fds", DECODE_FDS, set).map(|bits| all.decode_fds = bits),
    },
    Qualifier {
        names: &["decode-pids", "decode-pid"],
        set: |all, set| {
            parse_bits("decode-pids", DECODE_PIDS, set).map(|bits| all.decode_pids = bits)
        },
    },
    Qualifier {
        names: &["trace", "t"],
        set: |all, set| Filter::parse(set).map(|filter| all.trace = filter),
    },
    Qualifier {
        names: &["abbrev", "a"],
        set: |all, set| Filter::parse(set).map(|filter| all.abbrev = filter),
    },
    Qualifier {
        names: &["verbose", "v"],
        set: |all, set| Filter::parse(set).map(|filter| all.verbose = filter),
    },
    Qualifier {
        names: &["raw", "x"],
        set: |all, set| Filter::parse(set).map(|filter| all.raw = filter),
    },
    Qualifier {
        names: &["signal", "signals", "s"],
        set: |all, set| parse_signals(set).map(|signals| all.signal = signals),
    },
    Qualifier {
        names: &["status"],
        set: |all, set| parse_bits("status", STATUS, set).map(|bits| all.status = bits),
    },
    Qualifier {
        names: &["quiet", "silent", "silence", "q"],
        set: |all, set| parse_bits("quiet", QUIET, set).map(|bits| all.quiet = bits),
    },
    Qualifier {
        names: &["read", "reads", "r"],
        set: |all, set| parse_descriptors(set).map(|fds| all.read = fds),
    },
    Qualifier {
        names: &["write", "writes", "w"],
        set: |all, set| parse_descriptors(set).map(|fds| all.write = fds),
    },
    Qualifier {
        names: &["inject"],
        set: |all, set| all.inject.add("inject", set),
    },
    Qualifier {
        names: &["fault"],
        set: |all, set| all.inject.add("fault", set),
    },
];

impl Default for Qualifiers {
    fn default() -> Self {
        Self {
            trace: Filter::all(),
            abbrev: Filter::all(),
            verbose: Filter::all(),
            raw: Filter::none(),
            signal: Signals::ALL,
            status: STATUS_ALL,
            quiet: 0,
            quiet_named: false,
            decode_fds_named: false,
            read: Descriptors::default(),
            write: Descriptors::default(),
            trace_fds: None,
            decode_fds: 0,
            decode_pids: 0,
            inject: Rules::default(),
        }
    }
}

impl Qualifiers {
    /// Takes all options that say QUALIFIER=SET, in order, then the letters that are short for one.
    pub fn parse(cli: &Cli) -> Result<Self, String> {
        let mut all = Self::default();
        for setting in &cli.settings {
            let (option, done) = match setting.qualifier {
                None => ("-e".to_owned(), all.expression(&setting.text, cli.called)),
                Some(name) => (
                    format!("--{name}"),
                    all.set(name, &setting.text, cli.called),
                ),
            };
            done.map_err(|why| match cli.called {
                Called::Own => format!("{option}: {why}"),
                Called::Strace => why,
            })?;
        }
        if all.quiet_named && cli.output.quiet > 0 {
            return Err("-q and -e quiet/--quiet cannot be provided simultaneously".to_owned());
        }
        if all.decode_fds_named && cli.output.descriptors > 0 {
            return Err("-y and --decode-fds cannot be provided simultaneously".to_owned());
        }
        let traced = all.trace.clone();
        all.inject.within(&traced);
        all.decode_fds |= match cli.output.descriptors {
            0 => 0,
            1 => u32::from(SHOW_PATHS),
            _ => u32::from(SHOW_ALL),
        };
        all.quiet |= match cli.output.quiet {
            0 => 0,
            1 => QUIET_ATTACH | QUIET_PERSONALITY,
            2 => QUIET_ATTACH | QUIET_PERSONALITY | QUIET_EXIT,
            _ => QUIET_ALL,
        };
        if cli.output.verbose {
            all.abbrev = Filter::none();
        }
        Ok(all)
    }

    /// One `-e`: a qualifier and its set, or just a set of calls.
    fn expression(&mut self, text: &str, called: Called) -> Result<(), String> {
        match text.split_once('=') {
            // To strace this is a set of calls.
            Some((name, _)) if called == Called::Strace && !is_known(name) => {
                self.set("trace", text, called)
            }
            Some((name, set)) => self.set(name, set, called),
            None => self.set("trace", text, called),
        }
    }

    fn set(&mut self, name: &str, set: &str, called: Called) -> Result<(), String> {
        let known = KNOWN
            .iter()
            .find(|qualifier| qualifier.names.contains(&name));
        if lacking::has(name) {
            return Err(lacking::message(&format!("{name}="), name, set, called));
        }
        let known = known.ok_or_else(|| format!("unknown qualifier '{name}'"))?;
        (known.set)(self, set)?;
        self.quiet_named |= known.names.contains(&"quiet");
        self.decode_fds_named |= known.names.contains(&"decode-fds");
        Ok(())
    }
}

/// Is there a qualifier of this name?
fn is_known(name: &str) -> bool {
    lacking::has(name) || KNOWN.iter().any(|known| known.names.contains(&name))
}

/// What stands before and behind a `!`, and `all` and `none`, mean the same in every set: says
/// whether the set is inverted and which items it names, `None` for all.
fn items(set: &str) -> (bool, Option<Vec<&str>>) {
    let list = set.trim_start_matches('!');
    let inverted = (set.len() - list.len()) % 2 == 1;
    let named: Vec<&str> = list.split(',').filter(|item| !item.is_empty()).collect();
    let items = match list {
        "all" => None,
        "none" => Some(Vec::new()),
        // Nothing is named: all of it is what is wrong.
        _ if named.is_empty() => Some(vec![set]),
        _ => Some(named),
    };
    (inverted, items)
}

/// Names of a fixed list to their bits.
fn parse_bits(what: &str, words: &[(&str, u32)], set: &str) -> Result<u32, String> {
    let every = words.iter().fold(0, |all, (_, bit)| all | bit);
    let (inverted, items) = items(set);
    let mut bits = if items.is_none() { every } else { 0 };
    for item in items.unwrap_or_default() {
        let found = words.iter().find(|(name, _)| *name == item);
        let (_, bit) = found.ok_or_else(|| format!("invalid {what} '{item}'"))?;
        bits |= bit;
    }
    Ok(if inverted { every & !bits } else { bits })
}

/// Signals by name, with or without `SIG`, in any case, or by number.
fn parse_signals(set: &str) -> Result<Signals, String> {
    let (inverted, items) = items(set);
    let mut bits = if items.is_none() { u64::MAX } else { 0 };
    for item in items.unwrap_or_default() {
        let number = item
            .parse()
            .ok()
            .or_else(|| tables::signal_by_name(&item.to_ascii_uppercase()));
        match number {
            Some(number @ 1..=64) => bits |= 1 << (number - 1),
            _ => return Err(format!("invalid signal '{item}'")),
        }
    }
    Ok(Signals(if inverted { !bits } else { bits }))
}

fn parse_descriptors(set: &str) -> Result<Descriptors, String> {
    let (inverted, items) = items(set);
    let Some(items) = items else {
        return Ok(Descriptors {
            numbers: BTreeSet::new(),
            inverted: !inverted,
        });
    };
    let number = |item: &str| match item.parse() {
        Ok(fd) if fd >= 0 => Ok(fd),
        _ => Err(format!("invalid descriptor '{item}'")),
    };
    let numbers = items.into_iter().map(number).collect::<Result<_, _>>()?;
    Ok(Descriptors { numbers, inverted })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_by_name_and_number() {
        let set = parse_signals("INT,sigterm,9").expect("valid");
        let all: Vec<u32> = (0..70).filter(|n| set.contains(*n)).collect();
        assert_eq!(all, [2, 9, 15]);
        let set = parse_signals("!SIGCHLD").expect("valid");
        assert!(!set.contains(17) && set.contains(64) && !set.contains(65));
        assert_eq!(parse_signals("none"), Ok(Signals(0)));
        assert!(parse_signals("INT,,").expect("valid").contains(2));
        for bad in ["", "foo", "0", "65", "INT,all", "!", ","] {
            assert!(parse_signals(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn words_and_descriptors() {
        let status = |set| parse_bits("status", STATUS, set);
        assert_eq!(status("successful,failed"), Ok(3));
        assert_eq!(status("!failed"), Ok(29));
        assert_eq!(status("all"), Ok(31));
        assert_eq!(status("!all"), Ok(0));
        assert_eq!(status("good"), Err("invalid status 'good'".to_owned()));
        let fds = parse_descriptors("3,5").expect("valid");
        assert!(fds.contains(3) && !fds.contains(4) && !fds.contains(-1));
        let fds = parse_descriptors("!3").expect("valid");
        assert!(!fds.contains(3) && fds.contains(4));
        assert!(parse_descriptors("all").expect("valid").contains(7));
        assert!(parse_descriptors("none").expect("valid").is_empty());
        assert!(parse_descriptors("x").is_err() && parse_descriptors("").is_err());
    }
}
