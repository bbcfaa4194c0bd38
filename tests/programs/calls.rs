//! Makes system calls at full speed: exact counts for loss tests, time per call for penalty tests.
//!
//! Usage: `calls [--threads N] [--calls M] [--call KIND] [--batch] [--wait]`
//! (defaults 1, 10000, `getppid`). Each of N threads makes M rounds of KIND, started together by a
//! barrier. KIND: `getppid`, `access` (30-byte path which does not exist), `write64` (64 bytes to
//! /dev/null), `openclose` (two calls a round), `pread` (64 bytes of /dev/zero), or `mixed` (the five in
//! turn). Output, in one write(2) at the end: `calls NAME TOTAL` per system call, `wall_ns_per_call`
//! (slowest thread over its own calls), `cpu_ns_per_call` (median over threads; with `--batch` over
//! batches of 10,000 rounds). `calls clock_gettime` counts the reads of the thread CPU clock, which the
//! vDSO passes on to the kernel. `--wait`: the threads are made, `ready PID` is printed, and nothing
//! starts before a line or EOF on stdin. Dies by SIGALRM after 300 s.

use std::io::{BufRead, Write};
use std::sync::{Arc, Barrier};
use std::time::Instant;

const BATCH: u64 = 10_000;
const MISSING: &std::ffi::CStr = c"/no/such/path/strace-ebpf-30by";
const NAMES: [&str; 6] = [
    ACCESS_NAME,
    "close",
    "getppid",
    "openat",
    "pread64",
    "write",
];
const KINDS: [&str; 5] = ["getppid", "access", "write64", "openclose", "pread"];
#[cfg(target_arch = "x86_64")]
const ACCESS_NAME: &str = "access";
#[cfg(not(target_arch = "x86_64"))]
const ACCESS_NAME: &str = "faccessat";

/// The files a thread's calls work on, opened before the start.
#[derive(Clone, Copy)]
struct Files {
    null: i32,
    zero: i32,
}

/// What one thread did: calls by index into `NAMES`, wall time, CPU time per call of each batch.
struct Done {
    counts: [u64; 6],
    clock_reads: u64,
    wall_ns: u128,
    cpu_ns: Vec<f64>,
}

fn open(path: &std::ffi::CStr) -> i64 {
    // SAFETY: `path` is NUL-terminated.
    unsafe {
        libc::syscall(
            libc::SYS_openat,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::O_RDWR,
            0,
        )
    }
}

fn access() -> i64 {
    // SAFETY: the path is NUL-terminated.
    #[cfg(target_arch = "x86_64")]
    let ret = unsafe { libc::syscall(libc::SYS_access, MISSING.as_ptr(), libc::R_OK) };
    // SAFETY: the path is NUL-terminated.
    #[cfg(not(target_arch = "x86_64"))]
    let ret = unsafe {
        libc::syscall(
            libc::SYS_faccessat,
            libc::AT_FDCWD,
            MISSING.as_ptr(),
            libc::R_OK,
        )
    };
    ret
}

/// One round of kind `kind` (index into `KINDS`).
#[inline]
fn round(kind: usize, files: Files, buf: &mut [u8; 64], counts: &mut [u64; 6]) {
    let (name, ok) = match kind {
        // SAFETY: getppid takes no pointers.
        0 => (2, unsafe { libc::syscall(libc::SYS_getppid) } >= 0),
        1 => (0, access() == -1),
        // SAFETY: `buf` holds 64 bytes.
        2 => (
            5,
            unsafe { libc::syscall(libc::SYS_write, files.null, buf.as_ptr(), 64usize) } == 64,
        ),
        3 => {
            let fd = open(c"/dev/null");
            counts[3] += 1;
            // SAFETY: `fd` was opened here and is used nowhere else.
            (
                1,
                fd >= 0 && unsafe { libc::syscall(libc::SYS_close, fd) } == 0,
            )
        }
        // SAFETY: `buf` has room for 64 bytes.
        _ => (
            4,
            unsafe {
                libc::syscall(
                    libc::SYS_pread64,
                    files.zero,
                    buf.as_mut_ptr(),
                    64usize,
                    0i64,
                )
            } == 64,
        ),
    };
    assert!(ok, "{} gave an unexpected result", NAMES[name]);
    counts[name] += 1;
}

