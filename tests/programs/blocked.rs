//! Threads which are inside a call when a tracer attaches or lets go.
//!
//! Usage: `blocked [--threads N] [--ms T] [--call nanosleep|poll|mixed]` (50, 2000, mixed: every other
//! thread polls). Each thread makes one call of T ms and ends. Output: `ready PID` about 50 ms after all
//! threads went into their calls; when all ended `done N` (calls which ran to their end) and `eintr N`.
//! T is at most 60000; dies by SIGALRM after 90 s.

use std::sync::{Arc, Barrier};

fn block(poll: bool, ms: i64) -> i32 {
    let time = libc::timespec {
        tv_sec: ms / 1000,
        tv_nsec: ms % 1000 * 1_000_000,
    };
    // SAFETY: `time` is valid; a poll of no descriptors reads no array.
    let ret = unsafe {
        if poll {
            libc::poll(std::ptr::null_mut(), 0, ms as i32).into()
        } else {
            libc::syscall(
                libc::SYS_nanosleep,
                &time,
                std::ptr::null_mut::<libc::timespec>(),
            )
        }
    };
    if ret == 0 {
        0
    } else {
        std::io::Error::last_os_error().raw_os_error().unwrap_or(-1)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut threads, mut ms, mut call) = (50usize, 2000i64, "mixed".to_string());
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next().ok_or("an option lacks its value")?;
        match arg.as_str() {
            "--threads" => threads = value.parse::<usize>()?.clamp(1, 4096),
            "--ms" => ms = value.parse::<i64>()?.clamp(0, 600_000),
            "--call" => call = value,
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    // SAFETY: no memory is involved.
    unsafe { libc::alarm(900) };
    let barrier = Arc::new(Barrier::new(threads + 1));
    let spawn = |i: usize| {
        let (barrier, poll) = (
            Arc::clone(&barrier),
            call == "poll" || (call == "mixed" && i % 2 == 1),
        );
        std::thread::spawn(move || {
            barrier.wait();
            block(poll, ms)
        })
    };
    let handles: Vec<_> = (0..threads).map(spawn).collect();
    barrier.wait();
    std::thread::sleep(std::time::Duration::from_millis(50));
    println!("ready {}", std::process::id());
    let joined: Result<Vec<i32>, _> = handles.into_iter().map(|handle| handle.join()).collect();
    let results = joined.map_err(|_| "a thread panicked")?;
    println!(
        "done {}",
        results.iter().filter(|errno| **errno == 0).count()
    );
    println!(
        "eintr {}",
        results
            .iter()
            .filter(|errno| **errno == libc::EINTR)
            .count()
    );
    Ok(())
}
