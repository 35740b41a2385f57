//! Diffusion: how the trained weights wander, and along which directions.

mod alignment;
mod anisotropy;
mod autocorrelation;
mod churn;
mod displacement;
mod snr;
mod window;

use super::Family;

/// The family.
pub const FAMILY: Family = Family {
    name: "diffusion",
    summary: "how the trained weights wander: noise of updates, displacement, alignment, anisotropy",
    entries: &[
        alignment::ENTRY,
        anisotropy::ENTRY,
        autocorrelation::ENTRY,
        churn::ENTRY,
        displacement::ENTRY,
        snr::ENTRY,
    ],
};
