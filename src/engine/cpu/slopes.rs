//! Gradients of what follows an operation: max pooling, activation and batch-norm on its own statistics, of one image.
//!
//! With `y = (x - mean) * factor + shift`, `factor = scale / std` and `n` values a channel, and `dy` the gradient behind
//! pooling and activation put back to the value that was chosen:
//! `dshift = sum dy`, `dscale = sum dy (x - mean) / std`, `dx = factor (dy - dshift / n - (x - mean) / std * dscale / n)`
//! (Ioffe & Szegedy 2015, section 3).

use pulp::{Simd, WithSimd};

use super::arch::dispatch;
use super::function::{Function, Gelu, Identity, Leaky, Relu, Tanh};
use super::lanes::{each_vector, volume, Affine, OnVectors, Vector};
use super::pooling;
use crate::graph::Activation;
use crate::plan::Window;

/// One image behind a product.
#[derive(Clone, Copy)]
pub struct Behind<'a> {
    /// Values in front of batch-norm, (height, width, channels).
    pub x: &'a [f32],
    /// Height and width.
    pub size: [usize; 2],
    /// Channels.
    pub channels: usize,
    /// The batch-norm.
    pub affine: Option<&'a Affine>,
    /// The activation that follows.
    pub activation: Option<Activation>,
    /// Whether the values are those behind the activation, as they may be where there is no batch-norm.
    pub applied: bool,
    /// The max pooling that follows.
    pub pool: Option<Window>,
    /// Gradient behind all of it.
    pub dy: &'a [f32],
}

/// Sums over the pixels of one image: of the gradient in front of the activation, and of it times (x - mean).
pub fn sums(behind: Behind<'_>, shift: &mut [f32], scale: &mut [f32]) {
    behind.check();
    assert!(shift.len() == behind.channels && scale.len() == behind.channels, "one sum a channel");
    dispatch(Sums { behind, shift, scale });
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
    dispatch(Slope { behind, centre, dx });
}

impl Behind<'_> {
    fn outputs(&self) -> [usize; 2] {
        self.pool.map_or(self.size, |window| pooling::outputs(window, self.size))
    }

    fn check(&self) {
        let [height, width] = self.outputs();
        assert_eq!(self.x.len(), volume(&[self.size[0], self.size[1], self.channels]), "a whole image");
        assert_eq!(self.dy.len(), volume(&[height, width, self.channels]), "a whole gradient");
        assert!(self.affine.is_none_or(|affine| affine.channels() == self.channels), "one map a channel");
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

    /// `dy` times the slope of the activation.
    #[inline(always)]
    fn passed<F: Function>(&self, simd: S, applied: bool, x: S::f32s, dy: S::f32s) -> S::f32s {
        let y = simd.mul_add_e_f32s(simd.sub_f32s(x, self.mean), self.factor, self.shift);
        F::passed(simd, y, applied, dy)
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
        match self.behind.activation {
            None => self.strip::<S, FULL, Identity>(simd, vector),
            Some(Activation::Relu) => self.strip::<S, FULL, Relu>(simd, vector),
            Some(Activation::Leaky) => self.strip::<S, FULL, Leaky>(simd, vector),
            Some(Activation::Tanh) => self.strip::<S, FULL, Tanh>(simd, vector),
            Some(Activation::Gelu) => self.strip::<S, FULL, Gelu>(simd, vector),
        }
    }
}

impl Sums<'_> {
    #[inline(always)]
    fn strip<S: Simd, const FULL: bool, F: Function>(&mut self, simd: S, vector: Vector<S, FULL>) {
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
                let dy = map.passed::<F>(simd, behind.applied, x, dy);
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
        match self.behind.activation {
            None => self.strip::<S, FULL, Identity>(simd, vector),
            Some(Activation::Relu) => self.strip::<S, FULL, Relu>(simd, vector),
            Some(Activation::Leaky) => self.strip::<S, FULL, Leaky>(simd, vector),
            Some(Activation::Tanh) => self.strip::<S, FULL, Tanh>(simd, vector),
            Some(Activation::Gelu) => self.strip::<S, FULL, Gelu>(simd, vector),
        }
    }
}

