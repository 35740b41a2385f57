//! The convolutional network of Gressmann, Eaton-Rosen & Luschi 2020 (their `base_conv`).
//!
//! conv3x3 32 - relu - pool2 - conv3x3 64 - relu - pool2 - conv3x3 64 - relu - linear 64 - relu - linear; no padding, biases
//! everywhere. 93,322 parameters on 28x28x1, 122,570 on 32x32x3.

use super::layers::Layers;
use super::style::Style;
use super::Model;
use crate::entry::Entry;
use crate::error::Result;
use crate::graph::{Conv, GraphBuilder, NodeId, Pool};

struct Gressmann {
    style: Style,
}

/// The row of this model.
pub const ENTRY: Entry<dyn Model> = Entry {
    name: "gressmann",
    summary: "three conv3x3 without padding (32, 64, 64), pool2 behind the first two, linear 64, linear",
    reference: "Gressmann, Eaton-Rosen & Luschi 2020",
    build: |params, ()| Ok(Box::new(Gressmann { style: Style::read(params, false) })),
};

impl Model for Gressmann {
    fn build(&self, g: &mut GraphBuilder, images: NodeId, classes: usize) -> Result<NodeId> {
        let mut net = Layers::new(g, &self.style, images);
        let mut x = images;
        for (i, filters) in (1..).zip([32, 64, 64]) {
            let conv = Conv { filters: net.scaled(filters), kernel: 3, stride: 1, padding: 0, bias: true };
            x = net.conv(x, &format!("conv{i}"), conv)?;
            x = net.norm(x, &format!("bn{i}"))?;
            x = net.activation(x, "", i)?;
            if i < 3 {
                x = net.graph.max_pool(x, &format!("pool{i}"), Pool::HALVE)?;
            }
        }
        x = net.graph.flatten(x, "flatten")?;
        x = net.hidden(x, "fc1", 64)?;
        x = net.activation(x, "", 4)?;
        net.graph.linear(x, "fc2", classes, true)
    }
}
