//! Multiply-accumulates: what sharing leaves to each member, what the engine executes, what a backward pass costs.
//!
//! Channel-exact. Of a convolution or linear layer a member pays its own input channels times all filters, and of the
//! shared input channels the taps that are computed for varied filters. All else is shared and counted once. Shared and one
//! member together are the layer's whole count, and more only where sharing computes twice: filters with few trained
//! weights are computed at the base by all together, and their differences by each member.

use super::nodes::trained_weights;
use super::program::{Kind, Product, Program, Step};
use super::programs::Programs;
use super::sharing::Trained;
use crate::graph::{Graph, Node, NodeId, Op};
use crate::subset::Subset;

/// Multiply-accumulates for one image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Macs {
    /// Once for all members.
    pub shared: u64,
    /// For each member.
    pub member: u64,
}

impl std::iter::Sum for Macs {
    fn sum<I: Iterator<Item = Macs>>(all: I) -> Macs {
        let add = |a: Macs, b: Macs| Macs { shared: a.shared + b.shared, member: a.member + b.member };
        all.fold(Macs::default(), add)
    }
}

/// What the engine multiplies for one image. It counts what goes through its matrix kernel, zeros in banks among it and lanes
/// beyond the last column not; never what sharing saves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    /// Once for all members.
    pub shared: u64,
    /// For each member.
    pub member: u64,
    /// For one gradient, forward and backward.
    pub gradient: u64,
}

/// Of one node.
pub fn of_node(graph: &Graph, programs: Option<&Programs>, per_member: &[bool], node: NodeId) -> Macs {
    let macs = graph.node(node).macs;
    let whole = |member: bool| Macs { shared: if member { 0 } else { macs }, member: if member { macs } else { 0 } };
    let Some(programs) = programs else { return whole(per_member[node.0]) };
    match product_of(&programs.members, node.0) {
        Some((step, product)) => {
            let once = programs.sizes[node.0].channels - if product.dense { product.varied } else { 0 };
            Macs { shared: on_shared(step, product, once), member: of_member(step, product) }
        }
        None => whole(false),
    }
}

/// The product that begins at a node, where the program has one.
pub fn product_of(program: &Program, node: usize) -> Option<(&Step, &Product)> {
    program.steps.iter().find_map(|step| match &step.kind {
        Kind::Product(product) if step.node == node => Some((step, product)),
        _ => None,
    })
}

/// Output positions of one image times taps of one channel.
fn positions_and_taps(step: &Step, product: &Product) -> u64 {
    (step.raw.pixels() * area(product)) as u64
}

/// Of `filters` on the shared input channels.
fn on_shared(step: &Step, product: &Product, filters: usize) -> u64 {
    positions_and_taps(step, product) * (product.shared.len() * filters) as u64
}

fn of_member(step: &Step, product: &Product) -> u64 {
    let own = step.input.channels - product.shared.len();
    let varied = step.raw.pixels() * product.taps.len() * product.varied;
    positions_and_taps(step, product) * (own * product.filters.len()) as u64 + varied as u64
}

fn products(program: &Program) -> impl Iterator<Item = (&Step, &Product)> {
    program.steps.iter().filter_map(|step| match &step.kind {
        Kind::Product(product) => Some((step, product)),
        _ => None,
    })
}

/// What the engine on the CPU multiplies.
pub fn executed(graph: &Graph, programs: &Programs, trained: &Trained, per_member: &[bool]) -> Executed {
    let of_program = |program| products(program).map(|(step, product)| of_member(step, product)).sum::<u64>();
    let seeds = products(&programs.members)
        .filter(|(_, product)| product.seeded())
        .map(|(step, product)| on_shared(step, product, product.filters.len()));
    let columns = programs.whole.trained_filters(graph, trained);
    let steps = programs.whole.steps.iter().zip(columns);
    let backward = steps.map(|(step, columns)| {
        let Kind::Product(product) = &step.kind else { return 0 };
        let pairs = positions_and_taps(step, product) * (step.input.channels * columns) as u64;
        // Gradients of inputs are computed at each input position, zeros between strides among them.
        let taps = if product.linear { 1 } else { area(product) };
        let inputs = (taps * step.input.values() * product.filters.len()) as u64;
        pairs + if per_member[step.inputs[0]] { inputs } else { 0 }
    });
    Executed {
        shared: of_program(&programs.shared) + seeds.sum::<u64>(),
        member: of_program(&programs.members),
        gradient: of_program(&programs.whole) + backward.sum::<u64>(),
    }
}

fn area(product: &Product) -> usize {
    product.window[0] * product.window[1]
}

/// Of a backward pass for one image: gradients of inputs above the lowest trained layer and of the trained weights.
pub fn backward(graph: &Graph, subset: &Subset, per_member: &[bool]) -> u64 {
    let trained = trained_weights(graph, subset);
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
