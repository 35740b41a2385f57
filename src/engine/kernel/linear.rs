//! Linear layers and their gradients.

use super::conv::sum_blocks;
use super::gemm::{product, Matrix};
use super::Spread;

/// Shape of a linear layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Images of a batch.
    pub batch: usize,
    /// Inputs of a unit.
    pub inputs: usize,
    /// Units.
    pub outputs: usize,
}

/// Images of one product: a fixed number, so that the shape of a product follows from the batch alone.
const BLOCK: usize = 64;

/// `out` (m, batch, outputs) of `x` (mx, batch, inputs) and `w` (mw, outputs, inputs), where mx and mw are 1 or m;
/// `bias` (mb, outputs) is added where given.
pub fn forward(g: &Geometry, x: &[f32], w: &[f32], bias: Option<&[f32]>, out: &mut [f32], spread: Spread) {
    let own = |index: usize, data: &[f32], len: usize| if data.len() == len { 0 } else { index * len };
    // A block never crosses members: with `batch` no multiple of BLOCK each member would be cut elsewhere, so members
    // are the outer loop.
    for (member, out) in out.chunks_exact_mut(g.batch * g.outputs).enumerate() {
        let x = &x[own(member, x, g.batch * g.inputs)..][..g.batch * g.inputs];
        let w = Matrix::rows(&w[own(member, w, g.outputs * g.inputs)..][..g.outputs * g.inputs], g.inputs).t();
        let bias = bias.map(|bias| &bias[own(member, bias, g.outputs)..][..g.outputs]);
        spread.chunks(out, BLOCK * g.outputs, |block, out, _| {
            let rows = out.len() / g.outputs;
            if let Some(bias) = bias {
                out.chunks_exact_mut(g.outputs).for_each(|row| row.copy_from_slice(bias));
            }
            let x = Matrix::rows(&x[block * BLOCK * g.inputs..], g.inputs);
            product(out, [rows, g.outputs, g.inputs], x, w, bias.is_some());
        });
    }
}

/// Gradient of the weights (outputs, inputs) of one member from `x` (batch, inputs) and `dy` (batch, outputs).
pub fn weight_gradient(g: &Geometry, x: &[f32], dy: &[f32], spread: Spread) -> Vec<f32> {
    let blocks = spread.map(g.batch.div_ceil(BLOCK), |block| {
        let (start, end) = (block * BLOCK, ((block + 1) * BLOCK).min(g.batch));
        let mut sum = vec![0.0; g.outputs * g.inputs];
        let dy = Matrix::rows(&dy[start * g.outputs..end * g.outputs], g.outputs).t();
        let x = Matrix::rows(&x[start * g.inputs..end * g.inputs], g.inputs);
        product(&mut sum, [g.outputs, g.inputs, end - start], dy, x, false);
        sum
    });
    sum_blocks(&blocks)
}

/// Gradient of the bias (outputs) of one member from `dy` (batch, outputs).
pub fn bias_gradient(g: &Geometry, dy: &[f32]) -> Vec<f32> {
    let sum = |o: usize| dy.iter().skip(o).step_by(g.outputs).map(|x| f64::from(*x)).sum::<f64>() as f32;
    (0..g.outputs).map(sum).collect()
}

/// Gradient of the input (batch, inputs) of one member from `w` (outputs, inputs) and `dy` (batch, outputs).
pub fn input_gradient(g: &Geometry, w: &[f32], dy: &[f32], spread: Spread) -> Vec<f32> {
    let mut dx = vec![0.0; g.batch * g.inputs];
    spread.chunks(&mut dx, BLOCK * g.inputs, |block, dx, _| {
        let rows = dx.len() / g.inputs;
        let dy = Matrix::rows(&dy[block * BLOCK * g.outputs..], g.outputs);
        product(dx, [rows, g.inputs, g.outputs], dy, Matrix::rows(w, g.inputs), false);
    });
    dx
}
