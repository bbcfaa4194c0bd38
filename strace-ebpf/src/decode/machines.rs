//! Structures of virtual machines' requests, of which strace shows a part: include/uapi/linux/kvm.h.

use super::{
    cx::{Cx, number_at},
    structs::Fields,
    value::{Args, Value},
};
use crate::tables::StructId;

/// `struct kvm_regs`: those that say where the machine is, or with `-v` all.
pub fn registers<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::KvmRegisters, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    if cx.options.verbose {
        fields.show_every(out, cx);
    } else {
        fields.show(out, cx, "rax");
        out.push(Value::More);
        fields.show_all(out, cx, &["rsp", "rbp"]);
        out.push(Value::More);
        fields.show_all(out, cx, &["rip", "rflags"]);
    }
    out.push(Value::StructClose);
}

/// `struct kvm_cpuid2`: how many entries there are.
pub fn features<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(count) = number_at(bytes, 0, 4) else {
        return;
    };
    out.push(Value::StructOpen);
    out.push(Value::Field("nent"));
    out.push(Value::Uint(count));
    out.push(Value::Field("entries"));
    out.push(Value::ListOpen);
    if count > 0 {
        out.push(Value::More);
    }
    out.push(Value::ListClose);
    out.push(Value::StructClose);
}
