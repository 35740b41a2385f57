//! A run at one moment: from this its network is made again, and measured.

use crate::record::Cost;
use crate::state::State;

/// The incumbent at one moment of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// Cost until then.
    pub cost: Cost,
    /// Its stage, where the subset is drawn again: how many links of the chain come before its weights.
    pub stage: u64,
    /// Its trained values: weights (k), or in a subspace coordinates (d).
    pub trained: Vec<f32>,
    /// The learner at this moment, where metrics ask how it would go on.
    pub state: Option<State>,
}
