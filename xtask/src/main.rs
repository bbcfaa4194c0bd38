//! Development commands of strace-ebpf, run as `cargo xtask COMMAND`.
fn main() {}
