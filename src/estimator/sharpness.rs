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

/// The greatest rise of the loss within `rho` that was found in so many steps from the weights `at`, and at the first of
/// them, in units of the loss. `landscape` gives the loss at some weights and its gradient by them. Where that is 0 the step
/// goes in a random direction from `seed`.
///
/// For a convex loss each step rises, and ends where the gradient points along the way from `at`.
///
/// # Errors
/// Those of `landscape`.
pub fn worst_case(
    landscape: impl Fn(&[f32]) -> Result<(f64, Vec<f32>)>,
    at: &[f32],
    rho: f64,
    steps: usize,
    seed: Seed,
) -> Result<WorstCase> {
    let (here, mut direction) = landscape(at)?;
    let mut rises = Vec::with_capacity(steps);
    for step in 0..steps {
        if length(&direction) == 0.0 {
            seed.index(step as u64).rng().fill_normal(&mut direction);
        }
        let share = rho / length(&direction);
        let moved: Vec<f32> =
            at.iter().zip(&direction).map(|(w, g)| (f64::from(*w) + share * f64::from(*g)) as f32).collect();
        let (there, next) = landscape(&moved)?;
        rises.push(there - here);
        direction = next;
    }
    let failed = rises.is_empty() || rises.iter().any(|rise| rise.is_nan());
    let greatest = rises.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let first = rises.first().copied().unwrap_or(f64::NAN);
    Ok(WorstCase { first, greatest: if failed { f64::NAN } else { greatest } })
}

/// The mean rise of the loss where each weight of `at` moves by a normal variable of standard deviation `rho`, over `pairs`
/// of a move and its opposite, so that the slope at `at` cancels; in nats. Pair i is drawn at address i below `seed`.
///
/// # Errors
/// Those of `loss`.
pub fn average_case(
    loss: impl Fn(&[f32]) -> Result<f64>,
    at: &[f32],
    rho: f64,
    pairs: usize,
    seed: Seed,
) -> Result<Estimate> {
    let here = loss(at)?;
    let one = |i: usize| {
        let mut noise = vec![0.0; at.len()];
        seed.index(i as u64).rng().fill_normal(&mut noise);
        let moved = |side: f64| -> Vec<f32> {
            let terms = at.iter().zip(&noise);
            terms.map(|(w, z)| (f64::from(*w) + side * rho * f64::from(*z)) as f32).collect()
        };
        Ok(0.5 * (loss(&moved(1.0))? + loss(&moved(-1.0))?) - here)
    };
    let rises = (0..pairs).map(one).collect::<Result<Vec<f64>>>()?;
    Ok(Estimate::new(mean(&rises), "nats", pairs).with_se(sd(&rises) / (pairs as f64).sqrt()))
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

    /// (a w_0^2 + b w_1^2 + c w_2^2) / 2 + slope w_0 and its gradient.
    fn quadratic(h: [f64; 3], slope: f64) -> impl Fn(&[f32]) -> Result<(f64, Vec<f32>)> {
        move |w: &[f32]| {
            let loss: f64 = w.iter().zip(h).map(|(w, h)| 0.5 * h * f64::from(*w).powi(2)).sum();
            let mut gradient: Vec<f32> = w.iter().zip(h).map(|(w, h)| (h * f64::from(*w)) as f32).collect();
            gradient[0] += slope as f32;
            Ok((loss + slope * f64::from(w[0]), gradient))
        }
    }

    #[test]
    fn the_average_case_of_a_quadratic_is_half_the_trace_and_its_spread_is_known() {
        let (rho, pairs) = (0.5, 4_000);
        let loss = |w: &[f32]| Ok(quadratic([4.0, 1.0, -2.0], 3.0)(w)?.0);
        let found = average_case(loss, &[0.3, -0.2, 0.1], rho, pairs, Seed::new(1)).unwrap();
        // rho^2 tr / 2; the variance of a draw is rho^4 |H|^2 / 2: the slope of 3 has cancelled.
        let (expected, se) = (0.5 * rho * rho * 3.0, rho * rho * (0.5 * 21.0f64).sqrt() / (pairs as f64).sqrt());
        assert!((found.value - expected).abs() < 4.0 * se, "{} against {expected}", found.value);
        assert!((found.se.unwrap() / se - 1.0).abs() < 0.1, "{:?} against {se}", found.se);
    }

    #[test]
    fn the_worst_case_at_a_minimum_goes_along_the_greatest_curvature() {
        // L = 8 w_1^2 / 2 + ...: rho^2 8 / 2.
        let found = worst_case(quadratic([2.0, 8.0, 1.0], 0.0), &[0.0; 3], 0.1, 10, Seed::new(2)).unwrap();
        assert!((found.greatest - 0.04).abs() < 1e-6, "{found:?}");
        assert!(found.first < 0.039, "a random direction: {found:?}");
    }

    #[test]
    fn on_a_slope_one_step_is_exact_where_the_loss_is_linear_and_more_steps_are_better_where_it_is_not() {
        let linear = worst_case(quadratic([0.0; 3], 3.0), &[0.0; 3], 0.1, 10, Seed::new(1)).unwrap();
        assert!((linear.first - 0.3).abs() < 1e-6 && (linear.greatest - 0.3).abs() < 1e-6, "{linear:?}");
        // At (1, 0.1, 0) of (w_0^2 + 20 w_1^2) / 2 the gradient is (1, 2, 0), but far away w_1 alone counts. The maximum on
        // the sphere of radius 1 by a search over its angle.
        let landscape = quadratic([1.0, 20.0, 0.0], 0.0);
        let at = [1.0f32, 0.1, 0.0];
        let rise = |angle: f64| {
            let point = [at[0] + angle.cos() as f32, at[1] + angle.sin() as f32, 0.0];
            landscape(&point).unwrap().0 - landscape(&at).unwrap().0
        };
        let best = (0..100_000).map(|i| rise(f64::from(i) * 1e-5 * std::f64::consts::TAU)).fold(0.0, f64::max);
        let found = worst_case(&landscape, &at, 1.0, 10, Seed::new(1)).unwrap();
        assert!((found.greatest - best).abs() < 1e-5 * best, "{found:?} against {best}");
        assert!(found.first < 0.95 * best);
    }

    #[test]
    fn nan_is_not_hidden() {
        let broken = |w: &[f32]| Ok((f64::NAN, w.to_vec()));
        assert!(worst_case(broken, &[1.0], 0.1, 3, Seed::new(1)).unwrap().greatest.is_nan());
        assert!(average_case(|w| Ok(broken(w)?.0), &[1.0], 0.1, 3, Seed::new(1)).unwrap().value.is_nan());
    }
}
