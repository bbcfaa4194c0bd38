//! Processes: clone, capabilities, masks of CPUs.

use super::{
    cx::{Cx, number_at, signed},
    structs::Fields,
    value::{Args, Value},
};
use crate::tables::{self, Abi, SetId, StructId};

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
    const VERSION_1: u64 = 0x1998_0330;
    let header = super::cx::before(cx.call, 0);
    let version = header.first().and_then(|c| number_at(c.bytes, 0, 4));
    let wide = version != Some(VERSION_1);
    let word = |i: usize| number_at(bytes, 4 * i, 4).unwrap_or(0);
    out.push(Value::StructOpen);
    for (i, name) in ["effective", "permitted", "inheritable"]
        .into_iter()
        .enumerate()
    {
        let high = if wide { word(i + 3) } else { 0 };
        out.push(Value::Field(name));
        let set = tables::set(SetId::Capability);
        out.push(Value::Shifted(set, word(i) | high << 32));
    }
    out.push(Value::StructClose);
}

/// sched_setaffinity(2).
pub fn cpu_set<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    out.push(Value::Bits(bytes, 8 * bytes.len() as u32));
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
        if i == cx.options.elements as u64 && !cx.options.verbose {
            break;
        }
        out.push(Value::Uint(u64::from(byte & 1)));
    }
    if pages > (cx.options.elements as u64).min(bytes.len() as u64) {
        out.push(Value::More);
    }
    out.push(Value::ListClose);
}

/// modify_ldt(2), set_thread_area(2): a segment, its last members single bits.
pub fn segment<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const BITS: [(&str, u32, u64); 7] = [
        ("seg_32bit", 0, 1),
        ("contents", 1, 3),
        ("read_exec_only", 3, 1),
        ("limit_in_pages", 4, 1),
        ("seg_not_present", 5, 1),
        ("useable", 6, 1),
        ("lm", 7, 1),
    ];
    let Some(fields) = Fields::new(StructId::UserDesc, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show(out, cx, "entry_number");
    for name in ["base_addr", "limit"] {
        out.push(Value::Field(name));
        out.push(Value::Hex6(fields.get(name)));
    }
    let bits = fields.get("bits");
    for (name, shift, mask) in BITS {
        // No such bit in a 32-bit program's structure.
        if name == "lm" && cx.abi == Abi::I386 {
            continue;
        }
        out.push(Value::Field(name));
        out.push(Value::Uint(bits >> shift & mask));
    }
    out.push(Value::StructClose);
}
