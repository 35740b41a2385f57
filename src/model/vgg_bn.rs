//! VGG with batch-norm and one linear layer, as it is used on CIFAR (Simonyan & Zisserman 2015, table 1, columns A, B, D, E;
//! bearpaw, pytorch-classification; Rosenfeld & Tsotsos 2018).
//!
//! Five stages of conv3x3 with 64, 128, 256, 512, 512 channels, each ending in pool2; batch-norm and relu behind each
//! convolution, which keeps its bias; linear. Depth 19 on 32x32x3: 20,040,522 parameters. Images of 28x28 are framed to
//! 32x32.

use super::features::{self, Feature};
use super::layers::Layers;
use super::style::Style;
use super::Model;
use crate::entry::Entry;
use crate::error::Result;
use crate::graph::{Conv, GraphBuilder, NodeId};
use crate::params::Params;

struct Vgg {
    /// Convolutions of each stage.
    stages: [usize; 5],
    style: Style,
}

const REFERENCE: &str = "Simonyan & Zisserman 2015; Rosenfeld & Tsotsos 2018";

/// Eight convolutions.
pub const VGG11: Entry<dyn Model> = Entry {
    name: "vgg11-bn",
    summary: "VGG for 32x32 images with batch-norm: 8 convolutions, one linear layer",
    reference: REFERENCE,
    build: |params, ()| vgg(params, [1, 1, 2, 2, 2]),
};

/// Ten convolutions.
pub const VGG13: Entry<dyn Model> = Entry {
    name: "vgg13-bn",
    summary: "VGG for 32x32 images with batch-norm: 10 convolutions, one linear layer",
    reference: REFERENCE,
    build: |params, ()| vgg(params, [2, 2, 2, 2, 2]),
};

/// Thirteen convolutions.
pub const VGG16: Entry<dyn Model> = Entry {
    name: "vgg16-bn",
    summary: "VGG for 32x32 images with batch-norm: 13 convolutions, one linear layer",
    reference: REFERENCE,
    build: |params, ()| vgg(params, [2, 2, 3, 3, 3]),
};

/// Sixteen convolutions.
pub const VGG19: Entry<dyn Model> = Entry {
    name: "vgg19-bn",
    summary: "VGG for 32x32 images with batch-norm: 16 convolutions, one linear layer",
    reference: REFERENCE,
    build: |params, ()| vgg(params, [2, 2, 4, 4, 4]),
};

fn vgg(params: &Params<'_>, stages: [usize; 5]) -> Result<Box<dyn Model>> {
    Ok(Box::new(Vgg { stages, style: Style::read(params, true) }))
}

impl Model for Vgg {
    fn build(&self, g: &mut GraphBuilder, images: NodeId, classes: usize) -> Result<NodeId> {
        let mut list = Vec::new();
        for (convolutions, filters) in self.stages.into_iter().zip([64, 128, 256, 512, 512]) {
            let conv = Feature::Conv(Conv { bias: true, ..Conv::same(filters, 3) });
            list.extend(std::iter::repeat_n(conv, convolutions));
            list.push(Feature::Pool);
        }
        features::build(Layers::new(g, &self.style, images), images, &list, classes)
    }
}
