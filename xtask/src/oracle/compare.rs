//! Two traces side by side, thread by thread: which lines are equal, which differ, and which of those may.

use super::differences::{Differences, Side};
use super::normalize::Line;
use super::threads::{self, Thread};
use super::tracer::Trace;

/// What a comparison found.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Lines of the longer trace of each thread.
    pub(super) lines: usize,
    /// Lines that only one side has, or that differ, and no entry explains.
    pub(super) differing: usize,
    /// Lines that an entry of the list of differences explains.
    pub(super) explained: usize,
    /// `-` theirs, `+` ours, thread by thread.
    pub(super) diff: Vec<String>,
}

/// Compares traces of one case.
pub(super) fn compare(
    case: &str,
    theirs: &Trace,
    ours: &Trace,
    differences: &mut Differences,
) -> Outcome {
    let mut outcome = Outcome::default();
    let (theirs, mut ours) = (threads::split(theirs), threads::split(ours));
    for (name, thread) in &theirs {
        let other = ours.remove(name).unwrap_or_default();
        outcome.thread(case, name, thread, &other, differences);
    }
    for (name, other) in &ours {
        outcome.thread(case, name, &Thread::default(), other, differences);
    }
    outcome
}

impl Outcome {
    fn thread(
        &mut self,
        case: &str,
        name: &str,
        theirs: &Thread,
        ours: &Thread,
        differences: &mut Differences,
    ) {
        self.sequence(case, name, &theirs.lines, &ours.lines, differences);
        self.sequence(case, name, &theirs.signals, &ours.signals, differences);
    }

    fn sequence(
        &mut self,
        case: &str,
        name: &str,
        theirs: &[Line],
        ours: &[Line],
        differences: &mut Differences,
    ) {
        let theirs: Vec<Line> = theirs.iter().map(|l| differences.mask(case, l)).collect();
        let ours: Vec<Line> = ours.iter().map(|l| differences.mask(case, l)).collect();
        self.lines += theirs.len().max(ours.len());
        for gap in gaps(&theirs, &ours) {
            let (theirs, ours) = (&theirs[gap.0.clone()], &ours[gap.1.clone()]);
            let mut unexplained = [0, 0];
            for (i, (side, sign, lines)) in [(Side::Theirs, '-', theirs), (Side::Ours, '+', ours)]
                .into_iter()
                .enumerate()
            {
                for line in lines {
                    if differences.explains(case, side, &line.text) {
                        continue;
                    }
                    unexplained[i] += 1;
                    self.diff.push(format!("{sign} {name:<8} {}", line.text));
                }
            }
            let count = unexplained[0].max(unexplained[1]);
            self.differing += count;
            self.explained += theirs.len().max(ours.len()) - count;
        }
    }
}

type Gap = (std::ops::Range<usize>, std::ops::Range<usize>);

/// Cells of the table of common subsequences; beyond, everything between the ends that are alike counts as different.
const MOST_CELLS: usize = 64_000_000;

/// The parts in which two lists differ: a longest common subsequence between what is alike at both ends.
fn gaps(a: &[Line], b: &[Line]) -> Vec<Gap> {
    let start = a.iter().zip(b).take_while(|(a, b)| a.is_like(b)).count();
    let most = a.len().min(b.len()) - start;
    let end = (a.iter().rev())
        .zip(b.iter().rev())
        .take(most)
        .take_while(|(a, b)| a.is_like(b))
        .count();
    let (a_mid, b_mid) = (&a[start..a.len() - end], &b[start..b.len() - end]);
    if a_mid.is_empty() && b_mid.is_empty() {
        return Vec::new();
    }
    let width = b_mid.len() + 1;
    if (a_mid.len() + 1).saturating_mul(width) > MOST_CELLS {
        return vec![(start..a.len() - end, start..b.len() - end)];
    }
    let mut common = vec![0u32; (a_mid.len() + 1) * width];
    for i in (0..a_mid.len()).rev() {
        for j in (0..b_mid.len()).rev() {
            common[i * width + j] = if a_mid[i].is_like(&b_mid[j]) {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    walk(a_mid, b_mid, &common, start)
}

/// Follows the table from its start and collects what lies between the common lines.
fn walk(a: &[Line], b: &[Line], common: &[u32], start: usize) -> Vec<Gap> {
    let width = b.len() + 1;
    let (mut gaps, mut i, mut j) = (Vec::new(), 0, 0);
    let (mut from_i, mut from_j) = (0, 0);
    let mut close = |from_i: usize, i: usize, from_j: usize, j: usize| {
        if from_i < i || from_j < j {
            gaps.push((start + from_i..start + i, start + from_j..start + j));
        }
    };
    while i < a.len() && j < b.len() {
        if a[i].is_like(&b[j]) {
            close(from_i, i, from_j, j);
            (i, j) = (i + 1, j + 1);
            (from_i, from_j) = (i, j);
        } else if common[(i + 1) * width + j] >= common[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    close(from_i, a.len(), from_j, b.len());
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Line> {
        let line = |c: char| Line {
            text: c.to_string(),
            padding: None,
        };
        text.chars().map(line).collect()
    }

    #[test]
    fn gaps_are_what_lies_between_common_lines() {
        let cases: &[(&str, &str, &[Gap])] = &[
            ("abc", "abc", &[]),
            ("abc", "axc", &[(1..2, 1..2)]),
            ("abc", "ac", &[(1..2, 1..1)]),
            ("ac", "abc", &[(1..1, 1..2)]),
            ("", "ab", &[(0..0, 0..2)]),
            ("aXbYc", "abZc", &[(1..2, 1..1), (3..4, 2..3)]),
        ];
        for (a, b, want) in cases {
            assert_eq!(gaps(&lines(a), &lines(b)), *want, "{a} {b}");
        }
    }

    #[test]
    fn a_listed_difference_is_no_difference() {
        let mut differences =
            Differences::parse("drop * ours ^x\n  is right\n", (6, 1)).expect("good");
        let mut outcome = Outcome::default();
        outcome.sequence("c", "0", &lines("ab"), &lines("axy"), &mut differences);
        assert_eq!(
            (outcome.lines, outcome.differing, outcome.explained),
            (3, 1, 1)
        );
        assert_eq!(outcome.diff, ["- 0        b", "+ 0        y"]);
    }
}
