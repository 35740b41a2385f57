//! Pooling over windows of one channel-last image.
//!
//! An affine map followed by rounding is monotone, so the greatest of several normalised values is the normalised greatest,
//! or, where the factor is negative, the normalised least: what is normalised later is pooled first, to a quarter of its
//! size, and the results are bit for bit those of the layers one after another.

use pulp::{Simd, WithSimd};

use super::arch::dispatch;
use super::lanes::{each_vector, volume, OnVectors, Vector};
use crate::plan::Window;

/// What stands for the values of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Choice<'a> {
    /// The greatest of each channel.
    Greatest,
    /// The least.
    Least,
    /// The greatest where the channel's factor is not negative, else the least.
    BySign(&'a [f32]),
}

/// Height and width behind a pooling.
///
/// # Panics
/// If no window fits.
pub(super) fn outputs(window: Window, size: [usize; 2]) -> [usize; 2] {
    let fits = (1..=size[0].min(size[1])).contains(&window.size) && window.stride > 0;
    assert!(fits, "a {window:?} fits into {size:?}");
    window.outputs(size)
}

/// Greatest or least value of each window: `x` (height, width, channels) to `out` (oh, ow, channels). A NaN wins.
///
/// # Panics
/// If no window fits, or a slice has another length.
pub fn extremes(x: &[f32], size: [usize; 2], channels: usize, window: Window, choice: Choice<'_>, out: &mut [f32]) {
    let outputs = outputs(window, size);
    assert_eq!(x.len(), volume(&[size[0], size[1], channels]), "a whole image");
    assert_eq!(out.len(), volume(&[outputs[0], outputs[1], channels]), "a place for each window");
    if let Choice::BySign(factors) = choice {
        assert_eq!(factors.len(), channels, "one factor a channel");
    }
    dispatch(Extremes { x, width: size[1], channels, window, choice, outputs, out });
}

struct Extremes<'a> {
    x: &'a [f32],
    width: usize,
    channels: usize,
    window: Window,
    choice: Choice<'a>,
    outputs: [usize; 2],
    out: &'a mut [f32],
}

impl WithSimd for Extremes<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let channels = self.channels;
        each_vector(simd, channels, &mut self);
    }
}

impl OnVectors for Extremes<'_> {
    #[inline(always)]
    fn on<S: Simd, const FULL: bool>(&mut self, simd: S, vector: Vector<S, FULL>) {
        let sign = simd.splat_f32s(-0.0);
        let zero = simd.splat_f32s(0.0);
        // The least is the greatest with all signs turned.
        let turned = match self.choice {
            Choice::Greatest => zero,
            Choice::Least => sign,
            Choice::BySign(factors) => {
                let factors = simd.partial_load_f32s(&factors[vector.at..]);
                simd.select_f32s(simd.less_than_f32s(factors, zero), sign, zero)
            }
        };
        if self.window.size == 2 {
            self.windows::<S, FULL, 2>(simd, vector, turned);
        } else {
            self.windows::<S, FULL, 0>(simd, vector, turned);
        }
    }
}

impl Extremes<'_> {
    /// All windows, of side `SIZE` where it is not 0.
    #[inline(always)]
    fn windows<S: Simd, const FULL: bool, const SIZE: usize>(
        &mut self,
        simd: S,
        vector: Vector<S, FULL>,
        turned: S::f32s,
    ) {
        let Extremes { x, width, channels, window, outputs, out, .. } = self;
        let size = if SIZE == 0 { window.size } else { SIZE };
        for oy in 0..outputs[0] {
            for ox in 0..outputs[1] {
                let corner = (oy * window.stride * *width + ox * window.stride) * *channels + vector.at;
                // SAFETY: the window lies inside the image (`outputs` counts no other), the vector inside its channels, and
                // the slices hold whole images (asserted by the caller).
                unsafe {
                    let load = |y: usize, column: usize| {
                        let place = corner + (y * *width + column) * *channels;
                        simd.xor_f32s(vector.load(simd, x.as_ptr().add(place)), turned)
                    };
                    let mut best = load(0, 0);
                    for y in 0..size {
                        for column in usize::from(y == 0)..size {
                            let value = load(y, column);
                            let greater = simd.greater_than_f32s(value, best);
                            let number = simd.equal_f32s(value, value);
                            best = simd.select_f32s(greater, value, simd.select_f32s(number, best, value));
                        }
                    }
                    let place = (oy * outputs[1] + ox) * *channels + vector.at;
                    vector.store(simd, out.as_mut_ptr().add(place), simd.xor_f32s(best, turned));
                }
            }
        }
    }
}

/// Mean of each window: `x` (height, width, channels) to `out` (oh, ow, channels).
///
/// # Panics
/// If no window fits, or a slice has another length.
pub fn means(x: &[f32], size: [usize; 2], channels: usize, window: Window, out: &mut [f32]) {
    let outputs = outputs(window, size);
    assert_eq!(out.len(), volume(&[outputs[0], outputs[1], channels]), "a place for each window");
    let scale = 1.0 / (window.size * window.size) as f32;
    for (place, out) in out.chunks_exact_mut(channels).enumerate() {
        let (oy, ox) = (place / outputs[1], place % outputs[1]);
        out.fill(0.0);
        for y in 0..window.size {
            for i in 0..window.size {
                let from = ((oy * window.stride + y) * size[1] + ox * window.stride + i) * channels;
                out.iter_mut().zip(&x[from..from + channels]).for_each(|(out, x)| *out += x);
            }
        }
        out.iter_mut().for_each(|out| *out *= scale);
    }
}

