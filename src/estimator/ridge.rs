//! Ridge regression of several targets at once (Hoerl & Kennard 1970), for all strengths by one eigendecomposition.
//!
//! `B = (T'T + lambda n I)^-1 T'X` of centred features `T` and targets `X`. With `T'T / n = V diag(s) V'` it is
//! `V diag(1 / (s + lambda)) V'T'X / n`, so a strength costs no solve, and a sum of squared errors costs p^2 operations:
//! `sum |x - x^|^2 = sum |x|^2 - 2 sum_i w_i a_i + sum_ij w_i w_j M_ij` with `w = 1 / (s + lambda)`.

use super::covariance::{column_means, Value};
use crate::num::{dot, Eigen, Matrix};

/// Features that targets are regressed on, with the eigenvectors of their covariance.
pub struct Features {
    /// Means, (p).
    means: Vec<f64>,
    /// Eigenvalues of `T'T / n`, (p).
    values: Vec<f64>,
    /// Its eigenvectors, one in each row, (p, p).
    vectors: Vec<f64>,
    /// The features themselves along the eigenvectors.
    own: Scores,
}

/// Features along the eigenvectors, (rows, p).
pub struct Scores {
    values: Vec<f64>,
    rows: usize,
}

/// A regression of targets on features.
pub struct Ridge<'a> {
    features: &'a Features,
    /// Means of the targets, (d).
    means: Vec<f64>,
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

impl Features {
    /// Of values, (rows, p). `None` where a value is not finite, or there is none.
    pub fn new<T: Value>(values: &[T], rows: usize) -> Option<Self> {
        let means = column_means(values, rows);
        if means.is_empty() || means.iter().any(|x| !x.is_finite()) {
            return None;
        }
        let p = means.len();
        let t = less(values, &means);
        let mut covariance = Matrix::new(&t, rows).transposed().times(Matrix::new(&t, rows));
        covariance.iter_mut().for_each(|c| *c /= rows as f64);
        let eigen = Eigen::of(&covariance, p)?;
        let vectors: Vec<f64> = (0..p).flat_map(|i| eigen.vector(i)).collect();
        // Eigenvalues that rounding made negative would be poles.
        let least = f64::EPSILON * p as f64 * eigen.values.iter().fold(0.0, |most: f64, s| most.max(*s));
        let values = eigen.values.iter().map(|s| if *s > least { *s } else { 0.0 }).collect();
        let own = Scores { values: along(&t, &vectors, rows), rows };
        Some(Features { means, values, vectors, own })
    }

    /// Mean variance: the scale of a strength.
    pub fn scale(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }

    /// These features themselves.
    pub fn own(&self) -> &Scores {
        &self.own
    }

    /// The same features of other samples, (rows, p).
    pub fn scores<T: Value>(&self, values: &[T], rows: usize) -> Scores {
        Scores { values: along(&less(values, &self.means), &self.vectors, rows), rows }
    }

    /// The regression of targets, (rows, d). `None` where a target is not finite, or there is none.
    pub fn fit<X: Value>(&self, targets: &[X]) -> Option<Ridge<'_>> {
        let rows = self.own.rows;
        let means = column_means(targets, rows);
        if means.is_empty() || means.iter().any(|x| !x.is_finite()) {
            return None;
        }
        let x = less(targets, &means);
        let mut along = Matrix::new(&self.own.values, rows).transposed().times(Matrix::new(&x, rows));
        along.iter_mut().for_each(|x| *x /= rows as f64);
        Some(Ridge { features: self, means, along })
    }

    /// `1 / (s + lambda)`; a direction without variance has no part.
    fn weights(&self, lambda: f64) -> Vec<f64> {
        self.values.iter().map(|s| if *s > 0.0 { 1.0 / (s + lambda) } else { 0.0 }).collect()
    }
}

