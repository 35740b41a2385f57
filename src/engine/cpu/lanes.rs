//! Layers between the products, with channels in the lanes of vector registers: images are channel-last, so one register
//! holds some channels of one pixel and what belongs to a channel is loaded once for all pixels.

use pulp::{MemMask, Simd, WithSimd};

use super::arch::dispatch;
use super::function::{Function, Gelu, Identity, Leaky, Relu, Tanh};
use crate::graph::Activation;

/// Number of values of so many pixels and channels.
///
/// # Panics
/// If that is no number.
pub(super) fn volume(sides: &[usize]) -> usize {
    sides.iter().try_fold(1usize, |volume, side| volume.checked_mul(*side)).expect("sizes are small")
}

/// Pixels of one image in a slice: pixel (y, x) begins at `base + y * line + x * step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// First pixel.
    pub base: usize,
    /// From one line to the next.
    pub line: usize,
    /// From one pixel to the next.
    pub step: usize,
}

impl Pixels {
    /// Lines of `width` pixels without gaps.
    pub fn dense(width: usize, step: usize) -> Self {
        Pixels { base: 0, line: width * step, step }
    }

    /// Index behind the last pixel of an image that has one.
    fn end(&self, size: [usize; 2], channels: usize) -> usize {
        let line = (size[0] - 1).checked_mul(self.line);
        let step = (size[1] - 1).checked_mul(self.step);
        let last = self.base.checked_add(line.expect("sizes are small"));
        let last = last.and_then(|last| last.checked_add(step?)?.checked_add(channels));
        last.expect("sizes are small")
    }
}

/// `y = (x - mean) * factor + shift` of each channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Affine {
    /// Subtracted first, so that a mean far from zero costs no digits.
    pub mean: Vec<f32>,
    /// Scale over standard deviation.
    pub factor: Vec<f32>,
    /// Added last.
    pub shift: Vec<f32>,
}

impl Affine {
    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.mean.len()
    }

    /// Of all channels.
    pub fn all(&self) -> AffineRef<'_> {
        self.range(0..self.channels())
    }

    /// Of some channels.
    pub fn range(&self, range: std::ops::Range<usize>) -> AffineRef<'_> {
        AffineRef { mean: &self.mean[range.clone()], factor: &self.factor[range.clone()], shift: &self.shift[range] }
    }
}

/// The same, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct AffineRef<'a> {
    /// As in [`Affine`].
    pub mean: &'a [f32],
    /// As in [`Affine`].
    pub factor: &'a [f32],
    /// As in [`Affine`].
    pub shift: &'a [f32],
}

/// One vector of channels: its place and the mask of what exists. `FULL` vectors need no mask, which is much faster where
/// the masked access is a call.
#[derive(Clone, Copy)]
pub(super) struct Vector<S: Simd, const FULL: bool> {
    /// First channel.
    pub(super) at: usize,
    mask: MemMask<S::m32s>,
}

impl<S: Simd, const FULL: bool> Vector<S, FULL> {
    /// # Safety
    /// The channels of this vector exist at `from`, a pointer to its first.
    #[inline(always)]
    pub(super) unsafe fn load(&self, simd: S, from: *const f32) -> S::f32s {
        if FULL {
            from.cast::<S::f32s>().read_unaligned()
        } else {
            simd.mask_load_ptr_f32s(self.mask, from)
        }
    }

    /// # Safety
    /// As for [`Self::load`], and nobody else reads or writes there.
    #[inline(always)]
    pub(super) unsafe fn store(&self, simd: S, to: *mut f32, value: S::f32s) {
        if FULL {
            to.cast::<S::f32s>().write_unaligned(value);
        } else {
            simd.mask_store_ptr_f32s(self.mask, to, value);
        }
    }
}

/// Work on vectors of channels.
pub(super) trait OnVectors {
    /// Does the work for one vector.
    fn on<S: Simd, const FULL: bool>(&mut self, simd: S, vector: Vector<S, FULL>);
}

/// Does the work for all `channels`: full vectors, then what remains.
#[inline(always)]
pub(super) fn each_vector<S: Simd>(simd: S, channels: usize, work: &mut impl OnVectors) {
    let full = simd.mask_between_m32s(0, S::F32_LANES as u32);
    for i in 0..channels / S::F32_LANES {
        work.on(simd, Vector::<S, true> { at: i * S::F32_LANES, mask: full });
    }
    let rest = channels % S::F32_LANES;
    if rest > 0 {
        work.on(simd, Vector::<S, false> { at: channels - rest, mask: simd.mask_between_m32s(0, rest as u32) });
    }
}

