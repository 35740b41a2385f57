//! Augmentations: random changes of the training images of a step, the same for all members and both learners.
//!
//! They act on bytes, before normalisation, as torchvision's transforms of an image do. Snapshot, validation and test images
//! stay as they are.

mod crop_flip;
mod none;

pub use none::Unchanged;

use crate::entry::Entry;
use crate::rng::Rng;

/// A random change of one image.
pub trait Augmentation: Send + Sync {
    /// Whether an image can come out changed. Where none can, activations are kept from batch to batch.
    fn changes(&self) -> bool {
        true
    }

    /// Writes an image (c, h, w) of `shape` into `out`, changed at random; no randomness but `rng`.
    fn apply(&self, image: &[u8], shape: [usize; 3], rng: &mut Rng, out: &mut [u8]);
}

/// Alphabetical; a test fails where a file here has no row. The context is the shape (c, h, w) of an image.
pub const ENTRIES: &[Entry<dyn Augmentation, [usize; 3]>] = &[crop_flip::ENTRY, none::ENTRY];
