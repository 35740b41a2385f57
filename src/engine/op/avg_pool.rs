//! Average pooling with a member axis.

use candle_core::{Result, Tensor};

/// (m, batch, c, oh, ow) of `x` (m, batch, c, h, w): the sum of the window's shifted views over its size, so that any
/// stride has a gradient.
///
/// # Errors
/// If the window does not fit the image.
pub fn avg_pool(x: &Tensor, size: usize, stride: usize) -> Result<Tensor> {
    let (.., height, width) = x.dims5()?;
    let side = |n: usize| (n - size) / stride + 1;
    let (out_h, out_w) = (side(height), side(width));
    let every = |from: usize, count: usize| -> Result<Tensor> {
        Tensor::from_iter((0..count).map(|i| (from + i * stride) as u32), x.device())
    };
    let mut sum: Option<Tensor> = None;
    for dy in 0..size {
        let rows = x.index_select(&every(dy, out_h)?, 3)?;
        for dx in 0..size {
            let view = rows.index_select(&every(dx, out_w)?, 4)?;
            sum = Some(match sum {
                Some(sum) => (sum + view)?,
                None => view,
            });
        }
    }
    let sum = sum.ok_or_else(|| candle_core::Error::Msg("a window of 0".to_string()))?;
    sum / (size * size) as f64
}
