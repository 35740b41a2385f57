//! The rate of a large matrix product on a device: what it can do at most.

use std::time::Instant;

use candle_core::{Device, Result, Tensor};

use super::operations::Operations;

/// Products that are timed together, and how often.
const TOGETHER: usize = 8;
const TIMES: usize = 5;

/// Best of several products of `size` x `size` matrices, in 10^9 floating-point operations a second.
///
/// # Errors
/// Candle's.
pub fn product_gflops(device: &Device, operations: &dyn Operations, size: usize) -> Result<f64> {
    // Values that stay normal numbers, whatever is summed.
    let values = |step: usize| (0..size * size).map(move |i| (i * step % 61) as f32 / 61.0 - 0.5);
    let a = Tensor::from_iter(values(7), device)?.reshape((1, size, size))?;
    let b = Tensor::from_iter(values(13), device)?.reshape((size, size))?;
    let mut best = f64::INFINITY;
    // The first does not count: it wakes the device and chooses the library's kernel.
    for time in 0..=TIMES {
        let began = Instant::now();
        for _ in 0..TOGETHER {
            operations.product(&a, &b)?;
        }
        device.synchronize()?;
        if time > 0 {
            best = best.min(began.elapsed().as_secs_f64() / TOGETHER as f64);
        }
    }
    Ok(2.0 * (size as f64).powi(3) / best / 1e9)
}
