//! 32-bit calls, made by `int 0x80`: those that are several in one, and structures that look otherwise than on 64 bits.
//!
//! Everything that they point to is in two pages at a fixed place below 4 GiB.

use std::{arch::global_asm, fmt::Display};

use crate::lines::{Lines, mounted};

// rdi: number and six arguments. C wants rbx and rbp back; the kernel may zero r8 to r11.
global_asm!(
    ".globl families_int80",
    "families_int80:",
    "push rbx",
    "push rbp",
    "mov eax, [rdi]",
    "mov ebx, [rdi + 4]",
    "mov ecx, [rdi + 8]",
    "mov edx, [rdi + 12]",
    "mov esi, [rdi + 16]",
    "mov ebp, [rdi + 24]",
    "mov edi, [rdi + 20]",
    "int 0x80",
    "pop rbp",
    "pop rbx",
    "ret",
);

unsafe extern "C" {
    fn families_int80(registers: *const [u32; 7]) -> i32;
}

/// The first page: arrays of arguments. What they point to follows.
const PAGE: u32 = 0x2000_0000;
const DATA: u32 = PAGE + 0x100;

const NONE: u32 = u32::MAX;

/// Makes the call.
fn quiet(nr: u32, args: &[u32]) -> i64 {
    let mut registers = [0; 7];
    registers[0] = nr;
    for (register, arg) in registers[1..].iter_mut().zip(args) {
        *register = *arg;
    }
    // SAFETY: as for every call of the families; the memory is the two pages.
    i64::from(unsafe { families_int80(&registers) })
}

/// Makes the call and expects the line.
fn call(l: &mut Lines, nr: u32, args: &[u32], text: &str, values: &[&dyn Display]) -> i64 {
    let ret = quiet(nr, args);
    l.expect(text, values, ret);
    ret
}

/// Puts words there.
fn put(at: u32, words: &[u32]) -> u32 {
    for (i, word) in words.iter().enumerate() {
        // SAFETY: within the two pages, which nothing else refers to.
        unsafe { ((at as usize + 4 * i) as *mut u32).write_unaligned(*word) };
    }
    at
}

/// Puts bytes there.
fn text(at: u32, bytes: &[u8]) -> u32 {
    for (i, byte) in bytes.iter().enumerate() {
        // SAFETY: the same.
        unsafe { ((at as usize + i) as *mut u8).write(*byte) };
    }
    at
}

/// socketcall(2) with these words in its array.
fn socketcall(l: &mut Lines, which: u32, words: &[u32], line: &str) -> i64 {
    put(PAGE, words);
    call(l, 102, &[which, PAGE], line, &[])
}

/// ipc(2): call, first, second, third, pointer, fifth.
fn ipc(l: &mut Lines, args: [u32; 6], line: &str) {
    call(l, 117, &args, line, &[]);
}

pub fn run(l: &mut Lines) {
    // SAFETY: a fresh mapping at a place that nothing else has.
    let at = unsafe {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        libc::mmap(PAGE as usize as *mut _, 0x2000, prot, flags, -1, 0)
    };
    assert_eq!(at as usize, PAGE as usize, "the pages");
    put(PAGE, &[0; 2048]);
    l.begin();
    sockets(l);
    messages(l);
    system_v(l);
    times(l);
    files(l);
    results(l);
    signals(l);
    waits(l);
    l.end();
}

