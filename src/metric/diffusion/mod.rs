//! Diffusion: how the trained weights wander, and along which directions.

use super::Family;

/// The family.
pub const FAMILY: Family = Family {
    name: "diffusion",
    summary: "how the trained weights wander: noise of updates, displacement, alignment, anisotropy",
    entries: &[],
};
