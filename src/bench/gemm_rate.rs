//! The rate of a large f32 matrix product on all threads, measured in this process: what the machine can do at most.

use std::time::{Duration, Instant};

use crate::num::Matrix;

/// Rows and columns of the matrices.
const SIZE: usize = 1_024;

/// Products that are timed at least, and for how long they go on beyond that.
const LEAST: usize = 5;
const LONG_ENOUGH: Duration = Duration::from_millis(250);

/// Best of several products of 1024 x 1024 matrices, in 10^9 floating-point operations a second.
pub fn gemm_gflops() -> f64 {
    // Values that stay normal numbers, whatever is summed.
    let values = |step: usize| (0..SIZE * SIZE).map(|i| (i * step % 61) as f32 / 61.0 - 0.5).collect::<Vec<f32>>();
    let (a, b, mut out) = (values(7), values(13), vec![0.0; SIZE * SIZE]);
    // The first product wakes the threads and fills the pages.
    Matrix::new(&a, SIZE).times_into(Matrix::new(&b, SIZE), &mut out);
    let (began, mut done, mut best) = (Instant::now(), 0, f64::INFINITY);
    while done < LEAST || began.elapsed() < LONG_ENOUGH {
        let start = Instant::now();
        Matrix::new(&a, SIZE).times_into(Matrix::new(&b, SIZE), &mut out);
        best = best.min(start.elapsed().as_secs_f64());
        done += 1;
    }
    std::hint::black_box(&out);
    2.0 * (SIZE as f64).powi(3) / best / 1e9
}
