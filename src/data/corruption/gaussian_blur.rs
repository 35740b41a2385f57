//! Gaussian blur of each channel, cut off at four standard deviations, edges repeated: scikit-image's `gaussian`.

use super::{by_channels, pixel, Corrupted, Corruption, SEVERITIES};
use crate::entry::Entry;

struct GaussianBlur;

pub(super) const ENTRY: Entry<dyn Corruption> = Entry {
    name: "gaussian-blur",
    summary: "blur with a standard deviation of 1 to 6 pixels (one channel) or 0.4 to 1",
    reference: "Hendrycks & Dietterich 2019",
    build: |_, ()| Ok(Box::new(GaussianBlur)),
};

impl Corruption for GaussianBlur {
    /// Standard deviations, pixels.
    fn strengths(&self, channels: usize) -> [f64; SEVERITIES] {
        by_channels(channels, [1.0, 2.0, 3.0, 4.0, 6.0], [0.4, 0.6, 0.7, 0.8, 1.0])
    }

    fn of(&self, sigma: f64) -> Box<Corrupted> {
        let kernel = kernel(sigma);
        Box::new(move |image, [_, height, width], _, out| {
            out.iter_mut().zip(image).for_each(|(out, byte)| *out = pixel(*byte));
            for plane in out.chunks_exact_mut(height * width) {
                for x in 0..width {
                    blur_line(plane, x, width, height, &kernel);
                }
                for y in 0..height {
                    blur_line(plane, y * width, 1, width, &kernel);
                }
            }
        })
    }
}

/// Weights from the centre outwards, of which the centre counts once and the others twice in a sum of 1.
fn kernel(sigma: f64) -> Vec<f64> {
    let radius = (4.0 * sigma + 0.5) as usize;
    let weight = |i: usize| if i == 0 { 1.0 } else { (-0.5 * (i as f64 / sigma).powi(2)).exp() };
    let weights: Vec<f64> = (0..=radius).map(weight).collect();
    let sum = weights[0] + 2.0 * weights[1..].iter().sum::<f64>();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// Blurs the `n` values that begin at `first` and lie `step` apart.
fn blur_line(plane: &mut [f64], first: usize, step: usize, n: usize, kernel: &[f64]) {
    let line: Vec<f64> = (0..n).map(|i| plane[first + i * step]).collect();
    for i in 0..n {
        let both = |(r, weight): (usize, &f64)| weight * (line[i.saturating_sub(r)] + line[(i + r).min(n - 1)]);
        let sides: f64 = kernel.iter().enumerate().skip(1).map(both).sum();
        plane[first + i * step] = kernel[0] * line[i] + sides;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn a_constant_image_stays_and_a_point_spreads_by_the_kernel() {
        for sigma in [0.4, 1.0, 6.0] {
            let mut out = vec![0.0; 54];
            GaussianBlur.of(sigma)(&[102; 54], [2, 3, 9], &mut Seed::new(1).rng(), &mut out);
            assert!(out.iter().all(|x| (x - 0.4).abs() < 1e-12), "{sigma}: {out:?}");
        }
        let (mut image, mut out) = (vec![0; 21 * 21], vec![0.0; 21 * 21]);
        image[10 * 21 + 10] = 255;
        GaussianBlur.of(1.5)(&image, [1, 21, 21], &mut Seed::new(1).rng(), &mut out);
        let ratio = |dx: usize, dy: usize| out[(10 + dy) * 21 + 10 + dx] / out[10 * 21 + 10];
        for (dx, dy) in [(1, 0), (0, 1), (2, 3), (6, 0)] {
            let expected = (-((dx * dx + dy * dy) as f64) / 4.5).exp();
            assert!((ratio(dx, dy) - expected).abs() < 1e-12, "{dx} {dy}: {}", ratio(dx, dy));
        }
        assert_eq!(ratio(7, 0), 0.0, "cut off at four standard deviations");
        assert!((out.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
