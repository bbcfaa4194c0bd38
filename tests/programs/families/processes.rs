//! Processes: clone and fork, execve, waiting, usage, limits, prctl, capabilities, credentials, pidfd, scheduling.

use crate::lines::{Edge, Lines, Ptr};

const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    // SAFETY: two calls without pointers.
    let (uid, gid) = unsafe { (libc::getuid(), libc::getgid()) };
    l.begin();
    children(l, &edge, uid);
    failing(l, &edge);
    limits(l, &edge);
    controls(l, &edge);
    credentials(l, &edge, uid, gid);
    scheduling(l, &edge);
    l.end();
}

/// Makes a child that ends at once, and expects the line of the clone.
fn child(l: &mut Lines, status: usize) -> i64 {
    let args = [libc::SIGCHLD as usize, 0, 0, 0, 0];
    // SAFETY: a fork: the child makes one call and is gone.
    let pid = unsafe { libc::syscall(libc::SYS_clone, args[0], 0, 0, 0, 0) };
    if pid == 0 {
        // SAFETY: ends the child.
        unsafe { libc::syscall(libc::SYS_exit_group, status) };
    }
    l.expect("clone(child_stack=NULL, flags=SIGCHLD)", &[], pid);
    pid
}

fn gone(l: &mut Lines, pid: i64, uid: u32, code: &str, status: &str) {
    l.line(
        "--- SIGCHLD {si_signo=SIGCHLD, si_code=%, si_pid=%, si_uid=%, si_status=%, si_utime=0, si_stime=0} ---",
        &[&code, &pid, &uid, &status],
    );
}

fn children(l: &mut Lines, edge: &Edge, uid: u32) {
    let wall = edge.wall();
    let mut status = 0i32;
    let mut usage = [0i64; 18];
    let block = 1u64 << 16;
    // The end of a child is told when it is let through, so that its place is known.
    call!(
        l,
        SYS_rt_sigprocmask,
        [0, &raw const block, NULL, 8],
        "rt_sigprocmask(SIG_BLOCK, [CHLD], NULL, 8)"
    );
    let pid = child(l, 3);
    call!(
        l,
        SYS_wait4,
        [pid, &raw mut status, 0, &raw mut usage],
        "wait4(%, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, {ru_utime={tv_sec=%, tv_usec=%}, ru_stime={tv_sec=%, tv_usec=%}, ...})",
        pid,
        usage[0],
        usage[1],
        usage[2],
        usage[3]
    );
    call!(
        l,
        SYS_rt_sigprocmask,
        [1, &raw const block, NULL, 8],
        "rt_sigprocmask(SIG_UNBLOCK, [CHLD], NULL, 8)"
    );
    gone(l, pid, uid, "CLD_EXITED", "3");
    call!(
        l,
        SYS_rt_sigprocmask,
        [0, &raw const block, NULL, 8],
        "rt_sigprocmask(SIG_BLOCK, [CHLD], NULL, 8)"
    );
    let pid = child(l, 0);
    let mut info = [0i32; 32];
    call!(
        l,
        SYS_waitid,
        [1, pid, &raw mut info, 0x0100_0004, NULL],
        "waitid(P_PID, %, {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=%, si_uid=%, si_status=0, si_utime=0, si_stime=0}, WEXITED|WNOWAIT, NULL)",
        pid,
        pid,
        uid
    );
    call!(
        l,
        SYS_wait4,
        [-1i32, NULL, 0, NULL],
        "wait4(-1, NULL, 0, NULL)"
    );
    call!(
        l,
        SYS_rt_sigprocmask,
        [1, &raw const block, NULL, 8],
        "rt_sigprocmask(SIG_UNBLOCK, [CHLD], NULL, 8)"
    );
    gone(l, pid, uid, "CLD_EXITED", "0");
    call!(
        l,
        SYS_wait4,
        [-1i32, wall, 0xe000_000fu32, wall],
        "wait4(-1, %, WNOHANG|WEXITED|WSTOPPED|WCONTINUED|__WCLONE|__WALL|__WNOTHREAD, %)",
        Ptr(wall),
        Ptr(wall)
    );
    call!(
        l,
        SYS_wait4,
        [-77i32, &raw mut status, 0x10, NULL],
        "wait4(-77, %, 0x10 /* W??? */, NULL)",
        Ptr(&raw const status)
    );
    call!(
        l,
        SYS_waitid,
        [3, 0, wall, 5, wall],
        "waitid(P_PIDFD, 0, %, WNOHANG|WEXITED, %)",
        Ptr(wall),
        Ptr(wall)
    );
    call!(
        l,
        SYS_waitid,
        [9, -1i32, NULL, 0, NULL],
        "waitid(0x9 /* P_??? */, -1, NULL, 0, NULL)"
    );
}

