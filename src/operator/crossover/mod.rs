//! Crossover operators: mix a second parent into a copy of the first.

mod arithmetic;
mod blend;
mod filter_wise;
mod none;
mod one_point;
mod sbx;
mod two_point;
mod uniform;

use super::OperatorContext;
use crate::entry::Entry;
use crate::rng::Rng;

/// Mixes two genomes.
pub trait CrossoverOperator: Send + Sync {
    /// Changes `child` (k), a private copy of the first parent, by the genes of the second, `other` (k).
    fn cross(&self, child: &mut [f32], other: &[f32], context: &OperatorContext<'_>, rng: &mut Rng);

    /// Whether it reads the spans of the subset. Those are refused in a subspace, where genes are coordinates and belong to no
    /// layer or filter.
    fn needs_spans(&self) -> bool {
        false
    }
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn CrossoverOperator>] = &[
    arithmetic::ENTRY,
    blend::ENTRY,
    filter_wise::ENTRY,
    none::ENTRY,
    one_point::ENTRY,
    sbx::ENTRY,
    two_point::ENTRY,
    uniform::ENTRY,
];
