//! Gaussian noise: each value of an image plus a normal one.

use super::{by_channels, pixel, Corrupted, Corruption, SEVERITIES};
use crate::entry::Entry;

struct GaussianNoise;

pub(super) const ENTRY: Entry<dyn Corruption> = Entry {
    name: "gaussian-noise",
    summary: "plus a normal variable of standard deviation 0.08 to 0.38 (one channel) or 0.04 to 0.10",
    reference: "Hendrycks & Dietterich 2019",
    build: |_, ()| Ok(Box::new(GaussianNoise)),
};

impl Corruption for GaussianNoise {
    /// Standard deviations.
    fn strengths(&self, channels: usize) -> [f64; SEVERITIES] {
        by_channels(channels, [0.08, 0.12, 0.18, 0.26, 0.38], [0.04, 0.06, 0.08, 0.09, 0.10])
    }

    fn of(&self, sigma: f64) -> Box<Corrupted> {
        Box::new(move |image, _, rng, out| {
            for (out, byte) in out.iter_mut().zip(image) {
                *out = pixel(*byte) + sigma * f64::from(rng.normal());
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::{mean, sd};
    use crate::rng::Seed;

    #[test]
    fn before_clipping_the_noise_has_the_deviation_that_was_asked_for() {
        let n = 40_000;
        let mut out = vec![0.0; n];
        GaussianNoise.of(0.38)(&vec![51; n], [1, 200, 200], &mut Seed::new(3).rng(), &mut out);
        // Four standard errors: sigma / sqrt(n) and sigma / sqrt(2 n).
        assert!((mean(&out) - 0.2).abs() < 4.0 * 0.38 / (n as f64).sqrt(), "{}", mean(&out));
        assert!((sd(&out) - 0.38).abs() < 4.0 * 0.38 / (2.0 * n as f64).sqrt(), "{}", sd(&out));
    }
}
