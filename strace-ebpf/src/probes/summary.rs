//! The summary's maps: their sizes, and what is in them at the end.

use anyhow::{Context, Result};
use aya::{
    EbpfLoader,
    maps::{MapData, PerCpuArray, PerCpuHashMap},
};
use strace_ebpf_common::{
    config::Config,
    plan::{PLAN_EXEC, PLAN_WANTED, Plan},
    summary::{BY_NOTHING, CLOCK_CPU, GroupKey, Row},
};

use super::{Probes, take};
use crate::summary::{Total, slots::Slots};

/// Most memory for the rows of groups, all CPUs together.
const GROUPS_BYTES: usize = 64 << 20;
/// Least and most of such rows.
const GROUPS_MIN: usize = 1024;
const GROUPS_MAX: usize = 65_536;

/// The maps.
pub(super) struct Maps {
    rows: PerCpuArray<MapData, Row>,
    groups: PerCpuHashMap<MapData, GroupKey, Row>,
}

/// Rows of groups that there is room for.
#[must_use]
pub fn groups(cpus: u32) -> u32 {
    let row = size_of::<Row>() * cpus.max(1) as usize;
    (GROUPS_BYTES / row).clamp(GROUPS_MIN, GROUPS_MAX) as u32
}

/// Sizes the maps: none of them takes memory where it is not used.
pub(super) fn size(
    loader: &mut EbpfLoader<'_>,
    slots: Option<&Slots>,
    config: &Config,
    cpus: u32,
    pid_max: u32,
) {
    let Some(slots) = slots else {
        return;
    };
    loader.map_max_entries("ROWS", slots.entries());
    if config.count.by != BY_NOTHING {
        loader.map_max_entries("GROUPS", groups(cpus));
    }
    if config.count.clock == CLOCK_CPU {
        loader.map_max_entries("OFF_CPU", pid_max);
    }
}

/// What is left of a plan where calls are only counted.
#[must_use]
pub fn plan_to_count(plan: &Plan) -> Plan {
    Plan {
        flags: plan.flags & (PLAN_WANTED | PLAN_EXEC),
        ..Plan::default()
    }
}

impl Maps {
    pub(super) fn take(ebpf: &mut aya::Ebpf) -> Result<Self> {
        Ok(Self {
            rows: take(ebpf, "ROWS")?,
            groups: take(ebpf, "GROUPS")?,
        })
    }
}

impl Probes {
    /// What was counted per system call, without groups; calls that were never made are left out.
    pub fn counted(&self, slots: &Slots) -> Result<Vec<(u32, Total)>> {
        let mut counted = Vec::new();
        for (slot, _) in slots.rows() {
            let rows = self.summary.rows.get(&slot, 0);
            let total = sum(rows.context("reading the summary")?.iter());
            if total.calls > 0 {
                counted.push((slot, total));
            }
        }
        Ok(counted)
    }

    /// What was counted per group.
    pub fn counted_by_group(&self) -> Result<Vec<(GroupKey, Total)>> {
        let mut counted = Vec::new();
        for row in self.summary.groups.iter() {
            let (key, rows) = row.context("reading the summary")?;
            let total = sum(rows.iter());
            if total.calls > 0 {
                counted.push((key, total));
            }
        }
        Ok(counted)
    }
}

fn sum<'a>(rows: impl Iterator<Item = &'a Row>) -> Total {
    let mut total = Total::default();
    for row in rows.filter(|row| row.calls > 0) {
        total.add(row);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_bounded_memory() {
        for cpus in [1, 2, 64, 512] {
            let rows = groups(cpus) as usize;
            assert!((GROUPS_MIN..=GROUPS_MAX).contains(&rows));
            let bytes = rows * size_of::<Row>() * cpus as usize;
            assert!(
                bytes <= GROUPS_BYTES || rows == GROUPS_MIN,
                "{cpus}: {bytes}"
            );
        }
    }
}
