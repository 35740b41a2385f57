//! Brightness: the value of HSV, the greatest of a pixel's channels, rises; hue and saturation stay.
//!
//! With value `v` and `v' = min(v + c, 1)` all channels of a pixel are multiplied by `v' / v`; a black pixel, which has no
//! hue, becomes grey. With one channel it is `min(x + c, 1)`.

use super::{by_channels, pixel, Corrupted, Corruption, SEVERITIES};
use crate::entry::Entry;

struct Brightness;

pub(super) const ENTRY: Entry<dyn Corruption> = Entry {
    name: "brightness",
    summary: "the value of HSV rises by 0.1 to 0.5 (one channel) or 0.05 to 0.3",
    reference: "Hendrycks & Dietterich 2019",
    build: |_, ()| Ok(Box::new(Brightness)),
};

impl Corruption for Brightness {
    /// What is added to the value.
    fn strengths(&self, channels: usize) -> [f64; SEVERITIES] {
        by_channels(channels, [0.1, 0.2, 0.3, 0.4, 0.5], [0.05, 0.1, 0.15, 0.2, 0.3])
    }

    fn of(&self, shift: f64) -> Box<Corrupted> {
        Box::new(move |image, [channels, height, width], _, out| {
            let plane = height * width;
            for at in 0..plane {
                let values = (0..channels).map(|channel| pixel(image[channel * plane + at]));
                let value = values.fold(0.0, f64::max);
                let raised = (value + shift).clamp(0.0, 1.0);
                for channel in 0..channels {
                    let i = channel * plane + at;
                    out[i] = match () {
                        () if raised == value => pixel(image[i]),
                        () if value == 0.0 => raised,
                        () => pixel(image[i]) * (raised / value),
                    };
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn colours_keep_their_ratios_and_black_becomes_grey() {
        // Two pixels of three channels: (51, 102, 0) and black; value 0.4 rises to 0.6.
        let mut out = vec![0.0; 6];
        Brightness.of(0.2)(&[51, 0, 102, 0, 0, 0], [3, 1, 2], &mut Seed::new(1).rng(), &mut out);
        let expected = [0.3, 0.2, 0.6, 0.2, 0.0, 0.2];
        assert!(out.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{out:?}");
    }
}
