//! Convolutions: a product of the filters with the matrix of all windows, image by image, so that an image's bits do not
//! depend on what stands beside it.

use super::layer::{add, Layer};
use crate::num::Matrix;

pub(super) struct Convolution {
    /// (filters, channels * kernel * kernel).
    weight: Vec<f32>,
    bias: Option<Vec<f32>>,
    /// [c, h, w].
    input: [usize; 3],
    /// [filters, h, w].
    output: [usize; 3],
    kernel: usize,
    stride: usize,
    padding: usize,
}

/// A line of one tap: of the matrix of windows, and what it holds of the image.
struct Line {
    /// First index in the matrix of windows.
    start: usize,
    /// Places of the line that are not padding.
    from: usize,
    to: usize,
    /// Index in the image of the first of them.
    image: usize,
}

impl Convolution {
    /// Of images [c, h, w] to [filters, h, w], with kernel, stride and padding.
    pub(super) fn new(
        weight: Vec<f32>,
        bias: Option<Vec<f32>>,
        input: &[usize],
        output: &[usize],
        [kernel, stride, padding]: [usize; 3],
    ) -> Self {
        let image = |shape: &[usize]| [shape[0], shape[1], shape[2]];
        Convolution { weight, bias, input: image(input), output: image(output), kernel, stride, padding }
    }

    /// Whether the matrix of windows is the image itself.
    fn pointwise(&self) -> bool {
        (self.kernel, self.stride, self.padding) == (1, 1, 0)
    }

    /// Taps of one window: rows of the matrix of windows.
    fn taps(&self) -> usize {
        self.weight.len() / self.output[0]
    }

    /// Windows of one image: columns of the matrix.
    fn windows(&self) -> usize {
        self.output[1] * self.output[2]
    }

    /// Each line of the matrix of windows.
    fn lines(&self, mut line: impl FnMut(Line)) {
        let ([channels, height, width], [_, rows, columns]) = (self.input, self.output);
        let (kernel, stride, padding) = (self.kernel, self.stride, self.padding);
        let mut start = 0;
        for channel in 0..channels {
            for (ky, kx) in (0..kernel).flat_map(|ky| (0..kernel).map(move |kx| (ky, kx))) {
                // Places x with 0 <= x * stride + kx - padding < width.
                let to = (width + padding).saturating_sub(kx).div_ceil(stride).min(columns);
                let from = padding.saturating_sub(kx).div_ceil(stride).min(to);
                for row in 0..rows {
                    let y = row * stride + ky;
                    let inside = (padding..padding + height).contains(&y) && from < to;
                    let (from, to) = if inside { (from, to) } else { (0, 0) };
                    let image = if inside {
                        (channel * height + y - padding) * width + from * stride + kx - padding
                    } else {
                        0
                    };
                    line(Line { start, from, to, image });
                    start += columns;
                }
            }
        }
    }

    /// Writes the matrix of windows (taps, windows) of an image.
    fn gather(&self, image: &[f32], out: &mut [f32]) {
        let (columns, stride) = (self.output[2], self.stride);
        self.lines(|line| {
            let out = &mut out[line.start..line.start + columns];
            out[..line.from].fill(0.0);
            out[line.to..].fill(0.0);
            let inside = &mut out[line.from..line.to];
            if stride == 1 {
                inside.copy_from_slice(&image[line.image..line.image + inside.len()]);
            } else {
                let steps = image[line.image..].iter().step_by(stride);
                inside.iter_mut().zip(steps).for_each(|(out, x)| *out = *x);
            }
        });
    }

    /// Adds what stands in the matrix of windows to where it was taken from.
    fn scatter(&self, windows: &[f32], image: &mut [f32]) {
        self.lines(|line| {
            let inside = &windows[line.start + line.from..line.start + line.to];
            let steps = image[line.image..].iter_mut().step_by(self.stride);
            steps.zip(inside).for_each(|(sum, x)| *sum += x);
        });
    }

    /// Writes the products of all images.
    fn products(&self, images: &[f32], out: &mut [f32], scratch: &mut Vec<f32>) {
        let (inputs, outputs) = (self.input.iter().product(), self.output.iter().product());
        let weight = Matrix::new(&self.weight, self.output[0]);
        for (image, out) in images.chunks_exact(inputs).zip(out.chunks_exact_mut(outputs)) {
            if self.pointwise() {
                weight.times_into(Matrix::new(image, self.taps()), out);
            } else {
                scratch.resize(self.taps() * self.windows(), 0.0);
                self.gather(image, scratch);
                weight.times_into(Matrix::new(scratch, self.taps()), out);
            }
        }
    }
}

impl Layer for Convolution {
    fn forward(&self, at: &[&[f32]], out: &mut [f32], scratch: &mut Vec<f32>) {
        self.products(at[0], out, scratch);
        let Some(bias) = &self.bias else { return };
        for (plane, bias) in out.chunks_exact_mut(self.windows()).zip(bias.iter().cycle()) {
            plane.iter_mut().for_each(|out| *out += bias);
        }
    }

    fn push(&self, _: &[&[f32]], along: &[&[f32]], out: &mut [f32], scratch: &mut Vec<f32>) {
        self.products(along[0], out, scratch);
    }

    fn pull(&self, _: &[&[f32]], slopes: &[f32], _: usize, into: &mut [f32], scratch: &mut Vec<f32>) {
        let (inputs, outputs) = (self.input.iter().product(), self.output.iter().product());
        let weight = Matrix::new(&self.weight, self.output[0]).transposed();
        scratch.resize(self.taps() * self.windows(), 0.0);
        for (slopes, into) in slopes.chunks_exact(outputs).zip(into.chunks_exact_mut(inputs)) {
            weight.times_into(Matrix::new(slopes, self.output[0]), scratch);
            if self.pointwise() {
                add(into, scratch);
            } else {
                self.scatter(scratch, into);
            }
        }
    }
}
