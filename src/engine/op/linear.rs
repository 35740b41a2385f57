//! Linear layer with a member axis.

use candle_core::{bail, CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

use super::{member, members, one_member, values, with_values, Kernels};
use crate::engine::kernel::linear::{self as kernel, Geometry};
use crate::engine::kernel::Spread;

/// (m, batch, outputs) of `x` (mx, batch, inputs), `weight` (mw, outputs, inputs) and `bias` (mb, outputs).
///
/// # Errors
/// If the shapes do not fit, or a tensor is not f32.
pub fn linear(kernels: Kernels, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    match kernels {
        Kernels::Cpu(spread) => {
            let op = Linear { spread };
            let (x, weight) = (x.contiguous()?, weight.contiguous()?);
            match bias {
                Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, op),
                None => x.apply_op2(&weight, op),
            }
        }
        Kernels::Candle => {
            let axes = [x.dim(0)?, weight.dim(0)?, bias.map_or(Ok(1), |bias| bias.dim(0))?];
            let one = |i: usize| {
                let y = member(x, i)?.contiguous()?.matmul(&member(weight, i)?.t()?)?;
                match bias {
                    Some(bias) => y.broadcast_add(&member(bias, i)?),
                    None => Ok(y),
                }
            };
            Tensor::stack(&(0..members(&axes)?).map(one).collect::<Result<Vec<_>>>()?, 0)
        }
    }
}

struct Linear {
    spread: Spread,
}

fn geometry(x: &Shape, weight: &Shape) -> Result<Geometry> {
    let ((_, batch, inputs), (_, outputs, weight_inputs)) = (x.dims3()?, weight.dims3()?);
    if inputs != weight_inputs {
        bail!("weight {weight:?} does not fit features {x:?}");
    }
    Ok(Geometry { batch, inputs, outputs })
}

impl Linear {
    fn forward(
        &self,
        x: (&CpuStorage, &Layout),
        weight: (&CpuStorage, &Layout),
        bias: Option<(&CpuStorage, &Layout)>,
    ) -> Result<(CpuStorage, Shape)> {
        let g = geometry(x.1.shape(), weight.1.shape())?;
        let bias_members = bias.map_or(1, |(_, layout)| layout.dims()[0]);
        let members = members(&[x.1.dims()[0], weight.1.dims()[0], bias_members])?;
        let mut out = vec![0.0; members * g.batch * g.outputs];
        let bias = bias.map(|(storage, layout)| values(storage, layout)).transpose()?;
        kernel::forward(&g, values(x.0, x.1)?, values(weight.0, weight.1)?, bias, &mut out, self.spread);
        Ok((CpuStorage::F32(out), Shape::from((members, g.batch, g.outputs))))
    }

    /// Gradients of input and weight, each only where it is asked for.
    fn backward(&self, x: &Tensor, weight: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        one_member(&[x.dim(0)?, weight.dim(0)?])?;
        let g = geometry(x.shape(), weight.shape())?;
        let wanted = |tensor: &Tensor, gradient: &dyn Fn(&[f32]) -> Result<Vec<f32>>| {
            let gradient = || with_values(dy, gradient);
            tensor.track_op().then(|| Tensor::from_vec(gradient()?, tensor.shape(), tensor.device())).transpose()
        };
        let dx = wanted(x, &|dy| with_values(weight, |w| Ok(kernel::input_gradient(&g, w, dy, self.spread))))?;
        let dw = wanted(weight, &|dy| with_values(x, |x| Ok(kernel::weight_gradient(&g, x, dy, self.spread))))?;
        Ok((dx, dw))
    }
}

impl CustomOp2 for Linear {
    fn name(&self) -> &'static str {
        "member-linear"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, w: &CpuStorage, lw: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward((x, lx), (w, lw), None)
    }

    fn bwd(&self, x: &Tensor, weight: &Tensor, _: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        self.backward(x, weight, dy)
    }
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "member-linear-bias"
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
        let g = geometry(x.shape(), weight.shape())?;
        let bias_gradient = || with_values(dy, |dy| Ok(kernel::bias_gradient(&g, dy)));
        let wanted = bias.track_op();
        let db = wanted.then(|| Tensor::from_vec(bias_gradient()?, bias.shape(), bias.device())).transpose()?;
        Ok((dx, dw, db))
    }
}
