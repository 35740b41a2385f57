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
    /// Its trained values: weights (k), or in a subspace coordinates (d).
    pub trained: Vec<f32>,
    /// The weights of its subset, (k).
    pub weights: Vec<f32>,
    /// Its batch-norm statistics, in the order of the graph.
    pub statistics: Vec<Statistics>,
    /// Cost until now.
    pub cost: Cost,
    /// Loss and accuracy.
    pub scores: Scores,
}

impl<'a> Snapshot<'a> {
    /// Recalibrates a network whose scores are known.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn scored(task: &'a Task, trained: Vec<f32>, cost: Cost, scores: Scores) -> Result<Self> {
        let weights = task.start.weights_of(&trained).into_owned();
        let (statistics, _) = task.engine.recalibrate(&weights, &task.snapshot())?;
        Ok(Snapshot { task, trained, weights, statistics, cost, scores })
    }

    /// Recalibrates and scores a network.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn take(task: &'a Task, trained: Vec<f32>, cost: Cost) -> Result<Self> {
        let snapshot = task.snapshot();
        let weights = task.start.weights_of(&trained).into_owned();
        // The statistics are those of the snapshot, so its logits come with them.
        let (statistics, logits) = task.engine.recalibrate(&weights, &snapshot)?;
        let mut train = Tally::default();
        train.add(&logits, &snapshot.labels);
        let score = |split: Split| score(task, &weights, &statistics, split);
        let scores = Scores { train: train.score(), validation: score(Split::Validation)?, test: score(Split::Test)? };
        Ok(Snapshot { task, trained, weights, statistics, cost, scores })
    }
}

/// Loss and accuracy of a network on all images of a split.
fn score(task: &Task, weights: &[f32], statistics: &[Statistics], split: Split) -> Result<Score> {
    let images = task.data.len(split);
    let mut tally = Tally::default();
    for start in (0..images).step_by(BLOCK) {
        let batch = task.data.range(split, start..(start + BLOCK).min(images));
        tally.add(&task.engine.logits(weights, statistics, &batch)?, &batch.labels);
    }
    Ok(tally.score())
}

/// Sums over images.
#[derive(Default)]
struct Tally {
    /// Of the negative log-likelihoods, nats.
    loss: f64,
    right: usize,
    images: usize,
}

impl Tally {
    /// Takes in the logits (n, classes) of some images.
    fn add(&mut self, logits: &[f32], labels: &[u32]) {
        let n = labels.len();
        self.loss += Loss::Nll.mean(logits, labels) * n as f64;
        let rows = logits.chunks_exact(logits.len() / n).zip(labels);
        self.right += rows.filter(|(row, label)| predicts(row, **label as usize)).count();
        self.images += n;
    }

    /// The means.
    fn score(&self) -> Score {
        let n = self.images as f64;
        Score { loss: self.loss / n, accuracy: self.right as f64 / n, images: self.images as u64 }
    }
}
