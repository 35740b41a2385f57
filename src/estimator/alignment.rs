//! Alignment: the cosine of steps with the direction of steepest descent, and what it is in theory.

use super::steps::finite;
use super::{es_theory, Arrays, Estimate, Estimator};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::{dot, mean, sd};
use crate::params::Range;
use crate::rng::Seed;

/// Cosine of two vectors; NaN where one has length 0.
pub fn cosine(a: &[f64], b: &[f64]) -> f64 {
    // Each by its own length, so that the product of two small squares is not lost.
    dot(a, b) / dot(a, a).sqrt() / dot(b, b).sqrt()
}

/// Cosine of each row of `steps`, (rows, k), with `direction`, (k).
pub fn cosines(steps: &[f64], rows: usize, direction: &[f64]) -> Vec<f64> {
    steps.chunks_exact((steps.len() / rows.max(1)).max(1)).map(|step| cosine(step, direction)).collect()
}

/// Standard deviation of the cosine with a direction drawn at random in `d` dimensions: `1 / sqrt(d)`.
pub fn random_sd(d: usize) -> f64 {
    (d as f64).sqrt().recip()
}

/// What `value` may be.
enum Quantity {
    /// Mean cosine of the rows of `x` with the mean of `grads`, turned round.
    Cosine,
    /// Theory for pairs.
    Pairs { pairs: usize, noise: f64, sigma: f64 },
    /// Theory for the best of so many mutants.
    BestOf(usize),
}

struct Alignment {
    quantity: Quantity,
    shuffles: u64,
    seed: Seed,
}

pub(super) const ENTRY: Entry<dyn Estimator> = Entry {
    name: "alignment",
    summary: "cosine of steps with steepest descent, or what theory says of an evolution strategy",
    reference: "Zhang, Clune & Stanley 2017",
    // Default: the cosine. `pairs` reads `pairs`, `noise` (default 0) and `sigma` (default 1); `best-of` reads `lambda`.
    build: |params, ()| {
        let count = |key: &str| params.integer(key, None, 1..=u32::MAX.into()) as usize;
        let quantity = match params.choice("quantity", Some("cosine"), &["cosine", "pairs", "best-of"]) {
            "pairs" => Quantity::Pairs {
                pairs: count("pairs"),
                noise: params.float("noise", Some(0.0), Range::AtLeast(0.0)),
                sigma: params.float("sigma", Some(1.0), Range::Above(0.0)),
            },
            "best-of" => Quantity::BestOf(count("lambda")),
            _ => Quantity::Cosine,
        };
        let shuffles = params.integer("shuffles", Some(8), 0..=10_000);
        let seed = Seed::new(params.integer("seed", Some(0), 0..=i64::MAX as u64)).child("coordinates");
        Ok(Box::new(Alignment { quantity, shuffles, seed }))
    },
};

