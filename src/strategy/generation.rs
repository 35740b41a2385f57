//! What a strategy is given to propose a generation with.

use crate::operator::{Network, NoNetwork, Progress};
use crate::rng::Seed;

/// One generation about to be proposed.
#[derive(Clone, Copy)]
pub struct Generation<'a> {
    /// How far the run has come.
    pub at: Progress,
    /// The address of this generation's randomness.
    pub seed: Seed,
    /// The network on the batch that the generation will be evaluated on.
    pub network: &'a dyn Network,
}

impl Generation<'static> {
    /// A generation of which only losses will be told.
    pub fn blind(at: Progress, seed: Seed) -> Self {
        Generation { at, seed, network: &NoNetwork }
    }
}
