//! The command line: exactly what was typed. No defaults that depend on anything, no I/O.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, ValueEnum};

/// Trace system calls with eBPF.
#[derive(Debug, Parser)]
#[command(
    name = "strace-ebpf",
    version,
    about = "Trace system calls with eBPF: strace's depth, hundreds of times cheaper, exact about loss",
    override_usage = "strace-ebpf [OPTIONS] [-p PID[,PID]]... | [-a] | [--cgroup PATH] [--] COMMAND [ARG...]",
    after_help = "Exit status: the command's own; killed by the same signal if a signal killed it; otherwise 0,\n\
        1 the tracer failed, 2 usage, 3 events were lost under --strict, 126 the command could not be run,\n\
        127 it was not found.",
    disable_version_flag = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Trace the processes with these PIDs, all their threads (several with commas or spaces)
    #[arg(
        short = 'p',
        long = "pid",
        value_name = "PID[,PID]",
        help_heading = "What to trace"
    )]
    pub pids: Vec<String>,
    /// Trace the whole system but for this tracer
    #[arg(short = 'a', long, help_heading = "What to trace")]
    pub all: bool,
    /// Trace every task in this cgroup v2 subtree
    #[arg(long, value_name = "PATH", help_heading = "What to trace")]
    pub cgroup: Option<PathBuf>,
    /// Trace child processes too
    #[arg(short = 'f', long = "follow-forks", action = ArgAction::Count, help_heading = "What to trace")]
    pub follow: u8,
    /// Which calls: [trace=]NAME[,NAME...], !NAME, %class, /regex, all, none
    #[arg(short = 'e', value_name = "EXPR", help_heading = "What to trace")]
    pub expressions: Vec<String>,
    /// The same as -e trace=SET
    #[arg(long, value_name = "SET", help_heading = "What to trace")]
    pub trace: Vec<String>,
    /// Only calls that succeeded
    #[arg(short = 'z', long, help_heading = "What to trace")]
    pub successful_only: bool,
    /// Only calls that failed
    #[arg(
        short = 'Z',
        long,
        conflicts_with = "successful_only",
        help_heading = "What to trace"
    )]
    pub failed_only: bool,

    /// Write the trace to FILE instead of standard output ('|CMD' pipes it, '-' is standard output)
    #[arg(short = 'o', long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<OsString>,
    /// Form of the trace: tsv, or strace (to standard error)
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "tsv",
        help_heading = "Output"
    )]
    pub format: String,
    /// Print a line with the names of the columns first
    #[arg(long, help_heading = "Output")]
    pub header: bool,
    /// Columns to print, in this order: time pid tid comm syscall ret errno dur args cpu uid cgroup stack; a list that
    /// starts with + adds to the default ones. In the strace format: the column of the results (default 40)
    #[arg(long, value_name = "LIST", help_heading = "Output")]
    pub columns: Option<String>,
    /// Most bytes of a string to print (default 32; paths are never cut)
    #[arg(
        short = 's',
        long = "string-limit",
        value_name = "SIZE",
        help_heading = "Output"
    )]
    pub string_limit: Option<u32>,
    /// Time of day; twice: with microseconds; three times: UNIX seconds with microseconds
    #[arg(short = 't', action = ArgAction::Count, help_heading = "Output")]
    pub time: u8,
    /// Seconds since the line before, in the time column
    #[arg(
        short = 'r',
        long = "relative-timestamps",
        conflicts_with = "time",
        help_heading = "Output"
    )]
    pub relative: bool,
    /// Time spent in the call (always there in the TSV format: column dur)
    #[arg(short = 'T', long = "syscall-times", help_heading = "Output")]
    pub syscall_times: bool,
    /// Do not abbreviate vectors
    #[arg(short = 'v', long = "no-abbrev", help_heading = "Output")]
    pub verbose: bool,
    /// Strings with non-ASCII bytes in hexadecimal; twice: all strings
    #[arg(short = 'x', action = ArgAction::Count, help_heading = "Output")]
    pub hex: u8,
    /// No messages of our own about attaching and detaching; twice: none about loss either
    #[arg(short = 'q', long = "quiet", action = ArgAction::Count, help_heading = "Output")]
    pub quiet: u8,

    /// How to hook system calls
    #[arg(
        long,
        value_name = "HOOK",
        default_value = "auto",
        help_heading = "Engine"
    )]
    pub attach: Attach,
    /// How events leave the kernel
    #[arg(
        long,
        value_name = "HOW",
        default_value = "auto",
        help_heading = "Engine"
    )]
    pub transport: Transport,
    /// Buffer per CPU (K, M and G are understood; default 8M, less where many CPUs make it more than 256M in all)
    #[arg(long, value_name = "SIZE", help_heading = "Engine")]
    pub buffer_size: Option<String>,
    /// Exit with status 3 if any event was lost
    #[arg(long, help_heading = "Engine")]
    pub strict: bool,
    /// Print the probes' own debugging messages
    #[arg(long, help_heading = "Engine")]
    pub debug_probes: bool,

    /// Say what this kernel and this user can do
    #[arg(long, help_heading = "Questions")]
    pub check: bool,
    /// Print the table of system calls
    #[arg(long, help_heading = "Questions")]
    pub list_syscalls: bool,
    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = "Questions")]
    pub version: Option<bool>,

    /// The command to run, and its arguments: everything from the first word that is no option
    #[arg(skip)]
    pub command: Vec<OsString>,
    /// The name that the program was called by
    #[arg(skip)]
    pub called: Called,
}

