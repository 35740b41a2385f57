//! Differential entropy by nearest neighbours (Kozachenko & Leonenko 1987), nats: `psi(N) - psi(k) + d <ln 2 r>`, r the
//! distance to the k-th neighbour by the greatest difference of d coordinates.

use rayon::prelude::*;
use statrs::function::gamma::digamma;

use super::neighbours::{distance, kth};
use super::{Array, Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::Result;
use crate::num::{mean, sd};

/// Entropy of continuous samples in rows and its standard error, that of a mean over samples; nats. -inf where more than k
/// rows are equal; NaN for k rows or fewer, or where a value is NaN.
///
/// # Panics
/// If k is 0.
pub fn kl_entropy_nats(rows: &Array, k: usize) -> (f64, f64) {
    assert!(k > 0, "the nearest neighbour is number 1");
    let (n, d) = (rows.rows, rows.columns() as f64);
    if rows.values.iter().any(|value| value.is_nan()) {
        return (f64::NAN, f64::NAN);
    }
    let of = |i: usize| {
        let others = (0..n).filter(|j| *j != i);
        let mut distances: Vec<f64> = others.map(|j| distance(rows.row(i), rows.row(j))).collect();
        kth(&mut distances, k).map_or(f64::NAN, |radius| d * (2.0 * radius).ln())
    };
    let terms: Vec<f64> = (0..n).into_par_iter().map(of).collect();
    (digamma(n as f64) - digamma(k as f64) + mean(&terms), sd(&terms) / (n as f64).sqrt())
}

struct KlEntropy {
    k: usize,
    of: Option<&'static str>,
}

/// The row of this estimator.
pub const ENTRY: Entry<dyn Estimator> = Entry {
    name: "kl-entropy",
    summary: "differential entropy by neighbours, few dimensions: `of` = \"t\" | \"x\" | \"y\", `k` = 3",
    reference: "Kozachenko & Leonenko 1987",
    build: |params, ()| {
        let of = params.has("of").then(|| params.choice("of", None, &["t", "x", "y"]));
        params.raw("of");
        Ok(Box::new(KlEntropy { k: params.integer("k", Some(3), 1..=1_000) as usize, of }))
    },
};

impl Estimator for KlEntropy {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let rows = arrays.get(self.of.unwrap_or(if arrays.has("t") { "t" } else { "x" }))?;
        let (value, se) = kl_entropy_nats(rows, self.k);
        Ok(Estimate::new(value, "nats", rows.rows).with_se(se))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimator::{built, golden};
    use crate::rng::Seed;

    #[test]
    fn the_golden_array_has_its_value() {
        let found = built(ENTRY, "of = \"x\"").estimate(&golden::arrays()).unwrap();
        let expected = golden::value("kl_entropy_k3_nats_X64x3");
        assert!((found.value - expected).abs() < 1e-6, "{found:?}, expected {expected}");
    }

    #[test]
    fn a_gaussian_has_the_entropy_of_its_formula() {
        let mut values = vec![0.0f32; 4_000];
        Seed::new(8).rng().fill_normal(&mut values);
        let one = Array::new(values.iter().map(|x| 3.0 * f64::from(*x)).collect(), 4_000);
        let (found, se) = kl_entropy_nats(&one, 3);
        // 1/2 ln(2 pi e sigma^2).
        let truth = 0.5 * (std::f64::consts::TAU * std::f64::consts::E * 9.0).ln();
        assert!((found - truth).abs() < 4.0 * se && se < 0.03, "{found} +- {se}, truth {truth}");
        assert_eq!(kl_entropy_nats(&Array::new(vec![1.0; 9], 9), 3).0, f64::NEG_INFINITY);
        assert!(kl_entropy_nats(&Array::new(vec![1.0, 2.0, 3.0], 3), 3).0.is_nan());
        assert!(kl_entropy_nats(&Array::new(vec![1.0, 2.0, f64::NAN, 4.0, 5.0], 5), 1).0.is_nan());
    }
}
