//! The results: figures with their samples, as a table and as JSON.

use std::fmt::Write;

use anyhow::Result;
use serde_json::{Value, json};

use super::rounds::median;

/// What a figure has to be.
#[derive(Clone, Copy)]
pub(super) enum Bar {
    AtMost(f64),
    AtLeast(f64),
    None,
}

struct Figure {
    group: &'static str,
    name: String,
    unit: &'static str,
    samples: Vec<f64>,
    bar: Bar,
}

/// All figures of a run.
pub(super) struct Report {
    machine: Value,
    load_after: Value,
    figures: Vec<Figure>,
    notes: Vec<String>,
}

impl Report {
    pub(super) fn new(machine: Value) -> Self {
        Self {
            machine,
            load_after: Value::Null,
            figures: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a figure; without samples it is named as missing.
    pub(super) fn add(
        &mut self,
        group: &'static str,
        name: impl Into<String>,
        unit: &'static str,
        samples: Vec<f64>,
        bar: Bar,
    ) {
        self.figures.push(Figure {
            group,
            name: name.into(),
            unit,
            samples,
            bar,
        });
    }

    /// Says something below the table.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// The end of the measurements.
    pub(super) fn close(&mut self) {
        self.load_after = super::machine::load();
    }

    /// For the terminal: median, lowest and highest sample of each figure, and its bar.
    pub(super) fn table(&self) -> String {
        let mut out = String::new();
        let mut group = "";
        for figure in &self.figures {
            if figure.group != group {
                group = figure.group;
                let _ = writeln!(
                    out,
                    "\n{group:<52}{:>10}{:>10}{:>10}",
                    "median", "lowest", "highest"
                );
            }
            let name = format!("{}, {}", figure.name, figure.unit);
            let _ = write!(out, "  {name:<50}");
            let Some(middle) = median(&figure.samples) else {
                let _ = writeln!(out, "{:>10}", "missing");
                continue;
            };
            let low = figure.samples.iter().copied().fold(f64::INFINITY, f64::min);
            let high = figure
                .samples
                .iter()
                .copied()
                .fold(f64::NEG_INFINITY, f64::max);
            let _ = write!(
                out,
                "{:>10}{:>10}{:>10}",
                short(middle),
                short(low),
                short(high)
            );
            let _ = writeln!(out, "{}", verdict(figure.bar, middle));
        }
        for note in &self.notes {
            let _ = writeln!(out, "\n{note}");
        }
        let _ = writeln!(out, "\nmachine: {}", self.machine);
        let _ = writeln!(out, "load afterwards: {}", self.load_after);
        out
    }

    /// Everything, samples included.
    pub(super) fn json(&self) -> Result<String> {
        let figures: Vec<Value> = self
            .figures
            .iter()
            .map(|figure| {
                let (most, least) = match figure.bar {
                    Bar::AtMost(bar) => (Some(bar), None),
                    Bar::AtLeast(bar) => (None, Some(bar)),
                    Bar::None => (None, None),
                };
                json!({
                    "group": figure.group, "name": figure.name, "unit": figure.unit,
                    "median": median(&figure.samples), "samples": figure.samples,
                    "at_most": most, "at_least": least,
                })
            })
            .collect();
        let whole = json!({
            "machine": self.machine, "load_after": self.load_after,
            "figures": figures, "notes": self.notes,
        });
        Ok(serde_json::to_string_pretty(&whole)? + "\n")
    }
}

fn short(x: f64) -> String {
    match x.abs() {
        a if a >= 100.0 => format!("{x:.0}"),
        a if a >= 10.0 => format!("{x:.1}"),
        _ => format!("{x:.2}"),
    }
}

fn verdict(bar: Bar, value: f64) -> String {
    match bar {
        Bar::AtMost(bar) => format!("  {} (bar: at most {bar})", word(value <= bar)),
        Bar::AtLeast(bar) => format!("  {} (bar: at least {bar})", word(value >= bar)),
        Bar::None => String::new(),
    }
}

fn word(reached: bool) -> &'static str {
    if reached { "ok" } else { "MISSED" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_and_json_with_bars_and_missing_figures() -> Result<()> {
        let mut report = Report::new(json!({"cpus": 2}));
        report.add("g", "a", "ns", vec![1.0, 30.0, 200.0], Bar::AtMost(20.0));
        report.add("g", "b", "x", vec![5.0], Bar::AtLeast(2.0));
        report.add("h", "c", "s", vec![], Bar::None);
        let table = report.table();
        let line = |start: &str| {
            table
                .lines()
                .find(|l| l.trim().starts_with(start))
                .map(str::to_owned)
        };
        let a = line("a, ns").unwrap_or_default();
        assert!(
            a.contains("30.0") && a.contains("1.00") && a.contains("200"),
            "{a}"
        );
        assert!(a.ends_with("MISSED (bar: at most 20)"), "{a}");
        assert!(
            line("b, x").is_some_and(|b| b.ends_with("ok (bar: at least 2)")),
            "{table}"
        );
        assert!(
            line("c, s").is_some_and(|c| c.ends_with("missing")),
            "{table}"
        );
        let json: Value = serde_json::from_str(&report.json()?)?;
        assert_eq!(json["figures"][0]["median"], 30.0);
        assert_eq!(json["figures"][2]["median"], Value::Null);
        Ok(())
    }
}
