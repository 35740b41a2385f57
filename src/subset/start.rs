//! The network before training: its weights, its subset, and what a gene is worth.
//!
//! Three things that a learner may hold: **genes**, which evolution changes and which are all zero at the start; **trained
//! values**, which are deployed, kept in files, and changed by backprop; **weights** of the subset (k). Without a subspace a
//! trained value is a weight, `base + scale * gene`. In a subspace of d dimensions genes and trained values are the same
//! d coordinates z, for both learners, and the weights are `base + P z`.

use std::borrow::Cow;
use std::sync::Arc;

use rayon::prelude::*;

use super::{Folding, Subset};
use crate::graph::init::{Distribution, Init};
use crate::graph::Graph;
use crate::projection::Basis;
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
    /// The subset's weights at the start (k).
    pub base: Vec<f32>,
    /// What the weights of each span were drawn from, in units of genes; none in a subspace.
    pub draws: Vec<Distribution>,
    /// How genes become weights.
    pub encoding: Encoding,
}

/// How genes become weights.
#[derive(Clone, Debug)]
pub enum Encoding {
    /// Each gene moves a weight of its own: what one unit adds to it (k), which is the std of the weight's init, 1 where
    /// the init is a constant.
    Weights(Vec<f32>),
    /// Genes are coordinates: one unit is a step of length one along a direction of the basis, whatever the init.
    Subspace(Arc<dyn Basis>),
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

    /// The same start, trained in a subspace of the subset's weights alone.
    ///
    /// # Panics
    /// If the basis spans another number of weights than the subset has.
    #[must_use]
    pub fn within(self, basis: Arc<dyn Basis>) -> Self {
        assert_eq!(basis.weights(), self.subset.size, "the basis spans the weights of the subset");
        Start { encoding: Encoding::Subspace(basis), draws: Vec::new(), ..self }
    }

    /// The basis of the subspace that is trained, if it is one.
    pub fn basis(&self) -> Option<&dyn Basis> {
        match &self.encoding {
            Encoding::Weights(_) => None,
            Encoding::Subspace(basis) => Some(&**basis),
        }
    }

    /// Numbers that are trained: weights (k), or coordinates (d).
    pub fn genes(&self) -> usize {
        self.basis().map_or(self.subset.size, Basis::dimension)
    }

    /// What strategies and operators see: the places of the genes; in a subspace d genes without a place.
    pub fn layout(&self) -> Arc<Subset> {
        match self.basis() {
            None => self.subset.clone(),
            Some(basis) => Arc::new(Subset::without_places(&self.subset.name, basis.dimension())),
        }
    }

    /// The trained values before training: the base (k), or zeros (d).
    pub fn untrained(&self) -> Vec<f32> {
        match &self.encoding {
            Encoding::Weights(_) => self.base.clone(),
            Encoding::Subspace(basis) => vec![0.0; basis.dimension()],
        }
    }

    /// The trained values of a genome: base + scale * gene (k), or the genes themselves (d).
    pub fn trained(&self, genes: &[f32]) -> Vec<f32> {
        assert_eq!(genes.len(), self.genes(), "one gene for each trained value");
        match &self.encoding {
            Encoding::Weights(scale) => {
                let terms = self.base.iter().zip(scale).zip(genes);
                terms.map(|((base, scale), gene)| base + scale * gene).collect()
            }
            Encoding::Subspace(_) => genes.to_vec(),
        }
    }

    /// The subset's weights (k) of trained values: these themselves, or base + P z.
    pub fn weights_of<'a>(&self, trained: &'a [f32]) -> Cow<'a, [f32]> {
        assert_eq!(trained.len(), self.genes(), "as many as are trained");
        match &self.encoding {
            Encoding::Weights(_) => Cow::Borrowed(trained),
            Encoding::Subspace(basis) => Cow::Owned(self.span(&**basis, &[trained]).swap_remove(0)),
        }
    }

    /// The subset's weights (k) of a genome.
    pub fn express(&self, genes: &[f32]) -> Vec<f32> {
        match &self.encoding {
            Encoding::Weights(_) => self.trained(genes),
            Encoding::Subspace(_) => self.weights_of(genes).into_owned(),
        }
    }

    /// The subset's weights (k) of some genomes; a basis is drawn once for all of them.
    pub fn express_all(&self, members: &[&[f32]]) -> Vec<Vec<f32>> {
        match &self.encoding {
            Encoding::Weights(_) => members.par_iter().map(|genes| self.trained(genes)).collect(),
            Encoding::Subspace(basis) => self.span(&**basis, members),
        }
    }

    fn span(&self, basis: &dyn Basis, members: &[&[f32]]) -> Vec<Vec<f32>> {
        assert!(members.iter().all(|z| z.len() == basis.dimension()), "one coordinate for each direction");
        let mut rows = vec![self.base.clone(); members.len()];
        basis.add(members, &mut rows);
        rows
    }

    /// The gradient of the trained values, from that of the subset's weights (k): the same, or P^T g (d).
    pub fn gradient_of(&self, gradient: Vec<f32>) -> Vec<f32> {
        match &self.encoding {
            Encoding::Weights(_) => gradient,
            Encoding::Subspace(basis) => basis.transpose(&gradient),
        }
    }

    /// The gradient by gene, from that of the subset's weights (k): a unit of a gene moves its weight by `scale`; in a
    /// subspace a gene is a trained value (d).
    pub fn gene_gradient(&self, gradient: Vec<f32>) -> Vec<f32> {
        match &self.encoding {
            Encoding::Weights(scale) => gradient.iter().zip(scale).map(|(slope, scale)| slope * scale).collect(),
            Encoding::Subspace(_) => self.gradient_of(gradient),
        }
    }

    /// The subset's weights at the start in units of genes, (k): a genome stands for the weights `base + genes`. Empty in a
    /// subspace.
    pub fn base_in_genes(&self) -> Vec<f32> {
        match &self.encoding {
            Encoding::Weights(scale) => self.base.iter().zip(scale).map(|(base, scale)| base / scale).collect(),
            Encoding::Subspace(_) => Vec::new(),
        }
    }

    /// All weights (p) of a network whose subset has the weights `own` (k).
    pub fn complete(&self, own: &[f32]) -> Vec<f32> {
        let mut weights = self.weights.clone();
        self.subset.scatter(own, &mut weights);
        weights
    }
}
