//! Mounts by descriptors, what is told of them, file handles, fanotify, kexec.

use crate::lines::{Edge, Lines, Ptr, words};

const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    l.begin();
    contexts(l, &edge);
    trees(l, &edge);
    told(l, &edge);
    handles(l, &edge);
    watches(l, &edge);
    machine(l, &edge);
    changes(l, &edge);
    l.end();
}

fn contexts(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    call!(
        l,
        SYS_fsopen,
        [c"nofs", 3],
        r#"fsopen("nofs", FSOPEN_CLOEXEC|0x2)"#
    );
    call!(
        l,
        SYS_fsconfig,
        [-1i32, 0, c"key", wall, 3],
        r#"fsconfig(-1, FSCONFIG_SET_FLAG, "key", %, 3)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_fsconfig,
        [-1i32, 1, c"key", c"value", 3],
        r#"fsconfig(-1, FSCONFIG_SET_STRING, "key", "value", 3)"#
    );
    call!(
        l,
        SYS_fsconfig,
        [-1i32, 1, c"key", wall, 3],
        r#"fsconfig(-1, FSCONFIG_SET_STRING, "key", %, 3)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_fsconfig,
        [-1i32, 2, c"key", c"value", 3],
        r#"fsconfig(-1, FSCONFIG_SET_BINARY, "key", "\x76\x61\x6c", 3)"#
    );
    call!(
        l,
        SYS_fsconfig,
        [-1i32, 2, wall, wall, 3],
        r#"fsconfig(-1, FSCONFIG_SET_BINARY, %, %, 3)"#,
        Ptr(wall),
        Ptr(wall)
    );
    call!(
        l,
        SYS_fsconfig,
        [-1i32, 3, c"key", c"/path", -100i32],
        r#"fsconfig(-1, FSCONFIG_SET_PATH, "key", "/path", AT_FDCWD)"#
    );
    call!(
        l,
        SYS_fsconfig,
        [-1i32, 4, c"key", c"", 5],
        r#"fsconfig(-1, FSCONFIG_SET_PATH_EMPTY, "key", "", 5)"#
    );
    call!(
        l,
        SYS_fsconfig,
        [-1i32, 5, c"key", NULL, 7],
        r#"fsconfig(-1, FSCONFIG_SET_FD, "key", NULL, 7)"#
    );
    call!(
        l,
        SYS_fsconfig,
        [-1i32, 6, wall, wall, 3],
        r#"fsconfig(-1, FSCONFIG_CMD_CREATE, %, %, 3)"#,
        Ptr(wall),
        Ptr(wall)
    );
    call!(
        l,
        SYS_fsconfig,
        [-1i32, 99, NULL, wall, 3],
        r#"fsconfig(-1, 0x63 /* FSCONFIG_??? */, NULL, %, 3)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_fsmount,
        [-1i32, 1, 0x2f],
        r#"fsmount(-1, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV|MOUNT_ATTR_NOEXEC|MOUNT_ATTR_STRICTATIME)"#
    );
    call!(
        l,
        SYS_fspick,
        [-100i32, c"/none", 0xf],
        r#"fspick(AT_FDCWD, "/none", FSPICK_CLOEXEC|FSPICK_SYMLINK_NOFOLLOW|FSPICK_NO_AUTOMOUNT|FSPICK_EMPTY_PATH)"#
    );
}

fn trees(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let attributes = [0x10_0001u64, 0x8f, 0x10_0000, 5, 9];
    call!(
        l,
        SYS_open_tree,
        [-100i32, c"/none", 0x8_9001u32],
        r#"open_tree(AT_FDCWD, "/none", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH|AT_RECURSIVE)"#
    );
    call!(
        l,
        SYS_move_mount,
        [-100i32, c"/a", -1i32, c"/b", 0xc77],
        r#"move_mount(AT_FDCWD, "/a", -1, "/b", MOVE_MOUNT_F_SYMLINKS|MOVE_MOUNT_F_AUTOMOUNTS|MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_SYMLINKS|MOVE_MOUNT_T_AUTOMOUNTS|MOVE_MOUNT_T_EMPTY_PATH|0xc00)"#
    );
    call!(
        l,
        SYS_mount_setattr,
        [-100i32, c"/none", 0x8000, &attributes, 32],
        r#"mount_setattr(AT_FDCWD, "/none", AT_RECURSIVE, {attr_set=MOUNT_ATTR_RDONLY|MOUNT_ATTR_IDMAP, attr_clr=MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV|MOUNT_ATTR_NOEXEC|MOUNT_ATTR_NODIRATIME, propagation=MS_SHARED, userns_fd=5}, 32)"#
    );
    call!(
        l,
        SYS_mount_setattr,
        [-100i32, c"/none", 0, &attributes, 40],
        r#"mount_setattr(AT_FDCWD, "/none", 0, {attr_set=MOUNT_ATTR_RDONLY|MOUNT_ATTR_IDMAP, attr_clr=MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV|MOUNT_ATTR_NOEXEC|MOUNT_ATTR_NODIRATIME, propagation=MS_SHARED, userns_fd=5, /* bytes 32..39 */ "\x09\x00\x00\x00\x00\x00\x00\x00"}, 40)"#
    );
    call!(
        l,
        SYS_mount_setattr,
        [-100i32, c"/none", 0, &attributes, 24],
        r#"mount_setattr(AT_FDCWD, "/none", 0, %, 24)"#,
        Ptr(&raw const attributes)
    );
    call!(
        l,
        SYS_mount_setattr,
        [-1i32, wall, 0, wall, 32],
        r#"mount_setattr(-1, %, 0, %, 32)"#,
        Ptr(wall),
        Ptr(wall)
    );
}

