//! Addresses of sockets by family, options of sockets by level.

use crate::lines::{Edge, Lines, Ptr, words};

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    l.begin();
    buses(l);
    radio(l);
    networks(l);
    options(l, &edge);
    l.end();
}

fn buses(l: &mut Lines) {
    let address = words::<16>(&[(0x28, 2), (0, 2), (0x50, 4), (2, 4), (1, 1), (0, 3)]);
    call!(
        l,
        SYS_bind,
        [-1i32, &address, 16],
        r#"bind(-1, {sa_family=AF_VSOCK, svm_cid=VMADDR_CID_HOST, svm_port=0x50, svm_flags=VMADDR_FLAG_TO_HOST}, 16)"#
    );
    let address = words::<12>(&[(0x28, 2), (0, 2), (0x50, 4), (2, 4)]);
    call!(
        l,
        SYS_bind,
        [-1i32, &address, 12],
        r#"bind(-1, {sa_family=AF_VSOCK, sa_data="\0\0P\0\0\0\2\0\0\0"}, 12)"#
    );
    let address = words::<88>(&[
        (0x26, 2),
        (0x68736168, 8),
        (0, 6),
        (8, 4),
        (0x80, 4),
        (0x363532616873, 8),
        (0, 8),
        (0, 8),
        (0, 8),
        (0, 8),
        (0, 8),
        (0, 8),
        (0, 8),
    ]);
    call!(
        l,
        SYS_bind,
        [-1i32, &address, 88],
        r#"bind(-1, {sa_family=AF_ALG, salg_type="hash", salg_feat=0x8 /* CRYPTO_ALG_??? */, salg_mask=0x80 /* CRYPTO_ALG_??? */, salg_name="sha256"}, 88)"#
    );
    let address = words::<16>(&[(0x2c, 2), (1, 2), (0x7fffffff, 4), (3, 4), (4, 4)]);
    call!(
        l,
        SYS_bind,
        [-1i32, &address, 16],
        r#"bind(-1, {sa_family=AF_XDP, sxdp_flags=XDP_SHARED_UMEM, sxdp_ifindex=2147483647, sxdp_queue_id=3, sxdp_shared_umem_fd=4}, 16)"#
    );
    let address = words::<12>(&[(0x2a, 2), (0, 2), (3, 4), (5, 4)]);
    call!(
        l,
        SYS_bind,
        [-1i32, &address, 12],
        r#"bind(-1, {sa_family=AF_QIPCRTR, sq_node=0x3, sq_port=0x5}, 12)"#
    );
    let address = words::<12>(&[(0x2d, 2), (1, 2), (2, 4), (3, 1), (0, 1), (0, 2)]);
    call!(
        l,
        SYS_bind,
        [-1i32, &address, 12],
        r#"bind(-1, {sa_family=AF_MCTP, smctp_network=0x2, smctp_addr={s_addr=0x3}, smctp_type=0, smctp_tag=0}, 12)"#
    );
}

fn radio(l: &mut Lines) {
    let address = words::<10>(&[(0x1f, 2), (0x60504030201, 6), (1, 2)]);
    call!(
        l,
        SYS_bind,
        [-1i32, &address, 10],
        r#"bind(-1, {sa_family=AF_BLUETOOTH, rc_bdaddr=01:02:03:04:05:06, rc_channel=1}, 10)"#
    );
    let address = words::<6>(&[(0x1f, 2), (3, 2), (1, 2)]);
    call!(
        l,
        SYS_bind,
        [-1i32, &address, 6],
        r#"bind(-1, {sa_family=AF_BLUETOOTH, hci_dev=htobs(3), hci_channel=HCI_CHANNEL_USER}, 6)"#
    );
    let address = words::<16>(&[(0x27, 2), (0, 2), (0x7fffffff, 4), (2, 4), (3, 4)]);
    call!(
        l,
        SYS_bind,
        [-1i32, &address, 16],
        r#"bind(-1, {sa_family=AF_NFC, dev_idx=2147483647, target_idx=0x2, nfc_protocol=NFC_PROTO_FELICA}, 16)"#
    );
}

