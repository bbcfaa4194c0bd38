//! From what was typed and what the kernel can do to one checked plan. Defaults, conflicts and
//! limits are settled here; no I/O.

pub mod capture;
pub mod detail;
pub mod filter;
pub mod functions;
pub mod hook;
pub mod launch;
pub mod qualify;
pub mod summary;
pub mod times;

use std::{ffi::OsString, path::PathBuf};

use strace_ebpf_common::{
    config::{
        Config, DESCRIPTORS_DETAILS, DESCRIPTORS_PATHS, DESCRIPTORS_PLAIN, EXTRA_FRAMES,
        EXTRA_IDENTITY, EXTRA_IP, EXTRA_SIGNAL_IP, EXTRA_STACK, FOLLOW_ALL, FOLLOW_NONE,
        FOLLOW_THREADS, FileOffsets, Offsets, SCOPE_ALL, SCOPE_CGROUP, STATUS_FAILURE,
        STATUS_SUCCESS, TRANSPORT_MAPPED, TRANSPORT_PERF, TRANSPORT_RINGBUF,
    },
    limits::RECORD_MAX,
    summary::Count,
};

use crate::{
    cli::{self, Attach, Called, Cli, Transport},
    decode::descriptor::{SHOW_PIDFDS, SHOW_SOCKETS},
    format::{
        constants::Constants,
        escape::Hex,
        strace::Look,
        text::Rendering,
        time::Style,
        tsv::{self, Column},
    },
    kernel::{Facts, since},
    probes::attach::Hook,
    tips::Tips,
};
use capture::Limits;
use launch::Launch;
use qualify::{
    QUIET_ALL, QUIET_ATTACH, QUIET_PERSONALITY, Qualifiers, STATUS_ALL, STATUS_DETACHED,
    STATUS_FAILED, STATUS_SUCCESSFUL, STATUS_UNFINISHED,
};
use summary::Summary;
use times::Times;

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

/// Column of the results, as in strace.
const RESULT_COLUMN: usize = 40;
/// Default bytes of a string, as in strace.
const STRING_LIMIT: u32 = 32;
/// Callers that are shown, as in strace.
const FRAME_LIMIT: u32 = 256;
/// Most bytes of one string: with room for the rest of the record.
const STRING_LIMIT_MAX: u32 = RECORD_MAX - 8 * 1024;
/// Default buffer per CPU, and the most of all together.
const BUFFER_BYTES: u64 = 8 << 20;
const ALL_BUFFERS_BYTES: u64 = 256 << 20;
/// Smallest buffer: a page.
pub const BUFFER_MIN: u64 = 4096;
const BUFFER_MAX: u64 = 1 << 30;

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
        let (columns, result_column) = parse_columns(form, cli.called, &cli.output)?;
        let qualifiers = Qualifiers::parse(&cli).map_err(PlanError::Invalid)?;
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
        let rendering = parse_rendering(&cli.output)?;
        let stack = parse_stack(&cli.output)?;
        let coloring = parse_coloring(form, cli.output.color.as_deref())?;
        let times = Times::new(&cli.times)?;
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
                string: cli
                    .output
                    .string_limit
                    .unwrap_or(STRING_LIMIT)
                    .min(STRING_LIMIT_MAX),
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
                call_limit: cli.output.syscall_limit,
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

    /// What the probes find out about descriptors, `DESCRIPTORS_*`.
    #[must_use]
    pub fn descriptors(&self) -> u32 {
        let details = u32::from(SHOW_SOCKETS | SHOW_PIDFDS);
        if !self.limits.descriptors {
            DESCRIPTORS_PLAIN
        } else if self.qualifiers.decode_fds & details == 0 {
            DESCRIPTORS_PATHS
        } else {
            DESCRIPTORS_DETAILS
        }
    }

    /// The probes' settings; `offsets` are those of this kernel, `self_tgid` is the tracer.
    #[must_use]
    pub fn config(
        &self,
        facts: &Facts,
        offsets: Offsets,
        hook: Hook,
        transport: Transport,
        self_tgid: u32,
    ) -> Config {
        let mut scope = 0;
        if self.targets.all {
            scope |= SCOPE_ALL;
        }
        if self.targets.cgroup.is_some() {
            scope |= SCOPE_CGROUP;
        }
        let wants = |column| self.output.columns.contains(&column);
        let mut extra = 0;
        if wants(Column::Uid) || wants(Column::Cgroup) {
            extra |= EXTRA_IDENTITY;
        }
        if wants(Column::Ip) || self.output.look.ip {
            extra |= EXTRA_IP;
            if self.output.form == Form::Strace && facts.version >= since::TASK_PT_REGS {
                extra |= EXTRA_SIGNAL_IP;
            }
        }
        if self.output.stack.is_some() {
            extra |= EXTRA_FRAMES;
        } else if wants(Column::Stack) {
            extra |= EXTRA_STACK;
        }
        Config {
            scope,
            self_tgid,
            follow: match (self.targets.follow, self.targets.threads) {
                (true, _) => FOLLOW_ALL,
                (false, true) => FOLLOW_THREADS,
                (false, false) => FOLLOW_NONE,
            },
            transport: match transport {
                Transport::Mapped => TRANSPORT_MAPPED,
                Transport::Perf => TRANSPORT_PERF,
                Transport::Ringbuf | Transport::Auto => TRANSPORT_RINGBUF,
            },
            // Known when the buffers are made.
            ring_bytes: 0,
            lossless: u32::from(self.lossless),
            status: self.status,
            has_task_btf: u32::from(facts.version >= since::TASK_BTF && facts.offsets.is_ok()),
            pidns_inum: facts.pidns_inum,
            lifecycle: u32::from(!self.counts_only()),
            extra,
            detach_on_exec: u32::from(self.launch.detach_on_exec),
            count: self.count(),
            descriptors: self.descriptors(),
            has_task_regs: u32::from(facts.task_registers),
            kprobes: hook.kprobes(),
            count_missed: u32::from(hook.misses_returns()),
            stoppable: u32::from(hook.on_functions()),
            offsets,
            // Found when they are asked for.
            files: FileOffsets::default(),
        }
    }

    /// Is there a summary and no trace?
    #[must_use]
    pub fn counts_only(&self) -> bool {
        self.summary.as_ref().is_some_and(|summary| summary.only)
    }

    /// The summary's settings. strace counts all calls, whatever their outcome.
    fn count(&self) -> Count {
        let status = match self.output.form {
            Form::Tsv => self.status,
            Form::Strace => STATUS_SUCCESS | STATUS_FAILURE,
        };
        self.summary
            .as_ref()
            .map_or_else(Count::default, |summary| summary.settings(status))
    }
}

