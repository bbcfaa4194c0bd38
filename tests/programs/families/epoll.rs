//! Readiness: poll, select, epoll, and what came back.

use crate::lines::{Edge, Lines, Ptr};

const NULL: usize = 0;

#[repr(C)]
#[derive(Clone, Copy)]
struct Pollfd {
    fd: i32,
    events: i16,
    revents: i16,
}

#[repr(C, packed)]
#[derive(Clone, Copy)]
struct Event {
    events: u32,
    data: u64,
}

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    let mut ends = [0i32; 2];
    // SAFETY: two descriptors of our own.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    l.begin();
    polls(l, &edge, ends);
    selects(l, &edge, ends);
    epolls(l, &edge, ends);
    l.end();
}

fn polls(l: &mut Lines, edge: &Edge, [read, write]: [i32; 2]) {
    let wall = edge.wall();
    let mut fds = [
        Pollfd {
            fd: read,
            events: 1,
            revents: 0,
        },
        Pollfd {
            fd: write,
            events: 0x304,
            revents: 0,
        },
        Pollfd {
            fd: -1,
            events: 1,
            revents: 9,
        },
    ];
    call!(
        l,
        SYS_poll,
        [&raw mut fds, 1, 0],
        "poll([{fd=%, events=POLLIN}], 1, 0)",
        read
    )
    .eq(&0)
    .then(|| l.timeout());
    let ret = quiet!(l, SYS_poll, [&raw mut fds, 3, 5]);
    l.line("poll([{fd=%, events=POLLIN}, {fd=%, events=POLLOUT|POLLWRNORM|POLLWRBAND}, {fd=-1}], 3, 5) = % ([{fd=%, revents=POLLOUT|POLLWRNORM}])", &[&read, &write, &ret, &write]);
    call!(l, SYS_poll, [wall, 1, 0], "poll(%, 1, 0)", Ptr(wall));
    call!(l, SYS_poll, [NULL, 0, 0], "poll(NULL, 0, 0)")
        .eq(&0)
        .then(|| l.timeout());
    let cut = edge.cut(fds, 8);
    call!(
        l,
        SYS_poll,
        [cut, 2, 0],
        "poll([{fd=%, events=POLLIN}, ... /* % */], 2, 0)",
        read,
        Ptr(wall)
    );
    let time = [0i64, 5];
    let set = 1u64 << 9;
    let ret = quiet!(
        l,
        SYS_ppoll,
        [&raw mut fds[1], 1, &raw const time, &raw const set, 8]
    );
    l.line("ppoll([{fd=%, events=POLLOUT|POLLWRNORM|POLLWRBAND}], 1, {tv_sec=0, tv_nsec=5}, [USR1], 8) = % ([{fd=%, revents=POLLOUT|POLLWRNORM}], left {tv_sec=%, tv_nsec=%})", &[&write, &ret, &write, &time[0], &time[1]]);
    call!(
        l,
        SYS_ppoll,
        [NULL, 0, wall, NULL, 5],
        "ppoll(NULL, 0, %, NULL, 5)",
        Ptr(wall)
    );
    let bad = [0i64, -1];
    call!(
        l,
        SYS_ppoll,
        [&raw mut fds, 1, &raw const bad, NULL, 8],
        "ppoll([{fd=%, events=POLLIN}], 1, {tv_sec=0, tv_nsec=18446744073709551615}, NULL, 8)",
        read
    );
}

fn selects(l: &mut Lines, edge: &Edge, [read, write]: [i32; 2]) {
    let wall = edge.wall();
    let (mut r, mut w, mut x) = ([0u64; 16], [0u64; 16], [0u64; 16]);
    r[0] = 1 << read;
    w[0] = 1 << write;
    let mut time = [0i64, 3];
    let count = write + 1;
    let ret = quiet!(
        l,
        SYS_select,
        [count, &raw mut r, &raw mut w, &raw mut x, &raw mut time]
    );
    l.line(
        "select(%, [%], [%], [], {tv_sec=0, tv_usec=3}) = % (out [%], left {tv_sec=0, tv_usec=%})",
        &[&count, &read, &write, &ret, &write, &time[1]],
    );
    r[0] = 1 << read;
    let before = time[1];
    let ret = quiet!(
        l,
        SYS_select,
        [read + 1, &raw mut r, NULL, NULL, &raw mut time]
    );
    l.expect(
        "select(%, [%], NULL, NULL, {tv_sec=0, tv_usec=%})",
        &[&(read + 1), &read, &before],
        ret,
    );
    if ret == 0 {
        l.timeout();
    }
    call!(
        l,
        SYS_select,
        [-1i32, &raw mut r, NULL, NULL, NULL],
        "select(-1, %, NULL, NULL, NULL)",
        Ptr(&raw const r)
    );
    call!(
        l,
        SYS_select,
        [5, wall, NULL, NULL, NULL],
        "select(5, %, NULL, NULL, NULL)",
        Ptr(wall)
    );
    r[0] = 1 << read;
    r[1] = 1 << 36;
    call!(
        l,
        SYS_select,
        [101, &raw mut r, NULL, NULL, wall],
        "select(101, [% 100], NULL, NULL, %)",
        read,
        Ptr(wall)
    );
    let mut stamp = [0i64, 7];
    let set = 1u64 << 9;
    let pack = [&raw const set as usize, 8];
    w[0] = 1 << write;
    let ret = quiet!(
        l,
        SYS_pselect6,
        [
            count,
            NULL,
            &raw mut w,
            NULL,
            &raw mut stamp,
            &raw const pack
        ]
    );
    l.line("pselect6(%, NULL, [%], NULL, {tv_sec=0, tv_nsec=7}, {sigmask=[USR1], sigsetsize=8}) = % (out [%], left {tv_sec=0, tv_nsec=%})", &[&count, &write, &ret, &write, &stamp[1]]);
    let pack = [0usize, 9];
    call!(
        l,
        SYS_pselect6,
        [0, NULL, NULL, NULL, wall, &raw const pack],
        "pselect6(0, NULL, NULL, NULL, %, {sigmask=NULL, sigsetsize=9})",
        Ptr(wall)
    );
    call!(
        l,
        SYS_pselect6,
        [-5i32, NULL, NULL, NULL, NULL, wall],
        "pselect6(-5, NULL, NULL, NULL, NULL, %)",
        Ptr(wall)
    );
}

