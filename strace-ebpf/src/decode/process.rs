//! Processes: clone, capabilities, masks of CPUs.

use super::{
    cx::{Cx, number_at, signed},
    structs::Fields,
    value::{Args, Value},
};
use crate::tables::{self, Abi, SetId, StructId, Ty};

const CLONE_PIDFD: u64 = 0x1000;
const CLONE_SETTLS: u64 = 0x8_0000;
const CLONE_PARENT_SETTID: u64 = 0x10_0000;
const CLONE_CHILD_CLEARTID: u64 = 0x20_0000;
const CLONE_CHILD_SETTID: u64 = 0x100_0000;
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// clone(2): arguments by name, and only those that the flags make count. `parent_tid` is the call's third argument.
pub fn clone<'a>(out: &mut Args<'a>, parent: &Cx<'_, 'a>) {
    let flags = parent.register(0);
    let swapped = parent.abi == Abi::I386;
    let (child, tls) = if swapped { (4, 3) } else { (3, 4) };
    let mut one = |name, value| {
        out.begin();
        out.push(Value::Field(name));
        out.push(value);
    };
    one("child_stack", Value::Addr(parent.register(1)));
    one("flags", Value::Wide(tables::set(SetId::CloneFlags), flags));
    if flags & (CLONE_PARENT_SETTID | CLONE_PIDFD) != 0 {
        out.begin();
        out.push(Value::Field("parent_tid"));
        match parent
            .bytes_after()
            .and_then(|bytes| number_at(bytes, 0, 4))
        {
            Some(tid) if parent.succeeded() && parent.options.structs => {
                out.push(Value::ListOpen);
                out.push(Value::Pid(tid as i32));
                out.push(Value::ListClose);
            }
            _ => out.push(Value::Addr(parent.register(2))),
        }
    }
    let mut one = |name, value| {
        out.begin();
        out.push(Value::Field(name));
        out.push(value);
    };
    if flags & CLONE_SETTLS != 0 {
        one("tls", Value::Addr(parent.register(tls)));
    }
    if flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID) != 0 {
        one("child_tidptr", Value::Addr(parent.register(child)));
    }
}

/// clone3(2): what the flags make count, then what the kernel has written.
pub fn clone_args<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const FIRST_SIZE: usize = 64;
    if bytes.len() < FIRST_SIZE {
        return;
    }
    let Some(fields) = Fields::some(StructId::CloneArgs, cx.abi, bytes) else {
        return;
    };
    let flags = fields.get("flags");
    out.push(Value::StructOpen);
    fields.show(out, cx, "flags");
    let show = |out: &mut Args<'a>, mask, name| {
        if flags & mask != 0 {
            fields.show(out, cx, name);
        }
    };
    show(out, CLONE_PIDFD, "pidfd");
    show(out, CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, "child_tid");
    show(out, CLONE_PARENT_SETTID, "parent_tid");
    out.push(Value::Field("exit_signal"));
    out.push(match fields.get("exit_signal") {
        0 => Value::Uint(0),
        signal => Value::Signal(signal as u32),
    });
    fields.show_all(out, cx, &["stack", "stack_size"]);
    show(out, CLONE_SETTLS, "tls");
    if fields.get("set_tid") != 0 || fields.get("set_tid_size") != 0 {
        fields.show_all(out, cx, &["set_tid", "set_tid_size"]);
    }
    if flags & CLONE_INTO_CGROUP != 0 || fields.get("cgroup") != 0 {
        fields.show(out, cx, "cgroup");
    }
    super::files::beyond(out, cx, bytes, 88);
    out.push(Value::StructClose);
    written(out, cx, flags, &fields);
}

fn written<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, flags: u64, fields: &Fields<'a>) {
    if !cx.succeeded() || flags & (CLONE_PIDFD | CLONE_PARENT_SETTID) == 0 {
        return;
    }
    let captures = super::cx::after(cx.call, cx.index);
    let int_at = |addr: u64| {
        let found = captures
            .iter()
            .find(|c| c.header.addr == addr && c.header.errno == 0 && c.bytes.len() == 4);
        found.and_then(|c| number_at(c.bytes, 0, 4))
    };
    out.push(Value::Becomes);
    out.push(Value::StructOpen);
    for (mask, name) in [(CLONE_PIDFD, "pidfd"), (CLONE_PARENT_SETTID, "parent_tid")] {
        if flags & mask == 0 {
            continue;
        }
        out.push(Value::Field(name));
        match int_at(fields.get(name)) {
            Some(value) => {
                out.push(Value::ListOpen);
                out.push(match name {
                    "parent_tid" => Value::Pid(value as i32),
                    _ => Value::Int(signed(value, 4)),
                });
                out.push(Value::ListClose);
            }
            None => out.push(Value::Addr(fields.get(name))),
        }
    }
    out.push(Value::StructClose);
}