/// The part of a per-channel slice that belongs to a vector.
#[inline(always)]
fn of_channels<S: Simd, const FULL: bool>(simd: S, values: &[f32], vector: &Vector<S, FULL>) -> S::f32s {
    simd.partial_load_f32s(&values[vector.at..])
}

/// Copies an image of `size` (height, width) pixels and as many channels as the map has, normalised, the activation behind it.
///
/// # Panics
/// If a pixel lies outside its slice.
pub fn normalise(
    x: &[f32],
    from: Pixels,
    out: &mut [f32],
    to: Pixels,
    size: [usize; 2],
    affine: AffineRef<'_>,
    activation: Option<Activation>,
) {
    normalise_pair([x, x], from, out, to, size, affine, activation);
}

/// As [`normalise`] of `[greatest, least]`: of each channel the one that its factor makes the greatest.
///
/// # Panics
/// If a pixel lies outside its slice.
pub fn normalise_pair(
    pair: [&[f32]; 2],
    from: Pixels,
    out: &mut [f32],
    to: Pixels,
    size: [usize; 2],
    affine: AffineRef<'_>,
    activation: Option<Activation>,
) {
    let channels = affine.mean.len();
    if size.contains(&0) || channels == 0 {
        return;
    }
    let end = from.end(size, channels);
    assert!(pair.iter().all(|x| end <= x.len()) && to.end(size, channels) <= out.len(), "all images exist");
    dispatch(Normalise { x: pair, from, out, to, size, affine, activation });
}

struct Normalise<'a> {
    x: [&'a [f32]; 2],
    from: Pixels,
    out: &'a mut [f32],
    to: Pixels,
    size: [usize; 2],
    affine: AffineRef<'a>,
    activation: Option<Activation>,
}

impl WithSimd for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let channels = self.affine.mean.len();
        each_vector(simd, channels, &mut self);
    }
}

impl OnVectors for Normalise<'_> {
    #[inline(always)]
    fn on<S: Simd, const FULL: bool>(&mut self, simd: S, vector: Vector<S, FULL>) {
        match self.activation {
            None => self.behind::<S, FULL, Identity>(simd, vector),
            Some(Activation::Relu) => self.behind::<S, FULL, Relu>(simd, vector),
            Some(Activation::Leaky) => self.behind::<S, FULL, Leaky>(simd, vector),
            Some(Activation::Tanh) => self.behind::<S, FULL, Tanh>(simd, vector),
            Some(Activation::Gelu) => self.behind::<S, FULL, Gelu>(simd, vector),
        }
    }
}

impl Normalise<'_> {
    #[inline(always)]
    fn behind<S: Simd, const FULL: bool, F: Function>(&mut self, simd: S, vector: Vector<S, FULL>) {
        if std::ptr::eq(self.x[0], self.x[1]) {
            self.strip::<S, FULL, false, F>(simd, vector);
        } else {
            self.strip::<S, FULL, true, F>(simd, vector);
        }
    }

    #[inline(always)]
    fn strip<S: Simd, const FULL: bool, const PAIR: bool, F: Function>(&mut self, simd: S, vector: Vector<S, FULL>) {
        let Normalise { x, from, out, to, size, affine, .. } = self;
        let [mean, factor, shift] =
            [affine.mean, affine.factor, affine.shift].map(|values| of_channels(simd, values, &vector));
        let rising = simd.greater_than_or_equal_f32s(factor, simd.splat_f32s(0.0));
        for line in 0..size[0] {
            for pixel in 0..size[1] {
                let place = from.base + line * from.line + pixel * from.step + vector.at;
                let target = to.base + line * to.line + pixel * to.step + vector.at;
                // SAFETY: pixel and vector lie inside both images, which lie inside their slices (asserted by the callers).
                unsafe {
                    let mut value = vector.load(simd, x[0].as_ptr().add(place));
                    if PAIR {
                        value = simd.select_f32s(rising, value, vector.load(simd, x[1].as_ptr().add(place)));
                    }
                    let y = simd.mul_add_e_f32s(simd.sub_f32s(value, mean), factor, shift);
                    vector.store(simd, out.as_mut_ptr().add(target), F::value(simd, y));
                }
            }
        }
    }
}

/// `out += x`, value by value.
///
/// # Panics
/// If one is longer.
pub fn add(out: &mut [f32], x: &[f32]) {
    struct Add<'a>(&'a mut [f32], &'a [f32]);
    impl WithSimd for Add<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            self.0.iter_mut().zip(self.1).for_each(|(out, x)| *out += x);
        }
    }
    assert_eq!(out.len(), x.len(), "as many values");
    dispatch(Add(out, x));
}

