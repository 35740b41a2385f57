//! What a node does to rows of values, to directions of them, and to gradients.

use super::activation::Activated;
use super::average::Average;
use super::batch_norm::BatchNorm;
use super::convolution::Convolution;
use super::joining::{Add, Concat, Pad};
use super::linear::Linear;
use super::max_pool::MaxPool;
use crate::engine::Statistics;
use crate::graph::{Graph, Node, Op};

/// One node's operation with its weights. A row is one image's values of one node; `at` are the values that the inputs
/// have, and where there are more rows of directions or slopes than of `at`, as many of them belong to each row of `at`.
pub(super) trait Layer: Send + Sync {
    /// Writes the values (rows, outputs) of the inputs' (rows, inputs).
    fn forward(&self, at: &[&[f32]], out: &mut [f32], scratch: &mut Vec<f32>);

    /// Writes the derivatives of the values along directions of the inputs.
    fn push(&self, at: &[&[f32]], along: &[&[f32]], out: &mut [f32], scratch: &mut Vec<f32>);

    /// Adds the gradient with respect to one of the inputs, of the sum of the values weighted by `slopes`.
    fn pull(&self, at: &[&[f32]], slopes: &[f32], input: usize, into: &mut [f32], scratch: &mut Vec<f32>);
}

/// Values that pass unchanged.
struct Identity;

impl Layer for Identity {
    fn forward(&self, at: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) {
        out.copy_from_slice(at[0]);
    }

    fn push(&self, _: &[&[f32]], along: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) {
        out.copy_from_slice(along[0]);
    }

    fn pull(&self, _: &[&[f32]], slopes: &[f32], _: usize, into: &mut [f32], _: &mut Vec<f32>) {
        add(into, slopes);
    }
}

/// Adds, place by place.
pub(super) fn add(into: &mut [f32], terms: &[f32]) {
    into.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
}

/// The operation of a node; `statistics` are those of the batch-norms that no earlier node has taken.
pub(super) fn layer<'a>(
    graph: &Graph,
    node: &Node,
    weights: &[f32],
    statistics: &mut impl Iterator<Item = &'a Statistics>,
) -> Box<dyn Layer> {
    let shapes: Vec<&[usize]> = node.inputs.iter().map(|id| &graph.node(*id).shape[..]).collect();
    let values = |id| weights[graph.parameter(id).range()].to_vec();
    match node.op {
        Op::Input | Op::Dropout { .. } | Op::Flatten => Box::new(Identity),
        Op::Conv2d { weight, bias, stride, padding } => {
            let kernel = graph.parameter(weight).shape[2];
            let bias = bias.map(values);
            Box::new(Convolution::new(values(weight), bias, shapes[0], &node.shape, [kernel, stride, padding]))
        }
        Op::Linear { weight, bias } => Box::new(Linear::new(values(weight), bias.map(values), node.shape[0])),
        Op::BatchNorm { scale, shift } => {
            let statistics = statistics.next().expect("statistics of each batch-norm");
            Box::new(BatchNorm::new(statistics, &values(scale), values(shift), &node.shape))
        }
        Op::Activation(activation) => Box::new(Activated { activation, length: node.shape.iter().product() }),
        Op::MaxPool { size, stride } => Box::new(MaxPool::new(shapes[0], &node.shape, size, stride)),
        Op::AvgPool { size, stride } => Box::new(Average::new(shapes[0], &node.shape, [size, size], stride)),
        Op::GlobalAvgPool => {
            let [height, width] = [shapes[0][1], shapes[0][2]];
            Box::new(Average::new(shapes[0], &[node.shape[0], 1, 1], [height, width], 1))
        }
        Op::Add => Box::new(Add),
        Op::Concat => Box::new(Concat { lengths: shapes.iter().map(|shape| shape.iter().product()).collect() }),
        Op::PadChannels { before, .. } => {
            let plane: usize = node.shape[1..].iter().product();
            let length = shapes[0].iter().product();
            Box::new(Pad { first: before * plane, length, outputs: node.shape.iter().product() })
        }
    }
}