fn told(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let none = words::<24>(&[(24, 4), (0, 4), (1, 8), (0x2f, 8)]);
    let named = words::<32>(&[(32, 4), (3, 4), (1, 8), (7, 8), (9, 8)]);
    let root = words::<24>(&[(24, 4), (0, 4), (u64::MAX, 8), (0, 8)]);
    let short = [1u32];
    call!(
        l,
        SYS_statmount,
        [&none, wall, 512, 0],
        r#"statmount({size=24, mnt_ns_fd=0, mnt_id=0x1, param=STATMOUNT_SB_BASIC|STATMOUNT_MNT_BASIC|STATMOUNT_PROPAGATE_FROM|STATMOUNT_MNT_ROOT|STATMOUNT_FS_TYPE}, %, 512, 0)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_statmount,
        [&named, wall, 600, 1],
        r#"statmount({size=32, mnt_ns_fd=3, mnt_id=0x1, param=STATMOUNT_SB_BASIC|STATMOUNT_MNT_BASIC|STATMOUNT_PROPAGATE_FROM, mnt_ns_id=0x9}, %, 600, STATMOUNT_BY_FD)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_statmount,
        [wall, NULL, 10, 0],
        r#"statmount(%, NULL, 10, 0)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_statmount,
        [&short, NULL, 10, 0],
        r#"statmount({size=1}, NULL, 10, 0)"#
    );
    call!(
        l,
        SYS_listmount,
        [&root, wall, 4, 2],
        r#"listmount({size=24, mnt_ns_fd=0, mnt_id=LSMT_ROOT, param=0}, %, 4, 0x2 /* LISTMOUNT_??? */)"#,
        Ptr(wall)
    );
    let mut ids = [0u64; 2];
    let ret = quiet!(l, SYS_listmount, [&root, &raw mut ids, 2, 0]);
    let shown: Vec<String> = ids
        .iter()
        .take(ret.max(0) as usize)
        .map(|id| format!("{id:#x}"))
        .collect();
    // Kernels before 6.8 do not know it.
    let shown = match ret {
        0.. => format!("[{}]", shown.join(", ")),
        _ => Ptr(&raw const ids).to_string(),
    };
    l.expect(
        "listmount({size=24, mnt_ns_fd=0, mnt_id=LSMT_ROOT, param=0}, %, 2, 0)",
        &[&shown],
        ret,
    );
}

fn handles(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let handle = words::<16>(&[(8, 4), (1, 4), (0x1122_3344_5566_7788, 8)]);
    let mut room = words::<136>(&[(0, 4)]);
    call!(
        l,
        SYS_open_by_handle_at,
        [-1i32, &handle, 0x8_0000],
        r#"open_by_handle_at(-1, {handle_bytes=8, handle_type=1, f_handle="\x88\x77\x66\x55\x44\x33\x22\x11"}, O_RDONLY|O_CLOEXEC)"#
    );
    call!(
        l,
        SYS_open_by_handle_at,
        [-1i32, wall, 2],
        r#"open_by_handle_at(-1, %, O_RDWR)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_name_to_handle_at,
        [-100i32, c"none", &raw mut room, wall, 0x1400],
        r#"name_to_handle_at(AT_FDCWD, "none", {handle_bytes=0}, %, AT_SYMLINK_FOLLOW|AT_EMPTY_PATH)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_name_to_handle_at,
        [-100i32, c"none", NULL, NULL, 0],
        r#"name_to_handle_at(AT_FDCWD, "none", NULL, NULL, 0)"#
    );
}

