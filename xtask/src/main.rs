//! Development commands of strace-ebpf, run as `cargo xtask COMMAND`.
//!
//! This file only knows the command line; each command lives in a module of its own and prints what it does on
//! standard error, so that standard output stays free for the program or the tests it runs.

mod bench;
mod build_ebpf;
mod codegen;
mod oracle;
mod run;
mod setup;
mod test;
mod tools;
mod vm;

use clap::{Parser, Subcommand};

/// Development commands of strace-ebpf.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fetch and build the BPF toolchain into a private cache folder
    Setup(setup::Options),
    /// Compile the probes and put them beside the program that embeds them
    BuildEbpf(build_ebpf::Options),
    /// Build strace-ebpf and run it, through sudo where the privilege is missing
    Run(run::Options),
    /// Build everything and run all tests, the end-to-end tests included
    Test(test::Options),
    /// Run the end-to-end tests, or one command, on other kernels in virtual machines
    Vm(vm::Options),
    /// Measure what tracing costs, beside strace, perf trace and bpftrace where they are installed
    Bench(bench::Options),
    /// Trace the same commands with strace and with strace-ebpf, and compare
    Oracle(oracle::Options),
    /// Inside a guest: measure every hook and transport, for `vm --report`
    #[command(hide = true)]
    Measure,
    /// Write docs/coverage.md: how each system call is shown and which test program makes it
    Coverage {
        /// Write nothing; fail when the page differs from what would be written
        #[arg(long)]
        check: bool,
    },
    /// Write the generated tables
    Codegen {
        /// Write nothing; fail when a generated file differs from what would be written
        #[arg(long)]
        check: bool,
    },
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Setup(options) => setup::setup(options.core).map(drop),
        Command::BuildEbpf(options) => build_ebpf::run(&options),
        Command::Run(options) => run::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Vm(options) => vm::run(&options),
        Command::Measure => vm::measure::run(),
        Command::Oracle(options) => oracle::run(&options),
        Command::Coverage { check } => codegen::coverage(check),
        Command::Codegen { check } => codegen::run(check),
    }
}
