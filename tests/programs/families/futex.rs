//! Futexes: every operation, with good and bad timeouts; robust lists; the newer calls.

use crate::lines::{Edge, Lines, Ptr};

const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    let wall = edge.wall();
    let word = [7u32, 8];
    let (at, other) = (&raw const word[0], &raw const word[1]);
    let time = [0i64, 1];
    let time = &raw const time;
    l.begin();
    call!(
        l,
        SYS_futex,
        [at, 0, 1, NULL],
        "futex(%, FUTEX_WAIT, 1, NULL)",
        Ptr(at)
    );
    call!(
        l,
        SYS_futex,
        [at, 128, 7, time],
        "futex(%, FUTEX_WAIT_PRIVATE, 7, {tv_sec=0, tv_nsec=1})",
        Ptr(at)
    );
    call!(
        l,
        SYS_futex,
        [at, 0, -1i32, wall],
        "futex(%, FUTEX_WAIT, 4294967295, %)",
        Ptr(at),
        Ptr(wall)
    );
    call!(l, SYS_futex, [at, 1, 5], "futex(%, FUTEX_WAKE, 5)", Ptr(at));
    call!(
        l,
        SYS_futex,
        [NULL, 129, 0x7fff_ffff],
        "futex(NULL, FUTEX_WAKE_PRIVATE, 2147483647)"
    );
    call!(l, SYS_futex, [at, 2, 5], "futex(%, FUTEX_FD, 5)", Ptr(at));
    call!(
        l,
        SYS_futex,
        [at, 3, 1, 2, other],
        "futex(%, FUTEX_REQUEUE, 1, 2, %)",
        Ptr(at),
        Ptr(other)
    );
    call!(
        l,
        SYS_futex,
        [at, 4, 1, 2, other, 9],
        "futex(%, FUTEX_CMP_REQUEUE, 1, 2, %, 9)",
        Ptr(at),
        Ptr(other)
    );
    call!(
        l,
        SYS_futex,
        [at, 133, 1, 1, other, 0x0100_1005],
        "futex(%, FUTEX_WAKE_OP_PRIVATE, 1, 1, %, FUTEX_OP_SET<<28|0x1<<12|FUTEX_OP_CMP_NE<<24|0x5)",
        Ptr(at),
        Ptr(other)
    );
    call!(
        l,
        SYS_futex,
        [at, 5, 1, 1, other, 0xffff_ffffu32],
        "futex(%, FUTEX_WAKE_OP, 1, 1, %, FUTEX_OP_OPARG_SHIFT<<28|0x7<<28 /* FUTEX_OP_??? */|0xfff<<12|0xf<<24 /* FUTEX_OP_CMP_??? */|0xfff)",
        Ptr(at),
        Ptr(other)
    );
    call!(
        l,
        SYS_futex,
        [at, 5, 1, 1, other, 0x9200_1003u32],
        "futex(%, FUTEX_WAKE_OP, 1, 1, %, FUTEX_OP_OPARG_SHIFT<<28|FUTEX_OP_ADD<<28|0x1<<12|FUTEX_OP_CMP_LT<<24|0x3)",
        Ptr(at),
        Ptr(other)
    );
    call!(
        l,
        SYS_futex,
        [at, 6, 0, NULL],
        "futex(%, FUTEX_LOCK_PI, NULL)",
        Ptr(at)
    );
    call!(l, SYS_futex, [at, 7], "futex(%, FUTEX_UNLOCK_PI)", Ptr(at));
    call!(l, SYS_futex, [at, 8], "futex(%, FUTEX_TRYLOCK_PI)", Ptr(at));
    call!(
        l,
        SYS_futex,
        [at, 9 | 256, 1, NULL, NULL, 5],
        "futex(%, FUTEX_WAIT_BITSET|FUTEX_CLOCK_REALTIME, 1, NULL, 0x5)",
        Ptr(at)
    );
    call!(
        l,
        SYS_futex,
        [at, 9, 1, time, NULL, -1i32],
        "futex(%, FUTEX_WAIT_BITSET, 1, {tv_sec=0, tv_nsec=1}, FUTEX_BITSET_MATCH_ANY)",
        Ptr(at)
    );
    call!(
        l,
        SYS_futex,
        [at, 10, 1, NULL, NULL, 0],
        "futex(%, FUTEX_WAKE_BITSET, 1, 0)",
        Ptr(at)
    );
    call!(
        l,
        SYS_futex,
        [at, 11, 1, NULL, other],
        "futex(%, FUTEX_WAIT_REQUEUE_PI, 1, NULL, %)",
        Ptr(at),
        Ptr(other)
    );
    call!(
        l,
        SYS_futex,
        [at, 12, 1, 3, other, 9],
        "futex(%, FUTEX_CMP_REQUEUE_PI, 1, 3, %, 9)",
        Ptr(at),
        Ptr(other)
    );
    call!(
        l,
        SYS_futex,
        [at, 13, 1, time],
        "futex(%, FUTEX_LOCK_PI2, {tv_sec=0, tv_nsec=1})",
        Ptr(at)
    );
    call!(
        l,
        SYS_futex,
        [at, 99, 1, 2, 3, 4],
        "futex(%, 0x63 /* FUTEX_??? */, 1, 0x2, 0x3, 0x4)",
        Ptr(at)
    );
    call!(
        l,
        SYS_set_robust_list,
        [wall, 23],
        "set_robust_list(%, 23)",
        Ptr(wall)
    );
    let (mut head, mut len) = (0usize, 0usize);
    call!(
        l,
        SYS_get_robust_list,
        [0, &raw mut head, &raw mut len],
        "get_robust_list(0, [%], [24])",
        Ptr(head as *const u8)
    );
    call!(
        l,
        SYS_get_robust_list,
        [-1i32, wall, NULL],
        "get_robust_list(-1, %, NULL)",
        Ptr(wall)
    );
    let waiter = [[7u64, at as u64, 0x82], [8, other as u64, 0x81]];
    call!(
        l,
        SYS_futex_waitv,
        [&raw const waiter, 2, 0, NULL, 1],
        "futex_waitv([{val=0x7, uaddr=%, flags=FUTEX_32|FUTEX_PRIVATE_FLAG}, {val=0x8, uaddr=%, flags=FUTEX_PRIVATE_FLAG|0x1}], 2, 0, NULL, CLOCK_MONOTONIC)",
        Ptr(at),
        Ptr(other)
    );
    call!(
        l,
        SYS_futex_waitv,
        [wall, 1, 5, wall, 0],
        "futex_waitv(%, 1, 0x5, %, CLOCK_REALTIME)",
        Ptr(wall),
        Ptr(wall)
    );
    second(l, &edge, at, other);
    l.end();
}

