//! Single options from what was typed.

use super::{Coloring, Form, PlanError, Targets, launch::Launch, qualify::Qualifiers, usage};
use crate::{
    cli::{self, Called, Cli, lacking},
    format::{
        constants::Constants,
        escape::Hex,
        text::Rendering,
        tsv::{self, Column},
    },
    tips::Tips,
};

/// Default buffer per CPU, and the most of all together.
const BUFFER_BYTES: u64 = 8 << 20;
const ALL_BUFFERS_BYTES: u64 = 256 << 20;
/// Smallest buffer: a page.
pub const BUFFER_MIN: u64 = 4096;
const BUFFER_MAX: u64 = 1 << 30;
/// Column of the results, as in strace.
const RESULT_COLUMN: usize = 40;
/// Callers that are shown, as in strace.
const FRAME_LIMIT: u32 = 256;

pub(super) fn targets(cli: &Cli) -> Result<Targets, PlanError> {
    let pids = parse_pids(&cli.what.pids, cli.called)?;
    if cli.what.all && (!pids.is_empty() || cli.what.cgroup.is_some()) {
        return Err(usage(
            "-a traces everything: -p and --cgroup do not go with it",
        ));
    }
    let nothing =
        pids.is_empty() && !cli.what.all && cli.what.cgroup.is_none() && cli.command.is_empty();
    if nothing {
        return Err(usage(match cli.called {
            Called::Own => {
                "what to trace? give a COMMAND, -p PID, --cgroup PATH or -a (see --help)"
            }
            Called::Strace => "must have PROG [ARGS] or -p PID",
        }));
    }
    Ok(Targets {
        pids,
        all: cli.what.all,
        cgroup: cli.what.cgroup.clone(),
        command: cli.command.clone(),
        follow: cli.what.follow + cli.what.follow_old > 0,
        threads: cli.what.follow + cli.what.follow_old > 0 || cli.called == Called::Own,
    })
}

/// `-k`, `--stack-trace`. Twice is what strace calls source.
pub(super) fn parse_stack(cli: &Cli) -> Result<Option<u32>, PlanError> {
    let output = &cli.output;
    let limit = output.stack_trace_frame_limit.unwrap_or(FRAME_LIMIT);
    if limit == 0 {
        return Err(usage("invalid --stack-trace-frame-limit argument: '0'"));
    }
    match (output.stack_trace.as_deref(), output.stack) {
        (None, 0) => Ok(None),
        (Some("source"), _) | (None, 2..) => {
            Err(PlanError::Invalid(lacking::source_lines(cli.called)))
        }
        (None | Some("symbol"), _) => Ok(Some(limit)),
        (Some(other), _) => {
            let option = cli.spelled("--stack-trace", &["--stack-traces"]);
            Err(usage(format!("invalid {option} argument: '{other}'")))
        }
    }
}

/// `--syscall-limit`: of no calls nothing would be told.
pub(super) fn parse_call_limit(output: &cli::Output) -> Result<Option<u64>, PlanError> {
    match output.syscall_limit {
        Some(0) => Err(usage("invalid --syscall-limit argument: '0'")),
        limit => Ok(limit),
    }
}

pub(super) fn parse_tips(text: Option<&str>) -> Result<Option<Tips>, PlanError> {
    let bad = |text| usage(format!("invalid --tips argument: '{text}'"));
    text.map(|text| Tips::parse(text).ok_or_else(|| bad(text)))
        .transpose()
}

/// Where strace says that `--seccomp-bpf` has no effect. Here it never has one: our filter is in the kernel anyway.
pub(super) fn seccomp_in_vain(
    targets: &Targets,
    launch: &Launch,
    qualifiers: &Qualifiers,
) -> Option<String> {
    let why = if launch.detach_on_exec {
        "--seccomp-bpf is not enabled because it is not compatible with -b"
    } else if !targets.follow {
        "--seccomp-bpf cannot be used without -f/--follow-forks, disabling"
    } else if !targets.pids.is_empty() {
        "--seccomp-bpf is not enabled for processes attached with -p"
    } else if qualifiers.trace.is_everything() {
        "Seccomp filter is requested but there are no syscalls to filter.  See -e trace to filter syscalls."
    } else {
        return None;
    };
    Some(why.to_owned())
}

