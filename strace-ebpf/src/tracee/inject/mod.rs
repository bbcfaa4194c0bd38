//! `-e inject=`: changes calls of a command that we start, without ptrace.
//!
//! The command gives itself a seccomp filter before its execve, by which the kernel asks about the calls of the rules.
//! The *injector* answers, a process of its own that is forked before anything else: with it every call goes on when the
//! tracer ends, in whatever way, where the kernel would have them all fail with ENOSYS if the tracer answered itself.

pub mod filter;
mod serve;
mod wire;

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd},
};

use crate::{plan::inject::Rules, sys};

/// The tracer's end of the injector; when it is closed calls are left alone.
#[derive(Debug)]
pub struct Injector {
    control: OwnedFd,
}

/// What the command needs for its filter, made before the fork.
#[derive(Debug)]
pub struct Asking {
    program: Vec<libc::sock_filter>,
    secret: filter::Secret,
    handover: OwnedFd,
}

/// Starts the injector. To be called while there is a single thread.
pub fn start(rules: &Rules) -> io::Result<(Injector, Asking)> {
    let (control, control_there) = wire::pair()?;
    let (handover, handover_there) = wire::pair()?;
    let mut secret = filter::Secret::default();
    // SAFETY: room for as many bytes.
    let got = unsafe { libc::getrandom((&raw mut secret).cast(), size_of_val(&secret), 0) };
    sys::check(got as i64)?;
    // SAFETY: a single thread.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            drop((control, handover));
            serve::live(rules, control_there, handover_there)
        }
        pid => {
            // Its child is the injector, and nobody's child: neither ours nor, with -D, the command's.
            // SAFETY: no status is wanted.
            unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
            let program = filter::program(rules, secret);
            Ok((
                Injector { control },
                Asking {
                    program,
                    secret,
                    handover,
                },
            ))
        }
    }
}

impl Injector {
    /// Hands over the maps: who is traced, and what was done to calls.
    pub fn begin(&self, tasks: BorrowedFd<'_>, injected: BorrowedFd<'_>) -> io::Result<()> {
        wire::send(
            self.control.as_raw_fd(),
            &[tasks.as_raw_fd(), injected.as_raw_fd()],
        )
    }

    /// Has somebody ended it? Behind the last process that it could be asked about it ends by itself, and says so.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        wire::is_closed(self.control.as_raw_fd())
    }
}

impl Asking {
    /// Installs the filter and hands its listener over; for the child between fork and execve.
    ///
    /// # Errors
    /// The kernel's error number if it refuses the filter.
    pub fn install(&self) -> Result<(), i32> {
        let listener = self.filter()?;
        // From here on calls may be asked about, and there is nobody to answer but for this one.
        let [one, two] = self.secret;
        if wire::send_with(self.handover.as_raw_fd(), listener, one, two) < 0 {
            // The injector is gone: any other call might wait for it forever.
            die();
        }
        Ok(())
    }

    fn filter(&self) -> Result<RawFd, i32> {
        /// Linux 5.19: a call that is being answered is interrupted by what kills only.
        const WAIT_KILLABLE: libc::c_ulong = 1 << 5;
        let program = libc::sock_fprog {
            len: self.program.len() as u16,
            filter: self.program.as_ptr().cast_mut(),
        };
        let mut flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | WAIT_KILLABLE;
        // Twice at most: without the flag, without the privilege.
        for _ in 0..3 {
            // SAFETY: a live program; the errno is this thread's.
            let (got, errno) = unsafe {
                let got = libc::syscall(
                    libc::SYS_seccomp,
                    libc::SECCOMP_SET_MODE_FILTER,
                    flags,
                    &raw const program,
                );
                (got, *libc::__errno_location())
            };
            match errno {
                _ if got >= 0 => return Ok(got as RawFd),
                libc::EINVAL if flags & WAIT_KILLABLE != 0 => flags &= !WAIT_KILLABLE,
                // SAFETY: plain numbers.
                libc::EACCES => unsafe {
                    libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
                },
                _ => return Err(errno),
            }
        }
        Err(libc::EACCES)
    }
}

/// Ends this process without a system call.
fn die() -> ! {
    loop {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: an instruction that there is not: the kernel sends SIGILL.
        unsafe {
            std::arch::asm!("ud2")
        };
        #[cfg(not(target_arch = "x86_64"))]
        // SAFETY: as above.
        unsafe {
            std::arch::asm!("udf #0")
        };
    }
}
