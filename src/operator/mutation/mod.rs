//! Mutation operators: change a private copy of the parent in place.

mod cauchy;
mod chosen;
mod differential;
mod gaussian;
mod layer_gaussian;
mod normal_steps;
mod places;
mod polynomial;
mod safe_gradient;
mod safe_rescaling;
mod self_adaptive;
mod sign_flip;
mod sparse;
mod uniform_reset;
mod whole_filter;

use super::{Needs, Network, OperatorContext, Population, Reporter};
use crate::entry::Entry;
use crate::error::Result;
use crate::rng::Rng;
use crate::subset::Subset;

/// Changes a genome.
pub trait MutationOperator: Send + Sync {
    /// Changes `genes` (k, in units of each weight's init std, in a subspace of steps along its directions), a private copy
    /// of the parent; no randomness but `rng`.
    fn mutate(&self, genes: &mut [f32], context: &OperatorContext<'_>, rng: &mut Rng);

    /// Numbers of its own that every member carries beside its genes, such as step sizes, as they are at the start; by default
    /// none. They stay with elites and are saved with the genes.
    fn carries(&self, _: &Subset) -> Vec<f32> {
        Vec::new()
    }

    /// As `mutate`, where `carried` are the numbers of the child, a copy of those of its first parent, to change with the
    /// genes. They must stay finite. By default they are left as they are.
    fn mutate_carrying(&self, genes: &mut [f32], _carried: &mut [f32], context: &OperatorContext<'_>, rng: &mut Rng) {
        self.mutate(genes, context, rng);
    }

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
pub const ENTRIES: &[Entry<dyn MutationOperator>] = &[
    cauchy::ENTRY,
    differential::ENTRY,
    gaussian::ENTRY,
    layer_gaussian::ENTRY,
    polynomial::ENTRY,
    safe_gradient::ENTRY,
    safe_rescaling::ENTRY,
    self_adaptive::ENTRY,
    sign_flip::ENTRY,
    sparse::ENTRY,
    uniform_reset::ENTRY,
    whole_filter::ENTRY,
];
