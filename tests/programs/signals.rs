//! Signals a process gets: handled, ignored by default, queued with a value, from a timer, and deadly ones.
//!
//! Usage: `signals self`: SIGUSR1 five times by tgkill, SIGCHLD (default disposition) from a child which
//! ends with status 3, SIGRTMIN+1 queued with the value 42, SIGALRM once by setitimer after 20 ms. Output:
//! `delivered SIGUSR1 5`, `child PID 3`, `delivered SIGRTMIN+1 1 value 42`, `delivered SIGALRM 1`.
//! `signals kill SIG` (a number; not a stopping one) prints `killing PID SIG` and sends itself SIG with the
//! default disposition, `survived` if that did not end it; `signals abort` and `signals segv` (a read of
//! address 0) print `aborting PID` and `faulting PID` before. Core size limits are the caller's.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

static USR1: AtomicI64 = AtomicI64::new(0);
static ALRM: AtomicI64 = AtomicI64::new(0);
static QUEUED: AtomicI64 = AtomicI64::new(0);
static VALUE: AtomicI64 = AtomicI64::new(0);

extern "C" fn count(signal: i32) {
    let counter = if signal == libc::SIGUSR1 {
        &USR1
    } else {
        &ALRM
    };
    counter.fetch_add(1, Relaxed);
}

extern "C" fn queued(_: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    QUEUED.fetch_add(1, Relaxed);
    // SAFETY: with SA_SIGINFO the kernel passes a valid siginfo, here one made by sigqueue.
    VALUE.store(unsafe { (*info).si_value().sival_ptr as i64 }, Relaxed);
}

fn handle(signal: i32, handler: usize, flags: i32) {
    // SAFETY: all zero is a valid sigaction; the handlers only touch atomics.
    let ret = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        libc::sigaction(signal, &action, std::ptr::null_mut())
    };
    assert_eq!(ret, 0, "sigaction {signal}");
}

/// Sleeps in steps of 1 ms, 5 s at most, until `counter` is not 0.
fn wait_for(counter: &AtomicI64) {
    for _ in 0..5000 {
        if counter.load(Relaxed) != 0 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

fn run_self() {
    let count = count as extern "C" fn(i32) as *const () as usize;
    handle(libc::SIGUSR1, count, libc::SA_RESTART);
    // SAFETY: no pointers.
    let (pid, tid) = unsafe { (libc::getpid(), libc::syscall(libc::SYS_gettid)) };
    for _ in 0..5 {
        // SAFETY: no pointers; the signal has a handler.
        unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, libc::SIGUSR1) };
    }
    println!("delivered SIGUSR1 {}", USR1.load(Relaxed));

    let mut status = 0;
    // SAFETY: one thread; the child only leaves.
    let child = unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::_exit(3);
        }
        libc::waitpid(child, &mut status, 0);
        child
    };
    println!("child {child} {}", libc::WEXITSTATUS(status));

    let queued =
        queued as extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) as *const () as usize;
    handle(libc::SIGRTMIN() + 1, queued, libc::SA_SIGINFO);
    // SAFETY: the value is a number, never followed as a pointer.
    unsafe {
        libc::sigqueue(
            pid,
            libc::SIGRTMIN() + 1,
            libc::sigval {
                sival_ptr: 42 as *mut _,
            },
        )
    };
    wait_for(&QUEUED);
    println!(
        "delivered SIGRTMIN+1 {} value {}",
        QUEUED.load(Relaxed),
        VALUE.load(Relaxed)
    );

    handle(libc::SIGALRM, count, 0);
    let zero = libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    let once = libc::itimerval {
        it_interval: zero,
        it_value: libc::timeval {
            tv_sec: 0,
            tv_usec: 20_000,
        },
    };
    // Blocked until we wait for it: it always interrupts that call and no other.
    // SAFETY: valid sets.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    unsafe {
        libc::sigaddset(&mut set, libc::SIGALRM);
        libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
        libc::sigdelset(&mut set, libc::SIGALRM);
    }
    // SAFETY: `once` is valid, the old value not wanted.
    unsafe {
        libc::syscall(
            libc::SYS_setitimer,
            libc::ITIMER_REAL,
            &once,
            std::ptr::null_mut::<libc::itimerval>(),
        )
    };
    // SAFETY: a valid set.
    unsafe { libc::sigsuspend(&set) };
    println!("delivered SIGALRM {}", ALRM.load(Relaxed));
}

fn kill(signal: i32) {
    // Rust's runtime ignores SIGPIPE and handles SIGSEGV and SIGBUS: back to the default first.
    if signal != libc::SIGKILL {
        handle(signal, libc::SIG_DFL, 0);
    }
    println!("killing {} {signal}", std::process::id());
    // SAFETY: no pointers.
    unsafe { libc::kill(libc::getpid(), signal) };
    println!("survived");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["self"] => run_self(),
        ["kill", signal] => match signal.parse()? {
            libc::SIGSTOP..=libc::SIGTTOU => {
                return Err("a stopped process would wait for ever".into());
            }
            signal => kill(signal),
        },
        ["abort"] => {
            println!("aborting {}", std::process::id());
            std::process::abort();
        }
        ["segv"] => {
            handle(libc::SIGSEGV, libc::SIG_DFL, 0);
            println!("faulting {}", std::process::id());
            // SAFETY: none: the fault is the purpose, and it ends the process.
            std::hint::black_box(unsafe { libc::strlen(std::hint::black_box(std::ptr::null())) });
        }
        _ => return Err("usage: signals self | kill SIG | abort | segv".into()),
    }
    Ok(())
}
