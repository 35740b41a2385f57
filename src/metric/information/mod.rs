//! Information: what of the image and of the label each layer still holds, and what each non-linearity loses.

mod cka;
mod correlation_map;
mod dimension;
mod float32_loss;
mod local_information;
mod pairs;
mod reconstruction;
mod switching;
mod zeroed;

use super::Family;

/// The family.
pub const FAMILY: Family = Family {
    name: "information",
    summary: "what of image and label each layer holds, and what each non-linearity loses",
    entries: &[
        cka::ENTRY,
        correlation_map::ENTRY,
        dimension::ENTRY,
        float32_loss::ENTRY,
        local_information::ENTRY,
        reconstruction::ENTRY,
        switching::ENTRY,
        zeroed::ENTRY,
    ],
};