/// `--color`; rows are data and have none.
pub(super) fn parse_coloring(form: Form, when: Option<&str>) -> Result<Coloring, PlanError> {
    match (form, when) {
        (_, Some("never")) => Ok(Coloring::Never),
        (Form::Tsv, Some("always")) => Err(usage(
            "--color=always: only the strace format has colors (--format strace)",
        )),
        (_, None | Some("auto")) => Ok(Coloring::Auto),
        (Form::Strace, Some("always")) => Ok(Coloring::Always),
        (_, Some(other)) => Err(usage(format!("invalid --color argument: '{other}'"))),
    }
}

/// `-x` or `--strings-in-hex`, and `-X`.
pub(super) fn parse_rendering(cli: &Cli) -> Result<Rendering, PlanError> {
    let output = &cli.output;
    let known = |words| match cli.called {
        Called::Own => words,
        Called::Strace => "",
    };
    let strings = match (output.strings_in_hex.as_deref(), output.hex) {
        (None, 0) => Hex::Never,
        (Some(_), 1..) => {
            return Err(PlanError::Invalid(
                "-x and --strings-in-hex cannot be provided simultaneously".to_owned(),
            ));
        }
        (Some("non-ascii-chars"), _) => Hex::NonAsciiBytes,
        (Some("non-ascii"), _) | (None, 1) => Hex::NonAscii,
        (Some("all"), _) | (None, _) => Hex::Always,
        (Some(other), _) => {
            return Err(usage(format!(
                "invalid --strings-in-hex argument: '{other}'{}",
                known(" (known: non-ascii-chars, non-ascii, all)")
            )));
        }
    };
    let constants = match output.constants.as_deref() {
        None | Some("abbrev") => Constants::Abbrev,
        Some("raw") => Constants::Raw,
        Some("verbose") => Constants::Verbose,
        Some(other) => {
            return Err(usage(format!(
                "invalid {} argument: '{other}'{}",
                cli.spelled("-X", &["--const-print-style"]),
                known(" (known: raw, abbrev, verbose)")
            )));
        }
    };
    Ok(Rendering {
        strings,
        constants,
        color: false,
    })
}

/// Formats of the contract that are not built yet are refused by name.
pub(super) fn parse_form(format: &str) -> Result<Form, PlanError> {
    match format {
        "tsv" => Ok(Form::Tsv),
        "strace" => Ok(Form::Strace),
        "json" | "bin" => Err(usage(format!("--format {format} is not built yet"))),
        _ => Err(usage(format!(
            "unknown format '{format}' (known: tsv, strace)"
        ))),
    }
}

/// `-ff` or `--output-separately`, which mean something for files only.
pub(super) fn separate(cli: &Cli) -> Result<bool, PlanError> {
    let wanted = cli.what.follow > 1 || cli.output.separately;
    let file = cli.output.file.as_ref().map(|name| name.as_encoded_bytes());
    match file.and_then(<[u8]>::first) {
        Some(b'|' | b'!') if wanted => Err(usage(
            "piping the output and -ff/--output-separately are mutually exclusive",
        )),
        _ => Ok(wanted && file.is_some_and(|name| name != b"-")),
    }
}

/// `--columns`: names in the TSV format, in the strace format the column of the results.
pub(super) fn parse_columns(form: Form, cli: &Cli) -> Result<(Vec<Column>, usize), PlanError> {
    let typed = &cli.output;
    let bad = |why: String| usage(format!("--columns: {why}"));
    match (form, typed.columns.as_deref()) {
        (Form::Strace, None) => Ok((tsv::DEFAULT.to_vec(), RESULT_COLUMN)),
        (Form::Tsv, list) => {
            let mut columns = match list {
                Some(list) => tsv::parse_columns(list).map_err(bad)?,
                None => tsv::DEFAULT.to_vec(),
            };
            let stack = typed.stack > 0 || typed.stack_trace.is_some();
            for (wanted, column) in [
                (typed.number, Column::Nr),
                (typed.ip, Column::Ip),
                (stack, Column::Stack),
            ] {
                if wanted && !columns.contains(&column) {
                    tsv::add_column(&mut columns, column);
                }
            }
            Ok((columns, RESULT_COLUMN))
        }
        (Form::Strace, Some(number)) => {
            let column = number.parse::<i32>().ok();
            let column = column.and_then(|column| usize::try_from(column).ok());
            let column = column.ok_or_else(|| match cli.called {
                Called::Own => bad(format!("'{number}' is not a number")),
                Called::Strace => {
                    let option = cli.spelled("-a", &["--columns"]);
                    usage(format!("invalid {option} argument: '{number}'"))
                }
            })?;
            Ok((tsv::DEFAULT.to_vec(), column))
        }
    }
}

