//! Selection operators: choose parents by their losses.

mod tournament;
mod truncation;

use crate::entry::Entry;
use crate::rng::Rng;

/// Chooses parents.
pub trait SelectionOperator: Send + Sync {
    /// Gives `count` members of `order`, with repetition. `order` has the indices of the members that have a loss, from
    /// the least loss to the greatest; it is never empty.
    fn select(&self, order: &[usize], count: usize, rng: &mut Rng) -> Vec<usize>;
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn SelectionOperator>] = &[tournament::ENTRY, truncation::ENTRY];