fn failing(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let argv = [
        c"a".as_ptr() as usize,
        wall as usize,
        c"b".as_ptr() as usize,
        0,
    ];
    call!(
        l,
        SYS_execve,
        [c"/no/such", &raw const argv, NULL],
        r#"execve("/no/such", ["a", %, "b"], NULL)"#,
        Ptr(wall)
    );
    let cut = edge.cut(argv, 8);
    call!(
        l,
        SYS_execve,
        [c"/no/such", cut, cut],
        r#"execve("/no/such", ["a", ... /* % */], % /* 1 var, unterminated */)"#,
        Ptr(wall),
        Ptr(cut)
    );
    call!(
        l,
        SYS_execve,
        [c"/no/such", wall, NULL],
        r#"execve("/no/such", %, NULL)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_execve,
        [NULL, NULL, wall],
        "execve(NULL, NULL, %)",
        Ptr(wall)
    );
    let env = [c"A=1".as_ptr() as usize, 0];
    call!(
        l,
        SYS_execveat,
        [-1i32, c"", NULL, &raw const env, 0x1100],
        r#"execveat(-1, "", NULL, % /* 1 var */, AT_SYMLINK_NOFOLLOW|AT_EMPTY_PATH)"#,
        Ptr(&raw const env)
    );
    call!(
        l,
        SYS_clone,
        [0x8000_0800u32, NULL, NULL, NULL, NULL],
        "clone(child_stack=NULL, flags=CLONE_SIGHAND|CLONE_IO)"
    );
    call!(
        l,
        SYS_clone,
        [0x0128_0800u64 | 10, NULL, wall, wall, 0x77],
        "clone(child_stack=NULL, flags=CLONE_SIGHAND|CLONE_SETTLS|CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGUSR1, tls=0x77, child_tidptr=%)",
        Ptr(wall)
    );
    let args: [u64; 11] = [0x800, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0];
    call!(
        l,
        SYS_clone3,
        [&raw const args, 88],
        "clone3({flags=CLONE_SIGHAND, exit_signal=SIGCHLD, stack=NULL, stack_size=0}, 88)"
    );
    call!(
        l,
        SYS_clone3,
        [&raw const args, 63],
        "clone3(%, 63)",
        Ptr(&raw const args)
    );
    let args: [u64; 11] = [
        0x8000_0000_0000_0000,
        1,
        2,
        3,
        999,
        0x1000,
        5,
        0,
        0x2000,
        2,
        7,
    ];
    call!(
        l,
        SYS_clone3,
        [&raw const args, 88],
        "clone3({flags=0x8000000000000000 /* CLONE_??? */, exit_signal=999, stack=0x1000, stack_size=0x5, set_tid=0x2000, set_tid_size=2, cgroup=7}, 88)"
    );
    call!(l, SYS_clone3, [wall, 64], "clone3(%, 64)", Ptr(wall));
    call!(
        l,
        SYS_unshare,
        [0x7e02_0001u32],
        "unshare(CLONE_NEWNS|CLONE_NEWCGROUP|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWUSER|CLONE_NEWPID|CLONE_NEWNET|0x1)"
    );
    call!(
        l,
        SYS_setns,
        [-1i32, 0x4000_0000],
        "setns(-1, CLONE_NEWNET)"
    );
}

