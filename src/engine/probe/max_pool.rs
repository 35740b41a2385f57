//! Max pooling: the greatest value of each window, and where it stands.

use super::layer::Layer;

/// Windows that would leave the image are dropped; of equals the first is the winner, and a NaN wins.
pub(super) struct MaxPool {
    /// [c, h, w].
    input: [usize; 3],
    /// [h, w].
    output: [usize; 2],
    size: usize,
    stride: usize,
}

/// Whether a value takes the place of the greatest so far. Without a branch, which nothing could predict.
#[inline(always)]
fn beats(x: f32, best: f32) -> bool {
    (x > best) | (x.is_nan() & !best.is_nan())
}

impl MaxPool {
    pub(super) fn new(input: &[usize], output: &[usize], size: usize, stride: usize) -> Self {
        MaxPool { input: [input[0], input[1], input[2]], output: [output[1], output[2]], size, stride }
    }

    fn inputs(&self) -> usize {
        self.input.iter().product()
    }

    fn outputs(&self) -> usize {
        self.input[0] * self.output[0] * self.output[1]
    }

    /// Each line of one image's windows, tap by tap: first place of the line in the output, the tap's number, and place of
    /// the tap of its first window in the input.
    fn lines(&self, mut line: impl FnMut(usize, usize, usize)) {
        let ([channels, height, width], [rows, columns]) = (self.input, self.output);
        for (channel, row) in (0..channels).flat_map(|channel| (0..rows).map(move |row| (channel, row))) {
            let start = (channel * height + row * self.stride) * width;
            for tap in 0..self.size * self.size {
                let at = start + tap / self.size * width + tap % self.size;
                line((channel * rows + row) * columns, tap, at);
            }
        }
    }

    /// For each output of each image the place of its winner in the image.
    fn winners(&self, images: &[f32]) -> Vec<usize> {
        let (columns, stride) = (self.output[1], self.stride);
        let mut all = vec![0; images.len() / self.inputs() * self.outputs()];
        for (image, winners) in images.chunks_exact(self.inputs()).zip(all.chunks_exact_mut(self.outputs())) {
            self.lines(|line, tap, start| {
                let places = winners[line..line + columns].iter_mut().zip((start..).step_by(stride));
                if tap == 0 {
                    places.for_each(|(winner, place)| *winner = place);
                } else {
                    places.for_each(|(winner, place)| {
                        *winner = if beats(image[place], image[*winner]) { place } else { *winner };
                    });
                }
            });
        }
        all
    }
}

impl Layer for MaxPool {
    fn forward(&self, at: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) {
        let (columns, stride) = (self.output[1], self.stride);
        for (image, out) in at[0].chunks_exact(self.inputs()).zip(out.chunks_exact_mut(self.outputs())) {
            self.lines(|line, tap, start| {
                let taps = out[line..line + columns].iter_mut().zip(image[start..].iter().step_by(stride));
                if tap == 0 {
                    taps.for_each(|(out, x)| *out = *x);
                } else {
                    taps.for_each(|(out, x)| *out = if beats(*x, *out) { *x } else { *out });
                }
            });
        }
    }

    fn push(&self, at: &[&[f32]], along: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) {
        let (winners, each) = (self.winners(at[0]), along[0].len() / at[0].len());
        let rows = along[0].chunks_exact(self.inputs()).zip(out.chunks_exact_mut(self.outputs()));
        for (i, (along, out)) in rows.enumerate() {
            let winners = &winners[i / each * self.outputs()..];
            out.iter_mut().zip(winners).for_each(|(out, place)| *out = along[*place]);
        }
    }

    fn pull(&self, at: &[&[f32]], slopes: &[f32], _: usize, into: &mut [f32], _: &mut Vec<f32>) {
        let (winners, each) = (self.winners(at[0]), into.len() / at[0].len());
        let rows = slopes.chunks_exact(self.outputs()).zip(into.chunks_exact_mut(self.inputs()));
        for (i, (slopes, into)) in rows.enumerate() {
            let winners = &winners[i / each * self.outputs()..];
            slopes.iter().zip(winners).for_each(|(slope, place)| into[*place] += slope);
        }
    }
}
