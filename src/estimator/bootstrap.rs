//! The bootstrap over samples (Efron 1979): percentile intervals, and those that correct for bias and skewness (BCa, Efron
//! 1987). The same resamples for all arms make a paired comparison.
//!
//! BCa: with `z0 = Phi^-1(share of replicates below the observed value, ties half)` and the acceleration
//! `a = sum u^3 / (6 (sum u^2)^1.5)` of the jackknife's departures `u` from their mean, the bounds are the percentiles
//! `Phi(z0 + (z0 + z) / (1 - a (z0 + z)))`, `z` the normal quantile of each side.

use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::num::{mean, percentile};
use crate::rng::Seed;

/// Resamples by default.
pub const RESAMPLES: usize = 2_000;

/// Resamples of `n` samples with replacement. Resample `i` is drawn at address `i` below the seed, so that it is the same
/// whatever is computed on it.
#[derive(Clone, Copy, Debug)]
pub struct Resamples {
    /// Samples.
    pub n: usize,
    /// So many resamples.
    pub times: usize,
    /// Their address.
    pub seed: Seed,
}

impl Resamples {
    /// A statistic of the indices (n) of each resample, (times).
    pub fn replicates(&self, statistic: impl Fn(&[usize]) -> f64 + Sync) -> Vec<f64> {
        let draw = |i: usize| {
            let mut rng = self.seed.index(i as u64).rng();
            let indices: Vec<usize> = (0..self.n).map(|_| rng.below(self.n)).collect();
            statistic(&indices)
        };
        (0..self.times).into_par_iter().map(draw).collect()
    }

    /// The mean of a value (n) over each resample, (times).
    ///
    /// # Panics
    /// If there are not `n` values.
    pub fn means(&self, values: &[f64]) -> Vec<f64> {
        assert_eq!(values.len(), self.n, "one value for each sample");
        self.replicates(|indices| indices.iter().map(|i| values[*i]).sum::<f64>() / self.n as f64)
    }

    /// The BCa interval of the mean of a value (n). For two arms give their differences: it is the paired interval. NaN
    /// of nothing and where a value is NaN.
    pub fn mean_interval(&self, values: &[f64], level: f64) -> [f64; 2] {
        if self.n < 2 || values.iter().any(|value| !value.is_finite()) {
            return [f64::NAN; 2];
        }
        let sum: f64 = values.iter().sum();
        let without: Vec<f64> = values.iter().map(|value| (sum - value) / (self.n - 1) as f64).collect();
        bca_interval(&self.means(values), mean(values), &without, level)
    }
}

/// The percentile interval of replicates that holds `level` of them. NaN of nothing and where a replicate is NaN.
pub fn percentile_interval(replicates: &[f64], level: f64) -> [f64; 2] {
    [0.5 - 0.5 * level, 0.5 + 0.5 * level].map(|share| percentile(replicates, share))
}

