//! Every way to run a program: plain, failing, by descriptor, a script, through a shell.
//!
//! Usage: `execs [--env K] [-- COMMAND [ARG...]]` (default 3 and `/bin/echo one "two words"`). Each is made in
//! a child, one after the other; COMMAND (a path, no search) gets an environment of K strings `VARnnn=value-nnn`,
//! the others get none. Output, in one write(2) at the end (COMMAND's own comes before): a line
//! `NAME LABEL exited STATUS` or `NAME LABEL failed ERRNO` per exec, in the order command, missing (ENOENT), not
//! executable (EACCES), execveat by descriptor of /bin/true, a script by descriptor, the same close-on-exec
//! (ENOENT: the shell could not open it), `sh -c 'exit 3'`. Dies by SIGALRM after 60 s.

use std::ffi::{CStr, CString};
use std::os::unix::fs::PermissionsExt;

/// Exit statuses from here on are `FAILED` plus the errno of the exec.
const FAILED: i32 = 200;

/// Runs `exec`, which only comes back when it fails, in a child; says how that ended.
fn child(out: &mut String, label: &str, exec: impl Fn()) {
    // SAFETY: one thread.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        exec();
        // SAFETY: errno is this thread's own.
        unsafe { libc::_exit(FAILED + *libc::__errno_location()) }
    }
    let mut status = 0;
    // SAFETY: `status` is valid for writing.
    unsafe { libc::waitpid(pid, &mut status, 0) };
    *out += &match libc::WEXITSTATUS(status) {
        _ if libc::WIFSIGNALED(status) => format!("{label} killed {}\n", libc::WTERMSIG(status)),
        status if status >= FAILED => format!("{label} failed {}\n", status - FAILED),
        status => format!("{label} exited {status}\n"),
    };
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings
        .iter()
        .map(|s| s.as_ptr())
        .chain([std::ptr::null()])
        .collect()
}

fn strings(words: &[&str]) -> Result<Vec<CString>, std::ffi::NulError> {
    words.iter().map(|word| CString::new(*word)).collect()
}

fn execve(out: &mut String, label: &str, path: &CStr, argv: &[CString], env: &[CString]) {
    let (argv, env) = (pointers(argv), pointers(env));
    child(out, &format!("execve {label}"), || {
        // SAFETY: both arrays end in NULL and their strings in NUL.
        unsafe { libc::syscall(libc::SYS_execve, path.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    });
}

/// execveat(2) of the file itself; with `close` the descriptor is close-on-exec.
fn execveat(
    out: &mut String,
    label: &str,
    path: &CStr,
    close: bool,
) -> Result<(), std::ffi::NulError> {
    let words = strings(&["by-descriptor", "arg"])?;
    let (argv, env) = (pointers(&words), pointers(&[]));
    let flags = libc::O_RDONLY | if close { libc::O_CLOEXEC } else { 0 };
    child(out, &format!("execveat {label}"), || {
        // SAFETY: the strings end in NUL, the arrays in NULL.
        unsafe {
            let fd = libc::open(path.as_ptr(), flags);
            let (argv, env) = (argv.as_ptr(), env.as_ptr());
            libc::syscall(
                libc::SYS_execveat,
                fd,
                c"".as_ptr(),
                argv,
                env,
                libc::AT_EMPTY_PATH,
            );
        }
    });
    Ok(())
}

/// A file of the temporary directory, removed at the end.
struct TempFile(std::path::PathBuf);

impl TempFile {
    fn new(name: &str, text: &str, mode: u32) -> Result<Self, std::io::Error> {
        let path =
            std::env::temp_dir().join(format!("strace-ebpf-execs-{}-{name}", std::process::id()));
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
        Ok(Self(path))
    }

    fn path(&self) -> Result<CString, std::ffi::NulError> {
        CString::new(self.0.as_os_str().as_encoded_bytes())
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // Nothing can be done about a file that cannot be removed.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut env_count, mut command) = (3usize, strings(&["/bin/echo", "one", "two words"])?);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--env" => env_count = args.next().ok_or("--env K")?.parse()?,
            "--" => {
                command = args
                    .by_ref()
                    .map(CString::new)
                    .collect::<Result<Vec<_>, _>>()?
            }
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    let program = command.first().ok_or("no command after --")?.clone();
    // SAFETY: no memory is involved.
    unsafe { libc::alarm(60) };
    let (text, script) = ("#!/bin/sh\nexit 5\n", "script");
    let (plain, script) = (
        TempFile::new("plain", text, 0o644)?,
        TempFile::new(script, text, 0o755)?,
    );
    let env = (0..env_count).map(|i| CString::new(format!("VAR{i:03}=value-{i:03}")));
    let env = env.collect::<Result<Vec<_>, _>>()?;

    let mut out = String::new();
    let label = format!(
        "{} argc {} envc {env_count}",
        program.to_string_lossy(),
        command.len()
    );
    execve(&mut out, &label, &program, &command, &env);
    execve(
        &mut out,
        "/no/such/program",
        c"/no/such/program",
        &strings(&["missing", "arg"])?,
        &[],
    );
    execve(
        &mut out,
        &plain.path()?.to_string_lossy(),
        &plain.path()?,
        &strings(&["plain"])?,
        &[],
    );
    execveat(&mut out, "/bin/true", c"/bin/true", true)?;
    execveat(
        &mut out,
        &script.path()?.to_string_lossy(),
        &script.path()?,
        false,
    )?;
    execveat(
        &mut out,
        &script.path()?.to_string_lossy(),
        &script.path()?,
        true,
    )?;
    execve(
        &mut out,
        "/bin/sh -c",
        c"/bin/sh",
        &strings(&["sh", "-c", "exit 3"])?,
        &[],
    );
    std::io::Write::write_all(&mut std::io::stdout(), out.as_bytes())?;
    Ok(())
}
