//! Batch-norm, rectifier and 2x2 max pooling in one pass over the convolution's output.
//!
//! An affine map of floats followed by rounding is monotone, so the greatest of four normalised values is the normalised
//! greatest (or, where the factor is negative, the normalised least): the results are bit for bit those of the three
//! layers one after another.

use super::batch_norm::{Geometry, Moments};
use super::Spread;

/// What follows the rectifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// Nothing.
    None,
    /// Windows of 2 x 2 on an image of this width.
    Halve {
        /// Width of the input.
        width: usize,
    },
}

impl Pooling {
    /// Output values of one channel of `positions` values.
    pub fn outputs(self, positions: usize) -> usize {
        match self {
            Pooling::None => positions,
            Pooling::Halve { width } => (positions / width / 2) * (width / 2),
        }
    }
}

/// `out` (m, batch, channels, outputs) from `x` (mx, batch, channels, positions), `moments` (mm, channels), `scale` and
/// `shift` (ms, channels), where each leading axis is 1 or m.
#[expect(clippy::too_many_arguments, reason = "three layers in one call")]
pub fn forward(
    g: &Geometry,
    pooling: Pooling,
    x: &[f32],
    moments: &[Moments],
    scale: &[f32],
    shift: &[f32],
    out: &mut [f32],
    spread: Spread,
) {
    let (per_image, c) = (g.channels * g.positions, g.channels);
    let outputs = pooling.outputs(g.positions);
    spread.chunks(out, c * outputs, |index, out, _| {
        let (member, image) = (index / g.batch, index % g.batch);
        let own = |len: usize, one: usize| if len == one { 0 } else { member };
        let x = &x[(own(x.len(), g.len()) * g.batch + image) * per_image..][..per_image];
        let moments = &moments[own(moments.len(), c) * c..][..c];
        let (scale, shift) = (&scale[own(scale.len(), c) * c..][..c], &shift[own(shift.len(), c) * c..][..c]);
        for (channel, (out, x)) in out.chunks_exact_mut(outputs).zip(x.chunks_exact(g.positions)).enumerate() {
            let affine = Affine {
                mean: moments[channel].mean,
                factor: scale[channel] * moments[channel].inverse_std(),
                shift: shift[channel],
            };
            pulp::Arch::new().dispatch(Channel { affine, pooling, x, out });
        }
    });
}

/// Normalisation of one channel.
#[derive(Clone, Copy)]
struct Affine {
    mean: f32,
    factor: f32,
    shift: f32,
}

impl Affine {
    /// The normalised and rectified value; NaN is kept.
    #[inline(always)]
    fn rectified(self, x: f32) -> f32 {
        let y = (x - self.mean) * self.factor + self.shift;
        if y < 0.0 {
            0.0
        } else {
            y
        }
    }
}

/// One channel of one image.
struct Channel<'a> {
    affine: Affine,
    pooling: Pooling,
    x: &'a [f32],
    out: &'a mut [f32],
}

impl pulp::WithSimd for Channel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Channel { affine, pooling, x, out } = self;
        match pooling {
            Pooling::None => out.iter_mut().zip(x).for_each(|(out, x)| *out = affine.rectified(*x)),
            Pooling::Halve { width } if affine.factor >= 0.0 => {
                halve(x, width, out, |a, b| if b > a || b.is_nan() { b } else { a }, affine);
            }
            Pooling::Halve { width } => halve(x, width, out, |a, b| if b < a || b.is_nan() { b } else { a }, affine),
        }
    }
}

#[inline(always)]
fn halve(x: &[f32], width: usize, out: &mut [f32], choose: impl Fn(f32, f32) -> f32, affine: Affine) {
    let half = width / 2;
    for (rows, out) in x.chunks_exact(2 * width).zip(out.chunks_exact_mut(half)) {
        let (top, bottom) = (&rows[..2 * half], &rows[width..width + 2 * half]);
        for (out, (a, b)) in out.iter_mut().zip(top.chunks_exact(2).zip(bottom.chunks_exact(2))) {
            *out = affine.rectified(choose(choose(a[0], a[1]), choose(b[0], b[1])));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{batch_norm, max_pool, relu};
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn one_pass_gives_the_bits_of_three() {
        for (height, width) in [(6, 8), (7, 5), (2, 3)] {
            let g = Geometry { batch: 3, channels: 4, positions: height * width };
            let mut x = vec![0.0; 2 * g.len()];
            Seed::new(2).rng().fill_normal(&mut x);
            let moments = batch_norm::moments(&g, &x, Spread::Here);
            let (scale, shift) = ([1.0, -0.5, 0.0, 2.0], [0.1, 0.2, -0.3, 0.0]);
            let mut normal = vec![0.0; x.len()];
            batch_norm::normalise(&g, &x, &moments, &scale, &shift, &mut normal, Spread::Here);
            let mut rectified = vec![0.0; x.len()];
            relu::forward(&normal, &mut rectified, Spread::Here);
            let pool = max_pool::Geometry { height, width, size: 2, stride: 2 };
            let mut pooled = vec![0.0; 2 * 12 * pool.out_height() * pool.out_width()];
            max_pool::forward(&pool, &rectified, &mut pooled, Spread::Here);

            let run = |pooling: Pooling, len: usize| {
                let mut out = vec![9.0; len];
                forward(&g, pooling, &x, &moments, &scale, &shift, &mut out, Spread::Pool);
                out
            };
            assert_eq!(run(Pooling::None, x.len()), rectified);
            assert_eq!(run(Pooling::Halve { width }, pooled.len()), pooled);
        }
    }

    #[test]
    fn a_window_with_a_nan_anywhere_is_nan_on_given_statistics() {
        let g = Geometry { batch: 1, channels: 1, positions: 4 };
        let moments = [Moments { mean: 0.0, variance: 1.0 }];
        for (place, scale) in [(0, 1.0), (1, 1.0), (2, 1.0), (3, 1.0), (0, -1.0), (1, -1.0), (2, -1.0), (3, -1.0)] {
            let mut x = [3.0, 1.0, 4.0, 2.0];
            x[place] = f32::NAN;
            let mut out = [0.0];
            let pooling = Pooling::Halve { width: 2 };
            forward(&g, pooling, &x, &moments, &[scale], &[0.0], &mut out, Spread::Here);
            assert!(out[0].is_nan(), "NaN at {place}, scale {scale}");
        }
    }
}