/// The name that the program was called by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Called {
    /// Its own.
    #[default]
    Own,
    /// `strace`, by a link or a copy.
    Strace,
}

impl Called {
    /// As it begins messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "strace-ebpf",
            Self::Strace => "strace",
        }
    }
}

/// `--attach`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Attach {
    /// The cheapest complete one that this kernel has
    Auto,
    /// Classic tracepoints
    Tracepoint,
    /// BTF-typed raw tracepoints
    TpBtf,
    /// Raw tracepoints
    RawTracepoint,
    /// Not built yet
    Kprobe,
    /// Not built yet
    Fentry,
}

/// `--transport`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// Ring buffers from Linux 5.8 on
    Auto,
    /// BPF ring buffers, one per CPU
    Ringbuf,
    /// perf buffers, one per CPU
    Perf,
}

/// Flags of strace that we know by name but do not have yet; each is refused, never ignored.
const NOT_YET: &[&str] = &[
    "-A",
    "-b",
    "-C",
    "-c",
    "-D",
    "-DD",
    "-DDD",
    "-d",
    "-E",
    "-I",
    "-i",
    "-k",
    "-kk",
    "-N",
    "-n",
    "-O",
    "-P",
    "-S",
    "-U",
    "-u",
    "-w",
    "-X",
    "-Y",
    "-y",
    "-yy",
    "--abbrev",
    "--const-print-style",
    "--daemonize",
    "--decode-fds",
    "--decode-pids",
    "--detach-on",
    "--env",
    "--fault",
    "--inject",
    "--instruction-pointer",
    "--interruptible",
    "--kvm",
    "--lossless",
    "--output-append-mode",
    "--output-separately",
    "--quiet",
    "--raw",
    "--read",
    "--seccomp-bpf",
    "--signals",
    "--signal",
    "--stack-traces",
    "--stack-trace",
    "--status",
    "--strings-in-hex",
    "--summary",
    "--summary-columns",
    "--summary-only",
    "--summary-sort-by",
    "--summary-syscall-overhead",
    "--summary-wall-clock",
    "--syscall-number",
    "--timestamps",
    "--trace-path",
    "--trace-fds",
    "--tips",
    "--user",
    "--verbose",
    "--write",
    "--syscall-limit",
    "--absolute-timestamps",
    "--argv0",
    "--always-show-pid",
    "--color",
    "--secontext",
    "--by",
];

/// A command line that cannot be used, as one line.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Text for standard output, status 0: `--help`, `--version`.
    Text(String),
    /// What is wrong, status 2.
    Usage(String),
}

/// Parses the command line, program name included.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, Refusal> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let called = called(args.first());
    let definition = definition(called);
    let start = command_start(&definition, &args);
    let mut command = args.split_off(start.min(args.len()));
    if command.first().is_some_and(|word| word == "--") {
        command.remove(0);
    }
    let matches = definition
        .try_get_matches_from(&args)
        .map_err(|error| refusal(&error))?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| refusal(&error))?;
    Ok(Cli {
        command,
        called,
        ..cli
    })
}

/// The name that the program goes by: under `strace` it is strace.
#[must_use]
pub fn called(program: Option<&OsString>) -> Called {
    let name = program.map(Path::new).and_then(Path::file_name);
    if name.is_some_and(|name| name == "strace") {
        Called::Strace
    } else {
        Called::Own
    }
}

/// The command line's definition: strace's `-a` is the column of the results, and its format the
/// default.
fn definition(called: Called) -> clap::Command {
    let own = Cli::command();
    match called {
        Called::Own => own,
        Called::Strace => own
            .name("strace")
            .mut_arg("all", |arg| arg.short(None))
            .mut_arg("columns", |arg| arg.short('a'))
            .mut_arg("format", |arg| arg.default_value("strace")),
    }
}

