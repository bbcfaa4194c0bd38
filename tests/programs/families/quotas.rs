//! Quotas: every command of quotactl(2) and quotactl_fd(2). None is carried out: what would be is answered.

use crate::{
    answers,
    lines::{Edge, Lines, Ptr, words},
};

const NULL: usize = 0;
/// Of users, groups, projects.
const USER: u32 = 0;
const GROUP: u32 = 1;
const PROJECT: u32 = 2;

/// A command of quotas of a kind.
const fn command(number: u32, kind: u32) -> u32 {
    number << 8 | kind
}

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    answers::begin();
    l.begin();
    plain(l, &edge);
    limits(l, &edge);
    descriptors(l, &edge);
    xfs(l, &edge);
    xfs_state(l, &edge);
    unknown(l, &edge);
    l.end();
}

/// Commands without a structure.
fn plain(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    call!(
        l,
        SYS_quotactl,
        [command(0x80_0001, USER), NULL, 0, NULL],
        "quotactl(QCMD(Q_SYNC, USRQUOTA), NULL)"
    );
    call!(
        l,
        SYS_quotactl,
        [command(0x80_0001, GROUP), c"/no", 5, wall],
        r#"quotactl(QCMD(Q_SYNC, GRPQUOTA), "/no")"#
    );
    call!(
        l,
        SYS_quotactl,
        [command(0x80_0001, PROJECT), wall, 5, wall],
        "quotactl(QCMD(Q_SYNC, PRJQUOTA), %)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_quotactl,
        [command(0x80_0002, USER), c"/no", 2, c"/no/quota.user"],
        r#"quotactl(QCMD(Q_QUOTAON, USRQUOTA), "/no", QFMT_VFS_V0, "/no/quota.user")"#
    );
    call!(
        l,
        SYS_quotactl,
        [command(0x80_0002, USER), c"/no", 99, wall],
        r#"quotactl(QCMD(Q_QUOTAON, USRQUOTA), "/no", 0x63 /* QFMT_VFS_??? */, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_quotactl,
        [command(0x80_0003, GROUP), c"/no", 1, wall],
        r#"quotactl(QCMD(Q_QUOTAOFF, GRPQUOTA), "/no")"#
    );
    let mut format = 4u32;
    call!(
        l,
        SYS_quotactl,
        [command(0x80_0004, USER), c"/no", 1, &raw mut format],
        r#"quotactl(QCMD(Q_GETFMT, USRQUOTA), "/no", %)"#,
        Ptr(&raw const format)
    );
    done!(
        l,
        SYS_quotactl,
        [command(0x80_0004, USER), c"/no", 1, &raw mut format],
        r#"quotactl(QCMD(Q_GETFMT, USRQUOTA), "/no", [QFMT_VFS_V1])"#
    );
    format = 9;
    done!(
        l,
        SYS_quotactl,
        [command(0x80_0004, USER), c"/no", 1, &raw mut format],
        r#"quotactl(QCMD(Q_GETFMT, USRQUOTA), "/no", [0x9 /* QFMT_VFS_??? */])"#
    );
    done!(
        l,
        SYS_quotactl,
        [command(0x80_0004, USER), c"/no", 1, wall],
        r#"quotactl(QCMD(Q_GETFMT, USRQUOTA), "/no", %)"#,
        Ptr(wall)
    );
}

