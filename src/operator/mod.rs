//! The parts of a genetic algorithm: mutation, crossover, selection. An operator knows which layer and filter a gene
//! belongs to, and draws from the stream it is given and nothing else.

pub mod crossover;
pub mod mutation;
mod needs;
mod network;
pub mod selection;

use std::collections::BTreeMap;
use std::sync::Mutex;

pub use crossover::CrossoverOperator;
pub use mutation::MutationOperator;
pub use needs::Needs;
pub use network::{Network, NoNetwork};
pub use selection::{Candidates, SelectionOperator};

pub use crate::population::Population;
pub use crate::progress::Progress;

use crate::entry::Entries;
use crate::graph::init::Distribution;
use crate::subset::Subset;

/// What an operator may know of the gene's place and of the parent.
pub struct OperatorContext<'a> {
    /// How far the run has come.
    pub at: Progress,
    /// Layer, kind, filter and fan-in of each gene; without spans in a subspace, whose coordinates belong to no layer.
    pub subset: &'a Subset,
    /// The weights of the untouched network in units of genes, (k): gene `i` stands for the weight `base[i] + genes[i]`.
    /// Empty in a subspace, and where there is no network.
    pub base: &'a [f32],
    /// What the weights of each span were drawn from, in units of genes. Empty where `base` is.
    pub draws: &'a [Distribution],
    /// The generation that the parents come from, (n, k); with one row, the start, at generation 0.
    pub parents: &'a Population,
    /// Those of them that have a loss, from the least on; the start at generation 0.
    pub order: &'a [usize],
    /// Which of them is the parent being changed.
    pub parent: usize,
    /// Its loss on the last batch; NaN at generation 0.
    pub parent_loss: f32,
    /// Where an operator may leave its own numbers for the records.
    pub report: &'a Reporter,
}

/// Numbers that operators leave for the records; the mean of a generation is written.
#[derive(Debug, Default)]
pub struct Reporter {
    sums: Mutex<BTreeMap<&'static str, (f64, u64)>>,
}

impl Reporter {
    /// Leaves one number under a name.
    pub fn add(&self, name: &'static str, value: f64) {
        let mut sums = self.sums.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let sum = sums.entry(name).or_insert((0.0, 0));
        *sum = (sum.0 + value, sum.1 + 1);
    }

    /// Takes in what another one was left. Members report each into their own, taken in by index, so that the order of
    /// the additions, and with it every bit of the means, does not depend on threads.
    pub fn absorb(&self, other: Reporter) {
        let others = other.sums.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut sums = self.sums.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (name, (value, n)) in others {
            let sum = sums.entry(name).or_insert((0.0, 0));
            *sum = (sum.0 + value, sum.1 + n);
        }
    }

    /// Takes the means since the last time.
    pub fn take(&self) -> Vec<(&'static str, f64)> {
        let mut sums = self.sums.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::take(&mut *sums).into_iter().map(|(name, (sum, n))| (name, sum / n as f64)).collect()
    }
}

/// The registries of all operators.
#[derive(Clone)]
pub struct Operators {
    /// Mutation operators.
    pub mutations: Entries<dyn MutationOperator>,
    /// Crossover operators.
    pub crossovers: Entries<dyn CrossoverOperator>,
    /// Selection operators.
    pub selections: Entries<dyn SelectionOperator>,
}

impl Operators {
    /// The operators of this crate.
    pub fn builtin() -> Self {
        Operators {
            mutations: Entries::new("mutation", mutation::ENTRIES),
            crossovers: Entries::new("crossover", crossover::ENTRIES),
            selections: Entries::new("selection", selection::ENTRIES),
        }
    }
}

#[cfg(test)]
mod testing {
    use super::*;

    /// Calls `run` with the context of a start of `k` genes that belong to no layer.
    pub fn with_context(k: usize, run: impl FnOnce(&OperatorContext<'_>)) {
        with_spans(&Subset::without_places("test", k), run);
    }

    /// Calls `run` with the context of a start of the genes of a subset.
    pub fn with_spans(subset: &Subset, run: impl FnOnce(&OperatorContext<'_>)) {
        let (parents, report) = (Population::zeros(1, subset.size), Reporter::default());
        let at = Progress { step: 0, used: 0.0 };
        run(&OperatorContext {
            at,
            subset,
            base: &[],
            draws: &[],
            parents: &parents,
            order: &[0],
            parent: 0,
            parent_loss: f32::NAN,
            report: &report,
        });
    }
}
