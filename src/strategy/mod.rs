//! Evolutionary strategies: propose genomes and learn from their losses (ask/tell). Host code; knows no tensors.

mod bipop;
mod cma_es;
mod contract;
mod cr_fm_nes;
mod cumulation;
mod diagonal_and_axis;
mod eigen;
mod fitness;
mod genetic;
mod ipop;
mod lm_ma_es;
mod matrices;
mod openai_es;
mod restarts;
mod sep_cma_es;
mod snes;
mod vd_cma;
mod xnes;

use std::sync::Arc;

pub use contract::{Contract, Solve, Target};

use crate::entry::{Entries, Entry};
use crate::error::Result;
use crate::operator::{Operators, Population, Progress};
use crate::rng::Seed;
use crate::state::State;
use crate::subset::Subset;

/// An evolutionary strategy. It starts at the all-zero genome, which is the untouched network.
pub trait Strategy: Send {
    /// The most members that any generation has (n). Plans are made with it; `ask` may give fewer.
    fn population(&self) -> usize;

    /// Proposes the members of the next generation, (n, k), all finite. `seed` is the address of this generation's
    /// randomness.
    ///
    /// # Errors
    /// If an operator broke its contract, with the operator's name.
    fn ask(&mut self, at: Progress, seed: Seed) -> Result<Population>;

    /// Learns from the losses (n) of the members that `ask` proposed last. Lower is better, NaN = failed, ranks last.
    ///
    /// The members are given back, so that their memory can serve the next generation: a fresh block of 4 MB costs
    /// more to be mapped by the system than to be written.
    ///
    /// # Errors
    /// If no member has a loss, the shapes are not those of the last `ask`, or the update diverges.
    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()>;

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
    /// The operators that a composed strategy may name.
    pub operators: Arc<Operators>,
    /// The strategies that one around another may name.
    pub strategies: Entries<dyn Strategy, StrategyContext>,
    /// Bytes that its own matrices may take.
    pub memory: u64,
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn Strategy, StrategyContext>] = &[
    bipop::ENTRY,
    cma_es::ENTRY,
    cr_fm_nes::ENTRY,
    genetic::ENTRY,
    ipop::ENTRY,
    lm_ma_es::ENTRY,
    openai_es::ENTRY,
    sep_cma_es::ENTRY,
    snes::ENTRY,
    vd_cma::ENTRY,
    xnes::ENTRY,
];

/// What each row of [`ENTRIES`] promises, in the same order; a test fails where one has no promise.
pub const CONTRACTS: &[Contract] = &[
    bipop::CONTRACT,
    cma_es::CONTRACT,
    cr_fm_nes::CONTRACT,
    genetic::CONTRACT,
    ipop::CONTRACT,
    lm_ma_es::CONTRACT,
    openai_es::CONTRACT,
    sep_cma_es::CONTRACT,
    snes::CONTRACT,
    vd_cma::CONTRACT,
    xnes::CONTRACT,
];

/// Members of a generation: at least two, so that there is something to compare.
const POPULATION: std::ops::RangeInclusive<u64> = 2..=1_000_000;
