//! Options of sockets by level, of those too that this kernel does not have.

use crate::lines::{Edge, Lines, Ptr, words};

const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    // SAFETY: calls without pointers.
    let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
    l.begin();
    options(l, &edge, uid, gid);
    filters(l, &edge);
    keys(l, &edge);
    tables(l);
    values(l, &edge);
    l.end();
}

fn options(l: &mut Lines, edge: &Edge, uid: u32, gid: u32) {
    let wall = edge.wall();
    let mut pair = [0i32; 2];
    call!(
        l,
        SYS_socketpair,
        [1, 1, 0, &raw mut pair],
        "socketpair(AF_UNIX, SOCK_STREAM, 0, [%, %])",
        pair[0],
        pair[1]
    );
    let [a, b] = pair;
    let one = 1i32;
    call!(
        l,
        SYS_setsockopt,
        [a, 1, 16, &raw const one, 4],
        "setsockopt(%, SOL_SOCKET, SO_PASSCRED, [1], 4)",
        a
    );
    call!(
        l,
        SYS_setsockopt,
        [a, 1, 2, wall, 4],
        "setsockopt(%, SOL_SOCKET, SO_REUSEADDR, %, 4)",
        a,
        Ptr(wall)
    );
    call!(
        l,
        SYS_setsockopt,
        [a, 1, 2, NULL, 0],
        "setsockopt(%, SOL_SOCKET, SO_REUSEADDR, NULL, 0)",
        a
    );
    call!(
        l,
        SYS_setsockopt,
        [a, 1, 2, &raw const one, 3],
        "setsockopt(%, SOL_SOCKET, SO_REUSEADDR, %, 3)",
        a,
        Ptr(&raw const one)
    );
    call!(
        l,
        SYS_setsockopt,
        [a, 1, 999, &raw const one, 4],
        "setsockopt(%, SOL_SOCKET, 0x3e7 /* SO_??? */, [1], 4)",
        a
    );
    let linger = [1i32, 5];
    call!(
        l,
        SYS_setsockopt,
        [a, 1, 13, &raw const linger, 8],
        "setsockopt(%, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=5}, 8)",
        a
    );
    let time = [0i64, 7];
    call!(
        l,
        SYS_setsockopt,
        [a, 1, 20, &raw const time, 16],
        r#"setsockopt(%, SOL_SOCKET, SO_RCVTIMEO_OLD, "\0\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0", 16)"#,
        a
    );
    call!(
        l,
        SYS_setsockopt,
        [a, 1, 25, c"lo", 3],
        r#"setsockopt(%, SOL_SOCKET, SO_BINDTODEVICE, "lo\0", 3)"#,
        a
    );
    let filter = [1u64, wall as u64];
    call!(
        l,
        SYS_setsockopt,
        [a, 1, 26, &raw const filter, 16],
        "setsockopt(%, SOL_SOCKET, SO_ATTACH_FILTER, {len=1, filter=%}, 16)",
        a,
        Ptr(wall)
    );
    call!(
        l,
        SYS_setsockopt,
        [-1i32, 6, 1, &raw const one, 4],
        "setsockopt(-1, SOL_TCP, TCP_NODELAY, [1], 4)"
    );
    call!(
        l,
        SYS_setsockopt,
        [-1i32, 0, 35, &raw const linger, 8],
        "setsockopt(-1, SOL_IP, IP_ADD_MEMBERSHIP, {imr_multiaddr=inet_addr(\"1.0.0.0\"), imr_interface=inet_addr(\"5.0.0.0\")}, 8)"
    );
    call!(
        l,
        SYS_setsockopt,
        [-1i32, 41, 26, &raw const one, 4],
        "setsockopt(-1, SOL_IPV6, IPV6_V6ONLY, [1], 4)"
    );
    call!(
        l,
        SYS_setsockopt,
        [-1i32, 777, 5, &raw const one, 4],
        "setsockopt(-1, 0x309 /* SOL_?? */, 5, [1], 4)"
    );
    let mut value = 9i32;
    let mut len = 4i32;
    call!(
        l,
        SYS_getsockopt,
        [a, 1, 3, &raw mut value, &raw mut len],
        "getsockopt(%, SOL_SOCKET, SO_TYPE, [1], [4])",
        a
    );
    len = 9;
    let mut credentials = [0u32; 3];
    len += 3;
    call!(
        l,
        SYS_getsockopt,
        [a, 1, 17, &raw mut credentials, &raw mut len],
        "getsockopt(%, SOL_SOCKET, SO_PEERCRED, {pid=%, uid=%, gid=%}, [12])",
        a,
        credentials[0],
        uid,
        gid
    );
    len = 2;
    call!(
        l,
        SYS_getsockopt,
        [a, 1, 4, &raw mut value, &raw mut len],
        "getsockopt(%, SOL_SOCKET, SO_ERROR, \"\\x00\\x00\", [2])",
        a
    );
    len = -1;
    call!(
        l,
        SYS_getsockopt,
        [a, 1, 3, &raw mut value, &raw mut len],
        "getsockopt(%, SOL_SOCKET, SO_TYPE, %, [-1])",
        a,
        Ptr(&raw const value)
    );
    call!(
        l,
        SYS_getsockopt,
        [a, 1, 3, wall, NULL],
        "getsockopt(%, SOL_SOCKET, SO_TYPE, %, NULL)",
        a,
        Ptr(wall)
    );
    for fd in [a, b] {
        call!(l, SYS_close, [fd], "close(%)", fd);
    }
}

