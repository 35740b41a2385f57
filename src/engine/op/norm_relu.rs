//! Batch-norm, rectifier and perhaps 2x2 max pooling as one operation without gradient, on the CPU.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::batch_norm::{geometry, given};
use super::{members, values, Statistics};
use crate::engine::kernel::batch_norm::{self, Moments};
use crate::engine::kernel::norm_relu_pool::{self as kernel, Pooling};
use crate::engine::kernel::Spread;

/// (m, batch, c, oh, ow) of `x` (mx, batch, c, h, w), `scale` and `shift` (ms, c), on the batch's own statistics or on
/// given ones; `pool` halves height and width.
///
/// # Errors
/// If the shapes do not fit, or a tensor is not f32 on the CPU.
pub fn norm_relu(
    spread: Spread,
    x: &Tensor,
    scale: &Tensor,
    shift: &Tensor,
    statistics: Option<&Statistics>,
    pool: bool,
) -> Result<Tensor> {
    let op = NormRelu { statistics: statistics.map(given), pool, spread };
    x.contiguous()?.apply_op3_no_bwd(&scale.contiguous()?, &shift.contiguous()?, &op)
}

struct NormRelu {
    statistics: Option<Vec<Moments>>,
    pool: bool,
    spread: Spread,
}

impl CustomOp3 for NormRelu {
    fn name(&self) -> &'static str {
        "member-norm-relu"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        scale: &CpuStorage,
        lscale: &Layout,
        shift: &CpuStorage,
        lshift: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let g = geometry(lx.shape(), lscale.shape(), lshift.shape())?;
        let (_, batch, channels, height, width) = lx.shape().dims5()?;
        let members = members(&[lx.dims()[0], lscale.dims()[0], lshift.dims()[0]])?;
        let x = values(x, lx)?;
        let moments = match &self.statistics {
            Some(moments) => moments.clone(),
            None => batch_norm::moments(&g, x, self.spread),
        };
        let (pooling, height, width) =
            if self.pool { (Pooling::Halve { width }, height / 2, width / 2) } else { (Pooling::None, height, width) };
        let mut out = vec![0.0; members * batch * channels * height * width];
        let (scale, shift) = (values(scale, lscale)?, values(shift, lshift)?);
        kernel::forward(&g, pooling, x, &moments, scale, shift, &mut out, self.spread);
        Ok((CpuStorage::F32(out), Shape::from((members, batch, channels, height, width))))
    }
}
