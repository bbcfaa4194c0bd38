//! io_uring: rings, waits, what is registered with them.

use crate::lines::{Edge, Lines, Ptr, words};

const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    l.begin();
    setup(l, &edge);
    enter(l, &edge);
    lists(l, &edge);
    resources(l, &edge);
    others(l, &edge);
    l.end();
}

fn setup(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let params = words::<120>(&[
        (1, 4),
        (2, 4),
        (0x40_0026, 4),
        (3, 4),
        (4, 4),
        (5, 4),
        (u64::MAX, 4),
        (1, 4),
        (2, 4),
        (3, 4),
    ]);
    call!(
        l,
        SYS_io_uring_setup,
        [0, &params],
        r#"io_uring_setup(0, {flags=IORING_SETUP_SQPOLL|IORING_SETUP_SQ_AFF|IORING_SETUP_ATTACH_WQ|0x400000, sq_thread_cpu=0x3, sq_thread_idle=4, wq_fd=-1, resv=[0x1, 0x2, 0x3]})"#
    );
    call!(
        l,
        SYS_io_uring_setup,
        [8, wall],
        r#"io_uring_setup(8, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_io_uring_setup,
        [8, NULL],
        r#"io_uring_setup(8, NULL)"#
    );
}

fn enter(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let mask = 1u64 << 9;
    let time = [1u64, 2];
    let argument = words::<24>(&[
        (&raw const mask as u64, 8),
        (8, 4),
        (5, 4),
        (time.as_ptr() as u64, 8),
    ]);
    call!(
        l,
        SYS_io_uring_enter,
        [-1i32, 1, 2, 0, NULL, 8],
        r#"io_uring_enter(-1, 1, 2, 0, NULL, 8)"#
    );
    call!(
        l,
        SYS_io_uring_enter,
        [-1i32, 1, 2, 1, &raw const mask, 8],
        r#"io_uring_enter(-1, 1, 2, IORING_ENTER_GETEVENTS, [USR1], 8)"#
    );
    call!(
        l,
        SYS_io_uring_enter,
        [-1i32, 1, 2, 9, &argument, 24],
        r#"io_uring_enter(-1, 1, 2, IORING_ENTER_GETEVENTS|IORING_ENTER_EXT_ARG, {sigmask=[USR1], sigmask_sz=8, min_wait_usec=5, ts={tv_sec=1, tv_nsec=2}}, 24)"#
    );
    call!(
        l,
        SYS_io_uring_enter,
        [-1i32, 1, 2, 8, wall, 24],
        r#"io_uring_enter(-1, 1, 2, IORING_ENTER_EXT_ARG, %, 24)"#,
        Ptr(wall)
    );
}

fn lists(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let vector = [1u64, 8, 2, 3];
    let files = [3u32, u32::MAX];
    let limits = words::<48>(&[
        (0, 2),
        (1, 1),
        (0, 8),
        (0, 5),
        (1, 2),
        (22, 1),
        (0, 8),
        (0, 5),
        (2, 2),
        (0x11, 1),
        (0, 8),
        (0, 5),
    ]);
    let rings = words::<32>(&[(0, 8), (5, 8), (1, 8), (7, 8)]);
    let workers = [1u32, 2];
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 0, &vector, 2],
        r#"io_uring_register(-1, IORING_REGISTER_BUFFERS, [{iov_base=0x1, iov_len=8}, {iov_base=0x2, iov_len=3}], 2)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 0, wall, 2],
        r#"io_uring_register(-1, IORING_REGISTER_BUFFERS, %, 2)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 1, NULL, 0],
        r#"io_uring_register(-1, IORING_UNREGISTER_BUFFERS, NULL, 0)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 2, &files, 2],
        r#"io_uring_register(-1, IORING_REGISTER_FILES, [3, -1], 2)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 2, NULL, 2],
        r#"io_uring_register(-1, IORING_REGISTER_FILES, NULL, 2)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 4, &files, 1],
        r#"io_uring_register(-1, IORING_REGISTER_EVENTFD, [3], 1)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 7, wall, 1],
        r#"io_uring_register(-1, IORING_REGISTER_EVENTFD_ASYNC, %, 1)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 11, &limits, 3],
        r#"io_uring_register(-1, IORING_REGISTER_RESTRICTIONS, [{opcode=IORING_RESTRICTION_REGISTER_OP, register_op=IORING_UNREGISTER_BUFFERS}, {opcode=IORING_RESTRICTION_SQE_OP, sqe_op=IORING_OP_READ}, {opcode=IORING_RESTRICTION_SQE_FLAGS_ALLOWED, sqe_flags=IOSQE_FIXED_FILE|IOSQE_ASYNC}], 3)"#
    );
    let cut = edge.cut(limits, 20);
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 11, cut, 3],
        "io_uring_register(-1, IORING_REGISTER_RESTRICTIONS, [{opcode=IORING_RESTRICTION_REGISTER_OP, register_op=IORING_UNREGISTER_BUFFERS}, ... /* % */], 3)",
        Ptr(cut.wrapping_byte_add(16))
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 17, &vector, 8],
        r#"io_uring_register(-1, IORING_REGISTER_IOWQ_AFF, [0], 8)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 19, &workers, 2],
        r#"io_uring_register(-1, IORING_REGISTER_IOWQ_MAX_WORKERS, [[IO_WQ_BOUND]=1, [IO_WQ_UNBOUND]=2] => %, 2)"#,
        Ptr(&raw const workers)
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 20, &rings, 2],
        r#"io_uring_register(-1, IORING_REGISTER_RING_FDS, [{offset=0, data=5}, {offset=1, data=7}], 2)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 21, &rings, 1],
        r#"io_uring_register(-1, IORING_UNREGISTER_RING_FDS, [{offset=0, data=0x5}], 1)"#
    );
}

