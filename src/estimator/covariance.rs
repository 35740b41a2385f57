//! Centred samples and the spectra of their covariance, through the smaller of the two Gram matrices.

use crate::num::{Eigen, Matrix};

/// Numbers that samples are made of: f32 and f64.
pub trait Value: Copy + Into<f64> + Send + Sync {}

impl<T: Copy + Into<f64> + Send + Sync> Value for T {}

/// Samples in rows, each column less its mean, in f64.
pub fn centred<T: Value>(values: &[T], rows: usize) -> Vec<f64> {
    let means = column_means(values, rows);
    let columns = means.len().max(1);
    let mut out: Vec<f64> = values.iter().map(|x| (*x).into()).collect();
    for row in out.chunks_exact_mut(columns) {
        row.iter_mut().zip(&means).for_each(|(x, mean)| *x -= mean);
    }
    out
}

/// Mean of each column, in f64. That of equal values is their value to the last bit, so that what does not vary has no variance.
pub fn column_means<T: Value>(values: &[T], rows: usize) -> Vec<f64> {
    let columns = values.len().checked_div(rows).unwrap_or(0);
    let first: Vec<f64> = values.iter().take(columns).map(|x| (*x).into()).collect();
    let mut beyond = vec![0.0; columns];
    for row in values.chunks_exact(columns.max(1)) {
        for ((sum, x), first) in beyond.iter_mut().zip(row).zip(&first) {
            *sum += (*x).into() - first;
        }
    }
    first.iter().zip(&beyond).map(|(first, sum)| first + sum / rows as f64).collect()
}

/// `A A'` or `A' A`, whichever is smaller, of a matrix `A` of so many rows, and its side: both have the same eigenvalues
/// but for zeros.
pub fn smaller_gram(values: &[f64], rows: usize) -> (Vec<f64>, usize) {
    let matrix = Matrix::new(values, rows);
    let columns = values.len().checked_div(rows).unwrap_or(0);
    if rows <= columns {
        (matrix.times(matrix.transposed()), rows)
    } else {
        (matrix.transposed().times(matrix), columns)
    }
}

/// Singular values of a matrix of so many rows, the greatest first, as many as its smaller side. `None` where an entry is
/// not finite. By the smaller Gram matrix: those below about 1e-8 of the greatest are rounding.
pub fn singular_values(values: &[f64], rows: usize) -> Option<Vec<f64>> {
    let (gram, side) = smaller_gram(values, rows);
    singular_of_gram(&gram, side)
}

/// Singular values of the matrix that this is the [`smaller_gram`] of.
pub fn singular_of_gram(gram: &[f64], side: usize) -> Option<Vec<f64>> {
    Some(descending(Eigen::values_of(gram, side)?).iter().map(|x| x.sqrt()).collect())
}

/// Eigenvalues of the sample covariance (divisor n - 1), the greatest first, as many as the smaller of samples and
/// columns. `None` for fewer than two samples, or where a value is not finite.
pub fn covariance_eigenvalues<T: Value>(values: &[T], rows: usize) -> Option<Vec<f64>> {
    if rows < 2 {
        return None;
    }
    let (gram, side) = smaller_gram(&centred(values, rows), rows);
    Some(descending(Eigen::values_of(&gram, side)?).iter().map(|x| x / (rows - 1) as f64).collect())
}

/// The greatest first; what rounding made negative is 0.
fn descending(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(|a, b| b.total_cmp(a));
    values.iter_mut().for_each(|x| *x = x.max(0.0));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_side_gives_the_same_spectrum() {
        // Singular values of [[3, 0, 0], [0, 0, 4]] and of its transpose.
        for rows in [2, 3] {
            let mut values = [0.0; 6];
            values[0] = 3.0;
            values[if rows == 2 { 5 } else { 3 }] = 4.0;
            assert_eq!(singular_values(&values, rows).unwrap(), [4.0, 3.0]);
        }
    }

    #[test]
    fn covariance_divides_by_n_minus_1_whatever_the_offset() {
        // Two columns of mean 100: (-1, 0, 1) and (2, -4, 2), uncorrelated.
        let values = [99.0f32, 102.0, 100.0, 96.0, 101.0, 102.0];
        let found = covariance_eigenvalues(&values, 3).unwrap();
        assert!((found[0] - 12.0).abs() < 1e-12 && (found[1] - 1.0).abs() < 1e-12, "{found:?}");
        assert_eq!(column_means(&values, 3), [100.0, 100.0]);
    }

    #[test]
    fn what_is_not_finite_has_no_spectrum() {
        assert!(covariance_eigenvalues(&[1.0, f64::NAN, 2.0, 3.0], 2).is_none());
        assert!(covariance_eigenvalues(&[1.0, 2.0], 1).is_none());
        assert!(singular_values(&[1.0, f64::INFINITY], 1).is_none());
    }
}
