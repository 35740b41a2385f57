//! Ridge regression of several targets at once (Hoerl & Kennard 1970), for all strengths by one eigendecomposition.
//!
//! `B = (T'T + lambda n I)^-1 T'X` of centred features `T` and targets `X`. With `T'T / n = V diag(s) V'` it is
//! `V diag(1 / (s + lambda)) V'T'X / n`, so a strength costs no solve, and a sum of squared errors costs p^2 operations:
//! `sum |x - x^|^2 = sum |x|^2 - 2 sum_i w_i a_i + sum_ij w_i w_j M_ij` with `w = 1 / (s + lambda)`.

use super::covariance::{column_means, Value};
use crate::num::{Eigen, Matrix};

/// Features and targets of which a regression is fitted.
pub struct Ridge {
    /// Means of the features, (p), and of the targets, (d).
    means: [Vec<f64>; 2],
    /// Eigenvalues of `T'T / n`, (p).
    values: Vec<f64>,
    /// Its eigenvectors, one in each row, (p, p).
    vectors: Vec<f64>,
    /// `V'T'X / n`, (p, d).
    along: Vec<f64>,
}

/// Squared errors of predictions for any strength.
pub struct Errors {
    /// `sum |x|^2` of the targets less their fitted means.
    total: f64,
    linear: Vec<f64>,
    quadratic: Vec<f64>,
}

impl Ridge {
    /// Of features, (rows, p), and targets, (rows, d). `None` where a feature or a target is not finite, or there is none.
    pub fn new<T: Value, X: Value>(features: &[T], targets: &[X], rows: usize) -> Option<Self> {
        let means = [column_means(features, rows), column_means(targets, rows)];
        if rows == 0 || means.iter().any(Vec::is_empty) || means.iter().flatten().any(|x| !x.is_finite()) {
            return None;
        }
        let p = means[0].len();
        let (t, x) = (less(features, &means[0]), less(targets, &means[1]));
        let (t, x) = (Matrix::new(&t, rows), Matrix::new(&x, rows));
        let mut covariance = t.transposed().times(t);
        covariance.iter_mut().for_each(|c| *c /= rows as f64);
        let eigen = Eigen::of(&covariance, p)?;
        let vectors: Vec<f64> = (0..p).flat_map(|i| eigen.vector(i)).collect();
        let cross = t.transposed().times(x);
        let mut along = Matrix::new(&vectors, p).times(Matrix::new(&cross, p));
        along.iter_mut().for_each(|x| *x /= rows as f64);
        // Eigenvalues that rounding made negative would be poles.
        let values = eigen.values.iter().map(|s| s.max(0.0)).collect();
        Some(Ridge { means, values, vectors, along })
    }

    /// Mean variance of the features: the scale of a strength.
    pub fn scale(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }

