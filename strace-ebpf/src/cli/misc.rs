//! Options about the tracer itself.

/// Everything else.
#[derive(Debug, clap::Args)]
pub struct Misc {
    /// Tell on standard error what the tracer does
    #[arg(short = 'd', long, overrides_with = "debug")]
    pub debug: bool,
    /// Filter calls in the kernel: that is always so here, and nothing changes
    #[arg(long, overrides_with = "seccomp_bpf")]
    pub seccomp_bpf: bool,
    /// Show something good to know at the end: a number or random; none, compact or full
    #[arg(
        long,
        value_name = "[id:]ID,[format:]FORMAT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    pub tips: Option<String>,
}
