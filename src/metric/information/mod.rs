//! Information: what of the image and of the label each layer still holds, and what each non-linearity loses.

mod binned;
mod codes;
mod kolchinsky_tracey;
mod places;
mod probe;
mod quantised;

use super::Family;

/// The family.
pub const FAMILY: Family = Family {
    name: "information",
    summary: "what of image and label each layer holds, and what each non-linearity loses",
    entries: &[binned::ENTRY, codes::ENTRY, kolchinsky_tracey::ENTRY, probe::ENTRY, quantised::ENTRY],
};
