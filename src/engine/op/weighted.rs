//! Layers that are linear in their input and in their weight, as custom operations: what convolutions and linear layers
//! share between candle's tensors and the kernels' slices.

use candle_core::{bail, CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

use super::{member, members, one_member, values, wanted, with_values};
use crate::engine::kernel::Spread;

/// The kernels of a layer whose shape is known. Arguments and results are as in [`crate::engine::kernel`].
pub(super) trait Layer: Send + Sync + 'static {
    /// The operation's name in candle's messages.
    const NAME: &'static str;

    /// Shape of one member's output, batch first.
    fn output(&self) -> Vec<usize>;

    /// Output units: values of one member's bias.
    fn units(&self) -> usize;

    /// Writes `out` (m, output) of `x`, `w` and `bias`, whose member axes are 1 or m.
    fn forward(&self, x: &[f32], w: &[f32], bias: Option<&[f32]>, out: &mut [f32], spread: Spread);

    /// Gradient of one member's input.
    fn input_gradient(&self, w: &[f32], dy: &[f32], spread: Spread) -> Vec<f32>;

    /// Gradient of one member's weight.
    fn weight_gradient(&self, x: &[f32], dy: &[f32], spread: Spread) -> Vec<f32>;

    /// Gradient of one member's bias.
    fn bias_gradient(&self, dy: &[f32]) -> Vec<f32>;
}

/// (m, output) by the kernels; `x` (mx, ...) and `weight` (mw, ...) have the shapes of `layer`, `bias` is (mb, units).
pub(super) fn by_kernels(
    layer: impl Layer,
    spread: Spread,
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
) -> Result<Tensor> {
    let units = layer.units();
    let op = Weighted { layer, spread };
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    match bias {
        Some(bias) if bias.dims2()?.1 != units => bail!("bias {:?} does not fit {units} outputs", bias.shape()),
        Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, op),
        None => x.apply_op2(&weight, op),
    }
}

/// The same by candle's operations: `one` gives a member's output of its input and weight, to which its part of `bias`
/// (mb, ...) is added, broadcast.
pub(super) fn by_candle(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    one: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let members = members(&[x.dim(0)?, weight.dim(0)?, bias.map_or(Ok(1), |bias| bias.dim(0))?])?;
    let with_bias = |i: usize| {
        let y = one(&member(x, i)?, &member(weight, i)?)?;
        match bias {
            Some(bias) => y.broadcast_add(&member(bias, i)?),
            None => Ok(y),
        }
    };
    Tensor::stack(&(0..members).map(with_bias).collect::<Result<Vec<_>>>()?, 0)
}

struct Weighted<L> {
    layer: L,
    spread: Spread,
}

/// An argument as candle hands it over.
type Argument<'a> = (&'a CpuStorage, &'a Layout);

impl<L: Layer> Weighted<L> {
    fn forward(
        &self,
        x: Argument<'_>,
        weight: Argument<'_>,
        bias: Option<Argument<'_>>,
    ) -> Result<(CpuStorage, Shape)> {
        let axis = |argument: Argument<'_>| argument.1.dims()[0];
        let members = members(&[axis(x), axis(weight), bias.map_or(1, axis)])?;
        let mut shape = self.layer.output();
        shape.insert(0, members);
        let shape = Shape::from(shape);
        let mut out = vec![0.0; shape.elem_count()];
        let bias = bias.map(|(storage, layout)| values(storage, layout)).transpose()?;
        self.layer.forward(values(x.0, x.1)?, values(weight.0, weight.1)?, bias, &mut out, self.spread);
        Ok((CpuStorage::F32(out), shape))
    }

    /// Gradients of input and weight, each only where it is asked for.
    fn backward(&self, x: &Tensor, weight: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        one_member(&[x.dim(0)?, weight.dim(0)?])?;
        let Weighted { layer, spread } = self;
        with_values(dy, |dy| {
            let of_x = || with_values(weight, |w| Ok(layer.input_gradient(w, dy, *spread)));
            let of_weight = || with_values(x, |x| Ok(layer.weight_gradient(x, dy, *spread)));
            Ok((wanted(x, of_x)?, wanted(weight, of_weight)?))
        })
    }
}

impl<L: Layer> CustomOp2 for Weighted<L> {
    fn name(&self) -> &'static str {
        L::NAME
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, w: &CpuStorage, lw: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward((x, lx), (w, lw), None)
    }

    fn bwd(&self, x: &Tensor, weight: &Tensor, _: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        self.backward(x, weight, dy)
    }
}

impl<L: Layer> CustomOp3 for Weighted<L> {
    fn name(&self) -> &'static str {
        L::NAME
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
        let db = wanted(bias, || with_values(dy, |dy| Ok(self.layer.bias_gradient(dy))))?;
        Ok((dx, dw, db))
    }
}
