//! A process with threads in every kind of wait: shows whether attaching and detaching disturbs it.
//!
//! Usage: `attachee`. Runs until EOF on stdin, 60 s at most. Threads, in the order of their tids:
//! epoll (epoll_wait), sleep (nanosleep), reader (read of a pipe), writer (into that pipe), futex, recv
//! (SO_RCVTIMEO), sem (semtimedop), busy (getppid at full speed), monitor; waits last up to 200 ms. Output:
//! `ready PID TID...` at the start; at the end `eintr N` (EINTR seen by any thread), `tracer_pid_max N` and
//! `stopped N` (TracerPid and state T or t of any thread, polled every 20 ms), `rounds N` (waits), `busy N`.
//! Killed by force, it leaves its System V semaphore set behind (`ipcs -s`).

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

static STOP: AtomicBool = AtomicBool::new(false);
static EINTR: AtomicU64 = AtomicU64::new(0);
static ROUNDS: AtomicU64 = AtomicU64::new(0);
static BUSY: AtomicU64 = AtomicU64::new(0);
static STOPPED: AtomicU64 = AtomicU64::new(0);
static TRACER_PID_MAX: AtomicU64 = AtomicU64::new(0);
const NAMES: [&str; 9] = [
    "epoll", "sleep", "reader", "writer", "futex", "recv", "sem", "busy", "monitor",
];
/// In milliseconds.
const WAIT: i64 = 200;
const LIMIT: Duration = Duration::from_secs(600);

fn time(ms: i64) -> libc::timespec {
    libc::timespec {
        tv_sec: ms / 1000,
        tv_nsec: ms % 1000 * 1_000_000,
    }
}

/// Counts an EINTR; every other result is the thread's own business.
fn note(ret: i64) -> i64 {
    if ret == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) {
        EINTR.fetch_add(1, Relaxed);
    }
    ret
}

/// Repeats `wait` until the program ends.
fn repeat(wait: impl Fn() -> i64) {
    while !STOP.load(Relaxed) {
        note(wait());
        ROUNDS.fetch_add(1, Relaxed);
    }
}

fn epoll() {
    // SAFETY: no pointers.
    let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    let mut event = libc::epoll_event { events: 0, u64: 0 };
    let event = &raw mut event;
    // SAFETY: `event` has room for the one event asked for.
    repeat(|| i64::from(unsafe { libc::epoll_wait(fd, event, 1, WAIT as i32) }));
}

fn sleep_ms(ms: i64) -> i64 {
    // SAFETY: the time is valid, the remainder not wanted.
    unsafe {
        libc::syscall(
            libc::SYS_nanosleep,
            &time(ms),
            std::ptr::null_mut::<libc::timespec>(),
        )
    }
}

fn reader(fd: i32) {
    let mut byte = 0u8;
    let byte = &raw mut byte;
    // SAFETY: `byte` has room for one.
    repeat(|| unsafe { libc::read(fd, byte.cast(), 1) as i64 });
}

fn writer(fd: i32) {
    repeat(|| {
        note(sleep_ms(WAIT / 2));
        // SAFETY: one byte is read from a constant.
        unsafe { libc::write(fd, b"x".as_ptr().cast(), 1) as i64 }
    });
    // SAFETY: only this thread uses `fd`; the reader sees one EOF at least.
    unsafe { libc::close(fd) };
}

fn futex() {
    let word = 0u32;
    // SAFETY: `word` and the time are valid; nobody wakes it, so it times out.
    repeat(|| unsafe {
        libc::syscall(
            libc::SYS_futex,
            &raw const word,
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            0,
            &time(WAIT),
        )
    });
}

fn recv() {
    let (mut fds, mut byte) = ([0; 2], 0u8);
    let limit = libc::timeval {
        tv_sec: 0,
        tv_usec: WAIT * 1000,
    };
    let length = size_of_val(&limit) as u32;
    // SAFETY: `fds` has room for two, and the option's value is a timeval.
    unsafe {
        libc::socketpair(libc::AF_UNIX, libc::SOCK_DGRAM, 0, fds.as_mut_ptr());
        libc::setsockopt(
            fds[0],
            libc::SOL_SOCKET,
            libc::SO_RCVTIMEO,
            (&raw const limit).cast(),
            length,
        );
    }
    let byte = &raw mut byte;
    // SAFETY: `byte` has room for one.
    repeat(|| unsafe { libc::recv(fds[0], byte.cast(), 1, 0) as i64 });
}

