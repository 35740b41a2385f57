//! Corruptions of test images, at five severities: those of MNIST-C's code (Mu & Gilmer 2019) for images of one channel and
//! of CIFAR-10-C's (Hendrycks & Dietterich 2019) for all others.
//!
//! They act on pixels of 0 to 1, before normalisation, and what comes out is clipped to 0 to 1 ([`corrupt`]). The published
//! list of MNIST-C has no Gaussian noise, Gaussian blur and contrast, which its code has: a mean over these six is "in the
//! style of MNIST-C" and not its score. Learners never see them.

mod brightness;
mod contrast;
mod gaussian_blur;
mod gaussian_noise;
mod impulse_noise;
mod shot_noise;

use crate::entry::Entry;
use crate::rng::Rng;

/// Severities of a corruption.
pub const SEVERITIES: usize = 5;

/// Writes an image (c, h, w) of bytes with a shape, corrupted, as pixels that are 0 to 1 but for what is still to be
/// clipped; no randomness but that of the stream, of which it takes as much at any strength.
pub type Corrupted = dyn Fn(&[u8], [usize; 3], &mut Rng, &mut [f64]) + Send + Sync;

/// A way to make images worse.
pub trait Corruption: Send + Sync {
    /// The strengths of severities 1 to 5 for images of so many channels.
    fn strengths(&self, channels: usize) -> [f64; SEVERITIES];

    /// The corruption of that strength, in units of its own.
    fn of(&self, strength: f64) -> Box<Corrupted>;
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn Corruption>] = &[
    brightness::ENTRY,
    contrast::ENTRY,
    gaussian_blur::ENTRY,
    gaussian_noise::ENTRY,
    impulse_noise::ENTRY,
    shot_noise::ENTRY,
];

/// Writes the corrupted image (c, h, w) to `out`, clipped to 0 to 1.
pub fn corrupt(corrupted: &Corrupted, image: &[u8], shape: [usize; 3], rng: &mut Rng, out: &mut [f64]) {
    corrupted(image, shape, rng, out);
    out.iter_mut().for_each(|x| *x = x.clamp(0.0, 1.0));
}

/// A byte as a pixel of 0 to 1.
fn pixel(byte: u8) -> f64 {
    f64::from(byte) / 255.0
}

/// The table of MNIST-C for one channel, that of CIFAR-10-C for others.
fn by_channels(channels: usize, mnist: [f64; SEVERITIES], cifar: [f64; SEVERITIES]) -> [f64; SEVERITIES] {
    if channels == 1 {
        mnist
    } else {
        cifar
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{read_table, Origin, Problems, Table};
    use crate::rng::Seed;

    fn built(name: &str) -> Box<dyn Corruption> {
        let entry = ENTRIES.iter().find(|entry| entry.name == name).unwrap();
        let problems = Problems::default();
        read_table(&Table::default(), Origin::Default, "", &problems, |params| (entry.build)(params, &())).0.unwrap()
    }

    fn apply(name: &str, strength: f64, image: &[u8], shape: [usize; 3], seed: u64) -> Vec<f64> {
        let mut out = vec![f64::NAN; image.len()];
        corrupt(&built(name).of(strength), image, shape, &mut Seed::new(seed).rng(), &mut out);
        out
    }

    /// An image of 3 channels of 8x8 without a pattern.
    fn image() -> Vec<u8> {
        (0..192u32).map(|i| ((i * i * 31 + 7 * i) % 256) as u8).collect()
    }

    #[test]
    fn images_are_those_of_the_published_code() {
        // tests/reference/corruptions.py: the formulas of both repositories with scikit-image, where nothing is drawn.
        let reference: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/reference/corruptions.json")).unwrap();
        let mut seen = 0;
        for case in reference["cases"].as_array().unwrap() {
            let channels = case["channels"].as_u64().unwrap() as usize;
            let image = &image()[..64 * channels];
            let severity = case["severity"].as_u64().unwrap() as usize;
            let name = case["name"].as_str().unwrap();
            let strength = built(name).strengths(channels)[severity - 1];
            let found = apply(name, strength, image, [channels, 8, 8], 1);
            for (i, (found, expected)) in found.iter().zip(case["pixels"].as_array().unwrap()).enumerate() {
                let expected = expected.as_f64().unwrap();
                assert!((found - expected).abs() < 1e-9, "{name} {severity}, value {i}: {found} against {expected}");
            }
            seen += 1;
        }
        assert_eq!(seen, 30, "three corruptions, five severities, one and three channels");
    }

    #[test]
    fn severities_are_the_published_ones() {
        let tables = [
            ("gaussian-noise", [0.08, 0.12, 0.18, 0.26, 0.38], [0.04, 0.06, 0.08, 0.09, 0.10]),
            ("shot-noise", [60.0, 25.0, 12.0, 5.0, 3.0], [500.0, 250.0, 100.0, 75.0, 50.0]),
            ("impulse-noise", [0.03, 0.06, 0.09, 0.17, 0.27], [0.01, 0.02, 0.03, 0.05, 0.07]),
            ("gaussian-blur", [1.0, 2.0, 3.0, 4.0, 6.0], [0.4, 0.6, 0.7, 0.8, 1.0]),
            ("contrast", [0.4, 0.3, 0.2, 0.1, 0.05], [0.75, 0.5, 0.4, 0.3, 0.15]),
            ("brightness", [0.1, 0.2, 0.3, 0.4, 0.5], [0.05, 0.1, 0.15, 0.2, 0.3]),
        ];
        for (name, mnist, cifar) in tables {
            assert_eq!((built(name).strengths(1), built(name).strengths(3)), (mnist, cifar), "{name}");
        }
        assert_eq!(ENTRIES.len(), tables.len());
    }

    #[test]
    fn a_strength_of_nothing_leaves_every_pixel() {
        let expected: Vec<f64> = image().into_iter().map(pixel).collect();
        let nothing = [("brightness", 0.0), ("gaussian-blur", 0.0), ("gaussian-noise", 0.0), ("impulse-noise", 0.0)];
        for (name, strength) in nothing {
            assert_eq!(apply(name, strength, &image(), [3, 8, 8], 1), expected, "{name}");
        }
        // (x - mean) + mean rounds; a blur of a hundredth of a pixel has weights of exp(-5000) beside its centre.
        for (name, strength) in [("contrast", 1.0), ("gaussian-blur", 0.01)] {
            let found = apply(name, strength, &image(), [3, 8, 8], 1);
            assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-15), "{name}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_image_and_another_another() {
        for name in ["gaussian-noise", "impulse-noise", "shot-noise"] {
            let strength = built(name).strengths(1)[4];
            let noisy = |seed| apply(name, strength, &image(), [3, 8, 8], seed);
            assert_eq!(noisy(1), noisy(1), "{name}");
            assert_ne!(noisy(1), noisy(2), "{name}");
        }
    }
}