fn watches(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    call!(
        l,
        SYS_fanotify_init,
        [0x8000_000cu32, 2],
        r#"fanotify_init(0xc /* FAN_CLASS_??? */|0x80000000 /* FAN_??? */, O_RDWR)"#
    );
    call!(
        l,
        SYS_fanotify_mark,
        [-1i32, 1, 0x3b, -100i32, c"/none"],
        r#"fanotify_mark(-1, FAN_MARK_ADD, FAN_ACCESS|FAN_MODIFY|FAN_CLOSE_WRITE|FAN_CLOSE_NOWRITE|FAN_OPEN, AT_FDCWD, "/none")"#
    );
    call!(
        l,
        SYS_fanotify_mark,
        [-1i32, 1, 1, -1i32, c"/none"],
        r#"fanotify_mark(-1, FAN_MARK_ADD, FAN_ACCESS, FAN_NOFD, "/none")"#
    );
    call!(
        l,
        SYS_fanotify_mark,
        [-1i32, 0x87, 0x4000_0000u32, 3, wall],
        r#"fanotify_mark(-1, FAN_MARK_ADD|FAN_MARK_REMOVE|FAN_MARK_FLUSH|FAN_MARK_DONT_FOLLOW, FAN_ONDIR, 3, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_userfaultfd,
        [0xfe],
        r#"userfaultfd(0xfe /* UFFD_??? */)"#
    );
}

fn machine(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let segments = [0x1000u64, 5, 0x2000, 6];
    let range = [1u64, 2];
    call!(
        l,
        SYS_kexec_load,
        [1, 1, &segments, 0xffff_0000u32],
        r#"kexec_load(0x1, 1, [{buf=0x1000, bufsz=5, mem=0x2000, memsz=6}], 0xffff0000 /* KEXEC_ARCH_??? */)"#
    );
    call!(
        l,
        SYS_kexec_load,
        [1, 2, wall, 4],
        r#"kexec_load(0x1, 2, %, KEXEC_ARCH_DEFAULT|KEXEC_UPDATE_ELFCOREHDR)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_kexec_load,
        [1, 2, wall, 0x3e_0800],
        r#"kexec_load(0x1, 2, %, KEXEC_ARCH_X86_64|0x800 /* KEXEC_??? */)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_kexec_file_load,
        [-1i32, -1i32, 4, wall, 7],
        r#"kexec_file_load(-1, -1, 4, %, KEXEC_FILE_UNLOAD|KEXEC_FILE_ON_CRASH|KEXEC_FILE_NO_INITRAMFS)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_sysfs,
        [9, wall, 2],
        r#"sysfs(0x9, %, 0x2)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_cachestat,
        [-1i32, &range, wall, 0],
        r#"cachestat(-1, {off=0x1, len=2}, %, 0)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_cachestat,
        [-1i32, wall, wall, 1],
        r#"cachestat(-1, %, %, 0x1)"#,
        Ptr(wall),
        Ptr(wall)
    );
}

/// mount(2) of what is mounted: no type is looked at, of most no data either.
fn changes(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    for (flags, name, data) in [
        (0x20usize, "MS_REMOUNT", true),
        (0x21, "MS_RDONLY|MS_REMOUNT", true),
        (0x1020, "MS_REMOUNT|MS_BIND", true),
        (0xc0ed_0020, "MS_MGC_VAL|MS_REMOUNT", true),
        (0x1000, "MS_BIND", false),
        (0x2000, "MS_MOVE", false),
        (0x2_0000, "MS_UNBINDABLE", false),
        (0x4_0000, "MS_PRIVATE", false),
        (0x8_0000, "MS_SLAVE", false),
        (0x10_0000, "MS_SHARED", false),
    ] {
        let (kind, text) = (c"kind".as_ptr(), c"data".as_ptr());
        let shown = if data {
            r#""data""#.to_owned()
        } else {
            Ptr(text).to_string()
        };
        call!(
            l,
            SYS_mount,
            [c"from", wall, kind, flags, text],
            r#"mount("from", %, %, %, %)"#,
            Ptr(wall),
            Ptr(kind),
            name,
            shown
        );
    }
    call!(
        l,
        SYS_mount,
        [c"from", wall, c"kind", 1, c"data"],
        r#"mount("from", %, "kind", MS_RDONLY, "data")"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_mount,
        [NULL, wall, NULL, 0x20, NULL],
        r#"mount(NULL, %, NULL, MS_REMOUNT, NULL)"#,
        Ptr(wall)
    );
}
