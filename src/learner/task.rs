//! What learners are given: network, data, batches, engine; and the cost meter.

use std::sync::Arc;

use super::StepReport;
use crate::data::{Augmentation, Batch, BatchOrder, Data, Split};
use crate::engine::{Engine, Loss};
use crate::evaluation::Work;
use crate::plan::Plan;
use crate::record::Cost;
use crate::rng::Seed;
use crate::subset::Start;

/// Training images on which an incumbent's batch-norm statistics are recalibrated and its training loss is measured.
pub const SNAPSHOT: usize = 2_000;

/// One problem, the same for all learners.
pub struct Task {
    /// The untrained network and what is trained of it.
    pub start: Arc<Start>,
    /// The images.
    pub data: Arc<Data>,
    /// Which images make the batch of a step.
    pub order: BatchOrder,
    /// What is done to the training images of a step.
    pub augmentation: Arc<dyn Augmentation>,
    /// The run's seed, below which each step has the address of its augmentation and of its noise.
    pub seed: Seed,
    /// What is minimised.
    pub loss: Loss,
    /// How populations are evaluated.
    pub plan: Plan,
    /// What evaluates them.
    pub engine: Box<dyn Engine>,
}

impl Task {
    /// The training batch of a step, augmented, with the address of the step's noise: follows from the seed and the step
    /// alone.
    pub fn batch(&self, step: u64) -> Batch {
        let address = |label: &str| self.seed.child(label).index(step);
        self.read(&self.order.indices(step), address("augment"), address("noise"))
    }

    /// Training images drawn with replacement, as many as a batch has, augmented, with noise: follows from the seed alone.
    pub fn draw(&self, seed: Seed) -> Batch {
        let mut rng = seed.child("images").rng();
        let images = self.data.len(Split::Train);
        let indices: Vec<usize> = (0..self.order.batch()).map(|_| rng.below(images)).collect();
        self.read(&indices, seed.child("augment"), seed.child("noise"))
    }

    /// Training images, augmented from one address and with the other for their noise.
    pub(super) fn read(&self, indices: &[usize], augment: Seed, noise: Seed) -> Batch {
        let batch = if self.augmentation.changes() {
            self.data.augmented(indices, &*self.augmentation, augment)
        } else {
            self.data.gather(Split::Train, indices)
        };
        Batch { noise: Some(noise), ..batch }
    }

    /// The first training images: the fixed snapshot.
    pub fn snapshot(&self) -> Batch {
        self.data.range(Split::Train, 0..self.snapshot_len())
    }

    /// Number of images of the snapshot.
    pub fn snapshot_len(&self) -> usize {
        SNAPSHOT.min(self.data.len(Split::Train))
    }

    /// The cost of a run after one more step.
    pub fn charge(&self, cost: Cost, report: &StepReport) -> Cost {
        let step = self.step_cost(report.work, report.gradients);
        Cost {
            step: cost.step + step.step,
            images: cost.images + step.images,
            images_backward: cost.images_backward + step.images_backward,
            macs: cost.macs + step.macs,
        }
    }

    /// What the step after one is taken to cost at most.
    pub fn expected(&self, report: &StepReport) -> Cost {
        self.step_cost(report.next, report.next_gradients)
    }

    /// What a step costs that evaluates as many networks as one that cost `last`, on whatever task that was, on so many
    /// batches.
    pub fn forecast(&self, last: Cost, batches: usize) -> Cost {
        let networks = |images: u64| images as usize / self.order.batch();
        let members = networks(last.images - last.images_backward);
        self.step_cost(Work { members, batches }, networks(last.images_backward))
    }

    /// Of so many networks forward alone, and so many forward and backward. What members share is computed once a batch.
    fn step_cost(&self, Work { members, batches }: Work, gradients: usize) -> Cost {
        let images = |networks: usize| (networks * self.order.batch()) as u64;
        Cost {
            step: 1,
            images: images(members + gradients),
            images_backward: images(gradients),
            macs: self.plan.step_macs_on(members, batches, gradients),
        }
    }
}
