//! Metrics: numbers about a trained network, one file each. What training itself records (loss and accuracy of the three
//! splits) is not among them.

mod generalisation;

use crate::entry::Entry;
use crate::error::Result;
use crate::learner::Snapshot;
use crate::record::Reading;

/// Measures a network in evaluation mode.
pub trait Metric: Send + Sync {
    /// Its numbers, units in their names.
    ///
    /// # Errors
    /// If the engine fails.
    fn compute(&self, snapshot: &Snapshot<'_>) -> Result<Vec<Reading>>;
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn Metric>] = &[generalisation::ENTRY];