fn targets(cli: &Cli) -> Result<Targets, PlanError> {
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
fn parse_stack(output: &cli::Output) -> Result<Option<u32>, PlanError> {
    let limit = output.stack_trace_frame_limit.unwrap_or(FRAME_LIMIT);
    match (output.stack_trace.as_deref(), output.stack) {
        (None, 0) => Ok(None),
        (Some("source"), _) | (None, 2..) => Err(PlanError::Invalid(
            "Stack traces with source line information (-kk/--stack-trace=source option) are not supported".to_owned(),
        )),
        (None | Some("symbol"), _) if limit > 0 => Ok(Some(limit)),
        (None | Some("symbol"), _) => Err(usage("invalid --stack-trace-frame-limit argument: '0'")),
        (Some(other), _) => Err(usage(format!("invalid --stack-trace argument: '{other}'"))),
    }
}

fn parse_tips(text: Option<&str>) -> Result<Option<Tips>, PlanError> {
    let bad = |text| usage(format!("invalid --tips argument: '{text}'"));
    text.map(|text| Tips::parse(text).ok_or_else(|| bad(text)))
        .transpose()
}

/// Where strace says that `--seccomp-bpf` has no effect. Here it never has one: our filter is in the kernel anyway.
fn seccomp_in_vain(targets: &Targets, launch: &Launch, qualifiers: &Qualifiers) -> Option<String> {
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
fn parse_coloring(form: Form, when: Option<&str>) -> Result<Coloring, PlanError> {
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
fn parse_rendering(output: &cli::Output) -> Result<Rendering, PlanError> {
    let strings = match (output.strings_in_hex.as_deref(), output.hex) {
        (None, 0) => Hex::Never,
        (Some("non-ascii-chars"), _) => Hex::NonAsciiBytes,
        (Some("non-ascii"), _) | (None, 1) => Hex::NonAscii,
        (Some("all"), _) | (None, _) => Hex::Always,
        (Some(other), _) => {
            return Err(usage(format!(
                "invalid --strings-in-hex argument: '{other}' (known: non-ascii-chars, non-ascii, all)"
            )));
        }
    };
    let constants = match output.constants.as_deref() {
        None | Some("abbrev") => Constants::Abbrev,
        Some("raw") => Constants::Raw,
        Some("verbose") => Constants::Verbose,
        Some(other) => {
            return Err(usage(format!(
                "invalid -X argument: '{other}' (known: raw, abbrev, verbose)"
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
fn parse_form(format: &str) -> Result<Form, PlanError> {
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
fn separate(cli: &Cli) -> Result<bool, PlanError> {
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
fn parse_columns(
    form: Form,
    called: Called,
    typed: &cli::Output,
) -> Result<(Vec<Column>, usize), PlanError> {
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
            let column = column.ok_or_else(|| match called {
                Called::Own => bad(format!("'{number}' is not a number")),
                Called::Strace => usage(format!("invalid -a argument: '{number}'")),
            })?;
            Ok((tsv::DEFAULT.to_vec(), column))
        }
    }
}

/// PIDs separated by commas or white space, in one or several options.
fn parse_pids(options: &[String], called: Called) -> Result<Vec<u32>, PlanError> {
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
fn parse_size(text: &str) -> Result<u64, PlanError> {
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
    use super::{qualify::QUIET_EXIT, *};

    fn request(line: &str) -> Result<Request, PlanError> {
        let words = std::iter::once("strace-ebpf")
            .chain(line.split_whitespace())
            .map(OsString::from);
        Request::new(cli::parse(words).expect("parses"))
    }

    fn message(line: &str) -> String {
        match request(line) {
            Err(PlanError::Usage(message) | PlanError::Invalid(message)) => message,
            other => panic!("{line}: {other:?}"),
        }
    }

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
        assert!(message("-e inject=none ls").contains("not supported yet"));
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
