//! Decision regions: how far an image is from another answer, how often lines change class and linear piece, and what planes
//! through images look like.

mod convexity;
mod crossings;
mod images;
mod network;
mod radii;
mod robustness;
mod slices;

use super::Family;

/// The family.
pub const FAMILY: Family = Family {
    name: "regions",
    summary: "how large the decision regions are, and of how many linear pieces",
    entries: &[convexity::ENTRY, crossings::ENTRY, radii::ENTRY, robustness::ENTRY, slices::ENTRY],
};
