//! Estimators: pure functions of arrays, in f64, without a network. Metrics apply them to networks
//! ([`crate::metric`]); `subevo measure-arrays` to whatever a user has.

mod arrays;
pub mod cka;
pub mod covariance;
pub mod dimension;
mod estimate;
pub mod float32_loss;
#[cfg(test)]
mod golden;
pub mod local_information;
pub mod mean_field;
pub mod reconstruction;
pub mod regions;
pub mod ridge;
pub mod switching;
#[cfg(test)]
mod testing;
pub mod zeroed;

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
pub const ENTRIES: &[Entry<dyn Estimator>] =
    &[cka::ENTRY, dimension::ENTRY, local_information::ENTRY, reconstruction::ENTRY, switching::ENTRY, zeroed::ENTRY];
