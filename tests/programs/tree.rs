//! A tree of processes, each with threads that make calls at full speed, to test that none is lost and nothing stays stopped.
//!
//! Usage: `tree [--processes P] [--threads T] [--calls M]` (defaults 10, 2, 1000). Process i has the children 2i + 1 and
//! 2i + 2, if there are so many; each makes M getppid calls in each of T threads, then waits for its children. Output of
//! the first: `ready PID` at the start; `calls getppid TOTAL` and `failed N` (processes that did not leave with 0) at
//! the end. Dies by SIGALRM after 300 s.

use std::io::Write;

fn work(threads: usize, calls: u64) {
    let handles: Vec<_> = (0..threads)
        .map(|_| {
            std::thread::spawn(move || {
                for _ in 0..calls {
                    // SAFETY: no pointers.
                    unsafe { libc::syscall(libc::SYS_getppid) };
                }
            })
        })
        .collect();
    for handle in handles {
        if handle.join().is_err() {
            std::process::exit(1);
        }
    }
}

/// Process `index` of `count`: how many of its descendants failed.
fn grow(index: usize, count: usize, threads: usize, calls: u64) -> i32 {
    let mut children = Vec::new();
    for child in [2 * index + 1, 2 * index + 2] {
        if child >= count {
            break;
        }
        // SAFETY: there is only one thread yet.
        match unsafe { libc::fork() } {
            0 => {
                // SAFETY: as in `main`; an alarm is not inherited.
                unsafe { libc::alarm(300) };
                std::process::exit(grow(child, count, threads, calls).min(100));
            }
            pid => children.push(pid),
        }
    }
    work(threads, calls);
    let mut failed = 0;
    for pid in children {
        let mut status = 0;
        // SAFETY: a valid place for the status.
        let got = unsafe { libc::waitpid(pid, &mut status, 0) };
        failed += if got == pid && libc::WIFEXITED(status) {
            libc::WEXITSTATUS(status)
        } else {
            1
        };
    }
    failed
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut processes, mut threads, mut calls) = (10usize, 2usize, 1000u64);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next().ok_or("a number is missing")?;
        match arg.as_str() {
            "--processes" => processes = value.parse()?,
            "--threads" => threads = value.parse()?,
            "--calls" => calls = value.parse()?,
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    // SAFETY: no memory is involved.
    unsafe { libc::alarm(300) };
    println!("ready {}", std::process::id());
    let failed = grow(0, processes, threads, calls);
    let total = processes as u64 * threads as u64 * calls;
    let text = format!("calls getppid {total}\nfailed {failed}\n");
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
