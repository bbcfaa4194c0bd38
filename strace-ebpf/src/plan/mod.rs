//! From what was typed and what the kernel can do to one checked plan. Defaults, conflicts and
//! limits are settled here; no I/O.

pub mod capture;
mod config;
pub mod detail;
pub mod filter;
pub mod functions;
pub mod hook;
pub mod inject;
pub mod launch;
pub mod qualify;
pub mod summary;
pub mod times;
mod typed;

use std::{ffi::OsString, path::PathBuf};

use strace_ebpf_common::{
    config::{STATUS_FAILURE, STATUS_SUCCESS},
    limits::RECORD_MAX,
};

use crate::{
    cli::{Attach, Cli, Transport},
    format::{
        strace::Look,
        time::Style,
        tsv::{Column, add_column},
    },
    tips::Tips,
};
use capture::Limits;
use filter::BAD_ABI;
use launch::Launch;
use qualify::{
    QUIET_ALL, QUIET_ATTACH, QUIET_PERSONALITY, Qualifiers, STATUS_ALL, STATUS_DETACHED,
    STATUS_FAILED, STATUS_SUCCESSFUL, STATUS_UNFINISHED,
};
use summary::Summary;
use times::Times;
pub use typed::{BUFFER_MIN, buffer_bytes};
use typed::{
    parse_call_limit, parse_coloring, parse_columns, parse_form, parse_rendering, parse_size,
    parse_stack, parse_tips, seccomp_in_vain, separate, targets,
};

/// What cannot be done, and why, in one line.
#[derive(Debug, PartialEq, Eq)]
pub enum PlanError {
    /// A bad command line, on which the help has more: status 2.
    Usage(String),
    /// Something on the command line that is not there or not to be had: status 2.
    Invalid(String),
    /// This kernel or this user cannot: status 1.
    Unable(String),
}

impl PlanError {
    /// The line.
    #[must_use]
    pub fn message(self) -> String {
        match self {
            Self::Usage(why) | Self::Invalid(why) | Self::Unable(why) => why,
        }
    }
}

/// What to trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// Processes.
    pub pids: Vec<u32>,
    /// Everything.
    pub all: bool,
    /// A cgroup's tasks.
    pub cgroup: Option<PathBuf>,
    /// A command to run.
    pub command: Vec<OsString>,
    /// Children too.
    pub follow: bool,
    /// Of processes all threads, those to be born too; strace without `-f` traces just one.
    pub threads: bool,
}

/// The form of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Tab-separated values.
    Tsv,
    /// As strace.
    Strace,
}

/// When lines in the strace format have colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coloring {
    /// At a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where the trace goes, and in what form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// `-o`.
    pub file: Option<OsString>,
    /// `--format`.
    pub form: Form,
    /// `--header`.
    pub header: bool,
    /// In order; those of the TSV format.
    pub columns: Vec<Column>,
    /// At the end of the file.
    pub append: bool,
    /// A file for each process.
    pub separate: bool,
    /// Of lines in the strace format, and of values in both.
    pub look: Look,
    /// `--color`.
    pub coloring: Coloring,
    /// In the strace format.
    pub times: Times,
    /// Of the time column.
    pub time: Style,
    /// Most callers that are shown of each call (`-k`).
    pub stack: Option<u32>,
    /// Everything is let go of after so many calls.
    pub call_limit: Option<u64>,
    /// Messages that are left out, `QUIET_*` bits.
    pub quiet: u32,
    /// Say so when events were lost.
    pub tell_loss: bool,
    /// Only the result tells whether a call is wanted: its line waits for it. In the strace format.
    pub staged: bool,
    /// Status 3 on loss.
    pub strict: bool,
}