impl Slope<'_> {
    #[inline(always)]
    fn strip<S: Simd, const FULL: bool, F: Function>(&mut self, simd: S, vector: Vector<S, FULL>) {
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
                    let dx = simd.mul_f32s(map.passed::<F>(simd, behind.applied, x, dy), map.factor);
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

#[cfg(test)]
mod tests {
    use super::super::arch::testing::{near, numbers, on_each_kind};
    use super::super::function::{activate, testing::exact};
    use super::*;
    use crate::engine::statistics::EPSILON;

    /// One image, what follows it, and the gradient behind that.
    struct Case {
        size: [usize; 2],
        channels: usize,
        norm: bool,
        activation: Option<Activation>,
        pool: Option<Window>,
        x: Vec<f32>,
        dy: Vec<f32>,
        /// Scale and shift of the batch-norm.
        gamma: Vec<f32>,
        beta: Vec<f32>,
    }

    impl Case {
        fn new(channels: usize, norm: bool, activation: Option<Activation>, pool: Option<Window>) -> Self {
            let size = [5, 4];
            let x = numbers(20 * channels, 1);
            let [height, width] = pool.map_or(size, |window| window.outputs(size));
            let (dy, gamma, beta) = (numbers(height * width * channels, 2), numbers(channels, 3), numbers(channels, 4));
            Case { size, channels, norm, activation, pool, x, dy, gamma, beta }
        }

        /// Mean and 1 / sqrt(variance + eps) of a channel.
        fn moments(&self, x: &[f64], channel: usize) -> (f64, f64) {
            let values: Vec<f64> = x.iter().skip(channel).step_by(self.channels).copied().collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64;
            (mean, 1.0 / (variance + EPSILON).sqrt())
        }

        /// <dy, what is behind x>, layer by layer in f64.
        fn loss(&self, x: &[f64], gamma: &[f64], beta: &[f64]) -> f64 {
            let mut y = x.to_vec();
            for channel in 0..self.channels {
                let (mean, inverse_std) = self.moments(x, channel);
                for y in y.iter_mut().skip(channel).step_by(self.channels) {
                    if self.norm {
                        *y = (*y - mean) * inverse_std * gamma[channel] + beta[channel];
                    }
                    if let Some(activation) = self.activation {
                        *y = exact(activation, *y)[0];
                    }
                }
            }
            let window = self.pool.unwrap_or(Window { size: 1, stride: 1 });
            let [_, width] = window.outputs(self.size);
            let of = |(place, dy): (usize, &f32)| {
                let (channel, pixel) = (place % self.channels, place / self.channels);
                let (oy, ox) = (pixel / width * window.stride, pixel % width * window.stride);
                let places = (0..window.size * window.size).map(|i| (oy + i / window.size, ox + i % window.size));
                let values = places.map(|(row, column)| y[(row * self.size[1] + column) * self.channels + channel]);
                f64::from(*dy) * values.fold(f64::NEG_INFINITY, f64::max)
            };
            self.dy.iter().enumerate().map(of).sum()
        }

        fn check(&self) -> Vec<f32> {
            let wide = |values: &[f32]| values.iter().map(|value| f64::from(*value)).collect::<Vec<f64>>();
            let (x, gamma, beta) = (wide(&self.x), wide(&self.gamma), wide(&self.beta));
            let moments: Vec<(f64, f64)> = (0..self.channels).map(|channel| self.moments(&x, channel)).collect();
            let affine = Affine {
                mean: moments.iter().map(|(mean, _)| *mean as f32).collect(),
                factor: moments
                    .iter()
                    .zip(&gamma)
                    .map(|((_, inverse_std), gamma)| (inverse_std * gamma) as f32)
                    .collect(),
                shift: self.beta.clone(),
            };
            let Case { size, channels, activation, pool, .. } = *self;
            let affine = self.norm.then_some(&affine);
            let mut values = self.x.clone();
            let applied = activation.filter(|activation| !self.norm && *activation != Activation::Gelu);
            if let Some(activation) = applied {
                activate(&mut values, activation);
            }
            let applied = applied.is_some();
            let behind = Behind { x: &values, size, channels, affine, activation, applied, pool, dy: &self.dy };
            let (mut shift, mut scale) = (vec![f32::NAN; channels], vec![f32::NAN; channels]);
            sums(behind, &mut shift, &mut scale);
            let n = (size[0] * size[1]) as f32;
            let inverse_std = || moments.iter().map(|(_, inverse_std)| *inverse_std as f32);
            let of_shift: Vec<f32> = shift.iter().map(|sum| sum / n).collect();
            let of_scale: Vec<f32> =
                scale.iter().zip(inverse_std()).map(|(sum, inverse)| sum * inverse * inverse / n).collect();
            let mut dx = vec![f32::NAN; self.x.len()];
            let centre = Centre { shift: &of_shift, scale: &of_scale };
            slope(behind, self.norm.then_some(centre), &mut dx);

            let difference = |values: &[f64], i: usize, loss: &dyn Fn(&[f64]) -> f64| {
                let moved = |step: f64| {
                    let mut values = values.to_vec();
                    values[i] += step;
                    loss(&values)
                };
                (moved(1e-6) - moved(-1e-6)) / 2e-6
            };
            let what = (self.channels, self.norm, self.activation, self.pool);
            for (i, dx) in dx.iter().enumerate() {
                near(*dx, difference(&x, i, &|x| self.loss(x, &gamma, &beta)), 100.0, (what, i));
            }
            for channel in 0..if self.norm { self.channels } else { 0 } {
                let of_gamma = difference(&gamma, channel, &|gamma| self.loss(&x, gamma, &beta));
                let of_beta = difference(&beta, channel, &|beta| self.loss(&x, &gamma, beta));
                near(scale[channel] * moments[channel].1 as f32, of_gamma, 100.0, (what, channel));
                near(shift[channel], of_beta, 100.0, (what, channel));
            }
            dx
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences_of_the_layers_one_after_another() {
        let pools = [None, Some((2, 2)), Some((3, 1)), Some((3, 2))]
            .map(|pool| pool.map(|(size, stride)| Window { size, stride }));
        on_each_kind(|| {
            let mut all = Vec::new();
            for (i, pool) in pools.into_iter().enumerate() {
                let monotone = |activation: &Activation| pool.is_none() || activation.monotone();
                let activations = Activation::ALL.into_iter().filter(monotone).map(Some).chain([None]);
                for (norm, activation) in activations.flat_map(|activation| [(true, activation), (false, activation)]) {
                    for channels in [1 + i, 8, 16, 19, 33] {
                        all.extend(Case::new(channels, norm, activation, pool).check());
                    }
                }
            }
            all
        });
    }

    #[test]
    #[should_panic(expected = "a whole gradient")]
    fn a_gradient_of_another_size_is_refused() {
        let mut case = Case::new(3, true, None, Some(Window { size: 2, stride: 2 }));
        case.dy.pop();
        case.check();
    }
}
