//! Gradients of what follows a product: max pooling, rectifier and batch-norm on its own statistics, of one image.
//!
//! With `y = (x - mean) * factor + shift`, `factor = scale / std` and `n` values a channel, and `dy` the gradient behind
//! pooling and rectifier put back to the value that was chosen:
//! `dshift = sum dy`, `dscale = sum dy (x - mean) / std`, `dx = factor (dy - dshift / n - (x - mean) / std * dscale / n)`
//! (Ioffe & Szegedy 2015, section 3).

use pulp::{Simd, WithSimd};

use super::lanes::{each_vector, Affine, OnVectors, Vector};
use crate::plan::Window;

/// One image behind a product.
#[derive(Clone, Copy)]
pub struct Behind<'a> {
    /// Values in front of batch-norm; rectified ones where there is none. (height, width, channels).
    pub x: &'a [f32],
    /// Height and width.
    pub size: [usize; 2],
    /// Channels.
    pub channels: usize,
    /// The batch-norm.
    pub affine: Option<&'a Affine>,
    /// Whether a rectifier follows.
    pub relu: bool,
    /// The max pooling that follows.
    pub pool: Option<Window>,
    /// Gradient behind all of it.
    pub dy: &'a [f32],
}

/// Sums over the pixels of one image: of the gradient in front of the rectifier, and of it times (x - mean).
pub fn sums(behind: Behind<'_>, shift: &mut [f32], scale: &mut [f32]) {
    behind.check();
    assert!(shift.len() == behind.channels && scale.len() == behind.channels, "one sum a channel");
    pulp::Arch::new().dispatch(Sums { behind, shift, scale });
}

/// The terms that batch-norm takes off each pixel's gradient.
#[derive(Clone, Copy)]
pub struct Centre<'a> {
    /// `dshift / n` of each channel.
    pub shift: &'a [f32],
    /// `dscale / (n std)` of each channel.
    pub scale: &'a [f32],
}

/// Gradient of the product's output, (height, width, channels).
pub fn slope(behind: Behind<'_>, centre: Option<Centre<'_>>, dx: &mut [f32]) {
    behind.check();
    assert_eq!(dx.len(), behind.x.len(), "as many gradients as values");
    pulp::Arch::new().dispatch(Slope { behind, centre, dx });
}

impl Behind<'_> {
    fn outputs(&self) -> [usize; 2] {
        self.pool.map_or(self.size, |window| window.outputs(self.size))
    }

    fn check(&self) {
        let [height, width] = self.outputs();
        assert_eq!(self.x.len(), self.size[0] * self.size[1] * self.channels, "a whole image");
        assert_eq!(self.dy.len(), height * width * self.channels, "a whole gradient");
        assert!(self.affine.is_none_or(|affine| affine.len() == self.channels), "one map a channel");
    }
}

/// A vector's share of the batch-norm.
struct Map<S: Simd> {
    mean: S::f32s,
    factor: S::f32s,
    shift: S::f32s,
    /// The sign bit where the factor is negative.
    turned: S::f32s,
}

impl<S: Simd> Map<S> {
    #[inline(always)]
    fn new(simd: S, affine: Option<&Affine>, at: usize) -> Self {
        let zero = simd.splat_f32s(0.0);
        let Some(affine) = affine else {
            return Map { mean: zero, factor: simd.splat_f32s(1.0), shift: zero, turned: zero };
        };
        let [mean, factor, shift] =
            [&affine.mean, &affine.factor, &affine.shift].map(|values| simd.partial_load_f32s(&values[at..]));
        let turned = simd.select_f32s(simd.less_than_f32s(factor, zero), simd.splat_f32s(-0.0), zero);
        Map { mean, factor, shift, turned }
    }

    /// `dy` where the value behind the rectifier is not cut.
    #[inline(always)]
    fn passed(&self, simd: S, relu: bool, x: S::f32s, dy: S::f32s) -> S::f32s {
        if !relu {
            return dy;
        }
        let zero = simd.splat_f32s(0.0);
        let y = simd.mul_add_e_f32s(simd.sub_f32s(x, self.mean), self.factor, self.shift);
        simd.select_f32s(simd.greater_than_f32s(y, zero), dy, zero)
    }
}

impl Behind<'_> {
    /// The value of a window that pooling chooses, and its index in the window as a float.
    ///
    /// # Safety
    /// The window at (oy, ox) lies inside the image.
    #[inline(always)]
    unsafe fn chosen<S: Simd, const FULL: bool>(
        &self,
        simd: S,
        vector: &Vector<S, FULL>,
        map: &Map<S>,
        [oy, ox]: [usize; 2],
    ) -> (S::f32s, S::f32s) {
        let Some(window) = self.pool else {
            let place = (oy * self.size[1] + ox) * self.channels + vector.at;
            return (vector.load(simd, self.x.as_ptr().add(place)), simd.splat_f32s(0.0));
        };
        let corner = (oy * window.stride * self.size[1] + ox * window.stride) * self.channels + vector.at;
        let mut best = simd.splat_f32s(0.0);
        let mut index = simd.splat_f32s(0.0);
        for y in 0..window.size {
            for x in 0..window.size {
                let place = corner + (y * self.size[1] + x) * self.channels;
                let value = simd.xor_f32s(vector.load(simd, self.x.as_ptr().add(place)), map.turned);
                if y + x == 0 {
                    best = value;
                } else {
                    let greater = simd.greater_than_f32s(value, best);
                    best = simd.select_f32s(greater, value, best);
                    index = simd.select_f32s(greater, simd.splat_f32s((y * window.size + x) as f32), index);
                }
            }
        }
        (simd.xor_f32s(best, map.turned), index)
    }
}

