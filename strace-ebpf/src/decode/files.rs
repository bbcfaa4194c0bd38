//! Files: stat and its kin, directory entries, open_how, file handles.

use super::{
    cx::{Cx, number_at},
    structs::Fields,
    value::{Args, Value},
    vectors::binary_of,
};
use crate::tables::{StructId, Ty};

/// Which structure the argument is said to be.
pub fn id_of(cx: &Cx<'_, '_>) -> Option<StructId> {
    match cx.args.get(usize::from(cx.index))?.ty {
        Ty::Struct { id, .. } | Ty::Array { elem: id, .. } => Some(id),
        _ => None,
    }
}

const S_IFMT: u64 = 0o170_000;
const S_IFCHR: u64 = 0o020_000;
const S_IFBLK: u64 = 0o060_000;

/// stat(2): the mode and the size, or the device that it is; all of it with `-v`.
pub fn stat<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let fields = id_of(cx).and_then(|id| Fields::new(id, cx.abi, bytes));
    let Some(fields) = fields else { return };
    let verbose = cx.options.verbose;
    out.push(Value::StructOpen);
    if verbose {
        fields.show_all(out, cx, &["st_dev", "st_ino"]);
    }
    fields.show(out, cx, "st_mode");
    if verbose {
        let more = ["st_nlink", "st_uid", "st_gid", "st_blksize", "st_blocks"];
        fields.show_all(out, cx, &more);
        // The oldest has no such members.
        if id_of(cx) == Some(StructId::OldStat) {
            for name in ["st_blksize", "st_blocks"] {
                out.push(Value::Field(name));
                out.push(Value::Uint(0));
            }
        }
    }
    match fields.get("st_mode") & S_IFMT {
        S_IFCHR | S_IFBLK => fields.show(out, cx, "st_rdev"),
        _ => fields.show(out, cx, "st_size"),
    }
    if verbose {
        let times = [
            ("st_atime", "st_atime_nsec"),
            ("st_mtime", "st_mtime_nsec"),
            ("st_ctime", "st_ctime_nsec"),
        ];
        for (time, nsec) in times {
            stamp(out, cx, &fields, time, nsec);
        }
    } else {
        out.push(Value::More);
    }
    out.push(Value::StructClose);
}

fn stamp<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    fields: &Fields<'a>,
    time: &'static str,
    nsec: &'static str,
) {
    out.push(Value::Field(time));
    let width = if fields.get(time) >> 32 == 0 && cx.abi.word_bytes() == 4 {
        4
    } else {
        8
    };
    let seconds = super::cx::signed(fields.get(time), width);
    out.push(Value::Int(seconds));
    let fraction = fields.get(nsec);
    // A second has no more.
    if fraction <= 999_999_999 && (seconds != 0 || fraction != 0) {
        out.push(Value::Date(seconds, fraction as u32, 9));
    }
    fields.show(out, cx, nsec);
}

/// statfs(2): flags only where the kernel says that they are some.
pub fn statfs<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const ST_VALID: u64 = 0x20;
    let fields = id_of(cx).and_then(|id| Fields::new(id, cx.abi, bytes));
    let Some(fields) = fields else { return };
    // Of another size than the kernel's it is none.
    let said = cx.args.iter().position(|arg| arg.name == "size");
    if said.is_some_and(|n| cx.register(n as u8) != bytes.len() as u64) {
        return;
    }
    out.push(Value::StructOpen);
    let shown = [
        "f_type",
        "f_bsize",
        "f_blocks",
        "f_bfree",
        "f_bavail",
        "f_files",
        "f_ffree",
        "f_fsid",
        "f_namelen",
        "f_frsize",
    ];
    fields.show_all(out, cx, &shown);
    if fields.get("f_flags") & ST_VALID != 0 {
        fields.show(out, cx, "f_flags");
    }
    out.push(Value::StructClose);
}