/// Everything that follows from the command line alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to trace.
    pub targets: Targets,
    /// Which calls and events, and in what detail.
    pub qualifiers: Qualifiers,
    /// Paths that a call must be about to be told, if not all calls are (`-P`).
    pub paths: Vec<OsString>,
    /// `STATUS_*` bits.
    pub status: u32,
    /// How much to copy.
    pub limits: Limits,
    /// Where it goes.
    pub output: Output,
    /// `-c` or `-C`.
    pub summary: Option<Summary>,
    /// `--attach`.
    pub attach: Attach,
    /// `--transport`.
    pub transport: Transport,
    /// `--buffer-size` in bytes.
    pub buffer_bytes: Option<u64>,
    /// `--lossless`.
    pub lossless: bool,
    /// `--debug-probes`.
    pub debug: bool,
    /// How the command is started.
    pub launch: Launch,
    /// `--tips`.
    pub tips: Option<Tips>,
    /// What is odd about the command line, though it can be used.
    pub warnings: Vec<String>,
}

/// Default bytes of a string, as in strace.
const STRING_LIMIT: u32 = 32;
/// Most bytes of one string: with room for the rest of the record.
const STRING_LIMIT_MAX: u32 = RECORD_MAX - 8 * 1024;

fn usage(message: impl Into<String>) -> PlanError {
    PlanError::Usage(message.into())
}

