//! The untrained network, as far as selectors score its weights.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::init::{draw, Init};
use crate::graph::Graph;
use crate::rng::Seed;

/// Computes the gradient (p) of the mean negative log-likelihood with respect to all weights, on so many training images.
pub type GradientOn<'a> = &'a dyn Fn(usize) -> Result<Vec<f32>>;

/// The network of one seed before training, on the random background. What is asked for is computed once.
pub struct Untrained<'a> {
    graph: &'a Graph,
    init: &'a dyn Init,
    seed: Seed,
    gradient: Option<GradientOn<'a>>,
    weights: OnceCell<Vec<f32>>,
    gradients: RefCell<BTreeMap<usize, Arc<[f32]>>>,
    images: Cell<Option<usize>>,
}

impl<'a> Untrained<'a> {
    /// The network that `seed` draws. Where there are no images random numbers stand for its gradient.
    pub fn new(graph: &'a Graph, init: &'a dyn Init, seed: Seed) -> Self {
        Untrained {
            graph,
            init,
            seed,
            gradient: None,
            weights: OnceCell::new(),
            gradients: RefCell::default(),
            images: Cell::new(None),
        }
    }

    /// The same network with a way to compute its gradient.
    #[must_use]
    pub fn with_gradient(self, gradient: GradientOn<'a>) -> Self {
        Untrained { gradient: Some(gradient), ..self }
    }

    /// All weights (p).
    pub fn weights(&self) -> &[f32] {
        self.weights.get_or_init(|| draw(self.graph, self.init, self.seed))
    }

    /// Gradient (p) of the mean negative log-likelihood with respect to all weights, on the first `images` training images as
    /// one batch, with its own batch statistics and without dropout.
    ///
    /// # Errors
    /// If it cannot be computed, or is not finite.
    pub fn gradient(&self, images: usize) -> Result<Arc<[f32]>> {
        self.images.set(self.images.get().max(Some(images)));
        if let Some(gradient) = self.gradients.borrow().get(&images) {
            return Ok(gradient.clone());
        }
        let gradient: Arc<[f32]> = match self.gradient {
            Some(gradient) => gradient(images)?,
            None => self.stand_in(),
        }
        .into();
        if !gradient.iter().all(|x| x.is_finite()) {
            let message = format!("the gradient of the untrained network on {images} images is not finite");
            return Err(Error::Subset(message));
        }
        self.gradients.borrow_mut().insert(images, gradient.clone());
        Ok(gradient)
    }

    /// The greatest number of images on which a gradient was asked for; `None` where no score needs images.
    pub fn images_asked(&self) -> Option<usize> {
        self.images.get()
    }

    /// Numbers that prefer no weight: so many are chosen as with the gradient, but others.
    fn stand_in(&self) -> Vec<f32> {
        let mut rng = self.seed.child("stand-in").rng();
        (0..self.graph.parameter_count()).map(|_| rng.uniform()).collect()
    }
}
