//! The plan in words: for each node what is computed once, what for each member, and why.

use serde::Serialize;

use super::cost::{of_node, product_of, Macs};
use super::program::{Kind, Product, Step};
use super::programs::Programs;
use super::sharing::{own_channels, Trained};
use crate::graph::{Graph, Node, NodeId, Op};

/// How members share a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// Computed once for all.
    Shared,
    /// Computed once for each image of the data set.
    Cached,
    /// Some channels, or pairs of channels, once for all, the others for each member.
    PartlyShared,
    /// Computed once with the frozen weights; each member adds the differences of its trained ones, tap by tap.
    SparseCorrected,
    /// All members read the same input with weights of their own: their filters stand side by side in one product.
    Folded,
    /// What is normalised and its statistics are shared; scale and shift are each member's.
    Promoted,
    /// Computed for each member.
    PerMember,
}

impl Sharing {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Sharing::Shared => "shared",
            Sharing::Cached => "cached",
            Sharing::PartlyShared => "partly-shared",
            Sharing::SparseCorrected => "sparse-corrected",
            Sharing::Folded => "folded",
            Sharing::Promoted => "promoted",
            Sharing::PerMember => "per-member",
        }
    }
}

/// One node of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct NodePlan {
    /// Its name.
    pub name: String,
    /// What it does.
    pub kind: &'static str,
    /// Shape of its output.
    pub shape: Vec<usize>,
    /// How it is shared.
    pub sharing: Sharing,
    /// The operation that it is computed with, without a pass of its own over memory.
    pub fused_into: Option<String>,
    /// Output channels.
    pub filters: usize,
    /// Of these, how many have a trained scalar.
    pub filters_trained: usize,
    /// Of these, how many are computed once, at least on the shared input channels.
    pub filters_shared: usize,
    /// Channels of the first input.
    pub input_channels: usize,
    /// Of these, how many are each member's own.
    pub input_channels_own: usize,
    /// Taps of shared input channels on which differences are added, where it is sparse-corrected.
    pub taps: usize,
    /// Multiply-accumulates for one image.
    pub macs: Macs,
}

impl NodePlan {
    /// What a user should know of it; empty where the word says all.
    pub fn note(&self) -> String {
        let NodePlan { filters, filters_shared, input_channels, input_channels_own, .. } = self;
        let mut notes = Vec::new();
        let product = self.macs != Macs::default();
        match self.sharing {
            Sharing::Shared | Sharing::PerMember => {}
            Sharing::Cached => notes.push("once for the whole data set".to_string()),
            Sharing::PartlyShared if product => notes.push(format!("{filters_shared} of {filters} filters shared")),
            Sharing::PartlyShared => notes.push(format!("{filters_shared} of {filters} channels shared")),
            Sharing::SparseCorrected => {
                let corrected = filters - filters_shared;
                notes.push(format!("{corrected} of {filters} filters corrected on {} taps", self.taps));
            }
            Sharing::Folded => notes.push("filters of all members side by side".to_string()),
            Sharing::Promoted => notes.push("statistics shared, scale and shift per member".to_string()),
        }
        if product && *input_channels_own > 0 && input_channels_own < input_channels {
            notes.push(format!("{input_channels_own} of {input_channels} input channels per member"));
        }
        if let Some(operation) = &self.fused_into {
            notes.push(format!("with {operation}"));
        }
        notes.join("; ")
    }
}

/// All nodes of a graph.
pub fn describe(graph: &Graph, trained: &Trained, programs: Option<&Programs>, per_member: &[bool]) -> Vec<NodePlan> {
    let own = programs.map(|programs| own_channels(graph, &programs.sizes, trained));
    let of = |i: usize| {
        let node = &graph.nodes[i];
        let channels = |node: &Node| node.shape[0];
        let filters = channels(node);
        let touched = |filter: &usize| node.op.parameters().iter().any(|id| trained.filter(graph, *id, *filter));
        let input = node.inputs.first();
        let whole = |marked: bool, all: usize| if marked { all } else { 0 };
        let mut plan = NodePlan {
            name: node.name.clone(),
            kind: node.op.kind(),
            shape: node.shape.clone(),
            sharing: if per_member[i] { Sharing::PerMember } else { Sharing::Shared },
            fused_into: None,
            filters,
            filters_trained: (0..filters).filter(touched).count(),
            filters_shared: whole(!per_member[i], filters),
            input_channels: input.map_or(0, |id| channels(graph.node(*id))),
            input_channels_own: input.map_or(0, |id| whole(per_member[id.0], channels(graph.node(*id)))),
            taps: 0,
            macs: of_node(graph, programs, per_member, NodeId(i)),
        };
        if let (Some(programs), Some(own)) = (programs, &own) {
            refine(&mut plan, graph, programs, own, i);
            if i > 0 && programs.cut.before[i] {
                (plan.sharing, plan.fused_into) = (Sharing::Cached, None);
            }
        }
        plan
    };
    (0..graph.nodes.len()).map(of).collect()
}

/// Puts in what is known of channels and steps.
fn refine(plan: &mut NodePlan, graph: &Graph, programs: &Programs, own: &[Vec<bool>], i: usize) {
    let count = |node: usize| own[node].iter().filter(|own| **own).count();
    let node = &graph.nodes[i];
    if node.op == Op::Flatten {
        // Flattening moves nothing: its features are those of the channels.
        let features = plan.filters / own[i].len();
        plan.filters_shared = plan.filters - count(i) * features;
        plan.sharing = by_share(plan.filters_shared, plan.filters);
        return;
    }
    plan.filters_shared = plan.filters - count(i);
    plan.sharing = by_share(plan.filters_shared, plan.filters);
    plan.fused_into = fused_into(graph, programs, i);
    if let Some(input) = node.inputs.first() {
        (plan.input_channels, plan.input_channels_own) = (own[input.0].len(), count(input.0));
    }
    if let Some((_, product)) = product_of(&programs.members, i) {
        of_product(plan, product);
    }
    if let Op::BatchNorm { .. } = node.op {
        let step = programs.members.step_of[i].map(|step| &programs.members.steps[step]);
        let promoted = step.and_then(Step::promoted).map_or(0, |part| part.channels.len());
        if promoted > 0 && promoted == count(i) {
            plan.sharing = Sharing::Promoted;
        }
    }
}

fn by_share(shared: usize, all: usize) -> Sharing {
    match shared {
        0 => Sharing::PerMember,
        shared if shared == all => Sharing::Shared,
        _ => Sharing::PartlyShared,
    }
}

fn of_product(plan: &mut NodePlan, product: &Product) {
    let nothing_shared = product.shared.is_empty();
    plan.filters_shared = if nothing_shared { 0 } else { plan.filters - product.varied };
    plan.taps = if product.dense { 0 } else { product.taps.len() };
    plan.sharing = match (nothing_shared, product.varied, product.dense) {
        (true, ..) => Sharing::PerMember,
        (_, 0, _) => Sharing::PartlyShared,
        (_, _, false) => Sharing::SparseCorrected,
        (_, varied, true) if varied == plan.filters && !product.own_inputs => Sharing::Folded,
        _ => Sharing::PartlyShared,
    };
}

/// The operation in whose step a node is computed, in the members' program or else in the shared one.
fn fused_into(graph: &Graph, programs: &Programs, i: usize) -> Option<String> {
    let program = [&programs.members, &programs.shared].into_iter().find(|program| program.step_of[i].is_some())?;
    let step = &program.steps[program.step_of[i]?];
    let fused = step.node != i && !matches!(step.kind, Kind::Identity);
    fused.then(|| graph.nodes[step.node].name.clone())
}
