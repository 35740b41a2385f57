//! One large matrix product on all threads: the rate that a machine can reach, against which everything else is held.

/// `out = a * b` for matrices of `n` rows and columns, row-major, on all threads of the current pool.
///
/// # Panics
/// If a slice does not hold `n * n` values.
pub fn square_product(out: &mut [f32], n: usize, a: &[f32], b: &[f32]) {
    let values = n.checked_mul(n).expect("a matrix fits into memory");
    assert_eq!([out.len(), a.len(), b.len()], [values; 3], "each matrix is {n} x {n}");
    // SAFETY: the assert above makes each slice exactly the n x n values that rows of stride n and columns of stride 1
    // reach, `out` is borrowed mutably and cannot overlap the factors, and f32 is one of the types that `gemm` accepts.
    // With `read_dst` false the factor of `out` is never used.
    unsafe {
        gemm::gemm(
            n,
            n,
            n,
            out.as_mut_ptr(),
            1,
            n as isize,
            false,
            a.as_ptr(),
            1,
            n as isize,
            b.as_ptr(),
            1,
            n as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::Rayon(rayon::current_num_threads()),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_definition_at_any_size() {
        for n in [1, 2, 33, 150] {
            let a: Vec<f32> = (0..n * n).map(|i| (i % 7) as f32 - 3.0).collect();
            let b: Vec<f32> = (0..n * n).map(|i| (i % 5) as f32 - 2.0).collect();
            let mut out = vec![f32::NAN; n * n];
            square_product(&mut out, n, &a, &b);
            // Small integers: every sum is exact in f32, in any order.
            let at = |i: usize, j: usize| (0..n).map(|l| a[i * n + l] * b[l * n + j]).sum::<f32>();
            assert!((0..n * n).all(|x| out[x] == at(x / n, x % n)), "{n}");
        }
    }

    #[test]
    #[should_panic(expected = "each matrix is 3 x 3")]
    fn a_matrix_that_is_too_short_is_refused() {
        square_product(&mut [0.0; 9], 3, &[0.0; 9], &[0.0; 8]);
    }
}
