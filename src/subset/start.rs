//! The network before training: its weights, its subset, and what a gene is worth.

use std::sync::Arc;

use super::{Folding, Subset};
use crate::graph::init::Init;
use crate::graph::Graph;
use crate::record::Background;
use crate::rng::Seed;

/// The common start of all learners, or of one stage of a learner whose subset is drawn again ([`Folding`]). Nothing in it is
/// ever written again.
#[derive(Clone, Debug)]
pub struct Start {
    /// The network.
    pub graph: Arc<Graph>,
    /// The trained scalars.
    pub subset: Arc<Subset>,
    /// All weights (p) with the background applied.
    pub weights: Vec<f32>,
    /// The trained scalars' values at the start (k).
    pub base: Vec<f32>,
    /// What one unit of each gene adds to its weight (k): the std of the weight's init, 1 where the init is a constant.
    pub scale: Vec<f32>,
}

/// What a unit of a gene is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneScale {
    /// The standard deviation of the weight's init.
    Init,
    /// 1: genes are offsets of weights.
    One,
}

impl Start {
    /// Draws the base from `seed` and applies the background outside the subset.
    pub fn new(
        graph: Arc<Graph>,
        subset: Arc<Subset>,
        init: &dyn Init,
        scale: GeneScale,
        background: Background,
        seed: Seed,
    ) -> Self {
        let mut folding = Folding::new(graph, init, scale, background, seed);
        folding.enter(&subset);
        folding.start(subset)
    }

    /// Trained weights (k) of a genome (k): base + scale * gene.
    pub fn express(&self, genes: &[f32]) -> Vec<f32> {
        assert_eq!(genes.len(), self.subset.size, "one gene for each trained scalar");
        let terms = self.base.iter().zip(&self.scale).zip(genes);
        terms.map(|((base, scale), gene)| base + scale * gene).collect()
    }

    /// All weights (p) of a network whose trained weights are `trained` (k).
    pub fn complete(&self, trained: &[f32]) -> Vec<f32> {
        let mut weights = self.weights.clone();
        self.subset.scatter(trained, &mut weights);
        weights
    }
}
