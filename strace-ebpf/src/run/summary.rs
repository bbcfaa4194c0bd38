//! The summary at the end: what the probes counted, named, put in order, written.

use anyhow::Result;
use strace_ebpf_common::summary::GroupKey;

use crate::{
    plan::{
        Form,
        summary::{By, Summary},
    },
    probes::{self, Probes},
    resolve::cgroup::Cgroups,
    say,
    summary::{self, Group, Line, slots::Slots},
    tables,
};

/// The table as text, ready to be written.
pub(super) fn text(
    probes: &Probes,
    slots: &Slots,
    summary: &Summary,
    form: Form,
    cpus: u32,
) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    let grouped = summary.by != By::Nothing;
    let mut cgroups = Cgroups::new();
    if grouped {
        for (key, total) in probes.counted_by_group()? {
            if let Some(call) = slots.call(key.slot) {
                let group = group(summary.by, &key, &mut cgroups);
                lines.push(Line { call, group, total });
            }
        }
    }
    let mut without_room = 0;
    for (slot, total) in probes.counted(slots)? {
        if let Some(call) = slots.call(slot) {
            without_room += total.calls;
            let group = if grouped { Group::Other } else { Group::None };
            lines.push(Line { call, group, total });
        }
    }
    if grouped && without_room > 0 {
        say::line(format_args!(
            "{without_room} calls are in the rows of +other: there is room for {} pairs of group and call",
            probes::summary::groups(cpus)
        ));
    }
    summary::sort(&mut lines, summary.sort);
    let mut out = Vec::new();
    match form {
        Form::Strace => summary::write_strace(&mut out, &lines, &summary.columns),
        Form::Tsv => {
            summary::write_tsv(&mut out, &lines, &summary.columns, summary.by.name());
        }
    }
    Ok(out)
}

/// A group by name, where it has one.
fn group(by: By, key: &GroupKey, cgroups: &mut Cgroups) -> Group {
    let [a, b, c, d, e, f, g, h, ..] = key.group;
    let number = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
    match by {
        By::Nothing => Group::None,
        By::Pid => Group::Number(number),
        By::Comm => {
            let len = memchr::memchr(0, &key.group).unwrap_or(key.group.len());
            Group::Text(key.group.get(..len).unwrap_or_default().to_vec())
        }
        By::Cgroup => Group::Text(cgroups.path(number).to_vec()),
        By::Errno if number == 0 => Group::Text(b"-".to_vec()),
        // At most 4095.
        By::Errno => Group::Text(match tables::errno_name(number as u32) {
            Some(name) => name.as_bytes().to_vec(),
            None => number.to_string().into_bytes(),
        }),
    }
}
