//! Re-evaluation with a rank-change test (Hansen, Niederberger, Guzzella & Koumoutsakos 2009, section III, UH-CMA-ES).
//!
//! After all `n` members a few of them are evaluated again, on as many other batches of the step. All 2n losses are ranked
//! together, those that were not evaluated again standing twice. With the ranks `old` and `new` of a member
//!
//! ```text
//! D_i = new_i - old_i - sign(new_i - old_i)
//! s   = mean over i of 2 |D_i| - limit(new_i - [new_i > old_i]) - limit(old_i - [old_i > new_i])
//! ```
//!
//! where `limit(R)` is the theta * 50 % quantile of |1 - R|, |2 - R|, ..., |2n - 1 - R|. While the noise level s is above 0 the
//! number of batches of each member grows by the factor `alpha`, up to `most`; else it shrinks by alpha^(1/4), as in pycma
//! (alpha in the paper).
//!
//! Different from the paper: its noise is drawn for each evaluation anew, ours with the batch, common to all. What is common
//! moves no rank among those of one batch, so the median change of those evaluated again is taken from their second losses. For
//! this at least four are evaluated again, and they are drawn at random, because the first members of many strategies are
//! no sample of all. The loss told is that of the first evaluation, on batches that all members saw; steps are not made longer.

use super::{Evaluated, Evaluation, Members, Work};
use crate::entry::Entry;
use crate::error::Result;
use crate::num::{mean, percentile};
use crate::params::Range;
use crate::state::State;

/// Fewer give no change that is common.
const LEAST_AGAIN: usize = 4;

struct RankChange {
    again: f64,
    theta: f64,
    alpha: f64,
    cumulation: f64,
    most: f64,
    /// Batches of each member, with the fraction that growth and shrinking leave.
    batches: f64,
    /// The noise level s, smoothed.
    level: f64,
}

/// Defaults: `again` 0.1 of the members (at least 4), `theta` 0.2, `alpha` 1.5 and `cumulation` 1 from the paper; `most` 16
/// batches.
pub(super) const ENTRY: Entry<dyn Evaluation, Option<f64>> = Entry {
    name: "rank-change",
    summary: "a few members again; while that changes their ranks too much, all on more batches",
    reference: "Hansen et al. 2009",
    build: |params, _| {
        Ok(Box::new(RankChange {
            again: params.float("again", Some(0.1), Range::AboveUpTo(0.0, 1.0)),
            theta: params.float("theta", Some(0.2), Range::Within(0.0, 1.0)),
            alpha: params.float("alpha", Some(1.5), Range::AboveUpTo(1.0, 10.0)),
            cumulation: params.float("cumulation", Some(1.0), Range::AboveUpTo(0.0, 1.0)),
            most: params.integer("most", Some(16), 1..=1_000_000) as f64,
            batches: 1.0,
            level: 0.0,
        }))
    },
};

impl RankChange {
    /// How many of `n` members are evaluated again.
    fn again(&self, n: usize) -> usize {
        ((self.again * n as f64).ceil() as usize).max(LEAST_AGAIN).min(n)
    }

    /// What so many members take with so many batches each.
    fn work(&self, members: usize, batches: f64) -> Work {
        let batches = batches as usize;
        Work { members: batches * (members + self.again(members)), batches: 2 * batches }
    }

    /// Takes in a noise level: the batches of the next generation follow from it.
    fn treat(&mut self, level: f64) {
        self.level += self.cumulation * (level - self.level);
        let factor = if self.level > 0.0 { self.alpha } else { self.alpha.powf(-0.25) };
        self.batches = (self.batches * factor).clamp(1.0, self.most);
    }
}

impl Evaluation for RankChange {
    fn evaluate(&mut self, members: &Members<'_>) -> Result<Evaluated> {
        let (all, batches): (Vec<usize>, _) = ((0..members.n()).collect(), self.batches as usize);
        let first = means(members, &all, 0..batches)?;
        let known: Vec<usize> = all.into_iter().filter(|member| !first[*member].is_nan()).collect();
        let drawn = members.seed().rng().choose(known.len(), self.again(members.n()));
        let again: Vec<usize> = drawn.into_iter().map(|i| known[i]).collect();
        // A single member has nothing to change ranks with.
        if again.len() > 1 {
            let second = means(members, &again, batches..2 * batches)?;
            let changes = again.iter().zip(&second).map(|(member, second)| second - first[*member]);
            let changes: Vec<f64> = changes.filter(|change| change.is_finite()).collect();
            let common = if changes.is_empty() { f64::NAN } else { percentile(&changes, 0.5) };
            let second: Vec<f64> = second.iter().map(|loss| loss - common).collect();
            self.treat(noise_level(&first, &again, &second, self.theta));
        }
        let losses = first.into_iter().map(|loss| loss as f32).collect();
        Ok(Evaluated { losses, diagnostics: vec![("batches", batches as f64), ("noise_level", self.level)] })
    }

