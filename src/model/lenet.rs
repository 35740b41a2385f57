//! LeNet as it is commonly built today (LeCun et al. 1998): relu and max-pooling, all channels connected.
//!
//! conv5x5 6 - relu - pool2 - conv5x5 16 - relu - pool2 - linear 120 - relu - linear 84 - relu - linear; biases everywhere, no
//! padding. `lenet` (Li et al. 2018): 44,426 parameters on 28x28x1, 62,006 on 32x32x3. `lenet5` pads images of 28x28 by 2 in
//! the first convolution, as in the 32x32 frame of LeCun's paper: 61,706 parameters on 28x28x1.

use super::layers::Layers;
use super::style::Style;
use super::Model;
use crate::entry::Entry;
use crate::error::Result;
use crate::graph::{Conv, GraphBuilder, NodeId, Pool};

struct LeNet {
    framed: bool,
    style: Style,
}

/// Without padding.
pub const LENET: Entry<dyn Model> = Entry {
    name: "lenet",
    summary: "LeNet without padding, relu, max-pooling: two conv5x5, three linear layers",
    reference: "Li et al. 2018",
    build: |params, ()| Ok(Box::new(LeNet { framed: false, style: Style::read(params, false) })),
};

/// Small images in a frame of zeros.
pub const LENET5: Entry<dyn Model> = Entry {
    name: "lenet5",
    summary: "LeNet-5 with relu and max-pooling: two conv5x5, three linear layers; 28x28 images padded by 2",
    reference: "LeCun et al. 1998",
    build: |params, ()| Ok(Box::new(LeNet { framed: true, style: Style::read(params, false) })),
};

impl Model for LeNet {
    fn build(&self, g: &mut GraphBuilder, images: NodeId, classes: usize) -> Result<NodeId> {
        let padding = if self.framed && g.shape(images)[1] <= 28 { 2 } else { 0 };
        let mut net = Layers::new(g, &self.style, images);
        let mut x = images;
        for (i, filters, padding) in [(1, 6, padding), (2, 16, 0)] {
            let conv = Conv { filters: net.scaled(filters), kernel: 5, stride: 1, padding, bias: true };
            x = net.conv(x, &format!("conv{i}"), conv)?;
            x = net.norm(x, &format!("bn{i}"))?;
            x = net.activation(x, "", i)?;
            x = net.graph.max_pool(x, &format!("pool{i}"), Pool::HALVE)?;
        }
        x = net.graph.flatten(x, "flatten")?;
        for (i, units) in [(1, 120), (2, 84)] {
            x = net.hidden(x, &format!("fc{i}"), units)?;
            x = net.activation(x, "", i + 2)?;
        }
        net.graph.linear(x, "fc3", classes, true)
    }
}
