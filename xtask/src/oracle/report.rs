//! What a run of the oracle says: the differing lines as they are found, a table at the end, and whether the goals are met.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::case::Case;
use super::compare::Outcome;
use super::differences::Differences;
use crate::tools::say;

/// Lines of our own programs that must be equal, in percent.
const GOAL_OWN: f64 = 100.0;
/// Lines of other commands.
const GOAL_REAL: f64 = 99.5;

#[derive(Default, Clone, Copy)]
struct Sum {
    lines: usize,
    differing: usize,
    explained: usize,
}

impl Sum {
    fn percent(&self) -> f64 {
        100.0 * (self.lines - self.differing) as f64 / self.lines.max(1) as f64
    }
}

/// All cases so far.
#[derive(Default)]
pub(super) struct Report {
    rows: Vec<(bool, String, Sum)>,
}

impl Report {
    pub(super) fn add(&mut self, case: &Case, variant: usize, outcome: Outcome, most: usize) {
        let options = case.options.get(variant).map_or("", String::as_str);
        let name = format!("{} {options}", case.name).trim_end().to_owned();
        let sum = Sum {
            lines: outcome.lines,
            differing: outcome.differing,
            explained: outcome.explained,
        };
        if !outcome.diff.is_empty() {
            println!("--- strace  +++ ours: {name}: {}", case.run);
            for line in outcome.diff.iter().take(most) {
                println!("{line}");
            }
            if outcome.diff.len() > most {
                println!("… {} more", outcome.diff.len() - most);
            }
        }
        self.rows.push((case.is_own(), name, sum));
    }

    /// The table, and an error where a goal is missed.
    pub(super) fn finish(
        &self,
        differences: &Differences,
        whole: bool,
        file: Option<&Path>,
    ) -> Result<()> {
        let sums = [true, false].map(|own| {
            let rows = self.rows.iter().filter(|row| row.0 == own);
            rows.fold(Sum::default(), |sum, row| Sum {
                lines: sum.lines + row.2.lines,
                differing: sum.differing + row.2.differing,
                explained: sum.explained + row.2.explained,
            })
        });
        let table = self.table(sums);
        print!("{table}");
        if let Some(path) = file {
            std::fs::write(path, &table).with_context(|| format!("writing {}", path.display()))?;
        }
        let mut failed = Vec::new();
        let goals = [
            ("our own programs", GOAL_OWN),
            ("real command lines", GOAL_REAL),
        ];
        for ((what, goal), sum) in goals.into_iter().zip(sums) {
            if sum.lines > 0 && sum.percent() < goal {
                failed.push(format!("{what}: {:.3} % of {goal} %", sum.percent()));
            }
        }
        if whole {
            for line in differences.unused() {
                failed.push(format!("differences.txt:{line} matches nothing any more"));
            }
        } else if !differences.unused().is_empty() {
            say!("a part of the cases: entries of differences.txt that match nothing are not told");
        }
        if self.rows.is_empty() {
            failed.push("no case has such a name".to_owned());
        }
        if !failed.is_empty() {
            bail!("{}", failed.join("; "));
        }
        Ok(())
    }

    fn table(&self, sums: [Sum; 2]) -> String {
        let mut table = format!(
            "{:<52} {:>7} {:>8} {:>9} {:>8}\n",
            "case", "lines", "differ", "explained", "equal %"
        );
        let mut row = |name: &str, sum: &Sum| {
            let (lines, differing, explained) = (sum.lines, sum.differing, sum.explained);
            let percent = sum.percent();
            let _ = writeln!(
                table,
                "{name:<52} {lines:>7} {differing:>8} {explained:>9} {percent:>8.3}"
            );
        };
        for (_, name, sum) in &self.rows {
            row(name, sum);
        }
        for (name, sum) in ["ALL OF OUR OWN PROGRAMS", "ALL REAL COMMAND LINES"]
            .iter()
            .zip(&sums)
        {
            row(name, sum);
        }
        table
    }
}
