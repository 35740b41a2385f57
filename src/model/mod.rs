//! Architectures: one file each, a function that builds a graph.

mod alexnet_cifar;
mod conv2;
mod conv2_bn;
mod densenet_bc;
mod features;
mod gressmann;
mod layers;
mod lenet;
mod mlp;
mod neuroevobench;
mod resnet_cifar;
mod style;
mod vgg_bn;
mod wrn;

use crate::entry::Entry;
use crate::error::Result;
use crate::graph::{Graph, GraphBuilder, NodeId};
use crate::params::Params;

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
pub const ENTRIES: &[Entry<dyn Model>] = &[
    alexnet_cifar::ENTRY,
    conv2::ENTRY,
    conv2_bn::ENTRY,
    densenet_bc::ENTRY,
    gressmann::ENTRY,
    lenet::LENET,
    lenet::LENET5,
    mlp::ENTRY,
    neuroevobench::ENTRY,
    resnet_cifar::ENTRY,
    vgg_bn::VGG11,
    vgg_bn::VGG13,
    vgg_bn::VGG16,
    vgg_bn::VGG19,
    wrn::ENTRY,
];

/// Reads `depth`, which must be 6n + `more`, and gives n: the blocks of each of three stages.
fn read_depth(params: &Params<'_>, default: u64, more: u64) -> usize {
    let depth = params.integer("depth", Some(default), 6 + more..=6_000 + more);
    if depth % 6 != more {
        let below = depth - (depth - more) % 6;
        let message = format!("`{}.depth` = {depth}: must be 6n + {more}, as {below} or {}", params.path(), below + 6);
        params.problem("depth", message, None);
    }
    ((depth - more) / 6) as usize
}
