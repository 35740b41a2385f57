//! The options that every model has, read in one place: activation, batch-norm, width, input injection.

use crate::graph::Activation;
use crate::params::{Params, Range};

/// How a network deviates from its paper.
pub(super) struct Style {
    /// What follows the layers; `None`: nothing, the identity.
    pub activation: Option<Activation>,
    /// Whether there is batch-norm.
    pub batchnorm: bool,
    /// Channels and hidden units are multiplied by it.
    pub width: f64,
    /// Every so many layers see the input; 0: none does.
    pub inject: usize,
}

impl Style {
    /// Reads `activation` ("relu"), `batchnorm` (`published`), `width` (1.0) and `inject` (0).
    pub(super) fn read(params: &Params<'_>, published: bool) -> Self {
        let names = Activation::ALL.map(Activation::name);
        let allowed: Vec<&str> = names.into_iter().chain(["identity"]).collect();
        let activation = params.choice("activation", Some("relu"), &allowed);
        Style {
            activation: Activation::ALL.into_iter().find(|one| one.name() == activation),
            batchnorm: params.boolean("batchnorm", published),
            width: params.float("width", Some(1.0), Range::AboveUpTo(0.0, 1024.0)),
            inject: params.integer("inject", Some(0), 0..=1_000_000) as usize,
        }
    }

    /// max(1, width * published), to the nearest whole number, halves up.
    pub(super) fn scaled(&self, published: usize) -> usize {
        ((self.width * published as f64).round() as usize).max(1)
    }
}
