//! Estimators: pure functions of arrays, in f64, without a network. Metrics apply them to networks
//! ([`crate::metric`]); `subevo measure-arrays` to whatever a user has.

pub mod alignment;
pub mod anisotropy;
mod arrays;
pub mod autocorrelation;
pub mod es_theory;
mod estimate;
#[cfg(test)]
mod golden;
pub mod lags;
pub mod line;
pub mod msd;
pub mod msd_exponent;
pub mod random_signs;
pub mod regions;
pub mod snr;
pub mod steps;
#[cfg(test)]
mod testing;
pub mod walk_pca;

pub use arrays::{Array, Arrays};
pub use estimate::Estimate;

use crate::entry::Entry;
use crate::error::Result;

/// A number made of named arrays.
pub trait Estimator: Send + Sync {
    /// The number, with its unit and its companions.
    ///
    /// # Errors
    /// If an array that it needs is missing or does not fit the others.
    fn estimate(&self, arrays: &Arrays) -> Result<Estimate>;
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn Estimator>] = &[
    alignment::ENTRY,
    anisotropy::ENTRY,
    autocorrelation::ENTRY,
    msd::ENTRY,
    msd_exponent::ENTRY,
    snr::ENTRY,
    walk_pca::ENTRY,
];
