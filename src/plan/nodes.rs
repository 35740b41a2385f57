//! Sharing node by node, as the reference engine does it: a node is computed once, or whole for each member.

use crate::graph::{Graph, Node, NodeId, Op};
use crate::subset::Subset;

/// Trained scalars of each parameter.
pub fn trained_weights(graph: &Graph, subset: &Subset) -> Vec<usize> {
    let mut trained = vec![0; graph.parameters.len()];
    let mut parameter = 0;
    // Spans and parameters both ascend in position.
    for span in &subset.spans {
        while span.position >= graph.parameters[parameter].range().end {
            parameter += 1;
        }
        trained[parameter] += span.length;
    }
    trained
}

/// For each node whether a trained scalar reaches it.
pub fn per_member(graph: &Graph, trained: &[usize]) -> Vec<bool> {
    let mut per_member: Vec<bool> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let own = node.op.parameters().iter().any(|id| trained[id.0] > 0);
        per_member.push(own || node.inputs.iter().any(|input| per_member[input.0]));
    }
    per_member
}

/// Shared nodes that a member node reads, and the output where it is shared itself.
pub fn shared_reads(graph: &Graph, per_member: &[bool]) -> Vec<NodeId> {
    let readers = graph.nodes.iter().zip(per_member).filter(|(_, member)| **member);
    let mut reads: Vec<NodeId> = readers.flat_map(|(node, _)| node.inputs.iter().copied()).collect();
    reads.push(graph.output);
    reads.retain(|id| !per_member[id.0]);
    reads.sort_unstable();
    reads.dedup();
    reads
}

/// Values of one image.
pub fn volume(node: &Node) -> usize {
    node.shape.iter().product()
}

/// Most floats of member activations alive at once for one image, when each is dropped after its last reader.
pub fn peak_floats(graph: &Graph, per_member: &[bool]) -> usize {
    let last = last_readers(graph);
    let (mut alive, mut peak) = (0, 0);
    for (i, node) in graph.nodes.iter().enumerate().filter(|(i, _)| per_member[*i]) {
        alive += volume(node);
        peak = peak.max(alive);
        // A node may read another twice, which still holds it once.
        let mut done: Vec<NodeId> = node.inputs.clone();
        done.sort_unstable();
        done.dedup();
        done.retain(|input| per_member[input.0] && last[input.0] == i);
        alive -= done.iter().map(|input| volume(graph.node(*input))).sum::<usize>();
    }
    peak
}

/// For each node the index of the last node that reads it; its own index where none does.
pub fn last_readers(graph: &Graph) -> Vec<usize> {
    let mut last: Vec<usize> = (0..graph.nodes.len()).collect();
    for (i, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|input| last[input.0] = i);
    }
    last[graph.output.0] = graph.nodes.len();
    last
}

/// The largest patch matrix of one image.
pub fn patch_bytes(graph: &Graph, per_member: &[bool]) -> u64 {
    let patches = |node: &Node| match node.op {
        Op::Conv2d { weight, .. } => graph.parameter(weight).fan_in as u64 * (node.shape[1] * node.shape[2]) as u64,
        _ => 0,
    };
    let nodes = graph.nodes.iter().zip(per_member).filter(|(_, member)| **member);
    nodes.map(|(node, _)| patches(node).saturating_mul(size_of::<f32>() as u64)).max().unwrap_or(0)
}
