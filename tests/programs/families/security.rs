//! Keys, Landlock, security modules, attributes of files by structures.

use crate::lines::{Edge, Lines, Ptr, words};

const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    l.begin();
    landlock(l, &edge);
    keys(l, &edge);
    more_keys(l, &edge);
    modules(l, &edge);
    attributes(l, &edge);
    l.end();
}

fn landlock(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let net = words::<24>(&[(0x1_ffff, 8), (3, 8), (3, 8)]);
    let longer = words::<56>(&[(1, 8), (0, 8), (0, 8), (0, 8), (0, 8), (0, 8), (9, 8)]);
    let path = words::<12>(&[(5, 8), (u64::MAX, 4)]);
    let port = words::<16>(&[(1, 8), (80, 8)]);
    call!(
        l,
        SYS_landlock_create_ruleset,
        [&net, 24, 4],
        r#"landlock_create_ruleset({handled_access_fs=LANDLOCK_ACCESS_FS_EXECUTE|LANDLOCK_ACCESS_FS_WRITE_FILE|LANDLOCK_ACCESS_FS_READ_FILE|LANDLOCK_ACCESS_FS_READ_DIR|LANDLOCK_ACCESS_FS_REMOVE_DIR|LANDLOCK_ACCESS_FS_REMOVE_FILE|LANDLOCK_ACCESS_FS_MAKE_CHAR|LANDLOCK_ACCESS_FS_MAKE_DIR|LANDLOCK_ACCESS_FS_MAKE_REG|LANDLOCK_ACCESS_FS_MAKE_SOCK|LANDLOCK_ACCESS_FS_MAKE_FIFO|LANDLOCK_ACCESS_FS_MAKE_BLOCK|LANDLOCK_ACCESS_FS_MAKE_SYM|LANDLOCK_ACCESS_FS_REFER|LANDLOCK_ACCESS_FS_TRUNCATE|LANDLOCK_ACCESS_FS_IOCTL_DEV|LANDLOCK_ACCESS_FS_RESOLVE_UNIX, handled_access_net=LANDLOCK_ACCESS_NET_BIND_TCP|LANDLOCK_ACCESS_NET_CONNECT_TCP, scoped=LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET|LANDLOCK_SCOPE_SIGNAL}, 24, 0x4 /* LANDLOCK_CREATE_RULESET_??? */)"#
    );
    call!(
        l,
        SYS_landlock_create_ruleset,
        [&longer, 56, 0],
        r#"landlock_create_ruleset({handled_access_fs=LANDLOCK_ACCESS_FS_EXECUTE, handled_access_net=0, scoped=0, quiet_access_fs=0, quiet_access_net=0, quiet_scoped=0, ...}, 56, 0)"#
    );
    call!(
        l,
        SYS_landlock_create_ruleset,
        [NULL, 0, 1],
        r#"landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)"#
    );
    call!(
        l,
        SYS_landlock_create_ruleset,
        [wall, 8, 0],
        r#"landlock_create_ruleset(%, 8, 0)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_landlock_create_ruleset,
        [&net, 4, 0],
        r#"landlock_create_ruleset(%, 4, 0)"#,
        Ptr(&raw const net)
    );
    call!(
        l,
        SYS_landlock_add_rule,
        [-1i32, 1, &path, 0],
        r#"landlock_add_rule(-1, LANDLOCK_RULE_PATH_BENEATH, {allowed_access=LANDLOCK_ACCESS_FS_EXECUTE|LANDLOCK_ACCESS_FS_READ_FILE, parent_fd=-1}, 0)"#
    );
    call!(
        l,
        SYS_landlock_add_rule,
        [-1i32, 2, &port, 0],
        r#"landlock_add_rule(-1, LANDLOCK_RULE_NET_PORT, {allowed_access=LANDLOCK_ACCESS_NET_BIND_TCP, port=80}, 0)"#
    );
    let cut = edge.cut(path, 8);
    call!(
        l,
        SYS_landlock_add_rule,
        [-1i32, 1, cut, 0],
        r#"landlock_add_rule(-1, LANDLOCK_RULE_PATH_BENEATH, %, 0)"#,
        Ptr(cut)
    );
    call!(
        l,
        SYS_landlock_add_rule,
        [-1i32, 9, wall, 2],
        r#"landlock_add_rule(-1, 0x9 /* LANDLOCK_RULE_??? */, %, 0x2 /* LANDLOCK_ADD_RULE_??? */)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_landlock_restrict_self,
        [-1i32, 0],
        r#"landlock_restrict_self(-1, 0)"#
    );
}