fn limits(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let mut limit = [0u64; 2];
    call!(
        l,
        SYS_prlimit64,
        [0, 7, NULL, &raw mut limit],
        "prlimit64(0, RLIMIT_NOFILE, NULL, {rlim_cur=%, rlim_max=%})",
        kib(limit[0]),
        kib(limit[1])
    );
    let bad = [9u64, 3];
    call!(
        l,
        SYS_prlimit64,
        [0, 3, &raw const bad, wall],
        "prlimit64(0, RLIMIT_STACK, {rlim_cur=9, rlim_max=3}, %)",
        Ptr(wall)
    );
    let all = [u64::MAX, 2048];
    call!(
        l,
        SYS_prlimit64,
        [-5i32, 99, &raw const all, NULL],
        "prlimit64(-5, 0x63 /* RLIMIT_??? */, {rlim_cur=RLIM64_INFINITY, rlim_max=2*1024}, NULL)"
    );
    call!(
        l,
        SYS_setrlimit,
        [3, &raw const bad],
        "setrlimit(RLIMIT_STACK, {rlim_cur=9, rlim_max=3})"
    );
    call!(
        l,
        SYS_getrlimit,
        [4, wall],
        "getrlimit(RLIMIT_CORE, %)",
        Ptr(wall)
    );
    let mut usage = [0i64; 18];
    let ret = quiet!(l, SYS_getrusage, [0, &raw mut usage]);
    l.expect("getrusage(RUSAGE_SELF, {ru_utime={tv_sec=%, tv_usec=%}, ru_stime={tv_sec=%, tv_usec=%}, ...})", &[&usage[0], &usage[1], &usage[2], &usage[3]], ret);
    call!(
        l,
        SYS_getrusage,
        [7, wall],
        "getrusage(0x7 /* RUSAGE_??? */, %)",
        Ptr(wall)
    );
    call!(l, SYS_getpriority, [1, 0], "getpriority(PRIO_PGRP, 0)");
    call!(
        l,
        SYS_setpriority,
        [5, 0, -1i32],
        "setpriority(0x5 /* PRIO_??? */, 0, -1)"
    );
}

fn hex(value: i64) -> String {
    if value == 0 {
        "0".to_owned()
    } else {
        format!("{value:#x}")
    }
}

fn kib(limit: u64) -> String {
    match limit {
        u64::MAX => "RLIM64_INFINITY".to_owned(),
        n if n > 1024 && n % 1024 == 0 => format!("{}*1024", n / 1024),
        n => n.to_string(),
    }
}

