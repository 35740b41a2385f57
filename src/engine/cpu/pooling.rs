//! Pooling over windows of one channel-last image.
//!
//! An affine map followed by rounding is monotone, so the greatest of several normalised values is the normalised greatest,
//! or, where the factor is negative, the normalised least: what is normalised later is pooled first, to a quarter of its
//! size, and the results are bit for bit those of the layers one after another.

use pulp::{Simd, WithSimd};

use super::lanes::{each_vector, OnVectors, Vector};
use crate::plan::Window;

/// What stands for the values of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Choice<'a> {
    /// The greatest of each channel.
    Greatest,
    /// The least.
    Least,
    /// The greatest where the channel's factor is not negative, else the least.
    BySign(&'a [f32]),
}

/// Greatest or least value of each window: `x` (height, width, channels) to `out` (oh, ow, channels). A NaN wins.
pub fn extremes(x: &[f32], size: [usize; 2], channels: usize, window: Window, choice: Choice<'_>, out: &mut [f32]) {
    let outputs = window.outputs(size);
    assert!(x.len() == size[0] * size[1] * channels && out.len() == outputs[0] * outputs[1] * channels, "whole images");
    if let Choice::BySign(factors) = choice {
        assert_eq!(factors.len(), channels, "one factor a channel");
    }
    pulp::Arch::new().dispatch(Extremes { x, width: size[1], channels, window, choice, outputs, out });
}

struct Extremes<'a> {
    x: &'a [f32],
    width: usize,
    channels: usize,
    window: Window,
    choice: Choice<'a>,
    outputs: [usize; 2],
    out: &'a mut [f32],
}

impl WithSimd for Extremes<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let channels = self.channels;
        each_vector(simd, channels, &mut self);
    }
}

impl OnVectors for Extremes<'_> {
    #[inline(always)]
    fn on<S: Simd, const FULL: bool>(&mut self, simd: S, vector: Vector<S, FULL>) {
        let sign = simd.splat_f32s(-0.0);
        let zero = simd.splat_f32s(0.0);
        // The least is the greatest with all signs turned.
        let turned = match self.choice {
            Choice::Greatest => zero,
            Choice::Least => sign,
            Choice::BySign(factors) => {
                let factors = simd.partial_load_f32s(&factors[vector.at..]);
                simd.select_f32s(simd.less_than_f32s(factors, zero), sign, zero)
            }
        };
        if self.window.size == 2 {
            self.windows::<S, FULL, 2>(simd, vector, turned);
        } else {
            self.windows::<S, FULL, 0>(simd, vector, turned);
        }
    }
}

impl Extremes<'_> {
    /// All windows, of side `SIZE` where it is not 0.
    #[inline(always)]
    fn windows<S: Simd, const FULL: bool, const SIZE: usize>(
        &mut self,
        simd: S,
        vector: Vector<S, FULL>,
        turned: S::f32s,
    ) {
        let Extremes { x, width, channels, window, outputs, out, .. } = self;
        let size = if SIZE == 0 { window.size } else { SIZE };
        for oy in 0..outputs[0] {
            for ox in 0..outputs[1] {
                let corner = (oy * window.stride * *width + ox * window.stride) * *channels + vector.at;
                // SAFETY: the window lies inside the image (`outputs` counts no other), the vector inside its channels, and
                // the slices hold whole images (asserted by the caller).
                unsafe {
                    let load = |y: usize, column: usize| {
                        let place = corner + (y * *width + column) * *channels;
                        simd.xor_f32s(vector.load(simd, x.as_ptr().add(place)), turned)
                    };
                    let mut best = load(0, 0);
                    for y in 0..size {
                        for column in usize::from(y == 0)..size {
                            let value = load(y, column);
                            let greater = simd.greater_than_f32s(value, best);
                            let number = simd.equal_f32s(value, value);
                            best = simd.select_f32s(greater, value, simd.select_f32s(number, best, value));
                        }
                    }
                    let place = (oy * outputs[1] + ox) * *channels + vector.at;
                    vector.store(simd, out.as_mut_ptr().add(place), simd.xor_f32s(best, turned));
                }
            }
        }
    }
}

/// Mean of each window: `x` (height, width, channels) to `out` (oh, ow, channels).
pub fn means(x: &[f32], size: [usize; 2], channels: usize, window: Window, out: &mut [f32]) {
    let outputs = window.outputs(size);
    let scale = 1.0 / (window.size * window.size) as f32;
    for (place, out) in out.chunks_exact_mut(channels).enumerate() {
        let (oy, ox) = (place / outputs[1], place % outputs[1]);
        out.fill(0.0);
        for y in 0..window.size {
            for i in 0..window.size {
                let from = ((oy * window.stride + y) * size[1] + ox * window.stride + i) * channels;
                out.iter_mut().zip(&x[from..from + channels]).for_each(|(out, x)| *out += x);
            }
        }
        out.iter_mut().for_each(|out| *out *= scale);
    }
}