#[cfg(test)]
mod tests {
    use super::super::arch::testing::{near, numbers, on_each_kind};
    use super::super::function::activate;
    use super::super::lanes::{normalise, Affine, Pixels};
    use super::*;
    use crate::graph::Activation;

    /// Windows that meet, overlap and leave a rest, and sizes of images.
    const CASES: [(Window, [usize; 2]); 6] = [
        (Window { size: 2, stride: 2 }, [5, 4]),
        (Window { size: 2, stride: 1 }, [3, 4]),
        (Window { size: 3, stride: 1 }, [3, 5]),
        (Window { size: 3, stride: 2 }, [7, 5]),
        (Window { size: 1, stride: 2 }, [3, 3]),
        (Window { size: 4, stride: 3 }, [4, 7]),
    ];

    /// The values of each window and channel, in the order of the output.
    fn windows(x: &[f32], [height, width]: [usize; 2], channels: usize, window: Window) -> Vec<Vec<f32>> {
        let mut all = Vec::new();
        for oy in (0..=height - window.size).step_by(window.stride) {
            for ox in (0..=width - window.size).step_by(window.stride) {
                for channel in 0..channels {
                    let places = (0..window.size * window.size).map(|i| (oy + i / window.size, ox + i % window.size));
                    all.push(places.map(|(y, x)| (y * width + x) * channels + channel).map(|place| x[place]).collect());
                }
            }
        }
        all
    }

    fn pooled(x: &[f32], size: [usize; 2], channels: usize, window: Window, choice: Choice<'_>) -> Vec<f32> {
        let [height, width] = window.outputs(size);
        let mut out = vec![f32::NAN; height * width * channels];
        extremes(x, size, channels, window, choice, &mut out);
        out
    }

    #[test]
    fn each_window_gives_its_greatest_or_least_value_and_one_that_is_no_number_wins() {
        on_each_kind(|| {
            let mut all = Vec::new();
            for (channels, (window, size)) in (1..=40).flat_map(|channels| CASES.map(|case| (channels, case))) {
                let mut x = numbers(size[0] * size[1] * channels, 1);
                let bad = x.len() / 3;
                x[bad] = f32::NAN;
                let factors = numbers(channels, 2);
                let of_windows = windows(&x, size, channels, window);
                for choice in [Choice::Greatest, Choice::Least, Choice::BySign(&factors)] {
                    let out = pooled(&x, size, channels, window, choice);
                    assert_eq!(out.len(), of_windows.len());
                    for (place, (out, values)) in out.iter().zip(&of_windows).enumerate() {
                        let least = match choice {
                            Choice::Greatest => false,
                            Choice::Least => true,
                            Choice::BySign(factors) => factors[place % channels] < 0.0,
                        };
                        let expected = if values.iter().any(|x| x.is_nan()) {
                            f32::NAN
                        } else {
                            values.iter().copied().reduce(if least { f32::min } else { f32::max }).unwrap()
                        };
                        assert!(
                            *out == expected || out.is_nan() && expected.is_nan(),
                            "{channels}, {window:?}, {choice:?}, {place}: {out} against {expected}"
                        );
                    }
                    all.extend(out.into_iter().filter(|out| !out.is_nan()));
                }
                if size[0] == 5 {
                    let mut out = vec![f32::NAN; of_windows.len()];
                    means(&x, size, channels, window, &mut out);
                    for (out, values) in out.iter().zip(&of_windows) {
                        let expected = values.iter().map(|x| f64::from(*x)).sum::<f64>() / values.len() as f64;
                        near(*out, expected, 1.0, channels);
                    }
                }
            }
            all
        });
    }

    #[test]
    fn pooling_first_by_the_sign_gives_the_bits_of_the_layers_one_after_another() {
        on_each_kind(|| {
            let mut all = Vec::new();
            for (channels, (window, size)) in (1..=40).flat_map(|channels| CASES.map(|case| (channels, case))) {
                let x = numbers(size[0] * size[1] * channels, 3);
                let [mean, factor, shift] = [4, 5, 6].map(|seed| numbers(channels, seed));
                let affine = Affine { mean, factor, shift };
                let normalised = |x: &[f32], [height, width]: [usize; 2], activation: Option<Activation>| {
                    let (mut out, dense) = (vec![f32::NAN; x.len()], Pixels::dense(width, channels));
                    normalise(x, dense, &mut out, dense, [height, width], affine.all(), activation);
                    out
                };
                let mut layers = normalised(&x, size, None);
                activate(&mut layers, Activation::Relu);
                let layers = pooled(&layers, size, channels, window, Choice::Greatest);
                let first = pooled(&x, size, channels, window, Choice::BySign(&affine.factor));
                let first = normalised(&first, window.outputs(size), Some(Activation::Relu));
                let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&layers), bits(&first), "{channels}, {window:?}");
                all.extend(first);
            }
            all
        });
    }

    #[test]
    fn a_window_that_does_not_fit_is_refused() {
        let refused = |size: usize, stride: usize, length: usize| {
            let work =
                || extremes(&[0.0; 4], [2, 2], 1, Window { size, stride }, Choice::Greatest, &mut vec![0.0; length]);
            std::panic::catch_unwind(work).is_err()
        };
        assert!(!refused(2, 1, 1));
        assert!(refused(2, 1, 2) && refused(2, 0, 1) && refused(0, 1, 9));
        // (2 - 3) / 2^63 + 1 would be 2 places in both directions, if numbers had no end.
        assert!(refused(3, 1 << 63, 4));
    }
}
