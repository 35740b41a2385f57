//! Convolution with a member axis.

use candle_core::{bail, CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

use super::{member, members, one_member, values, with_values, Kernels};
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
        Kernels::Cpu(spread) => {
            let op = Conv2d { stride, padding, spread };
            let (x, weight) = (x.contiguous()?, weight.contiguous()?);
            match bias {
                Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, op),
                None => x.apply_op2(&weight, op),
            }
        }
        Kernels::Candle => {
            let axes = [x.dim(0)?, weight.dim(0)?, bias.map_or(Ok(1), |bias| bias.dim(0))?];
            let one = |i: usize| {
                let y = member(x, i)?.conv2d(&member(weight, i)?, padding, stride, 1, 1)?;
                match bias {
                    Some(bias) => y.broadcast_add(&member(bias, i)?.reshape((1, (), 1, 1))?),
                    None => Ok(y),
                }
            };
            Tensor::stack(&(0..members(&axes)?).map(one).collect::<Result<Vec<_>>>()?, 0)
        }
    }
}

struct Conv2d {
    stride: usize,
    padding: usize,
    spread: Spread,
}

impl Conv2d {
    fn geometry(&self, x: &Shape, weight: &Shape) -> Result<Geometry> {
        let (_, batch, channels, height, width) = x.dims5()?;
        let (_, filters, weight_channels, kernel, kernel_width) = weight.dims5()?;
        let fits = kernel <= height.min(width) + 2 * self.padding && channels == weight_channels;
        if !fits || kernel != kernel_width {
            bail!("weight {weight:?} does not fit images {x:?}");
        }
        let Conv2d { stride, padding, .. } = *self;
        Ok(Geometry { batch, channels, height, width, filters, kernel, stride, padding })
    }

    fn forward(
        &self,
        x: (&CpuStorage, &Layout),
        weight: (&CpuStorage, &Layout),
        bias: Option<(&CpuStorage, &Layout)>,
    ) -> Result<(CpuStorage, Shape)> {
        let g = self.geometry(x.1.shape(), weight.1.shape())?;
        let bias_members = bias.map_or(1, |(_, layout)| layout.dims()[0]);
        let members = members(&[x.1.dims()[0], weight.1.dims()[0], bias_members])?;
        let mut out = vec![0.0; members * g.batch * g.output_len()];
        let bias = bias.map(|(storage, layout)| values(storage, layout)).transpose()?;
        kernel::forward(&g, values(x.0, x.1)?, values(weight.0, weight.1)?, bias, &mut out, self.spread);
        let shape = Shape::from((members, g.batch, g.filters, g.out_height(), g.out_width()));
        Ok((CpuStorage::F32(out), shape))
    }

    /// Gradients of input and weight, each only where it is asked for.
    fn backward(&self, x: &Tensor, weight: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        one_member(&[x.dim(0)?, weight.dim(0)?])?;
        let g = self.geometry(x.shape(), weight.shape())?;
        let wanted = |tensor: &Tensor, gradient: &dyn Fn(&[f32]) -> Result<Vec<f32>>| {
            let gradient = || with_values(dy, gradient);
            tensor.track_op().then(|| Tensor::from_vec(gradient()?, tensor.shape(), tensor.device())).transpose()
        };
        let dx = wanted(x, &|dy| with_values(weight, |w| Ok(kernel::input_gradient(&g, w, dy, self.spread))))?;
        let dw = wanted(weight, &|dy| with_values(x, |x| Ok(kernel::weight_gradient(&g, x, dy, self.spread))))?;
        Ok((dx, dw))
    }
}

impl CustomOp2 for Conv2d {
    fn name(&self) -> &'static str {
        "member-conv2d"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, w: &CpuStorage, lw: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward((x, lx), (w, lw), None)
    }

    fn bwd(&self, x: &Tensor, weight: &Tensor, _: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        self.backward(x, weight, dy)
    }
}

impl CustomOp3 for Conv2d {
    fn name(&self) -> &'static str {
        "member-conv2d-bias"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
        b: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward((x, lx), (w, lw), Some((b, lb)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (dx, dw) = self.backward(x, weight, dy)?;
        let g = self.geometry(x.shape(), weight.shape())?;
        let bias_gradient = || with_values(dy, |dy| Ok(kernel::bias_gradient(&g, dy)));
        let wanted = bias.track_op();
        let db = wanted.then(|| Tensor::from_vec(bias_gradient()?, bias.shape(), bias.device())).transpose()?;
        Ok((dx, dw, db))
    }
}
