//! Options about what is traced.

use std::path::PathBuf;

use clap::ArgAction;

/// What to trace, besides a command.
#[derive(Debug, clap::Args)]
pub struct What {
    /// Trace the processes with these PIDs, all their threads (several with commas or spaces)
    #[arg(short = 'p', long = "pid", value_name = "PID[,PID]")]
    pub pids: Vec<String>,
    /// Trace the whole system but for this tracer
    #[arg(short = 'a', long)]
    pub all: bool,
    /// Trace every task in this cgroup v2 subtree
    #[arg(long, value_name = "PATH")]
    pub cgroup: Option<PathBuf>,
    /// Trace child processes too
    #[arg(short = 'f', long = "follow-forks", action = ArgAction::Count)]
    pub follow: u8,
    /// The same, an old name for it
    #[arg(short = 'F', action = ArgAction::Count, hide = true)]
    pub follow_old: u8,
}
