//! Child processes with an end: each has a time limit, and none outlives us.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::tools;

/// What a finished child did.
pub(crate) struct Finished {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// As `wait(2)` gives it.
    pub(crate) status: i32,
    pub(crate) wall: Duration,
    /// User and system time of the child and of the children it waited for.
    pub(crate) cpu: Duration,
}

impl Finished {
    /// The number behind `word` at the start of a line of standard output.
    pub(crate) fn number(&self, word: &str) -> Result<f64> {
        let found = self
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix(word)?.trim().parse().ok());
        found.with_context(|| format!("no {word:?} in {:?} ({:?})", self.stdout, self.stderr))
    }

    /// An error unless the status was 0.
    pub(crate) fn success(self, what: &str) -> Result<Self> {
        if self.status != 0 {
            bail!(
                "{what}: wait status {:#x}: {}",
                self.status,
                self.stderr.trim()
            );
        }
        Ok(self)
    }
}

/// A child under way. Dropping it kills it and its process group.
pub(crate) struct Running {
    child: std::process::Child,
    pidfd: OwnedFd,
    stdout: File,
    stderr: File,
    started: Instant,
    what: String,
    ended: bool,
}

impl Running {
    /// Starts a command, in a process group of its own; it dies with us.
    pub(crate) fn start(command: &mut Command, dir: &TempDir) -> Result<Self> {
        let (stdout, stderr) = (dir.scratch()?, dir.scratch()?);
        let what = tools::line(command);
        command
            .process_group(0)
            .stdout(stdout.try_clone()?)
            .stderr(stderr.try_clone()?);
        // SAFETY: prctl is async-signal-safe, and touches no memory.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let started = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("starting {what}"))?;
        // SAFETY: plain numbers.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, child.id(), 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error()).context("watching a child");
        }
        Ok(Self {
            child,
            // SAFETY: a new descriptor, ours alone.
            pidfd: unsafe { OwnedFd::from_raw_fd(fd as i32) },
            stdout,
            stderr,
            started,
            what,
            ended: false,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The pipe to its standard input, once.
    pub(crate) fn stdin(&mut self) -> Option<std::process::ChildStdin> {
        self.child.stdin.take()
    }

    pub(crate) fn signal(&self, signal: i32) {
        // SAFETY: plain numbers; our own child, not waited for yet.
        unsafe { libc::kill(self.child.id() as i32, signal) };
    }

    /// Has it ended within this time?
    pub(crate) fn ended_within(&self, limit: Duration) -> bool {
        let mut poll = libc::pollfd {
            fd: self.pidfd.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one valid entry.
        unsafe { libc::poll(&mut poll, 1, limit.as_millis() as i32) == 1 }
    }

    /// Waits until a line of its output, or of its messages, contains `text`.
    pub(crate) fn said(&mut self, text: &str, limit: Duration) -> Result<()> {
        let end = Instant::now() + limit;
        loop {
            if text_of(&mut self.stderr)?.contains(text)
                || text_of(&mut self.stdout)?.contains(text)
            {
                return Ok(());
            }
            if Instant::now() > end || self.ended_within(Duration::from_micros(500)) {
                let said = text_of(&mut self.stderr)?;
                bail!("{} did not say {text:?} but {said:?}", self.what);
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self, limit: Duration) -> Result<Finished> {
        if !self.ended_within(limit) {
            bail!("{} did not end within {limit:?}", self.what);
        }
        let wall = self.started.elapsed();
        let (mut status, mut usage) = (0, no_usage());
        // SAFETY: valid places for both results.
        let got = unsafe { libc::wait4(self.child.id() as i32, &mut status, 0, &mut usage) };
        if got < 0 {
            return Err(io::Error::last_os_error()).context("waiting for a child");
        }
        self.ended = true;
        let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
        Ok(Finished {
            stdout: text_of(&mut self.stdout)?,
            stderr: text_of(&mut self.stderr)?,
            status,
            wall,
            cpu: time(usage.ru_utime) + time(usage.ru_stime),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What it started may still be there.
        // SAFETY: plain numbers; the group is the one that we made.
        unsafe { libc::kill(-(self.child.id() as i32), libc::SIGKILL) };
        if !self.ended {
            let _ = self.child.wait();
        }
    }
}

fn no_usage() -> libc::rusage {
    // SAFETY: integers only.
    unsafe { std::mem::zeroed() }
}

/// Everything in a file; its writers' position is their own concern: they append.
fn text_of(file: &mut File) -> Result<String> {
    let mut text = Vec::new();
    file.seek(io::SeekFrom::Start(0))?;
    file.take(1 << 20).read_to_end(&mut text)?;
    file.seek(io::SeekFrom::End(0))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Runs a command to its end, with nothing on its standard input.
pub(crate) fn run(command: &mut Command, dir: &TempDir, limit: Duration) -> Result<Finished> {
    Running::start(command.stdin(Stdio::null()), dir)?.finish(limit)
}

/// A directory, removed at the end.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("strace-ebpf-bench-{}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A nameless file that is only appended to.
    fn scratch(&self) -> Result<File> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let path = self.file(&format!("scratch-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let file = File::options()
            .create_new(true)
            .read(true)
            .append(true)
            .open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(file)
    }
}

impl AsRef<Path> for TempDir {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
