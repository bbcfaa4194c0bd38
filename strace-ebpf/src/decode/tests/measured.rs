//! Odd arguments that strace was measured with: lengths below 0, masks of nodes, values without names among flags.

use super::*;

#[test]
fn a_value_without_a_name_is_among_the_flags() {
    let cases: &[(u64, &str)] = &[
        (0x80001, "SOCK_STREAM|SOCK_CLOEXEC"),
        (0x4000_0003, "SOCK_RAW|0x40000000 /* SOCK_??? */"),
        (0x4008_0003, "SOCK_RAW|SOCK_CLOEXEC|0x40000000"),
        (0x80007, "SOCK_CLOEXEC|0x7"),
        (7, "0x7 /* SOCK_??? */"),
    ];
    for (kind, text) in cases {
        let shown = shown("socket", &[1, *kind, 0], 3, &[]);
        assert_eq!(shown, format!("AF_UNIX, {text}, 0"));
    }
    let shown = shown("set_mempolicy", &[0x8007, 0, 0], 0, &[]);
    assert_eq!(shown, "MPOL_F_STATIC_NODES|0x7, NULL, 0");
}

#[test]
fn options_of_sockets_by_their_length() {
    let bytes = b"0123456789abcdef0123456789abcdef";
    let set = |option: u64, len: i32, text: &str| {
        let piece = [(3, false, P, &bytes[..])];
        let shown = shown("setsockopt", &[3, 1, option, P, len as u64], 0, &piece);
        assert_eq!(shown.split_once(", SO_").map(|both| both.1), Some(text));
    };
    set(2, 5, "REUSEADDR, [858927408], 5");
    set(2, 3, "REUSEADDR, 0x100000, 3");
    set(
        31,
        -1,
        "PEERSEC, \"0123456789abcdef0123456789abcdef\"..., -1",
    );
    set(31, 3, "PEERSEC, \"012\", 3");
    let get = |option: u64, len: u32, text: &str| {
        let length = ints(&[len]);
        let pieces = [
            (3, false, P, &bytes[..]),
            (4, true, P + 64, &length[..]),
            (4, false, P + 64, &length[..]),
        ];
        let shown = shown("getsockopt", &[3, 1, option, P, P + 64], 0, &pieces);
        assert_eq!(shown.split_once(", SO_").map(|both| both.1), Some(text));
    };
    get(2, 2, "REUSEADDR, \"\\x30\\x31\", [2]");
    get(31, 2, "PEERSEC, \"01\", [2]");
    get(31, 0, "PEERSEC, 0x100000, [0]");
}

#[test]
fn nodes_are_words_of_which_so_many_are_shown() {
    let mask = words(&[1, 2, 3]);
    let few = Options {
        elements: 2,
        ..OPTIONS
    };
    let of = |options: &Options, count: u64| {
        let pieces = [(1, false, P, &mask[..])];
        shown_with(
            options,
            ABI_X86_64,
            "set_mempolicy",
            &[0, P, count],
            0,
            &pieces,
        )
    };
    let (one, two) = ("0x00000000000001", "0x00000000000002");
    assert_eq!(of(&OPTIONS, 65), format!("MPOL_DEFAULT, [{one}], 65"));
    assert_eq!(
        of(&few, 193),
        format!("MPOL_DEFAULT, [{one}, {two}, ...], 193")
    );
    assert_eq!(of(&OPTIONS, 1), "MPOL_DEFAULT, 0x100000, 1");
    assert_eq!(of(&OPTIONS, 0), "MPOL_DEFAULT, [], 0");
}

