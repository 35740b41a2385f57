//! Batch normalisation with a member axis: on the batch's own statistics, or on given ones.

use candle_core::{bail, CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor, D};

use super::{members, one_member, values, wanted, with_values, Kernels};
use crate::engine::kernel::batch_norm::{self as kernel, Geometry, Moments};
use crate::engine::kernel::Spread;

/// Mean and biased variance of each channel of one batch-norm layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// (channels).
    pub mean: Vec<f32>,
    /// (channels).
    pub variance: Vec<f32>,
}

/// (m, batch, c, h, w) of `x` (mx, batch, c, h, w), `scale` and `shift` (ms, c), on the batch's own statistics.
///
/// # Errors
/// If the shapes do not fit, or a tensor is not f32.
pub fn batch_norm(kernels: Kernels, x: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<Tensor> {
    match kernels {
        Kernels::Cpu(spread) => {
            let op = BatchNorm { statistics: None, spread };
            x.contiguous()?.apply_op3(&scale.contiguous()?, &shift.contiguous()?, op)
        }
        Kernels::Candle => {
            let (m, batch, c, h, w) = x.dims5()?;
            let rows = x.transpose(1, 2)?.contiguous()?.reshape((m, c, batch * h * w))?;
            let mean = rows.mean_keepdim(D::Minus1)?;
            let variance = rows.broadcast_sub(&mean)?.sqr()?.mean_keepdim(D::Minus1)?;
            affine(x, &mean, &variance, scale, shift)
        }
    }
}

/// The same on given statistics, which are constants.
///
/// # Errors
/// If the shapes do not fit, or a tensor is not f32.
pub fn normalise(
    kernels: Kernels,
    x: &Tensor,
    scale: &Tensor,
    shift: &Tensor,
    statistics: &Statistics,
) -> Result<Tensor> {
    match kernels {
        Kernels::Cpu(spread) => {
            let op = BatchNorm { statistics: Some(given(statistics)), spread };
            x.contiguous()?.apply_op3(&scale.contiguous()?, &shift.contiguous()?, op)
        }
        Kernels::Candle => {
            let tensor = |values: &[f32]| Tensor::from_slice(values, (1, values.len(), 1), x.device());
            affine(x, &tensor(&statistics.mean)?, &tensor(&statistics.variance)?, scale, shift)
        }
    }
}

/// Statistics as the kernels take them.
pub(super) fn given(statistics: &Statistics) -> Vec<Moments> {
    let pairs = statistics.mean.iter().zip(&statistics.variance);
    pairs.map(|(mean, variance)| Moments { mean: *mean, variance: *variance }).collect()
}

/// Statistics of one member's batch `x` (1, batch, c, h, w).
///
/// # Errors
/// If `x` has another shape or is not f32.
pub fn moments(x: &Tensor) -> Result<Statistics> {
    let (_, batch, channels, height, width) = x.dims5()?;
    one_member(&[x.dim(0)?])?;
    let g = Geometry { batch, channels, positions: height * width };
    let moments = with_values(&x.to_device(&Device::Cpu)?, |x| Ok(kernel::moments(&g, x, Spread::Pool)))?;
    Ok(Statistics {
        mean: moments.iter().map(|moments| moments.mean).collect(),
        variance: moments.iter().map(|moments| moments.variance).collect(),
    })
}

/// (x - mean) / sqrt(variance + eps) * scale + shift, with statistics (m, c, 1) and parameters (m, c).
fn affine(x: &Tensor, mean: &Tensor, variance: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<Tensor> {
    let per_channel = |tensor: &Tensor| tensor.reshape((tensor.dim(0)?, 1, (), 1, 1));
    let inverse_std = (variance + kernel::EPSILON)?.sqrt()?.recip()?;
    x.broadcast_sub(&per_channel(mean)?)?
        .broadcast_mul(&per_channel(&inverse_std)?)?
        .broadcast_mul(&per_channel(scale)?)?
        .broadcast_add(&per_channel(shift)?)
}

struct BatchNorm {
    /// Given statistics; those of the batch where there are none.
    statistics: Option<Vec<Moments>>,
    spread: Spread,
}

/// The shape that the kernels see.
pub(super) fn geometry(x: &Shape, scale: &Shape, shift: &Shape) -> Result<Geometry> {
    let (_, batch, channels, height, width) = x.dims5()?;
    if scale.dims2()?.1 != channels || shift.dims2()?.1 != channels {
        bail!("scale {scale:?} and shift {shift:?} do not fit images {x:?}");
    }
    Ok(Geometry { batch, channels, positions: height * width })
}

impl CustomOp3 for BatchNorm {
    fn name(&self) -> &'static str {
        "member-batch-norm"
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
        let members = members(&[lx.dims()[0], lscale.dims()[0], lshift.dims()[0]])?;
        let x = values(x, lx)?;
        let moments = match &self.statistics {
            Some(moments) if moments.len() != g.channels => {
                bail!("statistics of {} channels for images of {}", moments.len(), g.channels)
            }
            Some(moments) => moments.clone(),
            None => kernel::moments(&g, x, self.spread),
        };
        let mut out = vec![0.0; members * g.batch * g.channels * g.positions];
        let (scale, shift) = (values(scale, lscale)?, values(shift, lshift)?);
        kernel::normalise(&g, x, &moments, scale, shift, &mut out, self.spread);
        let mut shape = lx.dims().to_vec();
        shape[0] = members;
        Ok((CpuStorage::F32(out), Shape::from(shape)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        scale: &Tensor,
        shift: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        if self.statistics.is_some() {
            bail!("no gradient through given statistics: train on those of the batch");
        }
        one_member(&[x.dim(0)?, scale.dim(0)?, shift.dim(0)?])?;
        let g = geometry(x.shape(), scale.shape(), shift.shape())?;
        let gradients = with_values(x, |x| {
            with_values(scale, |scale| with_values(dy, |dy| Ok(kernel::backward(&g, x, scale, dy, self.spread))))
        })?;
        let dx = wanted(x, || Ok(gradients.x))?;
        Ok((dx, wanted(scale, || Ok(gradients.scale))?, wanted(shift, || Ok(gradients.shift))?))
    }
}
