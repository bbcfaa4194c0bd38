//! Options about the summary of calls.

/// Counting calls.
#[derive(Debug, clap::Args)]
pub struct Summary {
    /// Count calls, errors and time in the kernel and print a table at the end, and nothing else
    #[arg(short = 'c', long = "summary-only", overrides_with = "summary_only")]
    pub summary_only: bool,
    /// The same table after the trace
    #[arg(short = 'C', long = "summary", overrides_with = "summary")]
    pub summary: bool,
    /// Time between begin and end of a call, instead of the time for which it had a CPU
    #[arg(
        short = 'w',
        long = "summary-wall-clock",
        overrides_with = "wall_clock"
    )]
    pub wall_clock: bool,
    /// Order of the table: time, min-time, max-time, avg-time, p50, p90, p99, p99.9, calls, errors, name, nothing
    /// (default time)
    #[arg(
        short = 'S',
        long = "summary-sort-by",
        value_name = "SORTBY",
        overrides_with = "sort_by"
    )]
    pub sort_by: Option<String>,
    /// Columns of the table: time-percent, total-time, min-time, max-time, avg-time, p50, p90, p99, p99.9, calls, errors,
    /// abi, name, separated by commas
    #[arg(
        short = 'U',
        long = "summary-columns",
        value_name = "COLUMNS",
        overrides_with = "summary_columns"
    )]
    pub summary_columns: Option<String>,
    /// Take this off the time of each call; a number and s, ms, us (the default) or ns
    #[arg(
        short = 'O',
        long = "summary-syscall-overhead",
        value_name = "OVERHEAD",
        overrides_with = "overhead",
        allow_hyphen_values = true
    )]
    pub overhead: Option<String>,
    /// A row for each pid, comm, cgroup or errno and call, in the TSV format
    #[arg(long, value_name = "GROUP", overrides_with = "by")]
    pub by: Option<String>,
}
