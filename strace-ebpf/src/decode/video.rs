//! Structures of video devices whose types say what is in them, or which the kernel completes:
//! include/uapi/linux/videodev2.h.

use super::{
    cx::{self, Cx, number_at},
    structs::{Fields, structure},
    value::{Args, Value},
};
use crate::tables::{self, SetId, StructId};

/// A member of a union: the type that has it, its name and what it is.
type Choice = (&'static [u64], &'static str, StructId);

/// `struct v4l2_format`, by `enum v4l2_buf_type`.
const FORMATS: &[Choice] = &[
    (&[1, 2], "fmt.pix", StructId::V4l2Pixels),
    (&[3, 8], "fmt.win", StructId::V4l2Window),
    (&[4, 5], "fmt.vbi", StructId::V4l2Vbi),
    (&[6, 7], "fmt.sliced", StructId::V4l2Sliced),
    (&[9, 10], "fmt.pix_mp", StructId::V4l2Planes),
    (&[11, 12], "fmt.sdr", StructId::V4l2Samples),
    (&[13, 14], "fmt.meta", StructId::V4l2Metadata),
];

/// `struct v4l2_streamparm`, by the same.
const PARAMETERS: &[Choice] = &[
    (&[1], "parm.capture", StructId::V4l2Capture),
    (&[2], "parm.output", StructId::V4l2Output),
];

/// Bytes of either union, which ends its structure.
const UNION: usize = 200;

/// VIDIOC_S_FMT and VIDIOC_TRY_FMT: what was asked for, and what there is.
pub fn format<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    set(out, cx, StructId::V4l2Format, bytes, FORMATS);
}

/// VIDIOC_G_FMT.
pub fn format_got<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    got(out, cx, StructId::V4l2FormatGot, bytes, FORMATS);
}

/// VIDIOC_S_PARM.
pub fn parameters<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    set(out, cx, StructId::V4l2Parameters, bytes, PARAMETERS);
}

/// VIDIOC_G_PARM.
pub fn parameters_got<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    got(out, cx, StructId::V4l2ParametersGot, bytes, PARAMETERS);
}

fn set<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, id: StructId, bytes: &'a [u8], choices: &[Choice]) {
    let Some(fields) = Fields::new(id, cx.abi, bytes) else {
        return;
    };
    let kind = fields.get("type");
    out.push(Value::StructOpen);
    fields.show(out, cx, "type");
    chosen(out, cx, kind, bytes, choices);
    out.push(Value::StructClose);
    // The VIDIOC_CREATE_BUFS around it has none of its own.
    let is_argument = cx.bytes().is_some_and(|own| own.as_ptr() == bytes.as_ptr());
    let after = cx.bytes_after().filter(|_| is_argument && cx.succeeded());
    let after = after.and_then(|after| after.get(..bytes.len()));
    if let Some(after) = after.filter(|_| choices.iter().any(|choice| choice.0.contains(&kind))) {
        out.push(Value::Becomes);
        out.push(Value::StructOpen);
        chosen(out, cx, kind, after, choices);
        out.push(Value::StructClose);
    }
}

fn got<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, id: StructId, bytes: &'a [u8], choices: &[Choice]) {
    let Some(fields) = Fields::new(id, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show(out, cx, "type");
    let after = cx.bytes_after().filter(|_| cx.succeeded());
    if let Some(after) = after.and_then(|after| after.get(..bytes.len())) {
        chosen(out, cx, fields.get("type"), after, choices);
    }
    out.push(Value::StructClose);
}

/// The union's member for a type.
fn chosen<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, kind: u64, bytes: &'a [u8], choices: &[Choice]) {
    let found = choices.iter().find(|choice| choice.0.contains(&kind));
    let own = bytes
        .len()
        .checked_sub(UNION)
        .and_then(|at| bytes.get(at..));
    if let (Some((_, name, id)), Some(own)) = (found, own) {
        out.push(Value::Field(name));
        structure(out, cx, *id, 0, own);
    }
}

/// VIDIOC_QUERYBUF and VIDIOC_QBUF.
pub fn buffer<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let id = StructId::V4l2Buffer;
    let Some(fields) = Fields::new(id, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["type", "index"]);
    if let Some(after) = answered(cx, id) {
        filled(out, cx, &after);
        out.push(Value::More);
    }
    out.push(Value::StructClose);
}

/// VIDIOC_DQBUF: which one it is, and when it was filled.
pub fn buffer_taken<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let id = StructId::V4l2BufferTaken;
    let Some(fields) = Fields::new(id, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show(out, cx, "type");
    if let Some(after) = answered(cx, id) {
        after.show(out, cx, "index");
        filled(out, cx, &after);
        after.show(out, cx, "timestamp");
        out.push(Value::More);
    }
    out.push(Value::StructClose);
}

/// The argument as it is after a success.
fn answered<'a>(cx: &Cx<'_, 'a>, id: StructId) -> Option<Fields<'a>> {
    let after = cx.bytes_after().filter(|_| cx.succeeded())?;
    Fields::new(id, cx.abi, after)
}

