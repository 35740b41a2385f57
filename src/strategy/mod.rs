//! Evolutionary strategies: propose genomes and learn from their losses (ask/tell). Host code; knows no tensors.

use std::sync::Arc;

use crate::entry::Entry;
use crate::error::Result;
use crate::operator::{Operators, Population, Progress};
use crate::rng::Seed;
use crate::state::State;
use crate::subset::Subset;

/// An evolutionary strategy. It starts at the all-zero genome, which is the untouched network.
pub trait Strategy: Send {
    /// Proposes the members of the next generation, (n, k). `seed` is the address of this generation's randomness.
    fn ask(&mut self, at: Progress, seed: Seed) -> Population;

    /// Learns from the losses (n) of the members that `ask` proposed last. Lower is better, NaN = failed, ranks last.
    ///
    /// # Errors
    /// If no member has a loss.
    fn tell(&mut self, asked: &Population, losses: &[f32]) -> Result<()>;

    /// The genome that it would deploy now, (k): its mean or its elite.
    fn incumbent(&self) -> &[f32];

    /// Its own numbers for the records, as in `sigma`.
    fn diagnostics(&self) -> Vec<(&'static str, f64)>;

    /// Why it cannot improve any more, if so.
    fn stop(&self) -> Option<String> {
        None
    }

    /// Exact state: after `load` into a fresh strategy of the same parameters everything continues bit for bit.
    fn save(&self) -> State;

    /// Takes over a saved state.
    ///
    /// # Errors
    /// If the state is of another strategy or size.
    fn load(&mut self, state: &State) -> Result<()>;
}

/// What a strategy is built for.
pub struct StrategyContext {
    /// The trained scalars; `subset.size` is k.
    pub subset: Arc<Subset>,
    /// The operators that a composed strategy may name.
    pub operators: Arc<Operators>,
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn Strategy, StrategyContext>] = &[];
