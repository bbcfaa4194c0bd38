//! Structures of btrfs's requests whose flags say which of their members count, include/uapi/linux/btrfs.h.

use super::{
    clocks,
    cx::{Cx, number_at},
    structs::Fields,
    value::{Args, Value},
};
use crate::tables::{self, SetId, StructId};

/// `struct btrfs_ioctl_vol_args_v2`: what is inherited where the flags say that something is.
pub fn volume<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const QGROUP_INHERIT: u64 = 4;
    let Some(fields) = Fields::new(StructId::BtrfsVolumeV2, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["fd", "flags"]);
    if fields.get("flags") & QGROUP_INHERIT != 0 {
        fields.show_all(out, cx, &["size", "qgroup_inherit"]);
    }
    fields.show(out, cx, "name");
    out.push(Value::StructClose);
}

/// Flags without the brackets of what is behind a pointer.
pub fn subvolume<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    if let Some(flags) = number_at(bytes, 0, 8) {
        out.push(Value::Wide(tables::set(SetId::BtrfsSubvolFlags), flags));
    }
}

/// `struct btrfs_ioctl_fs_info_args`: what older kernels do not tell.
pub fn filesystem<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const CSUM_INFO: u64 = 1;
    const GENERATION: u64 = 2;
    const METADATA_UUID: u64 = 4;
    let Some(fields) = Fields::new(StructId::BtrfsFilesystem, cx.abi, bytes) else {
        return;
    };
    let has = |flag| fields.get("flags") & flag != 0;
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["max_id", "num_devices", "fsid"]);
    fields.show_all(out, cx, &["nodesize", "sectorsize", "clone_alignment"]);
    if has(CSUM_INFO) {
        fields.show_all(out, cx, &["csum_type", "csum_size"]);
    }
    fields.show(out, cx, "flags");
    if has(GENERATION) {
        fields.show(out, cx, "generation");
    }
    if has(METADATA_UUID) {
        fields.show(out, cx, "metadata_uuid");
    }
    out.push(Value::StructClose);
}

/// `struct btrfs_ioctl_balance_args`: of the kinds of chunks those that are balanced.
pub fn balance<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    balanced(out, cx, bytes, &["flags"]);
}

/// The same with how far it is.
pub fn balance_after<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    balanced(out, cx, bytes, &["flags", "state"]);
}

fn balanced<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8], first: &[&'static str]) {
    const KINDS: [(u64, &str); 3] = [(1, "data"), (4, "meta"), (2, "sys")];
    let Some(fields) = Fields::new(StructId::BtrfsBalance, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_all(out, cx, first);
    for (flag, name) in KINDS {
        if fields.get("flags") & flag != 0 {
            fields.show(out, cx, name);
        }
    }
    out.push(Value::StructClose);
}

/// What BTRFS_IOC_TREE_SEARCH has found, which is not shown.
pub fn found<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    and_more(out, cx, StructId::BtrfsFound, bytes);
}

/// The same of BTRFS_IOC_TREE_SEARCH_V2.
pub fn found_v2<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    and_more(out, cx, StructId::BtrfsFoundV2, bytes);
}

/// The same of BTRFS_IOC_SPACE_INFO.
pub fn spaces<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    and_more(out, cx, StructId::BtrfsSpacesAfter, bytes);
}

fn and_more<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, id: StructId, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(id, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_every(out, cx);
    out.push(Value::More);
    out.push(Value::StructClose);
}

/// BTRFS_IOC_INO_LOOKUP: the path, and the tree where none was asked for.
pub fn inode<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::BtrfsInodeAfter, cx.abi, bytes) else {
        return;
    };
    let asked = cx.bytes().and_then(|before| number_at(before, 0, 8));
    out.push(Value::StructOpen);
    if asked == Some(0) {
        fields.show(out, cx, "treeid");
    }
    fields.show(out, cx, "name");
    out.push(Value::StructClose);
}

/// `struct btrfs_ioctl_timespec` with its date.
pub fn time<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    clocks::dated(out, cx, StructId::BtrfsTime, bytes);
}

/// `struct btrfs_ioctl_get_dev_stats`: the errors by their kinds.
pub fn statistics<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const FIRST: usize = 24;
    const KINDS: u16 = 5;
    let Some(fields) = Fields::new(StructId::BtrfsStatsAfter, cx.abi, bytes) else {
        return;
    };
    let count = fields.get("nr_items");
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["nr_items", "flags"]);
    out.push(Value::ListOpen);
    for kind in (0..KINDS).take_while(|kind| u64::from(*kind) < count) {
        let name = tables::set(SetId::BtrfsDevStats).name_of(kind.into());
        out.push(Value::Index(name, kind));
        let errors = number_at(bytes, FIRST + 8 * usize::from(kind), 8);
        out.push(Value::Uint(errors.unwrap_or(0)));
    }
    if count > KINDS.into() {
        out.push(Value::More);
    }
    out.push(Value::ListClose);
    out.push(Value::StructClose);
}

/// `struct btrfs_ioctl_dev_replace_args`: what begins one.
pub fn replace<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const START: u64 = 0;
    by_command(
        out,
        cx,
        StructId::BtrfsReplace,
        bytes,
        ("cmd", START, "start"),
    );
}

/// The same after the call: how far it is.
pub fn replaced<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const STATUS: u64 = 1;
    let id = StructId::BtrfsReplaceAfter;
    by_command(out, cx, id, bytes, ("result", STATUS, "status"));
}

fn by_command<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    id: StructId,
    bytes: &'a [u8],
    (always, command, then): (&'static str, u64, &'static str),
) {
    let Some(fields) = Fields::new(id, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show(out, cx, always);
    if fields.get("cmd") == command {
        fields.show(out, cx, then);
    }
    out.push(Value::StructClose);
}

/// BTRFS_IOC_GET_SUPPORTED_FEATURES: three masks of the same features.
pub fn features<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::BtrfsFeaturesKnown, cx.abi, bytes) else {
        return;
    };
    out.push(Value::ListOpen);
    for (name, what) in [
        ("supported", "supported"),
        ("set", "safe to set"),
        ("clear", "safe to clear"),
    ] {
        fields.show_bare(out, cx, name);
        out.push(Value::Comment(what));
    }
    out.push(Value::ListClose);
}

/// A tree, or what is in it: a name, else a decimal number.
pub fn object<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(id) = number_at(bytes, 0, 8) else {
        return;
    };
    let set = tables::set(SetId::BtrfsObjects);
    out.push(match set.name_of(id) {
        Some(_) => Value::Wide(set, id),
        None => Value::Uint(id),
    });
}
