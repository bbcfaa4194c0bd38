//! A thread other than the leader calls execve: the kernel ends the other threads and gives it the leader's id.
//!
//! Usage: `thread_exec -- COMMAND [ARG...]` (COMMAND is a path, no search).
//! Three threads are started: two block (nanosleep, read of an empty pipe), the third runs COMMAND 50 ms
//! later while the leader blocks in pause. Output before that: `leader PID execer TID`; nothing after.
//! When the execve fails: status 111. Ends by itself after 20 s.

use std::ffi::CString;
use std::time::Duration;

fn exec(command: &[CString]) -> ! {
    let mut argv: Vec<_> = command.iter().map(|arg| arg.as_ptr()).collect();
    argv.push(std::ptr::null());
    // SAFETY: getpid and gettid take no pointers.
    let (pid, tid) = unsafe { (libc::getpid(), libc::syscall(libc::SYS_gettid)) };
    println!("leader {pid} execer {tid}");
    // SAFETY: both arrays end in NULL and their strings in NUL; environ is not changed by anyone.
    unsafe {
        unsafe extern "C" {
            static environ: *const *const libc::c_char;
        }
        libc::execve(argv[0], argv.as_ptr(), environ);
        libc::_exit(111)
    }
}

fn read_empty_pipe() {
    let (mut fds, mut byte) = ([0; 2], 0u8);
    // SAFETY: `fds` has room for two descriptors and `byte` for one byte.
    unsafe {
        libc::pipe(fds.as_mut_ptr());
        libc::read(fds[0], (&raw mut byte).cast(), 1);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words = std::env::args().skip(1).skip_while(|arg| arg == "--");
    let command = words.map(CString::new).collect::<Result<Vec<_>, _>>()?;
    if command.is_empty() {
        return Err("usage: thread_exec -- COMMAND [ARG...]".into());
    }
    std::thread::spawn(|| {
        std::thread::sleep(Duration::from_secs(20));
        std::process::exit(112)
    });
    std::thread::spawn(read_empty_pipe);
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        exec(&command)
    });
    loop {
        // SAFETY: pause takes no pointers; the sleeping thread ends the process when nobody else does.
        unsafe { libc::pause() };
    }
}
