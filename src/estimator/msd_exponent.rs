//! How fast a walk spreads: the exponent alpha of its mean squared displacement, `c lag^alpha`, and whether a power of the
//! logarithm, `c (ln lag)^p`, fits better.
//!
//! Brownian walks have alpha 1, straight ones 2, a walk held in place less than 1. Both models have as many parameters, are
//! fitted by least squares to the logarithm of the displacement on the same log-spaced lags from 2 on, and are compared by
//! Akaike's criterion, `points ln(residuals / points)` plus a constant. (Hoffer, Hubara & Soudry 2017 saw displacements from
//! the start grow as `(ln t)^2` in the early phase. The local slope of that is `2 / ln t`, so that a power with a small
//! exponent looks alike unless lags span three decades or more.)

use super::lags::log_spaced;
use super::line::Line;
use super::msd::{single_origin_msd, squared_displacements, time_averaged_msd};
use super::random_signs::RandomSigns;
use super::snr::jackknife;
use super::steps::walk;
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::Result;

/// Lags for each factor of ten.
pub const PER_DECADE: usize = 10;

/// Lags around one count for its local exponent within this factor on each side: half a decade.
const WINDOW: f64 = 3.163;

/// Blocks of time that are left out in turn for a standard error.
const BLOCKS: usize = 10;

/// The two models on the same points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spreading {
    /// Exponent of `c lag^alpha`.
    pub exponent: f64,
    /// Exponent p of `c (ln lag)^p`.
    pub log_power: f64,
    /// Akaike's criterion of the power law less that of the logarithm: above 0 the logarithm fits better.
    pub aic_difference: f64,
    /// Points with a lag of 2 or more, on which the two are compared.
    pub points: usize,
}

impl Spreading {
    /// Of displacements at lags; the exponent is fitted to all of them. NaN where displacements are not above 0 or too few:
    /// two for an exponent, three to compare.
    pub fn of(lags: &[usize], msd: &[f64]) -> Self {
        let line = |from: usize, x: fn(f64) -> f64| {
            let points = lags.iter().zip(msd).filter(|(lag, _)| **lag >= from);
            let (x, y): (Vec<f64>, Vec<f64>) = points.map(|(lag, msd)| (x(*lag as f64), msd.ln())).unzip();
            Line::through(&x, &y)
        };
        let (power, log) = (line(2, f64::ln), line(2, |lag| lag.ln().ln()));
        let points = power.n;
        let criterion = |line: &Line| points as f64 * (line.residuals / points as f64).ln();
        let comparable = points > 2 && criterion(&power).is_finite() && criterion(&log).is_finite();
        Spreading {
            exponent: line(1, f64::ln).slope,
            log_power: log.slope,
            aic_difference: if comparable { criterion(&power) - criterion(&log) } else { f64::NAN },
            points,
        }
    }
}

/// Local exponents `d ln msd / d ln lag`: at each lag the slope of the line through those within half a decade, of which
/// there must be three. NaN elsewhere.
pub fn local_exponents(lags: &[usize], msd: &[f64]) -> Vec<f64> {
    let at = |centre: &usize| {
        let near = |lag: usize| (lag as f64 / *centre as f64).ln().abs() <= WINDOW.ln();
        let points = lags.iter().zip(msd).filter(|(lag, _)| near(**lag));
        let (x, y): (Vec<f64>, Vec<f64>) = points.map(|(lag, msd)| ((*lag as f64).ln(), msd.ln())).unzip();
        if x.len() < 3 {
            f64::NAN
        } else {
            Line::through(&x, &y).slope
        }
    };
    lags.iter().map(at).collect()
}

/// Standard error of a number made of time-averaged displacements: each of ten blocks of time is left out in turn, by the
/// place where windows begin (jackknife). NaN where a block has no window.
pub fn over_time_se<T: Copy + Into<f64>>(
    walk: &[T],
    rows: usize,
    lags: &[usize],
    number: impl Fn(&[f64]) -> f64,
) -> f64 {
    // Of each lag, sum and count in each block.
    let sums: Vec<Vec<[f64; 2]>> = lags
        .iter()
        .map(|lag| {
            let squares = squared_displacements(walk, rows, *lag);
            let mut blocks = vec![[0.0; 2]; BLOCKS];
            for (t, square) in squares.iter().enumerate() {
                let block = &mut blocks[t * BLOCKS / squares.len()];
                *block = [block[0] + square, block[1] + 1.0];
            }
            blocks
        })
        .collect();
    let without = |left_out: usize| {
        let msd = |blocks: &Vec<[f64; 2]>| {
            let kept = blocks.iter().enumerate().filter(|(block, _)| *block != left_out);
            let [sum, count] = kept.fold([0.0; 2], |all, (_, one)| [all[0] + one[0], all[1] + one[1]]);
            if blocks[left_out][1] > 0.0 {
                sum / count
            } else {
                f64::NAN
            }
        };
        number(&sums.iter().map(msd).collect::<Vec<f64>>())
    };
    jackknife(&(0..BLOCKS).map(without).collect::<Vec<f64>>())
}

