//! io_uring_setup(2), io_uring_register(2): what their members alone do not say.

use super::{
    cx::{Cx, number_at},
    structs::Fields,
    value::{Args, Value},
};
use crate::tables::{self, SetId, StructId};

/// io_uring_setup(2): what was asked for, and after a success what the kernel made of it.
pub fn params<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const IORING_SETUP_ATTACH_WQ: u64 = 1 << 5;
    let Some(fields) = Fields::new(StructId::IoUringParams, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["flags", "sq_thread_cpu", "sq_thread_idle"]);
    if fields.get("flags") & IORING_SETUP_ATTACH_WQ != 0 {
        fields.show(out, cx, "wq_fd");
    }
    fields.show(out, cx, "resv");
    if cx.succeeded() {
        let made = ["sq_entries", "cq_entries", "features", "sq_off", "cq_off"];
        fields.show_all(out, cx, &made);
    }
    out.push(Value::StructClose);
}

fn operation(byte: u64) -> Value<'static> {
    Value::Set(tables::set(SetId::IoUringOp), byte)
}

/// IORING_REGISTER_PROBE: `struct io_uring_probe` and as many operations as the caller has room for.
pub fn probe<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const HEADER: usize = 16;
    const OPERATION: usize = 8;
    if bytes.len() < HEADER {
        return;
    }
    let get = |at, width| number_at(bytes, at, width).unwrap_or(0);
    out.push(Value::StructOpen);
    out.push(Value::Field("last_op"));
    out.push(operation(get(0, 1)));
    out.push(Value::Field("ops_len"));
    out.push(Value::Uint(get(1, 1)));
    out.push(Value::Field("ops"));
    out.push(Value::ListOpen);
    let there = cx.register(3) as u32 as usize;
    let most = there.min(cx.options.most());
    let rest = bytes.get(HEADER..).unwrap_or_default();
    let mut shown = 0;
    for one in rest.chunks_exact(OPERATION).take(most) {
        probed(out, one);
        shown += 1;
    }
    if shown < there {
        out.push(Value::More);
    }
    out.push(Value::ListClose);
    out.push(Value::StructClose);
}

/// `struct io_uring_probe_op`.
fn probed(out: &mut Args<'_>, bytes: &[u8]) {
    let get = |at, width| number_at(bytes, at, width).unwrap_or(0);
    out.push(Value::StructOpen);
    out.push(Value::Field("op"));
    out.push(operation(get(0, 1)));
    if get(1, 1) != 0 {
        out.push(Value::Field("resv"));
        out.push(Value::Hex(get(1, 1)));
    }
    out.push(Value::Field("flags"));
    out.push(Value::Set(tables::set(SetId::IoUringOpFlags), get(2, 2)));
    if get(4, 4) != 0 {
        out.push(Value::Field("resv2"));
        out.push(Value::Hex(get(4, 4)));
    }
    out.push(Value::StructClose);
}

/// `struct io_uring_restriction`: its operation says what the byte behind it is.
pub fn restriction<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let (Some(opcode), Some(byte)) = (number_at(bytes, 0, 2), number_at(bytes, 2, 1)) else {
        return;
    };
    let set = |id, value| Value::Set(tables::set(id), value);
    out.push(Value::StructOpen);
    out.push(Value::Field("opcode"));
    out.push(set(SetId::IoUringRestrictionOp, opcode));
    let (name, value) = match opcode {
        0 => ("register_op", set(SetId::IoUringRegisterOp, byte)),
        1 => ("sqe_op", operation(byte)),
        2 | 3 => ("sqe_flags", set(SetId::IoUringSqeFlags, byte)),
        _ => ("register_op", Value::Hex(byte)),
    };
    out.push(Value::Field(name));
    out.push(value);
    out.push(Value::StructClose);
}

/// IORING_REGISTER_IOWQ_MAX_WORKERS: limits that were set, and those that were in force.
pub fn workers<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    both(out, bytes);
    out.push(Value::Becomes);
    match cx.bytes_after().filter(|_| cx.succeeded()) {
        Some(after) => both(out, after),
        None => out.push(Value::Addr(cx.register(cx.index))),
    }
}

fn both(out: &mut Args<'_>, bytes: &[u8]) {
    let set = tables::set(SetId::IoUringWorkers);
    out.push(Value::ListOpen);
    for (i, word) in (0u16..2).zip(bytes.chunks_exact(4)) {
        out.push(Value::Index(set.name_of(i.into()), i));
        out.push(Value::Uint(super::cx::number(word)));
    }
    out.push(Value::ListClose);
}
