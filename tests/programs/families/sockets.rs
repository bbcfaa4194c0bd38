//! Sockets: addresses of every common family, messages with control data, several messages at once.

use crate::lines::{Edge, Lines, Ptr};

const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    // SAFETY: calls without pointers.
    let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
    l.begin();
    making(l, &edge);
    addresses(l, &edge);
    rare_addresses(l);
    messages(l, &edge, uid, gid);
    l.end();
}

fn making(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let fd = call!(
        l,
        SYS_socket,
        [2, 0x80801, 6],
        "socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_TCP)"
    );
    call!(l, SYS_listen, [fd, 5], "listen(%, 5)", fd);
    call!(
        l,
        SYS_accept4,
        [fd, NULL, NULL, 0x800],
        "accept4(%, NULL, NULL, SOCK_NONBLOCK)",
        fd
    );
    call!(
        l,
        SYS_accept,
        [-1i32, wall, wall],
        "accept(-1, %, %)",
        Ptr(wall),
        Ptr(wall)
    );
    call!(l, SYS_shutdown, [-1i32, 2], "shutdown(-1, SHUT_RDWR)");
    call!(
        l,
        SYS_shutdown,
        [-1i32, 9],
        "shutdown(-1, 0x9 /* SHUT_??? */)"
    );
    call!(l, SYS_close, [fd], "close(%)", fd);
    call!(
        l,
        SYS_socket,
        [99, 0x4009, 7],
        "socket(0x63 /* AF_??? */, 0x4009 /* SOCK_??? */, 7)"
    );
    call!(
        l,
        SYS_socket,
        [10, 3, 300],
        "socket(AF_INET6, SOCK_RAW, 0x12c /* IPPROTO_??? */)"
    );
    call!(
        l,
        SYS_socketpair,
        [2, 1, 0, wall],
        "socketpair(AF_INET, SOCK_STREAM, 0, %)",
        Ptr(wall)
    );
    let mut pair = [0i32; 2];
    call!(
        l,
        SYS_socketpair,
        [1, 2, 0, &raw mut pair],
        "socketpair(AF_UNIX, SOCK_DGRAM, 0, [%, %])",
        pair[0],
        pair[1]
    );
    for fd in pair {
        call!(l, SYS_close, [fd], "close(%)", fd);
    }
}

/// A sockaddr from its family and bytes.
fn sockaddr<const N: usize>(family: u16, rest: &[u8]) -> [u8; N] {
    let mut all = [0u8; N];
    all[..2].copy_from_slice(&family.to_ne_bytes());
    all[2..2 + rest.len()].copy_from_slice(rest);
    all
}

/// Addresses of the families that few programs use.
fn rare_addresses(l: &mut Lines) {
    let ipx: [u8; 16] = sockaddr(4, &[0x12, 0x34, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 0x11]);
    call!(
        l,
        SYS_connect,
        [-1i32, &raw const ipx, 16],
        "connect(-1, {sa_family=AF_IPX, sipx_port=htons(4660), sipx_network=htonl(0x1020304), sipx_node=[0x1, 0x2, 0x3, 0x4, 0x5, 0x6], sipx_type=0x11}, 16)"
    );
    let x25: [u8; 18] = sockaddr(9, b"12345");
    call!(
        l,
        SYS_connect,
        [-1i32, &raw const x25, 18],
        r#"connect(-1, {sa_family=AF_X25, sx25_addr={x25_addr="12345"}}, 18)"#
    );
    let l2: [u8; 14] = sockaddr(31, &[3, 0, 1, 2, 3, 4, 5, 6, 4, 0, 1]);
    call!(
        l,
        SYS_connect,
        [-1i32, &raw const l2, 14],
        "connect(-1, {sa_family=AF_BLUETOOTH, l2_psm=htobs(L2CAP_PSM_RFCOMM), l2_bdaddr=01:02:03:04:05:06, l2_cid=htobs(L2CAP_CID_ATT), l2_bdaddr_type=BDADDR_LE_PUBLIC}, 14)"
    );
    let hci: [u8; 6] = sockaddr(31, &[1, 0, 1, 0]);
    call!(
        l,
        SYS_bind,
        [-1i32, &raw const hci, 6],
        "bind(-1, {sa_family=AF_BLUETOOTH, hci_dev=htobs(1), hci_channel=HCI_CHANNEL_USER}, 6)"
    );
    let alg: [u8; 88] = sockaddr(38, b"hash\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0sha256");
    call!(
        l,
        SYS_bind,
        [-1i32, &raw const alg, 88],
        r#"bind(-1, {sa_family=AF_ALG, salg_type="hash", salg_feat=0, salg_mask=0, salg_name="sha256"}, 88)"#
    );
    let vsock: [u8; 16] = sockaddr(40, &[0, 0, 0xd2, 4, 0, 0, 2, 0, 0, 0]);
    call!(
        l,
        SYS_connect,
        [-1i32, &raw const vsock, 16],
        "connect(-1, {sa_family=AF_VSOCK, svm_cid=VMADDR_CID_HOST, svm_port=0x4d2, svm_flags=0}, 16)"
    );
    call!(
        l,
        SYS_connect,
        [-1i32, &raw const vsock, 7],
        r#"connect(-1, {sa_family=AF_VSOCK, sa_data="\0\0\322\4\0"}, 7)"#
    );
    let router: [u8; 12] = sockaddr(42, &[0, 0, 1, 0, 0, 0, 2]);
    call!(
        l,
        SYS_connect,
        [-1i32, &raw const router, 12],
        "connect(-1, {sa_family=AF_QIPCRTR, sq_node=0x1, sq_port=0x2}, 12)"
    );
}