/// The BCa interval of replicates around the `observed` value; `jackknife` holds the statistic without each sample. NaN of
/// nothing, where something is NaN, and where the observed value lies outside of all replicates.
pub fn bca_interval(replicates: &[f64], observed: f64, jackknife: &[f64], level: f64) -> [f64; 2] {
    let below = replicates.iter().filter(|x| **x < observed).count();
    let equal = replicates.iter().filter(|x| **x == observed).count();
    let normal = Normal::standard();
    let bias = normal.inverse_cdf((below as f64 + 0.5 * equal as f64) / replicates.len().max(1) as f64);
    let centre = mean(jackknife);
    let sum = |power: i32| jackknife.iter().map(|x| (centre - x).powi(power)).sum::<f64>();
    let (squares, cubes) = (sum(2), sum(3));
    // Where no sample changes the statistic there is no skewness.
    let acceleration = if squares == 0.0 { 0.0 } else { cubes / (6.0 * squares.powf(1.5)) };
    if !(bias.is_finite() && acceleration.is_finite() && observed.is_finite()) {
        return [f64::NAN; 2];
    }
    [0.5 - 0.5 * level, 0.5 + 0.5 * level].map(|share| {
        let z = bias + normal.inverse_cdf(share);
        percentile(replicates, normal.cdf(bias + z / (1.0 - acceleration * z)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of `tests/reference/intervals.py`.
    fn reference() -> serde_json::Value {
        serde_json::from_str(include_str!("../../tests/reference/intervals.json")).unwrap()
    }

    fn numbers(value: &serde_json::Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    }

    #[test]
    fn intervals_of_given_resamples_are_those_of_scipy() {
        let reference = &reference()["bootstrap"];
        let values = numbers(&reference["values"]);
        let (n, times) = (values.len(), reference["times"].as_u64().unwrap() as usize);
        // The script's resamples: floor(n frac(k sqrt 2)) for k = 1, 2, ..., row after row.
        let index = |k: usize| ((((k + 1) as f64 * 2f64.sqrt()).fract() * n as f64) as usize).min(n - 1);
        let one = |b: usize| (0..n).map(|i| values[index(b * n + i)]).sum::<f64>() / n as f64;
        let replicates: Vec<f64> = (0..times).map(one).collect();
        let sum: f64 = values.iter().sum();
        let jackknife: Vec<f64> = values.iter().map(|x| (sum - x) / (n - 1) as f64).collect();
        let found = [
            ("percentile", percentile_interval(&replicates, 0.95)),
            ("bca", bca_interval(&replicates, mean(&values), &jackknife, 0.95)),
        ];
        for (name, found) in found {
            for (found, expected) in found.iter().zip(numbers(&reference[name])) {
                assert!((found - expected).abs() < 1e-9, "{name}: {found} against {expected}");
            }
        }
    }

    #[test]
    fn the_same_resamples_pair_two_arms() {
        let first: Vec<f64> = (0..200).map(|i| f64::from((i * 37) % 100)).collect();
        let second: Vec<f64> = first.iter().map(|x| x - 0.5).collect();
        let resamples = Resamples { n: 200, times: 300, seed: Seed::new(2) };
        let (a, b) = (resamples.means(&first), resamples.means(&second));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b - 0.5).abs() < 1e-9), "each resample holds the same samples");
        let differences: Vec<f64> = first.iter().zip(&second).map(|(a, b)| a - b).collect();
        let [low, high] = resamples.mean_interval(&differences, 0.95);
        assert!((low - 0.5).abs() < 1e-9 && (high - 0.5).abs() < 1e-9);
        let [low, high] = resamples.mean_interval(&first, 0.95);
        assert!(high - low > 5.0, "one arm alone is uncertain: {low} {high}");
    }

    #[test]
    fn ninety_five_percent_of_intervals_hold_the_true_mean() {
        // Squared normals: skewed, mean 1. Efron's 95 % are reached to a few percent with 60 samples.
        let held = (0..400).filter(|round| {
            let mut rng = Seed::new(11).index(*round).rng();
            let values: Vec<f64> = (0..60).map(|_| f64::from(rng.normal()).powi(2)).collect();
            let resamples = Resamples { n: 60, times: 400, seed: Seed::new(12).index(*round) };
            let [low, high] = resamples.mean_interval(&values, 0.95);
            low < 1.0 && 1.0 < high
        });
        let share = held.count() as f64 / 400.0;
        assert!((0.89..=0.98).contains(&share), "{share}");
    }

    #[test]
    fn too_little_and_nan_have_no_interval() {
        let resamples = |n| Resamples { n, times: 10, seed: Seed::new(1) };
        assert!(resamples(0).mean_interval(&[], 0.95)[0].is_nan());
        assert!(resamples(1).mean_interval(&[1.0], 0.95)[0].is_nan());
        assert!(resamples(2).mean_interval(&[1.0, f64::NAN], 0.95)[1].is_nan());
        assert_eq!(resamples(2).mean_interval(&[3.0, 3.0], 0.95), [3.0, 3.0]);
        assert!(bca_interval(&[1.0, 2.0], 5.0, &[1.0, 2.0], 0.95)[0].is_nan());
    }
}
