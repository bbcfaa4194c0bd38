//! The list of differences that are right, `tests/oracle/differences.txt`, and which of its entries still match.
//!
//! `mask CASES REGEX` hides what matches in both traces; `drop CASES strace|ours REGEX` excuses lines of one side that the
//! other lacks. CASES is a regular expression for whole names, `*` for all. The indented lines that follow are the reason.
//! With a `?` behind the word (`drop?`) it is a race, and an entry that matches nothing in one run is not stale.
//! `mask@6.1` and `drop@6.1` are for strace 6.1 and older ones, which do not know what is newer; `@>6.1` is for newer ones.

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

/// Of strace: major and minor.
pub(super) type Version = (u32, u32);

#[derive(Debug)]
enum Versions {
    All,
    Until(Version),
    After(Version),
}

impl Versions {
    fn has(&self, strace: Version) -> bool {
        match self {
            Self::All => true,
            Self::Until(last) => strace <= *last,
            Self::After(last) => strace > *last,
        }
    }
}

#[derive(Debug)]
struct Entry {
    kind: Kind,
    /// Those that it is for.
    versions: Versions,
    cases: Regex,
    text: Regex,
    line: usize,
    has_reason: bool,
    /// Or it need not be.
    used: bool,
}

/// The whole list.
#[derive(Debug)]
pub(super) struct Differences(Vec<Entry>);

impl Differences {
    /// The entries for one version of strace. An entry without a reason is an error.
    pub(super) fn parse(text: &str, strace: Version) -> Result<Self> {
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
        entries.retain(|entry| entry.versions.has(strace));
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
    let (kind, versions) = match kind.split_once('@') {
        Some((kind, of)) => match of.strip_prefix('>') {
            Some(last) => (kind, Versions::After(version(last)?)),
            None => (kind, Versions::Until(version(of)?)),
        },
        None => (kind, Versions::All),
    };
    let (kind, is_race) = match kind.strip_suffix('?') {
        Some(kind) => (kind, true),
        None => (kind, false),
    };
    let (kind, text) = match (kind, rest.split_once(' ')) {
        ("mask", _) => (Kind::Mask, rest),
        ("drop", Some(("strace", text))) => (Kind::Drop(Side::Theirs), text),
        ("drop", Some(("ours", text))) => (Kind::Drop(Side::Ours), text),
        _ => bail!("neither `mask CASES REGEX` nor `drop CASES strace|ours REGEX`"),
    };
    let cases = if cases == "*" { ".*" } else { cases };
    Ok(Entry {
        kind,
        versions,
        cases: Regex::new(&format!("^(?:{cases})$"))?,
        text: Regex::new(text)?,
        line: number,
        has_reason: false,
        used: is_race,
    })
}

/// `6.1`, whatever follows.
pub(super) fn version(text: &str) -> Result<Version> {
    let mut numbers = text.split('.').map(|part| {
        let end = part.find(|c: char| !c.is_ascii_digit());
        part[..end.unwrap_or(part.len())].parse()
    });
    let mut next = || {
        numbers
            .next()
            .with_context(|| format!("{text}: no version"))
    };
    Ok((next()??, next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_need_a_reason_and_say_whether_they_were_used() {
        let text = "# head\nmask ls|cat [0-9]+\n  numbers\ndrop * strace ^ptrace\n  an effect of ptrace\ndrop? * ours ^wait\n  a race\n";
        let mut list = Differences::parse(text, (6, 1)).expect("good");
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
            assert!(Differences::parse(bad, (6, 1)).is_err(), "{bad}");
        }
    }

    #[test]
    fn entries_may_be_for_some_versions() {
        let text = "mask@6.1 c old\n  x\nmask@>6.1 c new\n  x\n";
        let hidden = |strace, text: &str, list: &str| {
            let mut list = Differences::parse(list, strace).expect("good");
            let line = Line {
                text: text.to_owned(),
                padding: None,
            };
            list.mask("c", &line).text == "MASKED"
        };
        for (strace, old) in [
            ((5, 19), true),
            ((6, 1), true),
            ((6, 2), false),
            ((7, 0), false),
        ] {
            assert_eq!(
                (hidden(strace, "old", text), hidden(strace, "new", text)),
                (old, !old)
            );
        }
        assert!(Differences::parse("mask@x c y\n  z\n", (6, 1)).is_err());
        assert_eq!(version("7.2-rc1").expect("good"), (7, 2));
    }
}
