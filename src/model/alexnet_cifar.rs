//! AlexNet as it is used on CIFAR (bearpaw, pytorch-classification; Rosenfeld & Tsotsos 2018): one linear layer, no
//! batch-norm.
//!
//! conv11x11 64 stride 4 pad 5 - pool2 - conv5x5 192 pad 2 - pool2 - conv3x3 384, 256, 256 pad 1 - pool2 - linear; relu behind
//! each convolution, biases everywhere. On 32x32x3: 2,472,266 parameters. Images of 28x28 are framed to 32x32.

use super::features::{self, Feature};
use super::layers::Layers;
use super::style::Style;
use super::Model;
use crate::entry::Entry;
use crate::error::Result;
use crate::graph::{Conv, GraphBuilder, NodeId};

struct AlexNet {
    style: Style,
}

/// The row of this model.
pub const ENTRY: Entry<dyn Model> = Entry {
    name: "alexnet-cifar",
    summary: "AlexNet for 32x32 images: five convolutions without batch-norm, one linear layer",
    reference: "Krizhevsky et al. 2012; Rosenfeld & Tsotsos 2018",
    build: |params, ()| Ok(Box::new(AlexNet { style: Style::read(params, false) })),
};

impl Model for AlexNet {
    fn build(&self, g: &mut GraphBuilder, images: NodeId, classes: usize) -> Result<NodeId> {
        let conv =
            |filters, kernel, stride, padding| Feature::Conv(Conv { filters, kernel, stride, padding, bias: true });
        let list = [
            conv(64, 11, 4, 5),
            Feature::Pool,
            conv(192, 5, 1, 2),
            Feature::Pool,
            conv(384, 3, 1, 1),
            conv(256, 3, 1, 1),
            conv(256, 3, 1, 1),
            Feature::Pool,
        ];
        features::build(Layers::new(g, &self.style, images), images, &list, classes)
    }
}