struct MsdExponent {
    averaged: bool,
    /// The greatest lag as a share of the steps.
    longest: f64,
    quantity: fn(&Spreading) -> f64,
    nulls: RandomSigns,
}

pub(super) const ENTRY: Entry<dyn Estimator> = Entry {
    name: "msd-exponent",
    summary: "exponent of a walk's mean squared displacement, and whether a power of the logarithm fits better",
    reference: "Hoffer, Hubara & Soudry 2017 for training",
    // Defaults: averaged over time on lags up to a tenth of the steps, beyond which few windows share no step; from the first
    // row up to all of them.
    build: |params, ()| {
        let averaged = params.choice("origin", Some("averaged"), &["averaged", "first"]) == "averaged";
        let default = if averaged { 0.1 } else { 1.0 };
        let longest = params.float("longest", Some(default), crate::params::Range::AboveUpTo(0.0, 1.0));
        let quantity: fn(&Spreading) -> f64 =
            match params.choice("quantity", Some("exponent"), &["exponent", "log-power", "aic-difference"]) {
                "log-power" => |fit| fit.log_power,
                "aic-difference" => |fit| fit.aic_difference,
                _ => |fit| fit.exponent,
            };
        Ok(Box::new(MsdExponent { averaged, longest, quantity, nulls: RandomSigns::read(params) }))
    },
};