fn thread_cpu_ns() -> f64 {
    let mut ts = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `ts` is valid for writing.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut ts) };
    ts.tv_sec as f64 * 1e9 + ts.tv_nsec as f64
}

fn work(kind: Option<usize>, rounds: u64, batch: u64, files: Files) -> Done {
    let mut done = Done {
        counts: [0; 6],
        clock_reads: 1,
        wall_ns: 0,
        cpu_ns: Vec::new(),
    };
    done.cpu_ns.reserve((rounds / batch) as usize + 1);
    let (mut buf, mut calls_before, mut at) = ([b'x'; 64], 0, 0);
    let start = Instant::now();
    let mut cpu = thread_cpu_ns();
    while at < rounds {
        let end = rounds.min(at + batch);
        match kind {
            Some(kind) => (at..end).for_each(|_| round(kind, files, &mut buf, &mut done.counts)),
            None => {
                (at..end).for_each(|i| round((i % 5) as usize, files, &mut buf, &mut done.counts))
            }
        }
        at = end;
        let (now, calls) = (thread_cpu_ns(), done.counts.iter().sum::<u64>());
        done.clock_reads += 1;
        done.cpu_ns
            .push((now - cpu) / (calls - calls_before) as f64);
        (cpu, calls_before) = (now, calls);
    }
    done.wall_ns = start.elapsed().as_nanos();
    done
}

fn report(done: &[Done]) -> String {
    let mut text = String::new();
    for (i, name) in NAMES.iter().enumerate() {
        let total: u64 = done.iter().map(|d| d.counts[i]).sum();
        if total > 0 {
            text += &format!("calls {name} {total}\n");
        }
    }
    text += &format!(
        "calls clock_gettime {}\n",
        done.iter().map(|d| d.clock_reads).sum::<u64>()
    );
    let per_call = |d: &Done| d.wall_ns as f64 / d.counts.iter().sum::<u64>().max(1) as f64;
    text += &format!(
        "wall_ns_per_call {:.1}\n",
        done.iter().map(per_call).fold(0.0, f64::max)
    );
    let mut cpu: Vec<f64> = done.iter().flat_map(|d| d.cpu_ns.iter().copied()).collect();
    cpu.sort_by(f64::total_cmp);
    text + &format!(
        "cpu_ns_per_call {:.1}\n",
        cpu.get(cpu.len() / 2).copied().unwrap_or(0.0)
    )
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut threads, mut rounds, mut kind) = (1usize, 10_000u64, "getppid".to_string());
    let (mut batched, mut wait) = (false, false);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--threads" => {
                threads = args
                    .next()
                    .ok_or("--threads N")?
                    .parse::<usize>()?
                    .clamp(1, 1024)
            }
            "--calls" => rounds = args.next().ok_or("--calls M")?.parse()?,
            "--call" => kind = args.next().ok_or("--call KIND")?,
            "--batch" => batched = true,
            "--wait" => wait = true,
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    let index = KINDS.iter().position(|k| *k == kind);
    if index.is_none() && kind != "mixed" {
        return Err(format!("unknown kind {kind}").into());
    }
    // SAFETY: no memory is involved.
    unsafe { libc::alarm(300) };
    let files = Files {
        null: open(c"/dev/null") as i32,
        zero: open(c"/dev/zero") as i32,
    };
    let batch = if batched { BATCH } else { rounds.max(1) };
    let barrier = Arc::new(Barrier::new(threads + 1));
    let spawn = |_| {
        let barrier = Arc::clone(&barrier);
        std::thread::spawn(move || {
            barrier.wait();
            work(index, rounds, batch, files)
        })
    };
    let handles: Vec<_> = (0..threads).map(spawn).collect();
    if wait {
        println!("ready {}", std::process::id());
        std::io::stdin().lock().read_line(&mut String::new())?;
    }
    barrier.wait();
    let joined: Result<Vec<Done>, _> = handles.into_iter().map(|h| h.join()).collect();
    let done = joined.map_err(|_| "a thread panicked")?;
    std::io::stdout().write_all(report(&done).as_bytes())?;
    Ok(())
}
