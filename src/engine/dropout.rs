//! Which values dropout (Srivastava et al. 2014) keeps: addressed by the step's noise, layer and image, so that all members
//! and both learners drop the same.

use crate::rng::Seed;

/// Factors (c * h * w, in that order, or features) of one image of a batch: 0 with probability `rate`, else 1 / (1 - `rate`).
/// `noise` is the address of the step's noise.
pub fn mask(noise: Seed, layer: &str, image: usize, rate: f32, out: &mut [f32]) {
    let mut rng = noise.child(layer).index(image as u64).rng();
    let kept = 1.0 / (1.0 - rate);
    out.iter_mut().for_each(|factor| *factor = if rng.uniform() < rate { 0.0 } else { kept });
}

/// The factors (batch, length) of all images of a batch.
pub fn masks(noise: Seed, layer: &str, rate: f32, batch: usize, length: usize) -> Vec<f32> {
    let mut masks = vec![0.0; batch * length];
    let images = masks.chunks_exact_mut(length).enumerate();
    images.for_each(|(image, out)| mask(noise, layer, image, rate, out));
    masks
}
