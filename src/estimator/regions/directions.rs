//! Directions from points.

use crate::rng::Seed;

/// `count` random directions of length 1, (count, dimension), uniform on the sphere. A direction depends on its number alone,
/// not on how many there are.
pub fn unit_directions(seed: Seed, count: usize, dimension: usize) -> Vec<f32> {
    let mut directions = vec![0.0; count * dimension];
    for (i, direction) in directions.chunks_exact_mut(dimension.max(1)).enumerate() {
        seed.index(i as u64).rng().fill_normal(direction);
        normalise(direction);
    }
    directions
}

/// The direction of length 1 from each point of `from` to that of `to`, both (n, dimension). Zeros where they are the same.
pub fn towards(from: &[f32], to: &[f32], dimension: usize) -> Vec<f32> {
    let mut directions: Vec<f32> = to.iter().zip(from).map(|(to, from)| to - from).collect();
    directions.chunks_exact_mut(dimension).for_each(normalise);
    directions
}

/// Of length 1, where there is any.
fn normalise(direction: &mut [f32]) {
    let length = direction.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    if length > 0.0 {
        direction.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
    }
}

/// `point + step * direction`, added to `out`.
pub(super) fn push_moved(point: &[f32], direction: &[f32], step: f64, out: &mut Vec<f32>) {
    out.extend(point.iter().zip(direction).map(|(x, u)| (f64::from(*x) + step * f64::from(*u)) as f32));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_have_length_one_no_preference_and_their_own_addresses() {
        let directions = unit_directions(Seed::new(1), 2000, 3);
        let mut second = [0.0; 9];
        for u in directions.chunks_exact(3) {
            assert!((u.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-6);
            (0..9).for_each(|i| second[i] += f64::from(u[i / 3] * u[i % 3]) / 2000.0);
        }
        for (i, moment) in second.iter().enumerate() {
            // E u u^T = I / 3.
            assert!((moment - if i % 4 == 0 { 1.0 / 3.0 } else { 0.0 }).abs() < 0.03, "{second:?}");
        }
        assert_eq!(unit_directions(Seed::new(1), 20, 3), directions[..60]);
        assert_eq!(towards(&[1.0, 1.0, 2.0, 2.0], &[4.0, 5.0, 2.0, 2.0], 2), [0.6, 0.8, 0.0, 0.0]);
    }
}
