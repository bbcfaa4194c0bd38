//! A process with threads in every kind of wait: shows whether attaching and detaching disturbs it.
//!
//! Usage: `attachee [ROUNDS]`. Runs until EOF on stdin, ten minutes at most; with ROUNDS each thread waits so many times, all of
//! them are there from the first wait to the last one, and stdin is not looked at. Threads, in the order of their tids:
//! epoll (epoll_wait), sleep (nanosleep), reader (read of a pipe), writer (into that pipe), futex, recv
//! (SO_RCVTIMEO), sem (semtimedop), busy (getppid at full speed), monitor; waits last up to 200 ms. Output:
//! `ready PID TID...` at the start; at the end `eintr N` (EINTR seen by any thread), `tracer_pid_max N` and
//! `stopped N` (TracerPid and state T or t of any thread, polled every 20 ms), `rounds N` (waits), `busy N`.
//! Killed by force, it leaves its System V semaphore set behind (`ipcs -s`).

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Waits of each thread; 0: until `STOP`.
static MOST: AtomicU64 = AtomicU64::new(0);
/// Where the threads wait for each other before and after their rounds.
static ALL: std::sync::OnceLock<std::sync::Barrier> = std::sync::OnceLock::new();
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

/// Does `round` as often as was asked for, or until the program ends.
fn rounds(mut round: impl FnMut()) {
    let most = MOST.load(Relaxed);
    if most == 0 {
        while !STOP.load(Relaxed) {
            round();
        }
        return;
    }
    let all = ALL.get_or_init(|| std::sync::Barrier::new(NAMES.len()));
    all.wait();
    (0..most).for_each(|_| round());
    all.wait();
}

/// Repeats `wait`.
fn repeat(wait: impl Fn() -> i64) {
    rounds(|| {
        note(wait());
        ROUNDS.fetch_add(1, Relaxed);
    });
}

fn epoll(fd: i32) {
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
    // SAFETY: as above. A reader that has not seen the end yet gets one more byte; closing would free a number that the
    // monitor's next file may get or not.
    unsafe { libc::write(fd, b"x".as_ptr().cast(), 1) };
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

/// A socket at which nothing arrives, with a time limit.
fn silent_socket() -> i32 {
    let mut fds = [0; 2];
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
    fds[0]
}

fn recv(fd: i32) {
    let mut byte = 0u8;
    let byte = &raw mut byte;
    // SAFETY: `byte` has room for one.
    repeat(|| unsafe { libc::recv(fd, byte.cast(), 1, 0) as i64 });
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
    rounds(|| {
        // SAFETY: no pointers.
        unsafe { libc::syscall(libc::SYS_getppid) };
        BUSY.fetch_add(1, Relaxed);
    });
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
    rounds(|| {
        let tasks = std::fs::read_dir("/proc/self/task")
            .into_iter()
            .flatten()
            .flatten();
        for text in tasks.map(|task| std::fs::read_to_string(task.path().join("status"))) {
            look_at(&text.unwrap_or_default());
        }
        note(sleep_ms(20));
    });
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
    // Which thread makes malloc look for another arena, and so for the number of CPUs, depends on which is faster.
    #[cfg(target_env = "gnu")]
    // SAFETY: a setting of the allocator, before there is a second thread.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1)
    };
    if let Some(most) = std::env::args().nth(1) {
        MOST.store(most.parse()?, Relaxed);
    }
    // Descriptors are made before the threads: their numbers are the same in every run.
    let mut pipe = [0; 2];
    // SAFETY: `pipe` has room for two.
    let epoll_fd = unsafe {
        libc::pipe(pipe.as_mut_ptr());
        libc::epoll_create1(libc::EPOLL_CLOEXEC)
    };
    let fds = [epoll_fd, pipe[0], pipe[1], silent_socket()];
    let (tids, mut handles) = (
        std::sync::Arc::new([const { AtomicI64::new(0) }; 9]),
        Vec::new(),
    );
    let bodies: [fn([i32; 4]); 9] = [
        |fds| epoll(fds[0]),
        |_| repeat(|| sleep_ms(WAIT)),
        |fds| reader(fds[1]),
        |fds| writer(fds[2]),
        |_| futex(),
        |fds| recv(fds[3]),
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
                    body(fds);
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
    if MOST.load(Relaxed) == 0 {
        until_eof();
    }
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