impl Request {
    /// Checks what was typed.
    pub fn new(cli: Cli) -> Result<Self, PlanError> {
        let targets = targets(&cli)?;
        let launch = Launch::new(&cli)?;
        let form = parse_form(&cli.output.format)?;
        if cli.engine.lossless && targets.all {
            return Err(usage(
                "--lossless stops what it traces now and then: not with -a, which is the whole system",
            ));
        }
        if cli.engine.lossless && cli.engine.transport == Transport::Perf {
            return Err(usage(
                "--lossless: not with --transport perf, whose buffers do not tell the probes how full they are",
            ));
        }
        let mut warnings = Vec::new();
        let summary = Summary::new(&cli, form, &mut warnings)?;
        let on_functions = matches!(
            cli.engine.attach,
            Attach::Kprobe | Attach::Kretprobe | Attach::Fentry
        );
        if on_functions && summary.as_ref().is_some_and(|summary| summary.only) {
            return Err(usage(
                "-c counts at tracepoints: --attach kprobe, kretprobe and fentry do not go with it (-C does)",
            ));
        }
        let (mut columns, result_column) = parse_columns(form, &cli)?;
        let qualifiers = Qualifiers::parse(&cli).map_err(|why| match why.contains(BAD_ABI) {
            true => PlanError::Usage(why),
            false => PlanError::Invalid(why),
        })?;
        let told = |bit| qualifiers.status & bit != 0;
        let enters = told(STATUS_UNFINISHED) || told(STATUS_DETACHED);
        let staged = form == Form::Strace && qualifiers.status != STATUS_ALL;
        let mut status = 0;
        // Calls that are told because they did not return are told from those that did by all that did.
        if told(STATUS_SUCCESSFUL) || staged && enters {
            status |= STATUS_SUCCESS;
        }
        if told(STATUS_FAILED) || staged && enters {
            status |= STATUS_FAILURE;
        }
        let mut quiet = qualifiers.quiet;
        if form == Form::Strace && cli.output.file.is_some() && targets.pids.is_empty() {
            // As strace does where its messages would come between those of the command.
            quiet |= QUIET_ATTACH | QUIET_PERSONALITY;
        }
        if cli.filtering.successful_only && cli.filtering.failed_only {
            warnings.push(
                "Only the last of -z/--successful-only/-Z/--failed-only options will take effect. \
                 See status qualifier for more complex filters."
                    .to_owned(),
            );
        }
        let rendering = parse_rendering(&cli)?;
        let stack = parse_stack(&cli)?;
        let coloring = parse_coloring(form, cli.output.color.as_deref())?;
        let times = Times::new(&cli)?;
        let time = match form {
            Form::Tsv => times.single()?,
            Form::Strace => Style::default(),
        };
        if cli.output.append && cli.output.file.is_none() {
            warnings.push("-A/--output-append-mode has no effect without -o/--output".to_owned());
        }
        if cli.what.follow_old > 0 {
            warnings.push(match cli.what.follow {
                0 => "option -F is deprecated, please use -f/--follow-forks instead".to_owned(),
                _ => "deprecated option -F ignored".to_owned(),
            });
        }
        let tips = parse_tips(cli.misc.tips.as_deref())?;
        if cli.misc.seccomp_bpf {
            warnings.extend(seccomp_in_vain(&targets, &launch, &qualifiers));
        }
        let separate = separate(&cli)?;
        let call_limit = parse_call_limit(&cli.output)?;
        // Their numbers tell several apart.
        let sources = targets.pids.len() + usize::from(!targets.command.is_empty());
        let several = targets.follow || sources > 1;
        let look = Look {
            column: result_column,
            bare_tid: cli.output.file.is_some()
                && !separate
                && (several || cli.output.always_show_pid),
            tid: cli.output.always_show_pid && !separate,
            number: cli.output.number,
            ip: cli.output.ip,
            names: cli.output.names,
            durations: times.durations,
            rendering,
        };
        let paths = cli.filtering.paths;
        let selects = !paths.is_empty() || qualifiers.trace_fds.is_some();
        qualifiers
            .inject
            .check(&targets, cli.engine.attach, selects)?;
        warnings.extend(qualifiers.inject.warnings());
        let string_limit = cli.output.string_limit.unwrap_or(STRING_LIMIT);
        if string_limit > STRING_LIMIT_MAX {
            warnings.push(format!(
                "-s {string_limit}: {STRING_LIMIT_MAX} bytes of a string are shown at most, as a record holds no more"
            ));
        }
        // Who names all columns has said which.
        let adds = |list: &str| list.starts_with('+');
        if !qualifiers.inject.is_empty()
            && cli.output.columns.as_deref().is_none_or(adds)
            && !columns.contains(&Column::Injected)
        {
            add_column(&mut columns, Column::Injected);
        }
        if selects && summary.is_some() {
            return Err(usage(
                "-c and -C count in the kernel: -P and -e trace-fds do not go with them",
            ));
        }
        Ok(Self {
            targets,
            status,
            summary,
            paths,
            limits: Limits {
                string: string_limit.min(STRING_LIMIT_MAX),
                no_return: told(STATUS_UNFINISHED),
                report_enter: form == Form::Strace && enters,
                descriptors: qualifiers.decode_fds != 0 || selects,
            },
            output: Output {
                file: cli.output.file,
                form,
                header: cli.output.header,
                columns,
                append: cli.output.append,
                separate,
                look,
                coloring,
                times,
                time,
                stack,
                call_limit,
                quiet,
                tell_loss: cli.output.quiet < 2 && qualifiers.quiet != QUIET_ALL,
                staged,
                strict: cli.engine.strict,
            },
            attach: cli.engine.attach,
            transport: cli.engine.transport,
            buffer_bytes: cli
                .engine
                .buffer_size
                .as_deref()
                .map(parse_size)
                .transpose()?,
            lossless: cli.engine.lossless,
            debug: cli.engine.debug_probes,
            launch,
            tips,
            warnings,
            qualifiers,
        })
    }

    /// Is there a summary and no trace?
    #[must_use]
    pub fn counts_only(&self) -> bool {
        self.summary.as_ref().is_some_and(|summary| summary.only)
    }
}

#[cfg(test)]
mod tests {
    use super::{qualify::QUIET_EXIT, *};

    fn request(line: &str) -> Result<Request, PlanError> {
        let words = std::iter::once("strace-ebpf")
            .chain(line.split_whitespace())
            .map(OsString::from);
        Request::new(crate::cli::parse(words).expect("parses"))
    }

