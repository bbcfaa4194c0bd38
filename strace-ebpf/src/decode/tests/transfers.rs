//! Requests of asynchronous I/O, quotas, filters, segments.

use super::*;

const Q: u64 = 0x20_0000;

#[test]
fn requests_show_what_their_opcode_makes_count() {
    let request = |opcode: u64, buffer: u64, length: u64| {
        let mut iocb = words(&[1, 0, opcode | 3 << 32, buffer, length, 5, 0, 0]);
        iocb.resize(64, 0);
        iocb
    };
    let pointers = words(&[Q]);
    let write = request(1, 0x30_0000, 40);
    let poll = request(5, 1, 0);
    let data = [b'x'; 32];
    let cases: &[(&[u8], &[Piece<'_>], &str)] = &[
        (
            &write,
            &[(2, true, 0x30_0000, &data)],
            r#"1, 1, [{aio_data=0x1, aio_lio_opcode=IOCB_CMD_PWRITE, aio_fildes=3, aio_buf="xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"..., aio_nbytes=40, aio_offset=5}]"#,
        ),
        (
            &poll,
            &[],
            "1, 1, [{aio_data=0x1, aio_lio_opcode=IOCB_CMD_POLL, aio_fildes=3, aio_buf=POLLIN}]",
        ),
    ];
    for (iocb, more, expected) in cases {
        let mut pieces: Vec<Piece<'_>> = vec![(2, true, P, &pointers), (2, true, Q, iocb)];
        pieces.extend_from_slice(more);
        let text = shown("io_submit", &[1, 1, P], 1, &pieces);
        assert_eq!(text.replacen("0x1,", "1,", 1), *expected);
    }
    let cancelled = shown("io_cancel", &[1, P, Q], -22, &[(1, true, P, &write)]);
    assert_eq!(
        cancelled,
        "0x1, {aio_data=0x1, aio_lio_opcode=IOCB_CMD_PWRITE, aio_fildes=3}, 0x200000"
    );
}

#[test]
fn quotas_by_command_and_type() {
    let limits = words(&[1, 2, 3, 4, 5, 6, 7, 8, 1]);
    let cases: &[Case<'_>] = &[
        (
            "quotactl",
            &[0x8000_0700, 0, 7, P],
            0,
            &[(3, false, P, &limits)],
            "QCMD(Q_GETQUOTA, USRQUOTA), NULL, 7, {dqb_bhardlimit=1, dqb_bsoftlimit=2, dqb_curspace=3, dqb_ihardlimit=4, dqb_isoftlimit=5, dqb_curinodes=6, ...}",
        ),
        (
            "quotactl",
            &[0x8000_0101, 0, 7, P],
            0,
            &[],
            "QCMD(Q_SYNC, GRPQUOTA), NULL",
        ),
        (
            "quotactl_fd",
            &[4, 0x109, u64::MAX, P],
            -22,
            &[],
            "4, QCMD(0x1 /* Q_??? */, 0x9 /* ???QUOTA */), -1, 0x100000",
        ),
    ];
    for (name, args, ret, pieces, expected) in cases {
        assert_eq!(shown(name, args, *ret, pieces), *expected);
    }
}

#[test]
fn filters_with_their_instructions_when_asked_for() {
    let program = words(&[2, Q]);
    let code: Vec<u8> = [0x15u64 | 1 << 24 | 0x3e << 32, 0x06 | 0x5_0026 << 32]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    let pieces: &[Piece<'_>] = &[(2, true, P, &program), (2, true, Q, &code)];
    let args = &[1, 0, P];
    assert_eq!(
        shown("seccomp", args, 0, pieces),
        "SECCOMP_SET_MODE_FILTER, 0, {len=2, filter=0x200000}"
    );
    assert_eq!(
        shown_with(&VERBOSE, ABI_X86_64, "seccomp", args, 0, pieces),
        "SECCOMP_SET_MODE_FILTER, 0, {len=2, filter=[BPF_JUMP(BPF_JMP|BPF_K|BPF_JEQ, 0x3e, 0, 0x1), BPF_STMT(BPF_RET|BPF_K, SECCOMP_RET_ERRNO|0x26)]}"
    );
}

#[test]
fn details_of_processes() {
    let slot = words(&[3 | 4 << 32, 5]);
    let cases: &[Case<'_>] = &[
        (
            "kcmp",
            &[1, 2, 7, 6, P],
            0,
            &[(4, true, P, &slot[..12])],
            "1, 2, KCMP_EPOLL_TFD, 6, {efd=3, tfd=4, toff=5}",
        ),
        ("kcmp", &[1, 2, 3, 6, P], 0, &[], "1, 2, KCMP_FS"),
        (
            "socket",
            &[17, 3, 0x300],
            3,
            &[],
            "AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)",
        ),
        (
            "times",
            &[P],
            7,
            &[(0, false, P, &words(&[123, 0, 0, 0]))],
            "{tms_utime=123 /* 1.23 s */, tms_stime=0, tms_cutime=0, tms_cstime=0}",
        ),
        ("readlink", &[0, 8, 4], 0, &[], r#"NULL, "", 4"#),
        ("getgroups", &[14, P], 0, &[], "14, []"),
    ];
    for (name, args, ret, pieces, expected) in cases {
        assert_eq!(shown(name, args, *ret, pieces), *expected, "{name}");
    }
}
