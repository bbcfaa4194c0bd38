//! End-to-end tests: the real binary on the real kernel (docs/output.md says what it promises).
//!
//! Every test runs `strace-ebpf` itself, most on a program of `tests/programs`, and needs the
//! privilege to trace. Each command has a time limit after which its process group is killed.
//! `harness` holds what they share; the other files hold one subject each.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]
#![allow(missing_docs, reason = "the names of tests say it")]

mod harness;
mod oracle;
mod programs;
mod rows;
mod running;

mod attach;
mod awk;
mod cases;
mod color;
mod columns;
mod compat;
mod counts;
mod descriptors;
mod detail;
mod environments;
mod errors;
mod execs;
mod families;
mod filters;
mod hooks;
mod identity;
mod inject;
mod launching;
mod letting_go;
mod lifecycle;
mod line_starts;
mod loss;
mod lossless;
mod misc;
mod odd;
mod output;
mod paths;
mod pids;
mod qualifiers;
mod refusals;
mod scope;
mod signals;
mod sinks;
mod stacks;
mod strace;
mod summary;
mod summary_scope;
