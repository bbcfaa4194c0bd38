//! What requests of input devices lead to, whose numbers say how much of it there is and of what kind:
//! include/uapi/linux/input.h.

use super::{
    cx::{Cx, number_at, signed},
    structs::Fields,
    value::{Args, Value},
    vectors::bytes_of,
};
use crate::tables::{self, SetId, StructId};

/// The kinds of bits, by the requests' low bytes; EVIOCGBIT has a number for each type of events.
const KINDS: &[(u64, SetId)] = &[
    (0x09, SetId::InputProperties),
    (0x18, SetId::InputKeys),
    (0x19, SetId::InputLights),
    (0x1a, SetId::InputSounds),
    (0x1b, SetId::InputSwitches),
    (0x20, SetId::InputEvents),
    (0x21, SetId::InputKeys),
    (0x22, SetId::InputMoves),
    (0x23, SetId::InputAxes),
    (0x24, SetId::InputScans),
    (0x25, SetId::InputSwitches),
    (0x31, SetId::InputLights),
    (0x32, SetId::InputSounds),
    (0x34, SetId::InputRepeats),
    (0x35, SetId::InputEffects),
    (0x37, SetId::InputEffectStates),
];

/// EVIOCGBIT(EV_PWR), a number.
const POWER: u64 = 0x36;

/// Names of bits that strace shows without `-v`.
const FEW: usize = 4;

/// The argument that is the request.
const REQUEST: u8 = 1;

/// EVIOCGNAME and its kin: as many bytes as the result says.
pub fn text<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    out.push(bytes_of(bytes, told(cx) as u64, cx.options.string));
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
    let Some((_, set)) = KINDS.iter().find(|kind| kind.0 == which) else {
        return;
    };
    let there = told(cx);
    let most = if cx.options.verbose { usize::MAX } else { FEW };
    if there > 0 {
        let own = bytes.get(..there).unwrap_or(bytes);
        out.push(Value::NamedBits(tables::set(*set), own, most));
    }
}

fn told(cx: &Cx<'_, '_>) -> usize {
    usize::try_from(cx.call.record.ret).unwrap_or(0)
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
    let mut shown = 0;
    out.push(Value::StructOpen);
    fields.show(out, cx, "code");
    out.push(Value::Field("values"));
    out.push(Value::ListOpen);
    for value in values.take(there.min(cx.options.most())) {
        out.push(Value::Int(signed(
            number_at(value, 0, INT).unwrap_or(0),
            INT,
        )));
        shown += 1;
    }
    if shown < there {
        out.push(Value::More);
    }
    out.push(Value::ListClose);
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
