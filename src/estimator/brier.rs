//! Brier score (Brier 1950) of all classes: `(1/n) sum_i sum_k (p_ik - [k = y_i])^2`, 0 to 2. The convention for two
//! classes that counts one of them is half of it.

use super::classified::{softmax, Classified};
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::Result;

/// Squared distance of the probabilities from the label, 0 to 2. NaN where a logit is no finite number.
pub fn squared_distance(row: &[f64], label: usize) -> f64 {
    let probabilities = softmax(row);
    let target = |class: usize| f64::from(u8::from(class == label));
    probabilities.iter().enumerate().map(|(class, p)| (p - target(class)).powi(2)).sum()
}

/// Brier score, 0 to 2.
pub fn brier(samples: &Classified) -> Estimate {
    samples.mean("1", squared_distance).with_cap(2.0)
}

struct Brier;

/// The row of this estimator.
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "brier",
    summary: "Brier score of the softmax of `logits` for the labels `y`, over all classes, 0 to 2",
    reference: "Brier 1950",
    build: |_, ()| Ok(Box::new(Brier)),
};

impl Estimator for Brier {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        Ok(brier(&Classified::of(arrays)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_probabilities_of_ten_classes_score_nine_tenths() {
        let estimate = brier(&Classified::new(vec![0.5; 30], vec![0, 5, 9]).unwrap());
        assert!((estimate.value - 0.9).abs() < 1e-12);
        assert_eq!(estimate.cap, Some(2.0));
    }

    #[test]
    fn a_sure_mistake_scores_two() {
        assert!((squared_distance(&[100.0, 0.0], 1) - 2.0).abs() < 1e-12);
        assert!(squared_distance(&[100.0, 0.0], 0) < 1e-12);
        assert!(squared_distance(&[f64::NAN, 0.0], 0).is_nan());
    }
}
