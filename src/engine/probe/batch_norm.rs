//! Batch-norm on given statistics: a factor and a term for each channel.

use super::layer::Layer;
use crate::engine::statistics::{Statistics, EPSILON};

/// `(x - mean) * factor + shift` with `factor = scale / sqrt(variance + eps)`.
pub(super) struct BatchNorm {
    mean: Vec<f32>,
    factor: Vec<f32>,
    shift: Vec<f32>,
    /// Values of one channel of one image.
    plane: usize,
}

impl BatchNorm {
    pub(super) fn new(statistics: &Statistics, scale: &[f32], shift: Vec<f32>, shape: &[usize]) -> Self {
        let factor =
            |(scale, variance): (&f32, &f32)| (f64::from(*scale) / (f64::from(*variance) + EPSILON).sqrt()) as f32;
        assert_eq!(statistics.mean.len(), shape[0], "a mean for each channel");
        assert_eq!(statistics.variance.len(), shape[0], "a variance for each channel");
        BatchNorm {
            mean: statistics.mean.clone(),
            factor: scale.iter().zip(&statistics.variance).map(factor).collect(),
            shift,
            plane: shape[1..].iter().product(),
        }
    }

    /// Each plane of `from` and of `to` with its channel.
    fn planes<'a>(
        &self,
        from: &'a [f32],
        to: &'a mut [f32],
    ) -> impl Iterator<Item = (usize, &'a [f32], &'a mut [f32])> {
        let channels = (0..self.factor.len()).cycle();
        let planes = from.chunks_exact(self.plane).zip(to.chunks_exact_mut(self.plane));
        channels.zip(planes).map(|(channel, (from, to))| (channel, from, to))
    }
}

impl Layer for BatchNorm {
    fn forward(&self, at: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) {
        for (channel, x, out) in self.planes(at[0], out) {
            let (mean, factor, shift) = (self.mean[channel], self.factor[channel], self.shift[channel]);
            out.iter_mut().zip(x).for_each(|(out, x)| *out = (x - mean) * factor + shift);
        }
    }

    fn push(&self, _: &[&[f32]], along: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) {
        for (channel, along, out) in self.planes(along[0], out) {
            let factor = self.factor[channel];
            out.iter_mut().zip(along).for_each(|(out, along)| *out = along * factor);
        }
    }

    fn pull(&self, _: &[&[f32]], slopes: &[f32], _: usize, into: &mut [f32], _: &mut Vec<f32>) {
        for (channel, slopes, into) in self.planes(slopes, into) {
            let factor = self.factor[channel];
            into.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += slope * factor);
        }
    }
}