impl Estimator for Alignment {
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate> {
        let grads = finite(arrays, "grads")?;
        let d = grads.columns();
        let mut descent = vec![0.0; d];
        grads.iter().for_each(|row| descent.iter_mut().zip(row).for_each(|(sum, x)| *sum -= x));
        descent.iter_mut().for_each(|sum| *sum /= grads.rows as f64);
        match self.quantity {
            Quantity::Cosine => {}
            Quantity::Pairs { pairs, noise, sigma } => {
                let norm = dot(&descent, &descent).sqrt();
                let value = es_theory::noisy_cosine(pairs, d, norm, noise, sigma);
                return Ok(Estimate::new(value, "1", pairs));
            }
            Quantity::BestOf(lambda) => {
                return Ok(Estimate::new(es_theory::best_of_cosine(lambda, d), "1", lambda));
            }
        }
        let steps = finite(arrays, "x")?;
        if steps.columns() != d {
            let message = format!("`x` has {} columns and `grads` {d}: expected as many weights", steps.columns());
            return Err(Error::Config(message));
        }
        let found = cosines(&steps.values, steps.rows, &descent);
        // The same numbers at other weights: what a direction gives that knows nothing of the gradient's.
        let permuted = |i: u64| {
            let mut order = descent.clone();
            self.seed.index(i).rng().shuffle(&mut order);
            mean(&cosines(&steps.values, steps.rows, &order))
        };
        let shuffled = mean(&(0..self.shuffles).map(permuted).collect::<Vec<f64>>());
        let estimate = Estimate::new(mean(&found), "1", found.len()).with_cap(1.0).with_shuffled(shuffled);
        Ok(if found.len() > 1 { estimate.with_se(sd(&found) / (found.len() as f64).sqrt()) } else { estimate })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{estimate, normals};
    use super::super::Array;
    use super::*;

    #[test]
    fn cosines_have_their_definition_also_where_lengths_are_tiny() {
        assert!((cosine(&[1.0, 1.0], &[2.0, 0.0]) - 0.5f64.sqrt()).abs() < 1e-15);
        assert!((cosine(&[3e-100, 4e-100], &[-3e-100, -4e-100]) + 1.0).abs() < 1e-15);
        assert!(cosine(&[0.0, 0.0], &[1.0, 0.0]).is_nan() && cosine(&[f64::NAN, 0.0], &[1.0, 0.0]).is_nan());
        assert_eq!(cosines(&[1.0, 0.0, 0.0, -2.0], 2, &[0.0, 5.0]), [0.0, -1.0]);
        assert_eq!(random_sd(100), 0.1);
    }

    #[test]
    fn steps_against_the_gradient_have_cosine_1_and_at_permuted_weights_none() {
        let (d, rows) = (400, 20);
        let gradient = normals(d, 1);
        let steps: Vec<f64> = normals(rows * d, 2)
            .chunks_exact(d)
            .flat_map(|noise| noise.iter().zip(&gradient).map(|(z, g)| z - g).collect::<Vec<f64>>())
            .collect();
        let arrays = || [("x", Array::new(steps.clone(), rows)), ("grads", Array::new(gradient.clone(), 1))];
        let found = estimate(&ENTRY, "shuffles = 40", arrays()).unwrap();
        // Noise as long as the gradient: 1 / sqrt(2).
        assert!((found.value - 0.5f64.sqrt()).abs() < 0.02, "{found:?}");
        assert!(found.shuffled.unwrap().abs() < 0.03 && found.n == rows, "{found:?}");
        assert!((found.se.unwrap() - 0.018 / 20f64.sqrt()).abs() < 0.002_5, "{found:?}");
        let [_, grads] = arrays();
        let straight = gradient.iter().map(|g| -0.1 * g).collect();
        let found = estimate(&ENTRY, "", [("x", Array::new(straight, 1)), grads]).unwrap();
        assert!((found.value - 1.0).abs() < 1e-12 && found.se.is_none());
    }

    #[test]
    fn theory_is_told_for_the_arrays_sizes() {
        // Two gradients whose mean has length 2, of 100 weights.
        let mut rows = vec![0.0; 200];
        (rows[0], rows[100]) = (1.0, 3.0);
        let of = |params: &str| estimate(&ENTRY, params, [("grads", Array::new(rows.clone(), 2))]).unwrap().value;
        assert_eq!(of("quantity = \"pairs\"\npairs = 50"), es_theory::cosine(50, 100));
        let noisy = of("quantity = \"pairs\"\npairs = 50\nnoise = 0.4\nsigma = 0.1");
        // 50 * 4 / (50 * 4 + 100 * (4 + 8))
        assert!((noisy - (200.0f64 / 1_400.0).sqrt()).abs() < 1e-12);
        assert_eq!(of("quantity = \"best-of\"\nlambda = 10"), es_theory::best_of_cosine(10, 100));
        let other = [("x", Array::new(vec![0.0; 3], 1)), ("grads", Array::new(rows.clone(), 2))];
        assert!(estimate(&ENTRY, "", other).unwrap_err().contains("`x` has 3 columns and `grads` 100"));
    }
}
