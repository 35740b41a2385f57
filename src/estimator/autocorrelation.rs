//! Memory of a walk: how alike its steps are that lie `lag` apart.
//!
//! Two versions. `cosine`: the mean over t of the cosine of steps t and t + lag, where long and short steps count alike; pairs
//! with a step of length 0 have none and are left out. `normalised`: the mean of their dot products over the mean square of
//! all steps. Independent steps have 0, momentum beta has `beta^lag`, and sampling M batches without replacement has
//! `-1 / (M - 1)` at lag 1 within an epoch.

use super::alignment::cosine;
use super::random_signs::RandomSigns;
use super::steps::{steps, walk};
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::{dot, mean, sd};

/// Cosines of all steps with those `lag` later, where both have a length. `steps`, (rows, k).
pub fn cosines(steps: &[f64], rows: usize, lag: usize) -> Vec<f64> {
    pairs(steps, rows, lag).map(|(one, other)| cosine(one, other)).filter(|cosine| !cosine.is_nan()).collect()
}

/// Mean dot product of steps `lag` apart over the mean square of all steps. NaN where no two are so far apart, and where
/// all have length 0.
pub fn normalised(steps: &[f64], rows: usize, lag: usize) -> f64 {
    let square = dot(steps, steps) / rows as f64;
    mean(&pairs(steps, rows, lag).map(|(one, other)| dot(one, other)).collect::<Vec<f64>>()) / square
}

fn pairs(steps: &[f64], rows: usize, lag: usize) -> impl Iterator<Item = (&[f64], &[f64])> {
    let k = (steps.len() / rows.max(1)).max(1);
    let later = steps.get(lag.saturating_mul(k)..).unwrap_or_default();
    steps.chunks_exact(k).zip(later.chunks_exact(k))
}

struct Autocorrelation {
    lag: usize,
    cosine: bool,
    nulls: RandomSigns,
}

pub(super) const ENTRY: Entry<dyn Estimator> = Entry {
    name: "autocorrelation",
    summary: "how alike the steps of a walk are that lie a lag apart",
    reference: "textbook",
    // Defaults: lag 1, the cosine.
    build: |params, ()| {
        let lag = params.integer("lag", Some(1), 1..=u32::MAX.into()) as usize;
        let cosine = params.choice("version", Some("cosine"), &["cosine", "normalised"]) == "cosine";
        Ok(Box::new(Autocorrelation { lag, cosine, nulls: RandomSigns::read(params) }))
    },
};

impl Estimator for Autocorrelation {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let walk = walk(arrays, 3)?;
        let rows = walk.rows - 1;
        if self.lag >= rows {
            let most = rows - 1;
            let told = format!("`lag` = {}: must be 1 to {most}, as `walk` has {rows} steps", self.lag);
            return Err(Error::Config(told));
        }
        let number = |places: &[f64]| {
            let steps = steps(places, walk.rows);
            if self.cosine {
                mean(&cosines(&steps, rows, self.lag))
            } else {
                normalised(&steps, rows, self.lag)
            }
        };
        let value = number(&walk.values);
        let shuffled = self.nulls.of_walk(walk, number);
        if !self.cosine {
            return Ok(Estimate::new(value, "1", rows - self.lag).with_shuffled(shuffled));
        }
        let cosines = cosines(&steps(&walk.values, walk.rows), rows, self.lag);
        let n = cosines.len();
        Ok(Estimate::new(value, "1", n).with_se(sd(&cosines) / (n as f64).sqrt()).with_shuffled(shuffled))
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{array, golden};
    use super::super::testing::{estimate, normals};
    use super::super::Array;
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn the_golden_walk_has_its_cosine() {
        let expected = golden()["update_autocorr_lag1_cos"].as_f64().unwrap();
        let found = estimate(&ENTRY, "", [("walk", array("walk"))]).unwrap();
        assert!((found.value - expected).abs() < 1e-9, "{found:?}");
        assert_eq!(found.n, 48);
    }

    #[test]
    fn momentum_is_remembered_as_its_power_and_random_signs_forget_it() {
        let (rows, k, beta) = (3_000, 30, 0.7);
        let noise = normals(rows * k, 1);
        let mut steps = noise[..k].to_vec();
        (k..rows * k).for_each(|i| steps.push(beta * steps[i - k] + noise[i]));
        for lag in 1..4 {
            let expected = f64::powi(beta, lag as i32);
            let normalised = normalised(&steps, rows, lag);
            assert!((normalised - expected).abs() < 0.03, "{lag}: {normalised}");
            let cosine = mean(&cosines(&steps, rows, lag));
            assert!((cosine - expected).abs() < 0.03, "{lag}: {cosine}");
        }
        let mut walk = vec![0.0; k];
        (0..rows * k).for_each(|i| walk.push(walk[i] + steps[i]));
        for version in ["cosine", "normalised"] {
            let walk = Array::new(walk.clone(), rows + 1);
            let found = estimate(&ENTRY, &format!("version = \"{version}\"\nlag = 2"), [("walk", walk)]).unwrap();
            assert!((found.value - 0.49).abs() < 0.03 && found.shuffled.unwrap().abs() < 0.02, "{found:?}");
        }
    }

    #[test]
    fn batches_without_replacement_are_anticorrelated_within_an_epoch() {
        // Noise of M batches, which adds up to 0 over an epoch: -1 / (M - 1) = -0.053 for 20; drawn with replacement, 0.
        let (m, k, epochs) = (20, 40, 400);
        let mut batches = normals(m * k, 6);
        for i in 0..k {
            let centre = (0..m).map(|b| batches[b * k + i]).sum::<f64>() / m as f64;
            (0..m).for_each(|b| batches[b * k + i] -= centre);
        }
        let lag_1_within = |replace: bool| {
            let of_epoch = (0..epochs).map(|epoch| {
                let mut rng = Seed::new(epoch).child("order").rng();
                let mut order: Vec<usize> = (0..m).collect();
                rng.shuffle(&mut order);
                if replace {
                    order.iter_mut().for_each(|b| *b = rng.below(m));
                }
                let steps: Vec<f64> = order.iter().flat_map(|b| batches[b * k..(b + 1) * k].to_vec()).collect();
                normalised(&steps, m, 1)
            });
            mean(&of_epoch.collect::<Vec<f64>>())
        };
        let (without, with) = (lag_1_within(false), lag_1_within(true));
        assert!((without + 1.0 / 19.0).abs() < 0.005, "{without}");
        assert!(with.abs() < 0.01, "{with}");
    }

    #[test]
    fn steps_of_length_0_have_no_cosine_and_are_not_counted() {
        let walk = Array::new(vec![0.0, 1.0, 1.0, 2.0, 3.0, 2.0], 6);
        let found = estimate(&ENTRY, "", [("walk", walk.clone())]).unwrap();
        assert_eq!((found.value, found.n), (0.0, 2), "1, 0, 1, 1, -1: pairs of 1 with 1 and of 1 with -1");
        let still = estimate(&ENTRY, "version = \"normalised\"", [("walk", Array::new(vec![1.0; 5], 5))]).unwrap();
        assert!(still.value.is_nan());
        let error = estimate(&ENTRY, "lag = 5", [("walk", walk)]).unwrap_err();
        assert_eq!(error, "`lag` = 5: must be 1 to 4, as `walk` has 5 steps");
    }
}
