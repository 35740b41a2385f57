//! Expected calibration error (Naeini et al. 2015; Guo et al. 2017): samples in bins of equal width by the probability of
//! the predicted class, `sum_b (n_b / n) |accuracy_b - mean confidence_b|`.
//!
//! A bin is `[low, high)`, the last one closed. The error of a perfectly calibrated network is above 0, because the
//! accuracy of a bin is a mean of draws: [`ece_floor`] says by how much.

use super::classified::{predicted, softmax, Classified};
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::Result;

/// Bins by default (Guo et al. 2017).
pub const BINS: usize = 15;

/// Probability of the predicted class, 0 to 1, and whether it is the label (1 or 0). NaN where a logit is no finite number.
pub fn confidence(row: &[f64], label: usize) -> (f64, f64) {
    match predicted(row) {
        Some(class) => (softmax(row)[class], f64::from(u8::from(class == label))),
        None => (f64::NAN, f64::NAN),
    }
}

/// Expected calibration error of `confidences` in 0 to 1 with what came `right` (1 or 0). NaN of nothing and of NaN.
///
/// # Panics
/// If there are not as many of both, or no bins.
pub fn ece(confidences: &[f64], right: &[f64], bins: usize) -> f64 {
    assert_eq!(confidences.len(), right.len(), "one outcome for each confidence");
    let mut gaps = vec![0.0; bins];
    confidences.iter().zip(right).for_each(|(c, right)| gaps[bin(*c, bins)] += right - c);
    gaps.iter().map(|gap: &f64| gap.abs()).sum::<f64>() / confidences.len() as f64
}

/// What [`ece`] is in the mean for a perfectly calibrated network with these confidences, by the normal limit in each bin:
/// `sum_b sqrt(2 / pi) sqrt(sum_{i in b} c_i (1 - c_i)) / n`. NaN of nothing and of NaN.
///
/// # Panics
/// If there are no bins.
pub fn ece_floor(confidences: &[f64], bins: usize) -> f64 {
    let mut variances = vec![0.0; bins];
    confidences.iter().for_each(|c| variances[bin(*c, bins)] += c * (1.0 - c));
    let spread = variances.iter().map(|variance: &f64| variance.sqrt()).sum::<f64>();
    std::f64::consts::FRAC_2_PI.sqrt() * spread / confidences.len() as f64
}

/// The bin of a confidence. NaN falls into the first, where it makes the sum NaN.
fn bin(confidence: f64, bins: usize) -> usize {
    ((confidence * bins as f64) as usize).min(bins - 1)
}

struct Ece {
    bins: usize,
}

/// The row of this estimator.
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "ece",
    summary: "expected calibration error; `bins` = 15; its `shuffled` is the floor of a perfectly calibrated network",
    reference: "Naeini et al. 2015; Guo et al. 2017",
    build: |params, ()| {
        let bins = params.integer("bins", Some(BINS as u64), 1..=10_000) as usize;
        Ok(Box::new(Ece { bins }))
    },
};

impl Estimator for Ece {
    /// `shuffled` is [`ece_floor`]: what chance alone gives where every confidence is true. Permuted labels would say
    /// nothing about calibration.
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let samples = Classified::of(arrays)?;
        let (confidences, right): (Vec<f64>, Vec<f64>) =
            samples.rows().map(|(row, label)| confidence(row, label)).unzip();
        let estimate = Estimate::new(ece(&confidences, &right, self.bins), "1", right.len());
        Ok(estimate.with_cap(1.0).with_shuffled(ece_floor(&confidences, self.bins)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::mean;
    use crate::rng::Seed;

    #[test]
    fn a_calibrated_network_stays_on_the_floor() {
        // Uniform confidences in 15 bins: 0.052, 0.038 and 0.0128 were found by simulation; a single draw is uncertain by
        // sqrt(1 - 2 / pi) of the spread of a bin, over 15 bins.
        for (n, simulated) in [(500, 0.052), (1_000, 0.038), (10_000, 0.0128)] {
            let mut rng = Seed::new(5).index(n as u64).rng();
            let mut draws = |_| {
                let confidences: Vec<f64> = (0..n).map(|_| f64::from(rng.uniform())).collect();
                let right: Vec<f64> =
                    confidences.iter().map(|c| f64::from(u8::from(f64::from(rng.uniform()) < *c))).collect();
                (ece(&confidences, &right, 15), ece_floor(&confidences, 15))
            };
            let (found, floors): (Vec<f64>, Vec<f64>) = (0..200).map(&mut draws).unzip();
            let one = mean(&floors) * (std::f64::consts::FRAC_PI_2 - 1.0).sqrt() / 15f64.sqrt();
            assert!((mean(&found) - mean(&floors)).abs() < 4.0 * one / 200f64.sqrt(), "{n}");
            assert!((mean(&floors) - simulated).abs() < one, "{n}: {} against {simulated}", mean(&floors));
        }
    }

    #[test]
    fn a_bound_belongs_to_the_bin_above_it_and_one_to_the_last() {
        // 0.5 with 0.9 in the upper of two bins: |0 - 0.5 + 1 - 0.9| / 2; apart it would be (0.5 + 0.1) / 2.
        assert!((ece(&[0.5, 0.9], &[0.0, 1.0], 2) - 0.2).abs() < 1e-12);
        // 1 with 0.95: in a bin of its own it would add nothing.
        assert!((ece(&[1.0, 0.95], &[1.0, 0.0], 10) - 0.475).abs() < 1e-12);
        assert!((ece(&[1.0, 0.0], &[0.0, 0.0], 10) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn nan_is_not_hidden() {
        assert!(ece(&[0.5, f64::NAN], &[1.0, f64::NAN], 15).is_nan() && ece_floor(&[f64::NAN], 15).is_nan());
        assert!(ece(&[], &[], 15).is_nan() && ece_floor(&[], 15).is_nan());
        assert!(confidence(&[f64::INFINITY, 0.0], 0).0.is_nan());
    }
}
