//! Selection operators: choose parents by their losses.

use crate::entry::Entry;
use crate::rng::Rng;

/// Chooses parents.
pub trait SelectionOperator: Send + Sync {
    /// Gives `count` indices of parents, with repetition, into the generation whose members are ranked in `order`
    /// (indices from the least loss to the greatest; NaN last).
    fn select(&self, order: &[usize], count: usize, rng: &mut Rng) -> Vec<usize>;
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn SelectionOperator>] = &[];
