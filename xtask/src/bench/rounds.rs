//! Interleaving: every variant once a round, each round beginning with another one.

use anyhow::{Context, Result};

use crate::tools::say;

/// One variant: its name, and what measures it once.
pub(super) struct Job<'a> {
    name: String,
    measure: Box<dyn FnMut() -> Result<f64> + 'a>,
}

impl<'a> Job<'a> {
    pub(super) fn new(name: impl Into<String>, measure: impl FnMut() -> Result<f64> + 'a) -> Self {
        Self {
            name: name.into(),
            measure: Box::new(measure),
        }
    }
}

/// Samples of all variants: sample `r` of each is of round `r`.
pub(super) struct Samples(Vec<(String, Vec<f64>)>);

impl Samples {
    /// Those of one variant; none if there is no such.
    pub(super) fn of(&self, name: &str) -> &[f64] {
        self.0
            .iter()
            .find(|(own, _)| own == name)
            .map_or(&[], |(_, samples)| samples)
    }

    /// Round by round, `f` of two variants.
    pub(super) fn pair(&self, one: &str, other: &str, f: fn(f64, f64) -> f64) -> Vec<f64> {
        self.of(one)
            .iter()
            .zip(self.of(other))
            .map(|(one, other)| f(*one, *other))
            .collect()
    }
}

/// Measures every job once a round. A job that fails is left out from then on, and named.
pub(super) fn interleave(rounds: usize, mut jobs: Vec<Job<'_>>) -> Samples {
    let mut samples: Vec<_> = jobs
        .iter()
        .map(|job| (job.name.clone(), Vec::new()))
        .collect();
    let mut failed = vec![false; jobs.len()];
    for round in 0..rounds {
        for step in 0..jobs.len() {
            let at = (round + step) % jobs.len();
            if failed[at] {
                continue;
            }
            let job = &mut jobs[at];
            match (job.measure)().with_context(|| job.name.clone()) {
                Ok(sample) => samples[at].1.push(sample),
                Err(error) => {
                    say!("left out: {error:#}");
                    failed[at] = true;
                    samples[at].1.clear();
                }
            }
        }
    }
    Samples(samples)
}

/// The middle one; the mean of the two in the middle.
pub(super) fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        let cases: [(&[f64], Option<f64>); 4] = [
            (&[], None),
            (&[3.0], Some(3.0)),
            (&[9.0, 1.0, 2.0], Some(2.0)),
            (&[4.0, 1.0, 2.0, 9.0], Some(3.0)),
        ];
        for (samples, want) in cases {
            assert_eq!(median(samples), want, "{samples:?}");
        }
    }

    #[test]
    fn every_job_has_a_sample_a_round_and_a_failing_one_none() {
        let mut calls = 0;
        let mut order = std::cell::RefCell::new(Vec::new());
        let samples = {
            let order = &order;
            let note = move |name: &'static str, value| {
                order.borrow_mut().push(name);
                Ok(value)
            };
            interleave(
                2,
                vec![
                    Job::new("a", || note("a", 1.0)),
                    Job::new("b", || note("b", 3.0)),
                    Job::new("c", || {
                        calls += 1;
                        anyhow::bail!("no")
                    }),
                ],
            )
        };
        assert_eq!(order.get_mut()[..], ["a", "b", "b", "a"]);
        assert_eq!(samples.of("a"), [1.0, 1.0]);
        assert!(samples.of("c").is_empty());
        assert_eq!(samples.pair("b", "a", |b, a| b - a), [2.0, 2.0]);
        assert_eq!(calls, 1, "what failed is not tried again");
    }
}
