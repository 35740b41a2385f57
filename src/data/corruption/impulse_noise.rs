//! Impulse noise: salt and pepper. A share of the values of an image becomes 1 or 0, each as often.

use super::{by_channels, pixel, Corrupted, Corruption, SEVERITIES};
use crate::entry::Entry;

struct ImpulseNoise;

pub(super) const ENTRY: Entry<dyn Corruption> = Entry {
    name: "impulse-noise",
    summary: "a share of 0.03 to 0.27 (one channel) or 0.01 to 0.07 of the values becomes black or white",
    reference: "Hendrycks & Dietterich 2019",
    build: |_, ()| Ok(Box::new(ImpulseNoise)),
};

impl Corruption for ImpulseNoise {
    /// Shares of the values.
    fn strengths(&self, channels: usize) -> [f64; SEVERITIES] {
        by_channels(channels, [0.03, 0.06, 0.09, 0.17, 0.27], [0.01, 0.02, 0.03, 0.05, 0.07])
    }

    fn of(&self, amount: f64) -> Box<Corrupted> {
        Box::new(move |image, _, rng, out| {
            for (out, byte) in out.iter_mut().zip(image) {
                let (flipped, salt) = (f64::from(rng.uniform()) < amount, rng.uniform() < 0.5);
                *out = match (flipped, salt) {
                    (false, _) => pixel(*byte),
                    (true, salt) => f64::from(u8::from(salt)),
                };
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn the_share_that_was_asked_for_turns_black_or_white_in_equal_parts() {
        let n = 40_000;
        let mut out = vec![0.0; n];
        ImpulseNoise.of(0.27)(&vec![51; n], [1, 200, 200], &mut Seed::new(4).rng(), &mut out);
        let count = |value: f64| out.iter().filter(|x| **x == value).count() as f64;
        assert_eq!(count(0.0) + count(1.0) + count(0.2), n as f64);
        // Four standard deviations of a binomial count.
        for (value, p) in [(0.0, 0.135), (1.0, 0.135), (0.2, 0.73)] {
            let (mean, spread) = (n as f64 * p, (n as f64 * p * (1.0 - p)).sqrt());
            assert!((count(value) - mean).abs() < 4.0 * spread, "{value}: {} against {mean}", count(value));
        }
    }
}
