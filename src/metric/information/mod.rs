//! Information: what of the image and of the label each layer still holds, and what each non-linearity loses.

use super::Family;

/// The family.
pub const FAMILY: Family = Family {
    name: "information",
    summary: "what of image and label each layer holds, and what each non-linearity loses",
    entries: &[],
};