fn keys(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    call!(
        l,
        SYS_keyctl,
        [0, -3i32, 0],
        r#"keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0)"#
    );
    call!(l, SYS_keyctl, [3, 7], r#"keyctl(KEYCTL_REVOKE, 7)"#);
    call!(
        l,
        SYS_keyctl,
        [4, 7, -1i32, 5],
        r#"keyctl(KEYCTL_CHOWN, 7, -1, 5)"#
    );
    call!(
        l,
        SYS_keyctl,
        [5, 7, 0x3f01_0000u32],
        r#"keyctl(KEYCTL_SETPERM, 7, KEY_POS_VIEW|KEY_POS_READ|KEY_POS_WRITE|KEY_POS_SEARCH|KEY_POS_LINK|KEY_POS_SETATTR|KEY_USR_VIEW)"#
    );
    call!(l, SYS_keyctl, [7, -9i32], r#"keyctl(KEYCTL_CLEAR, -9)"#);
    call!(
        l,
        SYS_keyctl,
        [8, 7, -1i32],
        r#"keyctl(KEYCTL_LINK, 7, KEY_SPEC_THREAD_KEYRING)"#
    );
    call!(
        l,
        SYS_keyctl,
        [9, 7, -2i32],
        r#"keyctl(KEYCTL_UNLINK, 7, KEY_SPEC_PROCESS_KEYRING)"#
    );
    call!(
        l,
        SYS_keyctl,
        [10, -4i32, c"user", c"desc", -5i32],
        r#"keyctl(KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", "desc", KEY_SPEC_USER_SESSION_KEYRING)"#
    );
    call!(
        l,
        SYS_keyctl,
        [12, 7, c"pl", 2, -3i32],
        r#"keyctl(KEYCTL_INSTANTIATE, 7, "pl", 2, KEY_SPEC_SESSION_KEYRING)"#
    );
    call!(
        l,
        SYS_keyctl,
        [13, 7, 2, 3],
        r#"keyctl(KEYCTL_NEGATE, 7, 2, 3)"#
    );
    call!(
        l,
        SYS_keyctl,
        [14, -1i32],
        r#"keyctl(KEYCTL_SET_REQKEY_KEYRING, KEY_REQKEY_DEFL_NO_CHANGE)"#
    );
    call!(
        l,
        SYS_keyctl,
        [15, 7, 100],
        r#"keyctl(KEYCTL_SET_TIMEOUT, 7, 100)"#
    );
    call!(
        l,
        SYS_keyctl,
        [16, 7],
        r#"keyctl(KEYCTL_ASSUME_AUTHORITY, 7)"#
    );
    call!(
        l,
        SYS_keyctl,
        [19, 7, 2, 3, 4],
        r#"keyctl(KEYCTL_REJECT, 7, 2, ESRCH, 4)"#
    );
    call!(l, SYS_keyctl, [21, 7], r#"keyctl(KEYCTL_INVALIDATE, 7)"#);
    call!(
        l,
        SYS_keyctl,
        [22, -2i32, 7],
        r#"keyctl(KEYCTL_GET_PERSISTENT, 4294967294, 7)"#
    );
    call!(
        l,
        SYS_keyctl,
        [29, -3i32, c"asymmetric", NULL],
        r#"keyctl(KEYCTL_RESTRICT_KEYRING, KEY_SPEC_SESSION_KEYRING, "asymmetric", NULL)"#
    );
    call!(
        l,
        SYS_keyctl,
        [30, 7, 2, 3, 5],
        r#"keyctl(KEYCTL_MOVE, 7, 2, 3, KEYCTL_MOVE_EXCL|0x4)"#
    );
    call!(
        l,
        SYS_keyctl,
        [2, 7, wall, 5],
        r#"keyctl(KEYCTL_UPDATE, 7, %, 5)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_keyctl,
        [6, 7, wall, 40],
        r#"keyctl(KEYCTL_DESCRIBE, 7, %, 40)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_keyctl,
        [11, 7, wall, 40],
        r#"keyctl(KEYCTL_READ, 7, %, 40)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_keyctl,
        [20, 7, wall, 1, 3],
        r#"keyctl(KEYCTL_INSTANTIATE_IOV, 7, %, 1, 3)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_keyctl,
        [24, 7, 0, c"info", wall],
        r#"keyctl(KEYCTL_PKEY_QUERY, 7, 0, "info", %)"#,
        Ptr(wall)
    );
    let params = words::<40>(&[(5, 4), (3, 4), (40, 4)]);
    for (op, name) in [
        (25usize, "KEYCTL_PKEY_ENCRYPT"),
        (26, "KEYCTL_PKEY_DECRYPT"),
        (27, "KEYCTL_PKEY_SIGN"),
    ] {
        call!(
            l,
            SYS_keyctl,
            [
                op,
                params.as_ptr() as usize,
                c"info".as_ptr() as usize,
                c"abcdef".as_ptr() as usize,
                wall
            ],
            r#"keyctl(%, {key_id=5, in_len=3, out_len=40}, "info", "abc", %)"#,
            name,
            Ptr(wall)
        );
    }
    let text = c"0123456789012345678901234567890123456789";
    call!(
        l,
        SYS_keyctl,
        [28, &params, c"info", c"abcdef", text],
        r#"keyctl(KEYCTL_PKEY_VERIFY, {key_id=5, in_len=3, in2_len=40}, "info", "abc", "01234567890123456789012345678901"...)"#
    );
    call!(
        l,
        SYS_keyctl,
        [25, NULL, NULL, NULL, NULL],
        "keyctl(KEYCTL_PKEY_ENCRYPT, NULL, NULL, NULL, NULL)"
    );
    call!(
        l,
        SYS_keyctl,
        [28, &params, wall, wall, NULL],
        "keyctl(KEYCTL_PKEY_VERIFY, {key_id=5, in_len=3, in2_len=40}, %, %, NULL)",
        Ptr(wall),
        Ptr(wall)
    );
    call!(
        l,
        SYS_keyctl,
        [99, 1, 2, 3, wall],
        r#"keyctl(0x63 /* KEYCTL_??? */, 0x1, 0x2, 0x3, %)"#,
        Ptr(wall)
    );
}

fn more_keys(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let text = c"abc";
    let vector = [text.as_ptr() as usize, 3];
    let numbers = words::<12>(&[(1, 4), (2, 4), (3, 4)]);
    let hash = [
        c"sha256".as_ptr() as usize,
        c"info".as_ptr() as usize,
        4,
        0,
        0,
        0,
        0,
    ];
    let mut caps = [0u8; 2];
    call!(
        l,
        SYS_keyctl,
        [20, 7, &vector, 1, 3],
        r#"keyctl(KEYCTL_INSTANTIATE_IOV, 7, [{iov_base="abc", iov_len=3}], 1, 3)"#
    );
    call!(
        l,
        SYS_keyctl,
        [23, &numbers, wall, 40, &hash],
        r#"keyctl(KEYCTL_DH_COMPUTE, {private=1, prime=2, base=3}, %, 40, {hashname="sha256", otherinfo="info", otherinfolen=4})"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_keyctl,
        [23, &numbers, NULL, 0, NULL],
        r#"keyctl(KEYCTL_DH_COMPUTE, {private=1, prime=2, base=3}, NULL, 0, NULL)"#
    );
    let ret = quiet!(l, SYS_keyctl, [31, &raw mut caps, 2]);
    if ret == 2 {
        l.expect(
            "keyctl(KEYCTL_CAPABILITIES, [%, %], 2)",
            &[
                &capabilities(CAPS_0, caps[0]),
                &capabilities(CAPS_1, caps[1]),
            ],
            ret,
        );
    } else {
        l.expect(
            "keyctl(KEYCTL_CAPABILITIES, %, 2)",
            &[&Ptr(&raw const caps)],
            ret,
        );
    }
    call!(
        l,
        SYS_add_key,
        [c"none", c"desc", c"pay", 3, -3i32],
        r#"add_key("none", "desc", "pay", 3, KEY_SPEC_SESSION_KEYRING)"#
    );
    call!(
        l,
        SYS_add_key,
        [NULL, NULL, wall, 3, 99],
        r#"add_key(NULL, NULL, %, 3, 99)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_request_key,
        [c"none", c"desc", wall, -4i32],
        r#"request_key("none", "desc", %, KEY_SPEC_USER_KEYRING)"#,
        Ptr(wall)
    );
}

const CAPS_0: &[&str] = &[
    "CAPABILITIES",
    "PERSISTENT_KEYRINGS",
    "DIFFIE_HELLMAN",
    "PUBLIC_KEY",
    "BIG_KEY",
    "INVALIDATE",
    "RESTRICT_KEYRING",
    "MOVE",
];
const CAPS_1: &[&str] = &["NS_KEYRING_NAME", "NS_KEY_TAG", "NOTIFICATIONS"];

/// The flags of a byte of KEYCTL_CAPABILITIES.
fn capabilities(names: &[&str], byte: u8) -> String {
    let generation = usize::from(names.len() < 8);
    let set = (0..8).zip(names).filter(|(bit, _)| byte >> bit & 1 != 0);
    let set: Vec<String> = set
        .map(|(_, name)| format!("KEYCTL_CAPS{generation}_{name}"))
        .collect();
    if set.is_empty() {
        "0".into()
    } else {
        set.join("|")
    }
}

fn modules(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let context = words::<35>(&[(101, 8), (0, 8), (35, 8), (3, 8), (0x63_6261, 3)]);
    let mut size = 0u32;
    call!(
        l,
        SYS_lsm_get_self_attr,
        [100, NULL, NULL, 1],
        r#"lsm_get_self_attr(LSM_ATTR_CURRENT, NULL, NULL, LSM_FLAG_SINGLE)"#
    );
    call!(
        l,
        SYS_lsm_get_self_attr,
        [7, wall, wall, 2],
        r#"lsm_get_self_attr(0x7 /* LSM_ATTR_??? */, %, %, 0x2 /* LSM_FLAG_??? */)"#,
        Ptr(wall),
        Ptr(wall)
    );
    call!(
        l,
        SYS_lsm_set_self_attr,
        [104, &context, 35, 1],
        r#"lsm_set_self_attr(LSM_ATTR_PREV, {id=LSM_ID_SELINUX, flags=0, len=35, ctx_len=3, ctx="\x61\x62\x63"}, 35, 0x1)"#
    );
    call!(
        l,
        SYS_lsm_set_self_attr,
        [100, &context, 20, 0],
        r#"lsm_set_self_attr(LSM_ATTR_CURRENT, %, 20, 0)"#,
        Ptr(&raw const context)
    );
    call!(
        l,
        SYS_lsm_set_self_attr,
        [100, wall, 40, 0],
        r#"lsm_set_self_attr(LSM_ATTR_CURRENT, %, 40, 0)"#,
        Ptr(wall)
    );
    let ret = quiet!(l, SYS_lsm_list_modules, [NULL, &raw mut size, 0]);
    let after = if size == 0 {
        String::new()
    } else {
        format!(" => {size}")
    };
    l.expect("lsm_list_modules(NULL, [0%], 0)", &[&after], ret);
    call!(
        l,
        SYS_lsm_list_modules,
        [wall, wall, 1],
        r#"lsm_list_modules(%, %, 0x1)"#,
        Ptr(wall),
        Ptr(wall)
    );
}

fn attributes(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let value = [c"value".as_ptr() as u64, 5 | 1 << 32, 0x0101];
    let unread = [wall as u64, 5];
    let flags = words::<32>(&[(3, 8), (1, 4), (2, 4), (3, 4), (4, 4), (9, 8)]);
    call!(
        l,
        SYS_setxattrat,
        [-100i32, c"none", 0x100, c"user.x", &value, 16],
        r#"setxattrat(AT_FDCWD, "none", AT_SYMLINK_NOFOLLOW, "user.x", {value="value", size=5, flags=XATTR_CREATE}, 16)"#
    );
    call!(
        l,
        SYS_setxattrat,
        [-1i32, NULL, 0, c"user.x", &value, 24],
        r#"setxattrat(-1, NULL, 0, "user.x", {value="value", size=5, flags=XATTR_CREATE, /* bytes 16..23 */ "\x01\x01\x00\x00\x00\x00\x00\x00"}, 24)"#
    );
    call!(
        l,
        SYS_setxattrat,
        [-100i32, c"none", 0, wall, &unread, 16],
        r#"setxattrat(AT_FDCWD, "none", 0, %, {value=%, size=5, flags=0}, 16)"#,
        Ptr(wall),
        Ptr(wall)
    );
    call!(
        l,
        SYS_setxattrat,
        [-100i32, c"none", 0, c"user.x", &value, 12],
        r#"setxattrat(AT_FDCWD, "none", 0, "user.x", %, 12)"#,
        Ptr(&raw const value)
    );
    call!(
        l,
        SYS_getxattrat,
        [-100i32, c"none", 0, c"user.x", &unread, 16],
        r#"getxattrat(AT_FDCWD, "none", 0, "user.x", {value=%, size=5, flags=0}, 16)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_getxattrat,
        [-100i32, c"none", 0, c"user.x", wall, 16],
        r#"getxattrat(AT_FDCWD, "none", 0, "user.x", %, 16)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_removexattrat,
        [-100i32, c"none", 0x1000, c"user.x"],
        r#"removexattrat(AT_FDCWD, "none", AT_EMPTY_PATH, "user.x")"#
    );
    call!(
        l,
        SYS_file_getattr,
        [-100i32, c"none", wall, 24, 0],
        r#"file_getattr(AT_FDCWD, "none", %, 24, 0)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_file_setattr,
        [-100i32, c"none", &flags, 32, 0x100],
        r#"file_setattr(AT_FDCWD, "none", {fa_xflags=FS_XFLAG_REALTIME|FS_XFLAG_PREALLOC, fa_extsize=1, fa_projid=0x3, fa_cowextsize=4, /* bytes 24..31 */ "\x09\x00\x00\x00\x00\x00\x00\x00"}, 32, AT_SYMLINK_NOFOLLOW)"#
    );
    call!(
        l,
        SYS_file_setattr,
        [-100i32, c"none", &flags, 16, 0],
        r#"file_setattr(AT_FDCWD, "none", %, 16, 0)"#,
        Ptr(&raw const flags)
    );
}
