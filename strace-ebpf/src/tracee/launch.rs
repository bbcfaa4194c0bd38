//! Starts the command so that its very first execve can be traced: the child waits on a pipe
//! until the probes are attached and it is marked, then executes.
//!
//! The child is made by fork(2) while this process has a single thread; between fork and execve it
//! makes only async-signal-safe calls on memory prepared before.

use std::{
    ffi::{CString, OsStr, OsString},
    io::{self, Read, Write},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
};

/// Why a command cannot be started: the exit statuses of sh(1).
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Status 127.
    #[error("cannot find command '{0}'")]
    NotFound(String),
    /// Status 126.
    #[error("cannot execute '{0}': {1}")]
    NotExecutable(String, io::Error),
    /// Status 1.
    #[error("cannot start a process: {0}")]
    Fork(#[from] io::Error),
}

impl LaunchError {
    /// The status to exit with.
    #[must_use]
    pub fn status(&self) -> i32 {
        match self {
            Self::NotFound(_) => 127,
            Self::NotExecutable(..) => 126,
            Self::Fork(_) => 1,
        }
    }
}

/// A child that waits for its start.
#[derive(Debug)]
pub struct Child {
    pid: u32,
    program: String,
    go: Option<OwnedFd>,
    failure: OwnedFd,
}

impl Child {
    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Lets the child execute its program.
    pub fn start(&mut self) -> Result<(), LaunchError> {
        if let Some(go) = self.go.take() {
            std::fs::File::from(go).write_all(b"!")?;
        }
        Ok(())
    }

    /// Why the child did not get to its program, asked after it has ended.
    #[must_use]
    pub fn exec_failure(&self) -> Option<LaunchError> {
        let mut bytes = [0; 4];
        let fd = self.failure.try_clone().ok()?;
        std::fs::File::from(fd).read_exact(&mut bytes).ok()?;
        let error = io::Error::from_raw_os_error(i32::from_ne_bytes(bytes));
        Some(match error.kind() {
            io::ErrorKind::NotFound => LaunchError::NotFound(self.program.clone()),
            _ => LaunchError::NotExecutable(self.program.clone(), error),
        })
    }
}

/// Finds the program as execvp(3) would: one with a slash is taken as it is, another is looked for
/// in PATH. Doing it here keeps failed attempts out of the trace.
pub fn find_program(name: &OsStr) -> Result<PathBuf, LaunchError> {
    if name.is_empty() {
        return Err(LaunchError::NotFound(String::new()));
    }
    if name.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(name));
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/bin:/usr/bin".into());
    let mut denied = None;
    for dir in std::env::split_paths(&path) {
        let dir = if dir.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            dir
        };
        let candidate = dir.join(name);
        match executable(&candidate) {
            Ok(true) => return Ok(candidate),
            Ok(false) => {}
            Err(error) => denied = Some(error),
        }
    }
    let name = name.to_string_lossy().into_owned();
    Err(match denied {
        Some(error) => LaunchError::NotExecutable(name, error),
        None => LaunchError::NotFound(name),
    })
}

/// Is there a regular file that we may execute? An error if there is one that we may not.
fn executable(path: &Path) -> io::Result<bool> {
    if !path.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Ok(false);
    }
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: a NUL-terminated path.
    match unsafe { libc::access(path.as_ptr(), libc::X_OK) } {
        0 => Ok(true),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Forks the child. With `stdout_to_stderr` its standard output becomes its standard error, so
/// that ours carries the trace alone.
pub fn prepare(command: &[OsString], stdout_to_stderr: bool) -> Result<Child, LaunchError> {
    let name = command.first().cloned().unwrap_or_default();
    let program = find_program(&name)?;
    let shown = name.to_string_lossy().into_owned();
    let path = c_string(program.into_os_string())?;
    let args: Vec<CString> = command
        .iter()
        .cloned()
        .map(c_string)
        .collect::<Result<_, _>>()?;
    let mut argv: Vec<*const libc::c_char> = args.iter().map(|arg| arg.as_ptr()).collect();
    argv.push(std::ptr::null());
    let (go_read, go_write) = pipe()?;
    let (failure_read, failure_write) = pipe()?;
    // SAFETY: a single thread; the child's code below is async-signal-safe.
    let pid = unsafe { libc::fork() };
    if pid < 0 {
        return Err(LaunchError::Fork(io::Error::last_os_error()));
    }
    if pid == 0 {
        drop(go_write);
        // SAFETY: see `child`.
        unsafe {
            child(
                go_read.as_raw_fd(),
                failure_write.as_raw_fd(),
                &path,
                &argv,
                stdout_to_stderr,
            )
        }
    }
    Ok(Child {
        pid: pid as u32,
        program: shown,
        go: Some(go_write),
        failure: failure_read,
    })
}

/// The child between fork and execve.
///
/// # Safety
/// Called in a fresh child with live, NUL-terminated arguments.
unsafe fn child(
    go: i32,
    failure: i32,
    path: &CString,
    argv: &[*const libc::c_char],
    stdout_to_stderr: bool,
) -> ! {
    // SAFETY: async-signal-safe calls on memory made before the fork.
    unsafe {
        // Rust ignores SIGPIPE; a program expects its default.
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        if stdout_to_stderr {
            libc::dup2(2, 1);
        }
        let mut byte = 0u8;
        let got = loop {
            let got = libc::read(go, (&raw mut byte).cast(), 1);
            if got >= 0 || *libc::__errno_location() != libc::EINTR {
                break got;
            }
        };
        if got != 1 {
            // The tracer is gone or has given up.
            libc::_exit(1);
        }
        unsafe extern "C" {
            static environ: *const *const libc::c_char;
        }
        libc::execve(path.as_ptr(), argv.as_ptr(), environ);
        let errno = *libc::__errno_location();
        libc::write(failure, (&raw const errno).cast(), 4);
        libc::_exit(127)
    }
}

fn c_string(text: OsString) -> Result<CString, LaunchError> {
    CString::new(text.into_vec()).map_err(|error| {
        LaunchError::NotExecutable(
            String::from_utf8_lossy(error.clone().into_vec().as_slice()).into_owned(),
            error.into(),
        )
    })
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    // SAFETY: room for two descriptors.
    if unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: two new descriptors, ours alone.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

/// Collects the child if it has ended.
pub fn reap(pid: u32) -> io::Result<Option<Ending>> {
    let mut status = 0;
    // SAFETY: a valid place for the status.
    let got = unsafe { libc::waitpid(pid as libc::pid_t, &mut status, libc::WNOHANG) };
    match got {
        0 => Ok(None),
        n if n < 0 => Err(io::Error::last_os_error()),
        _ if libc::WIFSIGNALED(status) => Ok(Some(Ending::Killed(libc::WTERMSIG(status)))),
        _ => Ok(Some(Ending::Exited(libc::WEXITSTATUS(status)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_programs_up_as_a_shell_does() {
        assert!(find_program(OsStr::new("sh")).is_ok_and(|path| path.is_absolute()));
        assert_eq!(
            find_program(OsStr::new("./x/y")).ok(),
            Some(PathBuf::from("./x/y"))
        );
        for name in ["", "no-such-command-anywhere"] {
            let error = find_program(OsStr::new(name)).expect_err("must not be found");
            assert_eq!(error.status(), 127);
        }
    }
}
