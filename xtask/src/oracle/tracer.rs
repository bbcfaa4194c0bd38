//! Runs one case under one tracer: a fresh folder at the same place each time, the same small environment, no address
//! randomisation, a time limit. What comes back is the text of the trace.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::case::{self, Case};

/// Whose trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Strace,
    Ours,
}

/// A trace and what is needed to read it.
pub(super) struct Trace {
    pub(super) text: String,
    /// The tracer's process, the parent of the command.
    pub(super) tracer: u32,
    /// Were threads and children followed, so that lines begin with their numbers?
    pub(super) has_tids: bool,
}

/// How long a case may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Where commands run; the same path for everybody, because it is in what they print.
const PLACE: &str = "/tmp/strace-ebpf-oracle";

/// The folders of a whole run.
pub(super) struct Work {
    /// Traces are kept here.
    kept: PathBuf,
    /// `strace` there is a link to our program.
    ours: PathBuf,
    strace: PathBuf,
    programs: PathBuf,
    /// Held as long as `PLACE` is ours.
    _lock: File,
}

impl Work {
    pub(super) fn new(kept: &Path, built: &Path, strace: &str) -> Result<Self> {
        let links = kept.join("bin");
        std::fs::create_dir_all(&links).with_context(|| format!("creating {}", links.display()))?;
        let ours = links.join("strace");
        let _ = std::fs::remove_file(&ours);
        std::os::unix::fs::symlink(built.join("strace-ebpf"), &ours)
            .with_context(|| format!("linking {}", ours.display()))?;
        Ok(Self {
            kept: kept.to_owned(),
            ours,
            strace: strace.into(),
            programs: built.join("examples"),
            _lock: lock()?,
        })
    }

    pub(super) fn run(&self, case: &Case, variant: usize, which: Which) -> Result<Trace> {
        let dir = fresh_dir()?;
        if !case.setup.is_empty() {
            let setup = self.with_programs(&case.setup);
            let status = plain("sh", &dir).args(["-e", "-c", &setup]).status()?;
            if !status.success() {
                bail!("setup failed: {status}");
            }
        }
        let options = case.options.get(variant).map_or("", String::as_str);
        let options = case::words(options)?;
        let name = format!(
            "{}.{variant}.{}",
            case.name,
            if which == Which::Ours {
                "ours"
            } else {
                "strace"
            }
        );
        let file = self.kept.join(name);
        let tracer = match which {
            Which::Strace => &self.strace,
            Which::Ours => &self.ours,
        };
        let follow = !options.iter().any(|word| word == "--no-follow");
        let mut command = plain(&tracer.to_string_lossy(), &dir);
        if follow {
            command.arg("-f");
        }
        command.arg("-o").arg(&file);
        command.args(options.iter().filter(|word| *word != "--no-follow"));
        command.args(case::words(&self.with_programs(&case.run))?);
        let tracer = finish(&mut command)?;
        let bytes = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        Ok(Trace {
            text: String::from_utf8(bytes).context("a trace that is not text")?,
            tracer,
            has_tids: follow,
        })
    }

    /// Replaces `@name` by the path of the program.
    fn with_programs(&self, text: &str) -> String {
        text.replace('@', &format!("{}/", self.programs.display()))
    }
}

/// Waits until no other run of the oracle on this machine uses the place.
fn lock() -> Result<File> {
    let path = format!("{PLACE}.lock");
    let file = File::create(&path).with_context(|| format!("creating {path}"))?;
    file.lock().with_context(|| format!("locking {path}"))?;
    Ok(file)
}

/// An empty folder.
fn fresh_dir() -> Result<PathBuf> {
    let dir = PathBuf::from(PLACE);
    if dir.exists() {
        std::fs::remove_dir_all(&dir).context("removing the folder of the run before")?;
    }
    std::fs::create_dir_all(&dir).context("creating the folder to run in")?;
    Ok(dir)
}

/// A command whose memory is laid out the same each time.
fn plain(program: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(dir)
        .env_clear()
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .env("HOME", dir)
        .env("GIT_AUTHOR_DATE", "1577836800 +0000")
        .env("GIT_COMMITTER_DATE", "1577836800 +0000")
        .env("GIT_AUTHOR_NAME", "a")
        .env("GIT_AUTHOR_EMAIL", "a@example.org")
        .env("GIT_COMMITTER_NAME", "a")
        .env("GIT_COMMITTER_EMAIL", "a@example.org")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONHASHSEED", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    // SAFETY: one system call without pointers, between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::personality(libc::ADDR_NO_RANDOMIZE as _);
            Ok(())
        });
    }
    command
}

/// Waits for the end, whatever it is; a run that takes too long is ended with everything it started.
fn finish(command: &mut Command) -> Result<u32> {
    let mut child = command
        .spawn()
        .with_context(|| format!("starting {command:?}"))?;
    let end = Instant::now() + LIMIT;
    loop {
        if child
            .try_wait()
            .context("waiting for the tracer")?
            .is_some()
        {
            return Ok(child.id());
        }
        if Instant::now() > end {
            // SAFETY: a process group of ours that was not waited for.
            unsafe { libc::kill(-(child.id() as i32), libc::SIGKILL) };
            let _ = child.wait();
            bail!("not over after {LIMIT:?}: {command:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
