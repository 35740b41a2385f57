//! Accuracy: the share of samples of which the greatest logit is that of the label, the first of equals.

use super::classified::{predicted, Classified};
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::Result;

/// 1 where the greatest logit is that of the label, the first of equals, else 0. A row with a logit that is no finite
/// number predicts nothing.
pub fn right(row: &[f64], label: usize) -> f64 {
    f64::from(u8::from(predicted(row) == Some(label)))
}

/// Accuracy, 0 to 1; its standard error is `sqrt(p (1 - p) / n)`.
pub fn accuracy(samples: &Classified) -> Estimate {
    let estimate = samples.mean("1", right);
    let p = estimate.value;
    estimate.with_se((p * (1.0 - p) / samples.samples() as f64).sqrt()).with_cap(1.0)
}

/// McNemar's table of two arms on the same samples: how many only the first has right, and how many only the second.
///
/// # Panics
/// If the arms have not as many samples.
pub fn discordant(first: &[f64], second: &[f64]) -> [u64; 2] {
    assert_eq!(first.len(), second.len(), "both arms are judged on the same samples");
    let count = |more: &[f64], less: &[f64]| more.iter().zip(less).filter(|(more, less)| more > less).count() as u64;
    [count(first, second), count(second, first)]
}

struct Accuracy;

/// The row of this estimator.
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "accuracy",
    summary: "share of `logits` rows whose greatest value is at the label `y`, the first of equals",
    reference: "standard definition",
    build: |_, ()| Ok(Box::new(Accuracy)),
};

impl Estimator for Accuracy {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        Ok(accuracy(&Classified::of(arrays)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_tenths_of_ten_thousand_have_a_standard_error_of_0_003() {
        let logits = [1.0, 0.0].repeat(10_000);
        let labels: Vec<u32> = (0..10_000).map(|i| u32::from(i % 10 == 0)).collect();
        let estimate = accuracy(&Classified::new(logits, labels).unwrap());
        assert_eq!((estimate.value, estimate.n, estimate.cap), (0.9, 10_000, Some(1.0)));
        assert!((estimate.se.unwrap() - 0.003).abs() < 1e-12);
        // All are predicted to be of class 0, so permuting labels changes nothing.
        assert!((estimate.shuffled.unwrap() - 0.9).abs() < 1e-12);
    }

    #[test]
    fn equal_logits_predict_the_first_class_and_broken_ones_nothing() {
        let scores = [([2.0, 2.0], 0), ([2.0, 2.0], 1), ([f64::NAN, 2.0], 0), ([f64::INFINITY, 2.0], 0)];
        assert_eq!(scores.map(|(row, label)| right(&row, label)), [1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn discordant_samples_are_counted_for_each_arm() {
        let (first, second) = ([1.0, 1.0, 1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!(discordant(&first, &second), [3, 1]);
    }
}
