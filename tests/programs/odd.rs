//! Processes that are made to confuse whoever looks at them from outside.
//!
//! Usage: `odd leaderless`, `odd name` or `odd stuck`; each prints `ready PID` first and waits for a line on stdin.
//! `leaderless`: the first thread ends; another one waits for the line, makes 100 `getppid` calls and ends the process with status 7.
//! `name`: calls itself by bytes that are no UTF-8, then makes the calls and ends so.
//! `stuck`: gives write(2) a page that nobody brings in (userfaultfd(2)), which the kernel does not touch; then makes the calls.
//! `takeover PROGRAM`: a thread that is not the first one executes PROGRAM; without waiting.

#![allow(clippy::expect_used, reason = "a program for tests")]

use std::io::BufRead;

fn wait() {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).expect("stdin");
}

fn calls() {
    for _ in 0..100 {
        // SAFETY: no pointers.
        unsafe { libc::syscall(libc::SYS_getppid) };
    }
}

fn finish() -> ! {
    wait();
    calls();
    std::process::exit(7)
}

/// A page of which the kernel asks us what is in it, and gets no answer.
fn page_without_end() -> *const u8 {
    // SAFETY: a page of our own; structures as in linux/userfaultfd.h.
    unsafe {
        let fd = libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC) as i32;
        assert!(fd >= 0, "userfaultfd: {}", std::io::Error::last_os_error());
        let page = libc::mmap(
            std::ptr::null_mut(),
            4096,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        let mut api = [0xaau64, 0, 0];
        let mut register = [page as u64, 4096, 1, 0];
        assert_eq!(libc::ioctl(fd, 0xc018_aa3f, &mut api), 0, "UFFDIO_API");
        assert_eq!(
            libc::ioctl(fd, 0xc020_aa00, &mut register),
            0,
            "UFFDIO_REGISTER"
        );
        page.cast()
    }
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    match words.get(1).map(String::as_str) {
        Some("leaderless") => {
            std::thread::spawn(|| {
                // The first thread has ended by then.
                std::thread::sleep(std::time::Duration::from_millis(100));
                println!("ready {}", std::process::id());
                finish()
            });
            // SAFETY: ends this thread alone.
            unsafe { libc::syscall(libc::SYS_exit, 0) };
        }
        Some("name") => {
            // SAFETY: a string of less than 16 bytes.
            unsafe { libc::prctl(libc::PR_SET_NAME, c"\xd0\xbf\xd1 ) Z".as_ptr()) };
            println!("ready {}", std::process::id());
            finish()
        }
        Some("stuck") => {
            let page = page_without_end();
            println!("ready {}", std::process::id());
            wait();
            for _ in 0..8 {
                // SAFETY: the kernel looks at the descriptor first.
                unsafe { libc::syscall(libc::SYS_write, -1, page, 8) };
            }
            calls();
            std::process::exit(7)
        }
        Some("takeover") => {
            let program = words.get(2).cloned().expect("a program");
            let thread = std::thread::spawn(move || {
                use std::os::unix::process::CommandExt;
                let error = std::process::Command::new(program).exec();
                panic!("execve: {error}");
            });
            thread.join().expect("never comes back");
        }
        _ => panic!("usage: odd leaderless|name|stuck|takeover PROGRAM"),
    }
}