#[test]
fn control_messages() {
    let of = |level: u32, kind: u32, data: &[u8]| {
        let mut control = words(&[16 + data.len() as u64]);
        control.extend(ints(&[level, kind]));
        control.extend(data);
        let length = control.len() as u64;
        let header = words(&[0, 0, 0, 0, P + 64, length, 0]);
        let pieces = [(1, false, P, &header[..]), (1, false, P + 64, &control[..])];
        let text = shown("sendmsg", &[3, P, 0], 0, &pieces);
        let at = text.find("cmsg_type=").expect("a message");
        let end = text.find("}], msg_controllen").expect("its end");
        text[at..end].to_owned()
    };
    let cases: &[(u32, u32, &[u8], &str)] = &[
        (0, 1, &[2], "IP_TOS, cmsg_data=[0x2]"),
        (0, 2, &ints(&[64]), "IP_TTL, cmsg_data=[64]"),
        (
            0,
            8,
            &ints(&[7, 0x0100_007f, 0]),
            "IP_PKTINFO, cmsg_data={ipi_ifindex=7, ipi_spec_dst=inet_addr(\"127.0.0.1\"), \
             ipi_addr=inet_addr(\"0.0.0.0\")}",
        ),
        (
            1,
            29,
            &words(&[1, 2]),
            "SO_TIMESTAMP_OLD, cmsg_data={tv_sec=1, tv_usec=2}",
        ),
        (1, 35, &words(&[1]), "SO_TIMESTAMPNS_OLD, cmsg_data=???"),
        (1, 1, &ints(&[5, 6]), "SCM_RIGHTS, cmsg_data=[5, 6]"),
        (1, 3, b"ab", "SCM_SECURITY, cmsg_data=\"ab\""),
        (41, 50, &ints(&[1]), "0x32"),
    ];
    for (level, kind, data, text) in cases {
        assert_eq!(of(*level, *kind, data), format!("cmsg_type={text}"));
    }
}

#[test]
fn interfaces_have_the_names_that_are_known() {
    let mut address = [0; 20];
    (address[0], address[4]) = (17, 3);
    let (nr, syscall) = tables::by_name(Abi::X86_64, "bind").expect("bind");
    let pieces = [(1, false, P, &address[..])];
    let call = call_of(ABI_X86_64, nr, &[3, P, 20], 0, &pieces);
    let mut args = Args::of(|out| super::super::args(out, &call, Some(syscall), &OPTIONS));
    assert!(text_of(&args).contains("sll_ifindex=3, "));
    args.name_interfaces(|index| (index == 3).then_some(*b"eth0\0\0\0\0\0\0\0\0\0\0\0\0"));
    assert!(text_of(&args).contains("sll_ifindex=if_nametoindex(\"eth0\"), "));
}

#[test]
fn system_v_by_the_command() {
    let numbers = ints(&(1..40).collect::<Vec<_>>());
    let of = |abi: u8, name: &str, args: &[u64], pointer: u8| {
        let pieces = [(pointer, false, P, &numbers[..])];
        shown_with(&OPTIONS, abi, name, args, 0, &pieces)
    };
    assert_eq!(
        of(ABI_X86_64, "msgctl", &[7, 1, P], 2),
        "7, IPC_SET, {msg_perm={uid=2, gid=3, mode=006}, msg_qbytes=103079215127}"
    );
    assert_eq!(
        of(ABI_I386, "msgctl", &[7, 0x101, P], 2),
        "7, IPC_64|IPC_SET, {msg_perm={uid=2, gid=3, mode=006}, msg_qbytes=18}"
    );
    assert_eq!(
        of(ABI_I386, "semctl", &[7, 2, 0x102, P], 3),
        "7, 2, IPC_64|IPC_STAT, {sem_perm={uid=2, gid=3, mode=006, key=1, cuid=4, cgid=5}, \
         sem_otime=10, sem_ctime=12, sem_nsems=14}"
    );
    assert_eq!(
        of(ABI_X86_64, "shmctl", &[0, 14, P], 2),
        "0, SHM_INFO, {used_ids=1, shm_tot=17179869187, shm_rss=25769803781, \
         shm_swp=34359738375, swap_attempts=42949672969, swap_successes=51539607563}"
    );
}
