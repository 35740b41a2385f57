//! Generalisation: what of the training images carries over to images that were never seen.

mod gap;

use super::Family;

/// The family.
pub const FAMILY: Family = Family {
    name: "generalisation",
    summary: "what carries over from training images to test images, corrupted ones and noisy labels among them",
    entries: &[gap::ENTRY],
};
