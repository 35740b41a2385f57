//! Mean squared displacement of a walk: how far it has gone after `lag` steps.
//!
//! From one origin: `|w_lag - w_0|^2`. Averaged over time: the mean of `|w_{t + lag} - w_t|^2` over all t. Of a Brownian
//! walk it grows as lag, of a straight one as lag^2; a walk that is held in place reaches twice its variance.

use rayon::prelude::*;

use super::random_signs::RandomSigns;
use super::steps::{squared_distance, walk};
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::{mean, sd};

/// `|w_{t + lag} - w_t|^2` of every t, (rows - lag): none where the walk is not so long.
pub fn squared_displacements<T: Copy + Into<f64>>(walk: &[T], rows: usize, lag: usize) -> Vec<f64> {
    let k = (walk.len() / rows.max(1)).max(1);
    let later = walk.get(lag.saturating_mul(k)..).unwrap_or_default();
    later.chunks_exact(k).zip(walk.chunks_exact(k)).map(|(later, earlier)| squared_distance(later, earlier)).collect()
}

/// Averaged over time, for each lag; NaN for a lag that the walk does not have.
pub fn time_averaged_msd<T: Copy + Into<f64> + Sync>(walk: &[T], rows: usize, lags: &[usize]) -> Vec<f64> {
    lags.par_iter().map(|lag| mean(&squared_displacements(walk, rows, *lag))).collect()
}

/// From row `origin`, for each lag; NaN for a lag that the walk does not have.
pub fn single_origin_msd<T: Copy + Into<f64>>(walk: &[T], rows: usize, origin: usize, lags: &[usize]) -> Vec<f64> {
    let k = (walk.len() / rows.max(1)).max(1);
    let row = |i: usize| walk.get(i.checked_mul(k)?..i.checked_add(1)?.checked_mul(k)?);
    let displacement = |lag: &usize| {
        let places = row(origin).zip(origin.checked_add(*lag).and_then(row));
        places.map_or(f64::NAN, |(from, to)| squared_distance(to, from))
    };
    lags.iter().map(displacement).collect()
}

struct Msd {
    lag: usize,
    averaged: bool,
    nulls: RandomSigns,
}

pub(super) const ENTRY: Entry<dyn Estimator> = Entry {
    name: "msd",
    summary: "mean squared displacement of a walk at a lag, averaged over time or from the first row",
    reference: "Hoffer, Hubara & Soudry 2017 for training",
    // Defaults: lag 1, averaged.
    build: |params, ()| {
        let lag = params.integer("lag", Some(1), 1..=u32::MAX.into()) as usize;
        let averaged = params.choice("origin", Some("averaged"), &["averaged", "first"]) == "averaged";
        Ok(Box::new(Msd { lag, averaged, nulls: RandomSigns::read(params) }))
    },
};

impl Estimator for Msd {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let walk = walk(arrays, 2)?;
        if self.lag >= walk.rows {
            let most = walk.rows - 1;
            return Err(Error::Config(format!(
                "`lag` = {}: must be 1 to {most}, as `walk` has {} rows",
                self.lag, walk.rows
            )));
        }
        let number = |places: &[f64]| {
            let of = if self.averaged {
                time_averaged_msd
            } else {
                |w: &[f64], r, l: &[usize]| single_origin_msd(w, r, 0, l)
            };
            of(places, walk.rows, &[self.lag])[0]
        };
        let shuffled = self.nulls.of_walk(walk, number);
        let estimate = Estimate::new(number(&walk.values), "1", 1).with_shuffled(shuffled);
        if !self.averaged {
            return Ok(estimate);
        }
        // Windows that share no step are so many, and only these count as independent.
        let squares = squared_displacements(&walk.values, walk.rows, self.lag);
        let apart = (walk.rows - 1) / self.lag;
        let estimate = Estimate { n: squares.len(), ..estimate };
        Ok(if apart > 1 { estimate.with_se(sd(&squares) / (apart as f64).sqrt()) } else { estimate })
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{array, golden};
    use super::super::testing::{brownian, estimate, normals};
    use super::super::Array;
    use super::*;