/// PIDs separated by commas or white space, in one or several options.
pub(super) fn parse_pids(options: &[String], called: Called) -> Result<Vec<u32>, PlanError> {
    let mut pids = Vec::new();
    let own = called == Called::Own;
    for option in options {
        let words = option
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|word| !word.is_empty());
        let before = pids.len();
        for word in words {
            match word.parse::<u32>() {
                Ok(pid) if pid > 0 && i32::try_from(pid).is_ok() => {
                    if !pids.contains(&pid) {
                        pids.push(pid);
                    }
                }
                _ if own => return Err(usage(format!("-p: '{word}' is not a process id"))),
                _ => return Err(PlanError::Invalid(format!("Invalid process id: '{word}'"))),
            }
        }
        if own && pids.len() == before && option.trim().is_empty() {
            return Err(usage("-p: no process id (does the process run?)"));
        }
    }
    if pids.contains(&std::process::id()) {
        return Err(PlanError::Invalid(
            "-p: the tracer cannot trace itself".to_owned(),
        ));
    }
    Ok(pids)
}

/// Bytes, with K, M or G behind.
pub(super) fn parse_size(text: &str) -> Result<u64, PlanError> {
    let bad = || {
        usage(format!(
            "--buffer-size: '{text}' is not a size (such as 64K, 8M)"
        ))
    };
    let trimmed = text
        .trim()
        .trim_end_matches(['b', 'B'])
        .trim_end_matches(['i']);
    let (digits, shift) = match trimmed.char_indices().last() {
        Some((at, 'k' | 'K')) => (&trimmed[..at], 10),
        Some((at, 'm' | 'M')) => (&trimmed[..at], 20),
        Some((at, 'g' | 'G')) => (&trimmed[..at], 30),
        _ => (trimmed, 0),
    };
    let number: u64 = digits.parse().map_err(|_| bad())?;
    let bytes = number.checked_mul(1 << shift).ok_or_else(bad)?;
    if !(BUFFER_MIN..=BUFFER_MAX).contains(&bytes) {
        return Err(usage(format!(
            "--buffer-size: {text} is not between 4K and 1G"
        )));
    }
    Ok(bytes)
}

/// Buffer per CPU: a power of two, by default as large as the sum allows.
#[must_use]
pub fn buffer_bytes(wanted: Option<u64>, cpus: u32) -> u32 {
    let bytes = wanted.map_or_else(
        || {
            let share = ALL_BUFFERS_BYTES / u64::from(cpus.max(1));
            let share = if share.is_power_of_two() {
                share
            } else {
                share.next_power_of_two() / 2
            };
            share.clamp(64 << 10, BUFFER_BYTES)
        },
        u64::next_power_of_two,
    );
    bytes as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pids_in_every_form() {
        let pids = |options: &[&str]| {
            let options: Vec<String> = options.iter().map(|s| (*s).to_owned()).collect();
            parse_pids(&options, Called::Own)
        };
        assert_eq!(pids(&["1,2", "3"]), Ok(vec![1, 2, 3]));
        assert_eq!(pids(&["1 2\n3", "1"]), Ok(vec![1, 2, 3]));
        for bad in ["x", "0", "-1", "1,x", "99999999999"] {
            assert!(pids(&[bad]).is_err(), "{bad}");
        }
        assert!(pids(&[""]).is_err());
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("4096", 4096),
            ("64K", 65536),
            ("8M", 8 << 20),
            ("8MiB", 8 << 20),
            ("1g", 1 << 30),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for bad in ["", "x", "1", "2G", "-1", "8Mx", "99999999999G"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
        assert_eq!(buffer_bytes(None, 2), 8 << 20);
        assert_eq!(buffer_bytes(None, 32), 8 << 20);
        assert_eq!(buffer_bytes(None, 64), 4 << 20);
        assert_eq!(buffer_bytes(None, 48), 4 << 20);
        assert_eq!(buffer_bytes(Some(100_000), 2), 131_072);
    }
}
