//! Options about starting the command, and about where the tracer stands to what it traces.

use std::ffi::OsString;

use clap::ArgAction;

/// How the command is started; when we let go.
#[derive(Debug, clap::Args)]
pub struct Launch {
    /// Run the command as this user, with its groups; or as the numbers UID:GID, with no other groups
    #[arg(short = 'u', long, value_name = "USER")]
    pub user: Option<String>,
    /// Put VAR=VAL into the command's environment, or take VAR out of it
    #[arg(short = 'E', long, value_name = "VAR[=VAL]")]
    pub env: Vec<OsString>,
    /// The command's own name for itself, its argument 0
    #[arg(long, value_name = "NAME")]
    pub argv0: Option<OsString>,
    /// Run the tracer as a grandchild, so that the command is our caller's child; twice: in a process group of its
    /// own; three times: in a session of its own
    #[arg(short = 'D', action = ArgAction::Count)]
    pub daemon: u8,
    /// The same by name: grandchild, pgroup, session
    #[arg(long, visible_aliases = ["daemonised", "daemonized"], value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "grandchild")]
    pub daemonize: Option<String>,
    /// What signals such as Ctrl-C do to the tracer: 1 (anywhere) end it; 2 (waiting) end it and the command;
    /// 3 (never) nothing; 4 (never_tstp) nothing, Ctrl-Z neither
    #[arg(short = 'I', long, value_name = "HOW")]
    pub interruptible: Option<String>,
    /// Let go of a process at its next execve (the only CALL there is)
    #[arg(short = 'b', long = "detach-on", value_name = "CALL")]
    pub detach_on: Vec<String>,
    /// Kill what is traced when the tracer ends
    #[arg(long)]
    pub kill_on_exit: bool,
}
