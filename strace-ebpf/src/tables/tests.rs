//! Spot checks of the generated tables against numbers known by heart, and what every row must keep to.
use std::collections::HashSet;

use super::*;

#[test]
fn numbers_and_names() {
    let cases = [
        (Abi::X86_64, 0, Some("read")),
        (Abi::X86_64, 59, Some("execve")),
        (Abi::X86_64, 257, Some("openat")),
        (Abi::X86_64, 334, Some("rseq")),
        (Abi::X86_64, 340, None),
        (Abi::X86_64, 471, Some("rseq_slice_yield")),
        (Abi::X86_64, 472, None),
        (Abi::X86_64, u32::MAX, None),
        (Abi::I386, 0, Some("restart_syscall")),
        (Abi::I386, 11, Some("execve")),
        (Abi::I386, 295, Some("openat")),
        (Abi::I386, 222, None),
        (Abi::I386, 471, Some("rseq_slice_yield")),
        (Abi::X32, 59, None),
        (Abi::X32, 257, Some("openat")),
        (Abi::X32, 520, Some("execve")),
        (Abi::X32, 548, None),
    ];
    for (abi, nr, name) in cases {
        assert_eq!(syscall(abi, nr).map(|s| s.name), name, "{abi:?} {nr}");
        if let Some(name) = name {
            assert_eq!(
                by_name(abi, name).map(|(nr, _)| nr),
                Some(nr),
                "{abi:?} {name}"
            );
            assert_eq!(
                numbers_of(name, abi).collect::<Vec<_>>(),
                [nr],
                "{abi:?} {name}"
            );
        }
    }
}

#[test]
fn rows_keep_to_the_rules() {
    for abi in Abi::ALL {
        let mut names = HashSet::new();
        for (nr, call) in all(abi) {
            assert!(names.insert(call.name), "{abi:?}: {} twice", call.name);
            assert!(nr <= max_nr(abi));
            assert!(call.args.len() <= 6, "{}", call.name);
            assert_eq!(
                call.ret == Ret::None,
                call.attrs.contains(Attrs::NORETURN),
                "{}",
                call.name
            );
            for arg in call.args {
                assert!(
                    lengths(arg.ty).all(|i| usize::from(i) < call.args.len()),
                    "{} {}",
                    call.name,
                    arg.name
                );
            }
        }
        assert!(names.len() > 370, "{abi:?}");
    }
}

/// The argument indexes a type refers to.
fn lengths(ty: Ty) -> impl Iterator<Item = u8> {
    let len = match ty {
        Ty::Buf { len, .. }
        | Ty::Binary { len, .. }
        | Ty::PathBuf { len, .. }
        | Ty::OptVal { len, .. }
        | Ty::IntOpt { len, .. }
        | Ty::NodeName { len, .. }
        | Ty::Xattr { len, .. }
        | Ty::Msgbuf { len, .. } => Some(len),
        Ty::Struct { len, .. } => len,
        Ty::Array { count, .. } | Ty::Bits { count, .. } => Some(count),
        Ty::Iovec { count, .. } | Ty::Mmsghdr { count, .. } => Some(count),
        _ => None,
    };
    len.into_iter().filter_map(|len| match len {
        Len::Arg(i)
        | Len::RetMax(i)
        | Len::ArgPtr32(i)
        | Len::ArgPtr32At(i, _)
        | Len::ArgPtr64(i)
        | Len::Pages(i) => Some(i),
        Len::Const(_) | Len::Ret => None,
    })
}

#[test]
fn openat_reads_the_same_everywhere() {
    let rows: Vec<_> = Abi::ALL
        .iter()
        .filter_map(|abi| by_name(*abi, "openat"))
        .collect();
    assert_eq!(rows.len(), 3);
    for (_, row) in rows {
        assert!(std::ptr::eq(row, rows_first("openat")));
        let types: Vec<Ty> = row.args.iter().map(|a| a.ty).collect();
        assert_eq!(
            types,
            [Ty::DirFd, Ty::Path, Ty::Flags(SetId::OpenFlags), Ty::Octal]
        );
        assert_eq!(row.ret, Ret::Fd);
    }
}