/// What is set and got of the file systems' own quotas.
fn limits(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let info = words::<24>(&[(604_800, 8), (86_400, 8), (0x1_0003, 4), (0xf, 4)]);
    let block = words::<72>(&[
        (1, 8),
        (2, 8),
        (3, 8),
        (4, 8),
        (5, 8),
        (6, 8),
        (7, 8),
        (8, 8),
        (0x7f, 4),
        (1000, 4),
    ]);
    call!(
        l,
        SYS_quotactl,
        [command(0x80_0005, USER), c"/no", 5, &info],
        r#"quotactl(QCMD(Q_GETINFO, USRQUOTA), "/no", %)"#,
        Ptr(&raw const info)
    );
    done!(
        l,
        SYS_quotactl,
        [command(0x80_0005, USER), c"/no", 5, &info],
        r#"quotactl(QCMD(Q_GETINFO, USRQUOTA), "/no", {dqi_bgrace=604800, dqi_igrace=86400, dqi_flags=DQF_ROOT_SQUASH|DQF_SYS_FILE|0x2, dqi_valid=IIF_BGRACE|IIF_IGRACE|IIF_FLAGS|0x8})"#
    );
    call!(
        l,
        SYS_quotactl,
        [command(0x80_0006, GROUP), c"/no", 5, &info],
        r#"quotactl(QCMD(Q_SETINFO, GRPQUOTA), "/no", {dqi_bgrace=604800, dqi_igrace=86400, dqi_flags=DQF_ROOT_SQUASH|DQF_SYS_FILE|0x2, dqi_valid=IIF_BGRACE|IIF_IGRACE|IIF_FLAGS|0x8})"#
    );
    let cut = edge.cut(info, 20);
    call!(
        l,
        SYS_quotactl,
        [command(0x80_0006, GROUP), c"/no", 5, cut],
        r#"quotactl(QCMD(Q_SETINFO, GRPQUOTA), "/no", %)"#,
        Ptr(cut)
    );
    call!(
        l,
        SYS_quotactl,
        [command(0x80_0006, GROUP), c"/no", 5, NULL],
        r#"quotactl(QCMD(Q_SETINFO, GRPQUOTA), "/no", NULL)"#
    );
    call!(
        l,
        SYS_quotactl,
        [command(0x80_0007, USER), c"/no", -1i32, &block],
        r#"quotactl(QCMD(Q_GETQUOTA, USRQUOTA), "/no", -1, %)"#,
        Ptr(&raw const block)
    );
    done!(
        l,
        SYS_quotactl,
        [command(0x80_0007, USER), c"/no", 1000, &block],
        r#"quotactl(QCMD(Q_GETQUOTA, USRQUOTA), "/no", 1000, {dqb_bhardlimit=1, dqb_bsoftlimit=2, dqb_curspace=3, dqb_ihardlimit=4, dqb_isoftlimit=5, dqb_curinodes=6, ...})"#
    );
    call!(
        l,
        SYS_quotactl,
        [command(0x80_0008, PROJECT), c"/no", 1000, &block],
        r#"quotactl(QCMD(Q_SETQUOTA, PRJQUOTA), "/no", 1000, {dqb_bhardlimit=1, dqb_bsoftlimit=2, dqb_curspace=3, dqb_ihardlimit=4, dqb_isoftlimit=5, dqb_curinodes=6, ...})"#
    );
    call!(
        l,
        SYS_quotactl,
        [command(0x80_0008, PROJECT), c"/no", 1000, wall],
        r#"quotactl(QCMD(Q_SETQUOTA, PRJQUOTA), "/no", 1000, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_quotactl,
        [command(0x80_0009, USER), c"/no", 7, &block],
        r#"quotactl(QCMD(Q_GETNEXTQUOTA, USRQUOTA), "/no", 7, %)"#,
        Ptr(&raw const block)
    );
    done!(
        l,
        SYS_quotactl,
        [command(0x80_0009, USER), c"/no", 7, &block],
        r#"quotactl(QCMD(Q_GETNEXTQUOTA, USRQUOTA), "/no", 7, {dqb_bhardlimit=1, dqb_bsoftlimit=2, dqb_curspace=3, dqb_ihardlimit=4, dqb_isoftlimit=5, dqb_curinodes=6, dqb_id=1000, ...})"#
    );
}

