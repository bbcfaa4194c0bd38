//! The table as strace prints it: right-aligned columns as wide as needed, a line of dashes, a total; one table per
//! ABI. Calls without a name are left out, as strace does.

use super::{Line, Total, column::Column};
use crate::tables::Abi;

/// Heading and least width of a column, strace(1).
fn heading(column: Column) -> (&'static str, usize) {
    match column {
        Column::Percent => ("% time", 6),
        Column::Total => ("seconds", 11),
        Column::Min => ("shortest", 8),
        Column::Max => ("longest", 8),
        Column::Avg => ("usecs/call", 11),
        Column::P50 => ("p50", 8),
        Column::P90 => ("p90", 8),
        Column::P99 => ("p99", 8),
        Column::P999 => ("p99.9", 8),
        Column::Calls => ("calls", 9),
        Column::Errors => ("errors", 9),
        Column::Abi => ("abi", 6),
        Column::Name => ("syscall", 16),
    }
}

const TABLES: [(Abi, &str); 3] = [
    (Abi::X86_64, ""),
    (Abi::I386, "System call usage summary for 32 bit mode:\n"),
    (Abi::X32, "System call usage summary for x32 mode:\n"),
];

/// Writes the tables of all ABIs that have calls.
pub fn write(out: &mut Vec<u8>, lines: &[Line], columns: &[Column]) {
    for (abi, title) in TABLES {
        let of_abi = |line: &&Line| line.call.abi == abi && line.call.is_known();
        let lines: Vec<&Line> = lines.iter().filter(of_abi).collect();
        if !lines.is_empty() {
            out.extend(title.bytes());
            table(out, abi, &lines, columns);
        }
    }
}

fn table(out: &mut Vec<u8>, abi: Abi, lines: &[&Line], columns: &[Column]) {
    let mut sum = Total::default();
    for line in lines {
        sum.merge(&line.total);
    }
    let row = |name: &str, total: &Total| -> Vec<String> {
        let percent = if std::ptr::eq(total, &raw const sum) {
            100.0
        } else {
            100.0 * total.total_ns as f64 / sum.total_ns.max(1) as f64
        };
        columns
            .iter()
            .map(|column| match column {
                Column::Name => name.to_owned(),
                Column::Abi => abi_name(abi).to_owned(),
                Column::Percent => format!("{percent:.2}"),
                _ => cell(*column, total),
            })
            .collect()
    };
    let mut rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| row(&line.call.name(), &line.total))
        .collect();
    rows.push(row("total", &sum));
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(i, column)| {
            let widest = rows
                .iter()
                .filter_map(|row| row.get(i))
                .map(String::len)
                .max();
            // There is always a space behind a name.
            let behind = usize::from(*column == Column::Name);
            heading(*column).1.max(widest.unwrap_or(0) + behind)
        })
        .collect();
    let headings: Vec<String> = columns.iter().map(|c| heading(*c).0.to_owned()).collect();
    let dashes: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let total = rows.pop().unwrap_or_default();
    let body = rows.iter().chain([&dashes, &total]);
    for cells in [&headings, &dashes].into_iter().chain(body) {
        line(out, cells, &widths, columns);
    }
}

/// One line: names to the left, everything else to the right; nothing after the last word.
fn line(out: &mut Vec<u8>, cells: &[String], widths: &[usize], columns: &[Column]) {
    let last = columns.len() - 1;
    for (i, ((cell, width), column)) in cells.iter().zip(widths).zip(columns).enumerate() {
        let text = match column {
            Column::Name if i == last => cell.clone(),
            Column::Name => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        };
        if i > 0 {
            out.push(b' ');
        }
        out.extend(text.bytes());
    }
    out.push(b'\n');
}

fn abi_name(abi: Abi) -> &'static str {
    match abi {
        Abi::X86_64 => "64",
        Abi::I386 => "32",
        Abi::X32 => "x32",
    }
}

fn cell(column: Column, total: &Total) -> String {
    match column {
        // Over all calls, and cut, not rounded: as strace.
        Column::Avg => (total.total_ns.checked_div(total.calls).unwrap_or(0) / 1000).to_string(),
        Column::Calls => total.calls.to_string(),
        Column::Errors if total.errors == 0 => String::new(),
        Column::Errors => total.errors.to_string(),
        _ => seconds(total.value(column).unwrap_or(0)),
    }
}

fn seconds(ns: u64) -> String {
    format!("{:.6}", ns as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::super::{column, tests::line};
    use super::*;

    fn text(lines: &[Line], columns: &str) -> String {
        let columns = match columns {
            "" => column::default(true).to_vec(),
            list => column::parse_list(list).expect("valid"),
        };
        let mut out = Vec::new();
        write(&mut out, lines, &columns);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn the_table_of_strace() {
        let lines = [
            line("execve", &[208_600], 0),
            line("openat", &[10_000, 30_000], 1),
        ];
        assert_eq!(
            text(&lines, ""),
            "% time     seconds  usecs/call     calls    errors syscall\n\
             ------ ----------- ----------- --------- --------- ----------------\n \
             83.91    0.000209         208         1           execve\n \
             16.09    0.000040          20         2         1 openat\n\
             ------ ----------- ----------- --------- --------- ----------------\n\
             100.00    0.000249          82         3         1 total\n"
        );
        assert_eq!(text(&[], ""), "");
    }

    #[test]
    fn columns_widen_and_names_stand_to_the_left() {
        let lines = [
            line("sched_get_priority_max", &[10_500_154_000], 0),
            line("brk", &[], 0),
        ];
        assert_eq!(
            text(&lines, "max-time,name,errors"),
            "  longest syscall                    errors\n\
             --------- ----------------------- ---------\n\
             10.500154 sched_get_priority_max           \n \
             0.000000 brk                              \n\
             --------- ----------------------- ---------\n\
             10.500154 total                            \n"
        );
    }

    #[test]
    fn each_abi_has_a_table() {
        let mut old = line("read", &[7_000], 0);
        old.call = super::super::Call {
            abi: Abi::I386,
            nr: 3,
        };
        let text = text(&[line("read", &[9_000], 0), old], "calls");
        assert_eq!(
            text,
            "    calls syscall\n--------- ----------------\n        1 read\n--------- ----------------\n        1 total\n\
             System call usage summary for 32 bit mode:\n    calls syscall\n--------- ----------------\n        1 read\n\
             --------- ----------------\n        1 total\n"
        );
    }
}
