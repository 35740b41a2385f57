//! Rectifier on tensors of any shape.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::{values, wanted, with_values, Kernels};
use crate::engine::kernel::{relu as kernel, Spread};

/// max(x, 0), of the shape of `x`.
///
/// # Errors
/// If the tensor is not f32.
pub fn relu(kernels: Kernels, x: &Tensor) -> Result<Tensor> {
    match kernels {
        Kernels::Cpu(spread) => x.contiguous()?.apply_op1(Relu(spread)),
        Kernels::Candle => x.relu(),
    }
}

struct Relu(Spread);

impl CustomOp1 for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(x, layout)?;
        let mut out = vec![0.0; x.len()];
        kernel::forward(x, &mut out, self.0);
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        wanted(x, || with_values(x, |x| with_values(dy, |dy| Ok(kernel::backward(x, dy, self.0)))))
    }
}
