//! Information: what of the image and of the label each layer still holds, and what each non-linearity loses.

mod binned;
mod cka;
mod codes;
mod correlation_map;
mod dimension;
mod float32_loss;
mod kolchinsky_tracey;
mod local_information;
mod pairs;
mod places;
mod probe;
mod quantised;
mod reconstruction;
mod switching;
#[cfg(test)]
mod testing;
mod zeroed;

use super::Family;

/// The family.
pub const FAMILY: Family = Family {
    name: "information",
    summary: "what of image and label each layer holds, and what each non-linearity loses",
    entries: &[
        binned::ENTRY,
        cka::ENTRY,
        codes::ENTRY,
        correlation_map::ENTRY,
        dimension::ENTRY,
        float32_loss::ENTRY,
        kolchinsky_tracey::ENTRY,
        local_information::ENTRY,
        probe::ENTRY,
        quantised::ENTRY,
        reconstruction::ENTRY,
        switching::ENTRY,
        zeroed::ENTRY,
    ],
};
