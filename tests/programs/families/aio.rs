//! Asynchronous I/O: contexts, a request of each kind, what is done.

use std::{fs::File, io::Write as _, os::fd::AsRawFd as _};

use crate::{
    answers,
    lines::{Edge, Lines, Ptr, words},
};

const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open("data")
        .expect("a file");
    file.write_all(b"what is read").expect("to write");
    answers::begin();
    l.begin();
    let context = contexts(l, &edge);
    requests(l, &edge);
    vectors(l, &edge);
    done(l, &edge, context, file.as_raw_fd());
    events(l, &edge, context);
    l.end();
}

fn contexts(l: &mut Lines, edge: &Edge) -> usize {
    let wall = edge.wall();
    let mut context = 0usize;
    call!(l, SYS_io_setup, [0, NULL], "io_setup(0, NULL)");
    call!(
        l,
        SYS_io_setup,
        [-1i32, wall],
        "io_setup(4294967295, %)",
        Ptr(wall)
    );
    let cut = edge.cut(0usize, 4);
    call!(l, SYS_io_setup, [5, cut], "io_setup(5, %)", Ptr(cut));
    let ret = quiet!(l, SYS_io_setup, [5, &raw mut context]);
    let shown = Ptr(context as *const u8);
    l.expect("io_setup(5, [%])", &[&shown], ret);
    done!(
        l,
        SYS_io_setup,
        [5, &raw mut context],
        "io_setup(5, [%])",
        Ptr(context as *const u8)
    );
    call!(l, SYS_io_destroy, [NULL], "io_destroy(NULL)");
    call!(l, SYS_io_destroy, [wall], "io_destroy(%)", Ptr(wall));
    context
}

/// A request: its kind, descriptor, buffer, length, place.
fn request(opcode: u64, fd: i32, buffer: usize, length: u64, offset: i64) -> [u8; 64] {
    words(&[
        (0x1234, 8),
        (0, 8),
        (opcode, 2),
        (0, 2),
        (fd as u64, 4),
        (buffer as u64, 8),
        (length, 8),
        (offset as u64, 8),
    ])
}

/// The same with what few have: a key, flags of the transfer, a priority, flags, a descriptor to tell.
fn special(opcode: u64, buffer: usize, priority: u64, flags: u64) -> [u8; 64] {
    words(&[
        (0, 8),
        (7, 4),
        (0x19, 4),
        (opcode, 2),
        (priority, 2),
        (u64::MAX, 4),
        (buffer as u64, 8),
        (3, 8),
        (5, 8),
        (0, 8),
        (flags, 4),
        (9, 4),
    ])
}

