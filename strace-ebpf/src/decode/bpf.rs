//! bpf(2): what a link is made of depends on what it is attached to.

use super::{
    cx::{Cx, number_at},
    members::hidden,
    structs::{Fields, structure},
    value::{Args, Value},
};
use crate::tables::{self, SetId, StructId};

/// Attach types by the members that they have, each under its name.
const LINKS: &[(&[&str], &str, StructId)] = &[
    (
        &[
            "BPF_TRACE_FENTRY",
            "BPF_TRACE_FEXIT",
            "BPF_MODIFY_RETURN",
            "BPF_LSM_MAC",
            "BPF_TRACE_RAW_TP",
        ],
        "tracing",
        StructId::BpfLinkTracing,
    ),
    (
        &["BPF_PERF_EVENT"],
        "perf_event",
        StructId::BpfLinkPerfEvent,
    ),
    (
        &["BPF_TRACE_KPROBE_MULTI", "BPF_TRACE_KPROBE_SESSION"],
        "kprobe_multi",
        StructId::BpfLinkKprobeMulti,
    ),
    (
        &["BPF_TRACE_UPROBE_MULTI", "BPF_TRACE_UPROBE_SESSION"],
        "uprobe_multi",
        StructId::BpfLinkUprobeMulti,
    ),
    (&["BPF_NETFILTER"], "netfilter", StructId::BpfLinkNetfilter),
    (
        &["BPF_TCX_INGRESS", "BPF_TCX_EGRESS"],
        "tcx",
        StructId::BpfLinkRelative,
    ),
    (
        &["BPF_NETKIT_PRIMARY", "BPF_NETKIT_PEER"],
        "netkit",
        StructId::BpfLinkRelative,
    ),
];

/// What follows the members that all links have.
const COMMON: usize = 16;

/// BPF_LINK_CREATE.
pub fn link_create<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::some(StructId::BpfLinkCreate, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    out.push(Value::Field("link_create"));
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["prog_fd", "target_fd", "attach_type", "flags"]);
    let rest = bytes.get(COMMON..).unwrap_or_default();
    let known = of_type(out, cx, fields.get("attach_type"), rest);
    out.push(Value::StructClose);
    let more = rest.get(known..).unwrap_or_default();
    if more.iter().any(|byte| *byte != 0) {
        hidden(out, cx, bytes, more);
    }
    out.push(Value::StructClose);
}

/// The members of one type of link; gives how many bytes they have.
fn of_type<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, attach: u64, rest: &'a [u8]) -> usize {
    if rest.is_empty() {
        return 0;
    }
    let name = tables::set(SetId::BpfAttachType).name_of(attach);
    if name == Some("BPF_TRACE_ITER") {
        return iterator(out, cx, rest);
    }
    let found = LINKS
        .iter()
        .find(|link| name.is_some_and(|name| link.0.contains(&name)));
    let Some((_, field, id)) = found else {
        if let Some(id) = number_at(rest, 0, 4) {
            out.push(Value::Field("target_btf_id"));
            out.push(Value::Uint(id));
        }
        return 4;
    };
    let size = tables::struct_size(*id, cx.abi) as usize;
    out.push(Value::Field(field));
    structure(out, cx, *id, 0, rest.get(..size).unwrap_or(rest));
    size
}

fn iterator<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, rest: &'a [u8]) -> usize {
    if let Some(fields) = Fields::some(StructId::BpfLinkIter, cx.abi, rest) {
        fields.show_all(out, cx, &["iter_info", "iter_info_len"]);
    }
    16
}
