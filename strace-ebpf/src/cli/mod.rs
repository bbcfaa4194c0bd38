//! The command line: exactly what was typed. No defaults that depend on anything, no I/O.

mod engine;
mod errors;
mod filtering;
pub mod lacking;
mod launch;
mod misc;
mod output;
mod summary;
mod times;
mod what;
mod words;

use std::{ffi::OsString, path::Path};

use clap::{ArgAction, CommandFactory, FromArgMatches, Parser};

pub use engine::{Attach, Engine, Transport};
pub use errors::Refusal;
pub use filtering::Filtering;
pub use launch::Launch;
pub use misc::Misc;
pub use output::Output;
pub use summary::Summary;
pub use times::Times;
pub use what::What;

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
    args_override_self = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What to trace.
    #[command(flatten, next_help_heading = "What to trace")]
    pub what: What,
    /// How the command is started.
    #[command(flatten, next_help_heading = "Starting and letting go")]
    pub launch: Launch,
    /// Which of its calls and events.
    #[command(flatten, next_help_heading = "Which events")]
    pub filtering: Filtering,
    /// How lines look and where they go.
    #[command(flatten, next_help_heading = "Output")]
    pub output: Output,
    /// Counting calls.
    #[command(flatten, next_help_heading = "Summary")]
    pub summary: Summary,
    /// What times are shown.
    #[command(flatten, next_help_heading = "Times")]
    pub times: Times,
    /// How events are got at.
    #[command(flatten, next_help_heading = "Engine")]
    pub engine: Engine,
    /// The tracer itself.
    #[command(flatten, next_help_heading = "Miscellaneous")]
    pub misc: Misc,
    /// Questions that are answered at once.
    #[command(flatten, next_help_heading = "Questions")]
    pub questions: Questions,

    /// The command to run, and its arguments: everything from the first word that is no option
    #[arg(skip)]
    pub command: Vec<OsString>,
    /// The name that the program was called by
    #[arg(skip)]
    pub called: Called,
    /// What was typed before the command, long options whole
    #[arg(skip)]
    pub typed: Vec<OsString>,
    /// Options that say QUALIFIER=SET, in the order in which they were typed: a later one replaces an earlier one
    #[arg(skip)]
    pub settings: Vec<Setting>,
}

/// An option that says QUALIFIER=SET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// `None` for `-e`, whose text holds the name.
    pub qualifier: Option<&'static str>,
    /// The set, or `-e`'s text.
    pub text: String,
}

/// Options that are qualifiers: their fields, the qualifier, and for flags the set they stand for.
const QUALIFYING: &[(&str, Option<&str>, Option<&str>)] = &[
    ("expressions", None, None),
    ("trace", Some("trace"), None),
    ("signal", Some("signal"), None),
    ("status", Some("status"), None),
    ("abbrev", Some("abbrev"), None),
    ("structures", Some("verbose"), None),
    ("raw", Some("raw"), None),
    ("read", Some("read"), None),
    ("write", Some("write"), None),
    ("silent", Some("quiet"), None),
    ("decode_fds", Some("decode-fds"), None),
    ("comms", Some("decode-pids"), Some("comm")),
    ("decode_pids", Some("decode-pids"), None),
    ("pidns_translation", Some("decode-pids"), Some("pidns")),
    ("trace_fds", Some("trace-fds"), None),
    ("inject", Some("inject"), None),
    ("fault", Some("fault"), None),
    ("successful_only", Some("status"), Some("successful")),
    ("failed_only", Some("status"), Some("failed")),
];

/// The qualifying options among what was typed, in order.
fn settings(matches: &clap::ArgMatches) -> Vec<Setting> {
    let mut found = Vec::new();
    for (id, qualifier, flag) in QUALIFYING {
        let setting = |text: &str| Setting {
            qualifier: *qualifier,
            text: text.to_owned(),
        };
        match flag {
            Some(set) if matches.get_flag(id) => {
                found.extend(matches.index_of(id).map(|at| (at, setting(set))));
            }
            Some(_) => {}
            None => {
                let texts = matches.get_many::<String>(id).unwrap_or_default();
                let places = matches.indices_of(id).unwrap_or_default();
                found.extend(places.zip(texts.map(|text| setting(text))));
            }
        }
    }
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, setting)| setting).collect()
}

