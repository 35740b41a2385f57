//! Sizes of a network and of what is measured on it: what the work of a metric follows from.

use super::Site;
use crate::graph::{Graph, NodeId};
use crate::learner::Task;

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
    /// Of a task, and samples of so many test and training images; of a learner with so many members.
    pub fn new(task: &Task, sites: &[Site], [images, snapshot]: [usize; 2], population: usize) -> Self {
        let graph = &task.start.graph;
        let forward = graph.macs() as f64;
        Size {
            forward,
            sites: Size::of_sites(graph, sites),
            trained: task.start.genes(),
            inputs: graph.input_shape().iter().product(),
            classes: graph.classes(),
            images,
            snapshot,
            // A gradient is worth three passes, a member one.
            step: if population > 1 { 1.0 } else { 3.0 } * forward * (population * task.order.batch()) as f64,
        }
    }

    /// Values of one image before and behind each site.
    fn of_sites(graph: &Graph, sites: &[Site]) -> Vec<[usize; 2]> {
        let length = |id: NodeId| graph.node(id).shape.iter().product();
        sites.iter().map(|site| [length(site.pre), length(site.post)]).collect()
    }

    /// Multiply-accumulates of a gradient on so many images.
    pub fn gradient(&self, images: usize) -> f64 {
        3.0 * self.forward * images as f64
    }
}