fn filled<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>) {
    const MMAP: u64 = 1;
    const USERPTR: u64 = 2;
    fields.show(out, cx, "memory");
    match fields.get("memory") {
        MMAP => {
            // An `unsigned int` at the union's start.
            out.push(Value::Field("m.offset"));
            out.push(Value::Hex(fields.get("place") & 0xffff_ffff));
        }
        USERPTR => fields.show_as(out, cx, "place", "m.userptr"),
        _ => {}
    }
    fields.show_all(out, cx, &["length", "bytesused", "flags"]);
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

/// VIDIOC_QUERYMENU: a name, or the number that is in the same place.
pub fn menu<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const VALUE_AT: usize = 8;
    let Some(fields) = Fields::new(StructId::V4l2MenuAfter, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show(out, cx, "name");
    out.push(Value::Field("value"));
    out.push(Value::Int(number_at(bytes, VALUE_AT, 8).unwrap_or(0) as i64));
    out.push(Value::StructClose);
}

/// `struct v4l2_ext_control`: a number, or with a size text.
pub fn setting<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::V4l2Setting, cx.abi, bytes) else {
        return;
    };
    let (value, size) = (fields.get("value64"), fields.get("size"));
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["id", "size"]);
    if size == 0 {
        out.push(Value::Field("value"));
        out.push(Value::Int((value as i32).into()));
        fields.show(out, cx, "value64");
    } else {
        let addr = match cx.abi.word_bytes() {
            8 => value,
            _ => value & 0xffff_ffff,
        };
        out.push(Value::Field("string"));
        let text = cx.at(addr).copied().or_else(|| cx.at_after(addr));
        out.push(match text.filter(|_| addr != 0) {
            Some(text) => Value::Bytes {
                bytes: text.bytes,
                cut: cx::is_cut(&text),
            },
            None => Value::Addr(addr),
        });
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
    const ONE: usize = 20;
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
    let mut shown = 0;
    out.push(Value::ListOpen);
    let each = list.bytes.chunks_exact(ONE);
    for one in each.take(count.min(cx.options.most())) {
        setting(out, cx, one);
        shown += 1;
    }
    if shown < count {
        out.push(Value::More);
    }
    out.push(Value::ListClose);
    true
}

/// VIDIOC_ENUM_FRAMESIZES.
pub fn frame_sizes<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const SIZES_AT: usize = 12;
    const DISCRETE: u64 = 1;
    const STEPWISE: u64 = 3;
    let id = StructId::V4l2FrameSizes;
    let asked = ["index", "pixel_format"];
    enumerated(out, cx, (id, SIZES_AT), bytes, &asked, |out, kind, own| {
        let number = |at| Value::Uint(number_at(own, at, 4).unwrap_or(0));
        match kind {
            DISCRETE => {
                out.push(Value::Field("discrete"));
                out.push(Value::StructOpen);
                out.push(Value::Field("width"));
                out.push(number(0));
                out.push(Value::Field("height"));
                out.push(number(4));
                out.push(Value::StructClose);
            }
            STEPWISE => {
                out.push(Value::Field("stepwise"));
                structure(out, cx, StructId::V4l2Steps, 0, own);
            }
            _ => {}
        }
    });
}

/// VIDIOC_ENUM_FRAMEINTERVALS.
pub fn frame_intervals<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const INTERVALS_AT: usize = 20;
    let id = StructId::V4l2FrameIntervals;
    let asked = ["index", "pixel_format", "width", "height"];
    enumerated(
        out,
        cx,
        (id, INTERVALS_AT),
        bytes,
        &asked,
        |out, kind, own| {
            let number = |at| number_at(own, at, 4).unwrap_or(0) as u32;
            match kind {
                1 => {
                    out.push(Value::Field("discrete"));
                    out.push(Value::Fraction(number(0), number(4)));
                }
                2 | 3 => {
                    out.push(Value::Field("stepwise"));
                    structure(out, cx, StructId::V4l2StepFractions, 0, own);
                }
                _ => {}
            }
        },
    );
}

/// Members that ask, and after a success the type and what `show` writes of the bytes from some place on.
fn enumerated<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    (id, at): (StructId, usize),
    bytes: &'a [u8],
    asked: &[&'static str],
    show: impl Fn(&mut Args<'a>, u64, &'a [u8]),
) {
    let Some(fields) = Fields::new(id, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_all(out, cx, asked);
    if let Some(after) = answered(cx, id) {
        after.show(out, cx, "type");
        let own = cx.bytes_after().and_then(|bytes| bytes.get(at..));
        show(out, after.get("type"), own.unwrap_or_default());
    }
    out.push(Value::StructClose);
}

/// VIDIOC_CREATE_BUFS.
pub fn created<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::V4l2Created, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["count", "memory", "format"]);
    out.push(Value::StructClose);
}

/// Which buffers VIDIOC_CREATE_BUFS has made.
pub fn created_as<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>) {
    if let Some(after) = answered(cx, StructId::V4l2Created) {
        out.begin();
        out.push(Value::StructOpen);
        after.show_all(out, cx, &["index", "count"]);
        out.push(Value::StructClose);
    }
}
