//! Signals: sets, actions, masks, siginfo, signalfd, alternate stacks, the kill family.

use crate::lines::{Edge, Lines, Ptr};

const NULL: usize = 0;

#[repr(C)]
struct Action {
    handler: usize,
    flags: u64,
    restorer: usize,
    mask: u64,
}

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    let wall = edge.wall();
    // SAFETY: calls without pointers.
    let (pid, uid) = unsafe { (libc::getpid(), libc::getuid()) };
    l.begin();
    actions(l, wall);
    masks(l, &edge);
    sending(l, wall, pid, uid);
    descriptors(l, &edge);
    l.end();
}

fn actions(l: &mut Lines, wall: *const u8) {
    let action = Action {
        handler: 1,
        flags: 0x5400_0000,
        restorer: 0x1234,
        mask: 1 << 1 | 1 << 33,
    };
    let mut old = Action {
        handler: 9,
        flags: 9,
        restorer: 9,
        mask: 9,
    };
    call!(
        l,
        SYS_rt_sigaction,
        [10, &raw const action, &raw mut old, 8],
        "rt_sigaction(SIGUSR1, {sa_handler=SIG_IGN, sa_mask=[INT RT_2], sa_flags=SA_RESTORER|SA_RESTART|SA_NODEFER, sa_restorer=0x1234}, {sa_handler=SIG_DFL, sa_mask=[], sa_flags=0}, 8)"
    );
    let action = Action {
        handler: 0x4321,
        flags: 0x8800_1007,
        restorer: 0,
        mask: !0,
    };
    call!(
        l,
        SYS_rt_sigaction,
        [12, &raw const action, NULL, 8],
        "rt_sigaction(SIGUSR2, {sa_handler=0x4321, sa_mask=~[], sa_flags=SA_ONSTACK|SA_RESETHAND|SA_SIGINFO|SA_NOCLDSTOP|SA_NOCLDWAIT|0x1000}, NULL, 8)"
    );
    let action = Action {
        handler: 0,
        flags: 0,
        restorer: 0,
        mask: 0,
    };
    call!(
        l,
        SYS_rt_sigaction,
        [12, &raw const action, NULL, 8],
        "rt_sigaction(SIGUSR2, {sa_handler=SIG_DFL, sa_mask=[], sa_flags=0}, NULL, 8)"
    );
    call!(
        l,
        SYS_rt_sigaction,
        [9, &raw const action, NULL, 8],
        "rt_sigaction(SIGKILL, {sa_handler=SIG_DFL, sa_mask=[], sa_flags=0}, NULL, 8)"
    );
    call!(
        l,
        SYS_rt_sigaction,
        [10, NULL, wall, 8],
        "rt_sigaction(SIGUSR1, NULL, %, 8)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_rt_sigaction,
        [65, wall, NULL, 7],
        "rt_sigaction(65, %, NULL, 7)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_rt_sigaction,
        [34, NULL, NULL, 8],
        "rt_sigaction(SIGRT_2, NULL, NULL, 8)"
    );
}

fn masks(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let set = 1u64 << 9 | 1 << 31 | 1 << 63;
    let mut old = 9u64;
    call!(
        l,
        SYS_rt_sigprocmask,
        [0, &raw const set, &raw mut old, 8],
        "rt_sigprocmask(SIG_BLOCK, [USR1 RTMIN RT_32], [], 8)"
    );
    call!(
        l,
        SYS_rt_sigprocmask,
        [2, NULL, &raw mut old, 8],
        "rt_sigprocmask(SIG_SETMASK, NULL, [USR1 RTMIN RT_32], 8)"
    );
    call!(
        l,
        SYS_rt_sigprocmask,
        [1, &raw const set, NULL, 8],
        "rt_sigprocmask(SIG_UNBLOCK, [USR1 RTMIN RT_32], NULL, 8)"
    );
    let most = !(1u64 << 8 | 1 << 18);
    call!(
        l,
        SYS_rt_sigprocmask,
        [7, &raw const most, NULL, 8],
        "rt_sigprocmask(0x7 /* SIG_??? */, ~[KILL STOP], NULL, 8)"
    );
    call!(
        l,
        SYS_rt_sigprocmask,
        [0, wall, NULL, 8],
        "rt_sigprocmask(SIG_BLOCK, %, NULL, 8)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_rt_sigprocmask,
        [0, &raw const set, NULL, 4],
        "rt_sigprocmask(SIG_BLOCK, %, NULL, 4)",
        Ptr(&raw const set)
    );
    call!(
        l,
        SYS_rt_sigpending,
        [&raw mut old, 8],
        "rt_sigpending([], 8)"
    );
    call!(
        l,
        SYS_rt_sigpending,
        [wall, 8],
        "rt_sigpending(%, 8)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_rt_sigsuspend,
        [&raw const set, 9],
        "rt_sigsuspend(%, 9)",
        Ptr(&raw const set)
    );
    let time = [0i64, 1];
    let mut info = [0u8; 128];
    call!(
        l,
        SYS_rt_sigtimedwait,
        [&raw const set, &raw mut info, &raw const time, 8],
        "rt_sigtimedwait([USR1 RTMIN RT_32], %, {tv_sec=0, tv_nsec=1}, 8)",
        Ptr(&raw const info)
    );
    let stack = [0x1000u64, 2, 4096];
    let mut before = [9u64; 3];
    call!(
        l,
        SYS_sigaltstack,
        [NULL, &raw mut before],
        "sigaltstack(NULL, {ss_sp=%, ss_flags=%, ss_size=%})",
        Ptr(before[0] as *const u8),
        if before[1] as u32 == 2 {
            "SS_DISABLE"
        } else {
            "0"
        },
        before[2]
    );
    call!(
        l,
        SYS_sigaltstack,
        [&raw const stack, NULL],
        "sigaltstack({ss_sp=0x1000, ss_flags=SS_DISABLE, ss_size=4096}, NULL)"
    );
    let stack = [0x1000u64, 0x8000_0001, 5];
    call!(
        l,
        SYS_sigaltstack,
        [&raw const stack, wall],
        "sigaltstack({ss_sp=0x1000, ss_flags=SS_ONSTACK|SS_AUTODISARM, ss_size=5}, %)",
        Ptr(wall)
    );
    let cut = edge.cut(stack, 16);
    call!(
        l,
        SYS_sigaltstack,
        [cut, NULL],
        "sigaltstack(%, NULL)",
        Ptr(cut)
    );
}

