//! Addresses of sockets by family, options of sockets by level.

use crate::lines::{Edge, Lines, Ptr, words};

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    l.begin();
    buses(l);
    radio(l);
    networks(l);
    odd(l, &edge);
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
        r#"bind(-1, {sa_family=AF_MCTP, __smctp_pad0=0x1, smctp_network=0x2, smctp_addr={s_addr=0x3}, smctp_type=0, smctp_tag=0}, 12)"#
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

/// Paddings that are not zero, lengths within a member, texts without an end, addresses within addresses.
fn odd(l: &mut Lines, edge: &Edge) {
    let rows: &[(&[u8], &str)] = &[
        (b"\x10\0\x01\0\x05\0\0\0\x03\0\0\0", "{sa_family=AF_NETLINK, nl_pad=0x1, nl_pid=5, nl_groups=0x000003}"),
        (b"\x11\0\x08\0\xff\xff\xff\x7f\x01\0\0\x09\x01\x02\x03\x04\x05\x06\x07\x08", "{sa_family=AF_PACKET, sll_protocol=htons(ETH_P_IP), sll_ifindex=2147483647, sll_hatype=ARPHRD_ETHER, sll_pkttype=PACKET_HOST, sll_halen=9, sll_addr=[0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, ...]}"),
        (b"\x0a\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x09", r#"{sa_family=AF_INET6, sin6_port=htons(1), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=9}"#),
        (b"\x04\0\x01\0\0\0\0\x01\0\0\0\0\0\0\0\x02", "{sa_family=AF_IPX, sipx_port=htons(256), sipx_network=htonl(0x1), sipx_node=[00, 00, 00, 00, 00, 00], sipx_type=00, sipx_zero=0x2}"),
        (b"\x09\x001234567890123456", r#"{sa_family=AF_X25, sx25_addr={x25_addr="123456789012345"...}}"#),
        (b"\x09\x00123456789012345", r#"{sa_family=AF_X25, sa_data="123456789012345"}"#),
        (b"\x28\0\x01\0\x05\0\0\0\xff\xff\xff\xff\0\x01\0\0", r#"{sa_family=AF_VSOCK, svm_reserved1=0x1, svm_cid=VMADDR_CID_ANY, svm_port=0x5, svm_flags=0, svm_zero="\x01\x00\x00"}"#),
        (b"\x2a\0\0\0\xff\xff\xff\xff\xfe\xff\xff\xff", "{sa_family=AF_QIPCRTR, sq_node=QRTR_NODE_BCAST, sq_port=QRTR_PORT_CTRL}"),
        (b"\x2d\0\0\0\0\0\0\0\xff\0\0\x07", "{sa_family=AF_MCTP, smctp_network=MCTP_NET_ANY, smctp_addr={s_addr=MCTP_ADDR_ANY}, smctp_type=0, smctp_tag=0, __smctp_pad1=0x7}"),
        (b"\x2c\0\x02\0\0\0\0\0\x03\0\0\0\0\0\0\0", "{sa_family=AF_XDP, sxdp_flags=XDP_COPY, sxdp_ifindex=0, sxdp_queue_id=3}"),
        (b"\x1e\0\x01\xfe\0\0\0\0\0\0\0\0\0\0\0\0", "{sa_family=AF_TIPC, addrtype=TIPC_SERVICE_RANGE, scope=-TIPC_CLUSTER_SCOPE, addr={nameseq={type=0, lower=0, upper=0}}}"),
        (b"\x1f\0\x03\0", "{sa_family=AF_BLUETOOTH, hci_dev=htobs(3)}"),
        (b"\x1f\0\x02\x10\x01\0\0\0\0\0\x41\0", "{sa_family=AF_BLUETOOTH, l2_psm=htobs(L2CAP_PSM_DYN_START+1), l2_bdaddr=01:00:00:00:00:00, l2_cid=htobs(L2CAP_CID_DYN_START+1)}"),
        (b"\x1f\0\x05\0\x01\0\0\0\0\0\x04\0\x02\0", "{sa_family=AF_BLUETOOTH, l2_psm=htobs(0x5 /* L2CAP_PSM_??? */), l2_bdaddr=01:00:00:00:00:00, l2_cid=htobs(L2CAP_CID_ATT), l2_bdaddr_type=BDADDR_LE_RANDOM}"),
        (b"\x21\0\xc4\x09\x02\0\x10\0\x02\0\0\x35\x7f\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", r#"{sa_family=AF_RXRPC, srx_service=0x9c4 /* YFS_FS_SERVICE */, transport_type=SOCK_DGRAM, transport_len=16, transport={sin={sin_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.1")}}}"#),
        (b"\x21\0\0\0\x02\0\x04\0\x01\0ab\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", r#"{sa_family=AF_RXRPC, srx_service=0 /* ???_SERVICE */, transport_type=SOCK_DGRAM, transport_len=4, transport={family=AF_UNIX, "ab"}}"#),
        (b"\x03\0\x82\x82\x82\x82\x82\x82\x62\0\0\0\x01\0\0\0", r#"{sa_family=AF_AX25, fsa_ax25={sax25_call={ax25_call="\x82\x82\x82\x82\x82\x82\x62"} /* AAAAAA-1 */, sax25_ndigis=1}, fsa_digipeater=[...]}"#),
        (b"\x26\0hhhhhhhhhhhhhh\0\x10\0\0\x01\x10\0\0s\0", r#"{sa_family=AF_ALG, salg_type="hhhhhhhhhhhhh"..., salg_feat=0x1000 /* CRYPTO_ALG_KERN_DRIVER_ONLY */, salg_mask=0x1001 /* CRYPTO_ALG_KERN_DRIVER_ONLY|0x1 */, salg_name="s"}"#),
    ];
    for (bytes, text) in rows {
        let text = format!("bind(-1, {text}, {})", bytes.len());
        call!(l, SYS_bind, [-1i32, edge.before(bytes), bytes.len()], &text);
    }
    let mut socket = [0u8; 96];
    socket[..4].copy_from_slice(&[0x27, 0, 0, 0]);
    socket[12..20].copy_from_slice(&[5, 0, 0, 0, 1, 9, b'n', b'n']);
    socket[88] = 2;
    call!(
        l,
        SYS_bind,
        [-1i32, edge.before(&socket), 96],
        r#"bind(-1, {sa_family=AF_NFC, dev_idx=0, target_idx=0, nfc_protocol=NFC_PROTO_NFC_DEP, dsap=0x1 /* LLCP_SAP_SDP */, ssap=0x9, service_name="nn", service_name_len=2}, 96)"#
    );
    let mut path = [b'p'; 112];
    path[..2].copy_from_slice(&[1, 0]);
    let text = format!(
        r#"bind(-1, {{sa_family=AF_UNIX, sun_path="{}"}}, 112)"#,
        "p".repeat(108)
    );
    call!(l, SYS_bind, [-1i32, edge.before(&path), 112], &text);
    call!(
        l,
        SYS_bind,
        [-1i32, edge.wall(), 16],
        "bind(-1, %, 16)",
        Ptr(edge.wall())
    );
    call!(l, SYS_bind, [-1i32, 0, 16], "bind(-1, NULL, 16)");
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
