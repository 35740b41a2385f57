//! Mutation operators: change a private copy of the parent in place.

mod gaussian;
mod safe_gradient;
mod safe_rescaling;

use super::{Needs, Network, OperatorContext, Population, Reporter};
use crate::entry::Entry;
use crate::error::Result;
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

    /// Whether it looks at the networks of the children that it changed, all together: [`refine`](Self::refine) is called.
    fn refines(&self) -> bool {
        false
    }

    /// What it looks at of networks with so many classes, at most, where a generation has so many children.
    fn needs(&self, _children: usize, _classes: usize) -> Needs {
        Needs::default()
    }

    /// Changes all children of a generation that it has mutated, (n, k), once more; `before` are the same (n, k) as they
    /// were given to `mutate`. What is done to a child depends on this child alone, and nothing is random.
    ///
    /// # Errors
    /// If there is no network to look at, or the engine fails.
    fn refine(
        &self,
        _children: &mut Population,
        _before: &Population,
        _network: &dyn Network,
        _report: &Reporter,
    ) -> Result<()> {
        Ok(())
    }
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn MutationOperator>] = &[gaussian::ENTRY, safe_gradient::ENTRY, safe_rescaling::ENTRY];