/// Behind the name in `-V` when called strace, in the shape that scripts look for: the strace whose flags and lines these
/// are, and what it has.
const STRACE_VERSION: &str = concat!(
    "-- version 6.1 (as strace-ebpf ",
    env!("CARGO_PKG_VERSION"),
    " has it, by eBPF and without ptrace)\n",
    "Licence: MIT or Apache-2.0, at your choice. There is no warranty.\n\n",
    "Optional features enabled: stack-trace=framehop stack-demangle m32-mpers mx32-mpers"
);

const STRACE_USAGE: &str = "strace [OPTIONS] { -p PID | [-DDD] [-E VAR=VAL]... [-u USERNAME] PROG [ARGS] }\n       \
    strace -c [OPTIONS] { -p PID | [-DDD] [-E VAR=VAL]... [-u USERNAME] PROG [ARGS] }";

/// Questions that are answered at once.
#[derive(Debug, clap::Args)]
pub struct Questions {
    /// Say what this kernel and this user can do
    #[arg(long)]
    pub check: bool,
    /// Print the table of system calls
    #[arg(long)]
    pub list_syscalls: bool,
    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    pub version: Option<bool>,
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
    /// As it begins messages: our own, or, as strace does, the path that was typed.
    #[must_use]
    pub fn name(self, program: Option<&OsString>) -> String {
        match (self, program) {
            (Self::Strace, Some(program)) => program.to_string_lossy().into_owned(),
            (Self::Strace, None) => "strace".to_owned(),
            (Self::Own, _) => "strace-ebpf".to_owned(),
        }
    }
}

/// Parses the command line, program name included.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, Refusal> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let called = called(args.first());
    let definition = definition(called);
    if called == Called::Strace {
        words::complete(&definition, &mut args)?;
    }
    let start = command_start(&definition, called, &args);
    let mut command = args.split_off(start.min(args.len()));
    if command.first().is_some_and(|word| word == "--") {
        command.remove(0);
    }
    let refused = |error: &clap::Error| errors::refusal(error, called, &definition, &args);
    let matches = definition
        .clone()
        .try_get_matches_from(&args)
        .map_err(|error| refused(&error))?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| refused(&error))?;
    Ok(Cli {
        command,
        called,
        settings: settings(&matches),
        typed: args,
        ..cli
    })
}

impl Cli {
    /// An option as messages name it: by its long name if it was typed by one, else by its letter.
    #[must_use]
    pub fn spelled(&self, letter: &'static str, longs: &[&'static str]) -> &'static str {
        let typed = |long: &&&str| errors::long_is_typed(&self.typed, long);
        longs.iter().find(typed).copied().unwrap_or(letter)
    }
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
            .version(STRACE_VERSION)
            .override_usage(STRACE_USAGE)
            .help_template("{usage-heading} {usage}\n\n{all-args}{after-help}")
            .mut_arg("all", |arg| arg.short(None))
            .mut_arg("columns", |arg| arg.short('a'))
            .mut_arg("pids", |arg| arg.long("attach").alias("pid"))
            .mut_arg("attach", |arg| arg.long("hook"))
            .mut_arg("format", |arg| arg.default_value("strace"))
            .infer_long_args(true)
            // As getopt_long(3) has it: what follows an option that takes a value is its value.
            .mut_args(|arg| {
                let takes_next = arg.get_action().takes_values() && !arg.is_require_equals_set();
                arg.allow_hyphen_values(takes_next)
            }),
    }
}

