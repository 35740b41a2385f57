//! The null of walks and of repeated vectors: the same steps with random signs. Nothing is left then of drift and memory,
//! while the lengths of the steps, their directions and how they change in time stay.

use super::{steps::steps, Array};
use crate::num::mean;
use crate::params::Params;
use crate::rng::Seed;

/// How many nulls are drawn, and where from.
pub struct RandomSigns {
    draws: u64,
    seed: Seed,
}

impl RandomSigns {
    /// Reads `shuffles`, by default 8 draws, and `seed`, by default 0.
    pub fn read(params: &Params<'_>) -> Self {
        let draws = params.integer("shuffles", Some(8), 0..=10_000);
        RandomSigns { draws, seed: Seed::new(params.integer("seed", Some(0), 0..=i64::MAX as u64)).child("signs") }
    }

    /// Mean of a number over walks of the same steps with random signs; NaN without a draw.
    pub fn of_walk(&self, walk: &Array, number: impl Fn(&[f64]) -> f64) -> f64 {
        self.over(|seed| number(&signed_walk(&walk.values, walk.rows, seed)))
    }

    /// Mean of a number over the same rows with random signs; NaN without a draw.
    pub fn of_rows(&self, rows: &Array, number: impl Fn(&[f64]) -> f64) -> f64 {
        self.over(|seed| number(&signed_rows(&rows.values, rows.rows, seed)))
    }

    fn over(&self, number: impl Fn(Seed) -> f64) -> f64 {
        mean(&(0..self.draws).map(|draw| number(self.seed.index(draw))).collect::<Vec<f64>>())
    }
}

/// The same rows, each times 1 or -1.
pub fn signed_rows(values: &[f64], rows: usize, seed: Seed) -> Vec<f64> {
    let mut rng = seed.rng();
    let mut signed = values.to_vec();
    for row in signed.chunks_exact_mut((values.len() / rows.max(1)).max(1)) {
        if rng.word() >> 31 == 1 {
            row.iter_mut().for_each(|x| *x = -*x);
        }
    }
    signed
}

/// A walk from the same start, each step of it times 1 or -1.
pub fn signed_walk(walk: &[f64], rows: usize, seed: Seed) -> Vec<f64> {
    let k = (walk.len() / rows.max(1)).max(1);
    let steps = signed_rows(&steps(walk, rows), rows.saturating_sub(1), seed);
    let mut signed = walk[..k.min(walk.len())].to_vec();
    for (i, step) in steps.iter().enumerate() {
        signed.push(signed[i] + step);
    }
    signed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_keep_their_place_and_length_and_lose_their_sign_half_of_the_time() {
        let rows = 2_001;
        let walk: Vec<f64> = (0..rows).flat_map(|t| [t as f64, (t * t) as f64]).collect();
        let signed = signed_walk(&walk, rows, Seed::new(3));
        assert_eq!((signed.len(), &signed[..2]), (walk.len(), &walk[..2]));
        let (before, after) = (steps(&walk, rows), steps(&signed, rows));
        let mut kept = 0;
        for (before, after) in before.chunks_exact(2).zip(after.chunks_exact(2)) {
            let sign = after[0] / before[0];
            assert!(sign.abs() == 1.0 && after[1] == sign * before[1], "a step keeps its direction");
            kept += usize::from(sign > 0.0);
        }
        // Binomial(2000, 1/2): standard deviation 22.
        assert!(kept.abs_diff(1_000) < 90, "{kept}");
        assert_ne!(signed, signed_walk(&walk, rows, Seed::new(4)));
    }
}