impl Estimator for MsdExponent {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let walk = walk(arrays, 4)?;
        let longest = (self.longest * (walk.rows - 1) as f64).floor() as usize;
        let lags = log_spaced(longest.clamp(1, walk.rows - 1), PER_DECADE);
        let number = |msd: &[f64]| (self.quantity)(&Spreading::of(&lags, msd));
        let of = |places: &[f64]| {
            let displacements = if self.averaged {
                time_averaged_msd(places, walk.rows, &lags)
            } else {
                single_origin_msd(places, walk.rows, 0, &lags)
            };
            number(&displacements)
        };
        let estimate = Estimate::new(of(&walk.values), "1", lags.len()).with_shuffled(self.nulls.of_walk(walk, of));
        Ok(if self.averaged {
            estimate.with_se(over_time_se(&walk.values, walk.rows, &lags, number))
        } else {
            estimate
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{brownian, estimate, normals};
    use super::super::Array;
    use super::*;
    use crate::num::{mean, sd};

    #[test]
    fn a_brownian_walk_has_exponent_1_and_its_error_is_told() {
        let rows = 1_001;
        let found: Vec<Estimate> = (0..12)
            .map(|i| {
                let walk = Array::new(brownian(rows, 50, i), rows);
                estimate(&ENTRY, "shuffles = 2", [("walk", walk)]).unwrap()
            })
            .collect();
        let values: Vec<f64> = found.iter().map(|estimate| estimate.value).collect();
        assert!((mean(&values) - 1.0).abs() < 0.03, "{values:?}");
        let told = mean(&found.iter().map(|estimate| estimate.se.unwrap()).collect::<Vec<f64>>());
        assert!((0.5..2.0).contains(&(told / sd(&values))), "{told} {}", sd(&values));
        let null = mean(&found.iter().map(|estimate| estimate.shuffled.unwrap()).collect::<Vec<f64>>());
        assert!((null - 1.0).abs() < 0.03, "{null}");
    }

    #[test]
    fn a_straight_walk_has_exponent_2_and_its_null_1() {
        let walk = Array::new((0..500).flat_map(|t| vec![f64::from(t); 4]).collect(), 500);
        let found = estimate(&ENTRY, "shuffles = 60", [("walk", walk.clone())]).unwrap();
        assert!((found.value - 2.0).abs() < 1e-9 && found.se.unwrap() < 1e-9, "{found:?}");
        assert!((found.shuffled.unwrap() - 1.0).abs() < 0.15, "{found:?}");
        let first = estimate(&ENTRY, "origin = \"first\"", [("walk", walk)]).unwrap();
        assert!((first.value - 2.0).abs() < 1e-9 && first.se.is_none());
    }

    #[test]
    fn a_walk_held_by_a_spring_spreads_more_slowly() {
        let (rows, k) = (4_000, 20);
        let noise = normals(rows * k, 2);
        let mut walk = vec![0.0; k];
        for i in 0..(rows - 1) * k {
            walk.push(0.95 * walk[i] + noise[i]);
        }
        let exponent = |lags: &[usize]| Spreading::of(lags, &time_averaged_msd(&walk, rows, lags)).exponent;
        // (1 - q^lag) in theory: from ln(1.9 / 1) / ln 2 and on.
        assert!((exponent(&[1, 2]) - ((1.0 - 0.95f64.powi(2)) / 0.05).ln() / 2f64.ln()).abs() < 0.01);
        assert!((exponent(&[1, 2, 3, 4, 5]) - 0.92).abs() < 0.03, "{}", exponent(&[1, 2, 3, 4, 5]));
        assert!(exponent(&[150, 200, 300, 400]).abs() < 0.05);
    }

    #[test]
    fn drift_takes_over_from_diffusion_where_it_should() {
        // msd = d s^2 lag + v^2 lag^2 crosses over at lag* = d s^2 / v^2, which is 100 here.
        let lags = log_spaced(10_000, PER_DECADE);
        let (diffusion, v) = (50.0, 0.5f64.sqrt());
        let msd: Vec<f64> = lags.iter().map(|lag| diffusion * *lag as f64 + v * v * (*lag * *lag) as f64).collect();
        let local = local_exponents(&lags, &msd);
        let at = |lag: usize| local[lags.iter().position(|other| *other == lag).unwrap()];
        assert!((at(100) - 1.5).abs() < 0.01, "{}", at(100));
        assert!((at(3) - 1.03).abs() < 0.01 && (at(10_000) - 1.97).abs() < 0.02, "{local:?}");
        assert!(local[0] < 1.03 && local.windows(2).all(|pair| pair[0] < pair[1] + 1e-12));
        // The same as a walk.
        let rows = 3_000;
        let mut walk = brownian(rows, 50, 9);
        for (t, row) in walk.chunks_exact_mut(50).enumerate() {
            row[0] += v * t as f64;
        }
        let slope = |lags: &[usize]| Spreading::of(lags, &time_averaged_msd(&walk, rows, lags)).exponent;
        assert!((slope(&[1, 2, 3, 4, 5]) - 1.03).abs() < 0.02, "{}", slope(&[1, 2, 3, 4, 5]));
        assert!((slope(&[170, 240, 300]) - 1.7).abs() < 0.08, "{}", slope(&[170, 240, 300]));
    }

    #[test]
    fn powers_of_lag_and_of_its_logarithm_are_told_apart() {
        let lags = log_spaced(100_000, PER_DECADE);
        let noise = normals(lags.len(), 4);
        let of = |law: fn(f64) -> f64| {
            let noisy = lags.iter().zip(&noise).map(|(lag, z)| law(*lag as f64) * (0.02 * z).exp());
            Spreading::of(&lags, &noisy.collect::<Vec<f64>>())
        };
        let (power, log) = (of(|lag| 3.0 * lag.powf(0.3)), of(|lag| 3.0 * (lag + 1e-9).ln().powi(2).max(1e-6)));
        assert!((power.exponent - 0.3).abs() < 0.01 && power.aic_difference < -50.0, "{power:?}");
        assert!((log.log_power - 2.0).abs() < 0.02 && log.aic_difference > 50.0, "{log:?}");
        assert_eq!(power.points, lags.len() - 1, "ln ln of lag 1 is no number");
        // The local slope of (ln t)^2 is 2 / ln t: 0.43 at 100 and 0.22 at 10,000.
        let exact: Vec<f64> = lags.iter().map(|lag| (*lag as f64).ln().powi(2)).collect();
        let local = local_exponents(&lags[5..], &exact[5..]);
        for (lag, expected) in [(100, 0.43), (10_000, 0.22)] {
            let found = local[lags[5..].iter().position(|other| *other == lag).unwrap()];
            assert!((found - expected).abs() < 0.015, "{lag}: {found}");
        }
    }

    #[test]
    fn a_walk_that_stands_still_has_no_exponent() {
        let still = estimate(&ENTRY, "", [("walk", Array::new(vec![1.0; 200], 100))]).unwrap();
        assert!(still.value.is_nan());
        assert!(Spreading::of(&[1, 2, 4], &[1.0, f64::NAN, 2.0]).exponent.is_nan());
        let short = Array::new(vec![0.0, 1.0, 2.0], 3);
        assert!(estimate(&ENTRY, "", [("walk", short)]).unwrap_err().contains("needs at least 4"));
    }
}
