//! Mutation operators: change a private copy of the parent in place.

mod gaussian;

use super::OperatorContext;
use crate::entry::Entry;
use crate::rng::Rng;

/// Changes a genome.
pub trait MutationOperator: Send + Sync {
    /// Changes `genes` (k, in units of each weight's init std, in a subspace of steps along its directions), a private copy of the parent; no randomness but `rng`.
    fn mutate(&self, genes: &mut [f32], context: &OperatorContext<'_>, rng: &mut Rng);

    /// Whether it reads the spans of the subset. Those are refused in a subspace, where genes are coordinates and belong to no
    /// layer or filter.
    fn needs_spans(&self) -> bool {
        false
    }
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn MutationOperator>] = &[gaussian::ENTRY];
