//! `subevo inspect`: network, subset, plan and cost of a cell, before any work.

use serde_json::json;

use super::args::InspectArguments;
use super::format::{bytes, counted, grouped, short, table, time};
use super::output::Output;
use super::run::limits;
use super::Exit;
use crate::campaign::{Campaign, Cell, LearnerSetup, Registry};
use crate::error::{Error, Result};
use crate::plan::{Limits, Plan};
use crate::record::Method;
use crate::subset::{Span, Start};

/// Lines of spans shown without `--spans`.
const SPANS: usize = 12;

/// A layer with parameters or work, as it is shown.
struct Layer {
    name: String,
    kind: &'static str,
    shape: Vec<usize>,
    parameters: usize,
    trained: usize,
    macs: u64,
    per_member: bool,
}

/// Shows one cell.
pub fn inspect(arguments: &InspectArguments, registry: &Registry, output: &mut Output) -> Result<Exit> {
    let file = &arguments.campaign;
    let campaign = Campaign::read(&file.campaign, &file.sets, registry, output.colour_stderr())?;
    let cells = campaign.cells.len();
    let cell = campaign.cells.get(arguments.cell).ok_or_else(|| {
        Error::Config(format!("--cell {}: there is {}, numbered from 0", arguments.cell, counted(cells, "cell")))
    })?;
    let seed = cell.setup.seeds.first().copied().unwrap_or(1);
    let start = cell.setup.start(seed)?;
    let limits = limits(arguments.limits);
    let plans: Vec<Plan> = cell.setup.learners.iter().map(|learner| plan(&start, learner, limits)).collect();
    let layers = layers(&start, &plans[0]);
    let text = if arguments.json {
        format!("{:#}\n", as_json(&campaign, cell, &start, &layers, &plans, arguments.spans))
    } else {
        as_text(&campaign, cell, &start, &layers, &plans, arguments.spans)
    };
    output.result(&text);
    Ok(Exit::Done)
}

fn plan(start: &Start, learner: &LearnerSetup, limits: Limits) -> Plan {
    Plan::new(&start.graph, &start.subset, learner.batch, limits)
}

fn layers(start: &Start, plan: &Plan) -> Vec<Layer> {
    let marks = start.subset.marks(start.weights.len());
    let layer = |(i, node): (usize, &crate::graph::Node)| {
        let parameters = node.op.parameters();
        let ranges = || parameters.iter().map(|id| start.graph.parameter(*id).range());
        Layer {
            name: node.name.clone(),
            kind: node.op.kind(),
            shape: node.shape.clone(),
            parameters: ranges().map(|range| range.len()).sum(),
            trained: ranges().map(|range| marks[range].iter().filter(|mark| **mark).count()).sum(),
            macs: node.macs,
            per_member: plan.per_member[i],
        }
    };
    start.graph.nodes.iter().enumerate().map(layer).collect()
}

/// Multiply-accumulates of one step.
fn step_macs(plan: &Plan, learner: &LearnerSetup, members: usize) -> u64 {
    match learner.method {
        Method::Evolution => plan.macs(members),
        Method::Backprop => plan.gradient_macs(),
    }
}

