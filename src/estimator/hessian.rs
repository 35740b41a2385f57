//! Curvature of a loss from its gradients alone: products with the Hessian by central differences, and the whole of it.
//!
//! `H v = (g(w + e v) - g(w - e v)) / (2 e)` with `e = 1e-3 (1 + |w|) / |v|`. Weights are f32, so `w + e v` is rounded; what
//! is divided by is the step that was taken, along `v`. The difference sees the kinks of a piecewise linear network between
//! both points, which a second derivative does not: the curvature of a loss of ReLUs is that of its gradient over that step.

use crate::error::Result;
use crate::num::{dot, Eigen};

/// Length of a step from weights of length 0, in units of weights.
const STEP: f64 = 1e-3;

/// `H v` at the weights `at`, (k): two gradients. Zeros for a direction of length 0.
///
/// # Errors
/// Those of `gradient`.
pub fn product(gradient: &impl Fn(&[f32]) -> Result<Vec<f32>>, at: &[f32], v: &[f64]) -> Result<Vec<f64>> {
    let square = dot(v, v);
    if square == 0.0 {
        return Ok(vec![0.0; at.len()]);
    }
    let step = STEP * (1.0 + length(at)) / square.sqrt();
    let moved =
        |side: f64| -> Vec<f32> { at.iter().zip(v).map(|(w, v)| (f64::from(*w) + side * step * v) as f32).collect() };
    let (ahead, behind) = (moved(1.0), moved(-1.0));
    let taken = difference(&ahead, &behind);
    let slopes = difference(&gradient(&ahead)?, &gradient(&behind)?);
    // Along an axis this is the exact difference of the two weights.
    let share = square / dot(&taken, v);
    Ok(slopes.into_iter().map(|slope| slope * share).collect())
}

/// The Hessian of a loss by some of its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Hessian {
    /// (k, k), symmetric.
    pub values: Vec<f64>,
    /// `|H - H^T| / (2 |H|)` (Frobenius) before it was made symmetric: 0 for a smooth loss, greater where kinks and rounding
    /// tell. NaN for a Hessian of zeros.
    pub asymmetry: f64,
}

impl Hessian {
    /// At the weights `at` (k), column by column: 2 k gradients.
    ///
    /// # Errors
    /// Those of `gradient`.
    pub fn of(gradient: &impl Fn(&[f32]) -> Result<Vec<f32>>, at: &[f32]) -> Result<Self> {
        let k = at.len();
        let mut columns = Vec::with_capacity(k * k);
        let mut axis = vec![0.0; k];
        for i in 0..k {
            axis[i] = 1.0;
            columns.extend(product(gradient, at, &axis)?);
            axis[i] = 0.0;
        }
        let (mut apart, mut all) = (0.0, 0.0);
        let mut values = vec![0.0; k * k];
        for i in 0..k {
            for j in 0..k {
                let (entry, other) = (columns[i * k + j], columns[j * k + i]);
                values[i * k + j] = 0.5 * (entry + other);
                apart += (entry - other).powi(2);
                all += entry.powi(2);
            }
        }
        Ok(Hessian { values, asymmetry: 0.5 * (apart / all).sqrt() })
    }

    /// Weights.
    pub fn k(&self) -> usize {
        self.values.len().isqrt()
    }

    /// The sum of the eigenvalues.
    pub fn trace(&self) -> f64 {
        self.values.iter().step_by(self.k() + 1).sum()
    }

    /// Eigenvalues and eigenvectors; `None` where an entry is not finite.
    pub fn eigen(&self) -> Option<Eigen> {
        Eigen::of(&self.values, self.k())
    }
}

/// Euclidean length.
pub(super) fn length(v: &[f32]) -> f64 {
    v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()
}

