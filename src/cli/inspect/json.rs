//! The plan as JSON.

use serde_json::{json, Value};

use super::{Layer, Planned, View};
use crate::record::Method;

impl View<'_> {
    /// All of it.
    pub(super) fn json(&self) -> Value {
        let setup = &self.cell.setup;
        let plan = self.learners[0].plan;
        let mut out = json!({
            "schema": "subevo.inspect/1",
            "campaign": self.campaign.name,
            "cells": self.campaign.cells.iter().map(|cell| cell.label.as_str()).collect::<Vec<_>>(),
            "cell": self.cell.label,
            "model": setup.model,
            "data": setup.data.name,
            "augmentation": setup.data.augment,
            "subset": setup.subset,
            "background": setup.background,
            "redraw": setup.redraw.unwrap_or(0),
            "parameters_total": self.start.weights.len(),
            "subset_size": self.start.genes(),
            "subset_weights": self.start.subset.size,
            "subspace": setup.subspace.as_ref().map(|subspace| {
                json!({ "dimension": subspace.dimension, "projection": subspace.projection })
            }),
            "macs_per_image_total": plan.total_macs,
            "macs_per_image_shared": plan.shared_macs,
            "macs_per_image_member": plan.member_macs,
            "macs_per_image_backward": plan.backward_macs,
            "macs_executed_per_image_shared": plan.executed.shared,
            "macs_executed_per_image_member": plan.executed.member,
            "reference_engine_because": plan.reference_because(),
            "peak_bytes": self.learners.iter().map(|learner| learner.peak_bytes).max(),
            "fits": self.learners.iter().all(|learner| learner.lacking.is_none()),
            "memory_limit_bytes": plan.limits.memory,
            "threads": plan.limits.threads,
            "layers": self.layers.iter().map(layer).collect::<Vec<_>>(),
            "nodes": self.layers.iter().map(node).collect::<Vec<_>>(),
            "learners": self.learners.iter().map(learner).collect::<Vec<_>>(),
        });
        if self.spans {
            out["spans"] = json!(self.start.subset.spans);
        }
        out
    }
}

fn layer(layer: &Layer<'_>) -> Value {
    json!({
        "name": layer.plan.name,
        "kind": layer.plan.kind,
        "shape": layer.plan.shape,
        "parameters": layer.parameters,
        "trained": layer.trained,
        "macs": layer.macs,
        "per_member": layer.per_member,
    })
}

fn node(layer: &Layer<'_>) -> Value {
    let plan = layer.plan;
    json!({
        "name": plan.name,
        "kind": plan.kind,
        "shape": plan.shape,
        "sharing": plan.sharing,
        "fused_into": plan.fused_into,
        "macs_shared": plan.macs.shared,
        "macs_member": plan.macs.member,
        "filters": plan.filters,
        "filters_trained": plan.filters_trained,
        "filters_shared": plan.filters_shared,
        "input_channels": plan.input_channels,
        "input_channels_member": plan.input_channels_own,
        "parameters": layer.parameters,
        "trained": layer.trained,
        "note": plan.note(),
    })
}

fn learner(learner: &Planned<'_>) -> Value {
    let Planned { setup, plan, .. } = learner;
    let one_member = match setup.method {
        Method::Evolution => plan.macs(1),
        Method::Backprop => plan.gradient_macs(),
    };
    json!({
        "label": setup.label,
        "method": setup.method,
        "algorithm": setup.algorithm,
        "batch": setup.batch,
        "epochs": setup.budget.epochs.map(|epochs| epochs.count),
        "steps_of_epochs": setup.budget.epochs.map(|epochs| epochs.steps),
        "members": setup.members,
        "evaluation": setup.evaluated.as_ref().map(|evaluated| &evaluated.name),
        "members_evaluated": setup.evaluated.as_ref().map(|evaluated| evaluated.first.members),
        "members_evaluated_most": setup.evaluated.as_ref().map(|evaluated| evaluated.most.members),
        "unit": plan.unit,
        "units_at_once": plan.units_at_once,
        "macs_per_step": match setup.method {
            Method::Evolution => learner.generation_macs(|evaluated| evaluated.first),
            Method::Backprop => one_member,
        },
        "macs_per_step_most": match setup.method {
            Method::Evolution => learner.generation_macs(|evaluated| evaluated.most),
            Method::Backprop => one_member,
        },
        "macs_per_step_one_member": one_member,
        "stages": learner.redrawn.map(|redrawn| redrawn.stages),
        "chain_values": learner.redrawn.map(|redrawn| redrawn.chain_values),
        "peak_bytes": learner.peak_bytes,
        "peak_bytes_evaluation": learner.peak_bytes_evaluation,
        "population_bytes": if setup.method == Method::Evolution { plan.population_bytes(setup.members) } else { 0 },
        "fits": learner.lacking.is_none(),
        "does_not_fit_because": learner.lacking,
    })
}
