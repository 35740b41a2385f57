//! Convolution with a member axis.

use candle_core::{bail, Result, Tensor};

use super::weighted::{by_candle, by_kernels, Layer};
use super::Kernels;
use crate::engine::kernel::conv::{self as kernel, Geometry};
use crate::engine::kernel::Spread;

/// (m, batch, filters, oh, ow) of `x` (mx, batch, c, h, w), `weight` (mw, filters, c, k, k) and `bias` (mb, filters).
///
/// # Errors
/// If the shapes do not fit, or a tensor is not f32.
pub fn conv2d(
    kernels: Kernels,
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: usize,
    padding: usize,
) -> Result<Tensor> {
    match kernels {
        Kernels::Cpu(spread) => by_kernels(geometry(x, weight, stride, padding)?, spread, x, weight, bias),
        Kernels::Candle => {
            let bias = bias.map(|bias| bias.reshape((bias.dim(0)?, (), 1, 1))).transpose()?;
            by_candle(x, weight, bias.as_ref(), |x, weight| x.conv2d(weight, padding, stride, 1, 1))
        }
    }
}

fn geometry(x: &Tensor, weight: &Tensor, stride: usize, padding: usize) -> Result<Geometry> {
    let (_, batch, channels, height, width) = x.dims5()?;
    let (_, filters, weight_channels, kernel, kernel_width) = weight.dims5()?;
    let fits = kernel == kernel_width && kernel <= height.min(width) + 2 * padding && channels == weight_channels;
    if !fits || stride == 0 {
        bail!(
            "weight {:?} by steps of {stride} with padding {padding} does not fit images {:?}",
            weight.shape(),
            x.shape()
        );
    }
    Ok(Geometry { batch, channels, height, width, filters, kernel, stride, padding })
}

impl Layer for Geometry {
    const NAME: &'static str = "member-conv2d";

    fn output(&self) -> Vec<usize> {
        vec![self.batch, self.filters, self.out_height(), self.out_width()]
    }

    fn units(&self) -> usize {
        self.filters
    }

    fn forward(&self, x: &[f32], w: &[f32], bias: Option<&[f32]>, out: &mut [f32], spread: Spread) {
        kernel::forward(self, x, w, bias, out, spread);
    }

    fn input_gradient(&self, w: &[f32], dy: &[f32], spread: Spread) -> Vec<f32> {
        kernel::input_gradient(self, w, dy, spread)
    }

    fn weight_gradient(&self, x: &[f32], dy: &[f32], spread: Spread) -> Vec<f32> {
        kernel::weight_gradient(self, x, dy, spread)
    }

    fn bias_gradient(&self, dy: &[f32]) -> Vec<f32> {
        kernel::bias_gradient(self, dy)
    }
}
