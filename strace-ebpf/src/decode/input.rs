//! What requests of input devices lead to, whose numbers say how much of it there is and of what kind:
//! include/uapi/linux/input.h.

use super::{
    cx::{Cx, number_at, signed},
    structs::Fields,
    value::{Args, Value},
    vectors::bytes_of,
};
use crate::tables::StructId;

/// EVIOCGBIT(EV_PWR), a number.
const POWER: u64 = 0x36;

/// The argument that is the request.
const REQUEST: u8 = 1;

/// EVIOCGNAME and its kin: as many bytes as the result says.
pub fn text<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let told = u64::try_from(cx.call.record.ret).unwrap_or(0);
    out.push(bytes_of(bytes, told, cx.options.string));
}

/// EVIOCGBIT, EVIOCGKEY and their kin: as many bytes of bits as the result says.
pub fn bits<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let which = cx.register(REQUEST) & 0xff;
    if which == POWER {
        if let Some(power) = number_at(bytes, 0, 4) {
            out.push(Value::ListOpen);
            out.push(Value::Int(signed(power, 4)));
            out.push(Value::ListClose);
        }
        return;
    }
    if let Some(fields) = Fields::some(StructId::InputBits, cx.abi, bytes) {
        fields.show_whole(out, cx);
    }
}

/// EVIOCGMTSLOTS: a value for each contact, as many as the request's number has room for.
pub fn slots<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const INT: usize = 4;
    let size = (cx.register(REQUEST) >> 16 & 0x3fff) as usize;
    let Some(fields) = Fields::new(StructId::InputSlots, cx.abi, bytes).filter(|_| size >= INT)
    else {
        return;
    };
    let there = size / INT - 1;
    let values = bytes.get(INT..).unwrap_or_default().chunks_exact(INT);
    out.push(Value::StructOpen);
    fields.show(out, cx, "code");
    out.push(Value::Field("values"));
    out.list(values, (there, cx.options.most()), |out, value| {
        let value = number_at(value, 0, INT).unwrap_or(0);
        out.push(Value::Int(signed(value, INT)));
    });
    out.push(Value::StructClose);
}

/// EVIOCGKEYCODE: a scan code, and the key that it is.
pub fn code<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::InputCode, cx.abi, bytes) else {
        return;
    };
    out.push(Value::ListOpen);
    fields.show_bare(out, cx, "scan");
    fields.show_bare(out, cx, "key");
    out.push(Value::ListClose);
}
