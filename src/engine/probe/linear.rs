//! Linear layers.

use super::layer::{add, Layer};
use crate::num::Matrix;

/// Rows of one product. Always so many, the last ones zeros where there are fewer: the bits of a row depend on the shape of
/// its product, and must not depend on how many rows stand beside it.
const ROWS: usize = 16;

pub(super) struct Linear {
    /// (outputs, inputs).
    weight: Vec<f32>,
    bias: Option<Vec<f32>>,
    outputs: usize,
}

impl Linear {
    pub(super) fn new(weight: Vec<f32>, bias: Option<Vec<f32>>, outputs: usize) -> Self {
        Linear { weight, bias, outputs }
    }

    fn weight(&self) -> Matrix<'_, f32> {
        Matrix::new(&self.weight, self.outputs)
    }

    fn inputs(&self) -> usize {
        self.weight.len() / self.outputs
    }
}

/// Gives `take` the product of rows of `length` values with `right`, `ROWS` rows at a time: the place of the first of its
/// values, and the values.
fn products(
    rows: &[f32],
    [length, columns]: [usize; 2],
    right: Matrix<'_, f32>,
    scratch: &mut Vec<f32>,
    mut take: impl FnMut(usize, &[f32]),
) {
    scratch.resize(ROWS * (length + columns), 0.0);
    let (padded, product) = scratch.split_at_mut(ROWS * length);
    for (i, rows) in rows.chunks(ROWS * length).enumerate() {
        let left = if rows.len() == padded.len() {
            rows
        } else {
            padded[..rows.len()].copy_from_slice(rows);
            padded[rows.len()..].fill(0.0);
            &*padded
        };
        Matrix::new(left, ROWS).times_into(right, product);
        take(i * ROWS * columns, &product[..rows.len() / length * columns]);
    }
}

impl Layer for Linear {
    fn forward(&self, at: &[&[f32]], out: &mut [f32], scratch: &mut Vec<f32>) {
        self.push(&[], at, out, scratch);
        let Some(bias) = &self.bias else { return };
        out.chunks_exact_mut(self.outputs).for_each(|out| add(out, bias));
    }

    fn push(&self, _: &[&[f32]], along: &[&[f32]], out: &mut [f32], scratch: &mut Vec<f32>) {
        products(along[0], [self.inputs(), self.outputs], self.weight().transposed(), scratch, |first, values| {
            out[first..first + values.len()].copy_from_slice(values);
        });
    }

    fn pull(&self, _: &[&[f32]], slopes: &[f32], _: usize, into: &mut [f32], scratch: &mut Vec<f32>) {
        products(slopes, [self.outputs, self.inputs()], self.weight(), scratch, |first, values| {
            add(&mut into[first..first + values.len()], values);
        });
    }
}
