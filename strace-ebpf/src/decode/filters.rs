//! Classic BPF: filters of sockets, socket(7), and of seccomp(2).

use super::{
    cx::{Cx, number_at},
    structs::Fields,
    value::{Args, Value},
};
use crate::tables::{self, SetId, StructId};

// `include/uapi/linux/bpf_common.h`.
const BPF_LD: u64 = 0;
const BPF_LDX: u64 = 1;
const BPF_ALU: u64 = 4;
const BPF_JMP: u64 = 5;
const BPF_RET: u64 = 6;
const BPF_MISC: u64 = 7;
const BPF_ABS: u64 = 0x20;

/// `struct sock_fprog`: the instructions with `-v`. A socket option of another size is none.
pub fn program<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    if bytes.len() != tables::struct_size(StructId::SockFprog, cx.abi) as usize {
        return;
    }
    let Some(fields) = Fields::new(StructId::SockFprog, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["len", "filter"]);
    out.push(Value::StructClose);
}

/// `BPF_STMT(…)` or, where it may go somewhere else, `BPF_JUMP(…)`.
pub fn instruction<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let get = |at, width| number_at(bytes, at, width);
    let (Some(code), Some(yes), Some(no), Some(k)) = (get(0, 2), get(2, 1), get(3, 1), get(4, 4))
    else {
        return;
    };
    let jumps = yes != 0 || no != 0;
    out.push(Value::CallOpen(if jumps { "BPF_JUMP" } else { "BPF_STMT" }));
    operation(out, code);
    if jumps {
        out.push(Value::Hex(k));
    } else {
        operand(out, cx, code, k);
    }
    if jumps {
        out.push(Value::Hex(yes));
        out.push(Value::Hex(no));
    }
    out.push(Value::CallClose);
}

fn operation(out: &mut Args<'_>, code: u64) {
    let set = match code & 7 {
        BPF_LD | BPF_LDX => SetId::BpfCodeLoad,
        BPF_ALU => SetId::BpfCodeAlu,
        BPF_JMP => SetId::BpfCodeJump,
        BPF_RET => SetId::BpfCodeReturn,
        BPF_MISC => SetId::BpfCodeMisc,
        _ => SetId::BpfCodeStore,
    };
    out.push(Value::Wide(tables::set(set), code));
}

/// The number: an action of seccomp's, or a place that means something else than a part of the packet.
fn operand(out: &mut Args<'_>, cx: &Cx<'_, '_>, code: u64, k: u64) {
    let of_socket = cx.args.iter().any(|arg| arg.name == "optval");
    match code & 7 {
        BPF_RET if !of_socket => out.push(Value::Set(tables::set(SetId::SeccompReturn), k)),
        BPF_LD | BPF_LDX if of_socket && code & 0xe0 == BPF_ABS => place(out, k as u32),
        _ => out.push(Value::Hex(k)),
    }
}

fn place(out: &mut Args<'_>, k: u32) {
    // `include/uapi/linux/filter.h`.
    const SKF_AD_OFF: i32 = -0x1000;
    const SKF_NET_OFF: i32 = -0x10_0000;
    const SKF_LL_OFF: i32 = -0x20_0000;
    let signed = k as i32;
    let (name, from) = match signed {
        SKF_AD_OFF..0 => ("SKF_AD_OFF", SKF_AD_OFF),
        SKF_NET_OFF..SKF_AD_OFF => ("SKF_NET_OFF", SKF_NET_OFF),
        SKF_LL_OFF..SKF_NET_OFF => ("SKF_LL_OFF", SKF_LL_OFF),
        _ => return out.push(Value::Hex(k.into())),
    };
    out.push(Value::Plus(name));
    // Not negative.
    let rest = signed.wrapping_sub(from) as u64;
    out.push(if from == SKF_AD_OFF {
        Value::Set(tables::set(SetId::SkfAd), rest)
    } else {
        Value::Uint(rest)
    });
}
