//! Keys and security modules: keyctl(2), lsm_get_self_attr(2).

use super::{
    cx::{Cx, number_at},
    structs::Fields,
    value::{Args, Value},
    vectors::binary_of,
};
use crate::tables::{self, SetId, StructId};

/// keyctl(2), KEYCTL_CAPABILITIES: a byte of flags for each generation of the interface.
pub fn key_capabilities<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const SETS: [SetId; 2] = [SetId::KeyctlCaps0, SetId::KeyctlCaps1];
    out.push(Value::ListOpen);
    for (i, byte) in bytes.iter().enumerate() {
        let value = u64::from(*byte);
        out.push(match SETS.get(i) {
            Some(set) => Value::Set(tables::set(*set), value),
            None => Value::Hex(value),
        });
    }
    out.push(Value::ListClose);
}

/// `struct lsm_ctx`, its context behind its members.
pub fn lsm_context<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const HEADER: usize = 32;
    let Some(fields) = Fields::new(StructId::LsmCtx, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["id", "flags", "len", "ctx_len"]);
    let rest = bytes.get(HEADER..).unwrap_or_default();
    out.push(Value::Field("ctx"));
    out.push(binary_of(rest, fields.get("ctx_len"), cx.options.string));
    out.push(Value::StructClose);
}

/// As many of them as fit, each as long as it says.
pub fn lsm_contexts<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const LEN_AT: usize = 16;
    let mut rest = bytes;
    out.push(Value::ListOpen);
    for _ in 0..cx.call.record.ret.clamp(0, 32) {
        let len = number_at(rest, LEN_AT, 8).and_then(|len| usize::try_from(len).ok());
        let Some(one) = len.and_then(|len| rest.get(..len)) else {
            out.push(Value::More);
            break;
        };
        lsm_context(out, cx, one);
        rest = rest.get(one.len().max(1)..).unwrap_or_default();
    }
    out.push(Value::ListClose);
}
