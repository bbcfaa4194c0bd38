//! A seccomp filter refuses mkdir: the call must be traced with the filter's answer.
//!
//! Usage: `seccomp_deny [--kill]`. Installs a filter on mkdir and mkdirat, then calls
//! `mkdir("/tmp/denied-dir", 0700)` five times (mkdirat where there is no mkdir). Output:
//! `NAME -1 1` (name, return, errno) per call. With `--kill` the filter ends the process by
//! SIGSYS at the first call, after the line `killing PID`.

const fn op(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    }
}

#[cfg(target_arch = "x86_64")]
const MKDIR: (&str, i64) = ("mkdir", libc::SYS_mkdir);
#[cfg(not(target_arch = "x86_64"))]
const MKDIR: (&str, i64) = ("mkdirat", libc::SYS_mkdirat);

fn install(action: u32) -> Result<(), std::io::Error> {
    let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let filter = [
        op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0), // seccomp_data.nr
        op(equal, MKDIR.1 as u32, 2, 0),
        op(equal, libc::SYS_mkdirat as u32, 1, 0),
        op(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0),
        op(libc::BPF_RET | libc::BPF_K, action, 0, 0),
    ];
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_ptr().cast_mut(),
    };
    // SAFETY: `program` and the filter it points to outlive the call, which only reads them.
    let failed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
            || libc::prctl(
                libc::PR_SET_SECCOMP,
                libc::SECCOMP_MODE_FILTER,
                &raw const program,
            ) != 0
    };
    if failed {
        Err(std::io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn mkdir() -> i64 {
    let path = c"/tmp/denied-dir".as_ptr();
    // SAFETY: `path` is NUL-terminated.
    #[cfg(target_arch = "x86_64")]
    let ret = unsafe { libc::syscall(MKDIR.1, path, 0o700) };
    // SAFETY: `path` is NUL-terminated.
    #[cfg(not(target_arch = "x86_64"))]
    let ret = unsafe { libc::syscall(MKDIR.1, libc::AT_FDCWD, path, 0o700) };
    ret
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let kill = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--kill") => true,
        Some(other) => return Err(format!("unknown option {other}").into()),
    };
    install(if kill {
        libc::SECCOMP_RET_KILL_PROCESS
    } else {
        libc::SECCOMP_RET_ERRNO | libc::EPERM as u32
    })?;
    if kill {
        println!("killing {}", std::process::id());
    }
    for _ in 0..5 {
        let ret = mkdir();
        let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
        println!("{} {ret} {}", MKDIR.0, if ret == -1 { errno } else { 0 });
    }
    Ok(())
}
