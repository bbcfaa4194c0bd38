//! Starts the command so that its very first execve can be traced: the child waits on a pipe
//! until the probes are attached and it is marked, then executes.
//!
//! The child is made by fork(2) while this process has a single thread; between fork and execve it
//! makes only async-signal-safe calls on memory prepared before. With `-D` it is the other way
//! round: the child goes on as the tracer, and this process becomes the command.

use std::{
    ffi::{CString, OsString},
    io::{self, Read, Write},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
};

use super::{
    inject::{self, Asking, Injector},
    program::find_program,
    user::Rights,
};
use crate::{
    plan::{
        inject::Rules,
        launch::{Launch, Place},
    },
    sys::{self, Inherited},
};

/// Why a command cannot be started: the exit statuses of sh(1), but for strace's 1.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Status 127.
    #[error("cannot find command '{0}'")]
    NotFound(String),
    /// Status 126.
    #[error("cannot execute '{0}': {1}")]
    NotExecutable(String, io::Error),
    /// As strace says it of a file that is not there.
    #[error("Can't stat '{0}': {1}")]
    CannotStat(String, &'static str),
    /// As strace says it of a file that is no program.
    #[error("exec: {0}")]
    Exec(&'static str),
    /// Status 1.
    #[error("{0}")]
    User(String),
    /// Status 1.
    #[error("inject=: the kernel refuses the seccomp filter: {0}")]
    Filter(io::Error),
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
            Self::CannotStat(..)
            | Self::Exec(_)
            | Self::User(_)
            | Self::Filter(_)
            | Self::Fork(_) => 1,
        }
    }
}

/// A child that waits for its start, or the process whose place we have left to the command.
#[derive(Debug)]
pub struct Child {
    pid: u32,
    program: String,
    go: Option<OwnedFd>,
    failure: OwnedFd,
    as_strace: bool,
    /// It is our child, so we are told how it ends.
    pub ours: bool,
    /// What changes its calls, if anything does.
    pub injector: Option<Injector>,
}

/// With an error number on the way from the child: it was the filter's.
const OF_FILTER: i32 = 1 << 16;

