//! Two 5x5 convolutions and a linear layer (Ha 2017, mnist_es; also NeuroEvoBench's MNIST network).
//!
//! conv5x5 c1 - relu - pool2 - conv5x5 c2 - relu - pool2 - linear; zero padding keeps the size, biases everywhere.
//! On 28x28x1 with 8 and 16 filters: 11,274 parameters.

use super::layers::Layers;
use super::style::Style;
use super::Model;
use crate::entry::Entry;
use crate::error::Result;
use crate::graph::{Conv, GraphBuilder, NodeId, Pool};

struct Conv2 {
    channels: [usize; 2],
    style: Style,
}

/// The row of this model.
pub const ENTRY: Entry<dyn Model> = Entry {
    name: "conv2",
    summary: "conv5x5-relu-pool twice, then linear; `channels` = [8, 16]",
    reference: "Ha 2017, mnist_es; Lange et al. 2023",
    build: |params, ()| {
        let channels = params.integer_array("channels", [8, 16], 1..=4096);
        Ok(Box::new(Conv2 { channels: channels.map(|c| c as usize), style: Style::read(params, false) }))
    },
};

impl Model for Conv2 {
    fn build(&self, g: &mut GraphBuilder, images: NodeId, classes: usize) -> Result<NodeId> {
        let mut net = Layers::new(g, &self.style, images);
        let mut x = images;
        for (i, filters) in (1..).zip(self.channels) {
            x = net.conv(x, &format!("conv{i}"), Conv { bias: true, ..Conv::same(net.scaled(filters), 5) })?;
            x = net.norm(x, &format!("bn{i}"))?;
            x = net.activation(x, "", i)?;
            x = net.graph.max_pool(x, &format!("pool{i}"), Pool::HALVE)?;
        }
        x = net.graph.flatten(x, "flatten")?;
        net.graph.linear(x, "fc", classes, true)
    }
}
