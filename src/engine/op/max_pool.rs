//! Max pooling with a member axis.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::{image_size, values, wanted, window_views, with_values, Kernels};
use crate::engine::kernel::max_pool::{self as kernel, Geometry};
use crate::engine::kernel::Spread;

/// (m, batch, c, oh, ow) of `x` (m, batch, c, h, w).
///
/// # Errors
/// If the shapes do not fit, or the tensor is not f32.
pub fn max_pool(kernels: Kernels, x: &Tensor, size: usize, stride: usize) -> Result<Tensor> {
    match kernels {
        Kernels::Cpu(spread) => x.contiguous()?.apply_op1(MaxPool { size, stride, spread }),
        // Not `max_pool2d`: in candle 0.11 its gradient is divided by the size of the window.
        Kernels::Candle => {
            let views = window_views(x, size, stride)?;
            views[1..].iter().try_fold(views[0].clone(), |greatest, view| greatest.maximum(view))
        }
    }
}

struct MaxPool {
    size: usize,
    stride: usize,
    spread: Spread,
}

impl MaxPool {
    fn geometry(&self, x: &Shape) -> Result<Geometry> {
        let (height, width) = image_size(x, self.size, self.stride)?;
        Ok(Geometry { height, width, size: self.size, stride: self.stride })
    }
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "member-max-pool"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (m, batch, c, ..) = layout.shape().dims5()?;
        let g = self.geometry(layout.shape())?;
        let shape = Shape::from((m, batch, c, g.out_height(), g.out_width()));
        let mut out = vec![0.0; shape.elem_count()];
        kernel::forward(&g, values(x, layout)?, &mut out, self.spread);
        Ok((CpuStorage::F32(out), shape))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let g = self.geometry(x.shape())?;
        wanted(x, || with_values(x, |x| with_values(dy, |dy| Ok(kernel::backward(&g, x, dy, self.spread)))))
    }
}
