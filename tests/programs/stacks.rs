//! Calls that are made through known functions: `stacks [--wait]`.
//!
//! getppid through `outer`, `inner` three times, and `callee`; the same in a thread; in a child process; and by a deep
//! recursion whose frames take more room than is copied. With `--wait` all of it after a line on standard input.

use std::hint::black_box;

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn callee() -> i64 {
    // SAFETY: a call without arguments.
    black_box(unsafe { libc::syscall(libc::SYS_getppid) })
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn inner(depth: u64) -> i64 {
    let room = black_box([depth; 8]);
    let below = if depth == 0 {
        callee()
    } else {
        inner(depth - 1)
    };
    black_box(below + room[0] as i64)
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn outer(depth: u64) -> i64 {
    black_box(inner(black_box(depth)) + 1)
}

fn main() {
    if std::env::args().nth(1).is_some_and(|word| word == "--wait") {
        println!("ready {}", std::process::id());
        let _ = std::io::stdin().read_line(&mut String::new());
    }
    outer(2);
    let _ = std::thread::spawn(|| outer(2)).join();
    // SAFETY: the child makes one call and ends.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            outer(2);
            libc::_exit(0);
        }
        libc::waitpid(child, std::ptr::null_mut(), 0);
    }
    outer(500);
}