fn epolls(l: &mut Lines, edge: &Edge, [read, write]: [i32; 2]) {
    let wall = edge.wall();
    let fd = call!(
        l,
        SYS_epoll_create1,
        [0x80000],
        "epoll_create1(EPOLL_CLOEXEC)"
    );
    call!(l, SYS_epoll_create, [0], "epoll_create(0)");
    call!(
        l,
        SYS_epoll_create1,
        [5],
        "epoll_create1(0x5 /* EPOLL_??? */)"
    );
    let event = Event {
        events: 0x8000_0005,
        data: 0x1_0000_0002,
    };
    call!(
        l,
        SYS_epoll_ctl,
        [fd, 1, write, &raw const event],
        "epoll_ctl(%, EPOLL_CTL_ADD, %, {events=EPOLLIN|EPOLLOUT|EPOLLET, data={u32=2, u64=4294967298}})",
        fd,
        write
    );
    call!(
        l,
        SYS_epoll_ctl,
        [fd, 3, read, &raw const event],
        "epoll_ctl(%, EPOLL_CTL_MOD, %, {events=EPOLLIN|EPOLLOUT|EPOLLET, data={u32=2, u64=4294967298}})",
        fd,
        read
    );
    call!(
        l,
        SYS_epoll_ctl,
        [fd, 2, read, wall],
        "epoll_ctl(%, EPOLL_CTL_DEL, %, %)",
        fd,
        read,
        Ptr(wall)
    );
    call!(
        l,
        SYS_epoll_ctl,
        [fd, 1, read, wall],
        "epoll_ctl(%, EPOLL_CTL_ADD, %, %)",
        fd,
        read,
        Ptr(wall)
    );
    call!(
        l,
        SYS_epoll_ctl,
        [-1i32, 9, -1i32, NULL],
        "epoll_ctl(-1, 0x9 /* EPOLL_CTL_??? */, -1, NULL)"
    );
    let mut ready = [event; 4];
    call!(
        l,
        SYS_epoll_wait,
        [fd, &raw mut ready, 4, -1i32],
        "epoll_wait(%, [{events=EPOLLOUT, data={u32=2, u64=4294967298}}], 4, -1)",
        fd
    );
    call!(
        l,
        SYS_epoll_wait,
        [fd, &raw mut ready, 4, 0],
        "epoll_wait(%, [], 4, 0)",
        fd
    );
    call!(
        l,
        SYS_epoll_wait,
        [fd, wall, 0, 0],
        "epoll_wait(%, %, 0, 0)",
        fd,
        Ptr(wall)
    );
    let set = 1u64 << 9;
    call!(
        l,
        SYS_epoll_pwait,
        [fd, &raw mut ready, 4, 0, &raw const set, 8],
        "epoll_pwait(%, [], 4, 0, [USR1], 8)",
        fd
    );
    let time = [0i64, 1];
    call!(
        l,
        SYS_epoll_pwait2,
        [fd, &raw mut ready, 4, &raw const time, NULL, 8],
        "epoll_pwait2(%, [], 4, {tv_sec=0, tv_nsec=1}, NULL, 8)",
        fd
    );
    call!(
        l,
        SYS_epoll_pwait2,
        [-1i32, wall, 4, wall, wall, 8],
        "epoll_pwait2(-1, %, 4, %, %, 8)",
        Ptr(wall),
        Ptr(wall),
        Ptr(wall)
    );
    call!(l, SYS_close, [fd], "close(%)", fd);
}
