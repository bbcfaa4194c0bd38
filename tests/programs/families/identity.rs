//! Who a process is: users and groups are set to what they are, others are answered; sessions; a child; waiting for a signal.

use crate::{
    answers,
    lines::{Edge, Lines, Ptr},
};

const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    let handler: extern "C" fn(i32) = awake;
    // SAFETY: two calls without pointers; a process that leads its group starts no session; a handler that does nothing.
    let (uid, gid) = unsafe {
        libc::setpgid(0, 0);
        libc::signal(libc::SIGALRM, handler as *const () as usize);
        (libc::getuid(), libc::getgid())
    };
    answers::begin();
    l.begin();
    users(l, uid);
    groups(l, gid);
    all_three(l, &edge, uid, gid);
    sessions(l);
    scheduling(l, &edge);
    child(l);
    waiting(l);
    l.end();
}

fn users(l: &mut Lines, uid: u32) {
    call!(l, SYS_getuid, [], "getuid()");
    call!(l, SYS_geteuid, [], "geteuid()");
    call!(l, SYS_setuid, [uid], "setuid(%)", uid);
    call!(l, SYS_setuid, [-1i32], "setuid(-1)");
    call!(l, SYS_setreuid, [-1i32, uid], "setreuid(-1, %)", uid);
    call!(l, SYS_setfsuid, [-1i32], "setfsuid(-1)");
    done!(l, SYS_setuid, [1000], "setuid(1000)");
    done!(
        l,
        SYS_setreuid,
        [1000, 0x8000_0000u32],
        "setreuid(1000, 2147483648)"
    );
    done!(l, SYS_setfsuid, [0xffff], "setfsuid(65535)");
}

fn groups(l: &mut Lines, gid: u32) {
    call!(l, SYS_getgid, [], "getgid()");
    call!(l, SYS_getegid, [], "getegid()");
    call!(l, SYS_setgid, [gid], "setgid(%)", gid);
    call!(l, SYS_setgid, [-1i32], "setgid(-1)");
    call!(l, SYS_setregid, [gid, -1i32], "setregid(%, -1)", gid);
    call!(l, SYS_setregid, [-1i32, -1i32], "setregid(-1, -1)");
    call!(l, SYS_setfsgid, [gid], "setfsgid(%)", gid);
    call!(l, SYS_setfsgid, [-1i32], "setfsgid(-1)");
    done!(l, SYS_setgid, [0x1_0000_0005u64], "setgid(5)");
    done!(
        l,
        SYS_setregid,
        [0x7fff_ffff, 0x8000_0000u32],
        "setregid(2147483647, 2147483648)"
    );
    done!(l, SYS_setfsgid, [1000], "setfsgid(1000)");
}

fn all_three(l: &mut Lines, edge: &Edge, uid: u32, gid: u32) {
    let wall = edge.wall();
    call!(
        l,
        SYS_setresuid,
        [-1i32, uid, -1i32],
        "setresuid(-1, %, -1)",
        uid
    );
    call!(
        l,
        SYS_setresgid,
        [gid, gid, gid],
        "setresgid(%, %, %)",
        gid,
        gid,
        gid
    );
    call!(
        l,
        SYS_setresgid,
        [-1i32, -1i32, -1i32],
        "setresgid(-1, -1, -1)"
    );
    done!(l, SYS_setresuid, [1, 2, 3], "setresuid(1, 2, 3)");
    done!(
        l,
        SYS_setresgid,
        [1000, -1i32, 0xffff_fffeu32],
        "setresgid(1000, -1, 4294967294)"
    );
    call!(
        l,
        SYS_getresgid,
        [NULL, wall, wall],
        "getresgid(NULL, %, %)",
        Ptr(wall),
        Ptr(wall)
    );
    let list = [5u32, u32::MAX, 7];
    done!(l, SYS_setgroups, [3, &list], "setgroups(3, [5, -1, 7])");
    done!(l, SYS_setgroups, [0, NULL], "setgroups(0, NULL)");
    done!(
        l,
        SYS_setgroups,
        [3, edge.cut(list, 8)],
        "setgroups(3, [5, -1, ... /* % */])",
        Ptr(wall)
    );
}