struct Sums<'a> {
    behind: Behind<'a>,
    shift: &'a mut [f32],
    scale: &'a mut [f32],
}

impl WithSimd for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let channels = self.behind.channels;
        each_vector(simd, channels, &mut self);
    }
}

impl OnVectors for Sums<'_> {
    #[inline(always)]
    fn on<S: Simd, const FULL: bool>(&mut self, simd: S, vector: Vector<S, FULL>) {
        let behind = self.behind;
        let map = Map::new(simd, behind.affine, vector.at);
        let zero = simd.splat_f32s(0.0);
        let (mut shift, mut scale) = (zero, zero);
        let [height, width] = behind.outputs();
        for oy in 0..height {
            // One sum a line, then of lines: rounding grows with the root of each.
            let (mut line_shift, mut line_scale) = (zero, zero);
            for ox in 0..width {
                let place = (oy * width + ox) * behind.channels + vector.at;
                // SAFETY: (oy, ox) is an output, so its window lies inside the image and its gradient inside `dy`, both of
                // which were checked to be whole.
                let (x, dy) = unsafe {
                    let (x, _) = behind.chosen(simd, &vector, &map, [oy, ox]);
                    (x, vector.load(simd, behind.dy.as_ptr().add(place)))
                };
                let dy = map.passed(simd, behind.relu, x, dy);
                line_shift = simd.add_f32s(line_shift, dy);
                line_scale = simd.mul_add_e_f32s(simd.sub_f32s(x, map.mean), dy, line_scale);
            }
            shift = simd.add_f32s(shift, line_shift);
            scale = simd.add_f32s(scale, line_scale);
        }
        simd.partial_store_f32s(&mut self.shift[vector.at..], shift);
        simd.partial_store_f32s(&mut self.scale[vector.at..], scale);
    }
}

struct Slope<'a> {
    behind: Behind<'a>,
    centre: Option<Centre<'a>>,
    dx: &'a mut [f32],
}

impl WithSimd for Slope<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let channels = self.behind.channels;
        each_vector(simd, channels, &mut self);
    }
}

impl OnVectors for Slope<'_> {
    #[inline(always)]
    fn on<S: Simd, const FULL: bool>(&mut self, simd: S, vector: Vector<S, FULL>) {
        let behind = self.behind;
        let map = Map::new(simd, behind.affine, vector.at);
        let pixels = behind.size[0] * behind.size[1];
        let centre = self
            .centre
            .map(|centre| [centre.shift, centre.scale].map(|values| simd.partial_load_f32s(&values[vector.at..])));
        // What batch-norm takes off every pixel.
        for pixel in 0..pixels {
            let place = pixel * behind.channels + vector.at;
            let taken = match centre {
                None => simd.splat_f32s(0.0),
                Some([shift, scale]) => {
                    // SAFETY: `pixel` is a pixel of the image, checked to be whole.
                    let x = unsafe { vector.load(simd, behind.x.as_ptr().add(place)) };
                    let all = simd.mul_add_e_f32s(simd.sub_f32s(x, map.mean), scale, shift);
                    simd.mul_f32s(simd.neg_f32s(all), map.factor)
                }
            };
            // SAFETY: `dx` is as long as the image.
            unsafe { vector.store(simd, self.dx.as_mut_ptr().add(place), taken) };
        }
        let [height, width] = behind.outputs();
        let (side, stride) = behind.pool.map_or((1, 1), |window| (window.size, window.stride));
        for oy in 0..height {
            for ox in 0..width {
                let place = (oy * width + ox) * behind.channels + vector.at;
                let corner = (oy * stride * behind.size[1] + ox * stride) * behind.channels + vector.at;
                // SAFETY: (oy, ox) is an output: its window lies inside the image, and so inside `dx`; its gradient in `dy`.
                unsafe {
                    let (x, index) = behind.chosen(simd, &vector, &map, [oy, ox]);
                    let dy = vector.load(simd, behind.dy.as_ptr().add(place));
                    let dx = simd.mul_f32s(map.passed(simd, behind.relu, x, dy), map.factor);
                    for y in 0..side {
                        for x in 0..side {
                            let to = self.dx.as_mut_ptr().add(corner + (y * behind.size[1] + x) * behind.channels);
                            let here = simd.equal_f32s(index, simd.splat_f32s((y * side + x) as f32));
                            let share = simd.select_f32s(here, dx, simd.splat_f32s(0.0));
                            vector.store(simd, to, simd.add_f32s(vector.load(simd, to), share));
                        }
                    }
                }
            }
        }
    }
}
