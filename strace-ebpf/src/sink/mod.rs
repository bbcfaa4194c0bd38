//! Where the trace goes. A thread of its own writes, in large pieces, so that a slow disk or a slow
//! reader does not hold up the draining of the kernel's buffers; what waits is bounded, and when
//! the bound is reached the drainer waits, the kernel's buffers fill, and the probes count.

mod separate;

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::{
        fd::{AsRawFd, RawFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::{say, sys};
pub use separate::Files;

/// Pieces that may wait.
const QUEUE: usize = 64;

/// A place to write to.
pub enum Target {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file.
    File(File, OsString),
    /// A file for each thread or process.
    Separate(Files),
    /// The standard input of a command.
    Pipe(Child),
}

/// What goes to one place together.
#[derive(Debug)]
pub struct Piece {
    /// Whose it is, where there is a file for each; 0 where there is one for all.
    pub key: u32,
    /// The text.
    pub bytes: Bytes,
}

impl Target {
    /// Opens what `-o` names, at the end with `append`. Nothing named is standard output, or with `to_stderr` standard
    /// error.
    pub fn open(output: Option<&OsStr>, append: bool, to_stderr: bool) -> Result<Self> {
        let Some(output) = output.filter(|name| *name != "-") else {
            return Ok(if to_stderr && output.is_none() {
                Self::Stderr
            } else {
                Self::Stdout
            });
        };
        let Some((b'|' | b'!', command)) = output.as_bytes().split_first() else {
            let file = open_file(output, append)?;
            return Ok(Self::File(file, output.to_owned()));
        };
        if command.is_empty() && !say::is_strace() {
            bail!("-o '|': no command");
        }
        let child = Command::new("/bin/sh")
            .arg("-c")
            .arg(OsStr::from_bytes(command))
            .stdin(Stdio::piped())
            .spawn()
            .context("cannot start the output command")?;
        Ok(Self::Pipe(child))
    }

    /// A file for each thread or process, `NAME.KEY`. Whether there can be any is asked now.
    pub fn separate(name: &OsStr, append: bool) -> Result<Self> {
        let dir = Path::new(name)
            .parent()
            .filter(|dir| !dir.as_os_str().is_empty());
        if let Some(dir) = dir {
            dir.metadata().map_err(|error| cannot_open(name, &error))?;
        }
        Ok(Self::Separate(Files::new(name.to_owned(), append)))
    }

    /// Is it standard output?
    #[must_use]
    pub fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }

    fn name(&self) -> String {
        match self {
            Self::Stdout => "standard output".to_owned(),
            Self::Stderr => "standard error".to_owned(),
            Self::File(_, name) => format!("'{}'", name.to_string_lossy()),
            Self::Separate(files) => format!("'{}.*'", files.name()),
            Self::Pipe(_) => "the output command".to_owned(),
        }
    }

    /// What to write to; not through std, whose writers do not tell how much of a piece they got
    /// rid of before an error.
    fn fd(&mut self, key: u32) -> io::Result<RawFd> {
        Ok(match self {
            Self::Separate(files) => files.fd(key)?,
            Self::Stdout => libc::STDOUT_FILENO,
            Self::Stderr => libc::STDERR_FILENO,
            Self::File(file, _) => file.as_raw_fd(),
            Self::Pipe(child) => child.stdin.as_ref().map_or(-1, AsRawFd::as_raw_fd),
        })
    }
}

fn open_file(name: &OsStr, append: bool) -> Result<File> {
    File::options()
        .create(true)
        .write(!append)
        .append(append)
        .truncate(!append)
        .open(name)
        .map_err(|error| cannot_open(name, &error))
}

/// In our words, or in those of the name that we were called by.
fn cannot_open(name: &OsStr, error: &io::Error) -> anyhow::Error {
    let shown = name.to_string_lossy();
    let why = error
        .raw_os_error()
        .and_then(|errno| crate::tables::errno_message(errno.unsigned_abs()));
    match (say::is_strace(), why) {
        (true, Some(why)) => anyhow::anyhow!("Can't fopen '{shown}': {why}"),
        _ => anyhow::anyhow!("cannot write to '{shown}': {error}"),
    }
}

/// Writes all of `bytes`; `written` counts also what went before an error.
fn write_all(fd: RawFd, mut bytes: &[u8], written: &mut u64) -> io::Result<()> {
    while !bytes.is_empty() {
        // SAFETY: a live buffer of that length.
        let n = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
        if n >= 0 {
            *written += n as u64;
            bytes = &bytes[n as usize..];
            continue;
        }
        let error = io::Error::last_os_error();
        match error.kind() {
            io::ErrorKind::Interrupted => {}
            io::ErrorKind::WouldBlock => wait_writable(fd),
            _ => return Err(error),
        }
    }
    Ok(())
}

/// Somebody else's descriptor may be non-blocking.
fn wait_writable(fd: RawFd) {
    let mut poll = libc::pollfd {
        fd,
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: one valid entry.
    unsafe { libc::poll(&mut poll, 1, -1) };
}

/// What became of the writing.
#[derive(Debug)]
pub enum Ending {
    /// All was written.
    Complete,
    /// The reader has gone away.
    Closed,
    /// It failed, after so many bytes.
    Failed {
        /// Where to.
        target: String,
        /// What was written before.
        written: u64,
        /// Why.
        error: io::Error,
    },
}

/// What is left to be done to the text by the thread that writes it.
pub type Finish = Box<dyn FnMut(Bytes) -> Bytes + Send>;

/// The writing thread.
pub struct Writer {
    /// Until there is nothing more to be written.
    queue: Option<mpsc::Sender<Piece>>,
    /// The thread's number, as long as it is an ordinary one that may be put ahead of the others; else 0.
    ordinary: Arc<AtomicI32>,
    /// The command that reads, if the output goes to one.
    reader: Option<u32>,
    ending: Option<oneshot::Receiver<Ending>>,
}

impl Writer {
    /// Starts it; what is written goes through `finish` before, if there is such a thing.
    pub fn start(target: Target, finish: Option<Finish>) -> io::Result<Self> {
        let (queue, pieces) = mpsc::channel(QUEUE);
        let reader = match &target {
            Target::Pipe(child) => Some(child.id()),
            _ => None,
        };
        let (told, ending) = oneshot::channel();
        let ordinary = Arc::new(AtomicI32::new(0));
        let tid = ordinary.clone();
        std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || {
                // Who has more to do than to write is not to keep others from the CPU.
                if finish.is_none() {
                    tid.store(sys::gettid(), Ordering::Relaxed);
                }
                let ending = write_pieces(target, pieces, finish);
                tid.store(0, Ordering::Relaxed);
                // Whether anybody still wants to know does not matter here.
                drop(told.send(ending));
            })?;
        Ok(Self {
            queue: Some(queue),
            ordinary,
            reader,
            ending: Some(ending),
        })
    }

    /// Waits for room for one piece. `None` when the thread has ended.
    pub async fn room(&self) -> Option<mpsc::Permit<'_, Piece>> {
        let queue = self.queue.as_ref()?;
        self.look_at(queue);
        queue.reserve().await.ok()
    }

    /// Hands over a piece if there is room for it now; gives it back if not.
    pub fn try_send(&self, piece: Piece) -> Result<(), Piece> {
        match &self.queue {
            Some(queue) => {
                self.look_at(queue);
                queue.try_send(piece).map_err(|error| error.into_inner())
            }
            None => Err(piece),
        }
    }

    /// Puts the thread ahead of ordinary ones, for good, when half of the queue waits for it: the drainer is, and a busy machine
    /// would keep it waiting. Not before: it would take the CPU of who is traced, while that of the drainer has time to spare.
    fn look_at(&self, queue: &mpsc::Sender<Piece>) {
        if queue.capacity() >= QUEUE / 2 {
            return;
        }
        let tid = self.ordinary.swap(0, Ordering::Relaxed);
        if tid != 0 {
            sys::schedule_first(tid);
        }
    }

    /// The command that reads what is written.
    #[must_use]
    pub fn reader(&self) -> Option<u32> {
        self.reader
    }

    /// Has the thread ended?
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.as_ref().is_none_or(mpsc::Sender::is_closed)
    }

    /// Has the writing ended early?
    pub async fn ended(&self) {
        if let Some(queue) = &self.queue {
            queue.closed().await;
        }
    }

    /// Nothing more is to be written: what tells how it went, when all of it is; once.
    pub fn finish(&mut self) -> Option<oneshot::Receiver<Ending>> {
        self.queue = None;
        self.ending.take()
    }
}

fn write_pieces(
    mut target: Target,
    mut pieces: mpsc::Receiver<Piece>,
    mut finish: Option<Finish>,
) -> Ending {
    let mut written = 0;
    while let Some(mut piece) = pieces.blocking_recv() {
        if let Some(finish) = &mut finish {
            piece.bytes = finish(piece.bytes);
        }
        let done = target
            .fd(piece.key)
            .and_then(|fd| write_all(fd, &piece.bytes, &mut written));
        if let Err(error) = done {
            if error.kind() == io::ErrorKind::BrokenPipe {
                return Ending::Closed;
            }
            return Ending::Failed {
                target: target.name(),
                written,
                error,
            };
        }
    }
    if let Target::Pipe(child) = &mut target {
        drop(child.stdin.take());
        // Its own status is its own affair, as with a shell's pipe.
        let _ = child.wait();
    }
    Ending::Complete
}
