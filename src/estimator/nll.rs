//! Mean negative log-likelihood of the labels, nats: `-(1/n) sum_i ln softmax(z_i)[y_i]`, by log-sum-exp.

use super::classified::{log_sum_exp, Classified};
use super::{Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::Result;

/// Negative log-likelihood of one label, nats. NaN where a logit is no finite number.
pub fn surprise_nats(row: &[f64], label: usize) -> f64 {
    log_sum_exp(row) - row[label]
}

/// Mean negative log-likelihood, nats.
pub fn nll_nats(samples: &Classified) -> Estimate {
    samples.mean("nats", surprise_nats)
}

struct Nll;

/// The row of this estimator.
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "nll",
    summary: "mean negative log-likelihood of the labels `y` under the softmax of `logits`, nats",
    reference: "standard definition",
    build: |_, ()| Ok(Box::new(Nll)),
};

impl Estimator for Nll {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        Ok(nll_nats(&Classified::of(arrays)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_logits_cost_the_logarithm_of_the_classes() {
        let labels: Vec<u32> = (0..50).map(|i| i % 10).collect();
        let estimate = nll_nats(&Classified::new(vec![-3.5; 500], labels).unwrap());
        assert!((estimate.value - std::f64::consts::LN_10).abs() < 1e-12 && estimate.unit == "nats");
        assert!((estimate.shuffled.unwrap() - std::f64::consts::LN_10).abs() < 1e-12);
        assert!(estimate.se.unwrap() < 1e-12);
    }

    #[test]
    fn a_sure_mistake_costs_what_the_logits_are_apart() {
        assert!((surprise_nats(&[1000.0, 0.0], 1) - 1000.0).abs() < 1e-9);
        assert!(surprise_nats(&[f64::NAN, 0.0], 1).is_nan());
    }
}
