//! Activations and their slopes.

use super::layer::Layer;
use crate::engine::cpu::function::{activate, slopes};
use crate::graph::Activation;

/// A function of each value.
pub(super) struct Activated {
    pub(super) activation: Activation,
    /// Values of one image.
    pub(super) length: usize,
}

impl Activated {
    /// For each row of `at` its slopes and the rows of `factors` and of `out` that belong to it.
    fn rows<'a>(
        &self,
        slopes: &'a [f32],
        factors: &'a [f32],
        out: &'a mut [f32],
    ) -> impl Iterator<Item = (&'a [f32], &'a [f32], &'a mut [f32])> {
        let (length, each) = (self.length, factors.len() / slopes.len());
        let rows = factors.chunks_exact(length).zip(out.chunks_exact_mut(length)).enumerate();
        rows.map(move |(i, (factors, out))| (&slopes[i / each * length..][..length], factors, out))
    }
}

impl Layer for Activated {
    fn forward(&self, at: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) {
        out.copy_from_slice(at[0]);
        activate(out, self.activation);
    }

    fn push(&self, at: &[&[f32]], along: &[&[f32]], out: &mut [f32], scratch: &mut Vec<f32>) {
        scratch.resize(at[0].len(), 0.0);
        slopes(at[0], self.activation, scratch);
        for (slopes, along, out) in self.rows(scratch, along[0], out) {
            out.iter_mut().zip(slopes).zip(along).for_each(|((out, slope), along)| *out = slope * along);
        }
    }

    fn pull(&self, at: &[&[f32]], gradients: &[f32], _: usize, into: &mut [f32], scratch: &mut Vec<f32>) {
        scratch.resize(at[0].len(), 0.0);
        slopes(at[0], self.activation, scratch);
        for (slopes, gradients, into) in self.rows(scratch, gradients, into) {
            into.iter_mut().zip(slopes).zip(gradients).for_each(|((sum, slope), gradient)| *sum += slope * gradient);
        }
    }
}
