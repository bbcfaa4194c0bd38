//! Calls that are given numbers of processes, or return them: `pids [SECONDS]`.
//!
//! A child that renames itself to `kid` is waited for with pipes, so that nothing of both happens at the same time; after
//! all calls the parent sleeps for so many seconds before the child ends.

use std::ffi::c_long;

fn call(nr: c_long, args: [c_long; 5]) -> c_long {
    let [a, b, c, d, e] = args;
    // SAFETY: what is passed are numbers and addresses of live values.
    unsafe { libc::syscall(nr, a, b, c, d, e) }
}

fn calls(own: c_long, kid: c_long) {
    let mut words = [0u64; 32];
    let room = words.as_mut_ptr() as c_long;
    for (nr, args) in [
        (libc::SYS_getpid, [0; 5]),
        (libc::SYS_gettid, [0; 5]),
        (libc::SYS_getpgid, [own, 0, 0, 0, 0]),
        (libc::SYS_getsid, [own, 0, 0, 0, 0]),
        (libc::SYS_setpgid, [own, own, 0, 0, 0]),
        (libc::SYS_kill, [own, 0, 0, 0, 0]),
        (libc::SYS_kill, [kid, 0, 0, 0, 0]),
        (libc::SYS_kill, [-own, 0, 0, 0, 0]),
        (libc::SYS_kill, [0; 5]),
        (libc::SYS_kill, [0x7fff_fff0, 0, 0, 0, 0]),
        (libc::SYS_tkill, [kid, 0, 0, 0, 0]),
        (libc::SYS_tgkill, [own, own, 0, 0, 0]),
        (libc::SYS_fcntl, [0, libc::F_SETOWN.into(), own, 0, 0]),
        (libc::SYS_fcntl, [0, libc::F_GETOWN.into(), 0, 0, 0]),
        (libc::SYS_fcntl, [0, libc::F_SETOWN.into(), -own, 0, 0]),
        (libc::SYS_fcntl, [0, 16, room, 0, 0]),
        (libc::SYS_getpriority, [0, kid, 0, 0, 0]),
        (libc::SYS_getpriority, [1, own, 0, 0, 0]),
        (libc::SYS_setpriority, [0, kid, 1, 0, 0]),
        (libc::SYS_ioprio_get, [1, kid, 0, 0, 0]),
        (libc::SYS_sched_getscheduler, [kid, 0, 0, 0, 0]),
        (libc::SYS_prlimit64, [kid, 4, 0, room, 0]),
        (libc::SYS_kcmp, [own, own, 0, 0, 0]),
        (libc::SYS_waitid, [1, kid, 0, 5, 0]),
    ] {
        call(nr, args);
    }
    let owner = [1u32, own as u32];
    let head = [0x2008_0522u32, kid as u32];
    call(libc::SYS_fcntl, [0, 15, owner.as_ptr() as c_long, 0, 0]);
    call(libc::SYS_capget, [head.as_ptr() as c_long, room, 0, 0, 0]);
}

fn main() {
    let seconds: u64 = std::env::args()
        .nth(1)
        .map_or(0, |text| text.parse().unwrap_or(0));
    let (mut go, mut ready) = ([0; 2], [0; 2]);
    let mut byte = 0u8;
    let at = (&raw mut byte).cast();
    // SAFETY: one thread; the buffers are there until the end.
    unsafe {
        libc::pipe(go.as_mut_ptr());
        libc::pipe(ready.as_mut_ptr());
        let kid = libc::fork();
        if kid == 0 {
            libc::close(go[1]);
            libc::read(go[0], at, 1);
            libc::prctl(libc::PR_SET_NAME, c"kid".as_ptr());
            libc::write(ready[1], at, 1);
            libc::read(go[0], at, 1);
            libc::_exit(0);
        }
        libc::write(go[1], at, 1);
        libc::read(ready[0], at, 1);
        calls(libc::getpid().into(), kid.into());
        std::thread::sleep(std::time::Duration::from_secs(seconds));
        libc::close(go[1]);
        let mut info: libc::siginfo_t = std::mem::zeroed();
        libc::waitid(
            libc::P_PID,
            kid as u32,
            &raw mut info,
            libc::WEXITED | libc::WNOWAIT,
        );
        libc::kill(kid, 0);
        libc::waitpid(kid, std::ptr::null_mut(), 0);
        libc::kill(kid, 0);
    }
}
