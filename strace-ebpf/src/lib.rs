//! strace-ebpf as a library: rooms in the order in which data flows, docs/design.md.

pub mod check;
pub mod cli;
pub mod decode;
pub mod format;
pub mod kernel;
pub mod list;
pub mod plan;
pub mod probes;
pub mod resolve;
pub mod run;
pub mod say;
pub mod session;
pub mod sink;
pub mod stack;
pub mod summary;
pub mod sys;
pub mod tables;
pub mod tips;
pub mod trace;
pub mod tracee;
pub mod transport;