/// statx(2).
pub fn statx<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    // `include/uapi/linux/stat.h`: which members were filled in.
    const STATX_TYPE_MODE: u64 = 0x3;
    const STATX_SIZE: u64 = 0x200;
    const STATX_ATIME: u64 = 0x20;
    const STATX_MTIME: u64 = 0x40;
    const STATX_CTIME: u64 = 0x80;
    const STATX_BTIME: u64 = 0x800;
    let Some(fields) = Fields::new(StructId::Statx, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    if !cx.options.verbose {
        fields.show_all(out, cx, &["stx_mask", "stx_attributes"]);
        let told = fields.get("stx_mask");
        for (mask, name) in [(STATX_TYPE_MODE, "stx_mode"), (STATX_SIZE, "stx_size")] {
            if told & mask != 0 {
                fields.show(out, cx, name);
            }
        }
        out.push(Value::More);
        out.push(Value::StructClose);
        return;
    }
    let shown = [
        "stx_mask",
        "stx_blksize",
        "stx_attributes",
        "stx_nlink",
        "stx_uid",
        "stx_gid",
        "stx_mode",
        "stx_ino",
        "stx_size",
        "stx_blocks",
        "stx_attributes_mask",
    ];
    fields.show_all(out, cx, &shown);
    let told = fields.get("stx_mask");
    for (name, at, mask) in [
        ("stx_atime", 64, STATX_ATIME),
        ("stx_btime", 80, STATX_BTIME),
        ("stx_ctime", 96, STATX_CTIME),
        ("stx_mtime", 112, STATX_MTIME),
    ] {
        if told & mask == 0 {
            continue;
        }
        let seconds = number_at(bytes, at, 8).unwrap_or(0) as i64;
        let nanos = number_at(bytes, at + 8, 4).unwrap_or(0) as u32;
        out.push(Value::Field(name));
        out.push(Value::StructOpen);
        out.push(Value::Field("tv_sec"));
        out.push(Value::Int(seconds));
        out.push(Value::Field("tv_nsec"));
        out.push(Value::Uint(nanos.into()));
        out.push(Value::StructClose);
        if seconds != 0 || nanos != 0 {
            out.push(Value::Date(seconds, nanos, 9));
        }
    }
    let rest = [
        "stx_rdev_major",
        "stx_rdev_minor",
        "stx_dev_major",
        "stx_dev_minor",
        "stx_mnt_id",
    ];
    fields.show_all(out, cx, &rest);
    out.push(Value::StructClose);
}

/// openat2(2): the mode only where it counts, and whatever a newer program passes behind what we know.
pub fn open_how<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::OpenHow, cx.abi, bytes) else {
        return;
    };
    const O_CREAT: u64 = 0x40;
    const O_TMPFILE: u64 = 0x40_0000;
    out.push(Value::StructOpen);
    fields.show(out, cx, "flags");
    if fields.get("flags") & (O_CREAT | O_TMPFILE) != 0 || fields.get("mode") != 0 {
        fields.show(out, cx, "mode");
    }
    fields.show(out, cx, "resolve");
    beyond(out, cx, bytes, 24);
    out.push(Value::StructClose);
}

/// Bytes behind what is known of a structure that its caller says is longer; `...` where they were not read.
pub fn beyond<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8], known: usize) {
    let rest = bytes.get(known..).unwrap_or_default();
    if rest.iter().any(|&b| b != 0) {
        let (from, to) = (known as u64, bytes.len() as u64 - 1);
        out.push(Value::Beyond(from, to));
        out.push(binary_of(rest, rest.len() as u64, cx.options.string));
    }
}

/// getdents64(2): the entries, or with `-v` only how many.
pub fn dirents64<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    entries(out, cx, bytes, true);
}

/// getdents(2).
pub fn dirents<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    entries(out, cx, bytes, false);
}