fn controls(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    call!(
        l,
        SYS_prctl,
        [15, c"a name"],
        r#"prctl(PR_SET_NAME, "a name")"#
    );
    call!(l, SYS_prctl, [15, wall], "prctl(PR_SET_NAME, %)", Ptr(wall));
    let mut name = [0u8; 16];
    call!(
        l,
        SYS_prctl,
        [16, &raw mut name],
        r#"prctl(PR_GET_NAME, "a name")"#
    );
    call!(l, SYS_prctl, [1, 10], "prctl(PR_SET_PDEATHSIG, SIGUSR1)");
    let mut signal = 0i32;
    call!(
        l,
        SYS_prctl,
        [2, &raw mut signal],
        "prctl(PR_GET_PDEATHSIG, [SIGUSR1])"
    );
    call!(l, SYS_prctl, [1, 0], "prctl(PR_SET_PDEATHSIG, 0)");
    let ret = quiet!(l, SYS_prctl, [3]);
    l.line("prctl(PR_GET_DUMPABLE) = 1 (SUID_DUMP_USER)", &[]);
    assert_eq!(ret, 1);
    call!(
        l,
        SYS_prctl,
        [4, 7],
        "prctl(PR_SET_DUMPABLE, 0x7 /* SUID_DUMP_??? */)"
    );
    call!(l, SYS_prctl, [8, 7], "prctl(PR_SET_KEEPCAPS, 7)");
    call!(l, SYS_prctl, [7], "prctl(PR_GET_KEEPCAPS)");
    call!(
        l,
        SYS_prctl,
        [23, 99],
        "prctl(PR_CAPBSET_READ, 0x63 /* CAP_??? */)"
    );
    let ret = quiet!(l, SYS_prctl, [23, 0]);
    l.expect("prctl(PR_CAPBSET_READ, CAP_CHOWN)", &[], ret);
    call!(
        l,
        SYS_prctl,
        [28, 0x8000],
        "prctl(PR_SET_SECUREBITS, 0x8000 /* SECBIT_??? */)"
    );
    call!(l, SYS_prctl, [36, 0], "prctl(PR_SET_CHILD_SUBREAPER, 0)");
    let mut word = 9u32;
    call!(
        l,
        SYS_prctl,
        [37, &raw mut word],
        "prctl(PR_GET_CHILD_SUBREAPER, [0])"
    );
    call!(
        l,
        SYS_prctl,
        [38, 2, 0, 0, 0],
        "prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0)"
    );
    call!(
        l,
        SYS_prctl,
        [39, 0, 0, 0, 0],
        "prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)"
    );
    call!(
        l,
        SYS_prctl,
        [47, 1, 99, 0, 0],
        "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0x63 /* CAP_??? */, 0, 0)"
    );
    call!(
        l,
        SYS_prctl,
        [22, 2, NULL],
        "prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL)"
    );
    call!(
        l,
        SYS_prctl,
        [0x5356_4d41, 0, 1, 4096, wall],
        "prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x1, 4096, %)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_prctl,
        [35, 1, 2, 3, 4],
        "prctl(PR_SET_MM, PR_SET_MM_START_CODE, 0x2, 0x3, 0x4)"
    );
    call!(
        l,
        SYS_prctl,
        [7777, 1, 2, 3, 4],
        "prctl(0x1e61 /* PR_??? */, 0x1, 0x2, 0x3, 0x4)"
    );
    call!(
        l,
        SYS_arch_prctl,
        [0x1003, wall],
        "arch_prctl(ARCH_GET_FS, %)",
        Ptr(wall)
    );
    let mut base = 0usize;
    call!(
        l,
        SYS_arch_prctl,
        [0x1003, &raw mut base],
        "arch_prctl(ARCH_GET_FS, [%])",
        Ptr(base as *const u8)
    );
    call!(
        l,
        SYS_arch_prctl,
        [0x1001, -1i64],
        "arch_prctl(ARCH_SET_GS, 0xffffffffffffffff)"
    );
    call!(
        l,
        SYS_arch_prctl,
        [0x7777, 5],
        "arch_prctl(0x7777 /* ARCH_??? */, 0x5)"
    );
    call!(
        l,
        SYS_arch_prctl,
        [0x1023, 9],
        "arch_prctl(ARCH_REQ_XCOMP_PERM, 0x9 /* XFEATURE_PKRU */)"
    );
    call!(
        l,
        SYS_arch_prctl,
        [0x1025, 63],
        "arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM, 0x3f /* XFEATURE_??? */)"
    );
    let ret = quiet!(l, SYS_personality, [-1i32]);
    l.line(
        "personality(0xffffffff) = % (PER_LINUX%)",
        &[&hex(ret), &if ret == 0 { "" } else { "|ADDR_NO_RANDOMIZE" }],
    );
    let pid = l.pid;
    let fd = call!(l, SYS_pidfd_open, [pid, 0], "pidfd_open(%, 0)", pid);
    call!(
        l,
        SYS_pidfd_open,
        [-1i32, 0x800],
        "pidfd_open(-1, PIDFD_NONBLOCK)"
    );
    call!(
        l,
        SYS_pidfd_getfd,
        [fd, -1i32, 5],
        "pidfd_getfd(%, -1, 0x5)",
        fd
    );
    call!(
        l,
        SYS_pidfd_send_signal,
        [fd, 0, NULL, 0],
        "pidfd_send_signal(%, 0, NULL, 0)",
        fd
    );
    call!(l, SYS_kcmp, [1, 1, 0, 3, 4], "kcmp(1, 1, KCMP_FILE, 3, 4)");
    call!(l, SYS_close, [fd], "close(%)", fd);
}

