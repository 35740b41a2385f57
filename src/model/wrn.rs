//! Wide residual networks (Zagoruyko & Komodakis 2016): pre-activation blocks, depth 6n + 4, `widen` times as many channels.
//!
//! conv3x3 16 - three stages of n blocks with 16k, 32k, 64k channels, the second and third starting with stride 2 -
//! batch-norm - relu - global average - linear. A block: batch-norm - relu - conv3x3 - batch-norm - relu - dropout - conv3x3,
//! plus the shortcut, which is a 1x1 convolution of what stands behind the block's first relu where the shape changes. No
//! convolution biases. 28-10 on 32x32x3: 36,479,194 parameters.

use super::layers::Layers;
use super::style::Style;
use super::{read_depth, Model};
use crate::entry::Entry;
use crate::error::Result;
use crate::graph::{Conv, GraphBuilder, NodeId};
use crate::params::Range;

struct WideResNet {
    /// Blocks of a stage.
    blocks: usize,
    widen: usize,
    dropout: f32,
    style: Style,
}

/// The row of this model.
pub const ENTRY: Entry<dyn Model> = Entry {
    name: "wrn",
    summary: "wide ResNet; `depth` = 6n + 4 (28), `widen` = 10, `dropout` = 0.0 within blocks (published runs: 0.3)",
    reference: "Zagoruyko & Komodakis 2016; Rosenfeld & Tsotsos 2018",
    build: |params, ()| {
        Ok(Box::new(WideResNet {
            blocks: read_depth(params, 28, 4),
            widen: params.integer("widen", Some(10), 1..=1024) as usize,
            dropout: params.float("dropout", Some(0.0), Range::FromBelow(0.0, 1.0)) as f32,
            style: Style::read(params, true),
        }))
    },
};

impl Model for WideResNet {
    fn build(&self, g: &mut GraphBuilder, images: NodeId, classes: usize) -> Result<NodeId> {
        let mut net = Layers::new(g, &self.style, images);
        let mut x = net.conv(images, "conv1", Conv::same(net.scaled(16), 3))?;
        for (stage, channels) in (1..).zip([16, 32, 64]) {
            let channels = net.scaled(self.widen * channels);
            for block in 0..self.blocks {
                let stride = if stage > 1 && block == 0 { 2 } else { 1 };
                x = self.block(&mut net, x, &format!("block{stage}.layer.{block}"), channels, stride)?;
            }
        }
        x = net.norm(x, "bn1")?;
        x = net.activation(x, "", 1)?;
        x = net.graph.global_avg_pool(x, "avgpool")?;
        net.graph.linear(x, "fc", classes, true)
    }
}

impl WideResNet {
    fn block(&self, net: &mut Layers<'_>, x: NodeId, name: &str, channels: usize, stride: usize) -> Result<NodeId> {
        let mut y = net.norm(x, &format!("{name}.bn1"))?;
        y = net.activation(y, &format!("{name}."), 1)?;
        let short = if stride == 1 && net.graph.shape(x)[0] == channels {
            x
        } else {
            let conv = Conv { filters: channels, kernel: 1, stride, padding: 0, bias: false };
            net.side_conv(y, &format!("{name}.convShortcut"), conv)?
        };
        y = net.conv(y, &format!("{name}.conv1"), Conv { stride, ..Conv::same(channels, 3) })?;
        y = net.norm(y, &format!("{name}.bn2"))?;
        y = net.activation(y, &format!("{name}."), 2)?;
        if self.dropout > 0.0 {
            y = net.graph.dropout(y, &format!("{name}.dropout"), self.dropout)?;
        }
        y = net.conv(y, &format!("{name}.conv2"), Conv::same(channels, 3))?;
        net.graph.add(y, short, &format!("{name}.add"))
    }
}
