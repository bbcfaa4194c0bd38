//! Options about the engine: hooks, buffers, loss.

use clap::ValueEnum;

/// How events are got at.
#[derive(Debug, clap::Args)]
pub struct Engine {
    /// How to hook system calls
    #[arg(long, value_name = "HOOK", default_value = "auto")]
    pub attach: Attach,
    /// How events leave the kernel
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub transport: Transport,
    /// Buffer per CPU (K, M and G are understood; default 8M, less where many CPUs make it more than 256M in all)
    #[arg(long, value_name = "SIZE")]
    pub buffer_size: Option<String>,
    /// Rather than lose an event, hold the traced processes back (by SIGSTOP) until the tracer has caught up
    #[arg(long)]
    pub lossless: bool,
    /// Exit with status 3 if any event was lost
    #[arg(long)]
    pub strict: bool,
    /// Print the probes' own debugging messages
    #[arg(long)]
    pub debug_probes: bool,
}

/// `--attach`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Attach {
    /// The cheapest complete one that this kernel has
    Auto,
    /// Classic tracepoints
    Tracepoint,
    /// BTF-typed raw tracepoints
    TpBtf,
    /// Raw tracepoints
    RawTracepoint,
    /// kprobes on the functions of the calls, and the tracepoint at their exit
    Kprobe,
    /// kprobes and kretprobes on the functions of the calls: misses returns when many are in flight
    Kretprobe,
    /// fentry and fexit on the function that calls them all, where the kernel is not preemptible
    Fentry,
}

/// `--transport`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// The cheapest one that this kernel has
    Auto,
    /// Memory mapped by both sides, one buffer per CPU: where the kernel does not preempt our programs (before Linux 7.2)
    Mapped,
    /// BPF ring buffers, one per CPU
    Ringbuf,
    /// perf buffers, one per CPU
    Perf,
}

impl Transport {
    /// Name as typed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Mapped => "mapped",
            Self::Ringbuf => "ringbuf",
            Self::Perf => "perf",
        }
    }
}
