//! What metrics are given: a network of a run at one moment, in evaluation mode, and all that they may look at.

use std::sync::Arc;

use super::cache::Cache;
use super::{Site, Size, Walk};
use crate::data::Batch;
use crate::engine::{Loss, Probe};
use crate::error::Result;
use crate::graph::NodeId;
use crate::learner::{Moment, Snapshot, Task};
use crate::num::Matrix;
use crate::record::{Evaluation, Header};
use crate::rng::Seed;

/// A network of a run at one moment.
///
/// All learners of one seed are measured on the same images, directions and permutations: randomness comes from
/// [`Subject::seed`], never from network or moment.
pub struct Subject<'a> {
    /// The task that it was trained on.
    pub task: &'a Task,
    /// The network: trained values, weights, scores.
    pub snapshot: &'a Snapshot<'a>,
    /// The network in evaluation mode, opened up.
    pub probe: &'a Probe,
    /// The network before training.
    pub untrained: &'a Probe,
    /// Its non-linearities, and its output as the last one; at later moments only those that a trained weight stands before,
    /// for what was measured of the others at the start holds for good.
    pub sites: &'a [Site],
    /// The first test images, normalised, with their labels.
    pub test: &'a Batch,
    /// The training snapshot.
    pub train: &'a Batch,
    /// Address of all randomness of metrics; the same for all learners and moments of one cell and seed.
    pub seed: Seed,
    /// The run that it belongs to.
    pub run: &'a Run<'a>,
    /// Networks of the other learners of this cell and seed, at the same landmark; none elsewhere.
    pub peers: &'a [Peer],
    /// What was computed of it already.
    pub caches: &'a Caches,
}

/// Values of nodes that metrics have asked for.
#[derive(Default)]
pub struct Caches {
    trained: Cache,
    untrained: Cache,
}

/// What is known of the run up to the moment.
pub struct Run<'a> {
    /// What the run is.
    pub header: &'a Header,
    /// Members of a generation; 1 for backprop.
    pub population: usize,
    /// The incumbent at each moment from the start to this one, which is the last.
    pub moments: &'a [Moment],
    /// Evaluations, from the start to the end of the run.
    pub evaluations: &'a [Evaluation],
    /// Every step's incumbent from the start to the end of the run, where it was kept.
    pub walk: Option<&'a Walk>,
    /// How the learner would go on from this moment, where its state was kept.
    pub redraw: Option<&'a (dyn Redraw + 'a)>,
}

/// A learner as it stood at a moment, asked again and again what it would do.
pub trait Redraw: Sync {
    /// What `count` first steps from here would add to the trained values, each on a batch of its own, drawn with replacement,
    /// and with randomness of its own.
    ///
    /// # Errors
    /// If the learner or the engine fails.
    fn updates(&self, count: usize, seed: Seed) -> Result<Vec<Vec<f32>>>;
}

/// Another learner's network.
pub struct Peer {
    /// Label of the learner.
    pub learner: String,
    /// What it is.
    pub method: crate::record::Method,
    /// Its network in evaluation mode.
    pub probe: Probe,
}

impl Subject<'_> {
    /// Number of test images.
    pub fn images(&self) -> usize {
        self.test.labels.len()
    }

    /// Values (n, len) of a node for the test images.
    pub fn values(&self, node: NodeId) -> Arc<Vec<f32>> {
        self.kept(&self.caches.trained, self.probe, node)
    }

    /// The same before training.
    pub fn untrained_values(&self, node: NodeId) -> Arc<Vec<f32>> {
        self.kept(&self.caches.untrained, self.untrained, node)
    }

    fn kept(&self, cache: &Cache, probe: &Probe, node: NodeId) -> Arc<Vec<f32>> {
        let mut beside: Vec<NodeId> = self.sites.iter().flat_map(|site| [site.pre, site.post]).collect();
        beside.sort_unstable();
        beside.dedup();
        let bytes = |node| self.images() * self.length(node) * size_of::<f32>();
        cache.get(node, &beside, bytes, |nodes| probe.values(&self.test.images, nodes))
    }

    /// Values of a node for one image.
    pub fn length(&self, node: NodeId) -> usize {
        self.probe.graph().node(node).shape.iter().product()
    }

    /// Values (n, len) of a node, projected to at most `most` dimensions by a Gaussian matrix that follows from the node and
    /// the seed alone; (n, dimensions) and the dimensions. Squared lengths are kept in the mean.
    pub fn projected(&self, values: &[f32], node: NodeId, most: usize) -> (Vec<f32>, usize) {
        let (length, rows) = (self.length(node), values.len() / self.length(node).max(1));
        if length <= most {
            return (values.to_vec(), length);
        }
        let mut matrix = vec![0.0; length * most];
        let address = self.seed.child("projection").child(&self.probe.graph().node(node).name);
        address.rng().fill_normal(&mut matrix);
        let scale = (most as f32).sqrt().recip();
        matrix.iter_mut().for_each(|x| *x *= scale);
        (Matrix::new(values, rows).times(Matrix::new(&matrix, length)), most)
    }

    /// Loss (nats) on a batch and its gradient by trained value, at given trained values: weights (k), or in a subspace
    /// coordinates (d). Batch-norm takes its statistics from the batch: on the whole training snapshot this is the loss of
    /// the network in evaluation mode.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn gradient(&self, trained: &[f32], batch: &Batch) -> Result<(f64, Vec<f32>)> {
        let start = &self.task.start;
        let (loss, gradient) = self.task.engine.gradient(&start.weights_of(trained), batch, Loss::Nll)?;
        Ok((loss, start.gradient_of(gradient)))
    }

    /// `count` batches of training images of the learner's own size, drawn with replacement.
    pub fn batches(&self, count: usize, seed: Seed) -> Vec<Batch> {
        (0..count as u64).map(|i| self.task.draw(seed.index(i))).collect()
    }

    /// What one unit of a normalised pixel is in units of a pixel's own range, 0 to 1: (channels).
    pub fn pixel_std(&self) -> &[f64] {
        self.task.data.std()
    }

    /// Sizes, for the work of metrics.
    pub fn size(&self) -> Size {
        let samples = [self.images(), self.train.labels.len()];
        Size::new(self.task, self.sites, samples, self.run.population)
    }
}
