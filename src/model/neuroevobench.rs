//! NeuroEvoBench's network for CIFAR-10 (Lange et al. 2023, `All_CNN_C`): convolutions alone.
//!
//! conv5x5 8 - relu - conv5x5 16 - relu - conv1x1 to the classes - global average; stride 1, zero padding keeps the size, biases
//! everywhere. On 32x32x3: 3,994 parameters. The last convolution is the classifier.

use super::layers::Layers;
use super::style::Style;
use super::Model;
use crate::entry::Entry;
use crate::error::Result;
use crate::graph::{Conv, GraphBuilder, NodeId};

struct NeuroEvoBench {
    style: Style,
}

/// The row of this model.
pub const ENTRY: Entry<dyn Model> = Entry {
    name: "neuroevobench",
    summary: "NeuroEvoBench's CIFAR network: two conv5x5 (8, 16), a conv1x1 to the classes, global average",
    reference: "Lange et al. 2023",
    build: |params, ()| Ok(Box::new(NeuroEvoBench { style: Style::read(params, false) })),
};

impl Model for NeuroEvoBench {
    fn build(&self, g: &mut GraphBuilder, images: NodeId, classes: usize) -> Result<NodeId> {
        let mut net = Layers::new(g, &self.style, images);
        let mut x = images;
        for (i, filters) in (1..).zip([8, 16]) {
            x = net.conv(x, &format!("conv{i}"), Conv { bias: true, ..Conv::same(net.scaled(filters), 5) })?;
            x = net.norm(x, &format!("bn{i}"))?;
            x = net.activation(x, "", i)?;
        }
        x = net.graph.conv2d(x, "conv3", Conv { bias: true, ..Conv::same(classes, 1) })?;
        net.graph.global_avg_pool(x, "avgpool")
    }
}