/// The same by a descriptor.
fn descriptors(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let info = words::<24>(&[(1, 8), (2, 8), (0, 4), (0, 4)]);
    let block = words::<72>(&[
        (1, 8),
        (2, 8),
        (3, 8),
        (4, 8),
        (5, 8),
        (6, 8),
        (7, 8),
        (8, 8),
        (0, 4),
        (9, 4),
    ]);
    let mut format = 2u32;
    call!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x80_0001, USER), 5, wall],
        "quotactl_fd(-1, QCMD(Q_SYNC, USRQUOTA))"
    );
    call!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x80_0002, USER), 4, c"quota.user"],
        r#"quotactl_fd(-1, QCMD(Q_QUOTAON, USRQUOTA), QFMT_VFS_V1, "quota.user")"#
    );
    call!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x80_0003, GROUP), 4, wall],
        "quotactl_fd(-1, QCMD(Q_QUOTAOFF, GRPQUOTA))"
    );
    call!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x80_0004, USER), 4, wall],
        "quotactl_fd(-1, QCMD(Q_GETFMT, USRQUOTA), %)",
        Ptr(wall)
    );
    done!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x80_0004, USER), 4, &raw mut format],
        "quotactl_fd(-1, QCMD(Q_GETFMT, USRQUOTA), [QFMT_VFS_V0])"
    );
    done!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x80_0005, USER), 4, &info],
        "quotactl_fd(-1, QCMD(Q_GETINFO, USRQUOTA), {dqi_bgrace=1, dqi_igrace=2, dqi_flags=0, dqi_valid=0})"
    );
    call!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x80_0006, USER), 4, &info],
        "quotactl_fd(-1, QCMD(Q_SETINFO, USRQUOTA), {dqi_bgrace=1, dqi_igrace=2, dqi_flags=0, dqi_valid=0})"
    );
    call!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x80_0007, USER), 4, wall],
        "quotactl_fd(-1, QCMD(Q_GETQUOTA, USRQUOTA), 4, %)",
        Ptr(wall)
    );
    done!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x80_0007, USER), 4, &block],
        "quotactl_fd(-1, QCMD(Q_GETQUOTA, USRQUOTA), 4, {dqb_bhardlimit=1, dqb_bsoftlimit=2, dqb_curspace=3, dqb_ihardlimit=4, dqb_isoftlimit=5, dqb_curinodes=6, ...})"
    );
    call!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x80_0008, USER), 4, &block],
        "quotactl_fd(-1, QCMD(Q_SETQUOTA, USRQUOTA), 4, {dqb_bhardlimit=1, dqb_bsoftlimit=2, dqb_curspace=3, dqb_ihardlimit=4, dqb_isoftlimit=5, dqb_curinodes=6, ...})"
    );
    done!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x80_0009, USER), 4, &block],
        "quotactl_fd(-1, QCMD(Q_GETNEXTQUOTA, USRQUOTA), 4, {dqb_bhardlimit=1, dqb_bsoftlimit=2, dqb_curspace=3, dqb_ihardlimit=4, dqb_isoftlimit=5, dqb_curinodes=6, dqb_id=9, ...})"
    );
}

