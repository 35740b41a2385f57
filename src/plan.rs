//! How a population is evaluated: what all members share, what each computes for itself, how many at a time.
//!
//! A pure function of graph, subset, batch, threads and memory; nothing is computed here.

use crate::graph::{Graph, Node, NodeId, Op};
use crate::subset::Subset;

/// Members whose activations fit together into this many bytes are evaluated as one tensor, so that small networks do not
/// spend their time in calls.
const UNIT_BYTES: u64 = 1 << 20;

/// Most members of a unit.
const UNIT_MEMBERS: u64 = 16;

/// What an evaluation may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes for activations.
    pub memory: u64,
    /// Worker threads.
    pub threads: usize,
}

/// The plan of one graph, subset and batch size.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// For each node whether its output depends on a trained scalar, and so is computed for each member.
    pub per_member: Vec<bool>,
    /// Multiply-accumulates of the shared nodes for one image.
    pub shared_macs: u64,
    /// Multiply-accumulates of the member nodes for one image and member.
    pub member_macs: u64,
    /// Multiply-accumulates of a backward pass for one image: gradients of inputs above the lowest trained layer and of
    /// the trained weights.
    pub backward_macs: u64,
    /// Bytes of shared activations that members read, for one batch.
    pub shared_bytes: u64,
    /// Most bytes of activations that one member holds at a time, for one batch.
    pub member_bytes: u64,
    /// Members evaluated as one tensor; follows from graph, subset and batch alone.
    pub unit: usize,
    /// Units evaluated at the same time.
    pub units_at_once: usize,
    /// Images of a batch.
    pub batch: usize,
}

impl Plan {
    /// Plans for batches of `batch` images.
    pub fn new(graph: &Graph, subset: &Subset, batch: usize, limits: Limits) -> Self {
        let trained = trained_weights(graph, subset);
        let per_member = per_member(graph, &trained);
        let shared_reads = shared_reads(graph, &per_member);
        let sum = |which: bool| {
            let nodes = graph.nodes.iter().zip(&per_member);
            nodes.filter(|(_, member)| **member == which).map(|(node, _)| node.macs).sum()
        };
        let bytes = |floats: usize| (floats * batch * size_of::<f32>()) as u64;
        let shared_bytes = bytes(shared_reads.iter().map(|id| volume(graph.node(*id))).sum());
        let member_bytes = bytes(peak_floats(graph, &per_member)) + patch_bytes(graph, &per_member);
        let free = limits.memory.saturating_sub(shared_bytes);
        let unit = (UNIT_BYTES / member_bytes.max(1)).clamp(1, UNIT_MEMBERS);
        let affordable = usize::try_from(free / (unit * member_bytes).max(1)).unwrap_or(usize::MAX);
        Plan {
            shared_macs: sum(false),
            member_macs: sum(true),
            backward_macs: backward_macs(graph, &per_member, &trained),
            shared_bytes,
            member_bytes,
            unit: unit as usize,
            units_at_once: affordable.clamp(1, limits.threads.max(1)),
            per_member,
            batch,
        }
    }

    /// Multiply-accumulates of `members` members on one batch; at most `u64::MAX`.
    pub fn macs(&self, members: usize) -> u64 {
        let of_members = self.member_macs.saturating_mul(members as u64);
        self.shared_macs.saturating_add(of_members).saturating_mul(self.batch as u64)
    }

    /// Multiply-accumulates of one gradient step: one member forward and backward.
    pub fn gradient_macs(&self) -> u64 {
        self.macs(1).saturating_add(self.backward_macs.saturating_mul(self.batch as u64))
    }

    /// Bytes of activations at the same time.
    pub fn peak_bytes(&self) -> u64 {
        self.shared_bytes + (self.units_at_once * self.unit) as u64 * self.member_bytes
    }
}

/// Trained scalars of each parameter.
fn trained_weights(graph: &Graph, subset: &Subset) -> Vec<usize> {
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

fn per_member(graph: &Graph, trained: &[usize]) -> Vec<bool> {
    let mut per_member: Vec<bool> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let own = node.op.parameters().iter().any(|id| trained[id.0] > 0);
        per_member.push(own || node.inputs.iter().any(|input| per_member[input.0]));
    }
    per_member
}

/// Shared nodes that a member node reads, and the output where it is shared itself.
fn shared_reads(graph: &Graph, per_member: &[bool]) -> Vec<NodeId> {
    let readers = graph.nodes.iter().zip(per_member).filter(|(_, member)| **member);
    let mut reads: Vec<NodeId> = readers.flat_map(|(node, _)| node.inputs.iter().copied()).collect();
    reads.push(graph.output);
    reads.retain(|id| !per_member[id.0]);
    reads.sort_unstable();
    reads.dedup();
    reads
}

fn volume(node: &Node) -> usize {
    node.shape.iter().product()
}

/// Most floats of member activations alive at once for one image, when each is dropped after its last reader.
fn peak_floats(graph: &Graph, per_member: &[bool]) -> usize {
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
fn patch_bytes(graph: &Graph, per_member: &[bool]) -> u64 {
    let patches = |node: &Node| match node.op {
        Op::Conv2d { weight, .. } => graph.parameter(weight).fan_in as u64 * (node.shape[1] * node.shape[2]) as u64,
        _ => 0,
    };
    let nodes = graph.nodes.iter().zip(per_member).filter(|(_, member)| **member);
    nodes.map(|(node, _)| patches(node).saturating_mul(size_of::<f32>() as u64)).max().unwrap_or(0)
}

fn backward_macs(graph: &Graph, per_member: &[bool], trained: &[usize]) -> u64 {
    let of = |node: &Node| {
        let weight = match node.op {
            Op::Conv2d { weight, .. } | Op::Linear { weight, .. } => weight,
            _ => return 0,
        };
        let input = if per_member[node.inputs[0].0] { node.macs } else { 0 };
        let positions: usize = node.shape[1..].iter().product();
        input + (trained[weight.0] * positions) as u64
    };
    graph.nodes.iter().map(of).sum()
}
