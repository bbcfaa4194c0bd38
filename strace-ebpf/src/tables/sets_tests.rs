//! Values of common calls against what strace 6.1 prints for them, and what every set must keep to.
use super::*;

/// As strace writes it.
fn shown(parts: Split) -> String {
    let each = parts.map(|part| match part {
        Part::Name(name) => name.to_owned(),
        Part::Unknown(n, None) => hex(n),
        Part::Unknown(n, Some(comment)) => format!("{} /* {comment} */", hex(n)),
        Part::Decimal(n) => n.to_string(),
        Part::Octal(n) => format!("0{n:02o}"),
        Part::Shifted(n, by) => format!("{n}<<{by}"),
        Part::NameShifted(name, by) => format!("{name}<<{by}"),
        Part::Numbered(n, comment) => format!("{n} /* {comment} */"),
    });
    each.collect::<Vec<_>>().join("|")
}

fn hex(n: u64) -> String {
    match n {
        0 => "0".to_owned(),
        n => format!("{n:#x}"),
    }
}

#[test]
fn values_look_as_strace_prints_them() {
    use SetId::*;
    let cases: &[(SetId, u64, &str)] = &[
        (OpenFlags, 0, "O_RDONLY"),
        (OpenFlags, 0x80241, "O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC"),
        (OpenFlags, 0x80000, "O_RDONLY|O_CLOEXEC"),
        (OpenFlags, 0x410002, "O_RDWR|O_TMPFILE"),
        (OpenFlags, 0x10_1002, "O_RDWR|O_SYNC"),
        (OpenFlags, 0x800_0000, "O_RDONLY|0x8000000"),
        (CreationFlags, 0, "0"),
        (CreationFlags, 0x80800, "O_NONBLOCK|O_CLOEXEC"),
        (MmapProt, 0, "PROT_NONE"),
        (MmapProt, 3, "PROT_READ|PROT_WRITE"),
        (MmapProt, 0x1000, "0x1000 /* PROT_??? */"),
        (MmapFlags, 0x22, "MAP_PRIVATE|MAP_ANONYMOUS"),
        (MmapFlags, 0x20, "MAP_FILE|MAP_ANONYMOUS"),
        (MmapFlags, 0x2f, "0xf /* MAP_??? */|MAP_ANONYMOUS"),
        (
            MmapFlags,
            0x5404_0022,
            "MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT",
        ),
        (
            CloneFlags,
            0x0120_0011,
            "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD",
        ),
        (TermiosCflag, 0x000d_00bf, "B38400|B9600<<IBSHIFT|CS8|CREAD"),
        (KdKeyboardMode, 1, "K_XLATE"),
        (KdKeyboardMode, 0xffff_fffe, "-2 /* K_??? */"),
        (CloneFlags, 0x11, "SIGCHLD"),
        (CloneFlags, 0, "0"),
        (CloneFlags, 0x1ff, "CLONE_VM|255"),
        (FutexOp, 0x80, "FUTEX_WAIT_PRIVATE"),
        (
            FutexOp,
            0x189,
            "FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME",
        ),
        (FutexOp, 1, "FUTEX_WAKE"),
        (FutexOp, 0x7f, "0x7f /* FUTEX_??? */"),
        (FutexOp, 0x800, "0x800 /* FUTEX_??? */"),
        (SockType, 0x80801, "SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK"),
        (MsgFlags, 0, "0"),
        (MsgFlags, 0x4000, "MSG_NOSIGNAL"),
        (AccessMode, 0, "F_OK"),
        (AccessMode, 6, "R_OK|W_OK"),
        (IpcGetFlags, 0x3b6, "IPC_CREAT|0666"),
        (IpcGetFlags, 0, "000"),
        (ShmctlCmd, 0x102, "IPC_64|IPC_STAT"),
        (SwapFlags, 0x8003, "SWAP_FLAG_PREFER|3"),
        (SwapFlags, 0, "0"),
        (KeySerial, 0xffff_fffe, "KEY_SPEC_PROCESS_KEYRING"),
        (KeySerial, 0xffff_ff00, "-256"),
        (SigaltstackFlags, 0x8000_0000, "SS_AUTODISARM"),
        (SchedPolicy, 0x4000_0001, "SCHED_FIFO|SCHED_RESET_ON_FORK"),
        (AtFlags, 0x1100, "AT_SYMLINK_NOFOLLOW|AT_EMPTY_PATH"),
        (SigprocmaskHow, 2, "SIG_SETMASK"),
        (SigprocmaskHow, 9, "0x9 /* SIG_??? */"),
        (RusageWho, u64::MAX, "RUSAGE_CHILDREN"),
        (EpollEvents, 0x8000_0001, "EPOLLIN|EPOLLET"),
        (IoctlRequest, 0x5413, "TIOCGWINSZ"),
        (IoctlRequest, 0x5402, "SNDCTL_TMR_START or TCSETS"),
    ];
    for (id, value, expected) in cases {
        assert_eq!(
            shown(set(*id).split(*value)),
            *expected,
            "{id:?} {value:#x}"
        );
    }
}