/// What XFS takes.
fn xfs(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let state = 0x47u32;
    let kinds = 0xfu32;
    let disk = words::<112>(&[
        (1, 1),
        (3, 1),
        (0x3f, 2),
        (1000, 4),
        (1, 8),
        (2, 8),
        (3, 8),
        (4, 8),
        (5, 8),
        (6, 8),
        (7, 4),
        (8, 4),
        (9, 2),
        (10, 2),
        (0, 4),
        (11, 8),
        (12, 8),
        (13, 8),
        (14, 4),
        (15, 2),
        (0, 2),
    ]);
    call!(
        l,
        SYS_quotactl,
        [command(0x5801, USER), c"/no", 5, &raw const state],
        r#"quotactl(QCMD(Q_XQUOTAON, USRQUOTA), "/no", [FS_QUOTA_UDQ_ACCT|FS_QUOTA_UDQ_ENFD|FS_QUOTA_GDQ_ACCT|0x40])"#
    );
    call!(
        l,
        SYS_quotactl,
        [command(0x5802, USER), c"/no", 5, wall],
        r#"quotactl(QCMD(Q_XQUOTAOFF, USRQUOTA), "/no", %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_quotactl,
        [command(0x5803, USER), c"/no", 5, &disk],
        r#"quotactl(QCMD(Q_XGETQUOTA, USRQUOTA), "/no", 5, %)"#,
        Ptr(&raw const disk)
    );
    done!(
        l,
        SYS_quotactl,
        [command(0x5803, USER), c"/no", 5, &disk],
        r#"quotactl(QCMD(Q_XGETQUOTA, USRQUOTA), "/no", 5, {d_version=1, d_flags=FS_USER_QUOTA|FS_PROJ_QUOTA, d_fieldmask=0x3f, d_id=1000, d_blk_hardlimit=1, d_blk_softlimit=2, d_ino_hardlimit=3, d_ino_softlimit=4, d_bcount=5, d_icount=6, ...})"#
    );
    call!(
        l,
        SYS_quotactl,
        [command(0x5804, GROUP), c"/no", 5, &disk],
        r#"quotactl(QCMD(Q_XSETQLIM, GRPQUOTA), "/no", 5, {d_version=1, d_flags=FS_USER_QUOTA|FS_PROJ_QUOTA, d_fieldmask=0x3f, d_id=1000, d_blk_hardlimit=1, d_blk_softlimit=2, d_ino_hardlimit=3, d_ino_softlimit=4, d_bcount=5, d_icount=6, ...})"#
    );
    let cut = edge.cut(disk, 40);
    call!(
        l,
        SYS_quotactl,
        [command(0x5804, GROUP), c"/no", 5, cut],
        r#"quotactl(QCMD(Q_XSETQLIM, GRPQUOTA), "/no", 5, %)"#,
        Ptr(cut)
    );
    call!(
        l,
        SYS_quotactl,
        [command(0x5806, USER), c"/no", 5, &raw const kinds],
        r#"quotactl(QCMD(Q_XQUOTARM, USRQUOTA), "/no", [FS_USER_QUOTA|FS_PROJ_QUOTA|FS_GROUP_QUOTA|0x8])"#
    );
    call!(
        l,
        SYS_quotactl,
        [command(0x5806, USER), c"/no", 5, NULL],
        r#"quotactl(QCMD(Q_XQUOTARM, USRQUOTA), "/no", NULL)"#
    );
    call!(
        l,
        SYS_quotactl,
        [command(0x5807, USER), c"/no", 5, wall],
        r#"quotactl(QCMD(Q_XQUOTASYNC, USRQUOTA), "/no")"#
    );
    done!(
        l,
        SYS_quotactl,
        [command(0x5809, PROJECT), c"/no", 5, &disk],
        r#"quotactl(QCMD(Q_XGETNEXTQUOTA, PRJQUOTA), "/no", 5, {d_version=1, d_flags=FS_USER_QUOTA|FS_PROJ_QUOTA, d_fieldmask=0x3f, d_id=1000, d_blk_hardlimit=1, d_blk_softlimit=2, d_ino_hardlimit=3, d_ino_softlimit=4, d_bcount=5, d_icount=6, ...})"#
    );
    call!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x5801, USER), 5, &raw const state],
        "quotactl_fd(-1, QCMD(Q_XQUOTAON, USRQUOTA), [FS_QUOTA_UDQ_ACCT|FS_QUOTA_UDQ_ENFD|FS_QUOTA_GDQ_ACCT|0x40])"
    );
    call!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x5802, USER), 5, &raw const state],
        "quotactl_fd(-1, QCMD(Q_XQUOTAOFF, USRQUOTA), [FS_QUOTA_UDQ_ACCT|FS_QUOTA_UDQ_ENFD|FS_QUOTA_GDQ_ACCT|0x40])"
    );
    done!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x5803, USER), 5, &disk],
        "quotactl_fd(-1, QCMD(Q_XGETQUOTA, USRQUOTA), 5, {d_version=1, d_flags=FS_USER_QUOTA|FS_PROJ_QUOTA, d_fieldmask=0x3f, d_id=1000, d_blk_hardlimit=1, d_blk_softlimit=2, d_ino_hardlimit=3, d_ino_softlimit=4, d_bcount=5, d_icount=6, ...})"
    );
    call!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x5804, USER), 5, &disk],
        "quotactl_fd(-1, QCMD(Q_XSETQLIM, USRQUOTA), 5, {d_version=1, d_flags=FS_USER_QUOTA|FS_PROJ_QUOTA, d_fieldmask=0x3f, d_id=1000, d_blk_hardlimit=1, d_blk_softlimit=2, d_ino_hardlimit=3, d_ino_softlimit=4, d_bcount=5, d_icount=6, ...})"
    );
    call!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x5806, USER), 5, &raw const kinds],
        "quotactl_fd(-1, QCMD(Q_XQUOTARM, USRQUOTA), [FS_USER_QUOTA|FS_PROJ_QUOTA|FS_GROUP_QUOTA|0x8])"
    );
    call!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x5807, USER), 5, wall],
        "quotactl_fd(-1, QCMD(Q_XQUOTASYNC, USRQUOTA))"
    );
    call!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x5809, USER), 5, wall],
        "quotactl_fd(-1, QCMD(Q_XGETNEXTQUOTA, USRQUOTA), 5, %)",
        Ptr(wall)
    );
}

