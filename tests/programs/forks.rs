//! Makes many short-lived children, to test that none is missed under `-f`.
//!
//! Usage: `forks [--children N] [--vfork-exec | --clone3]` (default 1000; a bare N is taken too).
//! At most 32 children are in flight. Child i makes exactly 3 getppid calls and leaves by `_exit(i % 7)`;
//! with `--vfork-exec` it is a vfork and an execve of /bin/true (`clone(CLONE_VM|CLONE_VFORK)` where there
//! is no vfork call). Output: `children N`, `getppid N`, then `status S COUNT` per exit status seen.
//! Dies by SIGALRM after 120 s.

const IN_FLIGHT: usize = 32;

fn child(i: usize) -> ! {
    // SAFETY: raw calls without pointers; the child touches nothing of the parent's state.
    unsafe {
        for _ in 0..3 {
            libc::syscall(libc::SYS_getppid);
        }
        libc::_exit((i % 7) as i32)
    }
}

fn fork(i: usize) -> i64 {
    // SAFETY: this process has one thread.
    match unsafe { libc::fork() } {
        0 => child(i),
        pid => i64::from(pid),
    }
}

fn clone3(i: usize) -> i64 {
    // SAFETY: all zero is a valid clone_args.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.exit_signal = libc::SIGCHLD as u64;
    // SAFETY: without CLONE_VM and without a stack this is fork; `args` outlives the call.
    match unsafe { libc::syscall(libc::SYS_clone3, &args, size_of_val(&args)) } {
        0 => child(i),
        pid => pid,
    }
}

#[cfg(target_arch = "x86_64")]
fn vfork_exec(
    path: &std::ffi::CStr,
    argv: &[*const libc::c_char; 2],
    envp: &[*const libc::c_char; 1],
) -> i64 {
    let mut pid = libc::SYS_vfork;
    // SAFETY: the child shares this stack, so it goes from vfork to execve or exit in registers alone.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "mov eax, 59",
            "syscall",
            "mov edi, 127",
            "mov eax, 60",
            "syscall",
            "2:",
            inout("rax") pid,
            in("rdi") path.as_ptr(),
            in("rsi") argv.as_ptr(),
            in("rdx") envp.as_ptr(),
            out("rcx") _,
            out("r11") _,
        );
    }
    pid
}

#[cfg(not(target_arch = "x86_64"))]
fn vfork_exec(
    path: &std::ffi::CStr,
    argv: &[*const libc::c_char; 2],
    envp: &[*const libc::c_char; 1],
) -> i64 {
    extern "C" fn run(arg: *mut libc::c_void) -> i32 {
        let arg = arg.cast::<[*const libc::c_void; 3]>();
        // SAFETY: the parent waits in clone with the three pointers alive.
        unsafe { libc::execve((*arg)[0].cast(), (*arg)[1].cast(), (*arg)[2].cast()) };
        127
    }
    let mut stack = vec![0u128; 4096];
    let mut arg = [
        path.as_ptr().cast::<libc::c_void>(),
        argv.as_ptr().cast(),
        envp.as_ptr().cast(),
    ];
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the child runs on its own stack while the parent is held in the call by CLONE_VFORK.
    unsafe {
        i64::from(libc::clone(
            run,
            stack.as_mut_ptr().add(4096).cast(),
            flags,
            (&raw mut arg).cast(),
        ))
    }
}

fn wait_one(statuses: &mut [usize; 256]) {
    let mut status = 0;
    // SAFETY: `status` is valid for writing.
    let pid = unsafe { libc::waitpid(-1, &mut status, 0) };
    assert!(
        pid > 0 && libc::WIFEXITED(status),
        "child {pid} ended with {status:#x}"
    );
    statuses[libc::WEXITSTATUS(status) as usize] += 1;
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut children, mut mode) = (1000usize, String::new());
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--children" => children = args.next().ok_or("--children N")?.parse()?,
            "--vfork-exec" | "--clone3" => mode = arg,
            n => children = n.parse().map_err(|_| format!("unknown option {n}"))?,
        }
    }
    // SAFETY: no memory is involved.
    unsafe { libc::alarm(120) };
    let (path, envp) = (c"/bin/true", [std::ptr::null()]);
    let argv = [path.as_ptr(), std::ptr::null()];
    let mut statuses = [0usize; 256];
    for i in 0..children {
        if i >= IN_FLIGHT {
            wait_one(&mut statuses);
        }
        let pid = match mode.as_str() {
            "--vfork-exec" => vfork_exec(path, &argv, &envp),
            "--clone3" => clone3(i),
            _ => fork(i),
        };
        assert!(pid > 0, "no child {i}: {pid}");
    }
    (0..children.min(IN_FLIGHT)).for_each(|_| wait_one(&mut statuses));
    println!("children {children}");
    println!(
        "getppid {}",
        if mode == "--vfork-exec" {
            0
        } else {
            3 * children
        }
    );
    for (status, count) in statuses.iter().enumerate().filter(|(_, count)| **count > 0) {
        println!("status {status} {count}");
    }
    Ok(())
}