/// The calls of futex2 (Linux 6.7).
fn second(l: &mut Lines, edge: &Edge, at: *const u32, other: *const u32) {
    let wall = edge.wall();
    let time = [0i64, 1];
    call!(
        l,
        SYS_futex_wake,
        [at, 0x10, 1, 0x82],
        "futex_wake(%, 0x10, 1, FUTEX2_SIZE_U32|FUTEX2_PRIVATE)",
        Ptr(at)
    );
    call!(
        l,
        SYS_futex_wake,
        [NULL, -1i64, -1i32, 0x7],
        "futex_wake(NULL, 0xffffffffffffffff, -1, FUTEX2_SIZE_U64|FUTEX2_NUMA)"
    );
    call!(
        l,
        SYS_futex_wake,
        [1, 0, 1, 0x1234],
        "futex_wake(0x1, 0, 1, FUTEX2_SIZE_U8|FUTEX2_NUMA|0x1230)"
    );
    call!(
        l,
        SYS_futex_wait,
        [at, 99, 1, 0x82, &time, 1],
        "futex_wait(%, 99, 0x1, FUTEX2_SIZE_U32|FUTEX2_PRIVATE, {tv_sec=0, tv_nsec=1}, CLOCK_MONOTONIC)",
        Ptr(at)
    );
    call!(
        l,
        SYS_futex_wait,
        [at, 0, -1i32, 0x2, NULL, 0],
        "futex_wait(%, 0, 0xffffffffffffffff, FUTEX2_SIZE_U32, NULL, CLOCK_REALTIME)",
        Ptr(at)
    );
    call!(
        l,
        SYS_futex_wait,
        [NULL, -1i64, 0, 0x40, wall, 99],
        "futex_wait(NULL, 18446744073709551615, 0, FUTEX2_SIZE_U8|0x40, %, 0x63 /* CLOCK_??? */)",
        Ptr(wall)
    );
    let cut = edge.cut(time, 8);
    call!(
        l,
        SYS_futex_wait,
        [at, 99, 1, 0x2, cut, 1],
        "futex_wait(%, 99, 0x1, FUTEX2_SIZE_U32, %, CLOCK_MONOTONIC)",
        Ptr(at),
        Ptr(cut)
    );
    let pair = [[7u64, at as u64, 0x82], [8, other as u64, 0x2]];
    call!(
        l,
        SYS_futex_requeue,
        [&raw const pair, 0, 1, 2],
        "futex_requeue([{val=0x7, uaddr=%, flags=FUTEX2_SIZE_U32|FUTEX2_PRIVATE}, {val=0x8, uaddr=%, flags=FUTEX2_SIZE_U32}], 0, 1, 2)",
        Ptr(at),
        Ptr(other)
    );
    call!(
        l,
        SYS_futex_requeue,
        [NULL, 1, -1i32, -1i32],
        "futex_requeue(NULL, 0x1, -1, -1)"
    );
    call!(
        l,
        SYS_futex_requeue,
        [wall, 0, 1, 2],
        "futex_requeue(%, 0, 1, 2)",
        Ptr(wall)
    );
    let cut = edge.cut(pair, 40);
    call!(
        l,
        SYS_futex_requeue,
        [cut, 0, 1, 2],
        "futex_requeue([{val=0x7, uaddr=%, flags=FUTEX2_SIZE_U32|FUTEX2_PRIVATE}, ... /* % */], 0, 1, 2)",
        Ptr(at),
        Ptr(cut.wrapping_byte_add(24))
    );
    let odd = [[7u64, wall as u64, 0x1_0000_0007], [8, 0, 0xf0]];
    call!(
        l,
        SYS_futex_waitv,
        [&raw const odd, 2, 0, &time, 7],
        "futex_waitv([{val=0x7, uaddr=%, flags=FUTEX_32|0x5, __reserved=0x1}, {val=0x8, uaddr=NULL, flags=FUTEX_PRIVATE_FLAG|0x70}], 2, 0, {tv_sec=0, tv_nsec=1}, CLOCK_BOOTTIME)",
        Ptr(wall)
    );
}
