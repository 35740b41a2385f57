//! `subevo inspect`: network, subset, plan, memory and cost of a cell, before any work.

mod json;
mod text;

use super::args::InspectArguments;
use super::output::Output;
use super::run::limits;
use super::subset::{cell, choose};
use super::Exit;
use crate::campaign::{Campaign, Cell, Evaluated, LearnerSetup, Redrawn, Registry};
use crate::error::Result;
use crate::evaluation::Work;
use crate::learner::SNAPSHOT;
use crate::plan::{NodePlan, Plan};
use crate::record::Method;
use crate::subset::Start;

/// What is shown.
struct View<'a> {
    campaign: &'a Campaign,
    cell: &'a Cell,
    start: &'a Start,
    /// All nodes with their parameters.
    layers: Vec<Layer<'a>>,
    learners: Vec<Planned<'a>>,
    /// Whether every span is shown.
    spans: bool,
}

/// A node, as it is shown.
struct Layer<'a> {
    plan: &'a NodePlan,
    parameters: usize,
    trained: usize,
    macs: u64,
    per_member: bool,
}

/// A learner and how it trains.
struct Planned<'a> {
    setup: &'a LearnerSetup,
    plan: &'a Plan,
    /// Bytes that training holds, and an evaluation of the incumbent where that is known.
    peak_bytes: u64,
    peak_bytes_evaluation: Option<u64>,
    /// How often the subset is drawn, where it is drawn again and the budget tells.
    redrawn: Option<Redrawn>,
    /// Why it does not fit into memory, or what it learns cannot be kept, if so.
    lacking: Option<String>,
}

/// Shows one cell.
pub fn inspect(arguments: &InspectArguments, registry: &Registry, output: &mut Output) -> Result<Exit> {
    let file = &arguments.campaign;
    let campaign = Campaign::read(&file.campaign, &file.sets, registry, output.colour_stderr())?;
    let cell = cell(&campaign, arguments.cell)?;
    let limits = limits(arguments.limits);
    let subset = choose(cell, cell.setup.first_seed(), arguments.data_dir.as_deref(), limits)?;
    let start = cell.setup.start_of(subset, cell.setup.first_seed());
    let keep = cell.setup.keep();
    let plan = |learner: &LearnerSetup| learner.plan(&start.graph, &start.subset, start.basis(), limits, keep);
    let plans: Vec<Plan> = cell.setup.learners.iter().map(plan).collect();
    let snapshot = SNAPSHOT.min(cell.setup.data.training_images());
    let (redraw, k) = (cell.setup.redraw, start.genes());
    let planned = |(setup, plan)| Planned {
        setup,
        plan,
        peak_bytes: LearnerSetup::peak_bytes(setup, plan),
        peak_bytes_evaluation: plan.peak_bytes_evaluation(snapshot),
        redrawn: redraw.and_then(|redraw| setup.redrawn(plan, redraw, k)),
        lacking: setup.check(plan).and_then(|()| setup.check_chain(plan, redraw, k)).err(),
    };
    let view = View {
        campaign: &campaign,
        cell,
        start: &start,
        layers: layers(&start, &plans[0]),
        learners: cell.setup.learners.iter().zip(&plans).map(planned).collect(),
        spans: arguments.spans,
    };
    let text = if arguments.json { format!("{:#}\n", view.json()) } else { view.text() };
    output.result(&text);
    Ok(Exit::Done)
}

fn layers<'a>(start: &Start, plan: &'a Plan) -> Vec<Layer<'a>> {
    let marks = start.subset.marks(start.weights.len());
    let layer = |(i, node): (usize, &crate::graph::Node)| {
        let parameters = node.op.parameters();
        let ranges = || parameters.iter().map(|id| start.graph.parameter(*id).range());
        Layer {
            plan: &plan.nodes[i],
            parameters: ranges().map(|range| range.len()).sum(),
            trained: ranges().map(|range| marks[range].iter().filter(|mark| **mark).count()).sum(),
            macs: node.macs,
            per_member: plan.per_member[i],
        }
    };
    start.graph.nodes.iter().enumerate().map(layer).collect()
}

impl Planned<'_> {
    /// Multiply-accumulates of a generation, the first or the costliest, with what is looked at beside the members.
    fn generation_macs(&self, which: impl Fn(&Evaluated) -> Work) -> u64 {
        let (work, needs) = (self.setup.evaluated.as_ref().map(which).unwrap_or_default(), self.setup.needs);
        self.plan.step_macs_on(work.members + needs.forward, work.batches, needs.backward())
    }

    /// Multiply-accumulates of a step, once for all members and for each; backprop has one, whose backward pass is in it. What
    /// is looked at beside the members is once for all, at most.
    fn step_macs(&self) -> (u64, u64) {
        let (plan, batch) = (self.plan, self.plan.batch as u64);
        match self.setup.method {
            Method::Evolution => {
                let needs = self.setup.needs;
                let beside = plan.step_macs(needs.forward, needs.backward());
                let once = if needs.forward > 0 { 0 } else { batch * plan.shared_macs };
                (once + beside, batch * plan.member_macs)
            }
            Method::Backprop => (0, plan.gradient_macs()),
        }
    }
}
