//! Sums, and channels side by side.

use super::layer::{add, Layer};

/// Sum of two inputs.
pub(super) struct Add;

impl Layer for Add {
    fn forward(&self, at: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) {
        out.copy_from_slice(at[0]);
        add(out, at[1]);
    }

    fn push(&self, _: &[&[f32]], along: &[&[f32]], out: &mut [f32], scratch: &mut Vec<f32>) {
        self.forward(along, out, scratch);
    }

    fn pull(&self, _: &[&[f32]], slopes: &[f32], _: usize, into: &mut [f32], _: &mut Vec<f32>) {
        add(into, slopes);
    }
}

/// Inputs one behind the other, with so many values each.
pub(super) struct Concat {
    pub(super) lengths: Vec<usize>,
}

impl Concat {
    fn outputs(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// First place of an input in the output.
    fn first(&self, input: usize) -> usize {
        self.lengths[..input].iter().sum()
    }
}

impl Layer for Concat {
    fn forward(&self, at: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) {
        for (input, values) in at.iter().enumerate() {
            let (first, length) = (self.first(input), self.lengths[input]);
            for (out, values) in out.chunks_exact_mut(self.outputs()).zip(values.chunks_exact(length)) {
                out[first..first + length].copy_from_slice(values);
            }
        }
    }

    fn push(&self, _: &[&[f32]], along: &[&[f32]], out: &mut [f32], scratch: &mut Vec<f32>) {
        self.forward(along, out, scratch);
    }

    fn pull(&self, _: &[&[f32]], slopes: &[f32], input: usize, into: &mut [f32], _: &mut Vec<f32>) {
        let (first, length) = (self.first(input), self.lengths[input]);
        for (slopes, into) in slopes.chunks_exact(self.outputs()).zip(into.chunks_exact_mut(length)) {
            add(into, &slopes[first..first + length]);
        }
    }
}

/// Zeros before and behind the values.
pub(super) struct Pad {
    /// Zeros before.
    pub(super) first: usize,
    /// Values of the input.
    pub(super) length: usize,
    /// Values of the output.
    pub(super) outputs: usize,
}

impl Layer for Pad {
    fn forward(&self, at: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) {
        for (out, values) in out.chunks_exact_mut(self.outputs).zip(at[0].chunks_exact(self.length)) {
            out.fill(0.0);
            out[self.first..self.first + self.length].copy_from_slice(values);
        }
    }

    fn push(&self, _: &[&[f32]], along: &[&[f32]], out: &mut [f32], scratch: &mut Vec<f32>) {
        self.forward(along, out, scratch);
    }

    fn pull(&self, _: &[&[f32]], slopes: &[f32], _: usize, into: &mut [f32], _: &mut Vec<f32>) {
        for (slopes, into) in slopes.chunks_exact(self.outputs).zip(into.chunks_exact_mut(self.length)) {
            add(into, &slopes[self.first..self.first + self.length]);
        }
    }
}
