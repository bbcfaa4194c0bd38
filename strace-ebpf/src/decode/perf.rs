//! perf_event_open(2): an attribute of which each kernel knows more bits.

use super::{
    cx::{Cx, number_at},
    structs::Fields,
    value::{Args, Value},
};
use crate::tables::{self, SetId, StructId};

/// Names of single bits from bit 0 on; those of `precise_ip` are two.
const BITS_BEFORE: [&str; 15] = [
    "disabled",
    "inherit",
    "pinned",
    "exclusive",
    "exclude_user",
    "exclude_kernel",
    "exclude_hv",
    "exclude_idle",
    "mmap",
    "comm",
    "freq",
    "inherit_stat",
    "enable_on_exec",
    "task",
    "watermark",
];

/// Those from bit 17 on.
const BITS_AFTER: [&str; 23] = [
    "mmap_data",
    "sample_id_all",
    "exclude_host",
    "exclude_guest",
    "exclude_callchain_kernel",
    "exclude_callchain_user",
    "mmap2",
    "comm_exec",
    "use_clockid",
    "context_switch",
    "write_backward",
    "namespaces",
    "ksymbol",
    "bpf_event",
    "aux_output",
    "cgroup",
    "text_poke",
    "build_id",
    "inherit_thread",
    "remove_on_exec",
    "sigtrap",
    "defer_callchain",
    "defer_output",
];

const AFTER_FIRST: u32 = 17;
const BIT_FREQ: u64 = 1 << 10;
const BIT_WATERMARK: u64 = 1 << 14;
const BIT_CLOCKID: u64 = 1 << 25;

/// `PERF_ATTR_SIZE_VER0`, which the kernel takes a size of 0 for.
const LEAST: usize = 64;

/// Up to the bits, of which the last is shown without `-v`.
const ABBREVIATED: usize = 48;

/// `enum perf_type_id`, `include/uapi/linux/perf_event.h`.
mod kind {
    pub const HARDWARE: u64 = 0;
    pub const SOFTWARE: u64 = 1;
    pub const TRACEPOINT: u64 = 2;
    pub const HW_CACHE: u64 = 3;
    pub const BREAKPOINT: u64 = 5;
}

/// `struct perf_event_attr`, as many bytes as it says that it has.
pub fn event_attr<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let size = number_at(bytes, 4, 4).unwrap_or(0) as usize;
    let verbose = cx.options.verbose;
    let needed = if verbose { LEAST } else { ABBREVIATED };
    if bytes.len() < needed || size > 0 && size < LEAST {
        return;
    }
    let size = size.max(LEAST);
    if verbose && bytes.len() < size.min(144) {
        return;
    }
    let bytes = bytes.get(..size).unwrap_or(bytes);
    let Some(fields) = Fields::some(StructId::PerfEventAttr, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["type", "size"]);
    out.push(Value::Field("config"));
    config(out, fields.get("type"), fields.get("config"));
    let all = fields.get("bits");
    out.push(Value::Field(if all & BIT_FREQ != 0 {
        "sample_freq"
    } else {
        "sample_period"
    }));
    out.push(Value::Uint(fields.get("sample_period")));
    fields.show_all(out, cx, &["sample_type", "read_format"]);
    bits(out, all, verbose);
    if verbose {
        rest(out, cx, &fields, all);
    } else {
        out.push(Value::More);
    }
    out.push(Value::StructClose);
}

/// What is counted, by the type of event.
fn config(out: &mut Args<'_>, kind: u64, config: u64) {
    let set = |id, value| Value::Wide(tables::set(id), value);
    let value = match kind {
        kind::HARDWARE => set(SetId::PerfHwConfig, config),
        kind::SOFTWARE => set(SetId::PerfSwConfig, config),
        kind::TRACEPOINT | kind::BREAKPOINT => Value::Uint(config),
        kind::HW_CACHE if config >> 24 == 0 => {
            out.push(set(SetId::PerfCacheResult, config >> 16 & 0xff));
            out.push(Value::Shift(16));
            out.push(set(SetId::PerfCacheOp, config >> 8 & 0xff));
            out.push(Value::Shift(8));
            set(SetId::PerfCacheId, config & 0xff)
        }
        _ => Value::Hex(config),
    };
    out.push(value);
}

fn bits(out: &mut Args<'_>, all: u64, verbose: bool) {
    const SKIDS: [&str; 4] = [
        "arbitrary skid",
        "constant skid",
        "requested to have 0 skid",
        "must have 0 skid",
    ];
    let flag = |out: &mut Args<'_>, name, bit: u32| {
        if verbose || all >> bit & 1 != 0 {
            out.push(Value::Field(name));
            out.push(Value::Uint(all >> bit & 1));
        }
    };
    for (bit, name) in (0..).zip(BITS_BEFORE) {
        flag(out, name, bit);
    }
    let precise = all >> 15 & 3;
    out.push(Value::Field("precise_ip"));
    out.push(Value::Uint(precise));
    out.push(Value::Comment(SKIDS[precise as usize]));
    for (bit, name) in (AFTER_FIRST..).zip(BITS_AFTER) {
        flag(out, name, bit);
    }
    let unknown = all >> (AFTER_FIRST + BITS_AFTER.len() as u32);
    if unknown != 0 {
        out.push(Value::Field("__reserved_1"));
        out.push(Value::Hex(unknown));
        out.push(Value::Comment("Bits 63..40"));
    }
}

fn rest<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>, all: u64) {
    const SAMPLE_BRANCH_STACK: u64 = 0x800;
    const SAMPLE_STACK_USER: u64 = 0x2000;
    let sampled = fields.get("sample_type");
    out.push(Value::Field(if all & BIT_WATERMARK != 0 {
        "wakeup_watermark"
    } else {
        "wakeup_events"
    }));
    out.push(Value::Uint(fields.get("wakeup_events")));
    if fields.get("type") == kind::BREAKPOINT {
        fields.show(out, cx, "bp_type");
        fields.show_as(out, cx, "config1", "bp_addr");
        out.push(Value::Field("bp_len"));
        out.push(Value::Uint(fields.get("config2")));
    } else {
        fields.show_all(out, cx, &["config1", "config2"]);
    }
    if sampled & SAMPLE_BRANCH_STACK != 0 {
        fields.show(out, cx, "branch_sample_type");
    }
    fields.show(out, cx, "sample_regs_user");
    if sampled & SAMPLE_STACK_USER != 0 {
        fields.show(out, cx, "sample_stack_user");
    }
    if all & BIT_CLOCKID != 0 {
        fields.show(out, cx, "clockid");
    }
    let more = [
        "sample_regs_intr",
        "aux_watermark",
        "sample_max_stack",
        "aux_sample_size",
    ];
    fields.show_all(out, cx, &more);
    if fields.has(cx, "aux_action") {
        let action = fields.get("aux_action");
        for (bit, name) in (0..).zip(["aux_start_paused", "aux_pause", "aux_resume"]) {
            out.push(Value::Field(name));
            out.push(Value::Uint(action >> bit & 1));
        }
    }
    fields.show_all(out, cx, &["sig_data", "config3", "config4"]);
}
