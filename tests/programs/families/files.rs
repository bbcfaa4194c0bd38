//! Files and paths: opening, stat, directories, fcntl and locks, advice, attributes, links, buffers at the end of memory.

use crate::lines::{Edge, Lines, Ptr, mounted};

const CWD: i32 = libc::AT_FDCWD;
const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    let _ = std::fs::remove_dir_all("files.tmp");
    std::fs::create_dir("files.tmp").expect("a directory");
    std::env::set_current_dir("files.tmp").expect("the directory");
    l.begin();
    opening(l, &edge);
    status(l, &edge);
    descriptors(l, &edge);
    names(l, &edge);
    attributes(l, &edge);
    buffers(l, &edge);
    l.end();
    std::env::set_current_dir("..").expect("the directory before");
    let _ = std::fs::remove_dir_all("files.tmp");
}

fn opening(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let ret = quiet!(l, SYS_umask, [0o22]);
    l.line("umask(022) = 0%", &[&format!("{ret:o}")]);
    let fd = call!(
        l,
        SYS_openat,
        [CWD, c"f", 0x42, 0o640],
        r#"openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0640)"#
    );
    call!(l, SYS_close, [fd], "close(%)", fd);
    call!(
        l,
        SYS_open,
        [c"f", 0x20001i32, 0o777],
        r#"open("f", O_WRONLY|O_NOFOLLOW)"#
    );
    call!(l, SYS_close, [fd], "close(%)", fd);
    call!(l, SYS_open, [c"no", 0x3, 0], r#"open("no", O_ACCMODE)"#);
    call!(
        l,
        SYS_open,
        [c"no", 0x8000_4003u32, 0],
        r#"open("no", O_ACCMODE|O_DIRECT|0x80000000)"#
    );
    call!(
        l,
        SYS_openat,
        [7777, c"", 0x410002, 0o7777],
        r#"openat(7777, "", O_RDWR|O_TMPFILE, 07777)"#
    );
    call!(
        l,
        SYS_openat,
        [-1i32, wall, 0, 0],
        "openat(-1, %, O_RDONLY)",
        Ptr(wall)
    );
    call!(l, SYS_open, [NULL, 0, 0], "open(NULL, O_RDONLY)");
    let cut = edge.cut(*b"abcd", 4);
    call!(l, SYS_open, [cut, 0, 0], "open(%, O_RDONLY)", Ptr(cut));
    call!(l, SYS_creat, [c"", 0o600], r#"creat("", 0600)"#);
    call!(l, SYS_close, [-1i32], "close(-1)");
    call!(
        l,
        SYS_close_range,
        [900, 901, 6],
        "close_range(900, 901, CLOSE_RANGE_UNSHARE|CLOSE_RANGE_CLOEXEC)"
    );
    call!(
        l,
        SYS_close_range,
        [5, 4, 8],
        "close_range(5, 4, 0x8 /* CLOSE_RANGE_??? */)"
    );
    let how: [u64; 3] = [0x42, 0o600, 0x4];
    call!(
        l,
        SYS_openat2,
        [-1i32, c"x", &raw const how, 24],
        r#"openat2(-1, "x", {flags=O_RDWR|O_CREAT, mode=0600, resolve=RESOLVE_NO_SYMLINKS}, 24)"#
    );
    let how: [u64; 3] = [0, 0, 0x8000_0000_0000_0001];
    call!(
        l,
        SYS_openat2,
        [-1i32, c"x", &raw const how, 24],
        r#"openat2(-1, "x", {flags=O_RDONLY, resolve=RESOLVE_NO_XDEV|0x8000000000000000}, 24)"#
    );
    call!(
        l,
        SYS_openat2,
        [-1i32, c"x", NULL, 24],
        r#"openat2(-1, "x", NULL, 24)"#
    );
    call!(
        l,
        SYS_openat2,
        [-1i32, c"x", &raw const how, 23],
        r#"openat2(-1, "x", %, 23)"#,
        Ptr(&raw const how)
    );
    call!(l, SYS_access, [c"f", 5], r#"access("f", R_OK|X_OK)"#);
    call!(l, SYS_access, [c"f", 8], r#"access("f", 0x8 /* ?_OK */)"#);
    call!(
        l,
        SYS_faccessat,
        [CWD, c"no", 0],
        r#"faccessat(AT_FDCWD, "no", F_OK)"#
    );
    call!(
        l,
        SYS_faccessat2,
        [-1i32, c"no", 7, 0x1301],
        r#"faccessat2(-1, "no", R_OK|W_OK|X_OK, AT_SYMLINK_NOFOLLOW|AT_EACCESS|AT_EMPTY_PATH|0x1)"#
    );
}

fn status(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    call!(l, SYS_stat, [c"no", wall], r#"stat("no", %)"#, Ptr(wall));
    call!(l, SYS_stat, [c"f", wall], r#"stat("f", %)"#, Ptr(wall));
    let mut st = [0u64; 18];
    call!(
        l,
        SYS_stat,
        [c"f", &raw mut st],
        r#"stat("f", {st_mode=S_IFREG|0640, st_size=0, ...})"#
    );
    call!(
        l,
        SYS_lstat,
        [c"/dev/null", &raw mut st],
        r#"lstat("/dev/null", {st_mode=S_IFCHR|0666, st_rdev=makedev(0x1, 0x3), ...})"#
    );
    call!(l, SYS_fstat, [-1i32, NULL], "fstat(-1, NULL)");
    call!(
        l,
        SYS_newfstatat,
        [CWD, c"", &raw mut st, 0x1000],
        r#"newfstatat(AT_FDCWD, "", {st_mode=S_IFDIR|0755, st_size=%, ...}, AT_EMPTY_PATH)"#,
        st[6]
    );
    call!(
        l,
        SYS_newfstatat,
        [CWD, c"f", &raw mut st, 0x8000_0100u32],
        r#"newfstatat(AT_FDCWD, "f", %, AT_SYMLINK_NOFOLLOW|0x80000000)"#,
        Ptr(&raw const st)
    );
    let mut stx = [0u64; 32];
    call!(
        l,
        SYS_statx,
        [CWD, c"f", 0x900, 0x1, &raw mut stx],
        r#"statx(AT_FDCWD, "f", AT_STATX_SYNC_AS_STAT|AT_SYMLINK_NOFOLLOW|AT_NO_AUTOMOUNT, STATX_TYPE, {stx_mask=%|STATX_MNT_ID, stx_attributes=0, stx_mode=S_IFREG|0640, stx_size=0, ...})"#,
        // Since Linux 6.13 times are there only when they are asked for.
        if stx[0] & 0x7ff == 0x7ff {
            "STATX_BASIC_STATS"
        } else {
            "STATX_TYPE|STATX_MODE|STATX_NLINK|STATX_UID|STATX_GID|STATX_ATIME|STATX_INO|STATX_SIZE|STATX_BLOCKS"
        }
    );
    call!(
        l,
        SYS_statx,
        [CWD, c"no", 0x6000, 0x8000_0000u32, &raw mut stx],
        r#"statx(AT_FDCWD, "no", AT_STATX_FORCE_SYNC|AT_STATX_DONT_SYNC, 0x80000000 /* STATX_??? */, %)"#,
        Ptr(&raw const stx)
    );
    call!(
        l,
        SYS_statx,
        [CWD, c"no", 0x2000, 0, NULL],
        r#"statx(AT_FDCWD, "no", AT_STATX_FORCE_SYNC, 0, NULL)"#
    );
    call!(
        l,
        SYS_statfs,
        [c"no", wall],
        r#"statfs("no", %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_statfs,
        [c"/proc", &raw mut st],
        r#"statfs("/proc", {f_type=PROC_SUPER_MAGIC, f_bsize=4096, f_blocks=0, f_bfree=0, f_bavail=0, f_files=0, f_ffree=0, f_fsid={val=[%, %]}, f_namelen=255, f_frsize=4096, f_flags=%})"#,
        hex(st[7]),
        hex(st[7] >> 32),
        mounted(st[10] as usize)
    );
    call!(l, SYS_fstatfs, [-1i32, NULL], "fstatfs(-1, NULL)");
    call!(
        l,
        SYS_ustat,
        [0x103, NULL],
        "ustat(makedev(0x1, 0x3), NULL)"
    );
    let dir = quiet_open(l, c".");
    let mut entries = [0u8; 512];
    call!(
        l,
        SYS_getdents64,
        [dir, &raw mut entries, 512],
        "getdents64(%, % /* 3 entries */, 512)",
        dir,
        Ptr(&raw const entries)
    );
    call!(
        l,
        SYS_getdents64,
        [dir, &raw mut entries, 512],
        "getdents64(%, % /* 0 entries */, 512)",
        dir,
        Ptr(&raw const entries)
    );
    call!(
        l,
        SYS_getdents64,
        [-1i32, wall, 8],
        "getdents64(-1, %, 8)",
        Ptr(wall)
    );
    call!(l, SYS_lseek, [dir, 0, 0], "lseek(%, 0, SEEK_SET)", dir);
    call!(
        l,
        SYS_getdents,
        [dir, &raw mut entries, 512],
        "getdents(%, % /* 3 entries */, 512)",
        dir,
        Ptr(&raw const entries)
    );
    call!(
        l,
        SYS_lseek,
        [-1i32, -5i64, 7],
        "lseek(-1, -5, 0x7 /* SEEK_??? */)"
    );
    call!(l, SYS_close, [dir], "close(%)", dir);
}

fn hex(word: u64) -> String {
    match word as u32 {
        0 => "0".to_owned(),
        word => format!("{word:#x}"),
    }
}

/// Opens a directory, as a line of its own.
fn quiet_open(l: &mut Lines, path: &'static std::ffi::CStr) -> i64 {
    call!(
        l,
        SYS_open,
        [path, 0x10000],
        r#"open("%", O_RDONLY|O_DIRECTORY)"#,
        path.to_string_lossy()
    )
}

fn descriptors(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let fd = call!(l, SYS_open, [c"f", 2], r#"open("f", O_RDWR)"#);
    call!(l, SYS_dup2, [fd, 90], "dup2(%, 90)", fd);
    call!(
        l,
        SYS_dup3,
        [fd, 91, 0x80001],
        "dup3(%, 91, O_CLOEXEC|0x1)",
        fd
    );
    call!(l, SYS_fcntl, [fd, 0, 95], "fcntl(%, F_DUPFD, 95)", fd);
    call!(
        l,
        SYS_fcntl,
        [fd, 1030, 96],
        "fcntl(%, F_DUPFD_CLOEXEC, 96)",
        fd
    );
    let ret = quiet!(l, SYS_fcntl, [96, 1]);
    l.line("fcntl(96, F_GETFD) = 0x% (flags FD_CLOEXEC)", &[&ret]);
    call!(l, SYS_fcntl, [fd, 1], "fcntl(%, F_GETFD)", fd);
    call!(
        l,
        SYS_fcntl,
        [fd, 2, 3],
        "fcntl(%, F_SETFD, FD_CLOEXEC|0x2)",
        fd
    );
    let ret = quiet!(l, SYS_fcntl, [fd, 3]);
    l.line(
        "fcntl(%, F_GETFL) = % (flags O_RDWR|O_LARGEFILE)",
        &[&fd, &format!("{ret:#x}")],
    );
    call!(
        l,
        SYS_fcntl,
        [fd, 4, 0x400],
        "fcntl(%, F_SETFL, O_RDONLY|O_APPEND)",
        fd
    );
    // struct flock: type, whence, start, len, pid.
    let mut lock = Flock {
        kind: 1,
        whence: 0,
        start: 1,
        len: 2,
        pid: 0,
    };
    call!(
        l,
        SYS_fcntl,
        [fd, 6, &raw const lock],
        "fcntl(%, F_SETLK, {l_type=F_WRLCK, l_whence=SEEK_SET, l_start=1, l_len=2})",
        fd
    );
    call!(
        l,
        SYS_fcntl,
        [fd, 5, &raw mut lock],
        "fcntl(%, F_GETLK, {l_type=F_UNLCK, l_whence=SEEK_SET, l_start=1, l_len=2, l_pid=0})",
        fd
    );
    call!(l, SYS_fcntl, [fd, 6, NULL], "fcntl(%, F_SETLK, NULL)", fd);
    call!(
        l,
        SYS_fcntl,
        [fd, 5, wall],
        "fcntl(%, F_GETLK, %)",
        fd,
        Ptr(wall)
    );
    let lock = Flock {
        kind: 9,
        whence: 9,
        start: -1,
        len: 0,
        pid: 0,
    };
    call!(
        l,
        SYS_fcntl,
        [fd, 37, &raw const lock],
        "fcntl(%, F_OFD_SETLK, {l_type=0x9 /* F_??? */, l_whence=0x9 /* SEEK_??? */, l_start=-1, l_len=0})",
        fd
    );
    call!(l, SYS_fcntl, [fd, 8, -5i64], "fcntl(%, F_SETOWN, -5)", fd);
    let owner = [2u32, 1];
    call!(
        l,
        SYS_fcntl,
        [-1i32, 15, &raw const owner],
        "fcntl(-1, F_SETOWN_EX, {type=F_OWNER_PGRP, pid=1})"
    );
    call!(
        l,
        SYS_fcntl,
        [fd, 10, 10],
        "fcntl(%, F_SETSIG, SIGUSR1)",
        fd
    );
    let ret = quiet!(l, SYS_fcntl, [fd, 11]);
    l.line("fcntl(%, F_GETSIG) = % (SIGUSR1)", &[&fd, &ret]);
    call!(
        l,
        SYS_fcntl,
        [fd, 1024, 7],
        "fcntl(%, F_SETLEASE, 0x7 /* F_??? */)",
        fd
    );
    let ret = quiet!(l, SYS_fcntl, [fd, 1025]);
    l.line("fcntl(%, F_GETLEASE) = 0x% (F_UNLCK)", &[&fd, &ret]);
    call!(
        l,
        SYS_fcntl,
        [fd, 1026, 0x8000_0003u32],
        "fcntl(%, F_NOTIFY, DN_ACCESS|DN_MODIFY|DN_MULTISHOT)",
        fd
    );
    call!(
        l,
        SYS_fcntl,
        [fd, 1031, 4096],
        "fcntl(%, F_SETPIPE_SZ, 4096)",
        fd
    );
    call!(
        l,
        SYS_fcntl,
        [fd, 1033, 3],
        "fcntl(%, F_ADD_SEALS, F_SEAL_SEAL|F_SEAL_SHRINK)",
        fd
    );
    call!(
        l,
        SYS_fcntl,
        [fd, 777, 3],
        "fcntl(%, 0x309 /* F_??? */, 0x3)",
        fd
    );
    call!(l, SYS_flock, [fd, 6], "flock(%, LOCK_EX|LOCK_NB)", fd);
    call!(
        l,
        SYS_flock,
        [-1i32, 0x100],
        "flock(-1, 0x100 /* LOCK_??? */)"
    );
    call!(
        l,
        SYS_fadvise64,
        [fd, 0, 4096, 2],
        "fadvise64(%, 0, 4096, POSIX_FADV_SEQUENTIAL)",
        fd
    );
    call!(
        l,
        SYS_fadvise64,
        [-1i32, -1i64, -2i64, 9],
        "fadvise64(-1, -1, 18446744073709551614, 0x9 /* POSIX_FADV_??? */)"
    );
    call!(l, SYS_readahead, [-1i32, -1i64, 5], "readahead(-1, -1, 5)");
    call!(
        l,
        SYS_fallocate,
        [-1i32, 3, 0, 4096],
        "fallocate(-1, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 0, 4096)"
    );
    call!(
        l,
        SYS_fallocate,
        [fd, 0x8000, -1i64, 4096],
        "fallocate(%, 0x8000 /* FALLOC_FL_??? */, -1, 4096)",
        fd
    );
    call!(
        l,
        SYS_sync_file_range,
        [-1i32, 0, 5, 7],
        "sync_file_range(-1, 0, 5, SYNC_FILE_RANGE_WAIT_BEFORE|SYNC_FILE_RANGE_WRITE|SYNC_FILE_RANGE_WAIT_AFTER)"
    );
    call!(l, SYS_ftruncate, [fd, 10], "ftruncate(%, 10)", fd);
    call!(
        l,
        SYS_truncate,
        [c"no", -1i64],
        r#"truncate("no", 18446744073709551615)"#
    );
    let mut offset = 3i64;
    call!(
        l,
        SYS_sendfile,
        [-1i32, fd, &raw mut offset, 9],
        "sendfile(-1, %, [3], 9)",
        fd
    );
    call!(
        l,
        SYS_sendfile,
        [fd, -1i32, NULL, 9],
        "sendfile(%, -1, NULL, 9)",
        fd
    );
    call!(
        l,
        SYS_copy_file_range,
        [fd, &raw mut offset, -1i32, NULL, 5, 1],
        "copy_file_range(%, [3], -1, NULL, 5, 1)",
        fd
    );
    call!(
        l,
        SYS_splice,
        [-1i32, NULL, -1i32, &raw mut offset, 5, 3],
        "splice(-1, NULL, -1, [3], 5, SPLICE_F_MOVE|SPLICE_F_NONBLOCK)"
    );
    call!(
        l,
        SYS_tee,
        [-1i32, -1i32, 5, 0x10],
        "tee(-1, -1, 5, 0x10 /* SPLICE_F_??? */)"
    );
    call!(l, SYS_fsync, [-1i32], "fsync(-1)");
    for fd in [90, 95, 96, fd as i32] {
        call!(l, SYS_close, [fd], "close(%)", fd);
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Flock {
    kind: i16,
    whence: i16,
    start: i64,
    len: i64,
    pid: i32,
}

fn names(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    call!(l, SYS_symlink, [c"f", c"s"], r#"symlink("f", "s")"#);
    call!(
        l,
        SYS_symlinkat,
        [c"f", -1i32, c"s"],
        r#"symlinkat("f", -1, "s")"#
    );
    let mut buf = [0u8; 8];
    call!(
        l,
        SYS_readlink,
        [c"s", &raw mut buf, 8],
        r#"readlink("s", "f", 8)"#
    );
    call!(
        l,
        SYS_readlink,
        [c"f", &raw mut buf, 8],
        r#"readlink("f", %, 8)"#,
        Ptr(&raw const buf)
    );
    call!(
        l,
        SYS_readlinkat,
        [CWD, c"s", wall, 1],
        r#"readlinkat(AT_FDCWD, "s", %, 1)"#,
        Ptr(wall)
    );
    call!(l, SYS_link, [c"f", c"g"], r#"link("f", "g")"#);
    call!(
        l,
        SYS_linkat,
        [CWD, c"f", -1i32, c"g", 0x1400],
        r#"linkat(AT_FDCWD, "f", -1, "g", AT_SYMLINK_FOLLOW|AT_EMPTY_PATH)"#
    );
    call!(l, SYS_rename, [c"g", c"h"], r#"rename("g", "h")"#);
    call!(
        l,
        SYS_renameat,
        [CWD, c"h", -1i32, NULL],
        r#"renameat(AT_FDCWD, "h", -1, NULL)"#
    );
    call!(
        l,
        SYS_renameat2,
        [CWD, c"h", CWD, c"f", 0xf],
        r#"renameat2(AT_FDCWD, "h", AT_FDCWD, "f", RENAME_NOREPLACE|RENAME_EXCHANGE|RENAME_WHITEOUT|0x8)"#
    );
    call!(l, SYS_unlink, [c"h"], r#"unlink("h")"#);
    call!(
        l,
        SYS_unlinkat,
        [CWD, c"s", 0x201],
        r#"unlinkat(AT_FDCWD, "s", AT_REMOVEDIR|0x1)"#
    );
    call!(l, SYS_mkdir, [c"d", 0o1777], r#"mkdir("d", 01777)"#);
    call!(l, SYS_mkdirat, [-1i32, c"d", 0], r#"mkdirat(-1, "d", 000)"#);
    call!(l, SYS_rmdir, [c"d"], r#"rmdir("d")"#);
    call!(
        l,
        SYS_mknod,
        [c"p", 0o10644, 0],
        r#"mknod("p", S_IFIFO|0644)"#
    );
    call!(
        l,
        SYS_mknodat,
        [-1i32, c"c", 0o20600, 0x103],
        r#"mknodat(-1, "c", S_IFCHR|0600, makedev(0x1, 0x3))"#
    );
    call!(l, SYS_chmod, [c"f", 0o104755], r#"chmod("f", 0104755)"#);
    call!(
        l,
        SYS_fchmodat,
        [CWD, c"no", 0o7],
        r#"fchmodat(AT_FDCWD, "no", 007)"#
    );
    call!(l, SYS_fchmod, [-1i32, 0], "fchmod(-1, 000)");
    call!(l, SYS_chown, [c"no", -1i32, 5], r#"chown("no", -1, 5)"#);
    call!(
        l,
        SYS_fchownat,
        [CWD, c"no", 1, -1i32, 0x100],
        r#"fchownat(AT_FDCWD, "no", 1, -1, AT_SYMLINK_NOFOLLOW)"#
    );
    call!(l, SYS_chdir, [c""], r#"chdir("")"#);
    let mut cwd = [0u8; 4];
    call!(
        l,
        SYS_getcwd,
        [&raw mut cwd, 4],
        "getcwd(%, 4)",
        Ptr(&raw const cwd)
    );
    let times = [[1i64, 2], [0, (1 << 30) - 2]];
    call!(
        l,
        SYS_utimensat,
        [CWD, c"f", &raw const times, 0],
        r#"utimensat(AT_FDCWD, "f", [{tv_sec=1, tv_nsec=2} /* 1970-01-01T00:00:01.000000002+0000 */, UTIME_OMIT], 0)"#
    );
    call!(
        l,
        SYS_utimensat,
        [CWD, c"no", NULL, 0x100],
        r#"utimensat(AT_FDCWD, "no", NULL, AT_SYMLINK_NOFOLLOW)"#
    );
    let cut = edge.cut(times, 16);
    call!(
        l,
        SYS_utimensat,
        [CWD, c"f", cut, 0],
        r#"utimensat(AT_FDCWD, "f", %, 0)"#,
        Ptr(cut)
    );
    let times = [[1i64, 2], [3, 4_000_000]];
    call!(
        l,
        SYS_utimes,
        [c"f", &raw const times],
        r#"utimes("f", [{tv_sec=1, tv_usec=2} /* 1970-01-01T00:00:01.000002+0000 */, {tv_sec=3, tv_usec=4000000}])"#
    );
    call!(
        l,
        SYS_utime,
        [c"no", &raw const times],
        r#"utime("no", {actime=1 /* 1970-01-01T00:00:01+0000 */, modtime=2 /* 1970-01-01T00:00:02+0000 */})"#
    );
    call!(
        l,
        SYS_mount,
        [c"a", c"/no", wall, 0x1021, wall],
        r#"mount("a", "/no", %, MS_RDONLY|MS_REMOUNT|MS_BIND, %)"#,
        Ptr(wall),
        Ptr(wall)
    );
    call!(
        l,
        SYS_mount,
        [c"a", c"/no", c"tmpfs", 0x6, c"size=1"],
        r#"mount("a", "/no", "tmpfs", MS_NOSUID|MS_NODEV, "size=1")"#
    );
    call!(
        l,
        SYS_umount2,
        [c"/no", 3],
        r#"umount2("/no", MNT_FORCE|MNT_DETACH)"#
    );
    call!(
        l,
        SYS_pivot_root,
        [c"/no", wall],
        r#"pivot_root("/no", %)"#,
        Ptr(wall)
    );
    call!(l, SYS_chroot, [NULL], "chroot(NULL)");
}

fn attributes(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    call!(
        l,
        SYS_setxattr,
        [c"no", c"user.a", c"v\xff", 2, 1],
        r#"setxattr("no", "user.a", "v\377", 2, XATTR_CREATE)"#
    );
    call!(
        l,
        SYS_lsetxattr,
        [c"no", c"user.a", wall, 2, 8],
        r#"lsetxattr("no", "user.a", %, 2, 0x8 /* XATTR_??? */)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_fsetxattr,
        [-1i32, NULL, NULL, 0, 0],
        "fsetxattr(-1, NULL, NULL, 0, 0)"
    );
    let mut buf = [0u8; 16];
    call!(
        l,
        SYS_getxattr,
        [c"no", c"user.a", &raw mut buf, 16],
        r#"getxattr("no", "user.a", %, 16)"#,
        Ptr(&raw const buf)
    );
    call!(
        l,
        SYS_fgetxattr,
        [-1i32, c"user.a", NULL, 0],
        r#"fgetxattr(-1, "user.a", NULL, 0)"#
    );
    call!(
        l,
        SYS_listxattr,
        [c"no", &raw mut buf, 16],
        r#"listxattr("no", %, 16)"#,
        Ptr(&raw const buf)
    );
    call!(
        l,
        SYS_removexattr,
        [c"no", c"user.a"],
        r#"removexattr("no", "user.a")"#
    );
    call!(
        l,
        SYS_flistxattr,
        [-1i32, NULL, 0],
        "flistxattr(-1, NULL, 0)"
    );
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Iovec(*const u8, usize);

fn buffers(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let fd = call!(l, SYS_open, [c"f", 0x202], r#"open("f", O_RDWR|O_TRUNC)"#);
    call!(
        l,
        SYS_write,
        [fd, c"a\t\"\\\x01\x7f1", 7],
        r#"write(%, "a\t\"\\\1\1771", 7)"#,
        fd
    );
    let text = [b'x'; 40];
    call!(
        l,
        SYS_pwrite64,
        [fd, &raw const text, 40, 7],
        r#"pwrite64(%, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"..., 40, 7)"#,
        fd
    );
    call!(
        l,
        SYS_pwrite64,
        [fd, &raw const text, 40, -1i64],
        r#"pwrite64(%, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"..., 40, -1)"#,
        fd
    );
    let cut = edge.cut(text, 10);
    let ret = quiet!(l, SYS_write, [-1i32, cut, 40]);
    l.expect("write(-1, %, 40)", &[&Ptr(cut)], ret);
    let ret = quiet!(l, SYS_write, [-1i32, wall, 0]);
    l.expect(r#"write(-1, "", 0)"#, &[], ret);
    call!(l, SYS_write, [fd, NULL, 3], "write(%, NULL, 3)", fd);
    let mut buf = [0u8; 8];
    call!(
        l,
        SYS_pread64,
        [fd, &raw mut buf, 8, 0],
        r#"pread64(%, "a\t\"\\\1\1771x", 8, 0)"#,
        fd
    );
    call!(
        l,
        SYS_pread64,
        [fd, &raw mut buf, 8, 999],
        r#"pread64(%, "", 8, 999)"#,
        fd
    );
    call!(
        l,
        SYS_read,
        [fd, wall, 8],
        r#"read(%, %, 8)"#,
        fd,
        Ptr(wall)
    );
    let iov = [
        Iovec(c"one".as_ptr().cast(), 3),
        Iovec(c"two".as_ptr().cast(), 3),
    ];
    call!(
        l,
        SYS_writev,
        [-1i32, &raw const iov, 2],
        r#"writev(-1, [{iov_base="one", iov_len=3}, {iov_base="two", iov_len=3}], 2)"#
    );
    let cut = edge.cut(iov, 16);
    call!(
        l,
        SYS_writev,
        [-1i32, cut, 2],
        r#"writev(-1, [{iov_base="one", iov_len=3}, ... /* % */], 2)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_writev,
        [-1i32, wall, 2],
        "writev(-1, %, 2)",
        Ptr(wall)
    );
    call!(l, SYS_writev, [-1i32, NULL, 0], "writev(-1, NULL, 0)");
    call!(
        l,
        SYS_writev,
        [-1i32, &raw const iov, 0],
        "writev(-1, [], 0)"
    );
    let bad = [Iovec(wall, 3), Iovec(std::ptr::null(), 3)];
    call!(
        l,
        SYS_pwritev,
        [-1i32, &raw const bad, 2, 5],
        "pwritev(-1, [{iov_base=%, iov_len=3}, {iov_base=NULL, iov_len=3}], 2, 5)",
        Ptr(wall)
    );
    let into = [
        Iovec((&raw const buf).cast(), 2),
        Iovec(buf.as_ptr().wrapping_add(2), 6),
    ];
    call!(
        l,
        SYS_preadv,
        [fd, &raw const into, 2, 0],
        r#"preadv(%, [{iov_base="a\t", iov_len=2}, {iov_base="\"\\\1\1771x", iov_len=6}], 2, 0)"#,
        fd
    );
    call!(
        l,
        SYS_preadv2,
        [-1i32, &raw const into, 2, 0, 0, 3],
        r#"preadv2(-1, [{iov_base=%, iov_len=2}, {iov_base=%, iov_len=6}], 2, 0, RWF_HIPRI|RWF_DSYNC)"#,
        Ptr(&raw const buf),
        Ptr(buf.as_ptr().wrapping_add(2))
    );
    call!(
        l,
        SYS_vmsplice,
        [-1i32, &raw const iov, 1, 8],
        r#"vmsplice(-1, [{iov_base="one", iov_len=3}], 1, SPLICE_F_GIFT)"#
    );
    call!(
        l,
        SYS_process_vm_readv,
        [-1i32, &raw const into, 1, &raw const iov, 1, 0],
        "process_vm_readv(-1, [{iov_base=%, iov_len=2}], 1, [{iov_base=%, iov_len=3}], 1, 0)",
        Ptr(&raw const buf),
        Ptr(iov[0].0)
    );
    call!(l, SYS_close, [fd], "close(%)", fd);
}
