//! Files by the calls that few programs make: extended attributes of links, newer and older forms, trees, namespaces.

use std::os::fd::AsRawFd as _;

use crate::{
    answers,
    lines::{Edge, Lines, Ptr, words},
};

const NULL: usize = 0;
const HERE: i32 = -100;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    // Written to once: a name that the kernel does not read, because the descriptor is bad, may be read by the tracer after the call.
    let own = Edge::new();
    let file = std::fs::File::create("file").expect("a file");
    std::os::unix::fs::symlink("file", "link").expect("a link");
    answers::begin();
    l.begin();
    descriptors(l, &edge, file.as_raw_fd());
    owners(l, &edge);
    extended(l, &edge, &own, file.as_raw_fd());
    listed(l, &edge);
    modes(l, &edge);
    times(l, &edge);
    trees(l, &edge);
    spaces(l, &edge);
    l.end();
}

fn descriptors(l: &mut Lines, edge: &Edge, fd: i32) {
    let wall = edge.wall();
    let copy = call!(l, SYS_dup, [fd], "dup(%)", fd);
    call!(l, SYS_close, [copy], "close(%)", copy);
    call!(l, SYS_dup, [-1i32], "dup(-1)");
    let watch = call!(l, SYS_inotify_init, [], "inotify_init()");
    call!(l, SYS_close, [watch], "close(%)", watch);
    call!(l, SYS_fdatasync, [fd], "fdatasync(%)", fd);
    call!(l, SYS_fdatasync, [1 << 20], "fdatasync(1048576)");
    call!(l, SYS_fchdir, [fd], "fchdir(%)", fd);
    call!(l, SYS_fchdir, [HERE], "fchdir(-100)");
    call!(l, SYS_syncfs, [fd], "syncfs(%)", fd);
    call!(l, SYS_syncfs, [-1i32], "syncfs(-1)");
    let text = c"0123456789";
    let vector = [text.as_ptr() as usize, 3, wall as usize, 4];
    call!(
        l,
        SYS_pwritev2,
        [fd, &vector, 1, 5, 0, 0],
        r#"pwritev2(%, [{iov_base="012", iov_len=3}], 1, 5, 0)"#,
        fd
    );
    call!(
        l,
        SYS_pwritev2,
        [-1i32, &vector, 2, -1i64, 0, 0x1ff],
        r#"pwritev2(-1, [{iov_base="012", iov_len=3}, {iov_base=%, iov_len=4}], 2, -1, RWF_HIPRI|RWF_DSYNC|RWF_SYNC|RWF_NOWAIT|RWF_APPEND|RWF_NOAPPEND|RWF_ATOMIC|RWF_DONTCACHE|RWF_NOSIGNAL)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_pwritev2,
        [-1i32, wall, 1, 7, 1, 0x200],
        "pwritev2(-1, %, 1, 7, 0x200 /* RWF_??? */)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_pwritev2,
        [-1i32, NULL, -1i32, 0, 0, 1],
        "pwritev2(-1, NULL, 18446744073709551615, 0, RWF_HIPRI)"
    );
    call!(
        l,
        SYS_preadv2,
        [-1i32, &vector, 1, 5, 0, 0x28],
        "preadv2(-1, [{iov_base=%, iov_len=3}], 1, 5, RWF_NOWAIT|RWF_NOAPPEND)",
        Ptr(text.as_ptr())
    );
}

fn owners(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    call!(l, SYS_fchown, [-1i32, -1i32, 5], "fchown(-1, -1, 5)");
    call!(
        l,
        SYS_fchown,
        [-1i32, 0x8000_0000u32, -1i32],
        "fchown(-1, 2147483648, -1)"
    );
    call!(
        l,
        SYS_lchown,
        [c"link", -1i32, -1i32],
        r#"lchown("link", -1, -1)"#
    );
    call!(
        l,
        SYS_lchown,
        [c"none", 1000, 0],
        r#"lchown("none", 1000, 0)"#
    );
    call!(
        l,
        SYS_lchown,
        [wall, 0, -1i32],
        "lchown(%, 0, -1)",
        Ptr(wall)
    );
    call!(l, SYS_lchown, [NULL, 0, 0], "lchown(NULL, 0, 0)");
}

