//! Batch-norm's statistics: from those of the images, in their order and in f64.

use crate::engine::statistics::{Statistics, EPSILON};

/// Mean and biased variance of each lane from the means and squared distances of the images, in f64 and in their order.
pub fn join(mean: &[f32], squares: &[f32], lanes: usize, batch: usize, pixels: usize) -> (Vec<f32>, Vec<f32>) {
    let of = |values: &[f32], image: usize, lane: usize| f64::from(values[image * lanes + lane]);
    (0..lanes)
        .map(|lane| {
            let total: f64 = (0..batch).map(|image| of(mean, image, lane)).sum();
            let all = total / batch as f64;
            let inside: f64 = (0..batch).map(|image| of(squares, image, lane)).sum();
            let between: f64 = (0..batch).map(|image| (of(mean, image, lane) - all).powi(2)).sum();
            let variance = (inside + between * pixels as f64) / (batch * pixels) as f64;
            (all as f32, variance as f32)
        })
        .unzip()
}

/// 1 / sqrt(variance + eps).
pub fn inverse_std(variance: f32) -> f32 {
    (1.0 / (f64::from(variance) + EPSILON).sqrt()) as f32
}

/// Mean and 1 / sqrt(variance + eps) of some channels of given statistics.
pub fn given(statistics: &Statistics, channels: &[usize]) -> (Vec<f32>, Vec<f32>) {
    let mean = channels.iter().map(|channel| statistics.mean[*channel]).collect();
    let inverse = channels.iter().map(|channel| inverse_std(statistics.variance[*channel])).collect();
    (mean, inverse)
}
