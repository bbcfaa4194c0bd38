//! The machine and small things: random bytes, rseq, sysinfo, uname, seccomp, syslog, identity, unknown numbers.

use crate::lines::{Edge, Lines, Ptr};

const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    let wall = edge.wall();
    l.begin();
    let mut bytes = [0u8; 4];
    let ret = quiet!(l, SYS_getrandom, [&raw mut bytes, 4, 1]);
    let hex: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
    l.expect(r#"getrandom("%", 4, GRND_NONBLOCK)"#, &[&hex], ret);
    call!(
        l,
        SYS_getrandom,
        [wall, 4, 0x4],
        "getrandom(%, 4, GRND_INSECURE)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_getrandom,
        [NULL, 0, 0xf8],
        "getrandom(NULL, 0, 0xf8 /* GRND_??? */)"
    );
    call!(
        l,
        SYS_rseq,
        [wall, 32, 1, 0x1234],
        "rseq(%, 0x20, RSEQ_FLAG_UNREGISTER, 0x1234)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_rseq,
        [NULL, 0, 8, 0],
        "rseq(NULL, 0, 0x8 /* RSEQ_FLAG_??? */, 0)"
    );
    call!(l, SYS_sysinfo, [wall], "sysinfo(%)", Ptr(wall));
    // SAFETY: integers only.
    let mut info: libc::sysinfo = unsafe { std::mem::zeroed() };
    let ret = quiet!(l, SYS_sysinfo, [&raw mut info]);
    l.expect(
        "sysinfo({uptime=%, loads=[%, %, %], totalram=%, freeram=%, sharedram=%, bufferram=%, totalswap=%, freeswap=%, procs=%, totalhigh=%, freehigh=%, mem_unit=%})",
        &[&info.uptime, &info.loads[0], &info.loads[1], &info.loads[2], &info.totalram, &info.freeram, &info.sharedram, &info.bufferram, &info.totalswap, &info.freeswap, &info.procs, &info.totalhigh, &info.freehigh, &info.mem_unit],
        ret,
    );
    call!(l, SYS_uname, [wall], "uname(%)", Ptr(wall));
    let mut name = [0u8; 390];
    let ret = quiet!(l, SYS_uname, [&raw mut name]);
    let node = name[65..]
        .split(|&byte| byte == 0)
        .next()
        .unwrap_or_default();
    let node = String::from_utf8_lossy(node).into_owned();
    l.expect(
        r#"uname({sysname="Linux", nodename="%", ...})"#,
        &[&node],
        ret,
    );
    call!(l, SYS_getpid, [], "getpid()");
    call!(l, SYS_gettid, [], "gettid()");
    call!(
        l,
        SYS_set_tid_address,
        [wall],
        "set_tid_address(%)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_sethostname,
        [wall, 3],
        "sethostname(%, 3)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_sethostname,
        [wall, -1i32],
        "sethostname(%, 4294967295)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_syslog,
        [10, NULL, 0],
        "syslog(10 /* SYSLOG_ACTION_SIZE_BUFFER */)"
    );
    call!(
        l,
        SYS_syslog,
        [99, wall, -1i32],
        "syslog(99 /* SYSLOG_ACTION_??? */, %, -1)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_reboot,
        [1, 2, 3, NULL],
        "reboot(0x1 /* LINUX_REBOOT_MAGIC_??? */, 0x2 /* LINUX_REBOOT_MAGIC_??? */, 0x3 /* LINUX_REBOOT_CMD_??? */)"
    );
    call!(
        l,
        SYS_seccomp,
        [2, 0, wall],
        "seccomp(SECCOMP_GET_ACTION_AVAIL, 0, %)",
        Ptr(wall)
    );
    let action = 0x7fff_0000u32;
    call!(
        l,
        SYS_seccomp,
        [2, 0, &raw const action],
        "seccomp(SECCOMP_GET_ACTION_AVAIL, 0, [SECCOMP_RET_ALLOW])"
    );
    let program = [3u64, wall as u64];
    call!(
        l,
        SYS_seccomp,
        [1, 0x80, &raw const program],
        "seccomp(SECCOMP_SET_MODE_FILTER, 0x80 /* SECCOMP_FILTER_FLAG_??? */, {len=3, filter=%})",
        Ptr(wall)
    );
    call!(
        l,
        SYS_seccomp,
        [9, 7, wall],
        "seccomp(0x9 /* SECCOMP_SET_MODE_??? */, 0x7, %)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_ptrace,
        [0x4200, -1i32, NULL, 0x10_0001],
        "ptrace(PTRACE_SETOPTIONS, -1, NULL, PTRACE_O_TRACESYSGOOD|PTRACE_O_EXITKILL)"
    );
    call!(
        l,
        SYS_ptrace,
        [7, -1i32, NULL, 10],
        "ptrace(PTRACE_CONT, -1, NULL, SIGUSR1)"
    );
    call!(
        l,
        SYS_ptrace,
        [1, -1i32, 0x1234, wall],
        "ptrace(PTRACE_PEEKTEXT, -1, 0x1234, %)",
        Ptr(wall)
    );
    call!(l, SYS_acct, [c"/no"], r#"acct("/no")"#);
    call!(l, SYS_swapoff, [c"/no"], r#"swapoff("/no")"#);
    call!(
        l,
        SYS_delete_module,
        [c"no_module", 0x800],
        r#"delete_module("no_module", O_NONBLOCK)"#
    );
    call!(l, SYS_ioperm, [0x80, 1, 0], "ioperm(0x80, 0x1, 0)");
    call!(l, SYS_iopl, [0], "iopl(0)");
    call!(l, SYS_sync, [], "sync()");
    settings(l, &edge);
    unknown(l);
    l.end();
}

/// Settings that few programs have; none of these is accepted.
fn settings(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    call!(
        l,
        SYS_prctl,
        [33, 1, 2, 3, 4],
        "prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_DEFAULT, 0x3, 0x4)"
    );
    call!(
        l,
        SYS_prctl,
        [33, 5, 2, 3, 4],
        "prctl(PR_MCE_KILL, 0x5 /* PR_MCE_KILL_??? */, 0x2, 0x3, 0x4)"
    );
    call!(
        l,
        SYS_prctl,
        [55, 1, 2, 3, 4],
        "prctl(PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE|PR_MTE_TCF_NONE, 0x2, 0x3, 0x4)"
    );
    call!(
        l,
        SYS_prctl,
        [65, 1, 2, 3, 4],
        "prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0x2, 0x3, 0x4)"
    );
    let segment = [5u32, 0x1000, 0xf_ffff, 0x51];
    let ret = call!(
        l,
        SYS_modify_ldt,
        [99, &segment, 16],
        "modify_ldt(99, {entry_number=5, base_addr=0x001000, limit=0x0fffff, seg_32bit=1, contents=0, read_exec_only=0, limit_in_pages=1, seg_not_present=0, useable=1, lm=0}, 16)"
    );
    l.cut(ret);
    let ret = call!(
        l,
        SYS_modify_ldt,
        [99, wall, 16],
        "modify_ldt(99, %, 16)",
        Ptr(wall)
    );
    l.cut(ret);
    let mut sizes = [0u16; 3];
    let ret = quiet!(l, SYS_seccomp, [3, 0, &raw mut sizes]);
    l.expect(
        "seccomp(SECCOMP_GET_NOTIF_SIZES, 0, {seccomp_notif=%, seccomp_notif_resp=%, seccomp_data=%})",
        &[&sizes[0], &sizes[1], &sizes[2]],
        ret,
    );
    call!(
        l,
        SYS_seccomp,
        [3, 1, wall],
        "seccomp(SECCOMP_GET_NOTIF_SIZES, 0x1, %)",
        Ptr(wall)
    );
    call!(l, SYS_mseal, [0x1000, 4096, 1], "mseal(0x1000, 4096, 0x1)");
}

fn unknown(l: &mut Lines) {
    let ret = l.run(9999, &[1, 2, 3, 4, 5, 6]);
    l.expect("syscall_0x270f(0x1, 0x2, 0x3, 0x4, 0x5, 0x6)", &[], ret);
    let ret = l.run(-1, &[0, usize::MAX, 0, 0, 0, 0]);
    l.expect(
        "syscall_0xffffffffffffffff(0, 0xffffffffffffffff, 0, 0, 0, 0)",
        &[],
        ret,
    );
}