/// Where the command begins: at the first word that is neither an option nor an option's value. The
/// command's own options are none of ours, which clap cannot tell where ours take values (`-p1`).
fn command_start(definition: &clap::Command, called: Called, args: &[OsString]) -> usize {
    let takes_value = |is_it: &dyn Fn(&clap::Arg) -> bool| {
        definition.get_arguments().any(|arg| {
            is_it(arg) && arg.get_action().takes_values() && !arg.is_require_equals_set()
        })
    };
    let mut at = 1;
    while let Some(word) = args.get(at) {
        let word = word.to_string_lossy();
        let value_is_next = if word == "--" {
            return at;
        } else if let Some(long) = word.strip_prefix("--") {
            let names = |arg: &clap::Arg| -> Vec<String> {
                let aliases = arg.get_all_aliases().unwrap_or_default();
                let own = arg.get_long().into_iter().chain(aliases);
                own.map(str::to_owned).collect()
            };
            let exact = |arg: &clap::Arg| names(arg).iter().any(|name| name == long);
            let known = definition.get_arguments().any(exact);
            takes_value(&|arg| {
                let begun = || names(arg).iter().any(|name| name.starts_with(long));
                let is_it = exact(arg) || !known && called == Called::Strace && begun();
                is_it && !arg.is_require_equals_set()
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
            assert_eq!(cli.what.follow, 1);
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
                (cli.what.pids, cli.output.string_limit, cli.times.time),
                (vec!["1".to_owned()], Some(5), 2),
                "{line}"
            );
            assert_eq!(cli.output.file, Some(OsString::from("/tmp/x")), "{line}");
            assert_eq!(cli.command, ["ls", "-s9"], "{line}");
        }
        assert!(parse_words("-o").is_err());
        let cli = parse_words("--strings-in-hex --quiet ls -X raw").expect("valid");
        assert_eq!(cli.output.strings_in_hex.as_deref(), Some("all"));
        assert_eq!(cli.command, ["ls", "-X", "raw"]);
    }

    #[test]
    fn strace_flags_that_we_lack_are_refused_by_name() {
        for name in ["--secontext", "--kvm"] {
            let flag = name;
            let Err(Refusal::Lacking(message)) = parse_words(&format!("{flag} ls")) else {
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
            (cli.called, cli.what.all, cli.what.follow),
            (Called::Strace, false, 1)
        );
        assert_eq!(
            (cli.output.columns.as_deref(), cli.output.format.as_str()),
            (Some("60"), "strace")
        );
        assert_eq!(cli.command, ["ls", "-a"]);
        let cli = parse_words("-a").expect("valid");
        assert_eq!(
            (cli.called, cli.what.all, cli.output.format.as_str()),
            (Called::Own, true, "tsv")
        );
    }

    #[test]
    fn called_strace_it_speaks_of_mistakes_like_strace() {
        let message = |line: &str| {
            let words = std::iter::once("strace").chain(line.split(' '));
            match parse(words.map(OsString::from)) {
                Err(Refusal::Usage(message)) => message,
                other => panic!("{line}: {other:?}"),
            }
        };
        for (line, expected) in [
            ("-Q true", "invalid option -- 'Q'"),
            ("-fQ true", "invalid option -- 'Q'"),
            ("--nosuch true", "unrecognized option '--nosuch'"),
            ("-o", "option requires an argument -- 'o'"),
            ("--output", "option '--output' requires an argument"),
            ("-s x true", "invalid -s argument: 'x'"),
            ("-s -1 true", "invalid -s argument: '-1'"),
            (
                "--string-limit=x true",
                "invalid --string-limit argument: 'x'",
            ),
        ] {
            assert_eq!(message(line), expected, "{line}");
        }
    }

    #[test]
    fn called_strace_long_options_may_be_cut_short() {
        let words = ["strace", "--att", "7", "--string-l", "5", "ls", "--output"];
        let cli = parse(words.map(OsString::from)).expect("valid");
        assert_eq!(
            (cli.what.pids, cli.output.string_limit),
            (vec!["7".to_owned()], Some(5))
        );
        assert_eq!(cli.command, ["ls", "--output"]);
    }

    #[test]
    fn qualifiers_keep_their_order() {
        let cli = parse_words("-z --status=failed -e status=all -Z -e open ls").expect("valid");
        let all: Vec<(Option<&str>, &str)> = cli
            .settings
            .iter()
            .map(|setting| (setting.qualifier, setting.text.as_str()))
            .collect();
        let status = Some("status");
        assert_eq!(
            all,
            [
                (status, "successful"),
                (status, "failed"),
                (None, "status=all"),
                (status, "failed"),
                (None, "open")
            ]
        );
    }

    #[test]
    fn help_is_text() {
        assert!(matches!(parse_words("--help"), Err(Refusal::Text(_))));
        assert!(matches!(parse_words("-V"), Err(Refusal::Text(_))));
    }
}
