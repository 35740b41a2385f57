//! Made-up images for tests and benches: a random template per class under noise, learnable and as large as one likes.

use std::path::Path;

use super::{DataSource, Images, Labelled};
use crate::entry::Entry;
use crate::error::Result;
use crate::params::Range;
use crate::rng::Seed;

/// Share of a class's template in a pixel; the noise has the standard deviation `noise`.
const SIGNAL: f32 = 0.7;

/// More than this is a mistyped number.
const LARGEST: u64 = 1 << 30;

/// Parameters: `classes` (10), `train` (1000) and `test` (200) images, `channels` (1), `image` (28, height and width),
/// `noise` (1.0, against templates of 0.7), `seed` (0).
pub(super) const ENTRY: Entry<dyn DataSource> = Entry {
    name: "synthetic",
    summary: "made up: a random template per class under noise; for tests and timing",
    reference: "this crate",
    build: |params, _| {
        let count = |key: &str, default: u64, range| params.integer(key, Some(default), range) as usize;
        let side = count("image", 28, 1..=4_096);
        let source = Synthetic {
            classes: count("classes", 10, 2..=256),
            train: count("train", 1_000, 1..=10_000_000),
            test: count("test", 200, 1..=10_000_000),
            shape: [count("channels", 1, 1..=1_024), side, side],
            noise: params.float("noise", Some(1.0), Range::Within(0.0, 1e6)) as f32,
            seed: params.integer("seed", Some(0), 0..=i64::MAX as u64),
        };
        // At most 2^25 images of 2^34 bytes: fits into 64 bits.
        let image: u64 = source.shape.iter().map(|d| *d as u64).product();
        let bytes = image * (source.train + source.test + source.classes) as u64;
        if bytes > LARGEST {
            params.problem(
                "train",
                format!(
                    "synthetic data of {bytes} bytes ((train + test + classes) x channels x image x image): must be at \
                     most {LARGEST}"
                ),
                None,
            );
        }
        Ok(Box::new(source))
    },
};

struct Synthetic {
    classes: usize,
    train: usize,
    test: usize,
    shape: [usize; 3],
    noise: f32,
    seed: u64,
}

impl DataSource for Synthetic {
    fn shape(&self) -> [usize; 3] {
        self.shape
    }

    fn classes(&self) -> usize {
        self.classes
    }

    fn training_images(&self) -> usize {
        self.train
    }

    fn load(&self, _data_dir: Option<&Path>) -> Result<Images> {
        let seed = Seed::new(self.seed).child("synthetic");
        let size: usize = self.shape.iter().product();
        let mut templates = vec![0.0f32; self.classes * size];
        seed.child("templates").rng().fill_normal(&mut templates);
        // 40 grey levels a standard deviation, whatever the noise: one pixel in 700 is clipped.
        let gain = 40.0 / (SIGNAL * SIGNAL + self.noise * self.noise).sqrt();
        let part = |label: &str, n: usize| {
            let mut out = Labelled { pixels: Vec::with_capacity(n * size), labels: Vec::with_capacity(n) };
            for i in 0..n {
                // Each image has its own address, so a larger set starts with the smaller one.
                let mut rng = seed.child(label).index(i as u64).rng();
                let class = rng.below(self.classes);
                out.labels.push(class as u8);
                let template = &templates[class * size..][..size];
                out.pixels.extend(template.iter().map(|t| {
                    let x = SIGNAL * t + self.noise * rng.normal();
                    // The cast rounds towards zero and saturates at 0 and 255.
                    (128.0 + gain * x) as u8
                }));
            }
            out
        };
        Ok(Images {
            train: part("train", self.train),
            test: part("test", self.test),
            shape: self.shape,
            classes: self.classes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Synthetic = Synthetic { classes: 4, train: 400, test: 100, shape: [2, 6, 6], noise: 1.0, seed: 0 };

    /// Share of test images whose nearest class mean of the training images is their own class's.
    fn nearest_mean_accuracy(images: &Images) -> f64 {
        let size: usize = images.shape.iter().product();
        let mut means = vec![vec![0.0f64; size]; images.classes];
        let mut counts = vec![0.0; images.classes];
        for (pixels, label) in images.train.pixels.chunks_exact(size).zip(&images.train.labels) {
            counts[usize::from(*label)] += 1.0;
            means[usize::from(*label)].iter_mut().zip(pixels).for_each(|(m, p)| *m += f64::from(*p));
        }
        means.iter_mut().zip(&counts).for_each(|(mean, n)| mean.iter_mut().for_each(|m| *m /= n));
        let right = images.test.pixels.chunks_exact(size).zip(&images.test.labels).filter(|(pixels, label)| {
            let distance =
                |mean: &Vec<f64>| -> f64 { mean.iter().zip(*pixels).map(|(m, p)| (m - f64::from(*p)).powi(2)).sum() };
            let nearest = (0..images.classes).min_by(|a, b| distance(&means[*a]).total_cmp(&distance(&means[*b])));
            nearest == Some(usize::from(**label))
        });
        right.count() as f64 / images.test.labels.len() as f64
    }

    #[test]
    fn classes_can_be_told_apart_and_less_so_under_noise() {
        // Templates differ by 0.7 sqrt(2 x 72) = 8.4 noise units, half of which is 4.2 standard deviations.
        let clear = nearest_mean_accuracy(&SMALL.load(None).unwrap());
        let noisy = nearest_mean_accuracy(&Synthetic { noise: 20.0, ..SMALL }.load(None).unwrap());
        assert!(clear > 0.98, "{clear}");
        assert!((0.1..0.6).contains(&noisy), "{noisy}");
    }

    #[test]
    fn the_seed_decides_and_a_larger_set_starts_with_the_smaller() {
        let small = SMALL.load(None).unwrap();
        let large = Synthetic { train: 500, ..SMALL }.load(None).unwrap();
        assert_eq!(small.train.pixels[..], large.train.pixels[..400 * 72]);
        assert_eq!(small.test, large.test);
        assert_ne!(small.train.pixels[..72], small.test.pixels[..72]);
        assert_ne!(small, Synthetic { seed: 1, ..SMALL }.load(None).unwrap());
    }

    #[test]
    fn pixels_use_the_range_of_a_byte() {
        for noise in [0.0, 1.0, 20.0] {
            let pixels = Synthetic { noise, ..SMALL }.load(None).unwrap().train.pixels;
            let mean = pixels.iter().map(|p| f64::from(*p)).sum::<f64>() / pixels.len() as f64;
            let std = (pixels.iter().map(|p| (f64::from(*p) - mean).powi(2)).sum::<f64>() / pixels.len() as f64).sqrt();
            assert!((mean - 127.5).abs() < 6.0 && (std - 40.0).abs() < 4.0, "{noise}: {mean} {std}");
        }
    }
}
