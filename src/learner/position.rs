//! Where a run stands between two steps.

use serde::{Deserialize, Serialize};

use super::Chain;
use crate::record::{number, Cost, Scores};
use crate::state::State;

/// All that is needed to go on, bit for bit; randomness is addressed and needs no state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Cost so far.
    pub cost: Cost,
    /// What the next step is taken to cost at most: as much as the last one, unless that said otherwise. `None` before the
    /// first.
    pub last_step: Option<Cost>,
    /// Batches that this cost counts.
    #[serde(default = "one")]
    pub last_batches: u64,
    /// What the stages before this one learned, where the subset is drawn again.
    #[serde(skip)]
    pub chain: Chain,
    /// The learner's state.
    #[serde(skip)]
    pub state: State,
    /// Seconds spent on training so far, over all sessions.
    #[serde(with = "number")]
    pub seconds: f64,
    /// Seconds spent on evaluations so far.
    #[serde(with = "number")]
    pub evaluation_seconds: f64,
    /// The incumbent with the least validation loss, if an evaluation had one.
    pub best: Option<Best>,
    /// Best test accuracy of any evaluation.
    #[serde(with = "number")]
    pub best_on_test_accuracy: f64,
}

/// Of checkpoints that do not tell.
fn one() -> u64 {
    1
}

/// The incumbent of the evaluation with the least validation loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Step of that evaluation.
    pub step: u64,
    /// Its stage: how many links of the chain come before its weights.
    #[serde(default)]
    pub stage: u64,
    /// Its loss and accuracy.
    pub scores: Scores,
    /// Its trained values: weights (k) of its stage, or in a subspace coordinates (d).
    #[serde(skip)]
    pub weights: Vec<f32>,
}
