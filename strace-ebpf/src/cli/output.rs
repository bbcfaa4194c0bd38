//! Options about lines: their form, what they show, where they go.

use std::ffi::OsString;

use clap::ArgAction;

/// How lines look and where they go.
#[derive(Debug, clap::Args)]
pub struct Output {
    /// Write the trace to FILE instead of standard output ('|CMD' pipes it, '-' is standard output)
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub file: Option<OsString>,
    /// Form of the trace: tsv, or strace (to standard error)
    #[arg(long, value_name = "FORMAT", default_value = "tsv")]
    pub format: String,
    /// Print a line with the names of the columns first
    #[arg(long)]
    pub header: bool,
    /// Columns to print, in this order: time pid tid comm syscall ret errno dur args cpu uid cgroup stack ip nr; a list that
    /// starts with + adds to the default ones. In the strace format: the column of the results (default 40)
    #[arg(long, value_name = "LIST")]
    pub columns: Option<String>,
    /// Most bytes of a string to print (default 32; paths are never cut)
    #[arg(short = 's', long = "string-limit", value_name = "SIZE")]
    pub string_limit: Option<u32>,
    /// Print the instruction pointer of each call (in the TSV format as column ip)
    #[arg(short = 'i', long = "instruction-pointer")]
    pub ip: bool,
    /// Print through which functions the program came to each call (in the TSV format as column stack)
    #[arg(short = 'k', action = ArgAction::Count)]
    pub stack: u8,
    /// The same by name: symbol (source, lines of source code, is not there)
    #[arg(
        long,
        visible_alias = "stack-traces",
        value_name = "HOW",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "symbol"
    )]
    pub stack_trace: Option<String>,
    /// Most functions that are shown of each call's (default 256)
    #[arg(long, value_name = "LIMIT")]
    pub stack_trace_frame_limit: Option<u32>,
    /// Print the number of each call (in the TSV format as column nr)
    #[arg(short = 'n', long = "syscall-number")]
    pub number: bool,
    /// Print the names of arguments (strace format)
    #[arg(short = 'N', long = "arg-names")]
    pub names: bool,
    /// Colors in the strace format: auto (at a terminal, unless NO_COLOR is set), always, never
    #[arg(
        long,
        value_name = "WHEN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "auto"
    )]
    pub color: Option<String>,
    /// Begin each line with the thread's number even where there is just one (strace format)
    #[arg(long)]
    pub always_show_pid: bool,
    /// Add to the end of -o's file
    #[arg(short = 'A', long = "output-append-mode")]
    pub append: bool,
    /// A file for each process, FILE.PID (-ff is the same and -f)
    #[arg(long = "output-separately")]
    pub separately: bool,
    /// Let go of everything after so many calls
    #[arg(long, value_name = "NUMBER")]
    pub syscall_limit: Option<u64>,
    /// Do not abbreviate vectors
    #[arg(short = 'v', long = "no-abbrev")]
    pub verbose: bool,
    /// Strings with non-ASCII bytes in hexadecimal; twice: all strings
    #[arg(short = 'x', action = ArgAction::Count)]
    pub hex: u8,
    /// Which strings are in hexadecimal: non-ascii-chars (only such bytes of them), non-ascii, all
    #[arg(
        long,
        value_name = "WHICH",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "all"
    )]
    pub strings_in_hex: Option<String>,
    /// Constants as numbers (raw), by name (abbrev), or both (verbose)
    #[arg(short = 'X', long = "const-print-style", value_name = "STYLE")]
    pub constants: Option<String>,
    /// No messages about attaching and detaching; twice: none about exits and loss either; three times: none at all
    #[arg(short = 'q', action = ArgAction::Count)]
    pub quiet: u8,
    /// The messages to leave out, as -e quiet=SET: attach, exit, path-resolution, personality, thread-execve, all
    #[arg(
        long = "quiet",
        visible_aliases = ["silent", "silence"],
        value_name = "SET",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "attach,personality"
    )]
    pub silent: Vec<String>,
    /// Paths behind descriptors; twice: also where sockets are connected to, device numbers, processes of pidfds
    #[arg(short = 'y', action = ArgAction::Count)]
    pub descriptors: u8,
    /// What to tell of descriptors, as -e decode-fds=SET: path, socket, dev, pidfd, all, none
    #[arg(
        long,
        visible_alias = "decode-fd",
        value_name = "SET",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "path"
    )]
    pub decode_fds: Vec<String>,
    /// Names of processes and threads behind their numbers
    #[arg(short = 'Y', overrides_with = "comms")]
    pub comms: bool,
    /// What to tell of processes, as -e decode-pids=SET: comm, pidns (their numbers in the tracer's PID namespace),
    /// all, none
    #[arg(long, visible_alias = "decode-pid", value_name = "SET")]
    pub decode_pids: Vec<String>,
    /// The same as --decode-pids=pidns, an old name for it
    #[arg(long, overrides_with = "pidns_translation", hide = true)]
    pub pidns_translation: bool,
    /// The calls whose structures are abbreviated, as -e abbrev=SET
    #[arg(long, value_name = "SET")]
    pub abbrev: Vec<String>,
    /// The calls whose structures are shown at all, as -e verbose=SET
    #[arg(long = "verbose", value_name = "SET")]
    pub structures: Vec<String>,
    /// The calls whose arguments are shown undecoded, as -e raw=SET
    #[arg(long, value_name = "SET")]
    pub raw: Vec<String>,
    /// The descriptors of which data that is read is dumped, as -e read=SET
    #[arg(long, value_name = "SET")]
    pub read: Vec<String>,
    /// The descriptors of which data that is written is dumped, as -e write=SET
    #[arg(long, value_name = "SET")]
    pub write: Vec<String>,
}