fn xfs_state(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let old = words::<80>(&[
        (1, 1),
        (0x3f, 2),
        (0, 5),
        (10, 8),
        (11, 8),
        (12, 8),
        (20, 8),
        (21, 8),
        (22, 8),
        (30, 4),
        (31, 4),
        (32, 4),
        (33, 4),
        (34, 2),
        (35, 2),
    ]);
    let new = words::<160>(&[
        (1, 1),
        (0, 1),
        (0x21, 2),
        (30, 4),
        (10, 8),
        (11, 8),
        (12, 8),
        (20, 8),
        (21, 8),
        (22, 8),
        (40, 8),
        (41, 8),
        (42, 8),
        (50, 4),
        (51, 4),
        (52, 4),
        (53, 2),
        (54, 2),
    ]);
    call!(
        l,
        SYS_quotactl,
        [command(0x5805, USER), c"/no", 5, &old],
        r#"quotactl(QCMD(Q_XGETQSTAT, USRQUOTA), "/no", %)"#,
        Ptr(&raw const old)
    );
    done!(
        l,
        SYS_quotactl,
        [command(0x5805, USER), c"/no", 5, &old],
        r#"quotactl(QCMD(Q_XGETQSTAT, USRQUOTA), "/no", {qs_version=1, ...})"#
    );
    done!(
        l,
        SYS_quotactl,
        [command(0x5808, USER), c"/no", 5, &new],
        r#"quotactl(QCMD(Q_XGETQSTATV, USRQUOTA), "/no", {qs_version=1, ...})"#
    );
    done!(
        l,
        SYS_quotactl,
        [command(0x5808, USER), c"/no", 5, wall],
        r#"quotactl(QCMD(Q_XGETQSTATV, USRQUOTA), "/no", %)"#,
        Ptr(wall)
    );
    done!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x5805, USER), 5, &old],
        "quotactl_fd(-1, QCMD(Q_XGETQSTAT, USRQUOTA), {qs_version=1, ...})"
    );
    done!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x5808, USER), 5, &new],
        "quotactl_fd(-1, QCMD(Q_XGETQSTATV, USRQUOTA), {qs_version=1, ...})"
    );
}

fn unknown(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    call!(
        l,
        SYS_quotactl,
        [command(0x80_0063, 9), c"/no", 5, wall],
        r#"quotactl(QCMD(0x800063 /* Q_??? */, 0x9 /* ???QUOTA */), "/no", 5, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_quotactl,
        [0, NULL, -1i32, NULL],
        "quotactl(QCMD(0 /* Q_??? */, USRQUOTA), NULL, -1, NULL)"
    );
    call!(
        l,
        SYS_quotactl,
        [-1i32, wall, 5, NULL],
        "quotactl(QCMD(0xffffff /* Q_??? */, 0xff /* ???QUOTA */), %, 5, NULL)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_quotactl_fd,
        [-1i32, command(0x80_0063, 9), 5, wall],
        "quotactl_fd(-1, QCMD(0x800063 /* Q_??? */, 0x9 /* ???QUOTA */), 5, %)",
        Ptr(wall)
    );
}