impl Child {
    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Lets the child execute its program. One that a signal has ended meanwhile is told of when it is collected.
    pub fn start(&mut self) -> Result<(), LaunchError> {
        let Some(go) = self.go.take() else {
            return Ok(());
        };
        match std::fs::File::from(go).write_all(b"!") {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Why the child did not get to its program, asked after it has ended.
    #[must_use]
    pub fn exec_failure(&self) -> Option<LaunchError> {
        let mut bytes = [0; 4];
        let fd = self.failure.try_clone().ok()?;
        std::fs::File::from(fd).read_exact(&mut bytes).ok()?;
        let errno = i32::from_ne_bytes(bytes);
        if errno & OF_FILTER != 0 {
            let error = io::Error::from_raw_os_error(errno & !OF_FILTER);
            return Some(LaunchError::Filter(error));
        }
        let error = io::Error::from_raw_os_error(errno);
        Some(match error.kind() {
            _ if self.as_strace => LaunchError::Exec(message(errno)),
            io::ErrorKind::NotFound => LaunchError::NotFound(self.program.clone()),
            _ => LaunchError::NotExecutable(self.program.clone(), error),
        })
    }
}

/// What strerror(3) says.
fn message(errno: i32) -> &'static str {
    crate::tables::errno_message(errno.unsigned_abs()).unwrap_or("unknown error")
}

/// What the child needs between fork and execve, all of it made before the fork.
struct Prepared {
    path: CString,
    argv: Vec<CString>,
    env: Vec<CString>,
    rights: Option<Rights>,
    stdout_to_stderr: bool,
    /// Our number, if the child is to end with us.
    dies_with: Option<u32>,
    inherited: Inherited,
    as_strace: bool,
    asking: Option<Asking>,
}

/// Forks the child. With `stdout_to_stderr` its standard output becomes its standard error, so
/// that ours carries the trace alone. With `-D` it is the child that returns from here.
pub fn prepare(
    command: &[OsString],
    launch: &Launch,
    rules: &Rules,
    stdout_to_stderr: bool,
) -> Result<Child, LaunchError> {
    let name = command.first().cloned().unwrap_or_default();
    let shown = name.to_string_lossy().into_owned();
    let (injector, asking) = if rules.is_empty() {
        (None, None)
    } else {
        let (injector, asking) = inject::start(rules)?;
        (Some(injector), Some(asking))
    };
    let mut prepared = Prepared {
        path: c_string(program_of(&name, launch.as_strace)?)?,
        argv: command
            .iter()
            .cloned()
            .map(c_string)
            .collect::<Result<_, _>>()?,
        env: environment(inherited(), &launch.env)?,
        rights: launch.user.as_deref().map(Rights::of).transpose()?,
        stdout_to_stderr,
        dies_with: (launch.kill_on_exit && launch.place == Place::Parent).then(std::process::id),
        inherited: sys::inherited(),
        as_strace: launch.as_strace,
        asking,
    };
    if let (Some(argv0), Some(first)) = (&launch.argv0, prepared.argv.first_mut()) {
        *first = c_string(argv0.clone())?;
    }
    let (go_read, go_write) = pipe()?;
    let (failure_read, failure_write) = pipe()?;
    let before = std::process::id();
    let pid = fork()?;
    if (pid == 0) == (launch.place == Place::Parent) {
        drop((go_write, failure_read));
        if pid != 0 {
            wait_for(pid);
        }
        // SAFETY: what it uses was made before the fork.
        unsafe { become_command(go_read.as_raw_fd(), failure_write.as_raw_fd(), &prepared) }
    }
    if pid == 0 {
        leave(launch.place)?;
    }
    Ok(Child {
        pid: if pid == 0 { before } else { pid },
        program: shown,
        go: Some(go_write),
        failure: failure_read,
        as_strace: launch.as_strace,
        ours: pid != 0,
        injector,
    })
}

/// The file to execute. strace looks whether it is there before it does anything else.
fn program_of(name: &OsString, as_strace: bool) -> Result<OsString, LaunchError> {
    let shown = || name.to_string_lossy().into_owned();
    let program = match find_program(name) {
        Err(LaunchError::NotFound(_)) if as_strace => {
            return Err(LaunchError::CannotStat(shown(), message(libc::ENOENT)));
        }
        other => other?,
    };
    if as_strace && let Err(error) = program.metadata() {
        let errno = error.raw_os_error().unwrap_or(libc::ENOENT);
        return Err(LaunchError::CannotStat(shown(), message(errno)));
    }
    Ok(program.into_os_string())
}

/// Our own environment, entries of any shape included.
fn inherited() -> Vec<CString> {
    unsafe extern "C" {
        static environ: *const *const libc::c_char;
    }
    let mut all = Vec::new();
    // SAFETY: a NULL-terminated vector of strings, which nobody changes: there is one thread.
    unsafe {
        let mut entry = environ;
        while !entry.is_null() && !(*entry).is_null() {
            all.push(std::ffi::CStr::from_ptr(*entry).to_owned());
            entry = entry.add(1);
        }
    }
    all
}

/// Changes in order: a variable that is there keeps its place.
fn environment(
    mut all: Vec<CString>,
    changes: &[(OsString, Option<OsString>)],
) -> Result<Vec<CString>, LaunchError> {
    for (name, value) in changes {
        let mut start = name.as_bytes().to_vec();
        start.push(b'=');
        let is_it = |entry: &CString| entry.as_bytes().starts_with(&start);
        let Some(value) = value else {
            all.retain(|entry| !is_it(entry));
            continue;
        };
        let mut whole = start.clone();
        whole.extend_from_slice(value.as_bytes());
        let whole = c_string(OsString::from_vec(whole))?;
        match all.iter().position(is_it) {
            Some(at) => all[at] = whole,
            None => all.push(whole),
        }
    }
    Ok(all)
}

/// `fork(2)`: 0 in the child.
fn fork() -> io::Result<u32> {
    // SAFETY: a single thread; the child makes only async-signal-safe calls or, as the tracer, is
    // as single as we were.
    let pid = unsafe { libc::fork() };
    u32::try_from(pid).map_err(|_| io::Error::last_os_error())
}

/// Becomes nobody's child, and leaves the process group or the session where that is asked for.
fn leave(place: Place) -> io::Result<()> {
    if fork()? != 0 {
        // SAFETY: ends this process without running anything of the tracer's.
        unsafe { libc::_exit(0) };
    }
    // SAFETY: plain numbers.
    unsafe {
        match place {
            Place::Group => libc::setpgid(0, 0),
            Place::Session => libc::setsid(),
            Place::Parent | Place::Grandchild => 0,
        };
    }
    Ok(())
}

/// Collects a child that ends at once.
fn wait_for(pid: u32) {
    // SAFETY: no status is wanted.
    unsafe { libc::waitpid(pid as libc::pid_t, std::ptr::null_mut(), 0) };
}

/// Waits for the word to go, and executes the program.
///
/// # Safety
/// In a process with one thread.
unsafe fn become_command(go: i32, failure: i32, prepared: &Prepared) -> ! {
    let pointers = |strings: &[CString]| -> Vec<*const libc::c_char> {
        let all = strings.iter().map(|string| string.as_ptr());
        all.chain([std::ptr::null()]).collect()
    };
    let (argv, env) = (pointers(&prepared.argv), pointers(&prepared.env));
    // SAFETY: live, NUL-terminated strings and vectors.
    unsafe {
        prepared.inherited.restore();
        if prepared.stdout_to_stderr {
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
        // With the rights that it takes.
        let refused = prepared.asking.as_ref().and_then(|a| a.install().err());
        if let Some(errno) = refused {
            let errno = errno | OF_FILTER;
            libc::write(failure, (&raw const errno).cast(), 4);
            libc::_exit(1);
        }
        let taken = prepared.rights.as_ref().is_none_or(Rights::take);
        if taken {
            if let Some(parent) = prepared.dies_with {
                // A change of user takes it back, so it comes behind that.
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                if libc::getppid() as u32 != parent {
                    libc::_exit(1);
                }
            }
            libc::execve(prepared.path.as_ptr(), argv.as_ptr(), env.as_ptr());
        }
        let errno = *libc::__errno_location();
        libc::write(failure, (&raw const errno).cast(), 4);
        libc::_exit(match errno {
            _ if prepared.as_strace => 1,
            libc::ENOENT => 127,
            _ => 126,
        })
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

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Killed(i32),
    /// Somehow: its parent is told, and that is not us.
    Untold,
}

/// Collects the child if it has ended.
pub fn reap(child: &Child) -> io::Result<Option<Ending>> {
    if !child.ours {
        return Ok(Some(Ending::Untold));
    }
    let mut status = 0;
    // SAFETY: a valid place for the status.
    let got = unsafe { libc::waitpid(child.pid as libc::pid_t, &mut status, libc::WNOHANG) };
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
    fn environments() {
        let entries = |text: &str| -> Vec<CString> {
            text.split(' ')
                .map(|e| CString::new(e).expect("text"))
                .collect()
        };
        let change = |name: &str, value: Option<&str>| (name.into(), value.map(OsString::from));
        for (changes, expected) in [
            (vec![], "A=1 AB=2 odd C=3"),
            (vec![change("A", Some("x"))], "A=x AB=2 odd C=3"),
            (vec![change("A", None)], "AB=2 odd C=3"),
            (
                vec![change("D", Some("")), change("D", Some("4"))],
                "A=1 AB=2 odd C=3 D=4",
            ),
            (
                vec![change("C", None), change("C", Some("5"))],
                "A=1 AB=2 odd C=5",
            ),
        ] {
            let got = environment(entries("A=1 AB=2 odd C=3"), &changes).expect("valid");
            assert_eq!(got, entries(expected));
        }
    }

    #[test]
    fn files_that_are_not_there_in_either_voice() {
        for name in ["no-such-command-anywhere", "/no/such/file", ""] {
            let error = program_of(&name.into(), true).expect_err("must not be found");
            let expected = format!("Can't stat '{name}': No such file or directory");
            assert_eq!((error.to_string(), error.status()), (expected, 1));
        }
        let error = program_of(&"no-such-command-anywhere".into(), false).expect_err("none");
        assert_eq!(error.status(), 127);
    }
}
