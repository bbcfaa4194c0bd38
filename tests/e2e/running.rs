//! A command that runs: what it says, what it is told, how it ends.

use std::{
    io::{ErrorKind, Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::harness::slow;

/// After this a command is killed and its test fails; longer on slow machines, as every other limit.
const LIMIT: Duration = Duration::from_secs(60);

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// The exit status; a test fails if a signal ended the command.
    #[track_caller]
    pub fn code(&self) -> i32 {
        let code = self.status.code();
        code.unwrap_or_else(|| panic!("{:?}: {}", self.status, self.stderr))
    }

    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// The number after `key ` on a line of the command's own output.
    #[track_caller]
    pub fn number(&self, key: &str) -> u64 {
        let line = self.stdout.lines().find_map(|line| {
            let rest = line.strip_prefix(key)?.strip_prefix(' ')?;
            rest.split(' ').next()?.parse().ok()
        });
        line.unwrap_or_else(|| panic!("no '{key}' in {self:?}"))
    }
}

/// Starts a command. A program that a test has just copied is busy for as long as a child of another test, forked meanwhile,
/// has the descriptor of the copy; that ends with the child's own execve.
fn spawn(command: &mut Command) -> Child {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match command.spawn() {
            Ok(child) => return child,
            Err(error)
                if error.kind() == ErrorKind::ExecutableFileBusy && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => panic!("{command:?}: {error}"),
        }
    }
}

/// A command that runs, as the leader of a process group of its own.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Arc<Mutex<Vec<u8>>>,
    stderr: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command.process_group(0));
        let (stdout, out_reader) = collect(child.stdout.take().unwrap());
        let (stderr, err_reader) = collect(child.stderr.take().unwrap());
        Self {
            stdin: child.stdin.take(),
            child,
            stdout,
            stderr,
            readers: vec![out_reader, err_reader],
        }
    }

    /// The same with a standard input that stays open until [`Running::close_stdin`].
    pub fn start_with_stdin(command: &mut Command) -> Self {
        Self::start(command.stdin(Stdio::piped()))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: no pointers; the child is not reaped yet, so the number is its own.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    pub fn write_stdin(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
    }

    pub fn stdout_so_far(&self) -> String {
        text(&self.stdout)
    }

    /// Waits for a whole line that starts like this on standard output.
    #[track_caller]
    pub fn stdout_line(&self, start: &str) -> String {
        self.await_line(&self.stdout, start, |line| line.starts_with(start))
    }

    /// Waits for a whole line that holds this on standard error.
    #[track_caller]
    pub fn stderr_line(&self, part: &str) -> String {
        self.await_line(&self.stderr, part, |line| line.contains(part))
    }

    #[track_caller]
    fn await_line(
        &self,
        from: &Mutex<Vec<u8>>,
        what: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> String {
        let end = Instant::now() + LIMIT * slow();
        loop {
            let over = Instant::now() > end || self.readers.iter().all(JoinHandle::is_finished);
            let all = text(from);
            let whole = all.rfind('\n').map_or("", |end| &all[..end]);
            if let Some(line) = whole.lines().find(|line| wanted(line)) {
                return line.to_owned();
            }
            assert!(
                !over,
                "'{what}' never came: {} {}",
                text(&self.stdout),
                text(&self.stderr)
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    #[track_caller]
    pub fn wait(mut self) -> Output {
        self.wait_at_most(LIMIT)
    }

    /// Waits for the end; after `limit` the whole group is killed and the test fails.
    #[track_caller]
    pub fn wait_at_most(&mut self, limit: Duration) -> Output {
        let end = Instant::now() + limit * slow();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break Some(status);
            }
            if Instant::now() > end {
                break None;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        if status.is_none() {
            self.kill_group();
        }
        // A grandchild may hold the pipes open; what it says is not waited for.
        let patience = Instant::now() + Duration::from_secs(5);
        while self.readers.iter().any(|reader| !reader.is_finished()) && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(2));
        }
        let (stdout, stderr) = (text(&self.stdout), text(&self.stderr));
        let Some(status) = status else {
            panic!("not ended after {limit:?}\nstdout: {stdout}\nstderr: {stderr}");
        };
        Output {
            status,
            stdout,
            stderr,
        }
    }

    fn kill_group(&self) {
        // SAFETY: no pointers; the group is one that we made.
        unsafe { libc::kill(-(self.child.id() as i32), libc::SIGKILL) };
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            self.kill_group();
            let _ = self.child.wait();
        }
    }
}

fn collect(mut from: impl Read + Send + 'static) -> (Arc<Mutex<Vec<u8>>>, JoinHandle<()>) {
    let all = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&all);
    let reader = std::thread::spawn(move || {
        let mut piece = [0; 65536];
        while let Ok(n @ 1..) = from.read(&mut piece) {
            into.lock().unwrap().extend_from_slice(&piece[..n]);
        }
    });
    (all, reader)
}

fn text(bytes: &Mutex<Vec<u8>>) -> String {
    String::from_utf8_lossy(&bytes.lock().unwrap()).into_owned()
}
