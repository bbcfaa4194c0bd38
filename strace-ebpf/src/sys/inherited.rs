//! What we got from whoever started us and change for ourselves: the command is to get it as it was.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

/// Did we begin with SIGPIPE ignored, and SIGCHLD?
static PIPE_IGNORED: AtomicBool = AtomicBool::new(false);
static CHILD_IGNORED: AtomicBool = AtomicBool::new(false);
/// The limit of memory that may be locked, if we have changed it.
static MEMLOCK: OnceLock<libc::rlimit> = OnceLock::new();

/// Runs before `main`, and before the standard library, which ignores SIGPIPE.
// SAFETY: the section holds pointers to functions that the C library calls at the start.
#[used]
#[unsafe(link_section = ".init_array")]
static NOTE: extern "C" fn() = note;

extern "C" fn note() {
    PIPE_IGNORED.store(is_ignored(libc::SIGPIPE), Ordering::Relaxed);
    CHILD_IGNORED.store(is_ignored(libc::SIGCHLD), Ordering::Relaxed);
}

fn is_ignored(signal: i32) -> bool {
    // SAFETY: a valid place for the action; an all-zero one is a valid value.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    }
}

/// From now on we are told how our children end, whoever started us.
pub fn notice_ends_of_children() {
    // SAFETY: a plain disposition.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

/// What a command is to have as we had it.
#[derive(Clone, Copy, Debug)]
pub struct Inherited {
    pipe: libc::sighandler_t,
    child: libc::sighandler_t,
}

/// What we began with.
#[must_use]
pub fn inherited() -> Inherited {
    let disposition = |ignored: &AtomicBool| match ignored.load(Ordering::Relaxed) {
        true => libc::SIG_IGN,
        false => libc::SIG_DFL,
    };
    Inherited {
        pipe: disposition(&PIPE_IGNORED),
        child: disposition(&CHILD_IGNORED),
    }
}

impl Inherited {
    /// Puts it back, between fork and execve.
    pub fn restore(&self) {
        // SAFETY: plain dispositions; a valid structure.
        unsafe {
            libc::signal(libc::SIGPIPE, self.pipe);
            libc::signal(libc::SIGCHLD, self.child);
            if let Some(limit) = MEMLOCK.get() {
                libc::setrlimit(libc::RLIMIT_MEMLOCK, limit);
            }
        }
    }
}

/// Takes the limit off the memory that we may lock, where that is permitted; the limit in bytes.
pub fn lock_any_memory() -> u64 {
    let unlimited = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    let mut limit = unlimited;
    // SAFETY: valid structures.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) == 0 {
            MEMLOCK.get_or_init(|| limit);
        }
        libc::setrlimit(libc::RLIMIT_MEMLOCK, &unlimited);
        libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit);
    }
    limit.rlim_cur
}
