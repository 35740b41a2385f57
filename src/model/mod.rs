//! Architectures: one file each, a function that builds a graph.

mod conv2;
mod conv2_bn;
mod lenet5;
mod mlp;

use crate::entry::Entry;
use crate::error::Result;
use crate::graph::{Graph, GraphBuilder, NodeId};

/// An architecture with its options read.
pub trait Model: Send + Sync {
    /// Adds the layers from `images` on and gives the node of the logits, shape `[classes]`.
    ///
    /// # Errors
    /// If the images are too small for the layers.
    fn build(&self, g: &mut GraphBuilder, images: NodeId, classes: usize) -> Result<NodeId>;
}

/// The graph of a model for images of shape `[c, h, w]`.
///
/// # Errors
/// If the images do not fit the model.
pub fn build(model: &dyn Model, image: [usize; 3], classes: usize) -> Result<Graph> {
    let (mut g, images) = GraphBuilder::new(image);
    let logits = model.build(&mut g, images, classes)?;
    g.finish(logits)
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn Model>] = &[conv2::ENTRY, conv2_bn::ENTRY, lenet5::ENTRY, mlp::ENTRY];
