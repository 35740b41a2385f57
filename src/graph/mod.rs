//! A model's layers as data: nodes with shapes, parameters with places in one flat vector, multiply counts.
//! Nothing is computed here; plans, engines and counts all read the same graph.

mod activation;
mod builder;
pub mod init;

pub use activation::{Activation, LEAK};
pub use builder::{Conv, GraphBuilder, Pool};

use serde::{Deserialize, Serialize};

/// Index of a node in [`Graph::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// Index of a parameter in [`Graph::parameters`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParameterId(pub usize);

/// A network.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Nodes in the order of computation; the first is the input.
    pub nodes: Vec<Node>,
    /// Parameters in the order of their offsets.
    pub parameters: Vec<Parameter>,
    /// The node that gives the logits, shape `[classes]`.
    pub output: NodeId,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Node {
    /// Unique name, as in `conv1`.
    pub name: String,
    /// What it does.
    pub op: Op,
    /// Where its inputs come from.
    pub inputs: Vec<NodeId>,
    /// Shape of its output for one image: `[c, h, w]` or `[features]`.
    pub shape: Vec<usize>,
    /// Multiply-accumulates for one image (convolutions and linear layers; 0 elsewhere).
    pub macs: u64,
}

/// The operations. A small closed set: each engine implements all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// The images, normalised.
    Input,
    /// Convolution, weight (filters, channels, k, k).
    Conv2d {
        /// Weight.
        weight: ParameterId,
        /// Bias (filters), if any.
        bias: Option<ParameterId>,
        /// Step in both directions.
        stride: usize,
        /// Zeros around the image.
        padding: usize,
    },
    /// Matrix product, weight (outputs, inputs).
    Linear {
        /// Weight.
        weight: ParameterId,
        /// Bias (outputs), if any.
        bias: Option<ParameterId>,
    },
    /// Batch normalisation with scale gamma and shift beta, each (channels).
    BatchNorm {
        /// Gamma.
        scale: ParameterId,
        /// Beta.
        shift: ParameterId,
    },
    /// A function of each value.
    Activation(Activation),
    /// In training each value is 0 with probability `rate`, else divided by 1 - `rate`; in evaluation nothing happens.
    Dropout {
        /// In [0, 1).
        rate: f32,
    },
    /// Greatest of each window; windows that would leave the image are dropped.
    MaxPool {
        /// Side of the window.
        size: usize,
        /// Step in both directions.
        stride: usize,
    },
    /// Mean of each window; windows that would leave the image are dropped.
    AvgPool {
        /// Side of the window.
        size: usize,
        /// Step in both directions.
        stride: usize,
    },
    /// Mean over the image: `[c, h, w]` to `[c]`.
    GlobalAvgPool,
    /// Sum of two inputs of one shape.
    Add,
    /// Inputs joined along the channels.
    Concat,
    /// Channels of zeros before and behind those of the input.
    PadChannels {
        /// So many before.
        before: usize,
        /// So many behind.
        after: usize,
    },
    /// `[c, h, w]` to `[c * h * w]`.
    Flatten,
}

impl Op {
    /// The operation's word in tables.
    pub fn kind(&self) -> &'static str {
        match self {
            Op::Input => "input",
            Op::Conv2d { .. } => "conv2d",
            Op::Linear { .. } => "linear",
            Op::BatchNorm { .. } => "batch-norm",
            Op::Activation(activation) => activation.name(),
            Op::Dropout { .. } => "dropout",
            Op::MaxPool { .. } => "max-pool",
            Op::AvgPool { .. } => "avg-pool",
            Op::GlobalAvgPool => "global-avg-pool",
            Op::Add => "add",
            Op::Concat => "concat",
            Op::PadChannels { .. } => "pad-channels",
            Op::Flatten => "flatten",
        }
    }

    /// The parameters that it reads.
    pub fn parameters(&self) -> Vec<ParameterId> {
        match *self {
            Op::Conv2d { weight, bias, .. } | Op::Linear { weight, bias } => {
                std::iter::once(weight).chain(bias).collect()
            }
            Op::BatchNorm { scale, shift } => vec![scale, shift],
            _ => Vec::new(),
        }
    }
}

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParameterKind {
    /// Weight of a convolution.
    ConvWeight,
    /// Bias of a convolution.
    ConvBias,
    /// Weight of a linear layer.
    LinearWeight,
    /// Bias of a linear layer.
    LinearBias,
    /// Gamma of a batch-norm.
    BatchNormScale,
    /// Beta of a batch-norm.
    BatchNormShift,
    /// Weight of a random projection of the images that is added further up; no subset ever holds it.
    Injection,
}

impl ParameterKind {
    /// Whether it belongs to a batch-norm.
    pub fn is_batchnorm(self) -> bool {
        matches!(self, ParameterKind::BatchNormScale | ParameterKind::BatchNormShift)
    }
}

/// One tensor of weights, with its place in the flat vector of all weights.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Unique name, as in `conv1.weight`.
    pub name: String,
    /// Name of its layer, as in `conv1`.
    pub layer: String,
    /// What it is.
    pub kind: ParameterKind,
    /// Its layer gives the logits.
    pub classifier: bool,
    /// (filters, channels, k, k), (outputs, inputs) or (channels).
    pub shape: Vec<usize>,
    /// First index in the flat vector.
    pub offset: usize,
    /// Inputs of one output unit of its layer (channels * k * k, or inputs).
    pub fan_in: usize,
    /// Outputs that one input unit reaches (filters * k * k, or outputs).
    pub fan_out: usize,
}

impl Parameter {
    /// Whether a subset may hold its scalars.
    pub fn trainable(&self) -> bool {
        self.kind != ParameterKind::Injection
    }

    /// Number of scalars.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Never: a parameter has at least one scalar.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Scalars of one filter, output unit or channel.
    pub fn filter_len(&self) -> usize {
        self.len() / self.shape[0]
    }

    /// Its places in the flat vector.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }
}

impl Graph {
    /// Number of all scalars (p).
    pub fn parameter_count(&self) -> usize {
        self.parameters.last().map_or(0, |last| last.range().end)
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// A parameter.
    pub fn parameter(&self, id: ParameterId) -> &Parameter {
        &self.parameters[id.0]
    }

    /// Shape of one image: `[c, h, w]`.
    pub fn input_shape(&self) -> &[usize] {
        &self.nodes[0].shape
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.node(self.output).shape[0]
    }

    /// Multiply-accumulates of one image through the whole network.
    pub fn macs(&self) -> u64 {
        self.nodes.iter().map(|node| node.macs).sum()
    }
}
