//! Sums over the pixels of one channel-last image: mean and squared distances of each channel.

use pulp::{Simd, WithSimd};

use super::arch::dispatch;
use super::lanes::{each_vector, OnVectors, Vector};

/// Pixels whose sum is formed in f32 before it joins the sum of sums: rounding grows with the root of their number.
const RUN: usize = 32;

/// Sum of the terms of all pixels; four sums side by side, so that an addition need not wait for the last.
#[inline(always)]
fn sum<S: Simd>(simd: S, pixels: usize, term: impl Fn(usize) -> S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    let mut total = zero;
    for run in (0..pixels).step_by(RUN) {
        let end = (run + RUN).min(pixels);
        let [mut a, mut b, mut c, mut d] = [zero; 4];
        let mut pixel = run;
        while pixel + 4 <= end {
            a = simd.add_f32s(a, term(pixel));
            b = simd.add_f32s(b, term(pixel + 1));
            c = simd.add_f32s(c, term(pixel + 2));
            d = simd.add_f32s(d, term(pixel + 3));
            pixel += 4;
        }
        while pixel < end {
            a = simd.add_f32s(a, term(pixel));
            pixel += 1;
        }
        total = simd.add_f32s(total, simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d)));
    }
    total
}

/// Mean and sum of squared distances from it, of each channel of one image `x` (pixels, channels).
///
/// # Panics
/// If a slice has another length.
pub fn moments(x: &[f32], channels: usize, mean: &mut [f32], squares: &mut [f32]) {
    let pixels = x.len() / channels;
    assert!(x.len() == pixels * channels && mean.len() == channels && squares.len() == channels, "whole pixels");
    dispatch(Moments { x, channels, mean, squares });
}

struct Moments<'a> {
    x: &'a [f32],
    channels: usize,
    mean: &'a mut [f32],
    squares: &'a mut [f32],
}

impl WithSimd for Moments<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let channels = self.channels;
        each_vector(simd, channels, &mut self);
    }
}

impl OnVectors for Moments<'_> {
    #[inline(always)]
    fn on<S: Simd, const FULL: bool>(&mut self, simd: S, vector: Vector<S, FULL>) {
        let Moments { x, channels, mean, squares } = self;
        let pixels = x.len() / *channels;
        let scale = simd.splat_f32s(1.0 / pixels as f32);
        // SAFETY: `pixel` is one of the `pixels` of the image, whose channels hold the vector.
        let load = |pixel: usize| unsafe { vector.load(simd, x.as_ptr().add(pixel * *channels + vector.at)) };
        let average = simd.mul_f32s(sum(simd, pixels, load), scale);
        let distances = sum(simd, pixels, |pixel| {
            let distance = simd.sub_f32s(load(pixel), average);
            simd.mul_f32s(distance, distance)
        });
        simd.partial_store_f32s(&mut mean[vector.at..], average);
        simd.partial_store_f32s(&mut squares[vector.at..], distances);
    }
}

/// Mean over the pixels of each channel of one image `x` (pixels, channels).
///
/// # Panics
/// If a slice has another length.
pub fn mean(x: &[f32], channels: usize, out: &mut [f32]) {
    assert!(x.len().is_multiple_of(channels) && out.len() == channels, "whole pixels");
    dispatch(Mean { x, channels, out });
}

struct Mean<'a> {
    x: &'a [f32],
    channels: usize,
    out: &'a mut [f32],
}

impl WithSimd for Mean<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let channels = self.channels;
        each_vector(simd, channels, &mut self);
    }
}

impl OnVectors for Mean<'_> {
    #[inline(always)]
    fn on<S: Simd, const FULL: bool>(&mut self, simd: S, vector: Vector<S, FULL>) {
        let pixels = self.x.len() / self.channels;
        let total = sum(simd, pixels, |pixel| {
            // SAFETY: as in `Moments`.
            unsafe { vector.load(simd, self.x.as_ptr().add(pixel * self.channels + vector.at)) }
        });
        simd.partial_store_f32s(&mut self.out[vector.at..], simd.mul_f32s(total, simd.splat_f32s(1.0 / pixels as f32)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::arch::testing::{near, numbers, on_each_kind};
    use super::*;

    #[test]
    fn moments_and_means_are_those_of_the_formula_and_a_channel_alone_has_the_same_bits() {
        on_each_kind(|| {
            let mut all = Vec::new();
            for (channels, pixels) in (1..=40).map(|channels| (channels, [1, 3, 31, 33, 100][channels % 5])) {
                // Far from zero: a sum of squares less a square of sums would lose all digits.
                let x: Vec<f32> = numbers(pixels * channels, 6).iter().map(|x| x + 1000.0).collect();
                let [mut averages, mut squares, mut means] = [0; 3].map(|_| vec![f32::NAN; channels]);
                moments(&x, channels, &mut averages, &mut squares);
                mean(&x, channels, &mut means);
                for channel in 0..channels {
                    let values: Vec<f32> = x.iter().skip(channel).step_by(channels).copied().collect();
                    let expected = values.iter().map(|x| f64::from(*x)).sum::<f64>() / pixels as f64;
                    near(averages[channel], expected, expected, (channels, channel));
                    near(means[channel], expected, expected, (channels, channel));
                    let average = f64::from(averages[channel]);
                    let distances = values.iter().map(|x| (f64::from(*x) - average).powi(2)).sum::<f64>();
                    near(squares[channel], distances, distances, (channels, channel));
                    let (mut average, mut square) = ([0.0], [0.0]);
                    moments(&values, 1, &mut average, &mut square);
                    assert_eq!((average[0], square[0]), (averages[channel], squares[channel]));
                }
                all.extend(averages.into_iter().chain(squares).chain(means));
            }
            all
        });
    }
}
