//! The summary: what the probes counted, per CPU, to the rows of a table, and that to text.
//!
//! Plain functions: counters in, bytes out. Nothing here asks the kernel.

pub mod column;
pub mod slots;
mod strace;
mod total;
mod tsv;

use std::cmp::Reverse;

use column::Column;
use slots::Call;
pub use strace::write as write_strace;
pub use total::Total;
pub use tsv::write as write_tsv;

/// What a row is about, beside its call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Rows are about calls alone.
    None,
    /// A number.
    Number(u64),
    /// Text, as it was found.
    Text(Vec<u8>),
    /// All groups for which there was no room.
    Other,
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which system call.
    pub call: Call,
    /// Of whom.
    pub group: Group,
    /// What was counted.
    pub total: Total,
}

/// Puts rows in order: the largest first, names from a to z. Equal ones stay in the order of ABI, number and group.
pub fn sort(lines: &mut [Line], by: Option<Column>) {
    lines.sort_by(|a, b| (a.call, &a.group).cmp(&(b.call, &b.group)));
    match by {
        None | Some(Column::Abi) => {}
        Some(Column::Name) => lines.sort_by_cached_key(|line| line.call.name()),
        Some(column) => lines.sort_by_cached_key(|line| Reverse(line.total.value(column))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{self, Abi};
    use strace_ebpf_common::summary::{Row, bucket};

    /// A row as the probes keep it.
    pub(super) fn line(name: &str, times: &[u64], errors: u64) -> Line {
        let mut row = Row::default();
        for ns in times {
            row.calls += 1;
            row.total_ns += ns;
            row.max_ns = row.max_ns.max(*ns);
            row.min_inverted = row.min_inverted.max(!ns);
            row.buckets[bucket(*ns) as usize] += 1;
        }
        row.errors = errors;
        let mut total = Total::default();
        total.add(&row);
        let (nr, _) = tables::by_name(Abi::X86_64, name).expect("a call");
        Line {
            call: Call {
                abi: Abi::X86_64,
                nr,
            },
            group: Group::None,
            total,
        }
    }

    #[test]
    fn rows_in_order() {
        let lines = [
            line("openat", &[10, 20], 1),
            line("read", &[100], 0),
            line("close", &[30], 0),
        ];
        for (by, names) in [
            (Some(Column::Total), ["read", "close", "openat"]),
            (Some(Column::Calls), ["openat", "read", "close"]),
            (Some(Column::Errors), ["openat", "read", "close"]),
            (Some(Column::Name), ["close", "openat", "read"]),
            (Some(Column::Min), ["read", "close", "openat"]),
            (None, ["read", "close", "openat"]),
        ] {
            let mut lines = lines.to_vec();
            sort(&mut lines, by);
            let sorted: Vec<String> = lines.iter().map(|line| line.call.name()).collect();
            assert_eq!(sorted, names, "{by:?}");
        }
    }
}
