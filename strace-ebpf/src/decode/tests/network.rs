//! Sockets and messages.

use super::*;

#[test]
fn sockets() {
    let inet = [2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut inet6 = [0; 28];
    inet6[0] = 10;
    inet6[3] = 99;
    inet6[23] = 1;
    let cases: &[(&[u8], &str)] = &[
        (
            &inet,
            "{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"127.0.0.1\")}",
        ),
        (
            &inet6,
            "{sa_family=AF_INET6, sin6_port=htons(99), sin6_flowinfo=htonl(0), \
             inet_pton(AF_INET6, \"::1\", &sin6_addr), sin6_scope_id=0}",
        ),
        (
            b"\x01\0/tmp/s\0xx",
            "{sa_family=AF_UNIX, sun_path=\"/tmp/s\"}",
        ),
        (b"\x01\0\0abs", "{sa_family=AF_UNIX, sun_path=@\"abs\"}"),
        (b"\x01\0", "{sa_family=AF_UNIX}"),
        (b"\x0a\0\0", "{sa_family=AF_INET6, sa_data=\"\\0\"}"),
        (b"\x0a", "0x100000"),
        (
            b"\x10\0\0\0\0\0\0\0\x05\0\0\0",
            "{sa_family=AF_NETLINK, nl_pid=0, nl_groups=0x000005}",
        ),
    ];
    for (bytes, expected) in cases {
        let len = bytes.len() as u64;
        let text = shown("bind", &[3, P, len], 0, &[(1, false, P, bytes)]);
        assert_eq!(text, format!("3, {expected}, {len}"));
    }
    let lengths = [
        (1, false, P, &inet[..]),
        (2, true, P + 64, &[128, 0, 0, 0]),
        (2, false, P + 64, &[16, 0, 0, 0]),
    ];
    assert_eq!(
        shown("accept", &[3, P, P + 64], 4, &lengths),
        "3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"127.0.0.1\")}, [128 => 16]"
    );
    assert_eq!(
        shown(
            "setsockopt",
            &[3, 1, 2, P, 4],
            0,
            &[(3, false, P, &ints(&[1]))]
        ),
        "3, SOL_SOCKET, SO_REUSEADDR, [1], 4"
    );
    assert_eq!(
        shown(
            "setsockopt",
            &[3, 1, 13, P, 8],
            0,
            &[(3, false, P, &ints(&[1, 5]))]
        ),
        "3, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=5}, 8"
    );
}

#[test]
fn messages() {
    let control = [words(&[24]), ints(&[1, 1, 3, 4])].concat();
    let vector = words(&[P + 400, 3, P + 500, 4]);
    let header = words(&[0, 0, P + 100, 2, P + 200, 24, 0]);
    let pieces: &[Piece<'_>] = &[
        (1, false, P, &header),
        (1, false, P + 100, &vector),
        (1, false, P + 200, &control),
        (1, false, P + 400, b"abc"),
        (1, false, P + 500, b"defg"),
    ];
    assert_eq!(
        shown("sendmsg", &[3, P, 0], 7, pieces),
        "3, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=\"abc\", iov_len=3}, {iov_base=\"defg\", \
         iov_len=4}], msg_iovlen=2, msg_control=[{cmsg_len=24, cmsg_level=SOL_SOCKET, \
         cmsg_type=SCM_RIGHTS, cmsg_data=[3, 4]}], msg_controllen=24, msg_flags=0}, 0"
    );
    assert_eq!(
        shown("recvmsg", &[3, P, 0], -11, &[(1, true, P, &header)]),
        "3, {msg_namelen=0}, 0"
    );
    assert_eq!(shown("recvmsg", &[3, 8, 0], -14, &[]), "3, 0x8, 0");
    assert_eq!(
        shown(
            "readv",
            &[3, P + 100, 2],
            5,
            &pieces
                .iter()
                .map(|p| (1, p.1, p.2, p.3))
                .collect::<Vec<_>>()
        ),
        "3, [{iov_base=\"abc\", iov_len=3}, {iov_base=\"de\", iov_len=4}], 2"
    );
}

/// Bytes without the zeros at their end, length, text.
const ADDRESSES: &[(&[u8], usize, &str)] = &[
    (
        b"\x04\x00\x124\x01\x02\x03\x04\x01\x02\x03\x04\x05\x06\x11",
        16,
        "{sa_family=AF_IPX, sipx_port=htons(4660), sipx_network=htonl(0x1020304), sipx_node=[0x1, 0x2, 0x3, 0x4, 0x5, 0x6], sipx_type=0x11}",
    ),
    (
        b"\x09\x0012345678",
        18,
        r#"{sa_family=AF_X25, sx25_addr={x25_addr="12345678"}}"#,
    ),
    (
        b"\x1d\x00\x00\x00\x01\x00\x00\x00#\x01\x00\x00V\x04",
        16,
        r#"{sa_family=AF_CAN, sa_data="\0\0\1\0\0\0#\1\0\0V\4\0\0"}"#,
    ),
    (
        b"\x1e\x00\x01\x02\x01\x00\x00\x00\x02\x00\x00\x00\x03",
        16,
        "{sa_family=AF_TIPC, addrtype=TIPC_SERVICE_RANGE, scope=TIPC_CLUSTER_SCOPE, addr={nameseq={type=1, lower=2, upper=3}}}",
    ),
    (
        b"\x1e\x00\x03\x02\x01\x00\x00\x00\x02\x00\x00\x00\x03",
        16,
        "{sa_family=AF_TIPC, addrtype=TIPC_SOCKET_ADDR, scope=TIPC_CLUSTER_SCOPE, addr={id={ref=1, node=0x2}}}",
    ),
    (
        b"\x1f\x00\x01\x02\x03\x04\x05\x06",
        8,
        "{sa_family=AF_BLUETOOTH, sco_bdaddr=01:02:03:04:05:06}",
    ),
    (
        b"\x1f\x00\x01",
        6,
        "{sa_family=AF_BLUETOOTH, hci_dev=htobs(1), hci_channel=HCI_CHANNEL_RAW}",
    ),
    (
        b"\x1f\x00\x01\x02\x03\x04\x05\x06\x07",
        10,
        "{sa_family=AF_BLUETOOTH, rc_bdaddr=01:02:03:04:05:06, rc_channel=7}",
    ),
    (
        b"\x1f\x00\x03\x00\x01\x02\x03\x04\x05\x06\x04\x00\x01",
        14,
        "{sa_family=AF_BLUETOOTH, l2_psm=htobs(L2CAP_PSM_RFCOMM), l2_bdaddr=01:02:03:04:05:06, l2_cid=htobs(L2CAP_CID_ATT), l2_bdaddr_type=BDADDR_LE_PUBLIC}",
    ),
    (
        b"$\x00\x00\x00\x03\x00\x00\x004\x12xV",
        20,
        "{sa_family=AF_IEEE802154, addr={addr_type=0x3 /* IEEE802154_ADDR_LONG */, pan_id=0x1234, hwaddr=78:56:00:00:00:00:00:00}}",
    ),
    (
        b"&\x00hash\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00sha1",
        88,
        r#"{sa_family=AF_ALG, salg_type="hash", salg_feat=0x1 /* CRYPTO_ALG_??? */, salg_mask=0x2 /* CRYPTO_ALG_??? */, salg_name="sha1"}"#,
    ),
    (
        b"(\x00\x00\x00\xd2\x04\x00\x00.\x16\x00\x00\x01",
        16,
        "{sa_family=AF_VSOCK, svm_cid=0x162e, svm_port=0x4d2, svm_flags=VMADDR_FLAG_TO_HOST}",
    ),
    (
        b"*\x00\x00\x00\x01\x00\x00\x00\x02",
        12,
        "{sa_family=AF_QIPCRTR, sq_node=0x1, sq_port=0x2}",
    ),
    (
        b"-\x00\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00\x01\x02",
        16,
        "{sa_family=AF_MCTP, smctp_network=0x1, smctp_addr={s_addr=0x8}, smctp_type=0, smctp_tag=0}",
    ),
    (
        b"\x28\0\x07\0\x01\0\0\0\0\0\0\0\x02",
        16,
        "{sa_family=AF_VSOCK, svm_reserved1=0x7, svm_cid=VMADDR_CID_HYPERVISOR, svm_port=0x1, svm_flags=0x2 /* VMADDR_FLAG_??? */}",
    ),
    (
        b"\x1e\0\x02\x02\x01\0\0\0\x02\0\0\0\x03",
        16,
        "{sa_family=AF_TIPC, addrtype=TIPC_SERVICE_ADDR, scope=TIPC_CLUSTER_SCOPE, addr={name={name={type=1, instance=2}, domain=0x3}}}",
    ),
    (
        b"\x24\0\0\0\x02\0\0\0\xff\xff\x88\x77\x66\x55",
        20,
        "{sa_family=AF_IEEE802154, addr={addr_type=0x2 /* IEEE802154_ADDR_SHORT */, pan_id=0xffff /* IEEE802154_PANID_BROADCAST */, short_addr=0x7788}}",
    ),
    (
        b"\x26\0hash\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0sh",
        26,
        r#"{sa_family=AF_ALG, salg_type="hash", salg_feat=0x1 /* CRYPTO_ALG_??? */, salg_mask=0x2 /* CRYPTO_ALG_??? */, salg_name="s"...}"#,
    ),
    (
        b"\x2c\0\x02\0\x01\0\0\0\x02\0\0\0\x03",
        16,
        "{sa_family=AF_XDP, sxdp_flags=XDP_COPY, sxdp_ifindex=1, sxdp_queue_id=2, sxdp_shared_umem_fd=0x3}",
    ),
    (
        b"\x27\0\0\0\x01\0\0\0\x02\0\0\0\x03",
        17,
        "{sa_family=AF_NFC, dev_idx=1, target_idx=0x2, nfc_protocol=NFC_PROTO_FELICA, ...}",
    ),
    // One byte too short.
    (
        b"\x28\0\0\0\x01",
        15,
        r#"{sa_family=AF_VSOCK, sa_data="\0\0\1\0\0\0\0\0\0\0\0\0\0"}"#,
    ),
];

#[test]
fn addresses_by_their_members() {
    for (bytes, len, expected) in ADDRESSES {
        let mut bytes = bytes.to_vec();
        bytes.resize(*len, 0);
        let text = shown("bind", &[3, P, *len as u64], 0, &[(1, false, P, &bytes)]);
        assert_eq!(text, format!("3, {expected}, {len}"));
    }
}

/// As strace 7.2 was seen to print them.
#[test]
fn stations_of_amateur_radio() {
    let call = |name: &[u8], last: u8| {
        let mut bytes: Vec<u8> = (0..6)
            .map(|i| name.get(i).copied().unwrap_or(b' ') << 1)
            .collect();
        bytes.push(last);
        bytes
    };
    let address = |call: &[u8], count: i32, more: &[u8]| {
        [&[3, 0], call, &[0; 3], &count.to_le_bytes(), more].concat()
    };
    let linux = call(b"LINUX", 0x62);
    let linux_text = r#"{ax25_call="\x98\x92\x9c\xaa\xb0\x40\x62"} /* LINUX-1 */"#;
    let digi = call(b"DIGI", 0x60);
    let digi_text = r#"{ax25_call="\x88\x92\x8e\x92\x40\x40\x60"} /* DIGI-0 */"#;
    let none = r#"{ax25_call="\x00\x00\x00\x00\x00\x00\x00"}"#;
    let cases = [
        (
            address(&call(b"LINUX", 2), 0, &[]),
            "sax25_call=LINUX-1, sax25_ndigis=0".to_owned(),
        ),
        (
            address(&linux, 0, &[]),
            format!("sax25_call={linux_text}, sax25_ndigis=0"),
        ),
        (
            address(&[0; 7], 0, &[]),
            format!("sax25_call={none}, sax25_ndigis=0"),
        ),
        (
            address(&linux, 2, &[digi.clone(), vec![0; 7]].concat()),
            format!(
                "fsa_ax25={{sax25_call={linux_text}, sax25_ndigis=2}}, fsa_digipeater=[{digi_text}, {none}]"
            ),
        ),
        (
            address(&linux, 2, &[&digi[..], b"abc"].concat()),
            format!(
                "fsa_ax25={{sax25_call={linux_text}, sax25_ndigis=2}}, fsa_digipeater=[{digi_text}, ...], ..."
            ),
        ),
        (
            address(&linux, -1, &digi),
            format!("fsa_ax25={{sax25_call={linux_text}, sax25_ndigis=-1}}"),
        ),
    ];
    for (bytes, expected) in cases {
        let len = bytes.len() as u64;
        assert_eq!(
            shown("bind", &[3, P, len], 0, &[(1, false, P, &bytes)]),
            format!("3, {{sa_family=AF_AX25, {expected}}}, {len}")
        );
    }
}