/// Messages that raw sockets do not want.
fn filters(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    for (bits, text) in [
        (0u32, "[]"),
        (1 << 8 | 1, "[ICMP_ECHOREPLY ICMP_ECHO]"),
        (1 << 31 | 1 << 3, "[ICMP_DEST_UNREACH 0x1f /* ICMP_??? */]"),
        (!0, "~[]"),
        (!(1 << 8), "~[ICMP_ECHO]"),
    ] {
        call!(
            l,
            SYS_setsockopt,
            [-1i32, 255, 1, &raw const bits, 4],
            "setsockopt(-1, SOL_RAW, ICMP_FILTER, %, 4)",
            text
        );
    }
    call!(
        l,
        SYS_setsockopt,
        [-1i32, 255, 1, wall, 4],
        "setsockopt(-1, SOL_RAW, ICMP_FILTER, %, 4)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_setsockopt,
        [-1i32, 255, 1, NULL, 4],
        "setsockopt(-1, SOL_RAW, ICMP_FILTER, NULL, 4)"
    );
    let len = 4u32;
    call!(
        l,
        SYS_getsockopt,
        [-1i32, 255, 1, wall, &raw const len],
        "getsockopt(-1, SOL_RAW, ICMP_FILTER, %, [4])",
        Ptr(wall)
    );
}

/// Keys of TCP's authentication.
fn keys(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    // A family, a port, an address; an algorithm; what is said of the key; the key.
    let mut key = words::<288>(&[(2, 2), (0x5000, 2), (0x0100_007f, 4)]);
    key[128..138].copy_from_slice(b"hmac(sha1)");
    key[196..208].copy_from_slice(&words::<12>(&[
        (1, 4),
        (0, 2),
        (24, 1),
        (1, 1),
        (2, 1),
        (12, 1),
        (2, 1),
        (4, 1),
    ]));
    key[208..212].copy_from_slice(b"key1");
    call!(
        l,
        SYS_setsockopt,
        [-1i32, 6, 38, &key, 288],
        r#"setsockopt(-1, SOL_TCP, TCP_AO_ADD_KEY, {addr={sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, prefix=24, alg_name="hmac(sha1)", ifindex=0, set_current=1, set_rnext=0, sndid=1, rcvid=2, maclen=12, keyflags=TCP_AO_KEYF_EXCLUDE_OPT, key="\x6b\x65\x79\x31", keylen=4}, 288)"#
    );
    call!(
        l,
        SYS_setsockopt,
        [-1i32, 6, 38, wall, 288],
        "setsockopt(-1, SOL_TCP, TCP_AO_ADD_KEY, %, 288)",
        Ptr(wall)
    );
}

/// Options whose names depend on the call, and those of families that came and went.
fn tables(l: &mut Lines) {
    for (level, option, set, get) in [
        (
            0usize,
            64usize,
            "SOL_IP, IPT_SO_SET_REPLACE",
            "SOL_IP, IPT_SO_GET_INFO",
        ),
        (
            0,
            65,
            "SOL_IP, IPT_SO_SET_ADD_COUNTERS",
            "SOL_IP, IPT_SO_GET_ENTRIES",
        ),
        (
            0,
            66,
            "SOL_IP, 0x42 /* IP_??? */",
            "SOL_IP, IPT_SO_GET_REVISION_MATCH",
        ),
        (
            0,
            99,
            "SOL_IP, 0x63 /* IP_??? */",
            "SOL_IP, ARPT_SO_GET_REVISION_TARGET",
        ),
        (
            0,
            129,
            "SOL_IP, EBT_SO_SET_COUNTERS",
            "SOL_IP, EBT_SO_GET_ENTRIES",
        ),
        (
            41,
            64,
            "SOL_IPV6, IP6T_SO_SET_REPLACE",
            "SOL_IPV6, IP6T_SO_GET_INFO",
        ),
        (
            41,
            66,
            "SOL_IPV6, IPV6_RECVTCLASS",
            "SOL_IPV6, IPV6_RECVTCLASS",
        ),
        (
            41,
            68,
            "SOL_IPV6, 0x44 /* IPV6_??? */",
            "SOL_IPV6, IP6T_SO_GET_REVISION_MATCH",
        ),
        (
            266,
            1,
            "SOL_IRDA, IRLMP_ENUMDEVICES",
            "SOL_IRDA, IRLMP_ENUMDEVICES",
        ),
        (
            266,
            12,
            "SOL_IRDA, 0xc /* IRLMP_??? */",
            "SOL_IRDA, 0xc /* IRLMP_??? */",
        ),
        (
            274,
            4,
            "SOL_BLUETOOTH, BT_SECURITY",
            "SOL_BLUETOOTH, BT_SECURITY",
        ),
        (
            274,
            14,
            "SOL_BLUETOOTH, 0xe /* BT_??? */",
            "SOL_BLUETOOTH, 0xe /* BT_??? */",
        ),
    ] {
        call!(
            l,
            SYS_setsockopt,
            [-1i32, level, option, NULL, 0],
            "setsockopt(-1, %, NULL, 0)",
            set
        );
        call!(
            l,
            SYS_getsockopt,
            [-1i32, level, option, NULL, NULL],
            "getsockopt(-1, %, NULL, NULL)",
            get
        );
    }
}

