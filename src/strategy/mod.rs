//! Evolutionary strategies: propose genomes and learn from their losses (ask/tell). Host code; knows no tensors.

mod ars;
mod bipop;
mod breeding;
mod carried;
mod cem;
mod cma_es;
mod contract;
mod cr_fm_nes;
mod cumulation;
mod diagonal_and_axis;
mod differential_evolution;
mod duels;
mod fitness;
mod generation;
mod genetic;
mod gesmr_ga;
mod guarded;
mod guided_es;
mod inheritance;
mod ipop;
mod l_shade;
mod lm_ma_es;
mod matrices;
mod mu_lambda_es;
mod neutral_drift;
mod one_plus_one_es;
mod openai_es;
mod options;
mod pgpe;
mod random_search;
mod restarts;
mod samples;
mod samr_ga;
mod sep_cma_es;
mod shade;
mod snes;
mod steady_state_genetic;
mod success_history;
#[cfg(test)]
mod testing;
mod vd_cma;
mod xnes;

use std::sync::Arc;

pub use contract::{Contract, Solve, Target};
pub use generation::Generation;
pub use guarded::Guarded;

use crate::entry::{Entries, Entry};
use crate::error::Result;
use crate::operator::{Needs, Operators, Population};
use crate::state::State;
use crate::subset::Subset;

/// An evolutionary strategy. It starts at the all-zero genome, which is the untouched network.
pub trait Strategy: Send {
    /// The most members that any generation has (n). Plans are made with it; `ask` may give fewer.
    fn population(&self) -> usize;

    /// The most members that the next generation may have; budgets are asked whether it still fits. By default as many as
    /// any may have.
    fn upcoming(&self) -> usize {
        self.population()
    }

    /// What it looks at of the network in a generation, beyond the losses of its members.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// Proposes the members of the next generation, (n, k), all finite.
    ///
    /// # Errors
    /// If an operator broke its contract, with the operator's name, or the network cannot be looked at.
    fn ask(&mut self, now: &Generation<'_>) -> Result<Population>;

    /// Learns from the losses (n) of the members that `ask` proposed last. Lower is better, NaN = failed, ranks last.
    ///
    /// The members are given back, so that their memory can serve the next generation: a fresh block of 4 MB costs
    /// more to be mapped by the system than to be written.
    ///
    /// # Errors
    /// If no member has a loss, the shapes are not those of the last `ask`, or the update diverges.
    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()>;

    /// The same, where it [`needs`](Self::needs) the losses by class: `by_class` (n, classes) are the means over the batch's
    /// images of each class, NaN for a class without images and for a failed member.
    ///
    /// # Errors
    /// As `tell`.
    fn tell_classes(&mut self, asked: Population, losses: &[f32], by_class: &[f32]) -> Result<()> {
        let _ = by_class;
        self.tell(asked, losses)
    }

    /// The genome that it would deploy now, (k): its mean or its elite.
    fn incumbent(&self) -> &[f32];

    /// Its own numbers for the records, as in `sigma`.
    fn diagnostics(&self) -> Vec<(&'static str, f64)>;

    /// Why it cannot improve any more, if so.
    fn stop(&self) -> Option<String> {
        None
    }

    /// Exact state between two generations, after `tell` and before `ask`: after `load` into a fresh strategy of the same
    /// parameters everything continues bit for bit.
    fn save(&self) -> State;

    /// Takes over a saved state.
    ///
    /// # Errors
    /// If the state is of another strategy or size; nothing is changed then.
    fn load(&mut self, state: &State) -> Result<()>;
}

/// What a strategy is built for.
#[derive(Clone)]
pub struct StrategyContext {
    /// The places of the genes; `subset.size` is their number (k). In a subspace these are its d coordinates, without spans.
    pub subset: Arc<Subset>,
    /// Outputs of the network; 1 where there is none.
    pub classes: usize,
    /// The operators that a composed strategy may name.
    pub operators: Arc<Operators>,
    /// The strategies that one around another may name.
    pub strategies: Entries<dyn Strategy, StrategyContext>,
    /// Bytes that its own matrices may take.
    pub memory: u64,
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn Strategy, StrategyContext>] = &[
    ars::ENTRY,
    bipop::ENTRY,
    cem::ENTRY,
    cma_es::ENTRY,
    cr_fm_nes::ENTRY,
    differential_evolution::ENTRY,
    genetic::ENTRY,
    gesmr_ga::ENTRY,
    guided_es::ENTRY,
    ipop::ENTRY,
    l_shade::ENTRY,
    lm_ma_es::ENTRY,
    mu_lambda_es::ENTRY,
    neutral_drift::ENTRY,
    one_plus_one_es::ENTRY,
    openai_es::ENTRY,
    pgpe::ENTRY,
    random_search::ENTRY,
    samr_ga::ENTRY,
    sep_cma_es::ENTRY,
    shade::ENTRY,
    snes::ENTRY,
    steady_state_genetic::ENTRY,
    vd_cma::ENTRY,
    xnes::ENTRY,
];

/// What each row of [`ENTRIES`] promises, in the same order; a test fails where one has no promise.
pub const CONTRACTS: &[Contract] = &[
    ars::CONTRACT,
    bipop::CONTRACT,
    cem::CONTRACT,
    cma_es::CONTRACT,
    cr_fm_nes::CONTRACT,
    differential_evolution::CONTRACT,
    genetic::CONTRACT,
    gesmr_ga::CONTRACT,
    guided_es::CONTRACT,
    ipop::CONTRACT,
    l_shade::CONTRACT,
    lm_ma_es::CONTRACT,
    mu_lambda_es::CONTRACT,
    neutral_drift::CONTRACT,
    one_plus_one_es::CONTRACT,
    openai_es::CONTRACT,
    pgpe::CONTRACT,
    random_search::CONTRACT,
    samr_ga::CONTRACT,
    sep_cma_es::CONTRACT,
    shade::CONTRACT,
    snes::CONTRACT,
    steady_state_genetic::CONTRACT,
    vd_cma::CONTRACT,
    xnes::CONTRACT,
];

/// Members of a generation: at least two, so that there is something to compare.
const POPULATION: std::ops::RangeInclusive<u64> = 2..=1_000_000;
