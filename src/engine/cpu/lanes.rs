//! Layers between the products, with channels in the lanes of vector registers: images are channel-last, so one register
//! holds some channels of one pixel and what belongs to a channel is loaded once for all pixels.

use pulp::{MemMask, Simd, WithSimd};

use super::arch::dispatch;

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

/// max(x, 0); NaN is kept.
#[inline(always)]
fn rectified<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    simd.select_f32s(simd.less_than_f32s(x, zero), zero, x)
}

/// Copies an image of `size` (height, width) pixels and as many channels as the map has, normalised and perhaps rectified.
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
    relu: bool,
) {
    normalise_pair([x, x], from, out, to, size, affine, relu);
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
    relu: bool,
) {
    let channels = affine.mean.len();
    if size.contains(&0) || channels == 0 {
        return;
    }
    let end = from.end(size, channels);
    assert!(pair.iter().all(|x| end <= x.len()) && to.end(size, channels) <= out.len(), "all images exist");
    dispatch(Normalise { x: pair, from, out, to, size, affine, relu });
}

struct Normalise<'a> {
    x: [&'a [f32]; 2],
    from: Pixels,
    out: &'a mut [f32],
    to: Pixels,
    size: [usize; 2],
    affine: AffineRef<'a>,
    relu: bool,
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
        match (std::ptr::eq(self.x[0], self.x[1]), self.relu) {
            (true, true) => self.strip::<S, FULL, false, true>(simd, vector),
            (true, false) => self.strip::<S, FULL, false, false>(simd, vector),
            (false, true) => self.strip::<S, FULL, true, true>(simd, vector),
            (false, false) => self.strip::<S, FULL, true, false>(simd, vector),
        }
    }
}

impl Normalise<'_> {
    #[inline(always)]
    fn strip<S: Simd, const FULL: bool, const PAIR: bool, const RELU: bool>(
        &mut self,
        simd: S,
        vector: Vector<S, FULL>,
    ) {
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
                    let mut y = simd.mul_add_e_f32s(simd.sub_f32s(value, mean), factor, shift);
                    if RELU {
                        y = rectified(simd, y);
                    }
                    vector.store(simd, out.as_mut_ptr().add(target), y);
                }
            }
        }
    }
}

/// max(x, 0) of all values; NaN is kept.
pub fn rectify(values: &mut [f32]) {
    struct Rectify<'a>(&'a mut [f32]);
    impl WithSimd for Rectify<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let (vectors, rest) = S::as_mut_simd_f32s(self.0);
            vectors.iter_mut().for_each(|x| *x = rectified(simd, *x));
            rest.iter_mut().filter(|x| **x < 0.0).for_each(|x| *x = 0.0);
        }
    }
    dispatch(Rectify(values));
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
    fn check(channels: usize, relu: bool, pair: bool) -> Vec<f32> {
        let affine = affine(channels);
        let [(dense, length), (bordered, end)] = places(channels);
        let mut images = [numbers(length, 4), numbers(length, 5)];
        images[0][length / 2] = f32::NAN;
        images[1][length / 2] = f32::NAN;
        let mut out = vec![0.5; end];
        let [x, y] = &images;
        if pair {
            normalise_pair([x, y], dense, &mut out, bordered, [3, 4], affine.all(), relu);
        } else {
            normalise(x, dense, &mut out, bordered, [3, 4], affine.all(), relu);
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
            let expected = if relu && scaled + shift < 0.0 { 0.0 } else { scaled + shift };
            near(out[to], expected, scaled.abs() + shift.abs(), (channels, relu, pair, pixel, channel));
        }
        assert!(out.iter().zip(&untouched).all(|(value, untouched)| !untouched || *value == 0.5), "the border");
        out.retain(|value| !value.is_nan());
        out
    }

    #[test]
    fn normalised_values_are_those_of_the_formula_and_nothing_else_is_written() {
        on_each_kind(|| {
            let cases = (1..=40).flat_map(|channels| {
                [(false, false), (true, false), (false, true), (true, true)].map(|(relu, pair)| (channels, relu, pair))
            });
            cases.flat_map(|(channels, relu, pair)| check(channels, relu, pair)).collect()
        });
    }

    #[test]
    fn an_image_without_pixels_is_nothing_and_one_that_does_not_exist_is_refused() {
        let affine = affine(3);
        let dense = Pixels::dense(2, 3);
        normalise(&[], dense, &mut [], dense, [0, 2], affine.all(), true);
        let refused = |from: Pixels, length: usize| {
            let mut out = vec![0.0; length];
            let work = std::panic::AssertUnwindSafe(|| {
                normalise(&[0.0; 12], from, &mut out, dense, [2, 2], affine.all(), true)
            });
            std::panic::catch_unwind(work).is_err()
        };
        assert!(!refused(dense, 12));
        assert!(refused(dense, 11) && refused(Pixels { base: 1, ..dense }, 12));
        assert!(refused(Pixels { line: usize::MAX, ..dense }, 12), "a line beyond all numbers");
    }

    #[test]
    fn values_below_zero_become_zero_and_a_value_that_is_no_number_stays() {
        on_each_kind(|| {
            for length in 0..70 {
                let mut values = numbers(length + 1, 8);
                values[length / 2] = f32::NAN;
                let before = values.clone();
                // One further, where no register is aligned.
                rectify(&mut values[1..]);
                for (i, (value, before)) in values.iter().zip(&before).enumerate() {
                    let expected = if i > 0 && *before < 0.0 { 0.0 } else { *before };
                    assert_eq!(value.to_bits(), expected.to_bits(), "{length}, {i}");
                }
                let mut sum = before[1..].to_vec();
                add(&mut sum, &values[1..]);
                let expected = before[1..].iter().zip(&values[1..]).map(|(a, b)| (a + b).to_bits());
                assert!(sum.iter().map(|sum| sum.to_bits()).eq(expected));
            }
            Vec::new()
        });
    }
}