/// Where the command begins: at the first word that is neither an option nor an option's value. The
/// command's own options are none of ours, which clap cannot tell where ours take values (`-p1`).
fn command_start(definition: &clap::Command, args: &[OsString]) -> usize {
    let takes_value = |is_it: &dyn Fn(&clap::Arg) -> bool| {
        definition
            .get_arguments()
            .any(|arg| is_it(arg) && arg.get_action().takes_values())
    };
    let mut at = 1;
    while let Some(word) = args.get(at) {
        let word = word.to_string_lossy();
        let value_is_next = if word == "--" {
            return at;
        } else if let Some(long) = word.strip_prefix("--") {
            takes_value(&|arg| {
                arg.get_long() == Some(long)
                    || arg
                        .get_all_aliases()
                        .is_some_and(|aliases| aliases.contains(&long))
            })
        } else if let Some(cluster) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            // The first one in a cluster that takes a value takes the rest of it, or the next word.
            let valued = cluster
                .char_indices()
                .find(|(_, c)| takes_value(&|arg| arg.get_short() == Some(*c)));
            valued.is_some_and(|(place, c)| place + c.len_utf8() == cluster.len())
        } else {
            return at;
        };
        at += if value_is_next { 2 } else { 1 };
    }
    at
}

fn unknown_option(word: &str) -> String {
    let name = word.split('=').next().unwrap_or(word);
    let in_cluster = || {
        word.chars()
            .skip(1)
            .map(|c| format!("-{c}"))
            .find(|flag| NOT_YET.contains(&flag.as_str()))
    };
    let known = if NOT_YET.contains(&name) {
        Some(name.to_owned())
    } else if word.starts_with("--") {
        None
    } else {
        in_cluster()
    };
    match known {
        Some(flag) => format!("option {flag} is known from strace but not supported yet"),
        None => format!("unknown option {name} (see --help)"),
    }
}

fn refusal(error: &clap::Error) -> Refusal {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Refusal::Text(error.to_string()),
        ErrorKind::UnknownArgument => match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::String(argument)) => Refusal::Usage(unknown_option(argument)),
            _ => Refusal::Usage(first_line(error)),
        },
        _ => Refusal::Usage(first_line(error)),
    }
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or("bad command line");
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(line: &str) -> Result<Cli, Refusal> {
        parse(
            std::iter::once("strace-ebpf")
                .chain(line.split_whitespace())
                .map(OsString::from),
        )
    }

    #[test]
    fn definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_command_keeps_its_own_flags() {
        for line in ["-f -- ls -l --color", "-f ls -l --color"] {
            let cli = parse_words(line).expect("valid");
            assert_eq!(cli.command, ["ls", "-l", "--color"]);
            assert_eq!(cli.follow, 1);
        }
    }

    #[test]
    fn values_may_stick_to_their_options() {
        for line in [
            "-p1 -s5 -ftto/tmp/x ls -s9",
            "-p 1 -s 5 -ftto /tmp/x -- ls -s9",
            "--pid=1 --string-limit 5 -ftt --output /tmp/x ls -s9",
        ] {
            let cli = parse_words(line).expect(line);
            assert_eq!(
                (cli.pids, cli.string_limit, cli.time),
                (vec!["1".to_owned()], Some(5), 2),
                "{line}"
            );
            assert_eq!(cli.output, Some(OsString::from("/tmp/x")), "{line}");
            assert_eq!(cli.command, ["ls", "-s9"], "{line}");
        }
        assert!(parse_words("-o").is_err());
    }

    #[test]
    fn strace_flags_that_we_lack_are_refused_by_name() {
        for (flag, name) in [
            ("-k", "-k"),
            ("-yy", "-y"),
            ("-ttk", "-k"),
            ("--env=A=b", "--env"),
            ("--seccomp-bpf", "--seccomp-bpf"),
            ("-c", "-c"),
        ] {
            let Err(Refusal::Usage(message)) = parse_words(&format!("{flag} ls")) else {
                panic!("{flag} was taken");
            };
            assert!(
                message.contains(name) && message.contains("not supported"),
                "{message}"
            );
        }
        let Err(Refusal::Usage(message)) = parse_words("--no-such-flag ls") else {
            panic!("taken");
        };
        assert_eq!(message, "unknown option --no-such-flag (see --help)");
    }

    #[test]
    fn called_strace_it_is_strace() {
        let words = ["/usr/local/bin/strace", "-a", "60", "-f", "ls", "-a"];
        let cli = parse(words.map(OsString::from)).expect("valid");
        assert_eq!(
            (cli.called, cli.all, cli.follow),
            (Called::Strace, false, 1)
        );
        assert_eq!(
            (cli.columns.as_deref(), cli.format.as_str()),
            (Some("60"), "strace")
        );
        assert_eq!(cli.command, ["ls", "-a"]);
        let cli = parse_words("-a").expect("valid");
        assert_eq!(
            (cli.called, cli.all, cli.format.as_str()),
            (Called::Own, true, "tsv")
        );
    }

    #[test]
    fn help_is_text() {
        assert!(matches!(parse_words("--help"), Err(Refusal::Text(_))));
        assert!(matches!(parse_words("-V"), Err(Refusal::Text(_))));
    }
}