    fn message(line: &str) -> String {
        match request(line) {
            Err(PlanError::Usage(message) | PlanError::Invalid(message)) => message,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn conflicts_and_things_not_built_are_refused_by_name() {
        assert!(message("").contains("what to trace"));
        assert!(message("-a -p 1").contains("-a"));
        assert!(message("--format json ls").contains("not built yet"));
        assert!(message("--format strace --columns x ls").contains("not a number"));
        assert!(message("--format xml ls").contains("unknown format"));
        assert!(message("-c --attach kprobe ls").contains("-c counts at tracepoints"));
        assert!(request("-C --attach kprobe ls").is_ok());
        assert!(message("-e trace=opnat ls").contains("invalid system call 'opnat'"));
        assert!(message("-e inject=none ls").contains("invalid inject argument 'none'"));
        for target in ["-p 1", "-a", "--cgroup /x", "-p 1 ls"] {
            let line = format!("-e inject=close:error=EIO {target}");
            assert!(
                message(&line).contains("not with -p, -a or --cgroup"),
                "{line}"
            );
        }
        let line = "-e fault=close --attach fentry ls";
        assert!(message(line).contains("not with --attach kretprobe or fentry"));
        assert!(message("--fault=close -P /x ls").contains("not with -P"));
        assert!(message("-q -e quiet=none ls").contains("cannot be provided simultaneously"));
        assert!(message("-X names ls").contains("invalid -X argument: 'names'"));
        assert!(message("--strings-in-hex=x ls").contains("invalid --strings-in-hex"));
        assert!(message("-e nosuch=1 ls").contains("unknown qualifier"));
        assert!(message("--color=foo ls").contains("invalid --color argument: 'foo'"));
        assert!(message("--color=always ls").contains("only the strace format"));
        assert!(request("--color=auto ls").is_ok() && request("--color=never ls").is_ok());
        assert!(message("--columns time,nosuch ls").contains("unknown column 'nosuch'"));
    }

    #[test]
    fn success_only_leaves_out_calls_without_an_outcome() {
        let both = request("ls").expect("valid");
        assert!(both.limits.no_return);
        let some = request("-z ls").expect("valid");
        assert!(!some.limits.no_return);
        assert_eq!(some.status, STATUS_SUCCESS);
        // The later one counts.
        for line in [
            "-Z -z ls",
            "-e status=failed -z ls",
            "-Z --status=successful ls",
        ] {
            assert_eq!(request(line).expect(line).status, STATUS_SUCCESS, "{line}");
        }
        let both = request("-Z -z ls").expect("valid");
        assert_eq!(both.warnings.len(), 1);
        // Of what did not return is known only by those that did.
        let some = request("--format strace -e status=unfinished ls").expect("valid");
        assert!(some.limits.report_enter && some.output.staged);
        assert_eq!(some.status, STATUS_SUCCESS | STATUS_FAILURE);
        let some = request("--format strace -z ls").expect("valid");
        assert!(!some.limits.report_enter && some.output.staged);
    }

    #[test]
    fn a_string_limit_beyond_what_a_record_holds_is_told() {
        let large = request("-s 53249 ls").expect("valid");
        assert_eq!(large.limits.string, 53_248);
        assert!(large.warnings[0].starts_with("-s 53249: 53248 bytes"));
        let most = request("-s 53248 ls").expect("valid");
        assert_eq!(most.limits.string, 53_248);
        assert!(most.warnings.is_empty());
    }

    #[test]
    fn messages_that_are_left_out() {
        let quiet = |line| request(line).expect(line).output.quiet;
        assert_eq!(quiet("ls"), 0);
        assert_eq!(quiet("-qqq ls"), QUIET_ALL);
        assert_eq!(quiet("--quiet ls"), quiet("-q ls"));
        assert_eq!(quiet("-e quiet=!all ls"), 0);
        assert_eq!(quiet("-e q=superseded --silence=exits ls"), QUIET_EXIT);
        assert_eq!(quiet("--format strace -o x ls"), quiet("-q ls"));
        assert_eq!(quiet("--format strace -o x -p 1 ls"), 0);
        assert!(!request("-qq ls").expect("valid").output.tell_loss);
        assert!(request("-e quiet=exit ls").expect("valid").output.tell_loss);
    }
}
