//! Convolution as patches times filters, and its two gradients.
//!
//! One (member, image) at a time: the patch matrix of an image is (channels * k * k, positions) and stays in cache, the
//! product with the filters (filters, channels * k * k) is the image's output (filters, positions).

use super::gemm::{product, Matrix};
use super::Spread;

/// Shape of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Images of a batch.
    pub batch: usize,
    /// Input channels.
    pub channels: usize,
    /// Height of the input.
    pub height: usize,
    /// Width of the input.
    pub width: usize,
    /// Filters.
    pub filters: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Step in both directions.
    pub stride: usize,
    /// Zeros around the image.
    pub padding: usize,
}

/// Images whose weight gradients are summed in f32 before the f64 sum over all images.
const GRADIENT_BLOCK: usize = 8;

impl Geometry {
    /// Height of the output.
    pub fn out_height(&self) -> usize {
        (self.height + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Width of the output.
    pub fn out_width(&self) -> usize {
        (self.width + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Output positions of one image.
    pub fn positions(&self) -> usize {
        self.out_height() * self.out_width()
    }

    /// Values of one input image.
    pub fn image_len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Values of one output image.
    pub fn output_len(&self) -> usize {
        self.filters * self.positions()
    }

    /// Weights of one filter; rows of the patch matrix.
    pub fn patch_len(&self) -> usize {
        self.channels * self.kernel * self.kernel
    }

    /// Whether the image is its own patch matrix.
    fn pointwise(&self) -> bool {
        self.kernel == 1 && self.stride == 1 && self.padding == 0
    }

    /// The output columns for which column `kx` of the kernel falls inside the image.
    fn inside(&self, kx: usize) -> (usize, usize) {
        let first = self.padding.saturating_sub(kx).div_ceil(self.stride);
        let last = (self.width + self.padding).saturating_sub(kx + 1) / self.stride + 1;
        let end = if self.width + self.padding > kx { last.min(self.out_width()) } else { 0 };
        (first.min(end), end)
    }

    /// Calls `row(patch row, output row, first column, end column, input index of the first column)` for every stretch
    /// of the patch matrix that lies inside the image.
    fn stretches(&self, mut row: impl FnMut(usize, usize, usize, usize, usize)) {
        let Geometry { channels, height, width, kernel, stride, padding, .. } = *self;
        for c in 0..channels {
            for ky in 0..kernel {
                for kx in 0..kernel {
                    let (first, end) = self.inside(kx);
                    for oy in 0..self.out_height() {
                        let y = oy * stride + ky;
                        if first < end && y >= padding && y - padding < height {
                            let from = (c * height + y - padding) * width + first * stride + kx - padding;
                            row((c * kernel + ky) * kernel + kx, oy, first, end, from);
                        }
                    }
                }
            }
        }
    }

    /// The patch matrix (channels * k * k, positions) of one image.
    fn patches<'s>(&self, image: &'s [f32], scratch: &'s mut Vec<f32>) -> &'s [f32] {
        if self.pointwise() {
            return image;
        }
        let (positions, columns, stride) = (self.positions(), self.out_width(), self.stride);
        // The places outside the image are the same for every image of a geometry: zeroed once, never written.
        if scratch.len() != self.patch_len() * positions {
            scratch.clear();
            scratch.resize(self.patch_len() * positions, 0.0);
        }
        self.stretches(|patch, oy, first, end, from| {
            let start = patch * positions + oy * columns;
            let to = &mut scratch[start + first..start + end];
            if stride == 1 {
                to.copy_from_slice(&image[from..from + to.len()]);
            } else {
                to.iter_mut().enumerate().for_each(|(i, value)| *value = image[from + i * stride]);
            }
        });
        scratch
    }

    /// Adds a patch matrix back into an image, the transpose of [`Self::patches`].
    fn add_patches(&self, patches: &[f32], image: &mut [f32]) {
        let (positions, columns, stride) = (self.positions(), self.out_width(), self.stride);
        self.stretches(|patch, oy, first, end, from| {
            let start = patch * positions + oy * columns;
            let values = &patches[start + first..start + end];
            values.iter().enumerate().for_each(|(i, value)| image[from + i * stride] += value);
        });
    }
}

/// `out` (m, batch, filters, positions) of `x` (mx, batch, image) and `w` (mw, filters, patch), where mx and mw are 1 or
/// m; `bias` (mb, filters) is added where given.
pub fn forward(g: &Geometry, x: &[f32], w: &[f32], bias: Option<&[f32]>, out: &mut [f32], spread: Spread) {
    let (filter_bank, output_len) = (g.filters * g.patch_len(), g.output_len());
    let own = |index: usize, data: &[f32], len: usize| if data.len() == len { 0 } else { index };
    spread.chunks(out, output_len, |index, out, scratch| {
        let (member, image) = (index / g.batch, index % g.batch);
        let x_index = own(member, x, g.batch * g.image_len()) * g.batch + image;
        let w_start = own(member, w, filter_bank) * filter_bank;
        let patches = g.patches(&x[x_index * g.image_len()..][..g.image_len()], scratch);
        let weights = Matrix::rows(&w[w_start..w_start + filter_bank], g.patch_len());
        let accumulate = bias.is_some();
        if let Some(bias) = bias {
            let start = own(member, bias, g.filters) * g.filters;
            out.chunks_exact_mut(g.positions()).zip(&bias[start..]).for_each(|(row, bias)| row.fill(*bias));
        }
        let shape = [g.filters, g.positions(), g.patch_len()];
        product(out, shape, weights, Matrix::rows(patches, g.positions()), accumulate);
    });
}

/// Gradient of the weights (filters, patch) of one member from `x` (batch, image) and `dy` (batch, filters, positions).
pub fn weight_gradient(g: &Geometry, x: &[f32], dy: &[f32], spread: Spread) -> Vec<f32> {
    let shape = [g.filters, g.patch_len(), g.positions()];
    let blocks = spread.map(g.batch.div_ceil(GRADIENT_BLOCK), |block| {
        let mut sum = vec![0.0; g.filters * g.patch_len()];
        let mut scratch = Vec::new();
        for image in block * GRADIENT_BLOCK..((block + 1) * GRADIENT_BLOCK).min(g.batch) {
            let patches = g.patches(&x[image * g.image_len()..][..g.image_len()], &mut scratch);
            let dy = Matrix::rows(&dy[image * g.output_len()..][..g.output_len()], g.positions());
            product(&mut sum, shape, dy, Matrix::rows(patches, g.positions()).t(), true);
        }
        sum
    });
    sum_blocks(&blocks)
}

/// Gradient of the bias (filters) of one member from `dy` (batch, filters, positions).
pub fn bias_gradient(g: &Geometry, dy: &[f32]) -> Vec<f32> {
    let mut sums = vec![0.0f64; g.filters];
    for (row, dy) in dy.chunks_exact(g.positions()).enumerate() {
        sums[row % g.filters] += f64::from(dy.iter().sum::<f32>());
    }
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// Gradient of the input (batch, image) of one member from `w` (filters, patch) and `dy` (batch, filters, positions).
pub fn input_gradient(g: &Geometry, w: &[f32], dy: &[f32], spread: Spread) -> Vec<f32> {
    let mut dx = vec![0.0; g.batch * g.image_len()];
    let shape = [g.patch_len(), g.positions(), g.filters];
    spread.chunks(&mut dx, g.image_len(), |image, dx, scratch| {
        let dy = Matrix::rows(&dy[image * g.output_len()..][..g.output_len()], g.positions());
        let weights = Matrix::rows(w, g.patch_len()).t();
        if g.pointwise() {
            product(dx, shape, weights, dy, false);
        } else {
            scratch.resize(g.patch_len() * g.positions(), 0.0);
            product(scratch, shape, weights, dy, false);
            g.add_patches(scratch, dx);
        }
    });
    dx
}

/// Sums equally long vectors in order, in f64.
pub(super) fn sum_blocks(blocks: &[Vec<f32>]) -> Vec<f32> {
    let Some((first, rest)) = blocks.split_first() else { return Vec::new() };
    let mut sums: Vec<f64> = first.iter().map(|x| f64::from(*x)).collect();
    for block in rest {
        sums.iter_mut().zip(block).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    sums.into_iter().map(|sum| sum as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    /// The definition, one product at a time.
    fn by_definition(g: &Geometry, x: &[f32], w: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; g.batch * g.output_len()];
        for (i, out) in out.iter_mut().enumerate() {
            let (image, rest) = (i / g.output_len(), i % g.output_len());
            let (filter, position) = (rest / g.positions(), rest % g.positions());
            let (oy, ox) = (position / g.out_width(), position % g.out_width());
            for c in 0..g.channels {
                for ky in 0..g.kernel {
                    for kx in 0..g.kernel {
                        let (y, x_at) = (oy * g.stride + ky, ox * g.stride + kx);
                        let inside = |at: usize, n: usize| at >= g.padding && at - g.padding < n;
                        if inside(y, g.height) && inside(x_at, g.width) {
                            let pixel = (c * g.height + y - g.padding) * g.width + x_at - g.padding;
                            let weight = filter * g.patch_len() + (c * g.kernel + ky) * g.kernel + kx;
                            *out += x[image * g.image_len() + pixel] * w[weight];
                        }
                    }
                }
            }
        }
        out
    }

    fn geometries() -> Vec<Geometry> {
        let mut all = Vec::new();
        for (kernel, stride, padding) in
            [(3, 1, 1), (1, 1, 0), (5, 2, 2), (2, 2, 0), (3, 2, 1), (4, 3, 3), (7, 1, 6), (1, 2, 0)]
        {
            for (height, width) in [(7, 6), (4, 9), (5, 5)] {
                if kernel <= height.min(width) + 2 * padding {
                    all.push(Geometry { batch: 3, channels: 2, height, width, filters: 4, kernel, stride, padding });
                }
            }
        }
        all
    }

    fn draw(label: &str, n: usize) -> Vec<f32> {
        let mut values = vec![0.0; n];
        Seed::new(3).child(label).rng().fill_normal(&mut values);
        values
    }

    fn dot(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }

    #[test]
    fn forward_is_the_definition_for_every_geometry_and_member_axis() {
        for g in geometries() {
            let (x, w) = (draw("x", 2 * g.batch * g.image_len()), draw("w", 2 * g.filters * g.patch_len()));
            let (half_x, half_w) = (x.len() / 2, w.len() / 2);
            let bias = draw("bias", g.filters);
            for (x_members, w_members) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
                let members = x_members.max(w_members);
                let mut out = vec![f32::NAN; members * g.batch * g.output_len()];
                let (x, w) = (&x[..x_members * half_x], &w[..w_members * half_w]);
                forward(&g, x, w, Some(&bias), &mut out, Spread::Pool);
                for member in 0..members {
                    let own = |data: &[f32], len: usize| if data.len() == len { 0 } else { member * len };
                    let expected = by_definition(&g, &x[own(x, half_x)..], &w[own(w, half_w)..]);
                    let got = &out[member * expected.len()..][..expected.len()];
                    for (i, (a, b)) in got.iter().zip(&expected).enumerate() {
                        let b = b + bias[i % g.output_len() / g.positions()];
                        assert!((a - b).abs() < 1e-4, "{g:?} member {member} value {i}: {a} against {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn gradients_are_the_transposes_of_the_forward_map() {
        // conv is linear in x and in w: <dy, conv(x, w)> = <dx, x> = <dw, w>.
        for g in geometries() {
            let (x, w) = (draw("x", g.batch * g.image_len()), draw("w", g.filters * g.patch_len()));
            let dy = draw("dy", g.batch * g.output_len());
            let mut y = vec![0.0; dy.len()];
            forward(&g, &x, &w, None, &mut y, Spread::Here);
            let value = dot(&dy, &y);
            let by_x = dot(&input_gradient(&g, &w, &dy, Spread::Pool), &x);
            let by_w = dot(&weight_gradient(&g, &x, &dy, Spread::Pool), &w);
            assert!((by_x - value).abs() < 1e-3 && (by_w - value).abs() < 1e-3, "{g:?}: {value} {by_x} {by_w}");
            let ones = vec![1.0; g.filters];
            let mut with_bias = vec![0.0; dy.len()];
            forward(&g, &x, &w, Some(&ones), &mut with_bias, Spread::Here);
            let by_bias: f32 = bias_gradient(&g, &dy).iter().sum();
            assert!((f64::from(by_bias) - (dot(&dy, &with_bias) - value)).abs() < 1e-3);
        }
    }

    #[test]
    fn threads_never_change_a_bit() {
        let g = Geometry { batch: 20, channels: 3, height: 9, width: 9, filters: 5, kernel: 3, stride: 1, padding: 1 };
        let (x, w) = (draw("x", g.batch * g.image_len()), draw("w", g.filters * g.patch_len()));
        let (mut a, mut b) = (vec![0.0; g.batch * g.output_len()], vec![0.0; g.batch * g.output_len()]);
        forward(&g, &x, &w, None, &mut a, Spread::Here);
        forward(&g, &x, &w, None, &mut b, Spread::Pool);
        assert_eq!(a, b);
        assert_eq!(weight_gradient(&g, &x, &a, Spread::Here), weight_gradient(&g, &x, &a, Spread::Pool));
    }
}
