//! The list of differences that are right, `tests/oracle/differences.txt`, and which of its entries still match.
//!
//! `mask CASES REGEX` hides what matches in both traces; `drop CASES strace|ours REGEX` excuses lines of one side that the
//! other lacks. CASES is a regular expression for whole names, `*` for all. The indented lines that follow are the reason.

use anyhow::{Context, Result, bail};
use regex::Regex;

use super::normalize::Line;

/// Whose line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Theirs,
    Ours,
}

#[derive(Debug)]
enum Kind {
    Mask,
    Drop(Side),
}

#[derive(Debug)]
struct Entry {
    kind: Kind,
    cases: Regex,
    text: Regex,
    line: usize,
    has_reason: bool,
    used: bool,
}

/// The whole list.
#[derive(Debug)]
pub(super) struct Differences(Vec<Entry>);

impl Differences {
    /// An entry without a reason is an error.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut entries: Vec<Entry> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            if line.starts_with(' ') {
                let entry = entries.last_mut().context("a reason before any entry")?;
                entry.has_reason = true;
                continue;
            }
            entries.push(entry(line, number).with_context(|| format!("line {number}"))?);
        }
        if let Some(entry) = entries.iter().find(|entry| !entry.has_reason) {
            bail!("the entry in line {} has no reason", entry.line);
        }
        Ok(Self(entries))
    }

    /// The line without what need not be equal.
    pub(super) fn mask(&mut self, case: &str, line: &Line) -> Line {
        let mut line = line.clone();
        let masks = self.0.iter_mut().filter(|e| matches!(e.kind, Kind::Mask));
        for entry in masks.filter(|entry| entry.cases.is_match(case)) {
            entry.used |= line.mask(&entry.text);
        }
        line
    }

    /// May one side alone have this line?
    pub(super) fn explains(&mut self, case: &str, side: Side, text: &str) -> bool {
        let found = self.0.iter_mut().find(|entry| {
            matches!(entry.kind, Kind::Drop(of) if of == side)
                && entry.cases.is_match(case)
                && entry.text.is_match(text)
        });
        found.is_some_and(|entry| {
            entry.used = true;
            true
        })
    }

    /// The numbers of the lines whose entries matched nothing.
    pub(super) fn unused(&self) -> Vec<usize> {
        let unused = self.0.iter().filter(|entry| !entry.used);
        unused.map(|entry| entry.line).collect()
    }
}

fn entry(line: &str, number: usize) -> Result<Entry> {
    let (kind, rest) = line.split_once(' ').context("no cases")?;
    let (cases, rest) = rest.split_once(' ').context("no expression")?;
    let (kind, text) = match (kind, rest.split_once(' ')) {
        ("mask", _) => (Kind::Mask, rest),
        ("drop", Some(("strace", text))) => (Kind::Drop(Side::Theirs), text),
        ("drop", Some(("ours", text))) => (Kind::Drop(Side::Ours), text),
        _ => bail!("neither `mask CASES REGEX` nor `drop CASES strace|ours REGEX`"),
    };
    let cases = if cases == "*" { ".*" } else { cases };
    Ok(Entry {
        kind,
        cases: Regex::new(&format!("^(?:{cases})$"))?,
        text: Regex::new(text)?,
        line: number,
        has_reason: false,
        used: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_need_a_reason_and_say_whether_they_were_used() {
        let text =
            "# head\nmask ls|cat [0-9]+\n  numbers\ndrop * strace ^ptrace\n  an effect of ptrace\n";
        let mut list = Differences::parse(text).expect("good");
        let line = Line {
            text: "a 12".to_owned(),
            padding: None,
        };
        assert_eq!(list.mask("sed", &line).text, "a 12");
        assert_eq!(list.mask("ls", &line).text, "a MASKED");
        assert!(!list.explains("ls", Side::Ours, "ptrace x"));
        assert_eq!(list.unused(), [4]);
        assert!(list.explains("ls", Side::Theirs, "ptrace x"));
        assert_eq!(list.unused(), [0usize; 0]);
        for bad in [
            "mask * x",
            "keep * x\n  r",
            "drop * both x\n  r",
            "mask * (\n  r",
            "  r",
        ] {
            assert!(Differences::parse(bad).is_err(), "{bad}");
        }
    }
}
