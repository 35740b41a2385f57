//! How a population is evaluated: what all members share, what each computes for itself, how many at a time.
//!
//! A pure function of graph, subset, batch, threads and memory; nothing is computed here.

mod cache;
mod program;
mod sharing;

use std::sync::Arc;

pub use cache::{Cut, Precision};
pub use program::{From, Kind, Norm, Part, Product, Program, Scope, Step, Window};
pub use sharing::{own_channels, sizes, Size, Trained};

use crate::graph::{Graph, Node, NodeId, Op};
use crate::subset::Subset;

/// Most members of a unit.
const UNIT_MEMBERS: usize = 16;

/// Columns that the matrix kernel computes for the price of one: the widest vector register.
const LANES: usize = 16;

/// How much more the varied filters may cost than in the best unit, before a larger unit is worth its memory.
const TOLERANCE: f64 = 1.05;

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
    /// Bytes of activations that are kept for the whole data set; see [`Plan::keeping`].
    pub kept_bytes: u64,
    /// How they are stored.
    pub precision: Precision,
    /// What the engine on the CPU executes; `None` where it cannot compute a graph and the reference engine does.
    pub programs: Option<Arc<Programs>>,
}

/// The steps of the engine on the CPU.
#[derive(Clone, Debug, PartialEq)]
pub struct Programs {
    /// Size of each node's output.
    pub sizes: Vec<Size>,
    /// The node of the logits; what it flattens, if it flattens.
    pub output: usize,
    /// Where images, or what is kept of them, are given.
    pub cut: Cut,
    /// What is computed once for each image of the data set; without steps where nothing is kept.
    pub kept: Program,
    /// What each member computes.
    pub members: Program,
    /// What is computed once for all members.
    pub shared: Program,
    /// The whole network behind the cut.
    pub whole: Program,
}

impl Programs {
    /// Compiles the programs of a graph and a subset behind a cut; `None` where the graph has no sizes.
    pub fn new(graph: &Graph, trained: &Trained, cut: Cut) -> Option<Self> {
        let sizes = sizes(graph)?;
        let own = own_channels(graph, &sizes, trained);
        let nothing = vec![false; graph.nodes.len()];
        let mut given = nothing.clone();
        cut.given.iter().for_each(|node| given[*node] = true);
        let members = Program::new(graph, &sizes, &Scope { own: &own, keep: &nothing, given: &given, trained });
        let mut needed = nothing.clone();
        let mut keep = nothing.clone();
        members.shared_reads.iter().for_each(|node| (needed[*node], keep[*node]) = (true, true));
        for node in (0..needed.len()).rev() {
            if needed[node] && !given[node] {
                graph.nodes[node].inputs.iter().for_each(|input| needed[input.0] = true);
            }
        }
        // Between a given node and what flattens it stands nothing but the flattening.
        let all = |wanted: &[bool]| -> Vec<Vec<bool>> {
            wanted.iter().zip(&sizes).map(|(wanted, size)| vec![*wanted; size.channels]).collect()
        };
        let program = |wanted: &[bool], keep: &[bool], given: &[bool]| {
            Program::new(graph, &sizes, &Scope { own: &all(wanted), keep, given, trained })
        };
        let shared = program(&needed, &keep, &given);
        let behind: Vec<bool> = cut.before.iter().zip(&given).map(|(before, given)| !before || *given).collect();
        let whole = program(&behind, &nothing, &given);
        let mut images = nothing.clone();
        images[0] = true;
        let kept =
            if cut.given == [0] { program(&nothing, &nothing, &images) } else { program(&cut.before, &given, &images) };
        let mut output = graph.output.0;
        while graph.nodes[output].op == Op::Flatten {
            output = graph.nodes[output].inputs[0].0;
        }
        Some(Programs { sizes, output, cut, kept, members, shared, whole })
    }

    /// The nodes that are kept: what is given but the images.
    pub fn kept_nodes(&self) -> impl Iterator<Item = usize> + '_ {
        self.cut.given.iter().copied().filter(|node| *node != 0)
    }
}

