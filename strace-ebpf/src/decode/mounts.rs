//! statmount(2): what is asked for, members that were filled in, and texts behind them.

use super::{
    cx::{Cx, number_at},
    members::members,
    structs::Fields,
    value::{Args, Value},
};
use crate::tables::{self, StructId};

/// Where the texts begin, `include/uapi/linux/mount.h`.
const TEXTS: usize = 512;

/// A member, or a text at the place that the member holds.
enum Part {
    Member(&'static str),
    Text(&'static str),
}

use Part::{Member, Text};

/// Bits of `mask`, and what each says is there, in the order of the structure.
const PARTS: &[(u64, Part)] = &[
    (0x80, Text("mnt_opts")),
    (0x1, Member("sb_dev_major")),
    (0x1, Member("sb_dev_minor")),
    (0x1, Member("sb_magic")),
    (0x1, Member("sb_flags")),
    (0x20, Text("fs_type")),
    (0x2, Member("mnt_id")),
    (0x2, Member("mnt_parent_id")),
    (0x2, Member("mnt_id_old")),
    (0x2, Member("mnt_parent_id_old")),
    (0x2, Member("mnt_attr")),
    (0x2, Member("mnt_propagation")),
    (0x2, Member("mnt_peer_group")),
    (0x2, Member("mnt_master")),
    (0x4, Member("propagate_from")),
    (0x8, Text("mnt_root")),
    (0x10, Text("mnt_point")),
    (0x40, Member("mnt_ns_id")),
    (0x100, Text("fs_subtype")),
    (0x200, Text("sb_source")),
    (0x400, Member("opt_num")),
    (0x400, Text("opt_array")),
    (0x800, Member("opt_sec_num")),
    (0x800, Text("opt_sec_array")),
    (0x1000, Member("supported_mask")),
    (0x2000, Member("mnt_uidmap_num")),
    (0x2000, Text("mnt_uidmap")),
    (0x4000, Member("mnt_gidmap_num")),
    (0x4000, Text("mnt_gidmap")),
];

/// `struct mnt_id_req`, as many bytes as it says that it has: what is shorter than its first version is no more than a size.
fn request<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8], id: StructId) {
    const FIRST_SIZE: usize = 24;
    const SIZE: usize = 4;
    let there = number_at(bytes, 0, SIZE).unwrap_or(0) as usize;
    let shown = if there < FIRST_SIZE { SIZE } else { there };
    let bytes = bytes.get(..shown).unwrap_or(bytes);
    let Some(fields) = Fields::some(id, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    let members = ["size", "mnt_ns_fd", "mnt_id", "param", "mnt_ns_id"];
    for name in members {
        if fields.has(cx, name) {
            fields.show(out, cx, name);
        }
    }
    out.push(Value::StructClose);
}

/// statmount(2): `param` is a mask.
pub fn statmount_request<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    request(out, cx, bytes, StructId::StatmountReq);
}

/// `struct ns_id_req` of listns(2): what is shorter than its first version is no more than a size.
pub fn namespaces_request<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const FIRST_SIZE: usize = 32;
    const SIZE: usize = 4;
    let there = number_at(bytes, 0, SIZE).unwrap_or(0) as usize;
    let shown = if there < FIRST_SIZE { SIZE } else { there };
    let is_whole = bytes.len() >= shown.min(FIRST_SIZE);
    let layout = tables::layout(StructId::NsIdReq, cx.abi).filter(|_| is_whole);
    if let Some(layout) = layout {
        members(out, cx, layout, bytes.get(..shown).unwrap_or(bytes));
    }
}

/// listmount(2): `param` is the last one of the answer before.
pub fn listmount_request<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    request(out, cx, bytes, StructId::MntIdReq);
}

/// `struct statmount`.
pub fn statmount<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::some(StructId::Statmount, cx.abi, bytes) else {
        return;
    };
    if !fields.has(cx, "mask") {
        return;
    }
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["size", "mask"]);
    let mask = fields.get("mask");
    for (_, part) in PARTS.iter().filter(|part| part.0 & mask != 0) {
        match part {
            Member(name) => fields.show(out, cx, name),
            Text(name) => {
                out.push(Value::Field(name));
                text(out, bytes, fields.get(name) as usize);
            }
        }
    }
    out.push(Value::StructClose);
}

fn text<'a>(out: &mut Args<'a>, bytes: &'a [u8], at: usize) {
    let texts = bytes.get(TEXTS..).unwrap_or_default();
    match texts.get(at..) {
        Some(rest) => {
            let text = rest.split(|&b| b == 0).next().unwrap_or_default();
            let cut = text.len() == rest.len();
            out.push(Value::Bytes { bytes: text, cut });
        }
        None => out.push(Value::Hex(at as u64)),
    }
}
