//! Constants in every style.

use super::*;
use crate::{
    decode::value::Value,
    format::text::argument,
    tables::{Abi, ioctl_names},
};

fn text(values: &[Value<'_>], constants: Constants) -> String {
    let rendering = Rendering {
        color: false,
        constants,
        ..Rendering::NORMAL
    };
    let mut out = Vec::new();
    argument(&mut out, values, rendering);
    String::from_utf8(out).expect("ASCII")
}

/// As strace 6.1 was seen to write them with `-X raw` and `-X verbose`.
#[test]
fn every_constant_has_three_looks() {
    let set = |id, value| Value::Set(tables::set(id), value);
    let port = [
        Value::Field("p"),
        Value::Wire([0, 80, 0, 0], 2),
        Value::CallOpen("htons"),
        Value::Uint(80),
        Value::CallClose,
        Value::Field("q"),
        Value::Int(1),
    ];
    let wide = [
        Value::Field("r"),
        Value::Wire([0, 10, 0, 0], 5),
        Value::CallOpen("htons"),
        Value::Wide(tables::set(SetId::NfnlSubsystem), 10),
        Value::CallClose,
        Value::Field("a"),
        Value::Memory(&[127, 0, 0, 1, 0]),
        Value::CallOpen("inet_addr"),
        Value::Inet([127, 0, 0, 1]),
        Value::CallClose,
    ];
    let cases: &[(&[Value<'_>], &str, &str)] = &[
        (
            &[set(SetId::OpenFlags, 0xc00)],
            "0xc00",
            "0xc00 /* O_RDONLY|O_APPEND|O_NONBLOCK */",
        ),
        (
            &[set(SetId::MmapProt, 0x1000)],
            "0x1000",
            "0x1000 /* PROT_??? */",
        ),
        (&[set(SetId::AccessMode, 0)], "0", "0 /* F_OK */"),
        (
            &[set(SetId::NetfilterMessage, 0xa00)],
            "0xa<<8|0",
            "0xa /* NFNL_SUBSYS_NFTABLES */<<8|0 /* NFT_MSG_NEWTABLE */",
        ),
        (
            &[set(SetId::NetfilterMessage, 16)],
            "0x10",
            "0x10 /* NFNL_MSG_BATCH_BEGIN */",
        ),
        (
            &wide,
            r#"r=0xa00, a="\x7f\x00\x00\x01\x00""#,
            r#"r=0xa00 /* htons(NFNL_SUBSYS_NFTABLES) */, a="\x7f\x00\x00\x01\x00" /* inet_addr("127.0.0.1") */"#,
        ),
        (&[set(SetId::FdFlags, 0)], "0", "0"),
        (
            &[set(SetId::SockType, 0x80001)],
            "0x1|0x80000",
            "0x1 /* SOCK_STREAM */|0x80000 /* SOCK_CLOEXEC */",
        ),
        (&[set(SetId::SockType, 0)], "0", "0"),
        (&[set(SetId::SockType, 9)], "0x9", "0x9 /* SOCK_??? */"),
        (
            &[set(SetId::CloneFlags, 0x120_0011)],
            "0x1200000|17",
            "0x1200000 /* CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID */|17 /* SIGCHLD */",
        ),
        (
            &[set(SetId::FileModeBits, 0o100_644)],
            "0100644",
            "0100644 /* S_IFREG|0644 */",
        ),
        (
            &[set(SetId::ShmGetFlags, 0x5400_0f80)],
            "0xe00|21<<26|0600",
            "0xe00 /* IPC_CREAT|IPC_EXCL|SHM_HUGETLB */|21<<26 /* SHM_HUGE_SHIFT */|0600",
        ),
        (
            &[set(SetId::KeySerial, u64::MAX - 2)],
            "-3",
            "-3 /* KEY_SPEC_SESSION_KEYRING */",
        ),
        (&[set(SetId::KeySerial, 5)], "5", "5"),
        (
            &[Value::DirFd(libc::AT_FDCWD)],
            "-100",
            "-100 /* AT_FDCWD */",
        ),
        (&[Value::Signal(9)], "9", "9 /* SIGKILL */"),
        (
            &[Value::SigSet(1 << 1 | 1 << 16)],
            "[2 17]",
            "[2 /* INT */ 17 /* CHLD */]",
        ),
        (
            &[Value::Dev(1, 3)],
            "0x103",
            "0x103 /* makedev(0x1, 0x3) */",
        ),
        (
            &[Value::Limit(8 << 20, true)],
            "8388608",
            "8388608 /* 8192*1024 */",
        ),
        (
            &[Value::Ioctl(ioctl_names(Abi::X86_64, 0x5401), 0x5401)],
            "0x5401",
            "0x5401 /* TCGETS */",
        ),
        (
            &[Value::WakeOp(0x0100_0005)],
            "0<<28 /* FUTEX_OP_??? */|0<<12|0x1<<24 /* FUTEX_OP_CMP_??? */|0x5",
            "0 /* FUTEX_OP_SET */<<28|0<<12|0x1 /* FUTEX_OP_CMP_NE */<<24|0x5",
        ),
        (
            &[Value::Shifted(tables::set(SetId::Capability), 1 | 1 << 40)],
            "0x1|0x100",
            "0x1 /* 1<<CAP_CHOWN */|0x100 /* 1<<CAP_CHECKPOINT_RESTORE */",
        ),
        (
            &[Value::NotedHex(tables::set(SetId::Xfeature), 18)],
            "0x12",
            "0x12 /* XFEATURE_XTILE_DATA */",
        ),
        (
            &port,
            r#"p="\x00\x50", q=1"#,
            r#"p="\x00\x50" /* htons(80) */, q=1"#,
        ),
        (
            &[Value::Utime("UTIME_NOW", 1, 5)],
            "{tv_sec=1, tv_nsec=5}",
            "{tv_sec=1, tv_nsec=5} /* UTIME_NOW */",
        ),
    ];
    for (values, raw, verbose) in cases {
        assert_eq!(text(values, Raw), *raw);
        assert_eq!(text(values, Verbose), *verbose);
    }
    assert_eq!(text(&port, Abbrev), "p=htons(80), q=1");
}