fn networks(l: &mut Lines) {
    let address = words::<16>(&[(0x1e, 2), (1, 1), (2, 1), (0x12, 4), (1, 4), (2, 4)]);
    call!(
        l,
        SYS_bind,
        [-1i32, &address, 16],
        r#"bind(-1, {sa_family=AF_TIPC, addrtype=TIPC_SERVICE_RANGE, scope=TIPC_CLUSTER_SCOPE, addr={nameseq={type=18, lower=1, upper=2}}}, 16)"#
    );
    let address = words::<16>(&[(0x1e, 2), (2, 1), (2, 1), (1, 4), (2, 4), (3, 4)]);
    call!(
        l,
        SYS_bind,
        [-1i32, &address, 16],
        r#"bind(-1, {sa_family=AF_TIPC, addrtype=TIPC_SERVICE_ADDR, scope=TIPC_CLUSTER_SCOPE, addr={name={name={type=1, instance=2}, domain=0x3}}}, 16)"#
    );
    let address = words::<18>(&[(9, 2), (0x3534333231, 8), (0, 8)]);
    call!(
        l,
        SYS_bind,
        [-1i32, &address, 18],
        r#"bind(-1, {sa_family=AF_X25, sx25_addr={x25_addr="12345"}}, 18)"#
    );
    let address = words::<16>(&[
        (4, 2),
        (0x100, 2),
        (0x1020304, 4),
        (0, 6),
        (0x11, 1),
        (0, 1),
    ]);
    call!(
        l,
        SYS_bind,
        [-1i32, &address, 16],
        r#"bind(-1, {sa_family=AF_IPX, sipx_port=htons(1), sipx_network=htonl(0x4030201), sipx_node=[00, 00, 00, 00, 00, 00], sipx_type=0x11}, 16)"#
    );
}

fn options(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let four = [1u32, 2, 3, 4];
    let group = words::<20>(&[(0x2ff, 8), (0x0100_0000_0000_0000, 8), (0x7fff_ffff, 4)]);
    let member = words::<16>(&[(0x7fff_ffff, 4), (0, 2), (6, 2), (0x0605_0403_0201, 8)]);
    call!(
        l,
        SYS_setsockopt,
        [-1i32, 263, 5, &four, 16],
        r#"setsockopt(-1, SOL_PACKET, PACKET_RX_RING, {tp_block_size=1, tp_block_nr=2, tp_frame_size=3, tp_frame_nr=4}, 16)"#
    );
    call!(
        l,
        SYS_setsockopt,
        [-1i32, 263, 1, &member, 16],
        r#"setsockopt(-1, SOL_PACKET, PACKET_ADD_MEMBERSHIP, {mr_ifindex=2147483647, mr_type=PACKET_MR_MULTICAST, mr_alen=6, mr_address=01:02:03:04:05:06}, 16)"#
    );
    call!(
        l,
        SYS_setsockopt,
        [-1i32, 263, 1, wall, 16],
        r#"setsockopt(-1, SOL_PACKET, PACKET_ADD_MEMBERSHIP, %, 16)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_setsockopt,
        [-1i32, 41, 20, &group, 20],
        r#"setsockopt(-1, SOL_IPV6, IPV6_ADD_MEMBERSHIP, {inet_pton(AF_INET6, "ff02::1", &ipv6mr_multiaddr), ipv6mr_interface=2147483647}, 20)"#
    );
    call!(
        l,
        SYS_setsockopt,
        [-1i32, 6, 31, c"tls", 3],
        r#"setsockopt(-1, SOL_TCP, TCP_ULP, "tls", 3)"#
    );
    call!(
        l,
        SYS_setsockopt,
        [-1i32, 279, 1, c"key", 3],
        r#"setsockopt(-1, SOL_ALG, ALG_SET_KEY, "key", 3)"#
    );
    call!(
        l,
        SYS_setsockopt,
        [-1i32, 279, 1, wall, 3],
        r#"setsockopt(-1, SOL_ALG, ALG_SET_KEY, %, 3)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_setsockopt,
        [-1i32, 101, 3, &four, 4],
        r#"setsockopt(-1, SOL_CAN_RAW, CAN_RAW_LOOPBACK, [1], 4)"#
    );
    call!(
        l,
        SYS_setsockopt,
        [-1i32, 271, 128, &four, 4],
        r#"setsockopt(-1, SOL_TIPC, TIPC_SRC_DROPPABLE, [1], 4)"#
    );
    call!(
        l,
        SYS_setsockopt,
        [-1i32, 281, 9, &four, 4],
        r#"setsockopt(-1, SOL_KCM, 0x9 /* KCM_??? */, [1], 4)"#
    );
}
