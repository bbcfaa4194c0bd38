//! Pipes, eventfd, inotify, fanotify.

use crate::lines::{Edge, Lines, Ptr};

const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    let wall = edge.wall();
    l.begin();
    let mut ends = [9i32; 2];
    call!(
        l,
        SYS_pipe,
        [&raw mut ends],
        "pipe([%, %])",
        ends[0],
        ends[1]
    );
    let [read, write] = ends;
    call!(
        l,
        SYS_pipe2,
        [&raw mut ends, 0x84800],
        "pipe2([%, %], O_NONBLOCK|O_DIRECT|O_CLOEXEC)",
        ends[0],
        ends[1]
    );
    call!(
        l,
        SYS_pipe2,
        [wall, 0x1],
        "pipe2(%, 0x1 /* O_??? */)",
        Ptr(wall)
    );
    call!(l, SYS_pipe2, [wall, 0], "pipe2(%, 0)", Ptr(wall));
    call!(l, SYS_pipe, [NULL], "pipe(NULL)");
    call!(
        l,
        SYS_write,
        [write, c"data", 4],
        r#"write(%, "data", 4)"#,
        write
    );
    let mut pending = 9i32;
    call!(
        l,
        SYS_ioctl,
        [read, 0x541b, &raw mut pending],
        "ioctl(%, FIONREAD, [4])",
        read
    );
    let mut bytes = [0u8; 8];
    call!(
        l,
        SYS_read,
        [read, &raw mut bytes, 8],
        r#"read(%, "data", 8)"#,
        read
    );
    call!(
        l,
        SYS_read,
        [ends[0], &raw mut bytes, 8],
        "read(%, %, 8)",
        ends[0],
        Ptr(&raw const bytes)
    );
    let ret = quiet!(l, SYS_fcntl, [read, 1032]);
    l.expect("fcntl(%, F_GETPIPE_SZ)", &[&read], ret);
    let event = call!(
        l,
        SYS_eventfd2,
        [7, 0x80801],
        "eventfd2(7, EFD_SEMAPHORE|EFD_CLOEXEC|EFD_NONBLOCK)"
    );
    call!(l, SYS_eventfd, [-1i32], "eventfd(4294967295)");
    call!(l, SYS_eventfd2, [0, 0x8], "eventfd2(0, 0x8 /* EFD_??? */)");
    call!(
        l,
        SYS_read,
        [event, &raw mut bytes, 8],
        r#"read(%, "\1\0\0\0\0\0\0\0", 8)"#,
        event
    );
    let fd = call!(
        l,
        SYS_inotify_init1,
        [0x80800],
        "inotify_init1(IN_NONBLOCK|IN_CLOEXEC)"
    );
    call!(l, SYS_inotify_init1, [1], "inotify_init1(0x1 /* IN_??? */)");
    call!(
        l,
        SYS_inotify_add_watch,
        [fd, c"/no", 0x2100_0003u32],
        r#"inotify_add_watch(%, "/no", IN_ACCESS|IN_MODIFY|IN_ONLYDIR|IN_MASK_ADD)"#,
        fd
    );
    call!(
        l,
        SYS_inotify_add_watch,
        [fd, wall, 0x0001_0fff],
        "inotify_add_watch(%, %, IN_ACCESS|IN_MODIFY|IN_ATTRIB|IN_CLOSE_WRITE|IN_CLOSE_NOWRITE|IN_OPEN|IN_MOVED_FROM|IN_MOVED_TO|IN_CREATE|IN_DELETE|IN_DELETE_SELF|IN_MOVE_SELF|0x10000)",
        fd,
        Ptr(wall)
    );
    let watch = call!(
        l,
        SYS_inotify_add_watch,
        [fd, c"/", 0xfff],
        r#"inotify_add_watch(%, "/", IN_ACCESS|IN_MODIFY|IN_ATTRIB|IN_CLOSE_WRITE|IN_CLOSE_NOWRITE|IN_OPEN|IN_MOVED_FROM|IN_MOVED_TO|IN_CREATE|IN_DELETE|IN_DELETE_SELF|IN_MOVE_SELF)"#,
        fd
    );
    call!(
        l,
        SYS_inotify_rm_watch,
        [fd, watch],
        "inotify_rm_watch(%, %)",
        fd,
        watch
    );
    call!(
        l,
        SYS_inotify_rm_watch,
        [-1i32, -1i32],
        "inotify_rm_watch(-1, -1)"
    );
    call!(
        l,
        SYS_fanotify_mark,
        [-1i32, 0x1, 0x9, -100, c"/no"],
        r#"fanotify_mark(-1, FAN_MARK_ADD, FAN_ACCESS|FAN_CLOSE_WRITE, AT_FDCWD, "/no")"#
    );
    for fd in [read as i64, i64::from(write), event, fd] {
        call!(l, SYS_close, [fd], "close(%)", fd);
    }
    l.end();
}