/// capget(2): one or two thirds of words by the header's version, each half of a set in a word of its own.
pub fn capabilities<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const WIDE: [u64; 2] = [0x2007_1026, 0x2008_0522];
    let header = super::cx::before(cx.call, 0);
    let version = header.first().and_then(|c| number_at(c.bytes, 0, 4));
    let Some(version) = version else {
        return;
    };
    let word = |i: usize| number_at(bytes, 4 * i, 4).unwrap_or(0);
    out.push(Value::StructOpen);
    for (i, name) in ["effective", "permitted", "inheritable"]
        .into_iter()
        .enumerate()
    {
        let high = if WIDE.contains(&version) {
            word(i + 3)
        } else {
            0
        };
        out.push(Value::Field(name));
        let set = tables::set(SetId::Capability);
        out.push(Value::Shifted(set, word(i) | high << 32));
    }
    out.push(Value::StructClose);
}

/// set_thread_area(2), modify_ldt(2): the bits of the last word are members in C.
pub fn segment<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const SIZE: usize = 16;
    // Name, place and width.
    const BITS: [(&str, u32, u32); 8] = [
        ("seg_32bit", 0, 1),
        ("contents", 1, 2),
        ("read_exec_only", 3, 1),
        ("limit_in_pages", 4, 1),
        ("seg_not_present", 5, 1),
        ("useable", 6, 1),
        // Of 64-bit programs only.
        ("lm", 7, 1),
        ("", 8, 24),
    ];
    let Some(fields) = Fields::new(StructId::UserDesc, cx.abi, bytes) else {
        return;
    };
    if bytes.len() != SIZE {
        return;
    }
    out.push(Value::StructOpen);
    out.push(Value::Field("entry_number"));
    out.push(match fields.get("entry_number") as u32 {
        u32::MAX => Value::Int(-1),
        number => Value::Uint(number.into()),
    });
    // Asked for one that there is not.
    let call = super::syscall_of(&cx.call.record);
    if cx.failed() && call.is_some_and(|call| call.name == "get_thread_area") {
        out.push(Value::More);
        out.push(Value::StructClose);
        return;
    }
    for name in ["base_addr", "limit"] {
        out.push(Value::Field(name));
        out.push(Value::Hex6(fields.get(name)));
    }
    let bits = fields.get("bits");
    let shown = if cx.abi == Abi::X86_64 { 7 } else { 6 };
    for (name, at, width) in BITS.into_iter().take(shown) {
        out.push(Value::Field(name));
        out.push(Value::Uint(bits >> at & ((1 << width) - 1)));
    }
    out.push(Value::StructClose);
}

/// sched_getattr(2): the caller may have room for less than the kernel knows of, and the rest counts as 0.
fn scheduling_told<'a>(out: &mut Args<'a>, bytes: &'a [u8]) {
    const FIRST_SIZE: u32 = 48;
    let mut own = [0; 56];
    for (to, from) in own.iter_mut().zip(bytes) {
        *to = *from;
    }
    let number = |at: usize, width: usize| number_at(&own, at, width).unwrap_or(0);
    let size = number(0, 4);
    out.push(Value::StructOpen);
    out.push(Value::Field("size"));
    out.push(Value::Uint(size));
    if size >= u64::from(FIRST_SIZE) {
        out.push(Value::Field("sched_policy"));
        let policies = tables::set(SetId::SchedPolicies);
        out.push(Value::Wide(policies, number(4, 4)));
        out.push(Value::Field("sched_flags"));
        out.push(Value::Wide(
            tables::set(SetId::SchedAttrFlags),
            number(8, 8),
        ));
        out.push(Value::Field("sched_nice"));
        out.push(Value::Int(i64::from(number(16, 4) as i32)));
        for (name, at, width) in [
            ("sched_priority", 20, 4),
            ("sched_runtime", 24, 8),
            ("sched_deadline", 32, 8),
            ("sched_period", 40, 8),
            ("sched_util_min", 48, 4),
            ("sched_util_max", 52, 4),
        ] {
            // Before Linux 5.3 these two were not there.
            if at >= FIRST_SIZE as usize && size < own.len() as u64 {
                break;
            }
            out.push(Value::Field(name));
            out.push(Value::Uint(number(at, width)));
        }
    }
    out.push(Value::StructClose);
}