    #[test]
    fn the_golden_walk_has_its_displacements() {
        let (walk, golden) = (array("walk"), golden());
        let expected: Vec<f64> = serde_json::from_value(golden["msd_cumsum_gauss50x3_lags1_2_5_10"].clone()).unwrap();
        let found = time_averaged_msd(&walk.values, walk.rows, &[1, 2, 5, 10]);
        assert_eq!(expected.len(), 4);
        for (lag, (found, expected)) in [1, 2, 5, 10].into_iter().zip(found.into_iter().zip(expected)) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
            let row = estimate(&ENTRY, &format!("lag = {lag}"), [("walk", walk.clone())]).unwrap();
            assert_eq!((row.value, row.n), (found, 50 - lag));
        }
        let single = golden["msd_single_origin_t49"].as_f64().unwrap();
        assert!((single_origin_msd(&walk.values, 50, 0, &[49])[0] - single).abs() < 1e-9);
        let row = estimate(&ENTRY, "lag = 49\norigin = \"first\"", [("walk", walk)]).unwrap();
        assert!((row.value - single).abs() < 1e-9 && row.se.is_none());
    }

    #[test]
    fn a_straight_walk_goes_as_far_as_the_square_of_the_lag() {
        let walk: Vec<f32> = (0..20).flat_map(|t| [3.0 * t as f32, 4.0 * t as f32]).collect();
        assert_eq!(time_averaged_msd(&walk, 20, &[1, 2, 10]), [25.0, 100.0, 2_500.0]);
        assert_eq!(single_origin_msd(&walk, 20, 5, &[0, 14]), [0.0, 25.0 * 196.0]);
        let out = time_averaged_msd(&walk, 20, &[20, usize::MAX]);
        assert!(out.iter().all(|msd| msd.is_nan()));
        assert!(single_origin_msd(&walk, 20, 5, &[15])[0].is_nan());
    }

    #[test]
    fn a_walk_held_by_a_spring_levels_off_at_twice_its_variance() {
        // SGD on 1/2 sum lambda w^2 with noise of variance C: variance eta C / (2 lambda) for small eta.
        let (rows, eta, lambdas, c) = (40_000, 0.02, [1.0, 2.0, 4.0], 3.0);
        let noise = normals(rows * 3, 5);
        let mut walk = vec![0.0; 3 * rows];
        for t in 1..rows {
            for i in 0..3 {
                let w = walk[3 * (t - 1) + i];
                walk[3 * t + i] = w - eta * (lambdas[i] * w + f64::sqrt(c) * noise[3 * t + i]);
            }
        }
        // Past the longest memory, 1 / (eta lambda) = 50 steps.
        let held = &walk[3 * 1_000..];
        let plateau = mean(&time_averaged_msd(held, rows - 1_000, &[400, 500, 600, 700]));
        let expected: f64 = lambdas.iter().map(|lambda| 2.0 * eta * c / (2.0 * lambda)).sum();
        assert!((plateau / expected - 1.0).abs() < 0.12, "{plateau} {expected}");
        let variances: f64 =
            (0..3).map(|i| sd(&held.iter().skip(i).step_by(3).copied().collect::<Vec<f64>>()).powi(2)).sum();
        assert!((plateau / (2.0 * variances) - 1.0).abs() < 0.05, "{plateau} {variances}");
    }

    #[test]
    fn the_standard_error_counts_windows_that_share_no_step() {
        let (rows, lag) = (2_001, 20);
        let walks = (0..40).map(|i| Array::new(brownian(rows, 3, i), rows));
        let found: Vec<Estimate> =
            walks.map(|walk| estimate(&ENTRY, "lag = 20\nshuffles = 1", [("walk", walk)]).unwrap()).collect();
        let spread = sd(&found.iter().map(|estimate| estimate.value).collect::<Vec<f64>>());
        let told = mean(&found.iter().map(|estimate| estimate.se.unwrap()).collect::<Vec<f64>>());
        assert!((0.6..1.6).contains(&(told / spread)), "{told} {spread}");
        let null = mean(&found.iter().map(|estimate| estimate.shuffled.unwrap()).collect::<Vec<f64>>());
        assert!((null / (3.0 * lag as f64) - 1.0).abs() < 0.1, "{null}");
    }

    #[test]
    fn lags_beyond_the_walk_are_refused() {
        let walk = Array::new(vec![0.0; 6], 3);
        let error = estimate(&ENTRY, "lag = 3", [("walk", walk.clone())]).unwrap_err();
        assert_eq!(error, "`lag` = 3: must be 1 to 2, as `walk` has 3 rows");
        assert!(estimate(&ENTRY, "lags = 1", [("walk", walk)]).unwrap_err().contains("unknown key `lags`"));
    }
}
