//! LeNet-5 as it is commonly built today (LeCun et al. 1998): relu and max-pooling, all channels connected.
//!
//! conv5x5 6 - relu - pool2 - conv5x5 16 - relu - pool2 - linear 120 - relu - linear 84 - relu - linear. Images of 28x28
//! are padded by 2 in the first convolution, as in the paper's 32x32 frame: 61,706 parameters on 28x28x1, 62,006 on
//! 32x32x3.

use super::Model;
use crate::entry::Entry;
use crate::error::Result;
use crate::graph::{Conv, GraphBuilder, NodeId, Pool};

struct LeNet5;

/// The row of this model.
pub const ENTRY: Entry<dyn Model> = Entry {
    name: "lenet5",
    summary: "LeNet-5 with relu and max-pooling: two conv5x5, three linear layers",
    reference: "LeCun et al. 1998",
    build: |_, ()| Ok(Box::new(LeNet5)),
};

impl Model for LeNet5 {
    fn build(&self, g: &mut GraphBuilder, images: NodeId, classes: usize) -> Result<NodeId> {
        let padding = if g.shape(images)[1] <= 28 { 2 } else { 0 };
        let conv = |filters, padding| Conv { filters, kernel: 5, stride: 1, padding, bias: true };
        let x = g.conv2d(images, "conv1", conv(6, padding))?;
        let x = g.relu(x, "relu1")?;
        let x = g.max_pool(x, "pool1", Pool::HALVE)?;
        let x = g.conv2d(x, "conv2", conv(16, 0))?;
        let x = g.relu(x, "relu2")?;
        let x = g.max_pool(x, "pool2", Pool::HALVE)?;
        let x = g.flatten(x, "flatten")?;
        let x = g.linear(x, "fc1", 120, true)?;
        let x = g.relu(x, "relu3")?;
        let x = g.linear(x, "fc2", 84, true)?;
        let x = g.relu(x, "relu4")?;
        g.linear(x, "fc3", classes, true)
    }
}
