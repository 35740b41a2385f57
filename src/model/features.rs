//! A plain stack of convolutions and poolings whose layers have the numbers of PyTorch's `nn.Sequential`: `features.0`, ...
//!
//! Each convolution with its batch-norm (if any) and activation is two or three numbers, a pooling is one.

use super::layers::Layers;
use crate::error::Result;
use crate::graph::{Conv, NodeId, Pool};

/// One piece of the stack.
#[derive(Clone, Copy)]
pub(super) enum Feature {
    /// A convolution (its `filters` before scaling), batch-norm if there are any, activation.
    Conv(Conv),
    /// Max pooling of 2 x 2.
    Pool,
}

/// The whole network: the stack, and one linear layer, `classifier`.
///
/// These networks make 1 pixel of 32, so images of 28x28 get the frame of two zeros that makes them 32x32: it is padding of
/// the first convolution, and changes no count.
pub(super) fn build(mut net: Layers<'_>, images: NodeId, list: &[Feature], classes: usize) -> Result<NodeId> {
    let frame = if net.graph.shape(images)[1..] == [28, 28] { 2 } else { 0 };
    let (mut x, mut at, mut convs, mut pools) = (images, 0, 0, 0);
    for feature in list {
        match *feature {
            Feature::Conv(conv) => {
                let padding = conv.padding + if convs == 0 { frame } else { 0 };
                let conv = Conv { filters: net.scaled(conv.filters), padding, ..conv };
                convs += 1;
                x = net.conv(x, &format!("features.{at}"), conv)?;
                let behind = net.norm(x, &format!("features.{}", at + 1))?;
                at += if behind == x { 2 } else { 3 };
                x = net.activation(behind, "", convs)?;
            }
            Feature::Pool => {
                pools += 1;
                at += 1;
                x = net.graph.max_pool(x, &format!("pool{pools}"), Pool::HALVE)?;
            }
        }
    }
    x = net.graph.flatten(x, "flatten")?;
    net.graph.linear(x, "classifier", classes, true)
}
