//! The summary that was asked for: `-c -C -w -S -U -O` as strace(1) has them, and `--by`.

use strace_ebpf_common::summary::{
    BY_CGROUP, BY_COMM, BY_ERRNO, BY_NOTHING, BY_PID, CLOCK_CPU, CLOCK_WALL, COUNT_ONLY, COUNT_TOO,
    Count,
};

use super::{Form, PlanError, usage};
use crate::{
    cli::{Cli, Summary as Typed},
    summary::column::{self, Column},
};

/// What a row is for, beside a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Nothing.
    Nothing,
    /// A process.
    Pid,
    /// A thread name.
    Comm,
    /// A cgroup.
    Cgroup,
    /// An error, or none.
    Errno,
}

const GROUPS: &[(&str, By)] = &[
    ("pid", By::Pid),
    ("comm", By::Comm),
    ("cgroup", By::Cgroup),
    ("errno", By::Errno),
];

impl By {
    /// As in `--by`, and as the name of its column.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        GROUPS
            .iter()
            .find(|(_, by)| *by == self)
            .map(|(name, _)| *name)
    }

    fn number(self) -> u32 {
        match self {
            Self::Nothing => BY_NOTHING,
            Self::Pid => BY_PID,
            Self::Comm => BY_COMM,
            Self::Cgroup => BY_CGROUP,
            Self::Errno => BY_ERRNO,
        }
    }
}

/// A summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Without a trace.
    pub only: bool,
    /// Wall clock time, not CPU time.
    pub wall_clock: bool,
    /// `None`: by number.
    pub sort: Option<Column>,
    /// In order.
    pub columns: Vec<Column>,
    /// Taken off the time of each call.
    pub overhead_ns: u64,
    /// `--by`.
    pub by: By,
}

impl Summary {
    /// Checks what was typed. What has no effect goes into `warnings`, as with strace.
    pub fn new(
        cli: &Cli,
        form: Form,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Self>, PlanError> {
        let typed = &cli.summary;
        let overhead_ns = match typed.overhead.as_deref() {
            Some(text) => Some(parse_overhead(text).ok_or_else(|| {
                let option = cli.spelled("-O", &["--summary-syscall-overhead"]);
                usage(format!("invalid {option} argument: '{text}'"))
            })?),
            None => None,
        };
        let sort = typed.sort_by.as_deref().map(parse_sort).transpose()?;
        let columns = typed
            .summary_columns
            .as_deref()
            .map(|list| column::parse_list(list).map_err(usage))
            .transpose()?;
        let by = typed.by.as_deref().map(parse_by).transpose()?;
        if typed.summary_only && typed.summary {
            return Err(usage(
                "-c/--summary-only and -C/--summary are mutually exclusive",
            ));
        }
        if !typed.summary_only && !typed.summary {
            return without(typed, warnings).map(|()| None);
        }
        if cli.what.follow > 1 {
            return Err(usage(
                "(-c/--summary-only or -C/--summary) and -ff/--output-separately are mutually exclusive",
            ));
        }
        if by.is_some() && form == Form::Strace {
            return Err(usage("--by needs --format tsv"));
        }
        if typed.summary_only {
            without_effect(cli, warnings);
        }
        Ok(Some(Self {
            only: typed.summary_only,
            wall_clock: typed.wall_clock,
            sort: sort.unwrap_or(Some(Column::Total)),
            columns: columns.unwrap_or_else(|| column::default(form == Form::Strace).to_vec()),
            overhead_ns: overhead_ns.unwrap_or(0),
            by: by.unwrap_or(By::Nothing),
        }))
    }

    /// Settings for the probes; `status` is what is told, where there is a trace.
    #[must_use]
    pub fn settings(&self, status: u32) -> Count {
        let percentile = |column: &Column| column.per_mille().is_some();
        Count {
            overhead_ns: self.overhead_ns,
            mode: if self.only { COUNT_ONLY } else { COUNT_TOO },
            clock: if self.wall_clock {
                CLOCK_WALL
            } else {
                CLOCK_CPU
            },
            by: self.by.number(),
            status,
            histogram: u32::from(self.columns.iter().chain(&self.sort).any(percentile)),
            _pad: 0,
        }
    }
}

/// There is no summary: options about it are wrong, or have no effect, as in strace.
fn without(typed: &Typed, warnings: &mut Vec<String>) -> Result<(), PlanError> {
    let needs = |option: &str| {
        Err(usage(format!(
            "{option} must be given with (-c/--summary-only or -C/--summary)"
        )))
    };
    if typed.wall_clock {
        return needs("-w/--summary-wall-clock");
    }
    if typed.summary_columns.is_some() {
        return needs("-U/--summary-columns");
    }
    if typed.by.is_some() {
        return needs("--by");
    }
    if typed.sort_by.is_some() {
        warnings.push(
            "-S/--summary-sort-by has no effect without (-c/--summary-only or -C/--summary)"
                .to_owned(),
        );
    }
    Ok(())
}

/// Options about lines, where there are none.
fn without_effect(cli: &Cli, warnings: &mut Vec<String>) {
    let (times, output) = (&cli.times, &cli.output);
    let either = |letters: u8, text: &Option<String>| letters > 0 || text.is_some();
    for (given, name) in [
        (output.ip, "-i/--instruction-pointer"),
        (
            either(output.stack, &output.stack_trace),
            "-k/--stack-trace",
        ),
        (output.number, "-n/--syscall-number"),
        (output.names, "-N/--arg-names"),
        (
            either(times.relative, &times.relative_timestamps),
            "-r/--relative-timestamps",
        ),
        (
            either(times.time, &times.absolute_timestamps),
            "-t/--absolute-timestamps",
        ),
        (
            either(times.duration, &times.syscall_times),
            "-T/--syscall-times",
        ),
        (
            output.descriptors > 0 || !output.decode_fds.is_empty(),
            "-y/--decode-fds",
        ),
    ] {
        if given {
            warnings.push(format!("{name} has no effect with -c/--summary-only"));
        }
    }
}

fn parse_by(name: &str) -> Result<By, PlanError> {
    GROUPS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, by)| *by)
        .ok_or_else(|| {
            usage(format!(
                "--by: unknown group '{name}' (known: pid, comm, cgroup, errno)"
            ))
        })
}

