//! Decision regions: how far an image is from another answer, and how many linear pieces lie on the way.

use super::Family;

/// The family.
pub const FAMILY: Family = Family {
    name: "regions",
    summary: "how large the decision regions are, and of how many linear pieces",
    entries: &[],
};
