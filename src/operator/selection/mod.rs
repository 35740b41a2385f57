//! Selection operators: choose parents by their losses. Two of them, `plus` and `comma`, also say which members stay;
//! beside the others the `elites` of a genetic algorithm do.

mod comma;
mod lexicase;
mod plus;
mod rank;
mod roulette;
mod shares;
mod stochastic_universal;
mod tournament;
mod truncation;

use super::Needs;
use crate::entry::Entry;
use crate::rng::Rng;

/// Chooses parents.
pub trait SelectionOperator: Send + Sync {
    /// Gives `count` of the candidates, with repetition.
    fn select(&self, from: &Candidates<'_>, count: usize, rng: &mut Rng) -> Vec<usize>;

    /// How many of the best of `n` members stay as they are in the next generation, where the selection is a rule of
    /// survival too; `None` leaves it to the strategy, as to the `elites` of `genetic`.
    fn survivors(&self, n: usize) -> Option<usize> {
        let _ = n;
        None
    }

    /// What it looks at beyond the losses of the members.
    fn needs(&self) -> Needs {
        Needs::default()
    }
}

/// The members that may become parents.
#[derive(Clone, Copy, Debug)]
pub struct Candidates<'a> {
    /// The indices of the members that have a loss, from the least loss to the greatest; never empty.
    pub order: &'a [usize],
    /// The loss of each member, (n); NaN of those that are not in `order`.
    pub losses: &'a [f32],
    /// Their mean losses over the images of each class, (n, classes); NaN for a class without images in the batch. Empty
    /// unless the selection [`needs`](SelectionOperator::needs) them.
    pub by_class: &'a [f32],
}

impl Candidates<'_> {
    /// Number of classes in `by_class`.
    pub fn classes(&self) -> usize {
        self.by_class.len() / self.losses.len().max(1)
    }
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn SelectionOperator>] = &[
    comma::ENTRY,
    lexicase::ENTRY,
    plus::ENTRY,
    rank::ENTRY,
    roulette::ENTRY,
    stochastic_universal::ENTRY,
    tournament::ENTRY,
    truncation::ENTRY,
];
