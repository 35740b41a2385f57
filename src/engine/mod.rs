//! Evaluates networks: a population's losses on a batch, a gradient on the subset, logits in evaluation mode; and opens
//! one network up ([`Probe`]).
//!
//! Unsafe code lives here alone, each block with its argument.

mod class_losses;
pub mod cpu;
pub mod device;
mod dropout;
pub mod loss;
mod probe;
mod reference;
mod statistics;

pub use class_losses::ClassLosses;
pub use cpu::function::activate;
pub use cpu::CpuEngine;
pub use device::{DeviceChoice, DeviceEngine, MatrixPrecision, Processor};
pub use dropout::mask;
pub use loss::Loss;
pub use probe::Probe;
pub use reference::ReferenceEngine;
pub use statistics::Statistics;

use std::sync::Arc;
use std::time::Duration;

use crate::data::Batch;
use crate::error::Result;
use crate::plan::Plan;
use crate::population::Population;
use crate::subset::Start;

/// Evaluates the networks of one [`crate::subset::Start`]. Batch-norm trains on the statistics of each member's batch.
pub trait Engine: Send + Sync {
    /// Loss (n) of each member on one batch; NaN where a member has a logit that is no finite number.
    ///
    /// # Errors
    /// If a tensor operation fails.
    fn losses(&self, population: &Population, batch: &Batch, loss: Loss) -> Result<Vec<f32>>;

    /// The same losses, and the mean losses over the images of each class: one evaluation gives both.
    ///
    /// # Errors
    /// If a tensor operation fails.
    fn class_losses(&self, population: &Population, batch: &Batch, loss: Loss) -> Result<ClassLosses>;

    /// Loss and its gradient (k) at the trained weights `trained` (k).
    ///
    /// # Errors
    /// If a tensor operation fails.
    fn gradient(&self, trained: &[f32], batch: &Batch, loss: Loss) -> Result<(f64, Vec<f32>)>;

    /// Logits (batch, classes) of each member (n) on one batch, normalised by its statistics as in training.
    ///
    /// # Errors
    /// If a tensor operation fails.
    fn outputs(&self, population: &Population, batch: &Batch) -> Result<Vec<Vec<f32>>>;

    /// Gradients (k) of weighted sums of the logits at the trained weights `trained` (k), normalised as in training: one for
    /// each of `slopes`, which are the weights (batch, classes) of a sum. The batch goes forward once for all of them.
    ///
    /// # Errors
    /// If a tensor operation fails.
    fn vector_jacobian_products(&self, trained: &[f32], batch: &Batch, slopes: &[Vec<f32>]) -> Result<Vec<Vec<f32>>>;

    /// Statistics of each batch-norm layer, in the order of the graph, on one batch, layer by layer; and the batch's logits
    /// (batch, classes) on these statistics.
    ///
    /// # Errors
    /// If a tensor operation fails.
    fn recalibrate(&self, trained: &[f32], batch: &Batch) -> Result<(Vec<Statistics>, Vec<f32>)>;

    /// Logits (batch, classes) in evaluation mode, on given statistics.
    ///
    /// # Errors
    /// If a tensor operation fails.
    fn logits(&self, trained: &[f32], statistics: &[Statistics], batch: &Batch) -> Result<Vec<f32>>;

    /// Time spent until now on activations that are kept for the whole data set; `None` where none are.
    fn cache_fill(&self) -> Option<Duration> {
        None
    }
}

/// The engine of a plan on the CPU: the fast one, or the reference where the plan has no programs.
pub fn on_cpu(start: Arc<Start>, plan: &Plan) -> Box<dyn Engine> {
    match CpuEngine::new(start.clone(), plan.clone()) {
        Some(engine) => Box::new(engine),
        None => Box::new(ReferenceEngine::on_cpu(start, plan)),
    }
}
