//! Mean pooling: of windows, or of the whole image.

use super::layer::Layer;

/// Mean of each window; windows that would leave the image are dropped.
pub(super) struct Average {
    /// [c, h, w].
    input: [usize; 3],
    /// [h, w].
    output: [usize; 2],
    /// Height and width of the window.
    window: [usize; 2],
    stride: usize,
}

impl Average {
    pub(super) fn new(input: &[usize], output: &[usize], window: [usize; 2], stride: usize) -> Self {
        Average { input: [input[0], input[1], input[2]], output: [output[1], output[2]], window, stride }
    }

    fn inputs(&self) -> usize {
        self.input.iter().product()
    }

    fn outputs(&self) -> usize {
        self.input[0] * self.output[0] * self.output[1]
    }

    /// What each value counts in its window's mean.
    fn share(&self) -> f32 {
        1.0 / (self.window[0] * self.window[1]) as f32
    }

    /// Each window of one image, line by line: its place in the output, and the first place of the line in the input.
    fn lines(&self, mut line: impl FnMut(usize, usize)) {
        let ([channels, height, width], [rows, columns]) = (self.input, self.output);
        for window in 0..channels * rows * columns {
            let (channel, row, column) = (window / (rows * columns), window / columns % rows, window % columns);
            for dy in 0..self.window[0] {
                line(window, (channel * height + row * self.stride + dy) * width + column * self.stride);
            }
        }
    }
}

impl Layer for Average {
    fn forward(&self, at: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) {
        for (image, out) in at[0].chunks_exact(self.inputs()).zip(out.chunks_exact_mut(self.outputs())) {
            out.fill(0.0);
            self.lines(|window, start| out[window] += image[start..start + self.window[1]].iter().sum::<f32>());
            out.iter_mut().for_each(|sum| *sum *= self.share());
        }
    }

    fn push(&self, _: &[&[f32]], along: &[&[f32]], out: &mut [f32], scratch: &mut Vec<f32>) {
        self.forward(along, out, scratch);
    }

    fn pull(&self, _: &[&[f32]], slopes: &[f32], _: usize, into: &mut [f32], _: &mut Vec<f32>) {
        for (slopes, into) in slopes.chunks_exact(self.outputs()).zip(into.chunks_exact_mut(self.inputs())) {
            self.lines(|window, start| {
                let slope = slopes[window] * self.share();
                into[start..start + self.window[1]].iter_mut().for_each(|sum| *sum += slope);
            });
        }
    }
}
