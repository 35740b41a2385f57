//! Gradients of the untrained network, for selectors that score weights by them.

use std::sync::Arc;

use super::Setup;
use crate::data::{Data, Split};
use crate::engine::{self, Loss};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::plan::{Limits, Plan};
use crate::record::Background;
use crate::rng::Seed;
use crate::subset::{GeneScale, Start, Subset};

/// The images that weights are scored on, and what may be used for it. The limits change no score.
#[derive(Clone, Copy)]
pub struct Scoring<'a> {
    /// The data set.
    pub data: &'a Data,
    /// Memory and threads.
    pub limits: Limits,
}

impl Scoring<'_> {
    /// Gradient (p) of the mean negative log-likelihood of a cell's untrained network, drawn from `seed`, on the first
    /// `images` training images.
    pub(super) fn gradient(&self, setup: &Setup, seed: Seed, images: usize) -> Result<Vec<f32>> {
        check_images(images, self.data.len(Split::Train)).map_err(Error::Config)?;
        let (subset, plan) = plan(&setup.graph, images, self.limits)?;
        let subset = Arc::new(subset);
        let graph = setup.graph.clone();
        let start = Start::new(graph, subset.clone(), &*setup.init, GeneScale::One, Background::Random, seed);
        let trained = start.base.clone();
        let mut gradient = vec![0.0; start.weights.len()];
        let batch = self.data.range(Split::Train, 0..images);
        let (_, of_trained) = engine::on_cpu(Arc::new(start), &plan).gradient(&trained, &batch, Loss::Nll)?;
        subset.scatter(&of_trained, &mut gradient);
        Ok(gradient)
    }
}

/// Whether there are so many training images.
pub(super) fn check_images(images: usize, there: usize) -> std::result::Result<(), String> {
    if images <= there {
        return Ok(());
    }
    Err(format!(
        "weights are scored on {images} training images, and there are {there}: give `gradient` fewer `images`"
    ))
}

/// All weights as a subset, and the plan of their gradient.
///
/// # Errors
/// [`Error::Config`] where it does not fit into memory.
pub(super) fn plan(graph: &Graph, images: usize, limits: Limits) -> Result<(Subset, Plan)> {
    let subset = Subset::from_marks("all", graph, &vec![true; graph.parameter_count()])?;
    let plan = Plan::new(graph, &subset, images, limits);
    let told = |message| {
        Error::Config(format!("the gradient that weights are scored by, on {images} images as one batch: {message}"))
    };
    plan.check_gradient().map_err(told)?;
    Ok((subset, plan))
}
