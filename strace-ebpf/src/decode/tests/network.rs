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
