//! Runs commands within a time limit and collects what they say.

use std::{
    ffi::OsStr,
    fs::Permissions,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU32, Ordering},
    },
};

use crate::rows::Row;
pub use crate::running::{Output, Running};

/// The program under test.
pub const BIN: &str = env!("CARGO_BIN_EXE_strace-ebpf");

/// How many times slower than a real processor this machine is: more than once in an emulated guest of `cargo xtask vm`.
pub fn slow() -> u32 {
    let told = std::env::var("STRACE_EBPF_TEST_SLOW");
    told.map_or(1, |text| text.parse().expect("a number"))
}

static MACHINE: RwLock<()> = RwLock::new(());

/// Held by tests that may run beside others.
pub fn shared() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// Held by tests that need the machine for themselves: rates, loss, the whole system.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// The path of a program of `tests/programs`; cargo builds it beside this test.
pub fn example(name: &str) -> String {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is not built", path.display());
    path.to_str().unwrap().to_owned()
}

/// A directory that anybody may enter, removed at the end.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("strace-ebpf-e2e-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `strace-ebpf` with these arguments and nothing on standard input.
pub fn tracer<S: AsRef<OsStr>>(args: &[S]) -> Command {
    let mut command = Command::new(BIN);
    command.args(args).stdin(Stdio::null());
    command
}

/// The tracer as nobody, with the capabilities that it takes to trace.
pub fn tracer_of_nobody() -> Command {
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid=65534",
        "--clear-groups",
        "--inh-caps=+bpf,+perfmon",
        "--ambient-caps=+bpf,+perfmon",
        BIN,
    ]);
    command
}

/// Runs a command to its end.
#[track_caller]
pub fn run(command: &mut Command) -> Output {
    Running::start(command).wait()
}

/// A finished trace.
#[derive(Debug)]
pub struct Traced {
    pub output: Output,
    pub trace: String,
}

impl Traced {
    /// Every line, parsed; a line that breaks the grammar fails the test.
    #[track_caller]
    pub fn rows(&self) -> Vec<Row<'_>> {
        self.trace.lines().map(Row::parse).collect()
    }
}

/// Runs `strace-ebpf -o FILE ARGS`.
#[track_caller]
pub fn trace<S: AsRef<OsStr>>(args: &[S]) -> Traced {
    trace_by(&mut Command::new(BIN), args)
}

/// The same with a command that is already prepared, such as one with a directory or a user.
#[track_caller]
pub fn trace_by<S: AsRef<OsStr>>(command: &mut Command, args: &[S]) -> Traced {
    let dir = TempDir::new();
    let file = dir.file("trace");
    let output = run(command.args(["-o", &file]).args(args).stdin(Stdio::null()));
    let trace = std::fs::read(&file).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    Traced {
        trace: String::from_utf8(trace).expect("a trace is ASCII"),
        output,
    }
}
