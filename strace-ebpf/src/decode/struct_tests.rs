//! Bytes to exact text, as strace 6.1 was seen to print the same calls; and the same bytes cut at every length, from which
//! nothing may follow but other text.

use strace_ebpf_common::{
    capture::{CAPTURE_AT_ENTER, Capture},
    record::{ABI_I386, ABI_X86_64, CallRecord},
};

use super::*;
use crate::{format::text, tables};

const OPTIONS: Options = Options {
    elements: 32,
    string: 32,
    verbose: false,
};
const VERBOSE: Options = Options {
    verbose: true,
    ..OPTIONS
};

/// Argument, taken at the enter, address, bytes.
type Piece<'a> = (u8, bool, u64, &'a [u8]);

fn call_of<'a>(abi: u8, nr: u32, args: &[u64], ret: i64, pieces: &[Piece<'a>]) -> Call<'a> {
    let mut registers = [0; 6];
    registers[..args.len()].copy_from_slice(args);
    let captures = pieces.iter().map(|&(arg, at_enter, addr, bytes)| Captured {
        header: Capture {
            arg,
            addr,
            flags: if at_enter { CAPTURE_AT_ENTER } else { 0 },
            len: bytes.len() as u32,
            full: bytes.len() as u32,
            ..Capture::default()
        },
        bytes,
    });
    Call {
        record: CallRecord {
            nr,
            abi,
            args: registers,
            ret,
            ..CallRecord::default()
        },
        captures: captures.collect(),
        no_return: false,
    }
}

fn text_of(args: &Args<'_>) -> String {
    let each = args.iter().map(|values| {
        let mut out = Vec::new();
        text::argument(&mut out, values, text::Rendering::NORMAL);
        String::from_utf8(out).expect("ASCII")
    });
    each.collect::<Vec<_>>().join(", ")
}

