//! Options about times: of lines, between lines, in calls.

use clap::ArgAction;

/// What times are shown, and how exactly.
#[derive(Debug, clap::Args)]
pub struct Times {
    /// Time of day; twice: with microseconds; three times: UNIX seconds with microseconds
    #[arg(short = 't', action = ArgAction::Count)]
    pub time: u8,
    /// The same in full, as FORMAT or FORMAT,PRECISION: none, time or unix; s, ms, us or ns
    #[arg(
        long,
        visible_alias = "timestamps",
        value_name = "FORMAT[,PRECISION]",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    pub absolute_timestamps: Option<String>,
    /// Seconds since the line before
    #[arg(short = 'r', action = ArgAction::Count)]
    pub relative: u8,
    /// The same with a precision: s, ms, us or ns
    #[arg(
        long,
        value_name = "PRECISION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "us"
    )]
    pub relative_timestamps: Option<String>,
    /// Time spent in the call (always there in the TSV format: column dur)
    #[arg(short = 'T', action = ArgAction::Count)]
    pub duration: u8,
    /// The same with a precision: s, ms, us or ns
    #[arg(
        long,
        value_name = "PRECISION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "us"
    )]
    pub syscall_times: Option<String>,
}
