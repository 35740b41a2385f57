//! Densely connected networks with bottlenecks and compression (Huang et al. 2017, DenseNet-BC): depth 6n + 4.
//!
//! conv3x3 2k - three dense blocks of n bottlenecks with a transition after the first and the second - batch-norm - relu -
//! global average - linear; k is `growth`. A bottleneck: batch-norm - relu - conv1x1 4k - batch-norm - relu - conv3x3 k, joined
//! to its input. A transition: batch-norm - relu - conv1x1 to floor(`compression` * channels) - average pool2. No convolution
//! biases. 100-12 on 32x32x3: 769,162 parameters. `width` scales the growth rate, from which all else follows.

use super::layers::Layers;
use super::style::Style;
use super::{read_depth, Model};
use crate::entry::Entry;
use crate::error::Result;
use crate::graph::{Conv, GraphBuilder, NodeId, Pool};
use crate::params::Range;

struct DenseNet {
    /// Bottlenecks of a dense block.
    bottlenecks: usize,
    growth: usize,
    compression: f64,
    style: Style,
}

/// The row of this model.
pub const ENTRY: Entry<dyn Model> = Entry {
    name: "densenet-bc",
    summary: "DenseNet with bottlenecks; `depth` = 6n + 4 (100), `growth` = 12, `compression` = 0.5",
    reference: "Huang et al. 2017; Rosenfeld & Tsotsos 2018",
    build: |params, ()| {
        Ok(Box::new(DenseNet {
            bottlenecks: read_depth(params, 100, 4),
            growth: params.integer("growth", Some(12), 1..=1024) as usize,
            compression: params.float("compression", Some(0.5), Range::AboveUpTo(0.0, 1.0)),
            style: Style::read(params, true),
        }))
    },
};

impl Model for DenseNet {
    fn build(&self, g: &mut GraphBuilder, images: NodeId, classes: usize) -> Result<NodeId> {
        let mut net = Layers::new(g, &self.style, images);
        let growth = net.scaled(self.growth);
        let mut x = net.conv(images, "conv1", Conv::same(2 * growth, 3))?;
        for stage in 1..=3 {
            for i in 0..self.bottlenecks {
                x = bottleneck(&mut net, x, &format!("dense{stage}.{i}"), growth)?;
            }
            if stage < 3 {
                let channels = (self.compression * net.graph.shape(x)[0] as f64) as usize;
                x = transition(&mut net, x, &format!("trans{stage}"), channels.max(1))?;
            }
        }
        x = net.norm(x, "bn")?;
        x = net.activation(x, "", "")?;
        x = net.graph.global_avg_pool(x, "avgpool")?;
        net.graph.linear(x, "fc", classes, true)
    }
}

fn bottleneck(net: &mut Layers<'_>, x: NodeId, name: &str, growth: usize) -> Result<NodeId> {
    let mut y = net.norm(x, &format!("{name}.bn1"))?;
    y = net.activation(y, &format!("{name}."), 1)?;
    y = net.conv(y, &format!("{name}.conv1"), Conv::same(4 * growth, 1))?;
    y = net.norm(y, &format!("{name}.bn2"))?;
    y = net.activation(y, &format!("{name}."), 2)?;
    y = net.conv(y, &format!("{name}.conv2"), Conv::same(growth, 3))?;
    net.graph.concat(&[x, y], &format!("{name}.concat"))
}

fn transition(net: &mut Layers<'_>, x: NodeId, name: &str, channels: usize) -> Result<NodeId> {
    let mut y = net.norm(x, &format!("{name}.bn1"))?;
    y = net.activation(y, &format!("{name}."), "")?;
    y = net.conv(y, &format!("{name}.conv1"), Conv::same(channels, 1))?;
    net.graph.avg_pool(y, &format!("{name}.pool"), Pool::HALVE)
}
