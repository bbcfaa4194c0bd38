//! Files, times, waiting, and what results mean.

use super::*;

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
        let text = text_of(&Args::of(|out| {
            returned(out, &call, Some(syscall), &OPTIONS)
        }));
        assert_eq!(text, *expected, "{name}");
    }
}
