//! Processes that are made to confuse whoever looks at them from outside.
//!
//! Usage: `odd leaderless` or `odd name`; each prints `ready PID` first and waits for a line on stdin.
//! `leaderless`: the first thread ends; another one waits for the line, makes 100 `getppid` calls and ends the process with status 7.
//! `name`: calls itself by bytes that are no UTF-8, then makes the calls and ends so.
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
        Some("takeover") => {
            let program = words.get(2).cloned().expect("a program");
            let thread = std::thread::spawn(move || {
                use std::os::unix::process::CommandExt;
                let error = std::process::Command::new(program).exec();
                panic!("execve: {error}");
            });
            thread.join().expect("never comes back");
        }
        _ => panic!("usage: odd leaderless|name|takeover PROGRAM"),
    }
}