fn credentials(l: &mut Lines, edge: &Edge, uid: u32, gid: u32) {
    let wall = edge.wall();
    call!(l, SYS_getuid, [], "getuid()");
    call!(
        l,
        SYS_setresuid,
        [-1i32, -1i32, -1i32],
        "setresuid(-1, -1, -1)"
    );
    call!(l, SYS_setreuid, [-1i32, uid], "setreuid(-1, %)", uid);
    let mut ids = [9u32; 3];
    call!(
        l,
        SYS_getresuid,
        [&raw mut ids[0], &raw mut ids[1], &raw mut ids[2]],
        "getresuid([%], [%], [%])",
        uid,
        uid,
        uid
    );
    call!(
        l,
        SYS_getresgid,
        [wall, NULL, wall],
        "getresgid(%, NULL, %)",
        Ptr(wall),
        Ptr(wall)
    );
    call!(l, SYS_setgid, [gid], "setgid(%)", gid);
    call!(l, SYS_setfsuid, [-1i32], "setfsuid(-1)");
    call!(l, SYS_getgroups, [0, NULL], "getgroups(0, NULL)");
    call!(
        l,
        SYS_getgroups,
        [-1i32, wall],
        "getgroups(-1, %)",
        Ptr(wall)
    );
    call!(l, SYS_setgroups, [0x20000, NULL], "setgroups(131072, NULL)");
    let groups = [1u32, 2];
    let cut = edge.cut(groups, 4);
    let ret = quiet!(l, SYS_setgroups, [2, cut]);
    l.expect("setgroups(2, [1, ... /* % */])", &[&Ptr(wall)], ret);
    let header = [0x2008_0522u32, 0];
    let mut data = [0u32; 6];
    call!(
        l,
        SYS_capget,
        [&raw const header, NULL],
        "capget({version=_LINUX_CAPABILITY_VERSION_3, pid=0}, NULL)"
    );
    let bad = [7u32, 1];
    call!(
        l,
        SYS_capget,
        [&raw const bad, &raw mut data],
        "capget({version=0x7 /* _LINUX_CAPABILITY_VERSION_??? */, pid=1}, %)",
        Ptr(&raw const data)
    );
    let data: [u32; 6] = [3, 0, 0x8000_0000, 0, 0x100, 0x1ff];
    let header = [0x2008_0522u32, 1];
    call!(
        l,
        SYS_capset,
        [&raw const header, &raw const data],
        "capset({version=_LINUX_CAPABILITY_VERSION_3, pid=1}, {effective=1<<CAP_CHOWN|1<<CAP_DAC_OVERRIDE, permitted=1<<CAP_CHECKPOINT_RESTORE, inheritable=1<<CAP_SETFCAP|1<<CAP_MAC_OVERRIDE|1<<CAP_MAC_ADMIN|1<<CAP_SYSLOG|1<<CAP_WAKE_ALARM|1<<CAP_BLOCK_SUSPEND|1<<CAP_AUDIT_READ|1<<CAP_PERFMON|1<<CAP_BPF|1<<CAP_CHECKPOINT_RESTORE})"
    );
    call!(l, SYS_capset, [wall, NULL], "capset(%, NULL)", Ptr(wall));
    call!(l, SYS_getpgid, [-1i32], "getpgid(-1)");
    call!(l, SYS_setpgid, [-1i32, 5], "setpgid(-1, 5)");
    call!(l, SYS_getsid, [0], "getsid(0)");
}

