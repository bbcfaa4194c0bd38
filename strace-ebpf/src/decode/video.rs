//! Structures of video devices that the kernel completes:
//! include/uapi/linux/videodev2.h.

use super::{
    cx::Cx,
    structs::{Fields, structure},
    value::{Args, Value},
};
use crate::tables::{self, SetId, StructId};

/// The argument as it is after a success.
fn answered<'a>(cx: &Cx<'_, 'a>, id: StructId) -> Option<Fields<'a>> {
    let after = cx.bytes_after().filter(|_| cx.succeeded())?;
    Fields::new(id, cx.abi, after)
}

/// VIDIOC_QUERYCTRL: which control was asked for, which it is, and what it takes.
pub fn control<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let names = ["minimum", "maximum", "step", "default_value", "flags"];
    controlled(out, cx, StructId::V4l2ControlInfo, bytes, &names);
}

/// VIDIOC_QUERY_EXT_CTRL.
pub fn control_more<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let names = [
        "minimum",
        "maximum",
        "step",
        "default_value",
        "flags",
        "elem_size",
        "elems",
        "nr_of_dims",
        "dims",
    ];
    controlled(out, cx, StructId::V4l2ControlMore, bytes, &names);
}

/// A control's number, which may have flags that ask for the next one.
fn number(out: &mut Args<'_>, id: u64) {
    const FLAGS: u64 = 0xc000_0000;
    if id & FLAGS != 0 {
        out.push(Value::Wide(
            tables::set(SetId::V4l2ControlAsked),
            id & FLAGS,
        ));
        out.push(Value::Or);
    }
    out.push(Value::Wide(tables::set(SetId::V4l2ControlId), id & !FLAGS));
}

fn controlled<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    id: StructId,
    bytes: &'a [u8],
    details: &[&'static str],
) {
    let Some(fields) = Fields::new(id, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    out.push(Value::Field("id"));
    number(out, fields.get("id"));
    if let Some(after) = answered(cx, id) {
        if after.get("id") != fields.get("id") {
            out.push(Value::Becomes);
            number(out, after.get("id"));
        }
        after.show_all(out, cx, &["type", "name"]);
        if cx.options.verbose {
            after.show_all(out, cx, details);
            after.show(out, cx, "reserved");
        } else {
            out.push(Value::More);
        }
    }
    out.push(Value::StructClose);
}

/// VIDIOC_S_EXT_CTRLS and VIDIOC_TRY_EXT_CTRLS: what was asked for, and what came of it.
pub fn settings<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let id = StructId::V4l2Settings;
    let Some(fields) = Fields::new(id, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["ctrl_class", "count"]);
    let is_list = listed(out, cx, &fields, false);
    out.push(Value::StructClose);
    let after = cx.bytes_after().filter(|_| is_list && !cx.call.no_return);
    if let Some(after) = after.and_then(|after| Fields::new(id, cx.abi, after)) {
        out.push(Value::Becomes);
        out.push(Value::StructOpen);
        listed(out, cx, &after, true);
        if cx.failed() {
            after.show(out, cx, "error_idx");
        }
        out.push(Value::StructClose);
    }
}

/// VIDIOC_G_EXT_CTRLS.
pub fn settings_got<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let id = StructId::V4l2SettingsGot;
    let Some(fields) = Fields::new(id, cx.abi, bytes) else {
        return;
    };
    let after = cx
        .bytes_after()
        .and_then(|after| Fields::new(id, cx.abi, after));
    let fields = after.unwrap_or(fields);
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["ctrl_class", "count"]);
    if fields.get("count") > 0 {
        listed(out, cx, &fields, true);
        if cx.failed() {
            fields.show(out, cx, "error_idx");
        }
    }
    out.push(Value::StructClose);
}

/// The controls if there are any; whether they could be read.
fn listed<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>, after: bool) -> bool {
    let id = StructId::V4l2Setting;
    let size = tables::struct_size(id, cx.abi) as usize;
    let count = fields.get("count") as usize;
    let addr = fields.get("controls");
    if count == 0 {
        return false;
    }
    let found = match after {
        true => cx.at_after(addr),
        false => cx.at(addr).copied(),
    };
    out.push(Value::Field("controls"));
    let Some(list) = found.filter(|_| addr != 0) else {
        out.push(Value::Addr(addr));
        return false;
    };
    let each = list.bytes.chunks_exact(size.max(1));
    out.list(each, (count, cx.options.most()), |out, one| {
        structure(out, cx, id, 0, one);
    });
    true
}

/// Which buffers VIDIOC_CREATE_BUFS has made.
pub fn created_as<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>) {
    if let Some(after) = answered(cx, StructId::V4l2CreatedAs) {
        out.begin();
        after.show_whole(out, cx);
    }
}
