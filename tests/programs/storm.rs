//! Descriptors that are opened, copied, renamed, deleted, closed and given out again as fast as can be, by threads that share
//! one table.
//!
//! Usage: `storm DIR [--threads N] [--rounds M]` (4, 1000).
//! Every write(2) to a descriptor holds what the descriptor leads to at that time, as `strace -y` would show it behind the
//! number: `</DIR/name>` or `</DIR/name>(deleted)`. A round of a thread: open and create a file, write; copy it to a number
//! that all threads fight for in turn (dup), write, close the copy; rename, write; every 50th round a child writes to what it
//! inherited; delete, write; close. Prints `writes N` at the end, in one write(2).

use std::{ffi::CString, fmt::Write as _};

/// Writes to `fd` what it leads to.
fn tell(fd: i32, path: &str, behind: &str) {
    let mut text = String::new();
    let _ = write!(text, "<{path}>{behind}");
    // SAFETY: the buffer is alive and as long as said.
    let n = unsafe { libc::write(fd, text.as_ptr().cast(), text.len()) };
    assert_eq!(usize::try_from(n), Ok(text.len()));
}

/// Writes as above, in a child.
fn tell_in_child(fd: i32, path: &str) {
    // SAFETY: the child makes one write and leaves; its memory is a copy made before.
    unsafe {
        let text = format!("<{path}>");
        match libc::fork() {
            0 => {
                libc::write(fd, text.as_ptr().cast(), text.len());
                libc::_exit(0)
            }
            child => {
                let mut status = 0;
                libc::waitpid(child, &raw mut status, 0);
            }
        }
    }
}

/// One thread's rounds; how many writes it made.
fn rounds(dir: &str, thread: usize, rounds: usize) -> Result<usize, std::ffi::NulError> {
    let mut writes = 0;
    for round in 0..rounds {
        let path = format!("{dir}/t{thread}-{}", round % 16);
        let renamed = format!("{dir}/r{thread}-{}", round % 16);
        let (from, to) = (
            CString::new(path.as_str())?,
            CString::new(renamed.as_str())?,
        );
        // SAFETY: the strings end in NUL; the descriptors are our own.
        unsafe {
            let fd = libc::open(from.as_ptr(), libc::O_CREAT | libc::O_RDWR, 0o600);
            assert!(fd >= 0, "{path}: {}", std::io::Error::last_os_error());
            tell(fd, &path, "");
            let copy = libc::dup(fd);
            tell(copy, &path, "");
            libc::close(copy);
            libc::rename(from.as_ptr(), to.as_ptr());
            tell(fd, &renamed, "");
            writes += 4;
            if round % 50 == 0 {
                tell_in_child(fd, &renamed);
                writes += 1;
            }
            libc::unlink(to.as_ptr());
            tell(fd, &renamed, "(deleted)");
            libc::close(fd);
        }
    }
    Ok(writes)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, usual: usize| {
        let at = words.iter().position(|word| word == name);
        let word = at.and_then(|at| words.get(at + 1));
        word.map_or(Ok(usual), |word| word.parse())
    };
    let dir = words
        .first()
        .ok_or("usage: storm DIR [--threads N] [--rounds M]")?;
    let (threads, times) = (number("--threads", 4)?, number("--rounds", 1000)?);
    // SAFETY: no pointers.
    unsafe { libc::alarm(60) };
    let mut all = 0;
    let running: Vec<_> = (0..threads)
        .map(|thread| {
            let dir = dir.clone();
            std::thread::spawn(move || rounds(&dir, thread, times))
        })
        .collect();
    for thread in running {
        all += thread.join().map_err(|_| "a thread failed")??;
    }
    println!("writes {all}");
    Ok(())
}