fn addresses(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let inet: [u8; 16] = sockaddr(2, &[0, 80, 127, 0, 0, 1]);
    call!(
        l,
        SYS_connect,
        [-1i32, &raw const inet, 16],
        r#"connect(-1, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16)"#
    );
    call!(
        l,
        SYS_connect,
        [-1i32, &raw const inet, 15],
        r#"connect(-1, {sa_family=AF_INET, sa_data="\0P\177\0\0\1\0\0\0\0\0\0\0"}, 15)"#
    );
    call!(
        l,
        SYS_bind,
        [-1i32, &raw const inet, 2],
        "bind(-1, {sa_family=AF_INET}, 2)"
    );
    call!(
        l,
        SYS_bind,
        [-1i32, &raw const inet, 1],
        "bind(-1, %, 1)",
        Ptr(&raw const inet)
    );
    call!(
        l,
        SYS_bind,
        [-1i32, &raw const inet, -1i32],
        "bind(-1, %, -1)",
        Ptr(&raw const inet)
    );
    let inet6: [u8; 28] = sockaddr(
        10,
        &[
            1, 187, 0, 0, 0, 5, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0, 0, 0,
        ],
    );
    call!(
        l,
        SYS_bind,
        [-1i32, &raw const inet6, 28],
        r#"bind(-1, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(5), inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=7}, 28)"#
    );
    let unix: [u8; 110] = sockaddr(1, b"/a/path");
    call!(
        l,
        SYS_connect,
        [-1i32, &raw const unix, 110],
        r#"connect(-1, {sa_family=AF_UNIX, sun_path="/a/path"}, 110)"#
    );
    call!(
        l,
        SYS_connect,
        [-1i32, &raw const unix, 6],
        r#"connect(-1, {sa_family=AF_UNIX, sun_path="/a/p"}, 6)"#
    );
    let name: [u8; 110] = sockaddr(1, b"\0name\0x");
    call!(
        l,
        SYS_connect,
        [-1i32, &raw const name, 9],
        r#"connect(-1, {sa_family=AF_UNIX, sun_path=@"name\0x"}, 9)"#
    );
    let netlink: [u8; 12] = sockaddr(16, &[0, 0, 5, 0, 0, 0, 3, 0, 0, 0]);
    call!(
        l,
        SYS_bind,
        [-1i32, &raw const netlink, 12],
        "bind(-1, {sa_family=AF_NETLINK, nl_pid=5, nl_groups=0x000003}, 12)"
    );
    let packet: [u8; 20] = sockaddr(17, &[0, 3, 0xd1, 0x2f, 1, 0, 1, 0, 0, 6, 1, 2, 3, 4, 5, 6]);
    call!(
        l,
        SYS_bind,
        [-1i32, &raw const packet, 20],
        r#"bind(-1, {sa_family=AF_PACKET, sll_protocol=htons(ETH_P_ALL), sll_ifindex=77777, sll_hatype=ARPHRD_ETHER, sll_pkttype=PACKET_HOST, sll_halen=6, sll_addr=[0x1, 0x2, 0x3, 0x4, 0x5, 0x6]}, 20)"#
    );
    let none: [u8; 16] = sockaddr(0, &[1, 2]);
    call!(
        l,
        SYS_connect,
        [-1i32, &raw const none, 16],
        r#"connect(-1, {sa_family=AF_UNSPEC, sa_data="\1\2\0\0\0\0\0\0\0\0\0\0\0\0"}, 16)"#
    );
    let what: [u8; 8] = sockaddr(333, &[1, 2]);
    call!(
        l,
        SYS_connect,
        [-1i32, &raw const what, 8],
        r#"connect(-1, {sa_family=0x14d /* AF_??? */, sa_data="\1\2\0\0\0\0"}, 8)"#
    );
    call!(
        l,
        SYS_connect,
        [-1i32, wall, 16],
        "connect(-1, %, 16)",
        Ptr(wall)
    );
    let cut = edge.cut(inet, 8);
    call!(
        l,
        SYS_connect,
        [-1i32, cut, 16],
        "connect(-1, %, 16)",
        Ptr(cut)
    );
    let fd = call!(l, SYS_socket, [1, 1, 0], "socket(AF_UNIX, SOCK_STREAM, 0)");
    let mut own = [0u8; 110];
    let mut len = 110i32;
    call!(
        l,
        SYS_getsockname,
        [fd, &raw mut own, &raw mut len],
        "getsockname(%, {sa_family=AF_UNIX}, [110 => 2])",
        fd
    );
    call!(
        l,
        SYS_getpeername,
        [fd, &raw mut own, &raw mut len],
        "getpeername(%, %, [2])",
        fd,
        Ptr(&raw const own)
    );
    call!(
        l,
        SYS_getsockname,
        [fd, wall, wall],
        "getsockname(%, %, %)",
        fd,
        Ptr(wall),
        Ptr(wall)
    );
    call!(l, SYS_close, [fd], "close(%)", fd);
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Msghdr {
    name: usize,
    namelen: u32,
    iov: usize,
    iovlen: usize,
    control: usize,
    controllen: usize,
    flags: i32,
}

fn messages(l: &mut Lines, edge: &Edge, uid: u32, gid: u32) {
    let wall = edge.wall();
    let pid = l.pid;
    let mut pair = [0i32; 2];
    call!(
        l,
        SYS_socketpair,
        [1, 2, 0, &raw mut pair],
        "socketpair(AF_UNIX, SOCK_DGRAM, 0, [%, %])",
        pair[0],
        pair[1]
    );
    let [a, b] = pair;
    call!(
        l,
        SYS_sendto,
        [a, c"hello", 5, 0x4040, NULL, 0],
        r#"sendto(%, "hello", 5, MSG_DONTWAIT|MSG_NOSIGNAL, NULL, 0)"#,
        a
    );
    let mut text = [0u8; 16];
    let mut len = 0i32;
    call!(
        l,
        SYS_recvfrom,
        [b, &raw mut text, 16, 0x2, NULL, NULL],
        r#"recvfrom(%, "hello", 16, MSG_PEEK, NULL, NULL)"#,
        b
    );
    call!(
        l,
        SYS_recvfrom,
        [b, &raw mut text, 3, 0x20, NULL, &raw mut len],
        r#"recvfrom(%, "hel", 3, MSG_TRUNC, NULL, %)"#,
        b,
        Ptr(&raw const len)
    );
    call!(
        l,
        SYS_recvfrom,
        [b, wall, 3, 0x40, wall, wall],
        "recvfrom(%, %, 3, MSG_DONTWAIT, %, %)",
        b,
        Ptr(wall),
        Ptr(wall),
        Ptr(wall)
    );
    let inet: [u8; 16] = sockaddr(2, &[0, 80, 127, 0, 0, 1]);
    call!(
        l,
        SYS_sendto,
        [-1i32, wall, 3, 0x8000_0000u32, &raw const inet, 16],
        r#"sendto(-1, %, 3, MSG_CMSG_COMPAT, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16)"#,
        Ptr(wall)
    );
    let iov = [c"abc".as_ptr() as usize, 3, c"de".as_ptr() as usize, 2];
    // SCM_RIGHTS with two descriptors; SCM_CREDENTIALS.
    let control: [u32; 14] = [
        24, 0, 1, 1, a as u32, b as u32, 28, 0, 1, 2, pid, uid, gid, 0,
    ];
    let header = Msghdr {
        name: 0,
        namelen: 0,
        iov: &raw const iov as usize,
        iovlen: 2,
        control: &raw const control as usize,
        controllen: 56,
        flags: 0,
    };
    call!(
        l,
        SYS_sendmsg,
        [a, &raw const header, 0],
        r#"sendmsg(%, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="abc", iov_len=3}, {iov_base="de", iov_len=2}], msg_iovlen=2, msg_control=[{cmsg_len=24, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[%, %]}, {cmsg_len=28, cmsg_level=SOL_SOCKET, cmsg_type=SCM_CREDENTIALS, cmsg_data={pid=%, uid=%, gid=%}}], msg_controllen=56, msg_flags=0}, 0)"#,
        a,
        a,
        b,
        pid,
        uid,
        gid
    );
    let into = [text.as_mut_ptr() as usize, 16];
    let mut room = [0u64; 16];
    let mut header = Msghdr {
        iov: &raw const into as usize,
        iovlen: 1,
        control: &raw mut room as usize,
        controllen: 128,
        ..header
    };
    call!(
        l,
        SYS_recvmsg,
        [b, &raw mut header, 0x4000_0000],
        r#"recvmsg(%, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="abcde", iov_len=16}], msg_iovlen=1, msg_control=[{cmsg_len=24, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[%, %]}], msg_controllen=24, msg_flags=MSG_CMSG_CLOEXEC}, MSG_CMSG_CLOEXEC)"#,
        b,
        room[2] as u32,
        room[2] >> 32
    );
    call!(
        l,
        SYS_recvmsg,
        [b, wall, 0],
        "recvmsg(%, %, 0)",
        b,
        Ptr(wall)
    );
    header.control = 0;
    header.controllen = 0;
    call!(
        l,
        SYS_recvmsg,
        [-1i32, &raw mut header, 0x40],
        "recvmsg(-1, {msg_namelen=0}, MSG_DONTWAIT)"
    );
    let bad = Msghdr {
        name: wall as usize,
        namelen: 16,
        iov: wall as usize,
        iovlen: 1,
        control: wall as usize,
        controllen: 5,
        flags: 7,
    };
    call!(
        l,
        SYS_sendmsg,
        [-1i32, &raw const bad, 1],
        "sendmsg(-1, {msg_name=%, msg_namelen=16, msg_iov=%, msg_iovlen=1, msg_control=%, msg_controllen=5, msg_flags=MSG_OOB|MSG_PEEK|MSG_DONTROUTE}, MSG_OOB)",
        Ptr(wall),
        Ptr(wall),
        Ptr(wall)
    );
    let cut = edge.cut(bad, 40);
    call!(
        l,
        SYS_sendmsg,
        [-1i32, cut, 1],
        "sendmsg(-1, %, MSG_OOB)",
        Ptr(cut)
    );
    let plain = Msghdr {
        control: 0,
        controllen: 0,
        iov: &raw const iov as usize,
        iovlen: 2,
        ..header
    };
    let mut several = [(plain, 0u32), (plain, 0u32)];
    call!(
        l,
        SYS_sendmmsg,
        [a, &raw mut several, 2, 0],
        r#"sendmmsg(%, [{msg_hdr={msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="abc", iov_len=3}, {iov_base="de", iov_len=2}], msg_iovlen=2, msg_controllen=0, msg_flags=MSG_CMSG_CLOEXEC}, msg_len=5}, {msg_hdr={msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="abc", iov_len=3}, {iov_base="de", iov_len=2}], msg_iovlen=2, msg_controllen=0, msg_flags=MSG_CMSG_CLOEXEC}, msg_len=5}], 2, 0)"#,
        a
    );
    call!(
        l,
        SYS_recvmmsg,
        [-1i32, wall, 1, 0, wall],
        "recvmmsg(-1, %, 1, 0, %)",
        Ptr(wall),
        Ptr(wall)
    );
    let cut = edge.cut(several, 64);
    call!(
        l,
        SYS_sendmmsg,
        [-1i32, cut, 2, 0],
        r#"sendmmsg(-1, [{msg_hdr={msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="abc", iov_len=3}, {iov_base="de", iov_len=2}], msg_iovlen=2, msg_controllen=0, msg_flags=MSG_CMSG_CLOEXEC}}, ... /* % */], 2, 0)"#,
        Ptr(wall)
    );
    for fd in [a, b] {
        call!(l, SYS_close, [fd], "close(%)", fd);
    }
}
