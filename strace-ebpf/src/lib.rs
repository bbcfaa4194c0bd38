//! strace-ebpf as a library.
