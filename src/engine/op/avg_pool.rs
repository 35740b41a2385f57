//! Average pooling with a member axis.

use candle_core::{Result, Tensor};

use super::window_views;

/// (m, batch, c, oh, ow) of `x` (m, batch, c, h, w), with a gradient for any stride.
///
/// # Errors
/// If the window does not fit the image.
pub fn avg_pool(x: &Tensor, size: usize, stride: usize) -> Result<Tensor> {
    let views = window_views(x, size, stride)?;
    let sum = views[1..].iter().try_fold(views[0].clone(), |sum, view| sum + view)?;
    sum / (size * size) as f64
}