fn resources(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let vector = [1u64, 8, 2, 3];
    let (vector, files, tags) = (vector.as_ptr() as u64, [3u32, 4], [1u64, 2]);
    let (files, tags) = (files.as_ptr() as u64, tags.as_ptr() as u64);
    let update = words::<16>(&[(1, 8), (files, 8)]);
    let register = |data| words::<32>(&[(2, 4), (1, 4), (0, 8), (data, 8), (tags, 8)]);
    let change = |data| words::<32>(&[(1, 8), (data, 8), (tags, 8), (2, 8)]);
    let probe = words::<32>(&[
        (1, 1),
        (2, 1),
        (0, 8),
        (0, 6),
        (1, 1),
        (0, 1),
        (1, 2),
        (0, 4),
        (2, 1),
        (3, 1),
        (5, 2),
        (7, 4),
    ]);
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 6, &update, 2],
        r#"io_uring_register(-1, IORING_REGISTER_FILES_UPDATE, {offset=1, fds=[3, 4]}, 2)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 8, &probe, 2],
        r#"io_uring_register(-1, IORING_REGISTER_PROBE, {last_op=IORING_OP_READV, ops_len=2, ops=[{op=IORING_OP_READV, flags=IO_URING_OP_SUPPORTED}, {op=IORING_OP_WRITEV, resv=0x3, flags=IO_URING_OP_SUPPORTED|0x4, resv2=0x7}]}, 2)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 13, &register(files), 32],
        r#"io_uring_register(-1, IORING_REGISTER_FILES2, {nr=2, flags=IORING_RSRC_REGISTER_SPARSE, data=[3, 4], tags=[0x1, 0x2]}, 32)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 14, &change(files), 32],
        r#"io_uring_register(-1, IORING_REGISTER_FILES_UPDATE2, {offset=1, data=[3, 4], tags=[0x1, 0x2], nr=2}, 32)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 15, &register(vector), 32],
        r#"io_uring_register(-1, IORING_REGISTER_BUFFERS2, {nr=2, flags=IORING_RSRC_REGISTER_SPARSE, data=[{iov_base=0x1, iov_len=8}, {iov_base=0x2, iov_len=3}], tags=[0x1, 0x2]}, 32)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 16, &change(vector), 32],
        r#"io_uring_register(-1, IORING_REGISTER_BUFFERS_UPDATE, {offset=1, data=[{iov_base=0x1, iov_len=8}, {iov_base=0x2, iov_len=3}], tags=[0x1, 0x2], nr=2}, 32)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 16, wall, 32],
        r#"io_uring_register(-1, IORING_REGISTER_BUFFERS_UPDATE, %, 32)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 6, wall, 2],
        r#"io_uring_register(-1, IORING_REGISTER_FILES_UPDATE, %, 2)"#,
        Ptr(wall)
    );
}

fn others(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let ring = words::<40>(&[(0x1000, 8), (8, 4), (3, 2), (1, 2)]);
    let cancel = words::<64>(&[(5, 8), (3, 4), (1, 4), (2, 8), (3, 8), (14, 1)]);
    let poll = words::<16>(&[(1, 4), (0, 1), (0, 3), (2, 4), (3, 4)]);
    let clone = words::<32>(&[(3, 4), (1, 4), (2, 4), (3, 4), (4, 4)]);
    let region = words::<32>(&[(1, 8), (2, 8), (3, 8)]);
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 22, &ring, 1],
        r#"io_uring_register(-1, IORING_REGISTER_PBUF_RING, {ring_addr=0x1000, ring_entries=8, bgid=3, flags=0x1, min_left=0}, 1)"#
    );
    let cut = edge.cut(ring, 39);
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 23, cut, 1],
        r#"io_uring_register(-1, IORING_UNREGISTER_PBUF_RING, %, 1)"#,
        Ptr(cut)
    );
    let cut = edge.cut(ring, 40);
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 23, cut, 1],
        r#"io_uring_register(-1, IORING_UNREGISTER_PBUF_RING, {ring_addr=0x1000, ring_entries=8, bgid=3, flags=0x1, min_left=0}, 1)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 24, &cancel, 1],
        r#"io_uring_register(-1, IORING_REGISTER_SYNC_CANCEL, {addr=0x5, fd=3, flags=IORING_ASYNC_CANCEL_ALL, timeout={tv_sec=2, tv_nsec=3}, opcode=IORING_OP_ASYNC_CANCEL}, 1)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 27, &poll, 1],
        r#"io_uring_register(-1, IORING_REGISTER_NAPI, {busy_poll_to=0x1, prefer_busy_poll=0, opcode=IO_URING_NAPI_REGISTER_OP, op_param=0x2 /* IO_URING_NAPI_TRACKING_??? */, resv=0x3}, 1)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 30, &clone, 1],
        r#"io_uring_register(-1, IORING_REGISTER_CLONE_BUFFERS, {src_fd=3, flags=IORING_REGISTER_SRC_REGISTERED, src_off=2, dst_off=3, nr=4}, 1)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 34, &region, 1],
        r#"io_uring_register(-1, IORING_REGISTER_MEM_REGION, {region_uptr=0x1, flags=0x2 /* IORING_MEM_REGION_REG_??? */, __resv=[0x3, 0]}, 1)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 0x8000_0005u32, NULL, 0],
        r#"io_uring_register(4294967295, IORING_UNREGISTER_EVENTFD|IORING_REGISTER_USE_REGISTERED_RING, NULL, 0)"#
    );
    call!(
        l,
        SYS_io_uring_register,
        [-1i32, 99, wall, 1],
        r#"io_uring_register(-1, 0x63 /* IORING_REGISTER_??? */, %, 1)"#,
        Ptr(wall)
    );
}