fn sockets(l: &mut Lines) {
    let addr = text(DATA, b"\x01\0none\0");
    let hello = text(DATA + 0x40, b"hello");
    let len = put(DATA + 0x80, &[16]);
    let lost = socketcall(l, 1, &[1, 1, 0], "socket(AF_UNIX, SOCK_STREAM, 0)");
    assert!(lost >= 0, "a socket");
    let bad = &[NONE, addr, 7];
    socketcall(
        l,
        2,
        bad,
        r#"bind(-1, {sa_family=AF_UNIX, sun_path="none"}, 7)"#,
    );
    socketcall(
        l,
        3,
        bad,
        r#"connect(-1, {sa_family=AF_UNIX, sun_path="none"}, 7)"#,
    );
    socketcall(l, 4, &[NONE, 5], "listen(-1, 5)");
    let name = &[NONE, addr, len];
    socketcall(l, 5, name, "accept(-1, 0x20000100, [16])");
    socketcall(l, 6, name, "getsockname(-1, 0x20000100, [16])");
    socketcall(l, 7, name, "getpeername(-1, 0x20000100, [16])");
    let send = &[NONE, hello, 5, 0x40];
    socketcall(l, 9, send, r#"send(-1, "hello", 5, MSG_DONTWAIT)"#);
    socketcall(l, 10, send, "recv(-1, 0x20000140, 5, MSG_DONTWAIT)");
    socketcall(
        l,
        11,
        &[NONE, hello, 5, 0x40, addr, 7],
        r#"sendto(-1, "hello", 5, MSG_DONTWAIT, {sa_family=AF_UNIX, sun_path="none"}, 7)"#,
    );
    socketcall(
        l,
        12,
        &[NONE, hello, 5, 0x40, addr, len],
        "recvfrom(-1, 0x20000140, 5, MSG_DONTWAIT, 0x20000100, [16])",
    );
    socketcall(l, 13, &[NONE, 2], "shutdown(-1, SHUT_RDWR)");
    let value = put(DATA + 0x90, &[16]);
    let option = &[NONE, 1, 2, value, 4];
    socketcall(
        l,
        14,
        option,
        "setsockopt(-1, SOL_SOCKET, SO_REUSEADDR, [16], 4)",
    );
    let option = &[NONE, 1, 3, value, len];
    socketcall(
        l,
        15,
        option,
        "getsockopt(-1, SOL_SOCKET, SO_TYPE, 0x20000190, [16])",
    );
    let name = &[NONE, addr, len, 0x800];
    socketcall(l, 18, name, "accept4(-1, 0x20000100, [16], SOCK_NONBLOCK)");
    data(l);
    // Neither a call nor an array.
    call(l, 102, &[99, PAGE], "socketcall(99, 0x20000000)", &[]);
    call(l, 102, &[1, 0x1000], "socketcall(SYS_SOCKET, 0x1000)", &[]);
    call(l, 102, &[1, 0], "socketcall(SYS_SOCKET, NULL)", &[]);
}

/// Data that arrives, and messages of a netlink socket.
fn data(l: &mut Lines) {
    let hello = DATA + 0x40;
    let pair = DATA + 0xa0;
    put(PAGE, &[1, 1, 0, pair]);
    quiet(102, &[8, PAGE]);
    let (one, other) = (word(pair), word(pair + 4));
    l.expect(
        "socketpair(AF_UNIX, SOCK_STREAM, 0, [%, %])",
        &[&one, &other],
        0,
    );
    put(PAGE, &[one, hello, 5, 0]);
    call(l, 102, &[9, PAGE], r#"send(%, "hello", 5, 0)"#, &[&one]);
    put(PAGE, &[other, DATA + 0xb0, 7, 0]);
    call(l, 102, &[10, PAGE], r#"recv(%, "hello", 7, 0)"#, &[&other]);
    put(PAGE, &[16, 3, 0]);
    let line = "socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)";
    let netlink = call(l, 102, &[1, PAGE], line, &[]);
    let message = put(DATA + 0xc0, &[16, 1 << 16 | 1, 5, 0]);
    put(PAGE, &[netlink as u32, message, 16, 0, 0, 0]);
    let line = "sendto(%, {nlmsg_len=16, nlmsg_type=NLMSG_NOOP, nlmsg_flags=NLM_F_REQUEST, nlmsg_seq=5, nlmsg_pid=0}, 16, 0, NULL, 0)";
    call(l, 102, &[11, PAGE], line, &[&netlink]);
    let iov = put(DATA + 0xe0, &[message, 16]);
    let msg = put(DATA + 0x180, &[0, 0, iov, 1, 0, 0, 0]);
    put(PAGE, &[netlink as u32, msg, 0]);
    let line = "sendmsg(%, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base={nlmsg_len=16, nlmsg_type=NLMSG_NOOP, nlmsg_flags=NLM_F_REQUEST, nlmsg_seq=5, nlmsg_pid=0}, iov_len=16}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, 0)";
    call(l, 102, &[16, PAGE], line, &[&netlink]);
}

fn messages(l: &mut Lines) {
    let iov = put(DATA + 0x200, &[DATA + 0x40, 5]);
    let msg = put(DATA + 0x180, &[0, 0, iov, 1, 0, 0, 0]);
    let line = r#"sendmsg(-1, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="hello", iov_len=5}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, 0)"#;
    socketcall(l, 16, &[NONE, msg, 0], line);
    // The same as a call of its own, and iovec.
    call(l, 370, &[NONE, msg, 0], line, &[]);
    let line = r#"writev(-1, [{iov_base="hello", iov_len=5}], 1)"#;
    call(l, 146, &[NONE, iov, 1], line, &[]);
}

fn system_v(l: &mut Lines) {
    let sops = text(DATA + 0x300, &[1, 0, 0xff, 0xff, 0, 0x10]);
    let time = put(DATA + 0x320, &[1, 2]);
    let message = put(DATA + 0x340, &[7, 0x6463_6261, 0]);
    let older = put(DATA + 0x360, &[message, 7]);
    let value = put(DATA + 0x380, &[9]);
    let ops = "[{sem_num=1, sem_op=-1, sem_flg=SEM_UNDO}]";
    ipc(l, [1, NONE, 1, 0, sops, 0], &format!("semop(-1, {ops}, 1)"));
    let timed = format!("semtimedop(-1, {ops}, 1, {{tv_sec=1, tv_nsec=2}})");
    ipc(l, [4, NONE, 1, 0, sops, time], &timed);
    ipc(l, [2, 0x7abc, 0, 0, 0, 0], "semget(0x7abc, 0, 000)");
    ipc(
        l,
        [3, NONE, 0, 16, value, 0],
        "semctl(-1, 0, SETVAL, [0x9])",
    );
    let line = r#"msgsnd(-1, {mtype=7, mtext="abcd"}, 4, IPC_NOWAIT)"#;
    ipc(l, [11, NONE, 4, 0x800, message, 0], line);
    ipc(
        l,
        [12, NONE, 4, 0x800, older, 0],
        "msgrcv(-1, 0x20000460, 4, IPC_NOWAIT)",
    );
    let line = "msgrcv(-1, 0x20000440, 4, 7, IPC_NOWAIT)";
    ipc(l, [0x1_000c, NONE, 4, 0x800, message, 7], line);
    ipc(l, [13, 0x7abc, 0, 0, 0, 0], "msgget(0x7abc, 000)");
    ipc(l, [14, NONE, 0, 0, 0, 0], "msgctl(-1, IPC_RMID, NULL)");
    ipc(
        l,
        [21, NONE, 0x1000, 0, 0x7000, 0],
        "shmat(-1, 0x7000, SHM_RDONLY)",
    );
    ipc(l, [22, 0, 0, 0, 0x7000, 0], "shmdt(0x7000)");
    ipc(l, [23, 0x7abc, 4096, 0, 0, 0], "shmget(0x7abc, 4096, 000)");
    ipc(l, [24, NONE, 0, 0, 0, 0], "shmctl(-1, IPC_RMID, NULL)");
    ipc(l, [99, 1, 2, 3, 4, 5], "ipc(99, 0x1, 0x2, 0x3, 0x4, 0x5)");
}

fn times(l: &mut Lines) {
    let bad = put(DATA + 0x400, &[1, 2_000_000_000]);
    call(
        l,
        162,
        &[bad, 0],
        "nanosleep({tv_sec=1, tv_nsec=2000000000}, NULL)",
        &[],
    );
    let bad = put(DATA + 0x410, &[1, 0, 2_000_000_000, 0]);
    let line = "clock_nanosleep_time64(CLOCK_REALTIME, 0, {tv_sec=1, tv_nsec=2000000000}, NULL)";
    call(l, 407, &[0, 0, bad, 0], line, &[]);
    let timer = put(DATA + 0x420, &[0, 1, 0, 2_000_000]);
    let line = "setitimer(ITIMER_REAL, {it_interval={tv_sec=0, tv_usec=1}, it_value={tv_sec=0, tv_usec=2000000}}, NULL)";
    call(l, 104, &[0, timer, 0], line, &[]);
    let old = DATA + 0x440;
    let line = "getitimer(ITIMER_VIRTUAL, {it_interval={tv_sec=0, tv_usec=0}, it_value={tv_sec=0, tv_usec=0}})";
    call(l, 105, &[1, old], line, &[]);
    let event = put(DATA + 0x460, &[0x15, 10, 0, 0, 0, 0]);
    let line = "timer_create(0x63 /* CLOCK_??? */, {sigev_value={sival_int=21, sival_ptr=0x15}, sigev_signo=SIGUSR1, sigev_notify=SIGEV_SIGNAL}, 0x20000540)";
    call(l, 259, &[99, event, old], line, &[]);
}

fn files(l: &mut Lines) {
    let path = text(DATA + 0x500, b"none\0");
    let out = DATA + 0x520;
    call(l, 195, &[path, out], r#"stat64("none", 0x20000620)"#, &[]);
    call(
        l,
        300,
        &[NONE - 99, path, out, 0],
        r#"fstatat64(AT_FDCWD, "none", 0x20000620, 0)"#,
        &[],
    );
    call(
        l,
        268,
        &[path, 84, out],
        r#"statfs64("none", 84, 0x20000620)"#,
        &[],
    );
    let lock = text(
        DATA + 0x5c0,
        &[1, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0],
    );
    let line = "fcntl64(-1, F_SETLK, {l_type=F_WRLCK, l_whence=SEEK_SET, l_start=5, l_len=6})";
    call(l, 221, &[NONE, 6, lock], line, &[]);
    let lock = put(DATA + 0x5e0, &[1, 5, 0, 6, 0, 0]);
    let line = "fcntl64(-1, F_SETLK64, {l_type=F_WRLCK, l_whence=SEEK_SET, l_start=5, l_len=6})";
    call(l, 221, &[NONE, 13, lock], line, &[]);
}

/// A word there.
fn word(at: u32) -> u32 {
    // SAFETY: within the two pages.
    unsafe { (at as usize as *const u32).read_unaligned() }
}

/// A device as strace prints it.
fn device(dev: u32) -> String {
    let (major, minor) = (dev >> 8 & 0xfff, dev & 0xff | dev >> 12 & 0xf_ff00);
    format!("makedev({}, {})", hex(major), hex(minor))
}

fn hex(n: u32) -> String {
    match n {
        0 => "0".to_owned(),
        n => format!("{n:#x}"),
    }
}

/// Structures that the kernel fills in.
fn results(l: &mut Lines) {
    let path = text(DATA + 0x500, b"/dev/null\0");
    let out = DATA + 0x520;
    let line = r#"stat64("/dev/null", {st_mode=S_IFCHR|0666, st_rdev=makedev(0x1, 0x3), ...})"#;
    call(l, 195, &[path, out], line, &[]);
    let line = r#"fstatat64(AT_FDCWD, "/dev/null", {st_mode=S_IFCHR|0666, st_rdev=makedev(0x1, 0x3), ...}, 0)"#;
    call(l, 300, &[NONE - 99, path, out, 0], line, &[]);
    let proc = text(DATA + 0x510, b"/proc\0");
    quiet(268, &[proc, 84, out]);
    let line = r#"statfs64("/proc", 84, {f_type=PROC_SUPER_MAGIC, f_bsize=4096, f_blocks=0, f_bfree=0, f_bavail=0, f_files=0, f_ffree=0, f_fsid={val=[%, %]}, f_namelen=255, f_frsize=4096, f_flags=%})"#;
    let fsid = [word(out + 48), word(out + 52)].map(hex);
    let flags = mounted(word(out + 64) as usize);
    l.expect(line, &[&fsid[0], &fsid[1], &flags], 0);
    quiet(195, &[proc, out]);
    l.expect(
        r#"stat64("/proc", {st_mode=S_IFDIR|0555, st_size=0, ...})"#,
        &[],
        0,
    );
    let dev = word(out);
    let line = r#"ustat(%, {f_tfree=0, f_tinode=0, f_fname="", f_fpack=""})"#;
    call(l, 62, &[dev, out], line, &[&device(dev)]);
    call(l, 62, &[0xfff, 0], "ustat(makedev(0xf, 0xff), NULL)", &[]);
    quiet(116, &[out]);
    let n = |at: u32| word(out + at);
    let line = "sysinfo({uptime=%, loads=[%, %, %], totalram=%, freeram=%, sharedram=%, bufferram=%, totalswap=%, freeswap=%, procs=%, totalhigh=%, freehigh=%, mem_unit=%})";
    let procs = n(40) & 0xffff;
    l.expect(
        line,
        &[
            &n(0),
            &n(4),
            &n(8),
            &n(12),
            &n(16),
            &n(20),
            &n(24),
            &n(28),
            &n(32),
            &n(36),
            &procs,
            &n(44),
            &n(48),
            &n(52),
        ],
        0,
    );
    quiet(77, &[0, out]);
    let line = "getrusage(RUSAGE_SELF, {ru_utime={tv_sec=%, tv_usec=%}, ru_stime={tv_sec=%, tv_usec=%}, ...})";
    l.expect(line, &[&n(0), &n(4), &n(8), &n(12)], 0);
    call(l, 77, &[NONE, 0], "getrusage(RUSAGE_CHILDREN, NULL)", &[]);
}

fn signals(l: &mut Lines) {
    let old = put(DATA + 0x600, &[0x1000, 1 << 9, 0x1000_0000, 0]);
    let line = "sigaction(SIGKILL, {sa_handler=0x1000, sa_mask=[USR1], sa_flags=SA_RESTART}, NULL)";
    call(l, 67, &[9, old, 0], line, &[]);
    let new = put(DATA + 0x620, &[0x1000, 0x1000_0000, 0, 1 << 9, 0]);
    let line =
        "rt_sigaction(SIGKILL, {sa_handler=0x1000, sa_mask=[USR1], sa_flags=SA_RESTART}, NULL, 8)";
    call(l, 174, &[9, new, 0, 8], line, &[]);
}

fn waits(l: &mut Lines) {
    let set = put(DATA + 0x700, &[1 << 3]);
    let bad = put(DATA + 0x710, &[NONE, 0]);
    let line = "_newselect(4, [3], NULL, NULL, {tv_sec=-1, tv_usec=0})";
    call(l, 142, &[4, set, 0, 0, bad], line, &[]);
    let old = put(DATA + 0x720, &[4, set, 0, 0, bad]);
    let line = "select(4, [3], NULL, NULL, {tv_sec=-1, tv_usec=0})";
    call(l, 82, &[old], line, &[]);
    let mask = put(DATA + 0x740, &[1 << 9, 0]);
    let both = put(DATA + 0x750, &[mask, 8]);
    let line =
        "pselect6(4, [3], NULL, NULL, {tv_sec=-1, tv_nsec=0}, {sigmask=[USR1], sigsetsize=8})";
    call(l, 308, &[4, set, 0, 0, bad, both], line, &[]);
    let event = put(DATA + 0x760, &[1, 2, 1]);
    let line = "epoll_ctl(-1, EPOLL_CTL_ADD, -1, {events=EPOLLIN, data={u32=2, u64=4294967298}})";
    call(l, 255, &[NONE, 1, NONE, event], line, &[]);
}