impl Plan {
    /// Plans for batches of `batch` images.
    pub fn new(graph: &Graph, subset: &Subset, batch: usize, limits: Limits) -> Self {
        let trained_marks = Trained::of(graph, subset);
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
        let programs = Programs::new(graph, &trained_marks, Cut::at_images(graph)).map(Arc::new);
        let unit = programs.as_ref().map_or(1, |programs| unit(&programs.members)) as u64;
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
            kept_bytes: 0,
            precision: Precision::F32,
            programs,
        }
    }

    /// The plan with activations kept for a data set of `images` images, where that saves work and they fit into `memory` beside
    /// what a batch needs; else the plan as it is.
    #[must_use]
    pub fn keeping(mut self, graph: &Graph, subset: &Subset, images: u64, precision: Precision, memory: u64) -> Self {
        let Some(programs) = &self.programs else { return self };
        let Some(cut) = Cut::furthest(graph, &programs.sizes, &self.per_member) else { return self };
        let bytes = images.saturating_mul(cut.image_bytes(&programs.sizes, precision));
        if self.peak_bytes().saturating_add(bytes) > memory {
            return self;
        }
        self.kept_bytes = bytes;
        self.precision = precision;
        self.programs = Programs::new(graph, &Trained::of(graph, subset), cut).map(Arc::new);
        self
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

/// Members of a unit: as few as fill the lanes with their varied filters, which are computed side by side.
fn unit(members: &Program) -> usize {
    let cost = |unit: usize| -> f64 {
        let of_step = |step: &Step| match &step.kind {
            Kind::Product(product) if product.varied > 0 => {
                let lanes = (unit * product.varied).next_multiple_of(LANES);
                (product.taps.len() * step.raw.pixels() * lanes) as f64 / unit as f64
            }
            _ => 0.0,
        };
        members.steps.iter().map(of_step).sum()
    };
    let best = (1..=UNIT_MEMBERS).map(cost).fold(f64::INFINITY, f64::min);
    (1..=UNIT_MEMBERS).find(|unit| cost(*unit) <= TOLERANCE * best).unwrap_or(1)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Conv, GraphBuilder, Pool};

    const LIMITS: Limits = Limits { memory: 1 << 30, threads: 4 };

    /// conv2-bn with 16 and 32 filters on 28 x 28: 112,896 multiplies in conv1, 903,168 in conv2, 15,680 in fc.
    fn graph() -> Graph {
        let (mut g, mut x) = GraphBuilder::new([1, 28, 28]);
        for (i, filters) in [(1, 16), (2, 32)] {
            x = g.conv2d(x, &format!("conv{i}"), Conv::same(filters, 3)).unwrap();
            x = g.batch_norm(x, &format!("bn{i}")).unwrap();
            x = g.relu(x, &format!("relu{i}")).unwrap();
            x = g.max_pool(x, &format!("pool{i}"), Pool::HALVE).unwrap();
        }
        x = g.flatten(x, "flatten").unwrap();
        x = g.linear(x, "fc", 10, true).unwrap();
        g.finish(x).unwrap()
    }

    /// The subset of the scalars of some layers, of the last `filters` filters where given.
    fn subset(graph: &Graph, layers: &[&str], filters: Option<usize>) -> Subset {
        let marks = graph.parameters.iter().flat_map(|parameter| {
            let first = filters.map_or(0, |n| parameter.len() - n * parameter.filter_len());
            let chosen = layers.contains(&parameter.layer.as_str());
            (0..parameter.len()).map(move |i| chosen && i >= first)
        });
        Subset::from_marks("test", graph, &marks.collect::<Vec<_>>()).unwrap()
    }

    fn shared(graph: &Graph, plan: &Plan) -> Vec<String> {
        let nodes = graph.nodes.iter().zip(&plan.per_member).filter(|(_, member)| !**member);
        nodes.map(|(node, _)| node.name.clone()).collect()
    }

    #[test]
    fn the_prefix_that_no_member_changes_is_shared() {
        let graph = graph();
        let of = |layers: &[&str]| shared(&graph, &Plan::new(&graph, &subset(&graph, layers, None), 10, LIMITS));
        assert_eq!(of(&["bn1", "bn2"]), ["input", "conv1"]);
        assert_eq!(of(&["conv1", "conv2"]), ["input"]);
        let before_fc = ["input", "conv1", "bn1", "relu1", "pool1", "conv2", "bn2", "relu2", "pool2", "flatten"];
        assert_eq!(of(&["fc"]), before_fc);
        assert_eq!(of(&["bn2"]), before_fc[..6]);
    }

    #[test]
    fn multiplies_are_counted_as_by_hand() {
        let graph = graph();
        let (conv1, conv2, fc) = (112_896, 903_168, 15_680);
        let check = |layers: &[&str], filters, shared: u64, member: u64, backward: u64| {
            let plan = Plan::new(&graph, &subset(&graph, layers, filters), 10, LIMITS);
            assert_eq!((plan.shared_macs, plan.member_macs), (shared, member), "{layers:?}");
            assert_eq!(plan.backward_macs, backward, "{layers:?}");
            assert_eq!(plan.macs(3), 10 * (shared + 3 * member), "{layers:?}");
            assert_eq!(plan.gradient_macs(), 10 * (shared + member + backward), "{layers:?}");
        };
        // Nothing but batch-norm: gradients of the inputs of conv2 and fc, none of any weight.
        check(&["bn1", "bn2"], None, conv1, conv2 + fc, conv2 + fc);
        check(&["fc"], None, conv1 + conv2, fc, fc);
        // Four of 32 filters: 4 x 144 weights at 14 x 14 positions; no gradient below conv2.
        check(&["conv2"], Some(4), conv1, conv2 + fc, 4 * 144 * 196 + fc);
        let all = ["conv1", "bn1", "conv2", "bn2", "fc"];
        check(&all, None, 0, conv1 + conv2 + fc, conv1 + 2 * conv2 + 2 * fc);
    }

    #[test]
    fn bytes_are_counted_as_by_hand() {
        let graph = graph();
        let fc = Plan::new(&graph, &subset(&graph, &["fc"], None), 10, LIMITS);
        // Members hold their logits; they read the 1568 values behind flatten.
        assert_eq!((fc.member_bytes, fc.shared_bytes), (10 * 10 * 4, 1_568 * 10 * 4));
        assert_eq!((fc.unit, fc.units_at_once), (8, 4));
        let bn = Plan::new(&graph, &subset(&graph, &["bn1", "bn2"], None), 10, LIMITS);
        // Most at relu1: 16 x 28 x 28 values in and out; and the patches of one image for conv2, 144 x 14 x 14.
        assert_eq!(bn.member_bytes, 2 * 12_544 * 10 * 4 + 144 * 196 * 4);
        assert_eq!(bn.shared_bytes, 12_544 * 10 * 4);
        assert_eq!(bn.peak_bytes(), bn.shared_bytes + bn.units_at_once as u64 * bn.unit as u64 * bn.member_bytes);
    }

    #[test]
    fn memory_and_threads_change_only_how_many_units_go_at_once() {
        let graph = graph();
        let subset = subset(&graph, &["bn1", "bn2"], None);
        let plan = |memory, threads| Plan::new(&graph, &subset, 10, Limits { memory, threads });
        let reference = plan(u64::MAX, 8);
        assert_eq!(reference.units_at_once, 8);
        let unit_bytes = reference.unit as u64 * reference.member_bytes;
        for (memory, threads, expected) in [
            (0, 8, 1),
            (reference.shared_bytes + 3 * unit_bytes, 8, 3),
            (reference.shared_bytes + 4 * unit_bytes - 1, 8, 3),
            (u64::MAX, 2, 2),
            (u64::MAX, 0, 1),
        ] {
            let plan = plan(memory, threads);
            assert_eq!(plan.units_at_once, expected, "{memory} bytes, {threads} threads");
            assert_eq!(Plan { units_at_once: 8, ..plan }, reference);
        }
    }

    #[test]
    fn a_node_read_twice_by_one_reader_is_held_once() {
        let (mut g, x) = GraphBuilder::new([1, 2, 2]);
        let x = g.conv2d(x, "conv", Conv::same(1, 1)).unwrap();
        let x = g.add(x, x, "double").unwrap();
        let x = g.concat(&[x, x, x], "triple").unwrap();
        let x = g.flatten(x, "flatten").unwrap();
        let x = g.linear(x, "fc", 2, false).unwrap();
        let graph = g.finish(x).unwrap();
        let plan = Plan::new(&graph, &subset(&graph, &["conv"], None), 5, LIMITS);
        // Most at flatten: 12 values in and out; the patches of conv are 4 values.
        assert_eq!(plan.member_bytes, 24 * 5 * 4 + 4 * 4);
    }
}