#[cfg(test)]
mod tests {
    use super::super::arch::testing::{near, numbers, on_each_kind};
    use super::*;
    use crate::graph::LEAK;

    fn affine(channels: usize) -> Affine {
        let [mean, factor, shift] = [1, 2, 3].map(|seed| numbers(channels, seed));
        Affine { mean, factor, shift }
    }

    /// Images of 3 x 4 pixels: without gaps, and with a border, of so many values.
    fn places(channels: usize) -> [(Pixels, usize); 2] {
        let (step, line) = (channels + 2, 6 * (channels + 2));
        let bordered = Pixels { base: line + step, line, step };
        [(Pixels::dense(4, channels), 12 * channels), (bordered, bordered.end([3, 4], channels))]
    }

    /// Checks a normalisation of `[x, y]`, of which each channel takes the one that its factor makes greater.
    fn check(channels: usize, activation: Option<Activation>, pair: bool) -> Vec<f32> {
        let affine = affine(channels);
        let [(dense, length), (bordered, end)] = places(channels);
        let mut images = [numbers(length, 4), numbers(length, 5)];
        images[0][length / 2] = f32::NAN;
        images[1][length / 2] = f32::NAN;
        let mut out = vec![0.5; end];
        let [x, y] = &images;
        if pair {
            normalise_pair([x, y], dense, &mut out, bordered, [3, 4], affine.all(), activation);
        } else {
            normalise(x, dense, &mut out, bordered, [3, 4], affine.all(), activation);
        }
        let mut untouched = vec![true; end];
        for (place, x) in x.iter().enumerate() {
            let (pixel, channel) = (place / channels, place % channels);
            let to = bordered.base + pixel / 4 * bordered.line + pixel % 4 * bordered.step + channel;
            untouched[to] = false;
            let x = if pair && affine.factor[channel] < 0.0 { y[place] } else { *x };
            let [x, mean, factor, shift] =
                [x, affine.mean[channel], affine.factor[channel], affine.shift[channel]].map(f64::from);
            let scaled = (x - mean) * factor;
            let y = scaled + shift;
            let expected = match activation {
                Some(Activation::Relu) if y < 0.0 => 0.0,
                Some(Activation::Leaky) if y < 0.0 => y * f64::from(LEAK),
                Some(Activation::Tanh) => y.tanh(),
                _ => y,
            };
            near(out[to], expected, scaled.abs() + shift.abs(), (channels, activation, pair, pixel, channel));
        }
        assert!(out.iter().zip(&untouched).all(|(value, untouched)| !untouched || *value == 0.5), "the border");
        out.retain(|value| !value.is_nan());
        out
    }

    #[test]
    fn normalised_values_are_those_of_the_formula_and_nothing_else_is_written() {
        on_each_kind(|| {
            let activations = [None, Some(Activation::Relu), Some(Activation::Leaky), Some(Activation::Tanh)];
            let cases = (1..=40).flat_map(|channels| activations.map(|activation| (channels, activation)));
            let both = |(channels, activation)| [false, true].map(|pair| check(channels, activation, pair)).concat();
            cases.flat_map(both).collect()
        });
    }

    #[test]
    fn an_image_without_pixels_is_nothing_and_one_that_does_not_exist_is_refused() {
        let affine = affine(3);
        let dense = Pixels::dense(2, 3);
        normalise(&[], dense, &mut [], dense, [0, 2], affine.all(), None);
        let refused = |from: Pixels, length: usize| {
            let mut out = vec![0.0; length];
            let work = std::panic::AssertUnwindSafe(|| {
                normalise(&[0.0; 12], from, &mut out, dense, [2, 2], affine.all(), None)
            });
            std::panic::catch_unwind(work).is_err()
        };
        assert!(!refused(dense, 12));
        assert!(refused(dense, 11) && refused(Pixels { base: 1, ..dense }, 12));
        assert!(refused(Pixels { line: usize::MAX, ..dense }, 12), "a line beyond all numbers");
    }

    #[test]
    fn sums_are_taken_value_by_value() {
        on_each_kind(|| {
            for length in 0..70 {
                let (x, mut sum) = (numbers(length, 8), numbers(length, 9));
                let expected: Vec<f32> = x.iter().zip(&sum).map(|(a, b)| a + b).collect();
                add(&mut sum, &x);
                assert_eq!(sum, expected);
            }
            Vec::new()
        });
    }
}