fn scheduling(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    call!(l, SYS_sched_yield, [], "sched_yield()");
    let ret = quiet!(l, SYS_sched_getscheduler, [0]);
    l.line("sched_getscheduler(0) = % (SCHED_OTHER)", &[&ret]);
    let mut priority = 9i32;
    call!(
        l,
        SYS_sched_getparam,
        [0, &raw mut priority],
        "sched_getparam(0, [0])"
    );
    call!(
        l,
        SYS_sched_setscheduler,
        [0, 0x4000_0002u32, &raw const priority],
        "sched_setscheduler(0, 0x40000002 /* SCHED_??? */, [0])"
    );
    call!(
        l,
        SYS_sched_setscheduler,
        [-1i32, 1, wall],
        "sched_setscheduler(-1, SCHED_FIFO, %)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_sched_get_priority_max,
        [2],
        "sched_get_priority_max(SCHED_RR)"
    );
    let mut slice = [0i64; 2];
    call!(
        l,
        SYS_sched_rr_get_interval,
        [0, &raw mut slice],
        "sched_rr_get_interval(0, {tv_sec=%, tv_nsec=%})",
        slice[0],
        slice[1]
    );
    let mut attr = [0u32; 14];
    call!(
        l,
        SYS_sched_getattr,
        [0, &raw mut attr, 48, 0],
        "sched_getattr(0, {size=48, sched_policy=SCHED_OTHER, sched_flags=0, sched_nice=%, sched_priority=0, sched_runtime=%, sched_deadline=0, sched_period=0}, 48, 0)",
        attr[4].cast_signed(),
        attr[6]
    );
    call!(
        l,
        SYS_sched_getattr,
        [0, wall, 8, 1],
        "sched_getattr(0, %, 8, 1)",
        Ptr(wall)
    );
    let attr: [u32; 14] = [48, 9, 0x87, 0, 5, 0, 1, 0, 2, 0, 3, 0, 0, 0];
    call!(
        l,
        SYS_sched_setattr,
        [0, &raw const attr, 0],
        "sched_setattr(0, {size=48, sched_policy=0x9 /* SCHED_??? */, sched_flags=SCHED_FLAG_RESET_ON_FORK|SCHED_FLAG_RECLAIM|SCHED_FLAG_DL_OVERRUN|0x80, sched_nice=5, sched_priority=0, sched_runtime=1, sched_deadline=2, sched_period=3}, 0)"
    );
    call!(
        l,
        SYS_sched_setattr,
        [0, NULL, 0],
        "sched_setattr(0, NULL, 0)"
    );
    let cpus = [0u64; 2];
    call!(
        l,
        SYS_sched_setaffinity,
        [0, 16, &raw const cpus],
        "sched_setaffinity(0, 16, [])"
    );
    call!(
        l,
        SYS_sched_setaffinity,
        [-1i32, 8, wall],
        "sched_setaffinity(-1, 8, %)",
        Ptr(wall)
    );
    let mut cpus = [0u8; 128];
    let ret = quiet!(l, SYS_sched_getaffinity, [0, 128, &raw mut cpus]);
    let set: Vec<String> = (0..1024)
        .filter(|cpu| cpus[cpu / 8] >> (cpu % 8) & 1 != 0)
        .map(|cpu| cpu.to_string())
        .collect();
    l.expect("sched_getaffinity(0, 128, [%])", &[&set.join(" ")], ret);
    call!(
        l,
        SYS_sched_getaffinity,
        [0, 1, &raw mut cpus],
        "sched_getaffinity(0, 1, %)",
        Ptr(&raw const cpus)
    );
    let (mut cpu, mut node) = (9u32, 9u32);
    call!(
        l,
        SYS_getcpu,
        [&raw mut cpu, &raw mut node, NULL],
        "getcpu([%], [%], NULL)",
        cpu,
        node
    );
    let ret = quiet!(l, SYS_ioprio_get, [1, 0]);
    // Before Linux 5.18 a process without a priority of its own has that of the middle, 4.
    let shown = if ret == 0 { "0".into() } else { hex(ret) };
    l.line(
        "ioprio_get(IOPRIO_WHO_PROCESS, 0) = % (IOPRIO_PRIO_VALUE(IOPRIO_CLASS_NONE, %))",
        &[&shown, &ret],
    );
    call!(
        l,
        SYS_ioprio_set,
        [9, -1i32, 0x4007],
        "ioprio_set(0x9 /* IOPRIO_WHO_??? */, -1, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7))"
    );
}