/// Extended attributes of links themselves; whether a file system has any is not known.
fn extended(l: &mut Lines, edge: &Edge, own: &Edge, fd: i32) {
    let wall = edge.wall();
    let mut room = *b"the value";
    let at = room.as_mut_ptr();
    call!(
        l,
        SYS_lgetxattr,
        [c"link", c"user.none", at, 9],
        r#"lgetxattr("link", "user.none", %, 9)"#,
        Ptr(at)
    );
    call!(
        l,
        SYS_lgetxattr,
        [c"none", c"user.none", NULL, 0],
        r#"lgetxattr("none", "user.none", NULL, 0)"#
    );
    call!(
        l,
        SYS_lgetxattr,
        [wall, wall, wall, -1i64],
        "lgetxattr(%, %, %, 18446744073709551615)",
        Ptr(wall),
        Ptr(wall),
        Ptr(wall)
    );
    call!(
        l,
        SYS_llistxattr,
        [c"none", at, 9],
        r#"llistxattr("none", %, 9)"#,
        Ptr(at)
    );
    call!(
        l,
        SYS_llistxattr,
        [c"none", NULL, 0],
        r#"llistxattr("none", NULL, 0)"#
    );
    call!(
        l,
        SYS_llistxattr,
        [wall, wall, 5],
        "llistxattr(%, %, 5)",
        Ptr(wall),
        Ptr(wall)
    );
    done!(
        l,
        SYS_llistxattr,
        [c"link", at, 9],
        r#"llistxattr("link", "", 9)"#
    );
    call!(
        l,
        SYS_lremovexattr,
        [c"none", c"user.none"],
        r#"lremovexattr("none", "user.none")"#
    );
    call!(
        l,
        SYS_lremovexattr,
        [wall, wall],
        "lremovexattr(%, %)",
        Ptr(wall),
        Ptr(wall)
    );
    call!(
        l,
        SYS_lremovexattr,
        [NULL, NULL],
        "lremovexattr(NULL, NULL)"
    );
    call!(
        l,
        SYS_lremovexattr,
        [c"link", c""],
        r#"lremovexattr("link", "")"#
    );
    call!(
        l,
        SYS_fremovexattr,
        [-1i32, c"user.none"],
        r#"fremovexattr(-1, "user.none")"#
    );
    call!(
        l,
        SYS_fremovexattr,
        [fd, wall],
        "fremovexattr(%, %)",
        fd,
        Ptr(wall)
    );
    let cut = own.cut(*b"user", 4);
    call!(
        l,
        SYS_fremovexattr,
        [-1i32, cut],
        "fremovexattr(-1, %)",
        Ptr(cut)
    );
}

fn listed(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    call!(
        l,
        SYS_listxattrat,
        [HERE, c"none", 0x1100, wall, 5],
        r#"listxattrat(AT_FDCWD, "none", AT_SYMLINK_NOFOLLOW|AT_EMPTY_PATH, %, 5)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_listxattrat,
        [-1i32, NULL, 0x1000, NULL, 0],
        "listxattrat(-1, NULL, AT_EMPTY_PATH, NULL, 0)"
    );
    call!(
        l,
        SYS_listxattrat,
        [-1i32, wall, 0x2, wall, -1i64],
        "listxattrat(-1, %, 0x2 /* AT_??? */, %, 18446744073709551615)",
        Ptr(wall),
        Ptr(wall)
    );
    done!(
        l,
        SYS_listxattrat,
        [HERE, c"file", 0, c"abc", 3],
        r#"listxattrat(AT_FDCWD, "file", 0, "", 3)"#
    );
}

fn modes(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    call!(
        l,
        SYS_fchmodat2,
        [HERE, c"file", 0o644, 0x100],
        r#"fchmodat2(AT_FDCWD, "file", 0644, AT_SYMLINK_NOFOLLOW)"#
    );
    call!(
        l,
        SYS_fchmodat2,
        [-1i32, c"file", 0o7777, 0x1000],
        r#"fchmodat2(-1, "file", 07777, AT_EMPTY_PATH)"#
    );
    call!(
        l,
        SYS_fchmodat2,
        [-1i32, c"file", -1i32, 0x1],
        r#"fchmodat2(-1, "file", 0177777, 0x1 /* AT_??? */)"#
    );
    call!(
        l,
        SYS_fchmodat2,
        [HERE, NULL, 0, 0],
        "fchmodat2(AT_FDCWD, NULL, 000, 0)"
    );
    call!(
        l,
        SYS_fchmodat2,
        [HERE, wall, 0o1, 0x900],
        "fchmodat2(AT_FDCWD, %, 001, AT_SYMLINK_NOFOLLOW|0x800)",
        Ptr(wall)
    );
}

fn times(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let times = [1i64, 2, 1_500_000_000, 999_999];
    let odd = [1i64, -1, -5, 1_000_000];
    call!(
        l,
        SYS_futimesat,
        [HERE, c"file", &times],
        r#"futimesat(AT_FDCWD, "file", [{tv_sec=1, tv_usec=2} /* 1970-01-01T00:00:01.000002+0000 */, {tv_sec=1500000000, tv_usec=999999} /* 2017-07-14T02:40:00.999999+0000 */])"#
    );
    call!(
        l,
        SYS_futimesat,
        [HERE, c"none", NULL],
        r#"futimesat(AT_FDCWD, "none", NULL)"#
    );
    call!(
        l,
        SYS_futimesat,
        [-1i32, c"file", &odd],
        r#"futimesat(-1, "file", [{tv_sec=1, tv_usec=18446744073709551615}, {tv_sec=-5, tv_usec=1000000}])"#
    );
    call!(
        l,
        SYS_futimesat,
        [-1i32, NULL, wall],
        "futimesat(-1, NULL, %)",
        Ptr(wall)
    );
    let cut = edge.cut(times, 16);
    call!(
        l,
        SYS_futimesat,
        [-1i32, wall, cut],
        "futimesat(-1, %, %)",
        Ptr(wall),
        Ptr(cut)
    );
}