fn as_text(campaign: &Campaign, cell: &Cell, start: &Start, layers: &[Layer], plans: &[Plan], spans: bool) -> String {
    let setup = &cell.setup;
    let (k, p) = (start.subset.size, start.weights.len());
    let mut text = format!(
        "campaign {}: {}, {}\n",
        campaign.name,
        counted(campaign.cells.len(), "cell"),
        counted(campaign.runs().len(), "run")
    );
    if !cell.label.is_empty() {
        text += &format!("cell: {}\n", cell.label);
    }
    let share = 100.0 * k as f64 / p as f64;
    text += &format!(
        "model {} on {}: {} parameters\nsubset {}: {} trained ({share:.3} %), background {}\n\n",
        setup.model,
        setup.data.name,
        grouped(p as u64),
        setup.subset,
        grouped(k as u64),
        setup.background.name()
    );
    let rows: Vec<Vec<String>> = layers
        .iter()
        .map(|layer| {
            let shape: Vec<String> = layer.shape.iter().map(usize::to_string).collect();
            let computed = if layer.per_member { "for each member" } else { "once for all" };
            vec![
                layer.name.clone(),
                layer.kind.to_string(),
                computed.to_string(),
                shape.join(" x "),
                grouped(layer.parameters as u64),
                grouped(layer.trained as u64),
                grouped(layer.macs),
            ]
        })
        .collect();
    text += &table(&["layer", "kind", "computed", "output", "parameters", "trained", "MACs/image"], &rows, 3);
    text += &format!("\nspans of the subset ({}):\n", start.subset.spans.len());
    let shown = if spans { start.subset.spans.len() } else { SPANS.min(start.subset.spans.len()) };
    for span in &start.subset.spans[..shown] {
        text += &span_line(span);
    }
    if shown < start.subset.spans.len() {
        text += &format!("  ... and {} more: --spans shows all\n", start.subset.spans.len() - shown);
    }
    let rows: Vec<Vec<String>> =
        setup.learners.iter().zip(plans).map(|(learner, plan)| plan_row(learner, plan)).collect();
    let header = ["learner", "algorithm", "batch", "MACs shared", "MACs per member", "activations", "budget"];
    format!("{text}\neach step:\n{}", table(&header, &rows, 2))
}

fn span_line(span: &Span) -> String {
    let end = span.offset + span.length;
    format!(
        "  {} filter {}: {}..{end} ({} weights, fan-in {})\n",
        span.parameter, span.filter, span.offset, span.length, span.fan_in
    )
}

/// What one step of a learner costs; backprop has one member, whose MACs hold the backward pass.
fn plan_row(learner: &LearnerSetup, plan: &Plan) -> Vec<String> {
    let (shared, own) = match learner.method {
        Method::Evolution => (plan.batch as u64 * plan.shared_macs, plan.batch as u64 * plan.member_macs),
        Method::Backprop => (0, plan.gradient_macs()),
    };
    let budget = &learner.budget;
    let count = |limit: Option<u64>, unit: &str| limit.map(|n| format!("{} {unit}", grouped(n)));
    let limits = [
        count(budget.images, "images"),
        count(budget.steps, "steps"),
        count(budget.macs, "MACs"),
        budget.seconds.map(time),
    ];
    vec![
        learner.label.clone(),
        learner.algorithm.clone(),
        grouped(plan.batch as u64),
        short(shared as f64),
        short(own as f64),
        bytes(plan.peak_bytes()),
        limits.into_iter().flatten().collect::<Vec<_>>().join(", "),
    ]
}

fn as_json(
    campaign: &Campaign,
    cell: &Cell,
    start: &Start,
    layers: &[Layer],
    plans: &[Plan],
    spans: bool,
) -> serde_json::Value {
    let setup = &cell.setup;
    let layers: Vec<serde_json::Value> = layers
        .iter()
        .map(|layer| {
            json!({
                "name": layer.name,
                "kind": layer.kind,
                "shape": layer.shape,
                "parameters": layer.parameters,
                "trained": layer.trained,
                "macs": layer.macs,
                "per_member": layer.per_member,
            })
        })
        .collect();
    let learners: Vec<serde_json::Value> = setup
        .learners
        .iter()
        .zip(plans)
        .map(|(learner, plan)| {
            json!({
                "label": learner.label,
                "method": learner.method,
                "algorithm": learner.algorithm,
                "batch": learner.batch,
                "macs_per_step_one_member": step_macs(plan, learner, 1),
                "peak_bytes": plan.peak_bytes(),
            })
        })
        .collect();
    let plan = &plans[0];
    let mut out = json!({
        "schema": "subevo.inspect/1",
        "campaign": campaign.name,
        "cells": campaign.cells.iter().map(|cell| cell.label.as_str()).collect::<Vec<_>>(),
        "cell": cell.label,
        "model": setup.model,
        "data": setup.data.name,
        "subset": setup.subset,
        "background": setup.background,
        "parameters_total": start.weights.len(),
        "subset_size": start.subset.size,
        "macs_per_image_total": plan.shared_macs + plan.member_macs,
        "macs_per_image_member": plan.member_macs,
        "peak_bytes": plans.iter().map(Plan::peak_bytes).max(),
        "layers": layers,
        "learners": learners,
    });
    if spans {
        out["spans"] = json!(start.subset.spans);
    }
    out
}
