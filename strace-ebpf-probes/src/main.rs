//! The eBPF programs of strace-ebpf.
fn main() {}
