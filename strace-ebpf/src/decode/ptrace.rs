//! ptrace(2): sets of registers, what a system call stop is about.

use super::{
    cx::{Cx, number_at},
    structs::{Fields, structure},
    value::{Args, Value},
};
use crate::tables::{self, Abi, SetId, StructId};

/// `struct iovec` of PTRACE_GETREGSET and PTRACE_SETREGSET: general and floating point registers are shown, of others the
/// address.
pub fn register_set<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const NT_PRSTATUS: u64 = 1;
    const NT_FPREGSET: u64 = 2;
    const KIND: u8 = 2;
    let word = cx.abi.word_bytes() as usize;
    let (Some(base), Some(room)) = (number_at(bytes, 0, word), number_at(bytes, word, word)) else {
        return;
    };
    let written = super::files::id_of(cx) == Some(StructId::RegsetOut);
    let id = match cx.register(KIND) & 0xffff_ffff {
        NT_PRSTATUS => Some(StructId::UserRegs),
        NT_FPREGSET => Some(StructId::UserFpregs),
        _ => None,
    };
    let registers = if written {
        cx.at_after(base).filter(|_| cx.succeeded())
    } else {
        cx.at(base).copied()
    };
    let size = id.map_or(0, |id| tables::struct_size(id, cx.abi) as usize);
    let own = registers.and_then(|captured| captured.bytes.get(..size));
    out.push(Value::StructOpen);
    out.push(Value::Field("iov_base"));
    match (id, own) {
        (Some(id), Some(own)) => structure(out, cx, id, base, own),
        _ => out.push(Value::Addr(base)),
    }
    out.push(Value::Field("iov_len"));
    out.push(Value::Uint(room));
    let after = cx.bytes_after();
    let after = after.and_then(|bytes| number_at(bytes, word, word));
    if let Some(filled) = after.filter(|filled| written && cx.succeeded() && *filled != room) {
        out.push(Value::Becomes);
        out.push(Value::Uint(filled));
    }
    out.push(Value::StructClose);
}

/// Which filter was asked for, and what the kernel said of it.
pub fn seccomp_metadata<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::SeccompMetadata, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show(out, cx, "filter_off");
    let after = cx.bytes_after().filter(|_| cx.succeeded());
    if let Some(after) = after.and_then(|b| Fields::new(StructId::SeccompMetadata, cx.abi, b)) {
        after.show(out, cx, "flags");
    }
    out.push(Value::StructClose);
}

/// `struct ptrace_syscall_info`: its last part by the kind of stop, as far as there is any of it.
pub fn syscall_info<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    if bytes.is_empty() {
        return;
    }
    let Some(fields) = Fields::some(StructId::PtraceSyscallInfo, cx.abi, bytes) else {
        return;
    };
    let common = [
        "op",
        "reserved",
        "flags",
        "arch",
        "instruction_pointer",
        "stack_pointer",
    ];
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &common);
    match fields.get("op") {
        1 | 3 if !fields.has(cx, "nr") => {}
        1 => entry(out, cx, &fields, "entry", false),
        2 => left(out, bytes),
        3 => entry(out, cx, &fields, "seccomp", true),
        _ => {}
    }
    out.push(Value::StructClose);
}

fn entry<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    fields: &Fields<'a>,
    name: &'static str,
    filtered: bool,
) {
    out.push(Value::Field(name));
    out.push(Value::StructOpen);
    out.push(Value::Field("nr"));
    // The kernel has an int here.
    let nr = fields.get("nr") as u32;
    out.push(match tables::syscall(abi_of(fields, cx.abi), nr) {
        Some(call) => Value::NrName(call.name, nr),
        None => Value::Uint(fields.get("nr")),
    });
    fields.show(out, cx, "args");
    if filtered {
        fields.show(out, cx, "ret_data");
    }
    out.push(Value::StructClose);
}

/// Of the process that is looked at.
fn abi_of(fields: &Fields<'_>, own: Abi) -> Abi {
    let arch = tables::set(SetId::AuditArch).name_of(fields.get("arch"));
    match arch {
        Some("AUDIT_ARCH_X86_64") => Abi::X86_64,
        Some("AUDIT_ARCH_I386") => Abi::I386,
        _ => own,
    }
}

/// The result that the call is about to return.
fn left(out: &mut Args<'_>, bytes: &[u8]) {
    const RVAL: usize = 24;
    const IS_ERROR: usize = 32;
    let (Some(rval), Some(failed)) = (number_at(bytes, RVAL, 8), number_at(bytes, IS_ERROR, 1))
    else {
        return;
    };
    out.push(Value::Field("exit"));
    out.push(Value::StructOpen);
    out.push(Value::Field("rval"));
    out.push(match failed {
        0 => Value::Int(rval as i64),
        _ => Value::Set(tables::set(SetId::NegativeError), rval),
    });
    out.push(Value::Field("is_error"));
    out.push(Value::Uint(failed));
    out.push(Value::StructClose);
}
