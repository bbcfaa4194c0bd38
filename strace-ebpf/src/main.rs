//! The strace-ebpf command.
fn main() {}
