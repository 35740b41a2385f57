//! Schedules: what the learning rate is multiplied by as the budget is used up. They know shares of the budget, not
//! steps, so the same schedule fits any budget.

mod constant;
mod cosine;
mod step;

use crate::entry::Entry;
use crate::progress::Progress;

/// A factor on the learning rate.
pub trait Schedule: Send + Sync {
    /// The factor for the step about to be done, at least 0.
    fn factor(&self, at: Progress) -> f64;
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn Schedule>] = &[constant::ENTRY, cosine::ENTRY, step::ENTRY];