#[test]
fn bits_beyond_a_set_do_not_count_unless_asked_for() {
    let open = set(SetId::OpenFlags);
    assert_eq!(shown(open.split(1 << 40)), "O_RDONLY");
    assert_eq!(shown(open.split_wide(1 << 40)), "O_RDONLY|0x10000000000");
    assert_eq!(
        set(SetId::RusageWho).name_of(0xffff_ffff),
        Some("RUSAGE_CHILDREN")
    );
}

#[test]
fn names_and_values_lead_to_each_other() {
    for id in SetId::ALL {
        let set = set(*id);
        assert_eq!(set.name, id.name());
        for (value, name) in set.values {
            assert_eq!(set.value_of(name), Some(*value), "{} {name}", set.name);
            assert_eq!(set.name_of(*value), Some(*name), "{} {name}", set.name);
            assert!(set.split(*value).next().is_some(), "{} {name}", set.name);
        }
    }
    assert_eq!(set(SetId::SeekWhence).name_of(77), None);
    assert_eq!(set(SetId::SeekWhence).value_of("SEEK_NOWHERE"), None);
}

/// The bits that a part stands for.
fn bits_of(set: &'static Set, part: Part) -> Option<u64> {
    let fields = || set.before.iter().chain(set.after);
    let in_field = |name| {
        fields().find_map(|field| match field.kind {
            FieldKind::Set(id) | FieldKind::Joins(id) => super::set(id).value_of(name),
            FieldKind::Signal => signal_by_name(name).map(u64::from),
            _ => None,
        })
    };
    match part {
        Part::Name(name) => set.value_of(name).or_else(|| in_field(name)),
        Part::Unknown(bits, _) | Part::Octal(bits) => Some(bits),
        Part::Decimal(number) | Part::Numbered(number, _) => Some(number as u64),
        Part::Shifted(number, by) => fields()
            .find(|field| {
                matches!(field.kind, FieldKind::Shift(of) | FieldKind::Moved(_, of) if of == by)
            })
            .map(|field| number << field.mask.trailing_zeros()),
        Part::NameShifted(name, by) => fields().find_map(|field| match field.kind {
            FieldKind::Moved(id, of) if of == by => {
                let value = super::set(id).value_of(name)?;
                Some(value << field.mask.trailing_zeros())
            }
            _ => None,
        }),
    }
}

#[test]
fn parts_are_all_bits_and_each_once() {
    let values = [0, 1, 0x81, 0xff, 0xffff_ffff, u64::MAX];
    for id in SetId::ALL {
        let set = set(*id);
        for value in values.into_iter().chain(set.values.iter().map(|row| row.0)) {
            let parts: Vec<Part> = set.split_wide(value).collect();
            let bits: Option<Vec<u64>> = parts.iter().map(|p| bits_of(set, *p)).collect();
            let bits = bits.unwrap_or_default();
            assert!(!bits.is_empty(), "{} {value:#x}: {parts:?}", set.name);
            let sum = bits.iter().fold(0u64, |sum, b| sum.wrapping_add(*b));
            let narrow = |n: u64| match set.bits {
                32 if set.is_decimal() => n & 0xffff_ffff,
                _ => n,
            };
            assert_eq!(narrow(sum), narrow(value), "{} {parts:?}", set.name);
        }
    }
}

#[test]
fn ioctls_of_both_widths() {
    let cases: &[(Abi, u32, &[&str])] = &[
        (Abi::X86_64, 0x5413, &["TIOCGWINSZ"]),
        (Abi::I386, 0x5413, &["TIOCGWINSZ"]),
        (Abi::X86_64, 0x8008_6601, &["FS_IOC_GETFLAGS"]),
        (Abi::I386, 0x8004_6601, &["FS_IOC_GETFLAGS"]),
        (Abi::X86_64, 0xdead_beef, &[]),
    ];
    for (abi, request, names) in cases {
        let found = ioctl_names(*abi, *request);
        assert!(
            names.iter().all(|n| found.contains(n)),
            "{request:#x}: {found:?}"
        );
        assert_eq!(
            found.is_empty(),
            names.is_empty(),
            "{request:#x}: {found:?}"
        );
    }
    assert_eq!(
        ioctl_names(Abi::X86_64, 0x5402),
        ["SNDCTL_TMR_START", "TCSETS"]
    );
}