fn rows_first(name: &str) -> &'static Syscall {
    match by_name(Abi::X86_64, name) {
        Some((_, row)) => row,
        None => panic!("no {name}"),
    }
}

#[test]
fn signatures_differ_where_the_registers_do() {
    let count = |abi, name| by_name(abi, name).map(|(_, call)| call.args.len());
    let cases = [
        ("mmap", 6, 1),
        ("pread64", 4, 5),
        ("fallocate", 4, 6),
        ("select", 5, 1),
    ];
    for (name, native, compat) in cases {
        assert_eq!(count(Abi::X86_64, name), Some(native), "{name}");
        assert_eq!(count(Abi::I386, name), Some(compat), "{name}");
    }
    assert_eq!(count(Abi::X32, "preadv2"), Some(5));
}

#[test]
fn moments_of_reading() {
    let cases = [
        ("execve", 0, true, false),
        ("read", 1, false, true),
        ("write", 1, false, true),
        ("nanosleep", 0, true, false),
        ("poll", 0, false, true),
        ("read", 0, false, false),
    ];
    for (name, i, enter, exit) in cases {
        let arg = rows_first(name).args[i];
        assert_eq!(
            (arg.needs_enter(), arg.needs_exit()),
            (enter, exit),
            "{name} {i}"
        );
    }
}

#[test]
fn classes() {
    let cases = [
        ("openat", "file", true),
        ("openat", "desc", true),
        ("read", "file", false),
        ("execve", "process", true),
        ("newfstatat", "fstat", true),
        ("newfstatat", "%stat", true),
        ("socket", "net", true),
        ("getpid", "pure", true),
        ("kill", "signal", true),
        ("mmap", "memory", true),
    ];
    for (call, class, expected) in cases {
        let found = class_by_name(class).map(|c| rows_first(call).classes.contains(c));
        assert_eq!(found, Some(expected), "{call} {class}");
    }
    assert_eq!(class_by_name("nothing"), None);
    assert_eq!(
        rows_first("connect").classes.names().collect::<Vec<_>>(),
        ["network"]
    );
}

#[test]
fn errors_and_signals() {
    let errors = [
        (2, Some("ENOENT"), Some("No such file or directory")),
        (11, Some("EAGAIN"), Some("Resource temporarily unavailable")),
        (
            512,
            Some("ERESTARTSYS"),
            Some("To be restarted if SA_RESTART is set"),
        ),
        (0, None, None),
        (600, None, None),
    ];
    for (nr, name, message) in errors {
        assert_eq!((errno_name(nr), errno_message(nr)), (name, message), "{nr}");
        assert_eq!(name.and_then(errno_by_name), name.map(|_| nr));
    }
    let signals = [
        (0, None),
        (17, Some("SIGCHLD")),
        (32, Some("SIGRTMIN")),
        (34, Some("SIGRT_2")),
        (64, Some("SIGRT_32")),
        (65, None),
    ];
    for (nr, name) in signals {
        assert_eq!(signal_name(nr), name);
        assert_eq!(name.and_then(signal_by_name), name.map(|_| nr));
    }
    assert_eq!(signal_by_name("KILL"), Some(9));
}

#[test]
fn struct_sizes_and_ids() {
    let cases = [
        (StructId::Stat, [144, 64, 144]),
        (StructId::Timespec, [16, 8, 16]),
        (StructId::Ptr, [8, 4, 4]),
    ];
    for (id, sizes) in cases {
        assert_eq!(Abi::ALL.map(|abi| struct_size(id, abi)), sizes, "{id:?}");
    }
    assert_eq!(StructId::Stat.name(), "stat");
    assert_eq!(SetId::OpenFlags.name(), "open_flags");
    assert!(SetId::ALL.iter().zip(0..).all(|(id, i)| *id as u16 == i));
}
