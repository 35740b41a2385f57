//! Residual networks for CIFAR (He et al. 2016, section 4.2): depth 6n + 2.
//!
//! conv3x3 16 - three stages of n basic blocks with 16, 32, 64 channels, the second and third starting with stride 2 - global
//! average - linear. A block: conv3x3 - batch-norm - relu - conv3x3 - batch-norm, plus the shortcut, relu. No convolution
//! biases.
//!
//! Where size or channels change, the shortcut is a 1x1 convolution with batch-norm (`"projection"`, as Frankle, Schwab &
//! Morcos 2021 have it), one without (`"projection-no-bn"`), or every second pixel with channels of zeros before and behind
//! (`"pad"`, option A of the paper; half on each side as in the public PyTorch sources).

use super::layers::Layers;
use super::style::Style;
use super::{read_depth, Model};
use crate::entry::Entry;
use crate::error::Result;
use crate::graph::{Conv, GraphBuilder, NodeId, Pool};

struct ResNet {
    /// Blocks of a stage.
    blocks: usize,
    shortcut: &'static str,
    style: Style,
}

/// The row of this model.
pub const ENTRY: Entry<dyn Model> = Entry {
    name: "resnet-cifar",
    summary:
        "ResNet for 32x32 images; `depth` = 6n + 2 (20), `shortcut` = \"projection\" | \"projection-no-bn\" | \"pad\"",
    reference: "He et al. 2016, section 4.2; Frankle, Schwab & Morcos 2021",
    build: |params, ()| {
        Ok(Box::new(ResNet {
            blocks: read_depth(params, 20, 2),
            shortcut: params.choice("shortcut", Some("projection"), &["projection", "projection-no-bn", "pad"]),
            style: Style::read(params, true),
        }))
    },
};

impl Model for ResNet {
    fn build(&self, g: &mut GraphBuilder, images: NodeId, classes: usize) -> Result<NodeId> {
        let mut net = Layers::new(g, &self.style, images);
        let mut x = net.conv(images, "conv1", Conv::same(net.scaled(16), 3))?;
        x = net.norm(x, "bn1")?;
        x = net.activation(x, "", 1)?;
        for (stage, channels) in (1..).zip([16, 32, 64]) {
            let channels = net.scaled(channels);
            for block in 0..self.blocks {
                let stride = if stage > 1 && block == 0 { 2 } else { 1 };
                x = self.block(&mut net, x, &format!("layer{stage}.{block}"), channels, stride)?;
            }
        }
        x = net.graph.global_avg_pool(x, "avgpool")?;
        net.graph.linear(x, "fc", classes, true)
    }
}

impl ResNet {
    fn block(&self, net: &mut Layers<'_>, x: NodeId, name: &str, channels: usize, stride: usize) -> Result<NodeId> {
        let mut y = net.conv(x, &format!("{name}.conv1"), Conv { stride, ..Conv::same(channels, 3) })?;
        y = net.norm(y, &format!("{name}.bn1"))?;
        y = net.activation(y, &format!("{name}."), 1)?;
        y = net.conv(y, &format!("{name}.conv2"), Conv::same(channels, 3))?;
        y = net.norm(y, &format!("{name}.bn2"))?;
        let short = self.shortcut(net, x, name, channels, stride)?;
        y = net.graph.add(y, short, &format!("{name}.add"))?;
        net.activation(y, &format!("{name}."), 2)
    }

    fn shortcut(&self, net: &mut Layers<'_>, x: NodeId, name: &str, channels: usize, stride: usize) -> Result<NodeId> {
        let inputs = net.graph.shape(x)[0];
        if stride == 1 && inputs == channels {
            return Ok(x);
        }
        if self.shortcut == "pad" {
            let sampled = net.graph.avg_pool(x, &format!("{name}.subsample"), Pool { size: 1, stride })?;
            let more = channels - inputs;
            return net.graph.pad_channels(sampled, &format!("{name}.pad"), more / 2, more - more / 2);
        }
        let conv = Conv { filters: channels, kernel: 1, stride, padding: 0, bias: false };
        let short = net.side_conv(x, &format!("{name}.downsample.0"), conv)?;
        if self.shortcut == "projection" {
            net.norm(short, &format!("{name}.downsample.1"))
        } else {
            Ok(short)
        }
    }
}
