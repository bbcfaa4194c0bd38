//! Messages of netlink sockets: whole ones, short ones, and attributes that lie about their lengths.

use std::ffi::c_void;

use crate::lines::{Lines, Ptr, words};

/// A port that nobody has: what is sent there is refused, whatever it is.
const NOBODY: u64 = 0x7fff_fff0;
const REQUEST: u16 = 1;
const ACK: u16 = 4;

/// An attribute and its padding.
fn attribute(kind: u16, data: &[u8]) -> Vec<u8> {
    lying(kind, data, 4 + data.len())
}

/// The same with another length.
fn lying(kind: u16, data: &[u8], len: usize) -> Vec<u8> {
    let mut bytes = (len as u16).to_le_bytes().to_vec();
    bytes.extend(kind.to_le_bytes());
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A message and its padding.
fn message(kind: u16, flags: u16, parts: &[&[u8]]) -> Vec<u8> {
    let data = parts.concat();
    let mut bytes = (16 + data.len() as u32).to_le_bytes().to_vec();
    bytes.extend(kind.to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    bytes.extend(7u32.to_le_bytes());
    bytes.extend(0u32.to_le_bytes());
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A socket of a protocol, bound, with a number of its own: strace knows no others.
fn open(l: &mut Lines, protocol: i32, name: &str) -> i64 {
    let fd = call!(
        l,
        SYS_socket,
        [16, 3, protocol],
        &format!("socket(AF_NETLINK, SOCK_RAW, {name})")
    );
    let own = words::<12>(&[(16, 2)]);
    call!(
        l,
        SYS_bind,
        [fd, &own, 12],
        "bind(%, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12)",
        fd
    );
    fd
}

fn send(l: &mut Lines, fd: i64, bytes: &[u8], text: &str) {
    let nobody = words::<12>(&[(16, 4), (NOBODY, 4)]);
    call!(
        l,
        SYS_sendto,
        [fd, bytes.as_ptr(), bytes.len(), 0, &nobody, 12],
        "sendto(%, %, %, 0, {sa_family=AF_NETLINK, nl_pid=2147483632, nl_groups=00000000}, 12)",
        fd,
        text,
        bytes.len()
    );
}

pub fn run(l: &mut Lines) {
    l.begin();
    let fd = open(l, 0, "NETLINK_ROUTE");
    framing(l, fd);
    links(l, fd);
    routes(l, fd);
    others(l, fd);
    errors(l, fd);
    vectors(l, fd);
    answers(l, fd);
    call!(l, SYS_close, [fd], "close(%)", fd);
    sockets(l);
    generic(l);
    filters(l);
    l.end();
}

/// `struct ifinfomsg` of no interface.
fn link() -> [u8; 16] {
    words(&[(0, 1), (0, 1), (1, 2), (0x7fff_ffff, 4), (1, 4), (1, 4)])
}

const LINK: &str = "{ifi_family=AF_UNSPEC, ifi_type=ARPHRD_ETHER, ifi_index=2147483647, ifi_flags=IFF_UP, ifi_change=0x1}";

fn head(len: usize, kind: &str, flags: &str) -> String {
    format!("{{nlmsg_len={len}, nlmsg_type={kind}, nlmsg_flags={flags}, nlmsg_seq=7, nlmsg_pid=0}}")
}

fn framing(l: &mut Lines, fd: i64) {
    let link = link();
    let whole = message(18, REQUEST, &[&link]);
    let get = head(32, "RTM_GETLINK", "NLM_F_REQUEST");
    send(l, fd, &whole, &format!("[{get}, {LINK}]"));
    let empty = message(18, REQUEST, &[]);
    send(l, fd, &empty, &head(16, "RTM_GETLINK", "NLM_F_REQUEST"));
    let short = message(18, REQUEST, &[&link[..8]]);
    let part = head(24, "RTM_GETLINK", "NLM_F_REQUEST");
    send(
        l,
        fd,
        &short,
        &format!("[{part}, {{ifi_family=AF_UNSPEC, ...}}]"),
    );
    let two = [whole.clone(), empty.clone(), b"ab".to_vec()].concat();
    let last = head(16, "RTM_GETLINK", "NLM_F_REQUEST");
    send(
        l,
        fd,
        &two,
        &format!(r#"[[{get}, {LINK}], {last}, "\x61\x62"]"#),
    );
    let mut longer = whole.clone();
    longer[0] = 200;
    let claims = head(200, "RTM_GETLINK", "NLM_F_REQUEST");
    send(l, fd, &longer, &format!("[{claims}, {LINK}]"));
    let mut shorter = whole;
    shorter[0] = 9;
    send(l, fd, &shorter, &head(9, "RTM_GETLINK", "NLM_F_REQUEST"));
    let unknown = message(999, 0xffff, &[b"\x0aabc"]);
    let base =
        "NLM_F_REQUEST|NLM_F_MULTI|NLM_F_ACK|NLM_F_ECHO|NLM_F_DUMP_INTR|NLM_F_DUMP_FILTERED|0xffc0";
    let what = head(20, "0x3e7 /* RTM_??? */", base);
    send(
        l,
        fd,
        &unknown,
        &format!(r#"[{what}, {{family=AF_INET6, data="\x61\x62\x63"}}]"#),
    );
    let nothing = message(1, 0, &[b"abcd"]);
    let noop = head(20, "NLMSG_NOOP", "0");
    send(l, fd, &nothing, &format!(r#"[{noop}, "\x61\x62\x63\x64"]"#));
    let many: Vec<u8> = (0..40).flat_map(|_| empty.clone()).collect();
    let each = format!("{last}, ").repeat(32);
    send(l, fd, &many, &format!("[{each}...]"));
}

fn links(l: &mut Lines, fd: i64) {
    let link = link();
    let mut with = |attributes: &[u8], text: &str| {
        let bytes = message(16, REQUEST | 0x700, &[&link, attributes]);
        let flags = "NLM_F_REQUEST|NLM_F_REPLACE|NLM_F_EXCL|NLM_F_CREATE";
        let head = head(32 + attributes.len(), "RTM_NEWLINK", flags);
        send(l, fd, &bytes, &format!("[{head}, {LINK}, {text}]"));
    };
    with(
        &attribute(3, b"lo\0"),
        r#"[{nla_len=7, nla_type=IFLA_IFNAME}, "lo"]"#,
    );
    with(
        &[
            attribute(1, &[1, 2, 3, 4, 5, 6]),
            attribute(4, &1500u32.to_le_bytes()),
            attribute(4, &[1, 2]),
            attribute(0xc000 | 28, &(-1i32).to_le_bytes()),
            attribute(0x3fff, b"x"),
            attribute(2, b""),
        ]
        .concat(),
        r#"[[{nla_len=10, nla_type=IFLA_ADDRESS}, 01:02:03:04:05:06], [{nla_len=8, nla_type=IFLA_MTU}, 1500], [{nla_len=6, nla_type=IFLA_MTU}, "\x01\x02"], [{nla_len=8, nla_type=NLA_F_NESTED|NLA_F_NET_BYTEORDER|IFLA_NET_NS_FD}, -1], [{nla_len=5, nla_type=0x3fff /* IFLA_??? */}, "\x78"], {nla_len=4, nla_type=IFLA_BROADCAST}]"#,
    );
    with(
        &lying(4, &1500u32.to_le_bytes(), 100),
        "[{nla_len=100, nla_type=IFLA_MTU}, 1500]",
    );
    with(
        &lying(4, &1500u32.to_le_bytes(), 3),
        "{nla_len=3, nla_type=IFLA_MTU}",
    );
    with(
        &[attribute(29, &9u32.to_le_bytes()), lying(1, b"", 0)].concat(),
        "[[{nla_len=8, nla_type=IFLA_EXT_MASK}, RTEXT_FILTER_VF|RTEXT_FILTER_SKIP_STATS], {nla_len=0, nla_type=IFLA_ADDRESS}]",
    );
    let bridge = [
        attribute(1, b"bridge\0"),
        attribute(
            2,
            &[
                attribute(1, &1500u32.to_le_bytes()),
                attribute(10, &[1, 2, 3, 4, 5, 6, 7, 8]),
            ]
            .concat(),
        ),
    ]
    .concat();
    with(
        &attribute(18, &bridge),
        r#"[{nla_len=40, nla_type=IFLA_LINKINFO}, [[{nla_len=11, nla_type=IFLA_INFO_KIND}, "bridge"], [{nla_len=24, nla_type=IFLA_INFO_DATA}, [[{nla_len=8, nla_type=IFLA_BR_FORWARD_DELAY}, 1500 /* 15.00 s */], [{nla_len=12, nla_type=IFLA_BR_ROOT_ID}, {prio=[1, 2], addr=03:04:05:06:07:08}]]]]]"#,
    );
    with(
        &attribute(18, &attribute(2, b"ab")),
        r#"[{nla_len=12, nla_type=IFLA_LINKINFO}, [{nla_len=6, nla_type=IFLA_INFO_DATA}, "\x61\x62"]]"#,
    );
    with(
        &attribute(
            26,
            &attribute(2, &attribute(1, &[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])),
        ),
        "[{nla_len=20, nla_type=IFLA_AF_SPEC}, [{nla_len=16, nla_type=AF_INET}, [{nla_len=12, nla_type=IFLA_INET_CONF}, [[IPV4_DEVCONF_FORWARDING-1]=1, [IPV4_DEVCONF_MC_FORWARDING-1]=-1]]]]",
    );
    with(
        &attribute(14, &[9; 28]),
        "[{nla_len=32, nla_type=IFLA_MAP}, {mem_start=0x909090909090909, mem_end=0x909090909090909, base_addr=0x909090909090909, irq=2313, dma=9, port=9}]",
    );
}

fn routes(l: &mut Lines, fd: i64) {
    let route: [u8; 12] = words(&[
        (2, 1),
        (24, 1),
        (0, 1),
        (0x10, 1),
        (254, 1),
        (4, 1),
        (0, 1),
        (1, 1),
        (0x100, 4),
    ]);
    let hop: [u8; 8] = words(&[(16, 2), (4, 1), (1, 1), (0x7fff_ffff, 4)]);
    let hops = [
        &hop[..],
        &attribute(5, &[10, 0, 0, 1]),
        &[8, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f],
    ]
    .concat();
    let attributes = [
        attribute(1, &[10, 1, 2, 3]),
        attribute(4, &0x7fff_ffffu32.to_le_bytes()),
        attribute(15, &254u32.to_le_bytes()),
        attribute(8, &attribute(2, &1400u32.to_le_bytes())),
        attribute(9, &hops),
        attribute(18, &[10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        attribute(1, &[1, 2]),
    ]
    .concat();
    let bytes = message(24, REQUEST | ACK, &[&route, &attributes]);
    let head = head(bytes.len() - 2, "RTM_NEWROUTE", "NLM_F_REQUEST|NLM_F_ACK");
    let mut bytes = bytes;
    // What the last attribute has, without its padding.
    bytes[0] -= 2;
    send(
        l,
        fd,
        &bytes,
        &format!(
            r#"[{head}, {{rtm_family=AF_INET, rtm_dst_len=24, rtm_src_len=0, rtm_tos=IPTOS_LOWDELAY, rtm_table=RT_TABLE_MAIN, rtm_protocol=RTPROT_STATIC, rtm_scope=RT_SCOPE_UNIVERSE, rtm_type=RTN_UNICAST, rtm_flags=RTM_F_NOTIFY}}, [[{{nla_len=8, nla_type=RTA_DST}}, inet_addr("10.1.2.3")], [{{nla_len=8, nla_type=RTA_OIF}}, 2147483647], [{{nla_len=8, nla_type=RTA_TABLE}}, RT_TABLE_MAIN], [{{nla_len=12, nla_type=RTA_METRICS}}, [{{nla_len=8, nla_type=RTAX_MTU}}, 1400]], [{{nla_len=28, nla_type=RTA_MULTIPATH}}, [[{{rtnh_len=16, rtnh_flags=RTNH_F_ONLINK, rtnh_hops=1, rtnh_ifindex=2147483647}}, [{{nla_len=8, nla_type=RTA_GATEWAY}}, inet_addr("10.0.0.1")]], {{rtnh_len=8, rtnh_flags=0, rtnh_hops=0, rtnh_ifindex=2147483647}}]], [{{nla_len=22, nla_type=RTA_VIA}}, {{rtvia_family=AF_INET6, inet_pton(AF_INET6, "::1", &rtvia_addr)}}], [{{nla_len=6, nla_type=RTA_DST}}, "\x01\x02"]]]"#
        ),
    );
}

fn others(l: &mut Lines, fd: i64) {
    let address: [u8; 8] = words(&[(10, 1), (64, 1), (0x80, 1), (253, 1), (0x7fff_ffff, 4)]);
    let mut local = [0; 16];
    local[15] = 1;
    let attributes = [
        attribute(1, &local),
        attribute(3, b"label\0"),
        attribute(6, &[0xff; 16]),
        attribute(8, &0x280u32.to_le_bytes()),
    ]
    .concat();
    let bytes = message(21, REQUEST | 0x300, &[&address, &attributes]);
    let first = head(84, "RTM_DELADDR", "NLM_F_REQUEST|NLM_F_NONREC|NLM_F_BULK");
    send(
        l,
        fd,
        &bytes,
        &format!(
            r#"[{first}, {{ifa_family=AF_INET6, ifa_prefixlen=64, ifa_flags=IFA_F_PERMANENT, ifa_scope=RT_SCOPE_LINK, ifa_index=2147483647}}, [[{{nla_len=20, nla_type=IFA_ADDRESS}}, inet_pton(AF_INET6, "::1")], [{{nla_len=10, nla_type=IFA_LABEL}}, "label"], [{{nla_len=20, nla_type=IFA_CACHEINFO}}, {{ifa_prefered=4294967295, ifa_valid=4294967295, cstamp=4294967295, tstamp=4294967295}}], [{{nla_len=8, nla_type=IFA_FLAGS}}, IFA_F_PERMANENT|IFA_F_NOPREFIXROUTE]]]"#
        ),
    );
    let neighbor: [u8; 12] = words(&[
        (2, 1),
        (0, 3),
        (0x7fff_ffff, 4),
        (0x82, 2),
        (0x80, 1),
        (1, 1),
    ]);
    let attributes = [
        attribute(1, &[10, 0, 0, 9]),
        attribute(2, &[2, 0, 0, 0, 0, 1]),
        attribute(6, &[0x12, 0x34]),
    ]
    .concat();
    let bytes = message(30, REQUEST | 0x300, &[&neighbor, &attributes[..26]]);
    let first = head(54, "RTM_GETNEIGH", "NLM_F_REQUEST|NLM_F_DUMP");
    send(
        l,
        fd,
        &bytes,
        &format!(
            r#"[{first}, {{ndm_family=AF_INET, ndm_ifindex=2147483647, ndm_state=NUD_REACHABLE|NUD_PERMANENT, ndm_flags=NTF_ROUTER, ndm_type=RTN_UNICAST}}, [[{{nla_len=8, nla_type=NDA_DST}}, inet_addr("10.0.0.9")], [{{nla_len=10, nla_type=NDA_LLADDR}}, 02:00:00:00:00:01], [{{nla_len=6, nla_type=NDA_PORT}}, htons(4660)]]]"#
        ),
    );
    let rule: [u8; 12] = words(&[(2, 1), (0, 3), (255, 1), (0, 2), (1, 1), (2, 4)]);
    let attributes = [
        attribute(3, b"eth7\0"),
        attribute(20, &[1, 0, 0, 0, 2, 0, 0, 0]),
        attribute(21, &[2]),
    ]
    .concat();
    let bytes = message(32, REQUEST, &[&rule, &attributes[..29]]);
    let first = head(57, "RTM_NEWRULE", "NLM_F_REQUEST");
    send(
        l,
        fd,
        &bytes,
        &format!(
            r#"[{first}, {{family=AF_INET, dst_len=0, src_len=0, tos=0, table=RT_TABLE_LOCAL, action=FR_ACT_TO_TBL, flags=FIB_RULE_INVERT}}, [[{{nla_len=9, nla_type=FRA_IIFNAME}}, "eth7"], [{{nla_len=12, nla_type=FRA_UID_RANGE}}, {{start=1, end=2}}], [{{nla_len=5, nla_type=FRA_PROTOCOL}}, RTPROT_KERNEL]]]"#
        ),
    );
    let discipline: [u8; 20] = words(&[(0, 4), (0x7fff_ffff, 4), (1, 4), (2, 4), (3, 4)]);
    let stab = attribute(8, &attribute(2, &[1, 0, 2, 0]));
    let bytes = message(38, REQUEST, &[&discipline, &attribute(1, b"fq\0"), &stab]);
    let first = head(56, "RTM_GETQDISC", "NLM_F_REQUEST");
    send(
        l,
        fd,
        &bytes,
        &format!(
            r#"[{first}, {{tcm_family=AF_UNSPEC, tcm_ifindex=2147483647, tcm_handle=1, tcm_parent=2, tcm_info=3}}, [[{{nla_len=7, nla_type=TCA_KIND}}, "fq"], [{{nla_len=12, nla_type=TCA_STAB}}, [{{nla_len=8, nla_type=TCA_STAB_DATA}}, [1, 2]]]]]"#
        ),
    );
}

fn errors(l: &mut Lines, fd: i64) {
    let inner = message(18, REQUEST, &[&link()]);
    let get = head(32, "RTM_GETLINK", "NLM_F_REQUEST");
    let wrong = (-22i32).to_le_bytes();
    let bytes = message(2, 0, &[&wrong, &inner]);
    let first = head(52, "NLMSG_ERROR", "0");
    send(
        l,
        fd,
        &bytes,
        &format!("[{first}, {{error=-EINVAL, msg=[{get}, {LINK}]}}]"),
    );
    let capped = message(
        2,
        0x300,
        &[
            &wrong,
            &inner[..16],
            &attribute(1, b"no\0"),
            &attribute(2, &[20, 0, 0, 0]),
        ],
    );
    let first = head(52, "NLMSG_ERROR", "NLM_F_CAPPED|NLM_F_ACK_TLVS");
    send(
        l,
        fd,
        &capped,
        &format!(
            r#"[{first}, [{{error=-EINVAL, msg={get}}}, [[{{nla_len=7, nla_type=NLMSGERR_ATTR_MSG}}, "no"], [{{nla_len=8, nla_type=NLMSGERR_ATTR_OFFS}}, 20]]]]"#
        ),
    );
    let short = message(2, 0, &[&wrong]);
    let first = head(20, "NLMSG_ERROR", "0");
    send(l, fd, &short, &format!(r#"[{first}, "\xea\xff\xff\xff"]"#));
    let done = message(3, 2, &[&(-5i32).to_le_bytes()]);
    let first = head(20, "NLMSG_DONE", "NLM_F_MULTI");
    send(l, fd, &done, &format!("[{first}, -5]"));
}

/// `struct msghdr` to nobody.
fn to_nobody(address: *const [u8; 12], vector: &[libc::iovec]) -> libc::msghdr {
    // SAFETY: all zero is a valid one.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = address.cast_mut().cast();
    header.msg_namelen = 12;
    header.msg_iov = vector.as_ptr().cast_mut();
    header.msg_iovlen = vector.len() as _;
    header
}

fn vectors(l: &mut Lines, fd: i64) {
    let nobody = words::<12>(&[(16, 4), (NOBODY, 4)]);
    let empty = message(18, REQUEST, &[]);
    let piece = libc::iovec {
        iov_base: empty.as_ptr().cast_mut().cast::<c_void>(),
        iov_len: empty.len(),
    };
    let get = head(16, "RTM_GETLINK", "NLM_F_REQUEST");
    let alone = [piece];
    let header = to_nobody(&nobody, &alone);
    let name =
        "msg_name={sa_family=AF_NETLINK, nl_pid=2147483632, nl_groups=00000000}, msg_namelen=12";
    call!(
        l,
        SYS_sendmsg,
        [fd, &raw const header, 0],
        "sendmsg(%, {%, msg_iov=[{iov_base=%, iov_len=16}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, 0)",
        fd,
        name,
        get
    );
    // Each piece is looked at alone.
    let pieces = [piece, piece];
    let header = to_nobody(&nobody, &pieces);
    let bytes = format!("{{iov_base={get}, iov_len=16}}");
    call!(
        l,
        SYS_sendmsg,
        [fd, &raw const header, 0],
        "sendmsg(%, {%, msg_iov=[%, %], msg_iovlen=2, msg_controllen=0, msg_flags=0}, 0)",
        fd,
        name,
        bytes,
        bytes
    );
    // Where it cannot be sent, and what cannot be read.
    call!(
        l,
        SYS_sendto,
        [-1, &empty, 16, 0, 0, 0],
        r#"sendto(-1, "\20\0\0\0\22\0\1\0\7\0\0\0\0\0\0\0", 16, 0, NULL, 0)"#
    );
    call!(
        l,
        SYS_sendto,
        [fd, 0x1000, 16, 0, 0, 0],
        "sendto(%, %, 16, 0, NULL, 0)",
        fd,
        Ptr(0x1000 as *const u8)
    );
}

/// The kernel's own answer: there is no such interface.
fn answers(l: &mut Lines, fd: i64) {
    let bytes = message(18, REQUEST | ACK, &[&link()]);
    let get = head(32, "RTM_GETLINK", "NLM_F_REQUEST|NLM_F_ACK");
    call!(
        l,
        SYS_sendto,
        [fd, bytes.as_ptr(), bytes.len(), 0, 0, 0],
        "sendto(%, [%, %], 32, 0, NULL, 0)",
        fd,
        get,
        LINK
    );
    let mut answer = [0u8; 128];
    let ret = quiet!(l, SYS_recvfrom, [fd, &raw mut answer, 128, 0, 0, 0]);
    let number = |at: usize| {
        let four = answer.get(at..at + 4).and_then(|four| four.try_into().ok());
        i32::from_le_bytes(four.unwrap_or([0; 4]))
    };
    l.expect(
        "recvfrom(%, [{nlmsg_len=%, nlmsg_type=NLMSG_ERROR, nlmsg_flags=0, nlmsg_seq=7, nlmsg_pid=%}, {error=-ENODEV, msg=[%, %]}], 128, 0, NULL, NULL)",
        &[&fd, &number(0), &number(12), &get, &LINK],
        ret,
    );
    call!(
        l,
        SYS_recvfrom,
        [fd, &raw mut answer, 128, 0x40, 0, 0],
        "recvfrom(%, %, 128, MSG_DONTWAIT, NULL, NULL)",
        fd,
        Ptr(&raw const answer)
    );
}

/// Questions about sockets, and answers.
fn sockets(l: &mut Lines) {
    let fd = open(l, 4, "NETLINK_SOCK_DIAG");
    let asks = head(72, "SOCK_DIAG_BY_FAMILY", "NLM_F_REQUEST|NLM_F_DUMP");
    let question: [u8; 56] = words(&[(2, 1), (6, 1), (2, 1), (0, 1), (0x402, 4), (0x5000_5000, 4)]);
    let bytes = message(20, REQUEST | 0x300, &[&question]);
    send(
        l,
        fd,
        &bytes,
        &format!(
            r#"[{asks}, {{sdiag_family=AF_INET, sdiag_protocol=IPPROTO_TCP, idiag_ext=1<<(INET_DIAG_INFO-1), idiag_states=1<<TCP_ESTABLISHED|1<<TCP_LISTEN, id={{idiag_sport=htons(80), idiag_dport=htons(80), idiag_src=inet_addr("0.0.0.0"), idiag_dst=inet_addr("0.0.0.0"), idiag_if=0, idiag_cookie=[0, 0]}}}}]"#
        ),
    );
    let answer: [u8; 72] = words(&[
        (10, 1),
        (10, 1),
        (0, 2),
        (0, 4),
        (0, 8),
        (0x0100_0000_0000_0000, 8),
    ]);
    let attributes = [attribute(4, b"cubic\0"), attribute(5, &[3])].concat();
    let bytes = message(20, 2, &[&answer, &attributes[..17]]);
    let answers = head(105, "SOCK_DIAG_BY_FAMILY", "NLM_F_MULTI");
    send(
        l,
        fd,
        &bytes,
        &format!(
            r#"[{answers}, {{idiag_family=AF_INET6, idiag_state=TCP_LISTEN, idiag_timer=0, idiag_retrans=0, id={{idiag_sport=htons(0), idiag_dport=htons(0), inet_pton(AF_INET6, "::1", &idiag_src), inet_pton(AF_INET6, "::", &idiag_dst), idiag_if=0, idiag_cookie=[0, 0]}}, idiag_expires=0, idiag_rqueue=0, idiag_wqueue=0, idiag_uid=0, idiag_inode=0}}, [[{{nla_len=10, nla_type=INET_DIAG_CONG}}, "cubic"], [{{nla_len=5, nla_type=INET_DIAG_TOS}}, 3]]]"#
        ),
    );
    let unix: [u8; 24] = words(&[(1, 1), (0, 3), (1 << 10, 4), (7, 4), (5, 4), (9, 8)]);
    let bytes = message(20, REQUEST, &[&unix]);
    let asks = head(40, "SOCK_DIAG_BY_FAMILY", "NLM_F_REQUEST");
    send(
        l,
        fd,
        &bytes,
        &format!(
            "[{asks}, {{sdiag_family=AF_UNIX, sdiag_protocol=0, udiag_states=1<<TCP_LISTEN, udiag_ino=7, udiag_show=UDIAG_SHOW_NAME|UDIAG_SHOW_PEER, udiag_cookie=[9, 0]}}]"
        ),
    );
    let unix: [u8; 16] = words(&[(1, 1), (5, 1), (1, 1), (0, 1), (7, 4), (9, 8)]);
    let attributes = [
        attribute(0, b"/tmp/s"),
        attribute(4, &[1, 0, 0, 0, 2, 0, 0, 0]),
    ]
    .concat();
    let bytes = message(20, 2, &[&unix, &attributes]);
    let answers = head(56, "SOCK_DIAG_BY_FAMILY", "NLM_F_MULTI");
    send(
        l,
        fd,
        &bytes,
        &format!(
            r#"[{answers}, {{udiag_family=AF_UNIX, udiag_type=SOCK_SEQPACKET, udiag_state=TCP_ESTABLISHED, udiag_ino=7, udiag_cookie=[9, 0]}}, [[{{nla_len=10, nla_type=UNIX_DIAG_NAME}}, "/tmp/s"...], [{{nla_len=12, nla_type=UNIX_DIAG_RQLEN}}, {{udiag_rqueue=1, udiag_wqueue=2}}]]]"#
        ),
    );
    call!(l, SYS_close, [fd], "close(%)", fd);
}

fn generic(l: &mut Lines) {
    let fd = open(l, 16, "NETLINK_GENERIC");
    let bytes = message(16, REQUEST, &[&[3, 1, 0, 0], &attribute(2, b"nobody\0")]);
    let asks = head(32, "nlctrl", "NLM_F_REQUEST");
    send(
        l,
        fd,
        &bytes,
        &format!(
            r#"[{asks}, {{cmd=CTRL_CMD_GETFAMILY, version=1}}, [{{nla_len=11, nla_type=CTRL_ATTR_FAMILY_NAME}}, "nobody"]]"#
        ),
    );
    call!(l, SYS_close, [fd], "close(%)", fd);
}

fn filters(l: &mut Lines) {
    let fd = open(l, 12, "NETLINK_NETFILTER");
    // Where the kernel has no such protocol.
    if fd < 0 {
        return;
    }
    let bytes = message(
        0xa00,
        REQUEST | 0x400,
        &[&[2, 0, 0, 10], &attribute(1, b"t\0")],
    );
    let asks = head(
        28,
        "NFNL_SUBSYS_NFTABLES<<8|NFT_MSG_NEWTABLE",
        "NLM_F_REQUEST|NLM_F_CREATE",
    );
    send(
        l,
        fd,
        &bytes,
        &format!(
            r#"[{asks}, {{nfgen_family=AF_INET, version=NFNETLINK_V0, res_id=htons(NFNL_SUBSYS_NFTABLES)}}, [{{nla_len=6, nla_type=0x1}}, "\x74\x00"]]"#
        ),
    );
    call!(l, SYS_close, [fd], "close(%)", fd);
}
