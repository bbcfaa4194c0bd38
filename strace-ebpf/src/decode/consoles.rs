//! Keys of consoles' keyboards, include/uapi/linux/kd.h and keyboard.h, and other structures of devices whose members
//! decide about each other.

use super::{
    cx::{Cx, number_at},
    structs::{Fields, structure},
    value::{Args, Value},
    vectors::{binary_of, bytes_of},
};
use crate::tables::{self, SetId, StructId};

/// A key's table: a name, or the modifiers that choose it.
pub fn table<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(table) = number_at(bytes, 0, 1) else {
        return;
    };
    let named = tables::set(SetId::KdKeyTable).name_of(table).is_some();
    let set = if named {
        SetId::KdKeyTable
    } else {
        SetId::KdKeyModifiers
    };
    out.push(Value::Wide(tables::set(set), table));
}

/// What a key means: a number, and its name or its parts as a remark.
pub fn key<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    if let Some(value) = number_at(bytes, 0, 2) {
        out.push(Value::Hex(value));
        out.push(Value::Key(value as u16));
    }
}

/// Bytes of a character, 32 rows of 8 dots.
const CHARACTER: u64 = 32;

/// `struct consolefontdesc`: a font for as many characters as it says.
pub fn screen_font<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::ConsoleFont, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["charcount", "charheight"]);
    out.push(Value::Field("chardata"));
    dots(
        out,
        cx,
        fields.get("chardata"),
        CHARACTER * fields.get("charcount"),
    );
    out.push(Value::StructClose);
}

/// The same before the font is there.
pub fn screen_font_asked<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    if let Some(fields) = Fields::new(StructId::ConsoleFontBoth, cx.abi, bytes) {
        fields.show_whole(out, cx);
    }
}

/// So many bytes of a font, or its address.
fn dots<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, addr: u64, there: u64) {
    let found = cx.at(addr).copied().or_else(|| cx.at_after(addr));
    let found = found.map(|found| found.bytes);
    // Of nothing nothing is looked for.
    let found = found.or((there == 0).then_some(&[][..]));
    let Some(found) = found.filter(|_| addr != 0) else {
        return out.push(Value::Addr(addr));
    };
    out.push(binary_of(found, there, cx.options.string));
}

/// PIO_UNIMAP: `struct unimapdesc` and its pairs.
pub fn unicode_map<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    pairs(out, cx, StructId::UnicodeMap, bytes);
}

/// GIO_UNIMAP: the same, which the kernel writes.
pub fn unicode_map_got<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let after = cx.bytes_after().filter(|_| cx.succeeded());
    pairs(out, cx, StructId::UnicodeMapGot, after.unwrap_or(bytes));
}

fn pairs<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, id: StructId, bytes: &'a [u8]) {
    const PAIR: usize = 4;
    let Some(fields) = Fields::new(id, cx.abi, bytes) else {
        return;
    };
    let (count, addr) = (fields.get("entry_ct") as usize, fields.get("entries"));
    let found = match id {
        StructId::UnicodeMap => cx.at(addr).copied(),
        _ => cx.at_after(addr).filter(|_| cx.succeeded()),
    };
    out.push(Value::StructOpen);
    fields.show(out, cx, "entry_ct");
    out.push(Value::Field("entries"));
    match found.filter(|_| addr != 0) {
        Some(found) => {
            let each = found.bytes.chunks_exact(PAIR);
            out.list(each, (count, cx.options.most()), |out, pair| {
                structure(out, cx, StructId::UnicodePair, addr, pair);
            });
        }
        None => out.push(Value::Addr(addr)),
    }
    out.push(Value::StructClose);
}

/// `struct console_font_op`: what the operation takes, and what it gives.
pub fn font<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let id = StructId::FontOperation;
    let Some(fields) = Fields::new(id, cx.abi, bytes) else {
        return;
    };
    let sizes = ["width", "height", "charcount"];
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["op", "flags"]);
    fields.show_all(out, cx, &sizes);
    if fields.has(cx, "dots") {
        font_data(out, cx, &fields);
    } else if fields.has(cx, "name") {
        font_name(out, cx, fields.get("data"));
    } else if fields.has(cx, "address") {
        out.push(Value::Field("data"));
        out.push(Value::Addr(fields.get("data")));
    }
    out.push(Value::StructClose);
    let after = cx.bytes_after().filter(|_| cx.succeeded());
    let after = after.and_then(|bytes| Fields::new(StructId::FontOperationAfter, cx.abi, bytes));
    if let Some(after) = after.filter(|after| after.has(cx, "height")) {
        out.push(Value::Becomes);
        out.push(Value::StructOpen);
        after.show_all(out, cx, &sizes);
        if after.has(cx, "dots") {
            font_data(out, cx, &after);
        }
        out.push(Value::StructClose);
    }
}

/// The font of a `struct console_font_op`: rows of whole bytes.
fn font_data<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>) {
    let bytes = CHARACTER
        .saturating_mul(fields.get("width").div_ceil(8))
        .saturating_mul(fields.get("charcount"));
    out.push(Value::Field("data"));
    dots(out, cx, fields.get("data"), bytes);
}

/// A font's name in the same place.
fn font_name<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, addr: u64) {
    out.push(Value::Field("data"));
    let Some(found) = cx.at(addr).filter(|_| addr != 0) else {
        return out.push(Value::Addr(addr));
    };
    let text = found
        .bytes
        .split(|&byte| byte == 0)
        .next()
        .unwrap_or_default();
    out.push(bytes_of(text, text.len() as u64, cx.options.string));
}

/// `struct hd_drive_cmd_hdr` after the call, and the sectors if any were read.
pub fn drive<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const COUNT_AT: usize = 3;
    const SECTOR: u64 = 512;
    let Some(fields) = Fields::new(StructId::HdDriveResult, cx.abi, bytes) else {
        return;
    };
    let asked = cx.bytes().and_then(|before| number_at(before, COUNT_AT, 1));
    let sectors = asked.unwrap_or(0);
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["status", "error", "nsector"]);
    if sectors > 0 {
        let data = bytes.get(COUNT_AT + 1..).unwrap_or_default();
        let shown = data.len().min(cx.options.string);
        out.push(Value::Field("buf"));
        out.push(Value::Binary {
            bytes: data.get(..shown).unwrap_or_default(),
            cut: (shown as u64) < SECTOR * sectors,
        });
    }
    out.push(Value::StructClose);
}

/// `struct ubi_mkvol_req`: the name is as long as it says.
pub fn volume<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let names = [
        "vol_id",
        "alignment",
        "bytes",
        "vol_type",
        "flags",
        "name_len",
    ];
    named(out, cx, StructId::UbiVolume, bytes, &names);
}

/// A volume's new name, `struct ubi_rnvol_req`.
pub fn new_name<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    named(out, cx, StructId::UbiName, bytes, &["vol_id", "name_len"]);
}

fn named<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    id: StructId,
    bytes: &'a [u8],
    names: &[&'static str],
) {
    /// `UBI_MAX_VOLUME_NAME`.
    const MOST: usize = 127;
    let Some(fields) = Fields::new(id, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_all(out, cx, names);
    let len = fields.get("name_len") as i16;
    let room = fields.bytes("name");
    let most = usize::try_from(len).unwrap_or(0).min(MOST);
    let text = room.split(|&byte| byte == 0).next().unwrap_or_default();
    out.push(Value::Field("name"));
    out.push(Value::Bytes {
        bytes: text.get(..most).unwrap_or(text),
        cut: text.len() > most,
    });
    out.push(Value::StructClose);
}
