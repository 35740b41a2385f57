//! Generalisation: what of the training images carries over to images that were never seen.

mod calibration;
mod corruption;
pub mod curvature;
mod gap;
mod judged;
mod margins;
mod memorisation;
mod sharpness;

use super::Family;

/// The family.
pub const FAMILY: Family = Family {
    name: "generalisation",
    summary: "what carries over from training images to test images, corrupted ones and noisy labels among them",
    entries: &[
        calibration::ENTRY,
        corruption::ENTRY,
        gap::ENTRY,
        margins::ENTRY,
        memorisation::ENTRY,
        sharpness::ENTRY,
    ],
};
