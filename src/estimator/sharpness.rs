//! Sharpness of a minimum: by how much the loss rises where the weights are moved by a distance `rho`.
//!
//! Worst case (Foret et al. 2021): `max_{|d| <= rho} L(w + d) - L(w)`, by one step along the gradient or by several, each to
//! the point of the sphere at which the loss of the step's own gradient is greatest. Average case:
//! `E L(w + d) - L(w)`, `d ~ N(0, rho^2 I)`, which is `rho^2 tr(H) / 2 + O(rho^4)`: the objective that evolution with this
//! sigma smooths the loss to, less the loss.

use super::hessian::length;
use super::Estimate;
use crate::error::Result;
use crate::num::{mean, sd};
use crate::rng::Seed;

/// Steps by default (Andriushchenko et al. 2023 take 20).
pub const STEPS: usize = 10;

/// The loss at some weights and its gradient by them: what sharpness is made of.
pub struct Landscape<L, G> {
    /// Of weights (k).
    pub loss: L,
    /// (k) of weights (k).
    pub gradient: G,
}

impl<L: Fn(&[f32]) -> Result<f64>, G: Fn(&[f32]) -> Result<Vec<f32>>> Landscape<L, G> {
    /// The greatest rise of the loss within `rho` that was found in so many steps from the weights `at`, and at the first
    /// of them, in units of the loss. Where the gradient is 0 the step goes in a random direction from `seed`.
    ///
    /// For a convex loss each step rises, and ends where the gradient points along the way from `at`.
    ///
    /// # Errors
    /// Those of `loss` and `gradient`.
    pub fn worst_case(&self, at: &[f32], rho: f64, steps: usize, seed: Seed) -> Result<WorstCase> {
        let here = (self.loss)(at)?;
        let mut moved = at.to_vec();
        let mut rises = Vec::with_capacity(steps);
        for step in 0..steps {
            let mut direction = (self.gradient)(&moved)?;
            if length(&direction) == 0.0 {
                seed.index(step as u64).rng().fill_normal(&mut direction);
            }
            let share = rho / length(&direction);
            moved = at.iter().zip(&direction).map(|(w, g)| (f64::from(*w) + share * f64::from(*g)) as f32).collect();
            rises.push((self.loss)(&moved)? - here);
        }
        let failed = rises.iter().any(|rise| rise.is_nan());
        let greatest = rises.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let first = rises.first().copied().unwrap_or(f64::NAN);
        Ok(WorstCase { first, greatest: if failed || steps == 0 { f64::NAN } else { greatest } })
    }

    /// The mean rise of the loss where each weight of `at` moves by a normal variable of standard deviation `rho`, over
    /// `pairs` of a move and its opposite, so that the slope at `at` cancels. Pair i is drawn at address i below `seed`.
    ///
    /// # Errors
    /// Those of `loss`.
    pub fn average_case(&self, at: &[f32], rho: f64, pairs: usize, seed: Seed) -> Result<Estimate> {
        let here = (self.loss)(at)?;
        let one = |i: usize| {
            let mut noise = vec![0.0; at.len()];
            seed.index(i as u64).rng().fill_normal(&mut noise);
            let moved = |side: f64| -> Vec<f32> {
                let terms = at.iter().zip(&noise);
                terms.map(|(w, z)| (f64::from(*w) + side * rho * f64::from(*z)) as f32).collect()
            };
            Ok(0.5 * ((self.loss)(&moved(1.0))? + (self.loss)(&moved(-1.0))?) - here)
        };
        let rises = (0..pairs).map(one).collect::<Result<Vec<f64>>>()?;
        Ok(Estimate::new(mean(&rises), "nats", pairs).with_se(sd(&rises) / (pairs as f64).sqrt()))
    }
}