    fn next(&self, members: usize) -> Work {
        self.work(members, self.batches)
    }

    fn most(&self, members: usize) -> Work {
        self.work(members, self.most)
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_f64("rank-change", &[self.batches, self.level]);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let saved = state.f64s("rank-change", 2)?;
        (self.batches, self.level) = (saved[0], saved[1]);
        Ok(())
    }
}

/// Mean loss of each of these members over some batches; NaN of those that failed on one.
fn means(members: &Members<'_>, which: &[usize], batches: std::ops::Range<usize>) -> Result<Vec<f64>> {
    let mut sums = vec![0.0; which.len()];
    let n = batches.len() as f64;
    for batch in batches {
        let losses = members.losses(which, batch)?;
        sums.iter_mut().zip(losses).for_each(|(sum, loss)| *sum += f64::from(loss));
    }
    sums.iter_mut().for_each(|sum| *sum /= n);
    Ok(sums)
}

/// The noise level s of losses `first` (n) and of the members `again` with their losses `second`.
fn noise_level(first: &[f64], again: &[usize], second: &[f64], theta: f64) -> f64 {
    let n = first.len();
    let mut losses = [first, first].concat();
    again.iter().zip(second).for_each(|(member, loss)| losses[n + member] = *loss);
    let mut order: Vec<usize> = (0..2 * n).collect();
    // Ties, as of those not evaluated again, by index; NaN last.
    order.sort_by(|a, b| {
        let (a, b) = (losses[*a], losses[*b]);
        a.is_nan().cmp(&b.is_nan()).then(a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal))
    });
    let mut ranks = vec![0usize; 2 * n];
    order.iter().enumerate().for_each(|(rank, which)| ranks[*which] = rank + 1);
    let level = |member: &usize| {
        let (old, new) = (ranks[*member], ranks[n + member]);
        // No two ranks are equal, so one step is always taken off.
        let change = (old.abs_diff(new) - 1) as f64;
        let limits = limit(n, new - usize::from(new > old), theta) + limit(n, old - usize::from(old > new), theta);
        2.0 * change - limits
    };
    mean(&again.iter().map(level).collect::<Vec<_>>())
}

/// The theta * 50 % quantile of |1 - rank|, ..., |2n - 1 - rank|, between two of them in proportion (Hazen, as in pycma).
fn limit(n: usize, rank: usize, theta: f64) -> f64 {
    let mut changes: Vec<usize> = (1..2 * n).map(|other| other.abs_diff(rank)).collect();
    changes.sort_unstable();
    let place = (0.5 * theta * changes.len() as f64 - 0.5).clamp(0.0, (changes.len() - 1) as f64);
    let (below, share) = (place as usize, place.fract());
    let above = (below + 1).min(changes.len() - 1);
    (1.0 - share) * changes[below] as f64 + share * changes[above] as f64
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;

    fn numbers(json: &Json) -> Vec<f64> {
        json.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    }

    #[test]
    fn noise_levels_are_those_of_pycma() {
        let all: Json = serde_json::from_str(include_str!("../../tests/reference/noise_level.json")).unwrap();
        let cases = all["cases"].as_array().unwrap();
        for case in cases {
            let again: Vec<usize> = numbers(&case["again"]).into_iter().map(|member| member as usize).collect();
            let (theta, level) = (case["theta"].as_f64().unwrap(), case["level"].as_f64().unwrap());
            let found = noise_level(&numbers(&case["first"]), &again, &numbers(&case["second"]), theta);
            assert!((found - level).abs() < 1e-12, "{found} against {level}");
        }
        let levels: Vec<f64> = cases.iter().map(|case| case["level"].as_f64().unwrap()).collect();
        assert!(levels.iter().any(|level| *level > 0.0) && levels.iter().any(|level| *level < 0.0), "{levels:?}");
    }

    #[test]
    fn a_member_that_moves_past_another_is_counted_by_hand() {
        // Losses 1, 2, 3; the first again, 2.5: in the order 1, 2, 2, 2.5, 3, 3 it was 1 and is 4, past two: |D| = 2.
        // R = 4 - 1 = 3: |1-3|, ..., |5-3| = 2, 1, 0, 1, 2; R = 1: 0, 1, 2, 3, 4. With theta = 1 the medians 1 and 2.
        assert_eq!(noise_level(&[1.0, 2.0, 3.0], &[0], &[2.5], 1.0), 2.0 * 2.0 - 1.0 - 2.0);
        // Where nothing changes the limits remain, 0 without tolerance: R = 1 in the middle of nothing but itself.
        assert_eq!(noise_level(&[1.0, 2.0, 3.0], &[0], &[1.0], 0.0), 0.0);
        // Failed on the second batch: last.
        assert_eq!(limit(3, 6 - 1, 0.0) + limit(3, 1, 0.0), 0.0);
        assert_eq!(noise_level(&[1.0, 2.0, 3.0], &[0], &[f64::NAN], 0.0), 2.0 * 4.0);
    }
}
