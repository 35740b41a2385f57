//! Estimators: pure functions of arrays, in f64, without a network. Metrics apply them to networks
//! ([`crate::metric`]); `subevo measure-arrays` to whatever a user has.

pub mod accuracy;
mod arrays;
pub mod bootstrap;
pub mod brier;
pub mod classified;
pub mod ece;
mod estimate;
pub mod hessian;
pub mod lanczos;
pub mod margin;
pub mod nll;
pub mod regions;
pub mod sharpness;
pub mod trace;

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
pub const ENTRIES: &[Entry<dyn Estimator>] = &[accuracy::ENTRY, brier::ENTRY, ece::ENTRY, margin::ENTRY, nll::ENTRY];
