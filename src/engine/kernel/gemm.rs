//! Matrix product on slices: a checked wrapper of the `gemm` crate, which picks AVX-512, AVX2, NEON or plain code at run
//! time. One thread: callers spread over images and members instead, so that the shape of a product never changes.

/// A matrix inside a slice: element (i, j) stands at `i * row + j * column`.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    data: &'a [f32],
    row: usize,
    column: usize,
}

impl<'a> Matrix<'a> {
    /// Rows one after another, `width` values each.
    pub fn rows(data: &'a [f32], width: usize) -> Self {
        Matrix { data, row: width, column: 1 }
    }

    /// The transpose.
    pub fn t(self) -> Self {
        Matrix { row: self.column, column: self.row, ..self }
    }

    fn holds(&self, rows: usize, columns: usize) -> bool {
        rows > 0 && columns > 0 && (rows - 1) * self.row + (columns - 1) * self.column < self.data.len()
    }
}

/// `out = a * b`, or `out += a * b` with `accumulate`; `out` is (m, n) row-major, a is (m, k), b is (k, n).
///
/// # Panics
/// If a slice is too short for its matrix.
pub fn product(out: &mut [f32], [m, n, k]: [usize; 3], a: Matrix<'_>, b: Matrix<'_>, accumulate: bool) {
    assert_eq!(out.len(), m * n, "the product is {m} x {n}");
    assert!(a.holds(m, k) && b.holds(k, n), "a factor is shorter than {m} x {k} times {k} x {n}");
    // SAFETY: the asserts above keep every element that a product of these sizes reads or writes inside its slice, the
    // strides are those of the checked views, `out` is borrowed mutably and cannot overlap the factors, and f32 is one
    // of the types that `gemm` accepts.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            accumulate,
            a.data.as_ptr(),
            a.column as isize,
            a.row as isize,
            b.data.as_ptr(),
            b.column as isize,
            b.row as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_views_and_transposes_are_those_of_the_definition() {
        let a: Vec<f32> = (0..6).map(|x| x as f32).collect(); // 2 x 3
        let b: Vec<f32> = (0..12).map(|x| (x * x) as f32).collect(); // 3 x 4
        let mut out = vec![1.0; 8];
        product(&mut out, [2, 4, 3], Matrix::rows(&a, 3), Matrix::rows(&b, 4), true);
        let at = |i: usize, j: usize| 1.0 + (0..3).map(|l| a[i * 3 + l] * b[l * 4 + j]).sum::<f32>();
        assert_eq!(out, (0..8).map(|x| at(x / 4, x % 4)).collect::<Vec<_>>());
        let mut transposed = vec![9.0; 8];
        product(&mut transposed, [4, 2, 3], Matrix::rows(&b, 4).t(), Matrix::rows(&a, 3).t(), false);
        assert!((0..8).all(|x| transposed[x] == at(x % 2, x / 2) - 1.0));
    }

    #[test]
    #[should_panic(expected = "a factor is shorter")]
    fn a_factor_that_is_too_short_is_refused() {
        product(&mut [0.0; 4], [2, 2, 3], Matrix::rows(&[0.0; 5], 3), Matrix::rows(&[0.0; 6], 2), false);
    }
}
