//! Shot noise: each value is a Poisson variable with `rate` photons for white, divided by the rate.

use super::{by_channels, pixel, Corrupted, Corruption, SEVERITIES};
use crate::entry::Entry;
use crate::rng::Rng;

struct ShotNoise;

pub(super) const ENTRY: Entry<dyn Corruption> = Entry {
    name: "shot-noise",
    summary: "Poisson(x rate) / rate with a rate of 60 to 3 (one channel) or 500 to 50",
    reference: "Hendrycks & Dietterich 2019",
    build: |_, ()| Ok(Box::new(ShotNoise)),
};

impl Corruption for ShotNoise {
    /// Photons of a white pixel.
    fn strengths(&self, channels: usize) -> [f64; SEVERITIES] {
        by_channels(channels, [60.0, 25.0, 12.0, 5.0, 3.0], [500.0, 250.0, 100.0, 75.0, 50.0])
    }

    fn of(&self, rate: f64) -> Box<Corrupted> {
        // There are 256 pixels, so the distribution of each is a table.
        let tables: Vec<Vec<f64>> = (0..=255).map(|byte| cumulative(pixel(byte) * rate)).collect();
        Box::new(move |image, _, rng, out| {
            for (out, byte) in out.iter_mut().zip(image) {
                let u = fine_uniform(rng);
                *out = tables[usize::from(*byte)].partition_point(|p| *p <= u) as f64 / rate;
            }
        })
    }
}

/// Probabilities that a Poisson variable is at most 0, 1, 2, ..., up to where nothing is left that f64 can tell from 1.
/// `mean` below 700, where exp(-mean) is still a number.
fn cumulative(mean: f64) -> Vec<f64> {
    let (mut term, mut sum, mut out) = ((-mean).exp(), 0.0, Vec::new());
    for count in 1.. {
        sum += term;
        out.push(sum);
        term *= mean / f64::from(count);
        // Beyond the mean the terms fall faster and faster.
        if f64::from(count) > mean && term < 1e-17 {
            break;
        }
    }
    out
}

/// Uniform in [0, 1), 53 bits of two words: with 24 the tails would be cut off.
fn fine_uniform(rng: &mut Rng) -> f64 {
    let bits = u64::from(rng.word()) << 32 | u64::from(rng.word());
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::{mean, sd};
    use crate::rng::Seed;

    #[test]
    fn counts_have_the_mean_and_the_variance_of_a_poisson_variable() {
        for (rate, byte) in [(3.0, 255), (60.0, 51), (500.0, 204)] {
            let n = 40_000;
            let mut out = vec![0.0; n];
            ShotNoise.of(rate)(&vec![byte; n], [1, 200, 200], &mut Seed::new(8).rng(), &mut out);
            assert!(out.iter().all(|x| ((x * rate).round() - x * rate).abs() < 1e-9), "whole photons");
            let expected = pixel(byte) * rate;
            let (mean, variance) = (mean(&out) * rate, (sd(&out) * rate).powi(2));
            // Four standard errors; the fourth central moment of a Poisson variable is m + 3 m^2.
            let of_variance = ((expected + 2.0 * expected * expected) / n as f64).sqrt();
            assert!((mean - expected).abs() < 4.0 * (expected / n as f64).sqrt(), "{rate}: {mean}");
            assert!((variance - expected).abs() < 4.0 * of_variance, "{rate}: {variance}");
        }
    }

    #[test]
    fn the_tables_are_the_distribution() {
        // scipy.stats.poisson.cdf([0, 5, 12], 6) and .cdf([450, 500, 560], 500)
        let six = cumulative(6.0);
        for (count, p) in [(0, 0.002_478_752_176_666), (5, 0.445_679_641_364_611), (12, 0.991_172_516_482_102)] {
            assert!((six[count] - p).abs() < 1e-12, "{count}: {}", six[count]);
        }
        let many = cumulative(500.0);
        assert!((many[many.len() - 1] - 1.0).abs() < 1e-12);
        for (count, p) in [(450, 0.012_408_350_554_119), (500, 0.511_891_121_698_751), (560, 0.996_104_211_620_085)] {
            assert!((many[count] - p).abs() < 1e-12, "{count}: {}", many[count]);
        }
        assert_eq!(cumulative(0.0), [1.0], "black stays black");
    }
}