impl Ridge<'_> {
    /// Predictions, (rows, d), at a strength.
    pub fn predict(&self, scores: &Scores, lambda: f64) -> Vec<f64> {
        let weights = self.features.weights(lambda);
        let weighted: Vec<f64> =
            scores.values.chunks_exact(weights.len()).flat_map(|row| times(row, &weights)).collect();
        let mut out = Matrix::new(&weighted, scores.rows).times(Matrix::new(&self.along, weights.len()));
        for row in out.chunks_exact_mut(self.means.len()) {
            row.iter_mut().zip(&self.means).for_each(|(x, mean)| *x += mean);
        }
        out
    }

    /// What the squared errors of targets, (rows, d), will be.
    pub fn errors<X: Value>(&self, scores: &Scores, targets: &[X]) -> Errors {
        let x = less(targets, &self.means);
        let (z, along) =
            (Matrix::new(&scores.values, scores.rows), Matrix::new(&self.along, self.features.values.len()));
        let cross = z.transposed().times(Matrix::new(&x, scores.rows));
        let d = self.means.len();
        let products = cross.chunks_exact(d).zip(self.along.chunks_exact(d));
        let linear = products.map(|(a, b)| dot(a, b)).collect();
        let quadratic = times(&z.transposed().times(z), &along.times(along.transposed())).collect();
        Errors { total: dot(&x, &x), linear, quadratic }
    }

    /// Sum of squared errors at a strength.
    pub fn error_at(&self, errors: &Errors, lambda: f64) -> f64 {
        let weights = self.features.weights(lambda);
        let rows = errors.quadratic.chunks_exact(weights.len());
        let quadratic: f64 = rows.zip(&weights).map(|(row, weight)| weight * dot(row, &weights)).sum();
        errors.total - 2.0 * dot(&errors.linear, &weights) + quadratic
    }
}

/// Centred samples along eigenvectors.
fn along(centred: &[f64], vectors: &[f64], rows: usize) -> Vec<f64> {
    let p = centred.len() / rows.max(1);
    Matrix::new(centred, rows).times(Matrix::new(vectors, p).transposed())
}

/// Products entry by entry.
fn times<'a>(a: &'a [f64], b: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    a.iter().zip(b).map(|(a, b)| a * b)
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
        let features = Features::new(&t, 3).unwrap();
        let ridge = features.fit(&x).unwrap();
        let at_5 = |lambda| ridge.predict(&features.scores(&[5.0], 1), lambda)[0];
        let found = at_5(1.0 / 3.0);
        assert!((found - (7.0 + 3.0 * 3.0 * (2.0 / 3.0))).abs() < 1e-12, "{found}");
        assert!((at_5(0.0) - 16.0).abs() < 1e-12);
    }

    #[test]
    fn the_errors_of_any_strength_are_those_of_the_predictions() {
        let (rows, p, d) = (30, 7, 4);
        let (t, x) = (normals(rows * p, 1), normals(rows * d, 2));
        let (other_t, other_x) = (normals(20 * p, 3), normals(20 * d, 4));
        let features = Features::new(&t, rows).unwrap();
        let (ridge, scores) = (features.fit(&x).unwrap(), features.scores(&other_t, 20));
        let errors = ridge.errors(&scores, &other_x);
        for lambda in [0.0, 0.01, 1.0, 100.0] {
            let predicted = ridge.predict(&scores, lambda);
            let sum: f64 = predicted.iter().zip(&other_x).map(|(a, b)| (a - b).powi(2)).sum();
            assert!((ridge.error_at(&errors, lambda) / sum - 1.0).abs() < 1e-12, "{lambda}");
        }
    }

    #[test]
    fn more_features_than_samples_are_no_trouble() {
        let features = Features::new(&normals(5 * 9, 5), 5).unwrap();
        let targets = normals(5 * 2, 6);
        let predicted = features.fit(&targets).unwrap().predict(features.own(), 0.0);
        assert!(predicted.iter().zip(&targets).all(|(a, b)| (a - b).abs() < 1e-9), "fits what it has seen");
        // Directions that did not vary have no part, as they have none for the least strength.
        let (ridge, scores) = (features.fit(&targets).unwrap(), features.scores(&normals(9, 7), 1));
        let both = ridge.predict(&scores, 0.0).into_iter().zip(ridge.predict(&scores, 1e-10));
        both.for_each(|(a, b)| assert!((a - b).abs() < 1e-6, "{a} against {b}"));
        assert!(Features::new(&[1.0, f64::NAN], 2).is_none() && Features::new::<f32>(&[], 0).is_none());
        assert!(features.fit(&[f64::INFINITY; 5]).is_none());
    }
}
