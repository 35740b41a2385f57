//! Learners and the one training loop: both methods get the same task, the same batches and the same cost meter.

mod backprop;
mod batches;
mod budget;
mod chain;
mod class_means;
mod evaluate;
mod evolution;
mod moment;
mod moments;
mod position;
mod stages;
mod task;
mod training;
mod view;

pub use backprop::Backprop;
pub use budget::{Budget, Epochs};
pub use chain::Chain;
pub use evaluate::Snapshot;
pub use evolution::Evolution;
pub use moment::Moment;
pub use moments::Moments;
pub use position::{Best, Position};
pub use stages::{Fixed, Stages};
pub use task::{Task, SNAPSHOT};
pub use training::{Finished, Outcome, Recorder, Training};

use std::collections::BTreeMap;

use crate::data::Batch;
use crate::error::Result;
use crate::evaluation::Work;
use crate::progress::Progress;
use crate::state::State;

/// Takes training steps on a task.
pub trait Learner: Send {
    /// One step on one batch.
    ///
    /// # Errors
    /// If nothing can be learned from it, as when every member failed.
    fn step(&mut self, task: &Task, batch: &Batch, at: Progress) -> Result<StepReport>;

    /// The trained values that it would deploy now: weights (k), or in a subspace coordinates (d).
    fn incumbent(&self, task: &Task) -> Vec<f32>;

    /// Why it cannot go on, if so.
    fn stop(&self) -> Option<String>;

    /// Exact state between two steps.
    fn save(&self) -> State;

    /// Takes over a saved state.
    ///
    /// # Errors
    /// If the state is of another learner or size.
    fn load(&mut self, state: &State) -> Result<()>;
}

/// What a step did.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// Mean loss of the members that have one, or loss of the batch.
    pub loss: f64,
    /// Least loss of a member, or loss of the batch.
    pub best: f64,
    /// Networks evaluated forward alone, and on how many batches.
    pub work: Work,
    /// The most of them that the next step may evaluate.
    pub next: Work,
    /// Networks evaluated forward and backward: backprop's own, or what guides a strategy.
    pub gradients: usize,
    /// The most of these that the next step may evaluate.
    pub next_gradients: usize,
    /// Members without a loss.
    pub failed: u64,
    /// The algorithm's own numbers.
    pub diagnostics: BTreeMap<String, f64>,
}