fn sem() {
    // SAFETY: no pointers.
    let id = unsafe { libc::semget(libc::IPC_PRIVATE, 1, 0o600) };
    let mut down = libc::sembuf {
        sem_num: 0,
        sem_op: -1,
        sem_flg: 0,
    };
    let down = &raw mut down;
    // SAFETY: one operation and a valid time; the semaphore is 0, so it times out.
    repeat(|| unsafe { libc::syscall(libc::SYS_semtimedop, id, down, 1usize, &time(WAIT)) });
    // SAFETY: the set is this thread's own.
    unsafe { libc::semctl(id, 0, libc::IPC_RMID) };
}

fn busy() {
    while !STOP.load(Relaxed) {
        // SAFETY: no pointers.
        unsafe { libc::syscall(libc::SYS_getppid) };
        BUSY.fetch_add(1, Relaxed);
    }
}

fn look_at(status: &str) {
    for line in status.lines() {
        if let Some(pid) = line.strip_prefix("TracerPid:") {
            TRACER_PID_MAX.fetch_max(pid.trim().parse().unwrap_or(u64::MAX), Relaxed);
        } else if line.starts_with("State:\tT") || line.starts_with("State:\tt") {
            STOPPED.fetch_add(1, Relaxed);
        }
    }
}

fn monitor() {
    while !STOP.load(Relaxed) {
        let tasks = std::fs::read_dir("/proc/self/task")
            .into_iter()
            .flatten()
            .flatten();
        for text in tasks.map(|task| std::fs::read_to_string(task.path().join("status"))) {
            look_at(&text.unwrap_or_default());
        }
        note(sleep_ms(20));
    }
}

/// Returns at EOF on stdin or after `LIMIT`.
fn until_eof() {
    let start = Instant::now();
    let mut buf = [0u8; 64];
    while let Some(left) = LIMIT.checked_sub(start.elapsed()) {
        let mut fd = libc::pollfd {
            fd: 0,
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one descriptor.
        let ready = note(i64::from(unsafe {
            libc::poll(&mut fd, 1, left.as_millis() as i32)
        }));
        if ready > 0 {
            // SAFETY: `buf` has room for its length.
            let got = unsafe { libc::read(0, buf.as_mut_ptr().cast(), buf.len()) };
            if note(got as i64) == 0 {
                return;
            }
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // SAFETY: no memory is involved.
    unsafe { libc::alarm(900) };
    let mut pipe = [0; 2];
    // SAFETY: `pipe` has room for two.
    unsafe { libc::pipe(pipe.as_mut_ptr()) };
    let (tids, mut handles) = (
        std::sync::Arc::new([const { AtomicI64::new(0) }; 9]),
        Vec::new(),
    );
    let bodies: [fn([i32; 2]); 9] = [
        |_| epoll(),
        |_| repeat(|| sleep_ms(WAIT)),
        |pipe| reader(pipe[0]),
        |pipe| writer(pipe[1]),
        |_| futex(),
        |_| recv(),
        |_| sem(),
        |_| busy(),
        |_| monitor(),
    ];
    for (i, (name, body)) in NAMES.into_iter().zip(bodies).enumerate() {
        let tids = tids.clone();
        handles.push(
            std::thread::Builder::new()
                .name(name.into())
                .spawn(move || {
                    // SAFETY: no pointers.
                    tids[i].store(unsafe { libc::syscall(libc::SYS_gettid) }, Relaxed);
                    body(pipe);
                })?,
        );
    }
    while tids.iter().any(|tid| tid.load(Relaxed) == 0) {
        std::thread::yield_now();
    }
    let list: Vec<String> = tids
        .iter()
        .map(|tid| tid.load(Relaxed).to_string())
        .collect();
    println!("ready {} {}", std::process::id(), list.join(" "));
    until_eof();
    STOP.store(true, Relaxed);
    handles
        .into_iter()
        .try_for_each(|handle| handle.join().map_err(|_| "a thread panicked"))?;
    println!(
        "eintr {}\ntracer_pid_max {}",
        EINTR.load(Relaxed),
        TRACER_PID_MAX.load(Relaxed)
    );
    println!(
        "stopped {}\nrounds {}\nbusy {}",
        STOPPED.load(Relaxed),
        ROUNDS.load(Relaxed),
        BUSY.load(Relaxed)
    );
    Ok(())
}