fn requests(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let text = c"what is written";
    let at = text.as_ptr() as usize;
    call!(
        l,
        SYS_io_submit,
        [NULL, 0, NULL],
        "io_submit(NULL, 0, NULL)"
    );
    call!(
        l,
        SYS_io_submit,
        [NULL, -1i32, wall],
        "io_submit(NULL, -1, %)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_io_submit,
        [wall, 1, wall],
        "io_submit(%, 1, %)",
        Ptr(wall),
        Ptr(wall)
    );
    let unread = [NULL, wall as usize];
    call!(
        l,
        SYS_io_submit,
        [NULL, 2, &unread],
        "io_submit(NULL, 2, [NULL, %])",
        Ptr(wall)
    );
    let read = request(0, -1, at, 4, 5);
    let write = request(1, -1, at, 15, 1 << 40);
    let nowhere = request(1, -1, wall as usize, 15, -1);
    let nothing = request(1, -1, at, 0, 0);
    let all = [
        &raw const read,
        &raw const write,
        &raw const nowhere,
        &raw const nothing,
    ];
    call!(
        l,
        SYS_io_submit,
        [NULL, 4, &all],
        r#"io_submit(NULL, 4, [{aio_data=0x1234, aio_lio_opcode=IOCB_CMD_PREAD, aio_fildes=-1, aio_buf=%, aio_nbytes=4, aio_offset=5}, {aio_data=0x1234, aio_lio_opcode=IOCB_CMD_PWRITE, aio_fildes=-1, aio_buf="what is written", aio_nbytes=15, aio_offset=1099511627776}, {aio_data=0x1234, aio_lio_opcode=IOCB_CMD_PWRITE, aio_fildes=-1, aio_buf=%, aio_nbytes=15, aio_offset=-1}, {aio_data=0x1234, aio_lio_opcode=IOCB_CMD_PWRITE, aio_fildes=-1, aio_buf="", aio_nbytes=0, aio_offset=0}])"#,
        Ptr(text.as_ptr()),
        Ptr(wall)
    );
    let sync = request(2, 3, 0, 0, 0);
    let data_sync = request(3, 4, 0, 0, 0);
    let poll = request(5, 5, 0x2005, 0, 0);
    let none = request(6, 6, 0, 0, 0);
    let unknown = request(99, -1, at, 1, 2);
    let all = [
        &raw const sync,
        &raw const data_sync,
        &raw const poll,
        &raw const none,
        &raw const unknown,
    ];
    call!(
        l,
        SYS_io_submit,
        [NULL, 5, &all],
        "io_submit(NULL, 5, [{aio_data=0x1234, aio_lio_opcode=IOCB_CMD_FSYNC, aio_fildes=3}, {aio_data=0x1234, aio_lio_opcode=IOCB_CMD_FDSYNC, aio_fildes=4}, {aio_data=0x1234, aio_lio_opcode=IOCB_CMD_POLL, aio_fildes=5, aio_buf=POLLIN|POLLOUT|POLLRDHUP}, {aio_data=0x1234, aio_lio_opcode=IOCB_CMD_NOOP, aio_fildes=6}, {aio_data=0x1234, aio_lio_opcode=99 /* IOCB_CMD_??? */, aio_fildes=-1}])"
    );
    let keyed = special(1, at, 0x4007, 3);
    let plain = special(0, at, 7, 0);
    let odd = special(0, at, 0, 0x14);
    let all = [&raw const keyed, &raw const plain, &raw const odd];
    call!(
        l,
        SYS_io_submit,
        [NULL, 3, &all],
        r#"io_submit(NULL, 3, [{aio_data=0, aio_key=7, aio_rw_flags=RWF_HIPRI|RWF_NOWAIT|RWF_APPEND, aio_lio_opcode=IOCB_CMD_PWRITE, aio_reqprio=IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7), aio_fildes=-1, aio_buf="wha", aio_nbytes=3, aio_offset=5, aio_flags=IOCB_FLAG_RESFD|IOCB_FLAG_IOPRIO, aio_resfd=9}, {aio_data=0, aio_key=7, aio_rw_flags=RWF_HIPRI|RWF_NOWAIT|RWF_APPEND, aio_lio_opcode=IOCB_CMD_PREAD, aio_reqprio=7, aio_fildes=-1, aio_buf=%, aio_nbytes=3, aio_offset=5, aio_resfd=0x9}, {aio_data=0, aio_key=7, aio_rw_flags=RWF_HIPRI|RWF_NOWAIT|RWF_APPEND, aio_lio_opcode=IOCB_CMD_PREAD, aio_fildes=-1, aio_buf=%, aio_nbytes=3, aio_offset=5, aio_flags=0x14 /* IOCB_FLAG_??? */, aio_resfd=0x9}])"#,
        Ptr(text.as_ptr()),
        Ptr(text.as_ptr())
    );
    let cut = edge.cut(&raw const sync, 8);
    call!(
        l,
        SYS_io_submit,
        [NULL, 2, cut],
        "io_submit(NULL, 2, [{aio_data=0x1234, aio_lio_opcode=IOCB_CMD_FSYNC, aio_fildes=3}, ... /* % */])",
        Ptr(wall)
    );
    let cut = edge.cut(write, 40);
    let all = [cut];
    call!(
        l,
        SYS_io_submit,
        [NULL, 1, &all],
        "io_submit(NULL, 1, [%])",
        Ptr(cut)
    );
}

fn vectors(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let (first, second) = (c"first", c"second");
    let vector = [first.as_ptr() as usize, 5, second.as_ptr() as usize, 6];
    let at = vector.as_ptr() as usize;
    let read = request(7, -1, at, 2, 5);
    let write = request(8, -1, at, 2, 6);
    let nothing = request(8, -1, at, 0, 6);
    let nowhere = request(7, -1, wall as usize, 2, 6);
    let all = [
        &raw const read,
        &raw const write,
        &raw const nothing,
        &raw const nowhere,
    ];
    call!(
        l,
        SYS_io_submit,
        [NULL, 4, &all],
        r#"io_submit(NULL, 4, [{aio_data=0x1234, aio_lio_opcode=IOCB_CMD_PREADV, aio_fildes=-1, aio_buf=[{iov_base=%, iov_len=5}, {iov_base=%, iov_len=6}], aio_offset=5}, {aio_data=0x1234, aio_lio_opcode=IOCB_CMD_PWRITEV, aio_fildes=-1, aio_buf=[{iov_base="first", iov_len=5}, {iov_base="second", iov_len=6}], aio_offset=6}, {aio_data=0x1234, aio_lio_opcode=IOCB_CMD_PWRITEV, aio_fildes=-1, aio_buf=[], aio_offset=6}, {aio_data=0x1234, aio_lio_opcode=IOCB_CMD_PREADV, aio_fildes=-1, aio_buf=%, aio_offset=6}])"#,
        Ptr(first.as_ptr()),
        Ptr(second.as_ptr()),
        Ptr(wall)
    );
}

