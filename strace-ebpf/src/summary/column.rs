//! Columns of the table and the orders of its rows, by the names that strace(1) has for them, and ours.

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Share of the time of all.
    Percent,
    /// Sum of times.
    Total,
    /// Shortest time.
    Min,
    /// Longest time.
    Max,
    /// Mean time.
    Avg,
    /// Median time.
    P50,
    /// Time that one call in ten exceeds.
    P90,
    /// Time that one call in a hundred exceeds.
    P99,
    /// Time that one call in a thousand exceeds.
    P999,
    /// Calls.
    Calls,
    /// Calls that failed.
    Errors,
    /// ABI of the call.
    Abi,
    /// The call's name.
    Name,
}

/// Names in `-U` and `-S`, strace(1) first.
const NAMES: &[(&str, Column)] = &[
    ("time_percent", Column::Percent),
    ("time-percent", Column::Percent),
    ("time", Column::Percent),
    ("total_time", Column::Total),
    ("total-time", Column::Total),
    ("time_total", Column::Total),
    ("time-total", Column::Total),
    ("min_time", Column::Min),
    ("min-time", Column::Min),
    ("time_min", Column::Min),
    ("time-min", Column::Min),
    ("shortest", Column::Min),
    ("max_time", Column::Max),
    ("max-time", Column::Max),
    ("time_max", Column::Max),
    ("time-max", Column::Max),
    ("longest", Column::Max),
    ("avg_time", Column::Avg),
    ("avg-time", Column::Avg),
    ("time_avg", Column::Avg),
    ("time-avg", Column::Avg),
    ("calls", Column::Calls),
    ("count", Column::Calls),
    ("errors", Column::Errors),
    ("error", Column::Errors),
    ("name", Column::Name),
    ("syscall", Column::Name),
    ("syscall_name", Column::Name),
    ("syscall-name", Column::Name),
    ("abi", Column::Abi),
    ("p50", Column::P50),
    ("p90", Column::P90),
    ("p99", Column::P99),
    ("p99.9", Column::P999),
];

impl Column {
    /// Which part of a thousand calls took no longer, for percentiles.
    #[must_use]
    pub fn per_mille(self) -> Option<u64> {
        match self {
            Self::P50 => Some(500),
            Self::P90 => Some(900),
            Self::P99 => Some(990),
            Self::P999 => Some(999),
            _ => None,
        }
    }
}

/// The columns that are shown unless `-U` says otherwise.
#[must_use]
pub fn default(strace: bool) -> &'static [Column] {
    if strace {
        &[
            Column::Percent,
            Column::Total,
            Column::Avg,
            Column::Calls,
            Column::Errors,
            Column::Name,
        ]
    } else {
        &[
            Column::Name,
            Column::Abi,
            Column::Calls,
            Column::Errors,
            Column::Total,
            Column::Min,
            Column::Max,
            Column::Avg,
            Column::P50,
            Column::P90,
            Column::P99,
            Column::P999,
        ]
    }
}

fn parse(name: &str) -> Option<Column> {
    NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, column)| *column)
}

/// A list of columns; the name comes last where it is not in the list.
pub fn parse_list(list: &str) -> Result<Vec<Column>, String> {
    let mut columns = Vec::new();
    let mut rest = Some(list);
    while let Some(residual) = rest {
        let (name, next) = match residual.split_once(',') {
            Some((name, next)) => (name, Some(next)),
            None => (residual, None),
        };
        let column = parse(name).ok_or_else(|| format!("unknown column name: '{name}'"))?;
        if columns.contains(&column) {
            return Err(format!(
                "call summary column has been provided more than once: '{name}' (-U option residual: '{residual}')"
            ));
        }
        columns.push(column);
        rest = next;
    }
    if !columns.contains(&Column::Name) {
        columns.push(Column::Name);
    }
    Ok(columns)
}

/// An order: by a column, or by number (`Some(None)`). Unknown names give `None`.
#[must_use]
pub fn parse_sort(name: &str) -> Option<Option<Column>> {
    match name {
        "none" | "nothing" => Some(None),
        _ => match parse(name)? {
            // Shares are in the order of times.
            Column::Percent => Some(Some(Column::Total)),
            Column::Abi => None,
            column => Some(Some(column)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_as_strace_takes_them() {
        use Column::{Calls, Errors, Name, Percent};
        assert_eq!(parse_list("calls"), Ok(vec![Calls, Name]));
        assert_eq!(
            parse_list("errors,syscall,count,time"),
            Ok(vec![Errors, Name, Calls, Percent])
        );
        for (bad, message) in [
            ("", "unknown column name: ''"),
            ("calls,", "unknown column name: ''"),
            ("seconds", "unknown column name: 'seconds'"),
        ] {
            assert_eq!(parse_list(bad), Err(message.to_owned()));
        }
        let twice = parse_list("name,name,calls").expect_err("twice");
        assert!(
            twice.ends_with("'name' (-U option residual: 'name,calls')"),
            "{twice}"
        );
    }

    #[test]
    fn orders() {
        assert_eq!(parse_sort("time"), Some(Some(Column::Total)));
        assert_eq!(parse_sort("nothing"), Some(None));
        assert_eq!(parse_sort("p99.9"), Some(Some(Column::P999)));
        for bad in ["", "abi", "seconds", "mean"] {
            assert_eq!(parse_sort(bad), None, "{bad}");
        }
    }
}
