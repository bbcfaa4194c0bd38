//! The table as tab-separated values: a line with the names of the columns, then one line per row.

use super::{Group, Line, column::Column};
use crate::{
    format::{escape, number},
    tables::Abi,
};

/// Name of a column in the first line.
fn name(column: Column) -> &'static str {
    match column {
        Column::Percent => "percent",
        Column::Total => "total",
        Column::Min => "min",
        Column::Max => "max",
        Column::Avg => "avg",
        Column::P50 => "p50",
        Column::P90 => "p90",
        Column::P99 => "p99",
        Column::P999 => "p99.9",
        Column::Calls => "calls",
        Column::Errors => "errors",
        Column::Abi => "abi",
        Column::Name => "syscall",
    }
}

fn abi(abi: Abi) -> &'static str {
    match abi {
        Abi::X86_64 => "x86_64",
        Abi::I386 => "i386",
        Abi::X32 => "x32",
    }
}

/// Writes the table; `group` is the name of the column of groups, if there are any.
pub fn write(out: &mut Vec<u8>, lines: &[Line], columns: &[Column], group: Option<&str>) {
    let names: Vec<&str> = group
        .into_iter()
        .chain(columns.iter().map(|c| name(*c)))
        .collect();
    out.push(b'#');
    out.extend(names.join("\t").bytes());
    out.push(b'\n');
    let all_ns = lines
        .iter()
        .fold(0u64, |sum, line| sum.saturating_add(line.total.total_ns));
    for line in lines {
        let mut tab: &[u8] = b"";
        if group.is_some() {
            group_name(out, &line.group);
            tab = b"\t";
        }
        for column in columns {
            out.extend(tab);
            tab = b"\t";
            cell(out, line, *column, all_ns);
        }
        out.push(b'\n');
    }
}

fn group_name(out: &mut Vec<u8>, group: &Group) {
    match group {
        Group::None => out.push(b'-'),
        Group::Number(number) => number::decimal(out, *number),
        Group::Text(text) if text.is_empty() => out.push(b'-'),
        Group::Text(text) => escape::escaped(out, text),
        Group::Other => out.extend(b"+other"),
    }
}

fn cell(out: &mut Vec<u8>, line: &Line, column: Column, all_ns: u64) {
    match column {
        Column::Name => out.extend(line.call.name().bytes()),
        Column::Abi => out.extend(abi(line.call.abi).bytes()),
        Column::Percent => {
            let share = 100.0 * line.total.total_ns as f64 / all_ns.max(1) as f64;
            out.extend(format!("{share:.2}").bytes());
        }
        _ => match line.total.value(column) {
            Some(value) => number::decimal(out, value),
            None => out.push(b'-'),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::{column, tests::line};
    use super::*;

    fn text(lines: &[Line], columns: &[Column], group: Option<&str>) -> String {
        let mut out = Vec::new();
        write(&mut out, lines, columns, group);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn the_default_table() {
        let mut untimed = line("close", &[], 0);
        (untimed.total.calls, untimed.total.untimed) = (1, 1);
        let lines = [line("openat", &[8, 8, 8], 1), untimed];
        assert_eq!(
            text(&lines, column::default(false), None),
            "#syscall\tabi\tcalls\terrors\ttotal\tmin\tmax\tavg\tp50\tp90\tp99\tp99.9\n\
             openat\tx86_64\t3\t1\t24\t8\t8\t8\t8\t8\t8\t8\n\
             close\tx86_64\t1\t0\t0\t-\t-\t-\t-\t-\t-\t-\n"
        );
        assert_eq!(text(&[], &[Column::Name], None), "#syscall\n");
    }

    #[test]
    fn groups_cannot_break_a_line() {
        let columns = [Column::Name, Column::Percent];
        let mut lines = [
            line("read", &[10], 0),
            line("read", &[30], 0),
            line("read", &[], 0),
        ];
        lines[0].group = Group::Text(b"a\tb\n".to_vec());
        lines[1].group = Group::Number(7);
        lines[2].group = Group::Other;
        assert_eq!(
            text(&lines, &columns, Some("comm")),
            "#comm\tsyscall\tpercent\na\\tb\\n\tread\t25.00\n7\tread\t75.00\n+other\tread\t0.00\n"
        );
    }
}
