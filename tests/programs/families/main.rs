//! One family of system calls at a time, with good and bad arguments, and the lines that a trace of them must have.
//!
//! Usage: `families FAMILY`, in a directory where it may make files. Between `write(-1, "begin", 5)` and
//! `write(-1, "end", 3)` only the calls that are meant are made; then the expected lines are printed, as strace -a1 has
//! them, every address and number being the program's own. `families --list` names the families.

#![allow(
    clippy::expect_used,
    reason = "a program for tests; without its files it cannot say anything"
)]

#[macro_use]
mod lines;

mod addresses;
mod aio;
mod answers;
mod attributes;
mod bpf;
mod commands;
#[cfg(target_arch = "x86_64")]
mod compat;
mod devices;
mod epoll;
mod files;
mod futex;
mod identity;
mod ioctls;
mod ipc;
mod memory;
mod misc;
mod mounts;
mod netlink;
mod options;
mod pipes;
mod processes;
mod quotas;
mod rare;
mod requests;
mod security;
mod signals;
mod sockets;
mod terminal;
mod time;
mod tracing;
mod uring;

use lines::Lines;

/// Makes its calls.
type Family = fn(&mut Lines);

const FAMILIES: &[(&str, Family)] = &[
    ("addresses", addresses::run),
    ("aio", aio::run),
    ("attributes", attributes::run),
    ("bpf", bpf::run),
    ("commands", commands::run),
    #[cfg(target_arch = "x86_64")]
    ("compat", compat::run),
    ("devices", devices::run),
    ("epoll", epoll::run),
    ("files", files::run),
    ("futex", futex::run),
    ("identity", identity::run),
    ("ioctls", ioctls::run),
    ("ipc", ipc::run),
    ("memory", memory::run),
    ("misc", misc::run),
    ("mounts", mounts::run),
    ("netlink", netlink::run),
    ("options", options::run),
    ("pipes", pipes::run),
    ("processes", processes::run),
    ("quotas", quotas::run),
    ("rare", rare::run),
    ("requests", requests::run),
    ("security", security::run),
    ("signals", signals::run),
    ("sockets", sockets::run),
    ("terminal", terminal::run),
    ("time", time::run),
    ("tracing", tracing::run),
    ("uring", uring::run),
];

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    if name == "--list" {
        FAMILIES.iter().for_each(|family| println!("{}", family.0));
        return;
    }
    let Some((_, run)) = FAMILIES.iter().find(|family| family.0 == name) else {
        eprintln!("usage: families FAMILY | --list");
        std::process::exit(2);
    };
    // SAFETY: bounds the whole run, whatever a call waits for.
    unsafe { libc::alarm(60) };
    let now = 0;
    // SAFETY: reads the time zone once, before the calls that count; all zero is a valid tm.
    unsafe { libc::localtime_r(&now, &mut std::mem::zeroed()) };
    // Probes cannot fault pages in: what was never touched and is not touched by a call that fails at once stays unread.
    // SAFETY: calls without pointers.
    unsafe {
        libc::mlockall(libc::MCL_CURRENT);
        libc::munlockall();
    }
    let mut lines = Lines::new();
    run(&mut lines);
    lines.print();
}
