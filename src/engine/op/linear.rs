//! Linear layer with a member axis.

use candle_core::{bail, Result, Tensor};

use super::weighted::{by_candle, by_kernels, Layer};
use super::Kernels;
use crate::engine::kernel::linear::{self as kernel, Geometry};
use crate::engine::kernel::Spread;

/// (m, batch, outputs) of `x` (mx, batch, inputs), `weight` (mw, outputs, inputs) and `bias` (mb, outputs).
///
/// # Errors
/// If the shapes do not fit, or a tensor is not f32.
pub fn linear(kernels: Kernels, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    match kernels {
        Kernels::Cpu(spread) => by_kernels(geometry(x, weight)?, spread, x, weight, bias),
        Kernels::Candle => by_candle(x, weight, bias, |x, weight| x.contiguous()?.matmul(&weight.t()?)),
    }
}

fn geometry(x: &Tensor, weight: &Tensor) -> Result<Geometry> {
    let ((_, batch, inputs), (_, outputs, weight_inputs)) = (x.dims3()?, weight.dims3()?);
    if inputs != weight_inputs {
        bail!("weight {:?} does not fit features {:?}", weight.shape(), x.shape());
    }
    Ok(Geometry { batch, inputs, outputs })
}

impl Layer for Geometry {
    const NAME: &'static str = "member-linear";

    fn output(&self) -> Vec<usize> {
        vec![self.batch, self.outputs]
    }

    fn units(&self) -> usize {
        self.outputs
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
