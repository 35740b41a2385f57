//! Two 3x3 convolutions with batch-norm and a linear layer: the small network of the speed comparisons.
//!
//! conv3x3 c1 - batch-norm - relu - pool2 - conv3x3 c2 - batch-norm - relu - pool2 - linear; no convolution biases.
//! On 28x28x1 with 16 and 32 filters: 20,538 parameters, 96 of them batch-norm.

use super::layers::Layers;
use super::style::Style;
use super::Model;
use crate::entry::Entry;
use crate::error::Result;
use crate::graph::{Conv, GraphBuilder, NodeId, Pool};

struct Conv2Bn {
    channels: [usize; 2],
    style: Style,
}

/// The row of this model.
pub const ENTRY: Entry<dyn Model> = Entry {
    name: "conv2-bn",
    summary: "conv3x3-bn-relu-pool twice, then linear; `channels` = [16, 32]",
    reference: "this project",
    build: |params, ()| {
        let channels = params.integer_array("channels", [16, 32], 1..=4096);
        Ok(Box::new(Conv2Bn { channels: channels.map(|c| c as usize), style: Style::read(params, true) }))
    },
};

impl Model for Conv2Bn {
    fn build(&self, g: &mut GraphBuilder, images: NodeId, classes: usize) -> Result<NodeId> {
        let mut net = Layers::new(g, &self.style, images);
        let mut x = images;
        for (i, filters) in (1..).zip(self.channels) {
            x = net.conv(x, &format!("conv{i}"), Conv::same(net.scaled(filters), 3))?;
            x = net.norm(x, &format!("bn{i}"))?;
            x = net.activation(x, "", i)?;
            x = net.graph.max_pool(x, &format!("pool{i}"), Pool::HALVE)?;
        }
        x = net.graph.flatten(x, "flatten")?;
        net.graph.linear(x, "fc", classes, true)
    }
}
