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
    /// Columns to print, in this order: time pid tid comm syscall ret errno dur args cpu uid cgroup stack; a list that
    /// starts with + adds to the default ones. In the strace format: the column of the results (default 40)
    #[arg(long, value_name = "LIST")]
    pub columns: Option<String>,
    /// Most bytes of a string to print (default 32; paths are never cut)
    #[arg(short = 's', long = "string-limit", value_name = "SIZE")]
    pub string_limit: Option<u32>,
    /// Time of day; twice: with microseconds; three times: UNIX seconds with microseconds
    #[arg(short = 't', action = ArgAction::Count)]
    pub time: u8,
    /// Seconds since the line before, in the time column
    #[arg(short = 'r', long = "relative-timestamps", conflicts_with = "time")]
    pub relative: bool,
    /// Time spent in the call (always there in the TSV format: column dur)
    #[arg(short = 'T', long = "syscall-times")]
    pub syscall_times: bool,
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
