//! The trace of a matrix that can only be multiplied with (Hutchinson 1990): `E v^T H v` for random `v` of independent
//! entries of mean 0 and variance 1.
//!
//! The variance of one draw is `2 (|H|^2 - sum_i H_ii^2)` for signs and `2 |H|^2` for normals (Frobenius; symmetric H): signs
//! are never worse, and exact for a diagonal matrix. The number of draws is fixed: to stop where the running mean no longer
//! moves can be right by luck.

use super::Estimate;
use crate::error::Result;
use crate::num::{dot, mean, sd};
use crate::rng::Seed;

/// Entries of the random vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entries {
    /// -1 or 1 (Rademacher).
    Signs,
    /// Standard normal.
    Normals,
}

/// The trace of a (k, k) matrix from `draws` products, with its standard error. Draw i is made at address i below `seed`.
///
/// # Errors
/// Those of `product`.
pub fn hutchinson(
    product: impl Fn(&[f64]) -> Result<Vec<f64>>,
    k: usize,
    draws: usize,
    entries: Entries,
    seed: Seed,
) -> Result<Estimate> {
    let one = |i: usize| {
        let mut rng = seed.index(i as u64).rng();
        let mut entry = |_| match entries {
            Entries::Signs => f64::from(rng.word() & 1) * 2.0 - 1.0,
            Entries::Normals => f64::from(rng.normal()),
        };
        let v: Vec<f64> = (0..k).map(&mut entry).collect();
        Ok(dot(&v, &product(&v)?))
    };
    let values = (0..draws).map(one).collect::<Result<Vec<f64>>>()?;
    Ok(Estimate::new(mean(&values), "1", draws).with_se(sd(&values) / (draws as f64).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const K: usize = 60;

    /// A symmetric matrix without a pattern, its diagonal greater than the rest.
    fn matrix() -> Vec<f64> {
        let mut rng = Seed::new(2).rng();
        let mut matrix = vec![0.0; K * K];
        for i in 0..K {
            for j in 0..=i {
                let entry = 0.1 * f64::from(rng.normal()) + if i == j { 1.0 } else { 0.0 };
                (matrix[i * K + j], matrix[j * K + i]) = (entry, entry);
            }
        }
        matrix
    }

    fn times(matrix: &[f64], v: &[f64]) -> Result<Vec<f64>> {
        Ok(matrix.chunks_exact(K).map(|row| dot(row, v)).collect())
    }

    #[test]
    fn signs_and_normals_have_the_variances_of_theory() {
        let matrix = matrix();
        let diagonal = || matrix.iter().step_by(K + 1);
        let (trace, squares): (f64, f64) = (diagonal().sum(), matrix.iter().map(|x| x * x).sum());
        let on_it: f64 = diagonal().map(|x| x * x).sum();
        let draws = 4_000;
        for (entries, variance) in [(Entries::Signs, 2.0 * (squares - on_it)), (Entries::Normals, 2.0 * squares)] {
            let found = hutchinson(|v| times(&matrix, v), K, draws, entries, Seed::new(4)).unwrap();
            let found_variance = found.se.unwrap().powi(2) * draws as f64;
            // A variance of so many draws is known to about sqrt(2 / draws), 2 %, or a little more for products of normals.
            assert!((found_variance / variance - 1.0).abs() < 0.1, "{entries:?}: {found_variance} against {variance}");
            let error = (found.value - trace).abs();
            assert!(error < 4.0 * (variance / draws as f64).sqrt(), "{entries:?}: {} against {trace}", found.value);
        }
    }

    #[test]
    fn signs_are_exact_for_a_diagonal_matrix() {
        let found = hutchinson(|v| Ok(vec![2.0 * v[0], -7.5 * v[1]]), 2, 8, Entries::Signs, Seed::new(1)).unwrap();
        assert_eq!((found.value, found.se, found.n), (-5.5, Some(0.0), 8));
    }
}
