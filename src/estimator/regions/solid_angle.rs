//! How much of the sphere around a point has its class, and the size of its region in nats per dimension.
//!
//! A star-shaped region has the volume `V_D E_u[r^D]`, an expectation that one direction decides where D is great. In its
//! place: `E_u ln r(u)`, by Jensen at most `(1 / D) ln(V / V_D)`.

use super::classifier::{predicted, Classifier};
use super::directions::push_moved;
use crate::num::mean;

/// Points that are evaluated at the same time.
const POINTS: usize = 4096;

/// `E_u ln min(r(u), last)` of the radii of one point, in nats per dimension: where a radius is censored at `last`, less than
/// the size. NaN of nothing.
pub fn log_size_nats_per_dimension(radii: &[f64], last: f64) -> f64 {
    let logs: Vec<f64> =
        radii.iter().map(|radius| if radius.is_nan() { f64::NAN } else { radius.min(last).ln() }).collect();
    mean(&logs)
}

/// For each radius R the share of all directions u and points x with `class(x + R u) = class(x)`, for `points` (n, D) and
/// `directions` (n, t, D) of length 1. Other than a distribution of radii, it sees regions that are entered again. NaN where
/// a point has no class, and of nothing.
pub fn solid_angle_shares(classifier: &dyn Classifier, points: &[f32], directions: &[f32], radii: &[f64]) -> Vec<f64> {
    let (dimension, classes) = (classifier.dimension(), classifier.classes());
    let own = predicted(&classifier.logits(points), classes);
    let rays = directions.len() / dimension;
    if own.is_empty() || rays == 0 || own.contains(&u32::MAX) {
        return vec![f64::NAN; radii.len()];
    }
    let each = rays / own.len();
    let share = |radius: &f64| {
        let mut same = 0;
        for (block, directions) in directions.chunks(POINTS * dimension).enumerate() {
            let mut moved = Vec::with_capacity(directions.len());
            let owners = (block * POINTS..).map(|ray| ray / each);
            for (direction, owner) in directions.chunks_exact(dimension).zip(owners.clone()) {
                push_moved(&points[owner * dimension..(owner + 1) * dimension], direction, *radius, &mut moved);
            }
            let now = predicted(&classifier.logits(&moved), classes);
            same += now.iter().zip(owners).filter(|(class, owner)| **class == own[*owner]).count();
        }
        same as f64 / rays as f64
    };
    radii.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::super::classifier::testing::{normals, Linear};
    use super::super::unit_directions;
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn the_share_beside_a_plane_is_that_of_the_cap_beyond_it() {
        // In three dimensions the cap beyond a plane at distance d has the share (1 - d / R) / 2 of the sphere.
        let classifier = Linear::plane(&[1.0, 0.0, 0.0], 0.0);
        let points = [0.5, 1.0, -2.0, -0.5, 7.0, 7.0];
        let directions = unit_directions(Seed::new(1), 40_000, 3);
        let found = solid_angle_shares(&classifier, &points, &directions, &[0.4, 1.0, 2.0, 50.0]);
        for (found, cap) in found.iter().zip([0.0, 0.25, 0.375, 0.495]) {
            assert!((found - (1.0 - cap)).abs() < 0.01, "{found} against {cap}");
        }
    }

    #[test]
    fn the_log_size_is_the_mean_logarithm_and_censored_radii_count_as_the_last() {
        let size = log_size_nats_per_dimension(&[1.0, std::f64::consts::E, f64::INFINITY], 1f64.exp().powi(5));
        assert!((size - 2.0).abs() < 1e-12);
        assert!(log_size_nats_per_dimension(&[1.0, f64::NAN], 5.0).is_nan());
        let nan = Linear { weight: vec![f64::NAN; 4], bias: vec![0.0; 2] };
        assert!(solid_angle_shares(&nan, &normals(2, 1), &[1.0, 0.0], &[1.0])[0].is_nan());
    }
}
