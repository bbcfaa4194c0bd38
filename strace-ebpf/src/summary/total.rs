//! The counters of one row, all CPUs together, and what follows from them.

use strace_ebpf_common::summary::{BUCKETS, Row, bounds};

use super::column::Column;

/// Sums over CPUs. Times are in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Total {
    /// Calls that ended.
    pub calls: u64,
    /// Calls that failed.
    pub errors: u64,
    /// Calls whose beginning was not seen.
    pub untimed: u64,
    /// Sum of times.
    pub total_ns: u64,
    /// Longest time.
    pub max_ns: u64,
    /// Shortest time, once there is one.
    pub min_ns: Option<u64>,
    buckets: Vec<u64>,
}

impl Default for Total {
    fn default() -> Self {
        Self {
            calls: 0,
            errors: 0,
            untimed: 0,
            total_ns: 0,
            max_ns: 0,
            min_ns: None,
            buckets: vec![0; BUCKETS],
        }
    }
}

impl Total {
    /// Adds what one CPU counted.
    pub fn add(&mut self, row: &Row) {
        let min_ns = (row.min_inverted != 0).then_some(!row.min_inverted);
        self.add_parts(
            [row.calls, row.errors, row.untimed, row.total_ns, row.max_ns],
            min_ns,
            &row.buckets,
        );
    }

    /// Adds another row.
    pub fn merge(&mut self, other: &Self) {
        let sums = [
            other.calls,
            other.errors,
            other.untimed,
            other.total_ns,
            other.max_ns,
        ];
        self.add_parts(sums, other.min_ns, &other.buckets);
    }

    fn add_parts(&mut self, sums: [u64; 5], min_ns: Option<u64>, buckets: &[u64]) {
        let [calls, errors, untimed, total_ns, max_ns] = sums;
        self.calls += calls;
        self.errors += errors;
        self.untimed += untimed;
        self.total_ns = self.total_ns.saturating_add(total_ns);
        self.max_ns = self.max_ns.max(max_ns);
        self.min_ns = self.min_ns.into_iter().chain(min_ns).min();
        for (sum, n) in self.buckets.iter_mut().zip(buckets) {
            *sum += n;
        }
    }

    /// Mean over the calls that have a time.
    #[must_use]
    pub fn mean_ns(&self) -> Option<u64> {
        self.total_ns
            .checked_div(self.calls - self.untimed.min(self.calls))
    }

    /// The time that so many calls of a thousand did not exceed; within a part of the histogram times are taken to be
    /// spread evenly.
    #[must_use]
    pub fn percentile(&self, per_mille: u64) -> Option<u64> {
        let all: u64 = self.buckets.iter().sum();
        let rank = u64::try_from((u128::from(all) * u128::from(per_mille)).div_ceil(1000)).ok()?;
        let rank = rank.max(1);
        let mut before = 0;
        for (index, n) in (0..).zip(&self.buckets) {
            if before + n >= rank {
                let (from, to) = bounds(index);
                let width = u128::from(to - from - 1);
                let within = width * u128::from(2 * (rank - before) - 1) / (2 * u128::from(*n));
                let ns = from + u64::try_from(within).ok()?;
                return Some(ns.clamp(self.min_ns.unwrap_or(0), self.max_ns));
            }
            before += n;
        }
        None
    }

    /// A column's value, where that is a number; times that are not known are smallest.
    #[must_use]
    pub fn value(&self, column: Column) -> Option<u64> {
        match column {
            Column::Percent | Column::Total => Some(self.total_ns),
            Column::Min => self.min_ns,
            Column::Max => self.min_ns.map(|_| self.max_ns),
            Column::Avg => self.mean_ns(),
            Column::Calls => Some(self.calls),
            Column::Errors => Some(self.errors),
            Column::Abi | Column::Name => None,
            Column::P50 | Column::P90 | Column::P99 | Column::P999 => {
                self.percentile(column.per_mille()?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::line;

    #[test]
    fn percentiles_are_within_an_eighth() {
        let times: Vec<u64> = (1..=100_000).map(|n| n * 10).collect();
        let total = line("read", &times, 0).total;
        for (per_mille, exact) in [
            (500, 500_000),
            (900, 900_000),
            (990, 990_000),
            (999, 999_000),
        ] {
            let ns = total.percentile(per_mille).expect("there are calls");
            assert!(ns.abs_diff(exact) * 8 <= exact, "{per_mille}: {ns}");
        }
        assert_eq!((total.min_ns, total.max_ns), (Some(10), 1_000_000));
        assert_eq!(total.mean_ns(), Some(500_005));
    }

    #[test]
    fn percentiles_of_few_calls_are_never_outside_them() {
        let one = line("read", &[1_000_003], 0).total;
        for per_mille in [1, 500, 999, 1000] {
            assert_eq!(one.percentile(per_mille), Some(1_000_003));
        }
        let two = line("read", &[5, 1_000_000], 0).total;
        assert_eq!(two.percentile(500), Some(5));
        assert!(two.percentile(990).is_some_and(|ns| ns > 900_000));
        let none = line("read", &[], 0).total;
        assert_eq!(
            (none.percentile(500), none.min_ns, none.mean_ns()),
            (None, None, None)
        );
    }

    #[test]
    fn cpus_are_added_up() {
        let mut sum = line("read", &[7, 9], 1).total;
        sum.merge(&line("read", &[100], 0).total);
        sum.merge(&line("read", &[], 0).total);
        assert_eq!((sum.calls, sum.errors, sum.total_ns), (3, 1, 116));
        assert_eq!((sum.min_ns, sum.max_ns), (Some(7), 100));
        assert_eq!(sum.percentile(500), Some(9));
    }
}