fn trees(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let attributes = words::<40>(&[(0x1, 8), (0x20, 8), (1 << 20, 8), (u64::MAX, 8), (9, 8)]);
    let none = words::<32>(&[(0, 8), (0, 8), (0, 8), (0, 8)]);
    call!(
        l,
        SYS_open_tree_attr,
        [HERE, c"none", 0x1, &attributes, 32],
        r#"open_tree_attr(AT_FDCWD, "none", OPEN_TREE_CLONE, {attr_set=MOUNT_ATTR_RDONLY, attr_clr=MOUNT_ATTR_STRICTATIME, propagation=MS_SHARED, userns_fd=18446744073709551615}, 32)"#
    );
    call!(
        l,
        SYS_open_tree_attr,
        [HERE, c"none", 0x8_8100, &none, 32],
        r#"open_tree_attr(AT_FDCWD, "none", OPEN_TREE_CLOEXEC|AT_SYMLINK_NOFOLLOW|AT_RECURSIVE, {attr_set=0, attr_clr=0, propagation=0 /* MS_??? */, userns_fd=0}, 32)"#
    );
    call!(
        l,
        SYS_open_tree_attr,
        [-1i32, NULL, 0x9001, &attributes, 40],
        r#"open_tree_attr(-1, NULL, OPEN_TREE_CLONE|AT_EMPTY_PATH|AT_RECURSIVE, {attr_set=MOUNT_ATTR_RDONLY, attr_clr=MOUNT_ATTR_STRICTATIME, propagation=MS_SHARED, userns_fd=18446744073709551615, /* bytes 32..39 */ "\x09\x00\x00\x00\x00\x00\x00\x00"}, 40)"#
    );
    call!(
        l,
        SYS_open_tree_attr,
        [-1i32, wall, 0x2, wall, 32],
        "open_tree_attr(-1, %, OPEN_TREE_NAMESPACE, %, 32)",
        Ptr(wall),
        Ptr(wall)
    );
    call!(
        l,
        SYS_open_tree_attr,
        [-1i32, c"none", 0, &attributes, 8],
        r#"open_tree_attr(-1, "none", 0, %, 8)"#,
        Ptr(&raw const attributes)
    );
    call!(
        l,
        SYS_open_tree_attr,
        [-1i32, c"none", 0, NULL, 0],
        r#"open_tree_attr(-1, "none", 0, NULL, 0)"#
    );
}

fn spaces(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let wanted = words::<40>(&[
        (32, 4),
        (0, 4),
        (0, 8),
        (0x4002_0080, 4),
        (0, 4),
        (0, 8),
        (7, 8),
    ]);
    let odd = words::<40>(&[
        (40, 4),
        (1, 4),
        (u64::MAX, 8),
        (0x81, 4),
        (2, 4),
        (9, 8),
        (7, 8),
    ]);
    call!(
        l,
        SYS_listns,
        [&wanted, wall, 1, 1],
        "listns({size=32, ns_id=0, ns_type=TIME_NS|MNT_NS|NET_NS, user_ns_id=0}, %, 1, 0x1)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_listns,
        [&odd, wall, -1i64, -1i64],
        r#"listns({size=40, spare=0x1, ns_id=0xffffffffffffffff, ns_type=TIME_NS|0x1, spare2=0x2, user_ns_id=0x9, /* bytes 32..39 */ "\x07\x00\x00\x00\x00\x00\x00\x00"}, %, 18446744073709551615, 0xffffffff)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_listns,
        [NULL, NULL, 0, 0],
        "listns(NULL, NULL, 0, 0)"
    );
    call!(
        l,
        SYS_listns,
        [wall, wall, 5, 0],
        "listns(%, %, 5, 0)",
        Ptr(wall),
        Ptr(wall)
    );
    let cut = edge.cut(wanted, 16);
    call!(
        l,
        SYS_listns,
        [cut, NULL, 5, 0],
        "listns(%, NULL, 5, 0)",
        Ptr(cut)
    );
    done!(
        l,
        SYS_listns,
        [&wanted, &[1u64, 2], 2, 0],
        "listns({size=32, ns_id=0, ns_type=TIME_NS|MNT_NS|NET_NS, user_ns_id=0}, [], 2, 0)"
    );
}