/// Requests that are carried out, and what came of them.
fn done(l: &mut Lines, edge: &Edge, context: usize, fd: i32) {
    let wall = edge.wall();
    let shown = || Ptr(context as *const u8);
    let mut room = [0u8; 12];
    let at = room.as_mut_ptr();
    let read = request(0, fd, at as usize, 12, 0);
    let all = [&raw const read];
    call!(
        l,
        SYS_io_submit,
        [context, 1, &all],
        "io_submit(%, 1, [{aio_data=0x1234, aio_lio_opcode=IOCB_CMD_PREAD, aio_fildes=%, aio_buf=%, aio_nbytes=12, aio_offset=0}])",
        shown(),
        fd,
        Ptr(at)
    );
    let mut events = [[0u64; 4]; 2];
    let time = [1i64, 2];
    let ret = quiet!(
        l,
        SYS_io_getevents,
        [context, 1, 2, &raw mut events, &raw const time]
    );
    l.expect(
        "io_getevents(%, 1, 2, [{data=0x1234, obj=%, res=12, res2=0}], {tv_sec=1, tv_nsec=2})",
        &[&shown(), &Ptr(&raw const read)],
        ret,
    );
    call!(
        l,
        SYS_io_getevents,
        [context, 0, 2, &raw mut events, NULL],
        "io_getevents(%, 0, 2, [], NULL)",
        shown()
    );
    call!(
        l,
        SYS_io_cancel,
        [context, &read, &raw mut events],
        "io_cancel(%, {aio_data=0x1234, aio_lio_opcode=IOCB_CMD_PREAD, aio_fildes=%}, %)",
        shown(),
        fd,
        Ptr(&raw const events)
    );
    call!(
        l,
        SYS_io_cancel,
        [context, wall, wall],
        "io_cancel(%, %, %)",
        shown(),
        Ptr(wall),
        Ptr(wall)
    );
    let other = request(0, -1, at as usize, 12, 0);
    done!(
        l,
        SYS_io_cancel,
        [context, &other, &raw mut events],
        "io_cancel(%, {aio_data=0x1234, aio_lio_opcode=IOCB_CMD_PREAD, aio_fildes=-1}, {data=0x1234, obj=%, res=12, res2=0})",
        shown(),
        Ptr(&raw const read)
    );
}

fn events(l: &mut Lines, edge: &Edge, context: usize) {
    let wall = edge.wall();
    let time = [1i64, 2];
    let mask = 2u64;
    let set = [&raw const mask as usize, 8];
    let unread = [wall as usize, 8];
    let short = [&raw const mask as usize, 3];
    call!(
        l,
        SYS_io_getevents,
        [NULL, -1i64, -1i64, NULL, NULL],
        "io_getevents(NULL, -1, -1, NULL, NULL)"
    );
    call!(
        l,
        SYS_io_getevents,
        [NULL, 1, 2, wall, wall],
        "io_getevents(NULL, 1, 2, %, %)",
        Ptr(wall),
        Ptr(wall)
    );
    call!(
        l,
        SYS_io_pgetevents,
        [NULL, 1, 2, NULL, NULL, NULL],
        "io_pgetevents(NULL, 1, 2, NULL, NULL, NULL)"
    );
    call!(
        l,
        SYS_io_pgetevents,
        [NULL, 1, 2, wall, wall, wall],
        "io_pgetevents(NULL, 1, 2, %, %, %)",
        Ptr(wall),
        Ptr(wall),
        Ptr(wall)
    );
    call!(
        l,
        SYS_io_pgetevents,
        [NULL, 1, 2, wall, &time, &set],
        "io_pgetevents(NULL, 1, 2, %, {tv_sec=1, tv_nsec=2}, {sigmask=[INT], sigsetsize=8})",
        Ptr(wall)
    );
    call!(
        l,
        SYS_io_pgetevents,
        [NULL, 1, 2, wall, &time, &unread],
        "io_pgetevents(NULL, 1, 2, %, {tv_sec=1, tv_nsec=2}, {sigmask=%, sigsetsize=8})",
        Ptr(wall),
        Ptr(wall)
    );
    call!(
        l,
        SYS_io_pgetevents,
        [NULL, 1, 2, wall, &time, &short],
        "io_pgetevents(NULL, 1, 2, %, {tv_sec=1, tv_nsec=2}, {sigmask=%, sigsetsize=3})",
        Ptr(wall),
        Ptr(&raw const mask)
    );
    let cut = edge.cut(set, 8);
    call!(
        l,
        SYS_io_pgetevents,
        [NULL, 1, 2, wall, &time, cut],
        "io_pgetevents(NULL, 1, 2, %, {tv_sec=1, tv_nsec=2}, %)",
        Ptr(wall),
        Ptr(cut)
    );
    call!(
        l,
        SYS_io_destroy,
        [context],
        "io_destroy(%)",
        Ptr(context as *const u8)
    );
}