fn parse_sort(name: &str) -> Result<Option<Column>, PlanError> {
    column::parse_sort(name).ok_or_else(|| usage(format!("invalid sortby: '{name}'")))
}

/// Units of `-O`, the longer ones first, in nanoseconds.
const UNITS: &[(&str, f64)] = &[("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9)];

/// A number in decimal or with an exponent, then a unit; microseconds without one.
fn parse_overhead(text: &str) -> Option<u64> {
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, ns)| Some((text.strip_suffix(name)?, *ns)))
        .unwrap_or((text, 1e3));
    let number = number.trim_start();
    // Rust also takes names such as inf.
    let plain = |c: char| c.is_ascii_digit() || "+.eE-".contains(c);
    if !number.chars().all(plain) {
        return None;
    }
    let number: f64 = number.parse().ok()?;
    if !number.is_finite() || number < 0.0 {
        return None;
    }
    // Saturates: more than five hundred years.
    Some((number * unit) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(line: &str) -> Result<Option<Summary>, PlanError> {
        let words = std::iter::once("strace-ebpf")
            .chain(line.split_whitespace())
            .map(std::ffi::OsString::from);
        let cli = crate::cli::parse(words).expect("parses");
        let form = super::super::parse_form(&cli.output.format).expect("a form");
        Summary::new(&cli, form, &mut Vec::new())
    }

    #[test]
    fn overheads() {
        for (text, ns) in [
            ("5", 5_000),
            ("5us", 5_000),
            ("5ms", 5_000_000),
            ("2s", 2_000_000_000),
            ("7ns", 7),
            ("1.5", 1_500),
            (".5ms", 500_000),
            ("1e3ns", 1_000),
            (" +5", 5_000),
            ("1e-3", 1),
            ("99999999999s", u64::MAX),
        ] {
            assert_eq!(parse_overhead(text), Some(ns), "{text}");
        }
        for bad in [
            "", "x", "5x", "-1", "1m", "us", "5 us", "0x10", "inf", "nan", "1e400", "1e", "1,5",
        ] {
            assert_eq!(parse_overhead(bad), None, "{bad}");
        }
    }

    #[test]
    fn options_that_need_a_summary_and_those_that_exclude_each_other() {
        for (line, part) in [
            ("-c -C ls", "mutually exclusive"),
            (
                "-c -ff ls",
                "-ff/--output-separately are mutually exclusive",
            ),
            ("-w ls", "-w/--summary-wall-clock must be given with"),
            ("-U calls ls", "-U/--summary-columns must be given with"),
            ("--by pid ls", "--by must be given with"),
            ("-c --by user ls", "unknown group 'user'"),
            ("-c --by pid --format strace ls", "--by needs --format tsv"),
            ("-c -S size ls", "invalid sortby: 'size'"),
            ("-c -U calls,size ls", "unknown column name: 'size'"),
            ("-c -O -1 ls", "invalid -O argument: '-1'"),
        ] {
            let Err(PlanError::Usage(message)) = summary(line) else {
                panic!("{line} was taken");
            };
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(summary("-S calls -O 3 ls"), Ok(None));
    }

    #[test]
    fn histograms_are_kept_where_percentiles_are_shown() {
        for (line, kept) in [
            ("-c ls", 1),
            ("-c --format strace ls", 0),
            ("-c --format strace -U p99,name ls", 1),
            ("-c -U calls ls", 0),
            ("-c -U calls -S p50 ls", 1),
        ] {
            let summary = summary(line).expect("valid").expect("a summary");
            assert_eq!(summary.settings(3).histogram, kept, "{line}");
        }
    }
}
