//! What strategies and operators may ask of the network beyond losses.

use crate::error::{Error, Result};
use crate::graph::init::Distribution;
use crate::population::Population;

/// The network, on the batch that the generation is evaluated on. What is evaluated here is charged to the run: as many images
/// as members and gradients looked at, and their multiplies; what all members share is charged once a generation.
pub trait Network: Sync {
    /// The weights of the untouched network in units of genes, (k): gene `i` stands for the weight `base[i] + genes[i]`.
    /// Empty in a subspace, whose coordinates are no weights.
    fn base(&self) -> &[f32];

    /// What the weights of each span were drawn from, in units of genes. Empty in a subspace.
    fn draws(&self) -> &[Distribution];

    /// The gradient of the loss by gene, (k), at a genome (k). It may hold what is not finite.
    ///
    /// # Errors
    /// If there is none, or the engine fails.
    fn gradient(&self, genes: &[f32]) -> Result<Vec<f32>>;

    /// The logits (batch, classes) of each member (n), normalised as in training. They may hold what is not finite.
    ///
    /// # Errors
    /// If there are none, or the engine fails.
    fn outputs(&self, _population: &Population) -> Result<Vec<Vec<f32>>> {
        refuse()
    }

    /// For each class the gradient by gene, (k), of the sum of its logits over the batch, at a genome (k). It may hold
    /// what is not finite.
    ///
    /// # Errors
    /// If there are no outputs, or the engine fails.
    fn output_gradients(&self, _genes: &[f32]) -> Result<Vec<Vec<f32>>> {
        refuse()
    }
}

/// Stands where there is no network: it has neither base nor outputs.
pub struct NoNetwork;

fn refuse<T>() -> Result<T> {
    Err(Error::Learner("there is no network here, only losses: leave out what looks at one".to_string()))
}

impl Network for NoNetwork {
    fn base(&self) -> &[f32] {
        &[]
    }

    fn draws(&self) -> &[Distribution] {
        &[]
    }

    fn gradient(&self, _: &[f32]) -> Result<Vec<f32>> {
        refuse()
    }
}
