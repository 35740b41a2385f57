//! Sizes of a network and of what is measured on it: what the work of a metric follows from.

use super::Site;
use crate::graph::{Graph, NodeId};

/// Sizes.
#[derive(Clone, Debug, PartialEq)]
pub struct Size {
    /// Multiply-accumulates of one image through the network.
    pub forward: f64,
    /// Values of one image before and behind each site.
    pub sites: Vec<[usize; 2]>,
    /// Numbers that are trained.
    pub trained: usize,
    /// Values of an image.
    pub inputs: usize,
    /// Number of classes.
    pub classes: usize,
    /// Images of the test sample.
    pub images: usize,
    /// Images of the training snapshot.
    pub snapshot: usize,
    /// Multiply-accumulates of one step of the learner, evaluation of its batch included.
    pub step: f64,
}

impl Size {
    /// Values of one image before and behind each site.
    pub(super) fn of_sites(graph: &Graph, sites: &[Site]) -> Vec<[usize; 2]> {
        let length = |id: NodeId| graph.node(id).shape.iter().product();
        sites.iter().map(|site| [length(site.pre), length(site.post)]).collect()
    }

    /// Multiply-accumulates of a gradient on so many images.
    pub fn gradient(&self, images: usize) -> f64 {
        3.0 * self.forward * images as f64
    }
}
