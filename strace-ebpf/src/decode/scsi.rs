//! Commands to SCSI devices, SG_IO: `struct sg_io_hdr` of scsi/sg.h, whose third version is named by an `S`, and
//! `struct sg_io_v4` of include/uapi/linux/bsg.h, named by a `Q`; with the bytes that they lead to.

use super::{
    cx::{Cx, number_at, signed},
    structs::{self, Fields},
    value::{Args, Value},
    vectors::binary_of,
};
use crate::{session::parse::Captured, tables::StructId};

/// SG_IO: a command and what came of it, even where the request failed.
pub fn command<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(version) = number_at(bytes, 0, 4) else {
        return;
    };
    match u8::try_from(version) {
        Ok(b'S') => third(out, cx, bytes),
        Ok(b'Q') => fourth(out, cx, bytes),
        _ => {
            out.push(Value::ListOpen);
            out.push(Value::Int(signed(version, 4)));
            out.push(Value::ListClose);
        }
    }
}

/// When bytes are looked at.
#[derive(Clone, Copy, PartialEq)]
enum When {
    Before,
    After,
}

/// The structure as the kernel left it, even where the request failed.
fn after<'a>(cx: &Cx<'_, 'a>, id: StructId) -> Option<Fields<'a>> {
    let after = cx.bytes_after().filter(|_| !cx.call.no_return);
    Fields::new(id, cx.abi, after?)
}

fn third<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const TO_DEVICE: i32 = -2;
    const FROM_DEVICE: i32 = -3;
    const BOTH: i32 = -4;
    let id = StructId::SgIoV3;
    let Some(fields) = Fields::new(id, cx.abi, bytes) else {
        return;
    };
    let direction = fields.get("dxfer_direction") as i32;
    let after = after(cx, id);
    let len = fields.get("dxfer_len");
    let vector = fields.get("iovec_count");
    out.push(Value::StructOpen);
    out.push(Value::Field("interface_id"));
    out.push(Value::Char(b'S'));
    fields.show_all(out, cx, &["dxfer_direction", "cmd_len"]);
    let len_of_command = fields.get("cmd_len");
    data(
        out,
        cx,
        When::Before,
        ("cmdp", fields.get("cmdp")),
        len_of_command,
    );
    fields.show_all(out, cx, &["mx_sb_len", "iovec_count", "dxfer_len"]);
    fields.show_all(out, cx, &["timeout", "flags"]);
    let place = ("dxferp", fields.get("dxferp"));
    if matches!(direction, TO_DEVICE | BOTH) {
        transfer(out, cx, When::Before, place, (vector, len));
    }
    if let Some(after) = after {
        let left = after.get("resid") as i32;
        let done = len.saturating_sub(u64::try_from(left).unwrap_or(0));
        match direction {
            FROM_DEVICE => transfer(out, cx, When::After, place, (vector, done)),
            BOTH => {
                out.push(Value::Becomes);
                bytes_at(out, cx, When::After, place.1, done);
            }
            _ => {}
        }
        let names = ["status", "masked_status", "msg_status", "sb_len_wr"];
        after.show_all(out, cx, &names);
        let sense = after.get("sb_len_wr");
        data(out, cx, When::After, ("sbp", after.get("sbp")), sense);
        let names = ["host_status", "driver_status", "resid", "duration", "info"];
        after.show_all(out, cx, &names);
    }
    out.push(Value::StructClose);
}

fn fourth<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let id = StructId::SgIoV4;
    let Some(fields) = Fields::new(id, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    out.push(Value::Field("guard"));
    out.push(Value::Char(b'Q'));
    fields.show_all(out, cx, &["protocol", "subprotocol", "request_len"]);
    let len = fields.get("request_len");
    data(
        out,
        cx,
        When::Before,
        ("request", fields.get("request")),
        len,
    );
    let names = [
        "request_tag",
        "request_attr",
        "request_priority",
        "request_extra",
        "max_response_len",
        "dout_iovec_count",
        "dout_xfer_len",
        "din_iovec_count",
        "din_xfer_len",
    ];
    fields.show_all(out, cx, &names);
    let vector = fields.get("dout_iovec_count");
    let place = ("dout_xferp", fields.get("dout_xferp"));
    let len = fields.get("dout_xfer_len");
    transfer(out, cx, When::Before, place, (vector, len));
    fields.show_all(out, cx, &["timeout", "flags", "usr_ptr"]);
    if let Some(after) = after(cx, id) {
        answer(out, cx, &after);
    }
    out.push(Value::StructClose);
}

fn answer<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, after: &Fields<'a>) {
    after.show(out, cx, "response_len");
    let len = after.get("response_len");
    data(
        out,
        cx,
        When::After,
        ("response", after.get("response")),
        len,
    );
    let left = u64::try_from(after.get("din_resid") as i32).unwrap_or(0);
    let len = after.get("din_xfer_len").saturating_sub(left);
    let place = ("din_xferp", after.get("din_xferp"));
    let vector = after.get("din_iovec_count");
    transfer(out, cx, When::After, place, (vector, len));
    let names = [
        "driver_status",
        "transport_status",
        "device_status",
        "retry_delay",
        "info",
        "duration",
        "response_len",
        "din_resid",
        "dout_resid",
        "generated_tag",
    ];
    after.show_all(out, cx, &names);
}

/// A member that leads to data, or to the places where it is.
fn transfer<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    when: When,
    (name, addr): (&'static str, u64),
    (vector, len): (u64, u64),
) {
    if vector == 0 {
        data(out, cx, when, (name, addr), len);
        return;
    }
    out.push(Value::Field(name));
    let word = cx.abi.word_bytes() as usize;
    let Some(found) = captured(cx, when, addr) else {
        return out.push(Value::Addr(addr));
    };
    let count = usize::try_from(vector).unwrap_or(usize::MAX);
    let each = found.bytes.chunks_exact(2 * word);
    out.list(each, (count, cx.options.most()), |out, one| {
        structs::structure(out, cx, StructId::Iovec, 0, one);
    });
}

fn data<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    when: When,
    (name, addr): (&'static str, u64),
    len: u64,
) {
    out.push(Value::Field(name));
    bytes_at(out, cx, when, addr, len);
}

fn bytes_at<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, when: When, addr: u64, len: u64) {
    let found = match captured(cx, when, addr) {
        Some(found) => found.bytes,
        None if len == 0 && addr != 0 => &[],
        None => return out.push(Value::Addr(addr)),
    };
    out.push(binary_of(found, len, cx.options.string));
}

fn captured<'a>(cx: &Cx<'_, 'a>, when: When, addr: u64) -> Option<Captured<'a>> {
    let found = match when {
        When::Before => cx.at(addr).copied(),
        When::After => cx.at_after(addr),
    };
    found.filter(|_| addr != 0)
}
