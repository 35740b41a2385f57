//! Which activations can be kept for the whole data set: those that depend on the single image and on frozen weights alone.
//!
//! Batch-norm on the statistics of a batch makes an image's activations depend on the others, and dropout makes them depend on
//! the step, so what lies above either is never kept.

use super::sharing::Size;
use crate::graph::{Graph, Op};

/// How kept activations are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// As they are computed: the same results as without.
    F32,
    /// Rounded to half precision: half the memory, other results.
    F16,
}

impl Precision {
    /// Bytes of one value.
    pub fn bytes(self) -> u64 {
        match self {
            Precision::F32 => 4,
            Precision::F16 => 2,
        }
    }
}

/// What may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Images of the data set that are trained and validated on.
    pub images: u64,
    /// How activations are stored.
    pub precision: Precision,
}

/// Multiply-accumulates that one kept value must save: reading it from memory takes about as long.
const WORTH: u64 = 64;

/// Where a network is cut: what lies before is computed once for each image, what lies behind for each batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// For each node whether it lies before the cut.
    pub before: Vec<bool>,
    /// The nodes before it that nodes behind it read, ascending; flattened ones are named by what they flatten.
    pub given: Vec<usize>,
}

impl Cut {
    /// The cut behind the images: nothing is kept.
    pub fn at_images(graph: &Graph) -> Self {
        let mut before = vec![false; graph.nodes.len()];
        before[0] = true;
        Cut { before, given: vec![0] }
    }

    /// The furthest cut that saves work; `None` where there is none. `per_member` tells of each node whether a trained scalar
    /// reaches it.
    pub fn furthest(graph: &Graph, sizes: &[Size], per_member: &[bool]) -> Option<Self> {
        let mut before: Vec<bool> = Vec::with_capacity(graph.nodes.len());
        for (node, member) in graph.nodes.iter().zip(per_member) {
            let alone = !member && !matches!(node.op, Op::BatchNorm { .. } | Op::Dropout { .. });
            before.push(alone && node.inputs.iter().all(|input| before[input.0]));
        }
        let mut given = Vec::new();
        for (node, _) in graph.nodes.iter().zip(&before).filter(|(_, before)| !**before) {
            given.extend(node.inputs.iter().filter(|input| before[input.0]).map(|input| unflattened(graph, input.0)));
        }
        given.sort_unstable();
        given.dedup();
        let values: usize = given.iter().filter(|node| **node != 0).map(|node| sizes[*node].values()).sum();
        let saved: u64 =
            graph.nodes.iter().zip(&before).filter(|(_, before)| **before).map(|(node, _)| node.macs).sum();
        (values > 0 && saved >= WORTH * values as u64).then_some(Cut { before, given })
    }

    /// Bytes of what is kept of one image.
    pub fn image_bytes(&self, sizes: &[Size], precision: Precision) -> u64 {
        let values: usize = self.given.iter().filter(|node| **node != 0).map(|node| sizes[*node].values()).sum();
        values as u64 * precision.bytes()
    }
}

/// The node itself, or what it flattens.
fn unflattened(graph: &Graph, mut node: usize) -> usize {
    while graph.nodes[node].op == Op::Flatten {
        node = graph.nodes[node].inputs[0].0;
    }
    node
}
