//! Matrix products of rows in slices, on all threads: of measured activations, and the rate that a machine can reach.

use rayon::prelude::*;

/// Rows of the result that one thread computes at a time. Fixed, because the bits of a product depend on its shape: so
/// they do not depend on how many threads there are.
const BLOCK: usize = 256;

/// The numbers that matrices are made of: f32 and f64.
pub trait Scalar: Copy + Send + Sync + 'static {
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
}

impl Scalar for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
}

impl Scalar for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
}

/// A matrix in a slice, row after row.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a, T> {
    values: &'a [T],
    rows: usize,
    columns: usize,
    /// Steps in the slice from one row to the next, and from one column to the next.
    steps: [usize; 2],
}

impl<'a, T: Scalar> Matrix<'a, T> {
    /// A matrix of `rows` rows.
    ///
    /// # Panics
    /// If the values cannot be shared out to so many rows.
    pub fn new(values: &'a [T], rows: usize) -> Self {
        let columns = values.len().checked_div(rows).unwrap_or(0);
        assert_eq!(rows * columns, values.len(), "{} values are no {rows} rows", values.len());
        Matrix { values, rows, columns, steps: [columns, 1] }
    }

    /// The matrix on its side: nothing is moved.
    #[must_use]
    pub fn transposed(self) -> Self {
        Matrix { rows: self.columns, columns: self.rows, steps: [self.steps[1], self.steps[0]], ..self }
    }

    /// The product with another matrix, row after row.
    ///
    /// # Panics
    /// If the other has not as many rows as this has columns.
    pub fn times(self, other: Matrix<'_, T>) -> Vec<T> {
        let mut out = vec![T::ZERO; self.rows * other.columns];
        self.times_into(other, &mut out);
        out
    }

    /// The product with another matrix, written to `out`, row after row.
    ///
    /// # Panics
    /// If the other has not as many rows as this has columns, or `out` has another size.
    pub fn times_into(self, other: Matrix<'_, T>, out: &mut [T]) {
        assert_eq!(self.columns, other.rows, "columns of the left matrix and rows of the right one");
        assert_eq!(out.len(), self.rows * other.columns, "values of the product");
        if out.is_empty() {
            return;
        }
        let columns = other.columns;
        let blocks = out.par_chunks_mut(BLOCK * columns).zip((0..self.rows).into_par_iter().step_by(BLOCK));
        blocks.for_each(|(out, first)| {
            let rows = out.len() / columns;
            // Where there is nothing to add up, no pointer is followed.
            let start = if self.columns == 0 { 0 } else { first * self.steps[0] };
            let [left, right] = [&self.values[start..], other.values];
            // SAFETY: `gemm` reads rows x self.columns values of `left` and self.columns x columns of `right` and writes
            // rows x columns of `out`. Both matrices hold rows * columns values in rows of their columns or, transposed,
            // the other way, so the greatest index they are asked for is the last of their slice; `left` begins at a row of
            // the block, whose rows the matrix has. `out` is borrowed mutably and holds exactly rows x columns values. T is
            // f32 or f64, which `gemm` accepts. With `read_dst` false the factor of `out` is never used.
            unsafe {
                gemm::gemm(
                    rows,
                    columns,
                    self.columns,
                    out.as_mut_ptr(),
                    1,
                    columns as isize,
                    false,
                    left.as_ptr(),
                    self.steps[1] as isize,
                    self.steps[0] as isize,
                    right.as_ptr(),
                    other.steps[1] as isize,
                    other.steps[0] as isize,
                    T::ZERO,
                    T::ONE,
                    false,
                    false,
                    false,
                    gemm::Parallelism::None,
                );
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_definition_at_any_size_and_on_their_sides() {
        for [n, m, k] in [[1, 1, 1], [2, 3, 4], [33, 5, 70], [300, 7, 150], [3, 4, 0], [0, 4, 3]] {
            let a: Vec<f32> = (0..n * k).map(|i| (i % 7) as f32 - 3.0).collect();
            let b: Vec<f32> = (0..k * m).map(|i| (i % 5) as f32 - 2.0).collect();
            // Small integers: every sum is exact in f32, in any order.
            let at = |i: usize, j: usize| (0..k).map(|l| a[i * k + l] * b[l * m + j]).sum::<f32>();
            let expected: Vec<f32> = (0..n * m).map(|x| at(x / m, x % m)).collect();
            let turned = |x: &[f32], rows: usize, columns: usize| -> Vec<f32> {
                (0..x.len()).map(|i| x[i % rows * columns + i / rows]).collect()
            };
            let (a_turned, b_turned) = (turned(&a, n, k), turned(&b, k, m));
            let [left, right] = [
                Matrix { values: &a[..], rows: n, columns: k, steps: [k, 1] },
                Matrix { values: &b[..], rows: k, columns: m, steps: [m, 1] },
            ];
            let left_turned = Matrix { values: &a_turned[..], rows: k, columns: n, steps: [n, 1] }.transposed();
            let right_turned = Matrix { values: &b_turned[..], rows: m, columns: k, steps: [k, 1] }.transposed();
            for (left, right) in
                [(left, right), (left_turned, right), (left, right_turned), (left_turned, right_turned)]
            {
                assert_eq!(left.times(right), expected, "{n} x {k} x {m}");
            }
            let wide = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect::<Vec<f64>>();
            let (a, b) = (wide(&a), wide(&b));
            let (left, right) = (
                Matrix { values: &a[..], rows: n, columns: k, steps: [k, 1] },
                Matrix { values: &b[..], rows: k, columns: m, steps: [m, 1] },
            );
            assert_eq!(left.times(right), wide(&expected));
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        let a: Vec<f32> = (0..700 * 90).map(|i| ((i * i) % 101) as f32 / 17.0 - 2.5).collect();
        let gram = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Matrix::new(&a, 700).times(Matrix::new(&a, 700).transposed()))
        };
        assert_eq!(gram(1), gram(3));
    }

    #[test]
    #[should_panic(expected = "8 values are no 3 rows")]
    fn a_matrix_that_is_too_short_is_refused() {
        let _ = Matrix::new(&[0.0f32; 8], 3);
    }

    #[test]
    #[should_panic(expected = "columns of the left matrix and rows of the right one")]
    fn matrices_that_do_not_fit_are_refused() {
        let a = [0.0f32; 6];
        let _ = Matrix::new(&a, 2).times(Matrix::new(&a, 2));
    }
}