fn sessions(l: &mut Lines) {
    call!(l, SYS_setsid, [], "setsid()");
    done!(l, SYS_setsid, [], "setsid()");
    call!(l, SYS_getpgrp, [], "getpgrp()");
    call!(l, SYS_getppid, [], "getppid()");
    done!(l, SYS_vhangup, [], "vhangup()");
}

fn scheduling(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let priority = 0i32;
    call!(
        l,
        SYS_sched_setparam,
        [0, &raw const priority],
        "sched_setparam(0, [0])"
    );
    call!(
        l,
        SYS_sched_setparam,
        [-1i32, NULL],
        "sched_setparam(-1, NULL)"
    );
    call!(
        l,
        SYS_sched_setparam,
        [0x7fff_ffff, wall],
        "sched_setparam(2147483647, %)",
        Ptr(wall)
    );
    let cut = edge.cut(priority, 2);
    call!(
        l,
        SYS_sched_setparam,
        [-5i32, cut],
        "sched_setparam(-5, %)",
        Ptr(cut)
    );
    for (policy, name) in [
        (0, "SCHED_OTHER"),
        (1, "SCHED_FIFO"),
        (2, "SCHED_RR"),
        (3, "SCHED_BATCH"),
        (5, "SCHED_IDLE"),
        (6, "SCHED_DEADLINE"),
    ] {
        call!(
            l,
            SYS_sched_get_priority_min,
            [policy],
            "sched_get_priority_min(%)",
            name
        );
        call!(
            l,
            SYS_sched_get_priority_max,
            [policy],
            "sched_get_priority_max(%)",
            name
        );
    }
    call!(
        l,
        SYS_sched_get_priority_min,
        [4],
        "sched_get_priority_min(SCHED_ISO)"
    );
    call!(
        l,
        SYS_sched_get_priority_min,
        [-1i32],
        "sched_get_priority_min(0xffffffff /* SCHED_??? */)"
    );
}

/// A child by fork(2), that is waited for without a signal of its own.
fn child(l: &mut Lines) {
    let block = 1u64 << 16;
    call!(
        l,
        SYS_rt_sigprocmask,
        [0, &raw const block, NULL, 8],
        "rt_sigprocmask(SIG_BLOCK, [CHLD], NULL, 8)"
    );
    let mut status = 0i32;
    // SAFETY: the child makes one call and is gone.
    let pid = unsafe { libc::syscall(libc::SYS_fork) };
    if pid == 0 {
        // SAFETY: ends the child.
        unsafe { libc::syscall(libc::SYS_exit_group, 7) };
    }
    l.expect("fork()", &[], pid);
    call!(
        l,
        SYS_wait4,
        [pid, &raw mut status, 0, NULL],
        "wait4(%, [{WIFEXITED(s) && WEXITSTATUS(s) == 7}], 0, NULL)",
        pid
    );
}

extern "C" fn awake(_: i32) {}

/// pause(2) until the alarm, whose handler ends with a call that stands in no source: SYS_rt_sigreturn.
fn waiting(l: &mut Lines) {
    // Once more where the first comes too early.
    let soon = [10i64, 0, 1, 0];
    call!(
        l,
        SYS_setitimer,
        [0, &soon, NULL],
        "setitimer(ITIMER_REAL, {it_interval={tv_sec=10, tv_usec=0}, it_value={tv_sec=1, tv_usec=0}}, NULL)"
    );
    quiet!(l, SYS_pause, []);
    l.line(
        "pause() = ? ERESTARTNOHAND (To be restarted if no handler)",
        &[],
    );
    l.line("--- SIGALRM {si_signo=SIGALRM, si_code=SI_KERNEL} ---", &[]);
    l.line(
        "rt_sigreturn({mask=[CHLD]}) = -1 EINTR (Interrupted system call)",
        &[],
    );
}
