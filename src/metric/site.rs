//! Where a network bends: its non-linearities, and its output.

use crate::graph::{Graph, NodeId, Op};

/// A non-linearity, or the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Name of its node, as in `relu1`: the layer in records.
    pub layer: String,
    /// Its input.
    pub pre: NodeId,
    /// Its output.
    pub post: NodeId,
    /// What it is.
    pub kind: SiteKind,
    /// Whether a trained weight stands before it: else it is the same in all networks of a run.
    pub trained: bool,
}

/// What a site is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteKind {
    /// A function of each value.
    Activation,
    /// The greatest of each window.
    MaxPool,
    /// The logits, where nothing bends: input and output are the same.
    Output,
}

/// The sites of a graph in the order of computation, the output last; `trained` tells for each node whether a trained weight
/// stands before it.
pub fn sites(graph: &Graph, trained: &[bool]) -> Vec<Site> {
    let mut sites = Vec::new();
    for (i, node) in graph.nodes.iter().enumerate() {
        let kind = match node.op {
            Op::Activation(_) => SiteKind::Activation,
            Op::MaxPool { .. } => SiteKind::MaxPool,
            _ => continue,
        };
        sites.push(Site { layer: node.name.clone(), pre: node.inputs[0], post: NodeId(i), kind, trained: trained[i] });
    }
    let output = graph.output;
    let layer = graph.node(output).name.clone();
    sites.push(Site { layer, pre: output, post: output, kind: SiteKind::Output, trained: trained[output.0] });
    sites
}