/// sched_setattr(2): as much as its first member says that there is.
pub fn scheduling<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const FIRST_SIZE: usize = 48;
    const SIZE: usize = 56;
    const KEEP_POLICY: u64 = 0x8;
    const KEEP_PARAMS: u64 = 0x10;
    if cx.args.iter().any(|arg| arg.name == "size") {
        scheduling_told(out, bytes);
        return;
    }
    let Some(size) = number_at(bytes, 0, 4) else {
        return;
    };
    let there = match size as usize {
        0 => FIRST_SIZE,
        size => size,
    };
    let own = bytes
        .get(..bytes.len().min(there.max(4)))
        .unwrap_or_default();
    let Some(fields) = Fields::some(StructId::SchedAttr, cx.abi, own) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show(out, cx, "size");
    if there >= FIRST_SIZE {
        let flags = fields.get("sched_flags");
        let policy = fields.get("sched_policy") as i32;
        if flags & KEEP_POLICY == 0 || policy < 0 {
            fields.show(out, cx, "sched_policy");
        }
        fields.show(out, cx, "sched_flags");
        if flags & KEEP_PARAMS == 0 {
            let shown = [
                "sched_nice",
                "sched_priority",
                "sched_runtime",
                "sched_deadline",
                "sched_period",
            ];
            fields.show_all(out, cx, &shown);
        }
        fields.show_all(out, cx, &["sched_util_min", "sched_util_max"]);
        if there > SIZE {
            out.push(Value::More);
        }
    }
    out.push(Value::StructClose);
}

/// mmap(2) of the first i386 kernels: a structure that is shown as the arguments that it holds.
pub fn old_mmap<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::MmapArgStruct, cx.abi, bytes) else {
        return;
    };
    for (i, name) in ["addr", "len", "prot", "flags", "fd", "offset"]
        .into_iter()
        .enumerate()
    {
        if i > 0 {
            out.begin();
        }
        fields.show_bare(out, cx, name);
    }
}

/// futex_waitv(2): what must be zero only where it is not.
pub fn futex<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::FutexWaitv, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["val", "uaddr", "flags"]);
    if fields.get("__reserved") != 0 {
        fields.show(out, cx, "__reserved");
    }
    out.push(Value::StructClose);
}

/// wait4(2): nothing was written where no child has anything to tell.
pub fn usage<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let of_child = |arg: &tables::Arg| {
        matches!(
            arg.ty,
            Ty::Struct {
                id: StructId::WaitStatus,
                ..
            }
        )
    };
    if cx.call.record.ret == 0 && cx.args.iter().any(of_child) {
        return;
    }
    if let Some(fields) = Fields::new(StructId::Rusage, cx.abi, bytes) {
        fields.show_whole(out, cx);
    }
}

/// sched_setaffinity(2).
pub fn cpu_set<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let there = cx.at(cx.register(cx.index)).map_or(0, |c| c.header.full);
    let bits = 8 * bytes.len() as u32;
    out.push(Value::Bits(bytes, bits.max(there.saturating_mul(8))));
}

/// wait4(2): nothing was written where no child has anything to tell (`WNOHANG`).
pub fn wait_status<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    if cx.call.record.ret == 0 {
        return;
    }
    let status = number_at(bytes, 0, 4).unwrap_or(0);
    out.push(Value::ListOpen);
    out.push(Value::Wait(status as u32));
    out.push(Value::ListClose);
}

/// fcntl(2) F_SETOWN_EX: a process, a thread, or a group.
pub fn owner<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const F_OWNER_PGRP: u64 = 2;
    let Some(fields) = Fields::new(StructId::FOwnerEx, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show(out, cx, "type");
    out.push(Value::Field("pid"));
    let pid = fields.get("pid") as i32;
    out.push(match fields.get("type") {
        F_OWNER_PGRP => Value::Int(pid.into()),
        _ => Value::Pid(pid),
    });
    out.push(Value::StructClose);
}

/// mincore(2): a byte for each page, of which the lowest bit counts.
pub fn resident_pages<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const PAGE: u64 = 4096;
    let pages = cx.register(1).div_ceil(PAGE);
    out.push(Value::ListOpen);
    for (i, byte) in (0..pages).zip(bytes) {
        if i == cx.options.most() as u64 {
            break;
        }
        out.push(Value::Uint(u64::from(byte & 1)));
    }
    if pages > (cx.options.elements as u64).min(bytes.len() as u64) {
        out.push(Value::More);
    }
    out.push(Value::ListClose);
}
