//! Options that choose among the calls and events of what is traced: strace's `-e` expressions, and
//! those of its long options that say the same.

use std::ffi::OsString;

/// Which calls and events.
#[derive(Debug, clap::Args)]
pub struct Filtering {
    /// A qualifying expression, QUALIFIER=SET, or just a SET of calls: NAME[,NAME...], !NAME, %class, /regex, all, none
    #[arg(short = 'e', value_name = "EXPR")]
    pub expressions: Vec<String>,
    /// The calls to trace, as -e trace=SET
    #[arg(long, value_name = "SET")]
    pub trace: Vec<String>,
    /// The signals to tell of, as -e signal=SET
    #[arg(long, visible_alias = "signals", value_name = "SET")]
    pub signal: Vec<String>,
    /// The outcomes to tell of, as -e status=SET: successful, failed, unfinished, unavailable, detached
    #[arg(long, value_name = "SET")]
    pub status: Vec<String>,
    /// Only calls about this path: that name it or are given a descriptor open on it
    #[arg(short = 'P', long = "trace-path", value_name = "PATH")]
    pub paths: Vec<OsString>,
    /// Only calls about these descriptors, as -e trace-fds=SET
    #[arg(long, visible_alias = "trace-fd", value_name = "SET")]
    pub trace_fds: Vec<String>,
    /// Calls of the command that are changed.
    // In brackets rustdoc would see links.
    #[arg(
        long,
        value_name = "SET:WHAT",
        help = "Change calls of the command, as -e inject=SET:WHAT[:WHAT...]: error=ERRNO or retval=VALUE, signal=SIGNAL, \
                delay_enter=TIME, delay_exit=TIME, when=FIRST[..LAST][+[STEP]]"
    )]
    pub inject: Vec<String>,
    /// Calls of the command that fail.
    #[arg(
        long,
        value_name = "SET",
        help = "Let calls of the command fail, as -e fault=SET[:error=ERRNO][:when=WHEN]; ENOSYS unless told otherwise"
    )]
    pub fault: Vec<String>,
    /// Only calls that succeeded
    #[arg(short = 'z', long)]
    pub successful_only: bool,
    /// Only calls that failed
    #[arg(short = 'Z', long, visible_alias = "failing-only")]
    pub failed_only: bool,
}