    /// `1 / (s + lambda)`; a direction without variance and without penalty has no part.
    fn weights(&self, lambda: f64) -> impl Iterator<Item = f64> + '_ {
        let least = f64::EPSILON * self.values.len() as f64 * self.values.iter().fold(0.0, |most: f64, s| most.max(*s));
        self.values.iter().map(move |s| if s + lambda > least { 1.0 / (s + lambda) } else { 0.0 })
    }

    /// Features along the eigenvectors, (rows, p).
    fn scores<T: Value>(&self, features: &[T], rows: usize) -> Vec<f64> {
        let centred = less(features, &self.means[0]);
        Matrix::new(&centred, rows).times(Matrix::new(&self.vectors, self.values.len()).transposed())
    }

    /// Predictions, (rows, d), at a strength.
    pub fn predict<T: Value>(&self, features: &[T], rows: usize, lambda: f64) -> Vec<f64> {
        let mut scores = self.scores(features, rows);
        let weights: Vec<f64> = self.weights(lambda).collect();
        for row in scores.chunks_exact_mut(weights.len()) {
            row.iter_mut().zip(&weights).for_each(|(x, weight)| *x *= weight);
        }
        let mut out = Matrix::new(&scores, rows).times(Matrix::new(&self.along, weights.len()));
        for row in out.chunks_exact_mut(self.means[1].len()) {
            row.iter_mut().zip(&self.means[1]).for_each(|(x, mean)| *x += mean);
        }
        out
    }

    /// What the squared errors on such rows will be.
    pub fn errors<T: Value, X: Value>(&self, features: &[T], targets: &[X], rows: usize) -> Errors {
        let p = self.values.len();
        let scores = self.scores(features, rows);
        let x = less(targets, &self.means[1]);
        let (scores, along) = (Matrix::new(&scores, rows), Matrix::new(&self.along, p));
        let cross = scores.transposed().times(Matrix::new(&x, rows));
        let d = self.means[1].len();
        let products = cross.chunks_exact(d).zip(self.along.chunks_exact(d));
        let linear = products.map(|(a, b)| crate::num::dot(a, b)).collect();
        let mut quadratic = scores.transposed().times(scores);
        let of_targets = along.times(along.transposed());
        quadratic.iter_mut().zip(&of_targets).for_each(|(a, b)| *a *= b);
        Errors { total: crate::num::dot(&x, &x), linear, quadratic }
    }

    /// Sum of squared errors at a strength.
    pub fn error_at(&self, errors: &Errors, lambda: f64) -> f64 {
        let weights: Vec<f64> = self.weights(lambda).collect();
        let rows = errors.quadratic.chunks_exact(weights.len());
        let quadratic: f64 = rows.zip(&weights).map(|(row, weight)| weight * crate::num::dot(row, &weights)).sum();
        errors.total - 2.0 * crate::num::dot(&errors.linear, &weights) + quadratic
    }
}

/// In f64, less the means of the columns.
fn less<T: Value>(values: &[T], means: &[f64]) -> Vec<f64> {
    let rows = values.chunks_exact(means.len());
    rows.flat_map(|row| row.iter().zip(means).map(|(x, mean)| (*x).into() - mean)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::normals;
    use super::*;

    #[test]
    fn one_feature_is_shrunk_by_its_variance_over_itself_and_the_strength() {
        // Feature of mean 2 and variance 2 / 3, target 3 t + 1.
        let (t, x) = ([1.0f32, 2.0, 3.0], [4.0, 7.0, 10.0]);
        let ridge = Ridge::new(&t, &x, 3).unwrap();
        let lambda = 1.0 / 3.0;
        let found = ridge.predict(&[5.0], 1, lambda)[0];
        assert!((found - (7.0 + 3.0 * 3.0 * (2.0 / 3.0))).abs() < 1e-12, "{found}");
        assert!((ridge.predict(&[5.0], 1, 0.0)[0] - 16.0).abs() < 1e-12);
    }

    #[test]
    fn the_errors_of_any_strength_are_those_of_the_predictions() {
        let (rows, p, d) = (30, 7, 4);
        let (t, x) = (normals(rows * p, 1), normals(rows * d, 2));
        let (other_t, other_x) = (normals(20 * p, 3), normals(20 * d, 4));
        let ridge = Ridge::new(&t, &x, rows).unwrap();
        let errors = ridge.errors(&other_t, &other_x, 20);
        for lambda in [0.0, 0.01, 1.0, 100.0] {
            let predicted = ridge.predict(&other_t, 20, lambda);
            let sum: f64 = predicted.iter().zip(&other_x).map(|(a, b)| (a - b).powi(2)).sum();
            assert!((ridge.error_at(&errors, lambda) / sum - 1.0).abs() < 1e-12, "{lambda}");
        }
    }

    #[test]
    fn more_features_than_samples_are_no_trouble() {
        let ridge = Ridge::new(&normals(5 * 9, 5), &normals(5 * 2, 6), 5).unwrap();
        let predicted = ridge.predict(&normals(5 * 9, 5), 5, 0.0);
        let targets = normals(5 * 2, 6);
        assert!(predicted.iter().zip(&targets).all(|(a, b)| (a - b).abs() < 1e-9), "fits what it has seen");
        assert!(Ridge::new(&[1.0, f64::NAN], &[1.0, 2.0], 2).is_none());
        assert!(Ridge::new(&[1.0, 2.0], &[f64::INFINITY, 2.0], 2).is_none());
    }
}
