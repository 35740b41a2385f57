//! Layers between the products, with channels in the lanes of vector registers: images are channel-last, so one register
//! holds some channels of one pixel and what belongs to a channel is loaded once for all pixels.

use pulp::{MemMask, Simd, WithSimd};

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

    fn end(&self, size: [usize; 2], channels: usize) -> usize {
        self.base + (size[0] - 1) * self.line + (size[1] - 1) * self.step + channels
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
    pub fn len(&self) -> usize {
        self.mean.len()
    }

    /// Of all channels.
    pub fn all(&self) -> AffineRef<'_> {
        self.range(0..self.len())
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

/// Copies an image of `size` (height, width) pixels and `affine.len()` channels, normalised and perhaps rectified.
pub fn normalise(
    x: &[f32],
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
    assert!(from.end(size, channels) <= x.len() && to.end(size, channels) <= out.len(), "both images exist");
    pulp::Arch::new().dispatch(Normalise { x: [x, x], from, out, to, size, affine, relu });
}

/// As [`normalise`] of `[greatest, least]`: of each channel the one that its factor makes the greatest.
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
    pulp::Arch::new().dispatch(Normalise { x: pair, from, out, to, size, affine, relu });
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
    pulp::Arch::new().dispatch(Rectify(values));
}

/// `out += x`, value by value.
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
    pulp::Arch::new().dispatch(Add(out, x));
}

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
pub fn moments(x: &[f32], channels: usize, mean: &mut [f32], squares: &mut [f32]) {
    let pixels = x.len() / channels;
    assert!(x.len() == pixels * channels && mean.len() == channels && squares.len() == channels, "whole pixels");
    pulp::Arch::new().dispatch(Moments { x, channels, mean, squares });
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
pub fn mean(x: &[f32], channels: usize, out: &mut [f32]) {
    assert!(x.len().is_multiple_of(channels) && out.len() == channels, "whole pixels");
    pulp::Arch::new().dispatch(Mean { x, channels, out });
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