/// Rises of the loss at a distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorstCase {
    /// After one step along the gradient.
    pub first: f64,
    /// The greatest after any step. NaN where one is.
    pub greatest: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    type Loss = Box<dyn Fn(&[f32]) -> Result<f64>>;
    type Gradient = Box<dyn Fn(&[f32]) -> Result<Vec<f32>>>;

    /// L = (a w_0^2 + b w_1^2 + c w_2^2) / 2 + slope w_0
    fn quadratic(h: [f64; 3], slope: f64) -> Landscape<Loss, Gradient> {
        let loss = move |w: &[f32]| {
            Ok(w.iter().zip(h).map(|(w, h)| 0.5 * h * f64::from(*w).powi(2)).sum::<f64>() + slope * f64::from(w[0]))
        };
        let gradient = move |w: &[f32]| {
            let mut gradient: Vec<f32> = w.iter().zip(h).map(|(w, h)| (h * f64::from(*w)) as f32).collect();
            gradient[0] += slope as f32;
            Ok(gradient)
        };
        Landscape { loss: Box::new(loss), gradient: Box::new(gradient) }
    }

    #[test]
    fn the_average_case_of_a_quadratic_is_half_the_trace_and_its_spread_is_known() {
        let (rho, pairs) = (0.5, 4_000);
        let found = quadratic([4.0, 1.0, -2.0], 3.0).average_case(&[0.3, -0.2, 0.1], rho, pairs, Seed::new(1)).unwrap();
        // rho^2 tr / 2; the variance of a draw is rho^4 |H|^2 / 2: the slope of 3 has cancelled.
        let (expected, se) = (0.5 * rho * rho * 3.0, rho * rho * (0.5 * 21.0f64).sqrt() / (pairs as f64).sqrt());
        assert!((found.value - expected).abs() < 4.0 * se, "{} against {expected}", found.value);
        assert!((found.se.unwrap() / se - 1.0).abs() < 0.1, "{:?} against {se}", found.se);
    }

    #[test]
    fn the_worst_case_at_a_minimum_goes_along_the_greatest_curvature() {
        // L = 8 w_1^2 / 2 + ...: rho^2 8 / 2.
        let found = quadratic([2.0, 8.0, 1.0], 0.0).worst_case(&[0.0; 3], 0.1, 10, Seed::new(2)).unwrap();
        assert!((found.greatest - 0.04).abs() < 1e-6, "{found:?}");
        assert!(found.first < 0.039, "a random direction: {found:?}");
    }

    #[test]
    fn on_a_slope_one_step_is_exact_where_the_loss_is_linear_and_more_steps_are_better_where_it_is_not() {
        let linear = quadratic([0.0; 3], 3.0).worst_case(&[0.0; 3], 0.1, 10, Seed::new(1)).unwrap();
        assert!((linear.first - 0.3).abs() < 1e-6 && (linear.greatest - 0.3).abs() < 1e-6, "{linear:?}");
        // At (1, 0.1, 0) of (w_0^2 + 20 w_1^2) / 2 the gradient is (1, 2, 0), but far away w_1 alone counts. The maximum on
        // the sphere of radius 1 by a search over its angle.
        let landscape = quadratic([1.0, 20.0, 0.0], 0.0);
        let at = [1.0f32, 0.1, 0.0];
        let rise = |angle: f64| {
            let point = [at[0] + angle.cos() as f32, at[1] + angle.sin() as f32, 0.0];
            (landscape.loss)(&point).unwrap() - (landscape.loss)(&at).unwrap()
        };
        let best = (0..100_000).map(|i| rise(f64::from(i) * 1e-5 * std::f64::consts::TAU)).fold(0.0, f64::max);
        let found = landscape.worst_case(&at, 1.0, 10, Seed::new(1)).unwrap();
        assert!((found.greatest - best).abs() < 1e-5 * best, "{found:?} against {best}");
        assert!(found.first < 0.95 * best);
    }

    #[test]
    fn nan_is_not_hidden() {
        let broken = Landscape { loss: |_: &[f32]| Ok(f64::NAN), gradient: |w: &[f32]| Ok(w.to_vec()) };
        assert!(broken.worst_case(&[1.0], 0.1, 3, Seed::new(1)).unwrap().greatest.is_nan());
        assert!(broken.average_case(&[1.0], 0.1, 3, Seed::new(1)).unwrap().value.is_nan());
    }
}
