//! An incumbent in evaluation mode: recalibrated batch-norm statistics, scores on the three splits.

use super::Task;
use crate::data::Split;
use crate::engine::loss::{predicts, Loss};
use crate::engine::Statistics;
use crate::error::Result;
use crate::record::{Cost, Score, Scores};

/// Images that are evaluated as one batch.
const BLOCK: usize = 500;

/// A network at one moment of a run, as metrics see it.
pub struct Snapshot<'a> {
    /// The task that it was trained on.
    pub task: &'a Task,
    /// Its trained weights, (k).
    pub trained: Vec<f32>,
    /// Its batch-norm statistics, in the order of the graph.
    pub statistics: Vec<Statistics>,
    /// Cost until now.
    pub cost: Cost,
    /// Loss and accuracy.
    pub scores: Scores,
}

impl<'a> Snapshot<'a> {
    /// Recalibrates and scores a network.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn take(task: &'a Task, trained: Vec<f32>, cost: Cost) -> Result<Self> {
        let statistics = task.recalibrate(&trained)?;
        let score = |split: Split, images: usize| score(task, &trained, &statistics, split, images);
        let scores = Scores {
            train: score(Split::Train, task.snapshot_len())?,
            validation: score(Split::Validation, task.data.len(Split::Validation))?,
            test: score(Split::Test, task.data.len(Split::Test))?,
        };
        Ok(Snapshot { task, trained, statistics, cost, scores })
    }
}

/// Mean negative log-likelihood and accuracy on the first `images` images of a split.
fn score(task: &Task, trained: &[f32], statistics: &[Statistics], split: Split, images: usize) -> Result<Score> {
    let (mut loss, mut right) = (0.0, 0);
    for start in (0..images).step_by(BLOCK) {
        let batch = task.data.range(split, start..(start + BLOCK).min(images));
        let logits = task.engine.logits(trained, statistics, &batch)?;
        let n = batch.labels.len();
        loss += Loss::Nll.mean(&logits, &batch.labels) * n as f64;
        let rows = logits.chunks_exact(logits.len() / n).zip(&batch.labels);
        right += rows.filter(|(row, label)| predicts(row, **label as usize)).count();
    }
    let n = images as f64;
    Ok(Score { loss: loss / n, accuracy: right as f64 / n, images: images as u64 })
}