fn shown_with(
    options: &Options,
    abi: u8,
    name: &str,
    args: &[u64],
    ret: i64,
    pieces: &[Piece<'_>],
) -> String {
    let (nr, syscall) = tables::by_name(abi_of(abi), name).expect(name);
    let call = call_of(abi, nr, args, ret, pieces);
    // Whatever is missing, there is always some text.
    for (i, piece) in pieces.iter().enumerate() {
        for len in 0..piece.3.len() {
            let mut shorter = pieces.to_vec();
            shorter[i].3 = &piece.3[..len];
            let call = call_of(abi, nr, args, ret, &shorter);
            for options in [&OPTIONS, &VERBOSE] {
                text_of(&super::args(&call, Some(syscall), options));
                text_of(&returned(&call, Some(syscall), options));
            }
        }
    }
    text_of(&super::args(&call, Some(syscall), options))
}

fn shown(name: &str, args: &[u64], ret: i64, pieces: &[Piece<'_>]) -> String {
    shown_with(&OPTIONS, ABI_X86_64, name, args, ret, pieces)
}

/// Name, arguments, result, memory, text.
type Case<'a> = (&'a str, &'a [u64], i64, &'a [Piece<'a>], &'a str);

/// Little-endian words of eight bytes.
fn words(values: &[u64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// The same of four bytes.
fn ints(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

const P: u64 = 0x10_0000;

#[test]
fn times() {
    let half = words(&[0, 500_000_000]);
    let pair = words(&[1, 2, 3, 0x3fff_fffe]);
    let limit = words(&[8192 * 1024, u64::MAX]);
    let cases: &[Case<'_>] = &[
        (
            "nanosleep",
            &[P, P],
            0,
            &[(0, true, P, &half)],
            "{tv_sec=0, tv_nsec=500000000}, 0x100000",
        ),
        (
            "nanosleep",
            &[P, P],
            -516,
            &[(0, true, P, &half), (1, false, P, &half)],
            "{tv_sec=0, tv_nsec=500000000}, {tv_sec=0, tv_nsec=500000000}",
        ),
        (
            "clock_gettime",
            &[1, P],
            0,
            &[(1, false, P, &half)],
            "CLOCK_MONOTONIC, {tv_sec=0, tv_nsec=500000000}",
        ),
        (
            "clock_gettime",
            &[1, P],
            -22,
            &[],
            "CLOCK_MONOTONIC, 0x100000",
        ),
        ("clock_gettime", &[1, 0], -14, &[], "CLOCK_MONOTONIC, NULL"),
        (
            "utimensat",
            &[3, 0, P, 0],
            0,
            &[(2, false, P, &pair)],
            "3, NULL, [{tv_sec=1, tv_nsec=2} /* 1970-01-01T00:00:01.000000002+0000 */, UTIME_OMIT], 0",
        ),
        (
            "prlimit64",
            &[0, 3, 0, P],
            0,
            &[(3, false, P, &limit)],
            "0, RLIMIT_STACK, NULL, {rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}",
        ),
    ];
    // The dates are of the local time zone.
    if std::env::var_os("TZ").is_none_or(|zone| zone == "UTC") {
        for (name, args, ret, pieces, expected) in cases {
            assert_eq!(shown(name, args, *ret, pieces), *expected, "{name}");
        }
    }
}

#[test]
fn files() {
    let mut stat = [0; 144];
    stat[24..28].copy_from_slice(&0o100_644u32.to_le_bytes());
    stat[48] = 123;
    let mut device = stat;
    device[24..28].copy_from_slice(&0o020_666u32.to_le_bytes());
    device[40..42].copy_from_slice(&[3, 1]);
    let how = words(&[0x80042, 0o600, 4]);
    let lock = [&[1, 0, 0, 0, 0, 0, 0, 0][..], &words(&[0, 10, 7])].concat();
    let entries = [words(&[1, 2]), vec![24, 0, 4, b'.', 0, 0, 0, 0]].concat();
    let cases: &[Case<'_>] = &[
        (
            "fstat",
            &[3, P],
            0,
            &[(1, false, P, &stat)],
            "3, {st_mode=S_IFREG|0644, st_size=123, ...}",
        ),
        (
            "fstat",
            &[3, P],
            0,
            &[(1, false, P, &device)],
            "3, {st_mode=S_IFCHR|0666, st_rdev=makedev(0x1, 0x3), ...}",
        ),
        (
            "openat2",
            &[3, P, P + 8, 24],
            4,
            &[(1, false, P, b"/x"), (2, false, P + 8, &how)],
            "3, \"/x\", {flags=O_RDWR|O_CREAT|O_CLOEXEC, mode=0600, resolve=RESOLVE_NO_SYMLINKS}, 24",
        ),
        (
            "openat",
            &[0xffff_ff9c, P, 0, 0o644],
            3,
            &[(1, false, P, b"/x")],
            "AT_FDCWD, \"/x\", O_RDONLY",
        ),
        (
            "openat",
            &[3, P, 0x40, 0o644],
            3,
            &[(1, false, P, b"/x")],
            "3, \"/x\", O_RDONLY|O_CREAT, 0644",
        ),
        (
            "pipe2",
            &[P, 0],
            0,
            &[(0, false, P, &ints(&[3, 4]))],
            "[3, 4], 0",
        ),
        ("pipe2", &[P, 0], -24, &[], "0x100000, 0"),
        (
            "getdents64",
            &[3, P, 200],
            24,
            &[(1, false, P, &entries)],
            "3, 0x100000 /* 1 entries */, 200",
        ),
        ("fcntl", &[3, 1], 1, &[], "3, F_GETFD"),
        ("fcntl", &[3, 2, 1], 0, &[], "3, F_SETFD, FD_CLOEXEC"),
        (
            "fcntl",
            &[3, 6, P],
            0,
            &[(2, false, P, &lock)],
            "3, F_SETLK, {l_type=F_WRLCK, l_whence=SEEK_SET, l_start=0, l_len=10}",
        ),
        (
            "fcntl",
            &[3, 5, P],
            0,
            &[(2, false, P, &lock)],
            "3, F_GETLK, {l_type=F_WRLCK, l_whence=SEEK_SET, l_start=0, l_len=10, l_pid=7}",
        ),
        (
            "ioctl",
            &[3, 0x541b, P],
            0,
            &[(2, false, P, &ints(&[5, 99]))],
            "3, FIONREAD, [5]",
        ),
        (
            "sendfile",
            &[1, 2, P, 10],
            10,
            &[(2, false, P, &words(&[13])), (2, true, P, &words(&[3]))],
            "1, 2, [3] => [13], 10",
        ),
        (
            "mremap",
            &[P, 1, 2, 1, 99],
            0,
            &[],
            "0x100000, 1, 2, MREMAP_MAYMOVE",
        ),
    ];
    for (name, args, ret, pieces, expected) in cases {
        assert_eq!(shown(name, args, *ret, pieces), *expected, "{name}");
    }
}

#[test]
fn waiting() {
    let two = [&ints(&[3])[..], &[1, 0, 1, 0], &ints(&[u32::MAX]), &[0; 4]].concat();
    let event = [&ints(&[1])[..], &words(&[5])].concat();
    let mut set = [0u8; 128];
    set[0] = 0b1000;
    let args = [5, P, 0, 0, 0];
    let cases: &[Case<'_>] = &[
        (
            "poll",
            &[P, 2, 0],
            1,
            &[(0, false, P, &two)],
            "[{fd=3, events=POLLIN}, {fd=-1}], 2, 0",
        ),
        ("poll", &[P, 0, 0], 0, &[(0, false, P, &[])], "[], 0, 0"),
        ("poll", &[8, 1, 0], -14, &[], "0x8, 1, 0"),
        (
            "epoll_wait",
            &[5, P, 4, 0],
            1,
            &[(1, false, P, &event)],
            "5, [{events=EPOLLIN, data={u32=5, u64=5}}], 4, 0",
        ),
        (
            "epoll_ctl",
            &[5, 2, 3, P],
            0,
            &[(3, false, P, &event)],
            "5, EPOLL_CTL_DEL, 3, 0x100000",
        ),
        (
            "select",
            &args,
            1,
            &[(1, true, P, &set)],
            "5, [3], NULL, NULL, NULL",
        ),
        (
            "select",
            &[9999, P, 0, 0, 0],
            1,
            &[(1, true, P, &set)],
            "9999, 0x100000, NULL, NULL, NULL",
        ),
        (
            "wait4",
            &[9, P, 0, 0],
            9,
            &[(1, false, P, &ints(&[0x300]))],
            "9, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, NULL",
        ),
        (
            "wait4",
            &[9, P, 0, 0],
            9,
            &[(1, false, P, &ints(&[0x86]))],
            "9, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGABRT && WCOREDUMP(s)}], 0, NULL",
        ),
    ];
    for (name, args, ret, pieces, expected) in cases {
        assert_eq!(shown(name, args, *ret, pieces), *expected, "{name}");
    }
}

#[test]
fn what_comes_back() {
    let two = [&ints(&[3])[..], &[1, 0, 1, 0], &ints(&[4]), &[1, 0, 0, 0]].concat();
    let cases: &[Case<'_>] = &[
        (
            "poll",
            &[P, 2, 0],
            1,
            &[(0, false, P, &two)],
            "[{fd=3, revents=POLLIN}]",
        ),
        ("poll", &[P, 2, 0], 0, &[], "Timeout"),
        ("poll", &[P, 2, 0], -4, &[], ""),
        ("fcntl", &[3, 1], 1, &[], "flags FD_CLOEXEC"),
        ("fcntl", &[3, 1], 0, &[], ""),
        ("fcntl", &[3, 0, 1], 7, &[], ""),
        ("prctl", &[3], 1, &[], "SUID_DUMP_USER"),
        ("rt_sigtimedwait", &[P, 0, 0, 8], 10, &[], "SIGUSR1"),
    ];
    for (name, args, ret, pieces, expected) in cases {
        let (nr, syscall) = tables::by_name(Abi::X86_64, name).expect(name);
        let call = call_of(ABI_X86_64, nr, args, *ret, pieces);
        let text = text_of(&returned(&call, Some(syscall), &OPTIONS));
        assert_eq!(text, *expected, "{name}");
    }
}

#[test]
fn signals() {
    let action = words(&[0x1234, 0x1400_0004, 0x5678, 2]);
    let plain = words(&[1, 0, 0, 0]);
    let narrow = ints(&[0, 0x1000_0000, 0, 2, 0]);
    let mask = words(&[1 << 1 | 1 << 16]);
    let mut child = [0; 128];
    child[0] = 17;
    child[8] = 1;
    child[16] = 99;
    child[24] = 3;
    let cases: &[Case<'_>] = &[
        (
            "rt_sigaction",
            &[10, P, P + 32, 8],
            0,
            &[(1, true, P, &action), (2, false, P + 32, &plain)],
            "SIGUSR1, {sa_handler=0x1234, sa_mask=[INT], sa_flags=SA_RESTORER|SA_RESTART|SA_SIGINFO, \
             sa_restorer=0x5678}, {sa_handler=SIG_IGN, sa_mask=[], sa_flags=0}, 8",
        ),
        (
            "rt_sigprocmask",
            &[0, P, 0, 8],
            0,
            &[(1, true, P, &mask)],
            "SIG_BLOCK, [INT CHLD], NULL, 8",
        ),
        (
            "rt_sigprocmask",
            &[0, P, 0, 4],
            -22,
            &[(1, true, P, &mask[..4])],
            "SIG_BLOCK, 0x100000, NULL, 4",
        ),
        (
            "waitid",
            &[1, 99, P, 4, 0],
            0,
            &[(2, false, P, &child)],
            "P_PID, 99, {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=99, si_uid=0, si_status=3, \
             si_utime=0, si_stime=0}, WEXITED, NULL",
        ),
        (
            "waitid",
            &[1, 99, P, 4, 0],
            0,
            &[(2, false, P, &[0; 128])],
            "P_PID, 99, {}, WEXITED, NULL",
        ),
    ];
    for (name, args, ret, pieces, expected) in cases {
        assert_eq!(shown(name, args, *ret, pieces), *expected, "{name}");
    }
    assert_eq!(
        shown_with(
            &OPTIONS,
            ABI_I386,
            "rt_sigaction",
            &[10, P, 0, 8],
            0,
            &[(1, true, P, &narrow)]
        ),
        "SIGUSR1, {sa_handler=SIG_DFL, sa_mask=[INT], sa_flags=SA_RESTART}, NULL, 8"
    );
}

#[test]
fn sockets() {
    let inet = [2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut inet6 = [0; 28];
    inet6[0] = 10;
    inet6[3] = 99;
    inet6[23] = 1;
    let cases: &[(&[u8], &str)] = &[
        (
            &inet,
            "{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"127.0.0.1\")}",
        ),
        (
            &inet6,
            "{sa_family=AF_INET6, sin6_port=htons(99), sin6_flowinfo=htonl(0), \
             inet_pton(AF_INET6, \"::1\", &sin6_addr), sin6_scope_id=0}",
        ),
        (
            b"\x01\0/tmp/s\0xx",
            "{sa_family=AF_UNIX, sun_path=\"/tmp/s\"}",
        ),
        (b"\x01\0\0abs", "{sa_family=AF_UNIX, sun_path=@\"abs\"}"),
        (b"\x01\0", "{sa_family=AF_UNIX}"),
        (b"\x0a\0\0", "{sa_family=AF_INET6, sa_data=\"\\0\"}"),
        (b"\x0a", "0x100000"),
        (
            b"\x10\0\0\0\0\0\0\0\x05\0\0\0",
            "{sa_family=AF_NETLINK, nl_pid=0, nl_groups=0x000005}",
        ),
    ];
    for (bytes, expected) in cases {
        let len = bytes.len() as u64;
        let text = shown("bind", &[3, P, len], 0, &[(1, false, P, bytes)]);
        assert_eq!(text, format!("3, {expected}, {len}"));
    }
    let lengths = [
        (1, false, P, &inet[..]),
        (2, true, P + 64, &[128, 0, 0, 0]),
        (2, false, P + 64, &[16, 0, 0, 0]),
    ];
    assert_eq!(
        shown("accept", &[3, P, P + 64], 4, &lengths),
        "3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"127.0.0.1\")}, [128 => 16]"
    );
    assert_eq!(
        shown(
            "setsockopt",
            &[3, 1, 2, P, 4],
            0,
            &[(3, false, P, &ints(&[1]))]
        ),
        "3, SOL_SOCKET, SO_REUSEADDR, [1], 4"
    );
    assert_eq!(
        shown(
            "setsockopt",
            &[3, 1, 13, P, 8],
            0,
            &[(3, false, P, &ints(&[1, 5]))]
        ),
        "3, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=5}, 8"
    );
}

#[test]
fn messages() {
    let control = [words(&[24]), ints(&[1, 1, 3, 4])].concat();
    let vector = words(&[P + 400, 3, P + 500, 4]);
    let header = words(&[0, 0, P + 100, 2, P + 200, 24, 0]);
    let pieces: &[Piece<'_>] = &[
        (1, false, P, &header),
        (1, false, P + 100, &vector),
        (1, false, P + 200, &control),
        (1, false, P + 400, b"abc"),
        (1, false, P + 500, b"defg"),
    ];
    assert_eq!(
        shown("sendmsg", &[3, P, 0], 7, pieces),
        "3, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=\"abc\", iov_len=3}, {iov_base=\"defg\", \
         iov_len=4}], msg_iovlen=2, msg_control=[{cmsg_len=24, cmsg_level=SOL_SOCKET, \
         cmsg_type=SCM_RIGHTS, cmsg_data=[3, 4]}], msg_controllen=24, msg_flags=0}, 0"
    );
    assert_eq!(
        shown("recvmsg", &[3, P, 0], -11, &[(1, true, P, &header)]),
        "3, {msg_namelen=0}, 0"
    );
    assert_eq!(shown("recvmsg", &[3, 8, 0], -14, &[]), "3, 0x8, 0");
    assert_eq!(
        shown(
            "readv",
            &[3, P + 100, 2],
            5,
            &pieces
                .iter()
                .map(|p| (1, p.1, p.2, p.3))
                .collect::<Vec<_>>()
        ),
        "3, [{iov_base=\"abc\", iov_len=3}, {iov_base=\"de\", iov_len=4}], 2"
    );
}

#[test]
fn processes() {
    let clone = words(&[0x10_1000, P + 8, 0, P + 16, 17, 0, 0, 0]);
    let version = ints(&[0x2008_0522, 0]);
    let sets = ints(&[1, 2, 0, 1 << 8, 0, 0]);
    let cases: &[Case<'_>] = &[
        (
            "clone",
            &[0x120_0011, 0, 0, 0x7000_0000, 0],
            9,
            &[],
            "child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x70000000",
        ),
        (
            "clone3",
            &[P, 64],
            9,
            &[
                (0, true, P, &clone),
                (0, false, P, &clone),
                (0, false, P + 8, &[5, 0, 0, 0]),
                (0, false, P + 16, &[9, 0, 0, 0]),
            ],
            "{flags=CLONE_PIDFD|CLONE_PARENT_SETTID, pidfd=0x100008, parent_tid=0x100010, exit_signal=SIGCHLD, \
             stack=NULL, stack_size=0} => {pidfd=[5], parent_tid=[9]}, 64",
        ),
        (
            "capget",
            &[P, P + 8],
            0,
            &[(0, true, P, &version), (1, false, P + 8, &sets)],
            "{version=_LINUX_CAPABILITY_VERSION_3, pid=0}, {effective=1<<CAP_CHOWN|1<<CAP_CHECKPOINT_RESTORE, \
             permitted=1<<CAP_DAC_OVERRIDE, inheritable=0}",
        ),
        (
            "sched_getaffinity",
            &[0, 128, P],
            8,
            &[(2, false, P, &words(&[5]))],
            "0, 128, [0 2]",
        ),
        (
            "futex",
            &[P, 128, 0, 0, 1, 2],
            0,
            &[],
            "0x100000, FUTEX_WAIT_PRIVATE, 0, NULL",
        ),
        (
            "futex",
            &[P, 1, 1, 9, 9, 9],
            0,
            &[],
            "0x100000, FUTEX_WAKE, 1",
        ),
        (
            "prctl",
            &[15, P],
            0,
            &[(1, false, P, b"name\0rest of it")],
            "PR_SET_NAME, \"name\"",
        ),
    ];
    for (name, args, ret, pieces, expected) in cases {
        assert_eq!(shown(name, args, *ret, pieces), *expected, "{name}");
    }
}

/// Every call of every ABI, with memory of every length behind each argument: none of it may panic.
#[test]
fn nothing_panics_on_any_bytes() {
    let noise: Vec<u8> = (0..600u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    for abi in [ABI_X86_64, ABI_I386] {
        for (nr, syscall) in tables::all(abi_of(abi)) {
            for len in [
                0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 31, 56, 63, 64, 88, 128, 144, 300, 600,
            ] {
                for (bytes, ret) in [
                    (&noise, 0),
                    (&noise, 5),
                    (&noise, i64::MAX),
                    (&vec![0xff; 600], -11),
                ] {
                    let pieces: Vec<Piece<'_>> = (0..6)
                        .flat_map(|arg| {
                            [
                                (arg, true, P, &bytes[..len]),
                                (arg, false, P, &bytes[..len]),
                            ]
                        })
                        .collect();
                    for args in [[P; 6], [3, P, P, P, 64, P], [u64::MAX; 6]] {
                        let call = call_of(abi, nr, &args, ret, &pieces);
                        for options in [&OPTIONS, &VERBOSE] {
                            text_of(&super::args(&call, Some(syscall), options));
                            text_of(&returned(&call, Some(syscall), options));
                        }
                    }
                }
            }
        }
    }
}