fn sending(l: &mut Lines, wall: *const u8, pid: i32, uid: u32) {
    let usr1 = |l: &mut Lines| {
        l.line(
            "--- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_USER, si_pid=%, si_uid=%} ---",
            &[&pid, &uid],
        )
    };
    // Ignored since `actions`: told all the same.
    call!(l, SYS_kill, [pid, 10], "kill(%, SIGUSR1)", pid);
    usr1(l);
    call!(
        l,
        SYS_tgkill,
        [pid, pid, 10],
        "tgkill(%, %, SIGUSR1)",
        pid,
        pid
    );
    l.line(
        "--- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_TKILL, si_pid=%, si_uid=%} ---",
        &[&pid, &uid],
    );
    call!(l, SYS_kill, [pid, 0], "kill(%, 0)", pid);
    call!(l, SYS_kill, [pid, 65], "kill(%, 65)", pid);
    call!(
        l,
        SYS_kill,
        [-0x7fff_ffffi32, 64],
        "kill(-2147483647, SIGRT_32)"
    );
    call!(l, SYS_tkill, [-1i32, 32], "tkill(-1, SIGRTMIN)");
    call!(l, SYS_tgkill, [-1i32, 0, 19], "tgkill(-1, 0, SIGSTOP)");
    // A siginfo of the program's own making.
    let mut info = [0i32; 32];
    info[0] = 10;
    info[2] = -1;
    info[4] = 77;
    info[5] = 88;
    info[6] = 42;
    call!(
        l,
        SYS_rt_sigqueueinfo,
        [pid, 10, &raw const info],
        "rt_sigqueueinfo(%, SIGUSR1, {si_signo=SIGUSR1, si_code=SI_QUEUE, si_pid=77, si_uid=88, si_int=42, si_ptr=0x2a})",
        pid
    );
    l.line("--- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_QUEUE, si_pid=77, si_uid=88, si_int=42, si_ptr=0x2a} ---", &[]);
    call!(
        l,
        SYS_rt_tgsigqueueinfo,
        [-1i32, 0, 12, wall],
        "rt_tgsigqueueinfo(-1, 0, SIGUSR2, %)",
        Ptr(wall)
    );
    info[0] = 11;
    info[1] = 2;
    info[2] = 1;
    call!(
        l,
        SYS_rt_sigqueueinfo,
        [-1i32, 11, &raw const info],
        "rt_sigqueueinfo(-1, SIGSEGV, {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_errno=ENOENT, si_addr=0x580000004d})"
    );
    info[0] = 17;
    info[1] = 0;
    call!(
        l,
        SYS_rt_sigqueueinfo,
        [-1i32, 17, &raw const info],
        "rt_sigqueueinfo(-1, SIGCHLD, {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=77, si_uid=88, si_status=42, si_utime=0, si_stime=0})"
    );
    info[0] = 29;
    call!(
        l,
        SYS_rt_sigqueueinfo,
        [-1i32, 29, &raw const info],
        "rt_sigqueueinfo(-1, SIGIO, {si_signo=SIGIO, si_code=POLL_IN, si_band=377957122125, si_fd=42})"
    );
    info[0] = 99;
    info[2] = -77;
    call!(
        l,
        SYS_rt_sigqueueinfo,
        [-1i32, 99, &raw const info],
        "rt_sigqueueinfo(-1, 99, {si_signo=99, si_code=0xffffffb3, si_pid=77, si_uid=88, si_int=42, si_ptr=0x2a})"
    );
}

fn descriptors(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let set = 1u64 << 9;
    let fd = call!(
        l,
        SYS_signalfd4,
        [-1i32, &raw const set, 8, 0x80800],
        "signalfd4(-1, [USR1], 8, SFD_CLOEXEC|SFD_NONBLOCK)"
    );
    call!(
        l,
        SYS_signalfd4,
        [-1i32, wall, 8, 1],
        "signalfd4(-1, %, 8, 0x1 /* SFD_??? */)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_signalfd,
        [fd, &raw const set, 7],
        "signalfd(%, %, 7)",
        fd,
        Ptr(&raw const set)
    );
    call!(l, SYS_close, [fd], "close(%)", fd);
}