fn entries<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8], new: bool) {
    let word = if new { 8 } else { cx.abi.word_bytes() as usize };
    // { inode, offset, length: u16, [type: u8], name }
    let length = |rest: &[u8]| number_at(rest, 2 * word, 2).map(|n| n as usize);
    let verbose = cx.options.verbose;
    let captured = cx.at(cx.register(cx.index));
    let (mut rest, mut count) = (bytes, 0);
    if verbose {
        out.push(Value::ListOpen);
    }
    while let Some(len) = length(rest)
        && len > 2 * word + 2
        && let Some(entry) = rest.get(..len)
    {
        if verbose {
            dirent(out, entry, word, new);
        }
        count += 1;
        rest = rest.get(len..).unwrap_or_default();
    }
    if verbose {
        out.push(Value::ListClose);
        return;
    }
    // The probes have counted them, unless they could only copy.
    if let Some(counted) = captured.filter(|c| c.bytes.is_empty()) {
        count = u64::from(counted.header.full);
    }
    out.push(Value::Addr(cx.register(cx.index)));
    let cut = captured.is_some_and(super::cx::is_cut);
    out.push(Value::Count(
        count,
        match (count, cut) {
            (_, true) => "or more entries",
            _ => "entries",
        },
    ));
}

fn dirent<'a>(out: &mut Args<'a>, entry: &'a [u8], word: usize, new: bool) {
    let number = |at, width| number_at(entry, at, width).unwrap_or(0);
    let kind = if new {
        2 * word + 2
    } else {
        entry.len().saturating_sub(1)
    };
    let name = entry
        .get(2 * word + 2 + usize::from(new)..)
        .unwrap_or_default();
    let set = crate::tables::set(crate::tables::SetId::DirentType);
    let type_of = [Value::Field("d_type"), Value::Set(set, number(kind, 1))];
    out.push(Value::StructOpen);
    out.push(Value::Field("d_ino"));
    out.push(Value::Uint(number(0, word)));
    out.push(Value::Field("d_off"));
    out.push(Value::Uint(number(word, word)));
    out.push(Value::Field("d_reclen"));
    out.push(Value::Uint(number(2 * word, 2)));
    if new {
        type_of.iter().for_each(|v| out.push(*v));
    }
    out.push(Value::Field("d_name"));
    out.push(Value::Bytes {
        bytes: name.split(|&b| b == 0).next().unwrap_or_default(),
        cut: false,
    });
    if !new {
        type_of.iter().for_each(|v| out.push(*v));
    }
    out.push(Value::StructClose);
}

/// name_to_handle_at(2): how much room there was and how much was needed.
pub fn file_handle<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const EOVERFLOW: i64 = 75;
    let Some(room) = number_at(bytes, 0, 4) else {
        return;
    };
    let both = cx.args.get(usize::from(cx.index)).map(|a| a.ty.dir())
        == Some(Some(crate::tables::Dir::InOut));
    let after = if both { cx.bytes_after() } else { Some(bytes) };
    let needed = after.and_then(|after| number_at(after, 0, 4));
    out.push(Value::StructOpen);
    out.push(Value::Field("handle_bytes"));
    out.push(Value::Uint(room));
    if let Some(needed) = needed
        && needed != room
        && (cx.succeeded() || cx.call.record.ret == -EOVERFLOW)
    {
        out.push(Value::Becomes);
        out.push(Value::Uint(needed));
    }
    if !both || cx.succeeded() {
        let after = after.unwrap_or_default();
        if let Some(kind) = number_at(after, 4, 4) {
            out.push(Value::Field("handle_type"));
            out.push(Value::Int(i64::from(kind as i32)));
            out.push(Value::Field("f_handle"));
            let end = needed.unwrap_or(0).min(128) as usize + 8;
            out.push(match after.get(8..end) {
                Some(bytes) => Value::Binary {
                    bytes,
                    cut: needed.is_some_and(|needed| needed > 128),
                },
                None => Value::Name("???"),
            });
        }
    }
    out.push(Value::StructClose);
}