fn difference(a: &[f32], b: &[f32]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::classified::softmax;
    use super::*;
    use crate::num::mean;
    use crate::rng::Seed;

    /// Logits `W x` of 3 classes for 4 inputs: 40 samples, their labels, and weights W, row after row.
    fn linear_softmax() -> (Vec<Vec<f64>>, Vec<usize>, Vec<f32>) {
        let mut rng = Seed::new(6).rng();
        let inputs = (0..40).map(|_| (0..4).map(|_| f64::from(rng.normal())).collect()).collect();
        let labels = (0..40).map(|i| i % 3).collect();
        (inputs, labels, (0..12).map(|_| 0.5 * rng.normal()).collect())
    }

    fn probabilities(weights: &[f32], x: &[f64]) -> Vec<f64> {
        let logit = |row: &[f32]| row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum();
        softmax(&weights.chunks_exact(4).map(logit).collect::<Vec<f64>>())
    }

    #[test]
    fn the_hessian_of_a_linear_softmax_is_its_closed_form() {
        let (inputs, labels, weights) = linear_softmax();
        let gradient = |weights: &[f32]| -> Result<Vec<f32>> {
            let mut sum = vec![0.0; 12];
            for (x, label) in inputs.iter().zip(&labels) {
                for (class, p) in probabilities(weights, x).iter().enumerate() {
                    let error = p - f64::from(u8::from(class == *label));
                    (0..4).for_each(|j| sum[class * 4 + j] += error * x[j] / 40.0);
                }
            }
            Ok(sum.into_iter().map(|x| x as f32).collect())
        };
        let hessian = Hessian::of(&gradient, &weights).unwrap();
        // The mean over samples of (diag(p) - p p^T) with x x^T in each block.
        let closed = |a: usize, b: usize| {
            let one = |x: &Vec<f64>| {
                let p = probabilities(&weights, x);
                let block = if a / 4 == b / 4 { p[a / 4] } else { 0.0 } - p[a / 4] * p[b / 4];
                block * x[a % 4] * x[b % 4]
            };
            mean(&inputs.iter().map(one).collect::<Vec<f64>>())
        };
        for (at, found) in hessian.values.iter().enumerate() {
            let expected = closed(at / 12, at % 12);
            // Gradients of f32 over steps of 0.003: a few 1e-5.
            assert!((found - expected).abs() < 1e-4, "{at}: {found} against {expected}");
        }
        assert!(hessian.asymmetry < 1e-3, "{}", hessian.asymmetry);
        let trace: f64 = (0..12).map(|i| closed(i, i)).sum();
        assert!((hessian.trace() - trace).abs() < 1e-3);
        // Adding the same to all classes changes nothing: 4 eigenvalues of 0, the other 8 above it.
        let mut values = hessian.eigen().unwrap().values;
        values.sort_by(f64::total_cmp);
        assert!(values[..4].iter().all(|value| value.abs() < 1e-4) && values[4] > 0.01, "{values:?}");
    }

    #[test]
    fn products_of_a_quadratic_are_exact_to_rounding_in_any_direction() {
        // H = [[2, 1], [1, 4]].
        let gradient = |w: &[f32]| Ok(vec![2.0 * w[0] + w[1], w[0] + 4.0 * w[1]]);
        for (v, expected) in [([1.0, 0.0], [2.0, 1.0]), ([3.0, -2.0], [4.0, -5.0]), ([0.0, 1e6], [1e6, 4e6])] {
            let found = product(&gradient, &[0.25, -0.5], &v).unwrap();
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 2e-4 * expected.abs(), "{v:?}: {found} against {expected}");
            }
        }
        assert_eq!(product(&gradient, &[1.0, 1.0], &[0.0, 0.0]).unwrap(), [0.0, 0.0]);
        let hessian = Hessian::of(&gradient, &[0.25, -0.5]).unwrap();
        assert_eq!(hessian.k(), 2);
        assert!((hessian.trace() - 6.0).abs() < 1e-3);
        let top = hessian.eigen().unwrap().values.into_iter().fold(0.0, f64::max);
        assert!((top - 3.0 - 2f64.sqrt()).abs() < 1e-3, "{top}");
    }

    #[test]
    fn steps_are_those_that_were_taken_where_weights_are_too_great_to_be_moved_finely() {
        // At 30,000 neighbours of f32 lie 0.002 apart and the step is 30: without the step taken, the weight of 0.1 would
        // be right and this one off by up to 1e-4 of itself.
        let gradient = |w: &[f32]| Ok(vec![w[0], 3.0 * w[1]]);
        let hessian = Hessian::of(&gradient, &[30_000.0, 0.1]).unwrap();
        assert!((hessian.values[0] - 1.0).abs() < 1e-9 && hessian.values[1] == 0.0, "{:?}", hessian.values);
    }

    #[test]
    fn what_is_not_symmetric_is_made_so_and_told() {
        let field = |w: &[f32]| Ok(vec![w[0] + 2.0 * w[1], w[1]]);
        let hessian = Hessian::of(&field, &[0.5, 0.5]).unwrap();
        assert!(hessian.values.iter().all(|entry| (entry - 1.0).abs() < 1e-4), "{:?}", hessian.values);
        // |H - H^T| = sqrt(4 + 4) and |H| = sqrt(1 + 4 + 1).
        assert!((hessian.asymmetry - 0.5 * (8.0f64 / 6.0).sqrt()).abs() < 1e-4, "{}", hessian.asymmetry);
    }

    #[test]
    fn nan_is_not_hidden_and_errors_are_passed_on() {
        let broken = |_: &[f32]| Ok(vec![f32::NAN; 2]);
        let hessian = Hessian::of(&broken, &[0.0, 0.0]).unwrap();
        assert!(hessian.trace().is_nan() && hessian.eigen().is_none());
        let failed = |_: &[f32]| Err(crate::error::Error::Config("no engine".to_string()));
        assert!(Hessian::of(&failed, &[0.0]).is_err());
    }
}
