//! The network before training: its weights, its subset, and what a gene is worth.

use std::sync::Arc;

use super::Subset;
use crate::graph::init::{draw, Init};
use crate::graph::{Graph, Parameter, ParameterKind};
use crate::record::Background;
use crate::rng::Seed;

/// The common start of all learners. Nothing in it is ever written again.
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
        let mut weights = draw(&graph, init, seed);
        let base = subset.gather(&weights);
        if background == Background::Zero {
            for parameter in graph.parameters.iter().filter(|parameter| zeroed(parameter)) {
                weights[parameter.range()].fill(0.0);
            }
            subset.scatter(&base, &mut weights);
        }
        let of_parameter: Vec<f32> = match scale {
            GeneScale::Init => graph.parameters.iter().map(|p| init.distribution(p).scale()).collect(),
            GeneScale::One => vec![1.0; graph.parameters.len()],
        };
        let mut per_weight = Vec::with_capacity(weights.len());
        for (parameter, scale) in graph.parameters.iter().zip(of_parameter) {
            per_weight.extend(std::iter::repeat_n(scale, parameter.len()));
        }
        let scale = subset.gather(&per_weight);
        Start { graph, subset, weights, base, scale }
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

/// Whether the zero background clears it: convolutions, hidden linear layers and injections of the input, never batch-norm
/// or the classifier.
fn zeroed(parameter: &Parameter) -> bool {
    !parameter.classifier && !matches!(parameter.kind, ParameterKind::BatchNormScale | ParameterKind::BatchNormShift)
}
