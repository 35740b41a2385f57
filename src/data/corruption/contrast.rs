//! Contrast: values are drawn towards the mean of their channel in their image.

use super::{by_channels, pixel, Corrupted, Corruption, SEVERITIES};
use crate::entry::Entry;
use crate::num::mean;

struct Contrast;

pub(super) const ENTRY: Entry<dyn Corruption> = Entry {
    name: "contrast",
    summary: "(x - mean) c + mean of each channel of an image, c 0.4 to 0.05 (one channel) or 0.75 to 0.15",
    reference: "Hendrycks & Dietterich 2019",
    build: |_, ()| Ok(Box::new(Contrast)),
};

impl Corruption for Contrast {
    /// What is left of a difference from the mean; 1 leaves the image.
    fn strengths(&self, channels: usize) -> [f64; SEVERITIES] {
        by_channels(channels, [0.4, 0.3, 0.2, 0.1, 0.05], [0.75, 0.5, 0.4, 0.3, 0.15])
    }

    fn of(&self, factor: f64) -> Box<Corrupted> {
        Box::new(move |image, [_, height, width], _, out| {
            out.iter_mut().zip(image).for_each(|(out, byte)| *out = pixel(*byte));
            for plane in out.chunks_exact_mut(height * width) {
                let mean = mean(plane);
                plane.iter_mut().for_each(|x| *x = (*x - mean) * factor + mean);
            }
        })
    }
}