/// Values that are more than an int, too short ones, and longer ones; none is a socket, so that nothing is set.
fn values(l: &mut Lines, edge: &Edge) {
    let ports = [1u8, 0, 2, 0];
    let mut group = [0u8; 136];
    group[..4].copy_from_slice(&0x7fff_ffffu32.to_ne_bytes());
    group[8..16].copy_from_slice(&[2, 0, 0, 53, 127, 0, 0, 1]);
    let words = [1u32, 2, 3, 4].map(u32::to_ne_bytes).concat();
    let rows: &[(usize, usize, &[u8], &str)] = &[
        (
            0,
            51,
            &ports,
            "SOL_IP, IP_LOCAL_PORT_RANGE, [0x20001 /* 1..2 */]",
        ),
        (
            0,
            51,
            &ports[..3],
            r#"SOL_IP, IP_LOCAL_PORT_RANGE, "\x01\x00\x02""#,
        ),
        (
            0,
            42,
            &group,
            r#"SOL_IP, MCAST_JOIN_GROUP, {gr_interface=2147483647, gr_group={sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.1")}}"#,
        ),
        (0, 42, &group[..135], "SOL_IP, MCAST_JOIN_GROUP, %"),
        (
            1,
            13,
            &words[..8],
            "SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=2}",
        ),
        (1, 13, &words[..7], "SOL_SOCKET, SO_LINGER, %"),
        (
            1,
            74,
            &words[..4],
            "SOL_SOCKET, SO_TXREHASH, [SOCK_TXREHASH_ENABLED]",
        ),
        (
            1,
            74,
            &words[4..8],
            "SOL_SOCKET, SO_TXREHASH, [2 /* SOCK_TXREHASH_??? */]",
        ),
        (1, 84, &words[..4], "SOL_SOCKET, SO_INQ, [1]"),
        (1, 84, &words[..3], "SOL_SOCKET, SO_INQ, %"),
        (256, 1, &words[..4], "SOL_IPX, IPX_TYPE, [1]"),
        (
            263,
            13,
            &words,
            "SOL_PACKET, PACKET_TX_RING, {tp_block_size=1, tp_block_nr=2, tp_frame_size=3, tp_frame_nr=4}",
        ),
        (263, 13, &words[..12], "SOL_PACKET, PACKET_TX_RING, %"),
        (
            271,
            127,
            &words[4..8],
            "SOL_TIPC, TIPC_IMPORTANCE, [TIPC_HIGH_IMPORTANCE]",
        ),
        (271, 129, &words[..8], "SOL_TIPC, TIPC_DEST_DROPPABLE, [1]"),
        (
            271,
            135,
            &words,
            "SOL_TIPC, TIPC_GROUP_JOIN, {type=1, instance=2, scope=TIPC_NODE_SCOPE, flags=0x4 /* TIPC_GROUP_??? */}",
        ),
        (271, 135, &words[..15], "SOL_TIPC, TIPC_GROUP_JOIN, %"),
    ];
    for (level, option, bytes, text) in rows {
        let at = edge.before(bytes);
        let text = format!("setsockopt(-1, {text}, {})", bytes.len());
        if text.contains('%') {
            call!(
                l,
                SYS_setsockopt,
                [-1i32, *level, *option, at, bytes.len()],
                &text,
                Ptr(at)
            );
        } else {
            call!(
                l,
                SYS_setsockopt,
                [-1i32, *level, *option, at, bytes.len()],
                &text
            );
        }
    }
    let wall = edge.wall();
    for (level, option, name) in [
        (0, 51, "SOL_IP, IP_LOCAL_PORT_RANGE"),
        (271, 127, "SOL_TIPC, TIPC_IMPORTANCE"),
    ] {
        let text = format!("setsockopt(-1, {name}, %, 4)");
        call!(
            l,
            SYS_setsockopt,
            [-1i32, level, option, wall, 4],
            &text,
            Ptr(wall)
        );
        let text = format!("setsockopt(-1, {name}, NULL, 4)");
        call!(l, SYS_setsockopt, [-1i32, level, option, NULL, 4], &text);
    }
}
