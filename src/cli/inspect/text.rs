//! The plan as tables.

use super::{Layer, Planned, View};
use crate::campaign::{Evaluated, Redrawn};
use crate::cli::format::{bytes, counted, grouped, short, table, time};
use crate::record::Method;
use crate::subset::Span;

/// Lines of spans shown without `--spans`.
const SPANS: usize = 12;

impl View<'_> {
    /// All of it.
    pub(super) fn text(&self) -> String {
        let mut text = self.head();
        let rows: Vec<Vec<String>> = self.layers.iter().map(layer_row).collect();
        let header =
            ["layer", "kind", "output", "computed", "note", "parameters", "trained", "MACs shared", "MACs per member"];
        text += &table(&header, &rows, 5);
        text += &self.sums();
        text += &self.subset_spans();
        let rows: Vec<Vec<String>> = self.learners.iter().map(learner_row).collect();
        let header =
            ["learner", "algorithm", "batch", "n", "unit", "MACs shared", "MACs per member", "memory", "budget"];
        text += &format!("\neach step:\n{}", table(&header, &rows, 2));
        text += "memory: at most so much of `--memory`; the population and the data set are not in it\n";
        for learner in &self.learners {
            if let Some(Redrawn { stages, chain_values }) = learner.redrawn {
                let (label, values) = (&learner.setup.label, grouped(chain_values));
                let size = bytes(4 * chain_values);
                text += &format!(
                    "learner `{label}`: at most {}, whose chain of offsets has {values} values ({size})\n",
                    counted(stages as usize, "stage")
                );
            }
            text += &evaluation_line(learner);
            if let Some(lacking) = &learner.lacking {
                text += &format!("learner `{}` does not fit: {lacking}\n", learner.setup.label);
            }
        }
        text
    }

    fn head(&self) -> String {
        let setup = &self.cell.setup;
        let (k, p) = (self.start.subset.size, self.start.weights.len());
        let (cells, runs) = (self.campaign.cells.len(), self.campaign.runs().len());
        let mut text =
            format!("campaign {}: {}, {}\n", self.campaign.name, counted(cells, "cell"), counted(runs, "run"));
        if !self.cell.label.is_empty() {
            text += &format!("cell: {}\n", self.cell.label);
        }
        let share = 100.0 * k as f64 / p as f64;
        let augmented = match setup.data.augmentation.changes() {
            true => format!(", augmented by {}", setup.data.augment),
            false => String::new(),
        };
        let redraw = setup.redraw.map(|steps| format!(", drawn again after every {}", counted(steps as usize, "step")));
        let redraw = redraw.unwrap_or_default();
        let what = match &setup.subspace {
            None => format!("{} trained ({share:.3} %)", grouped(k as u64)),
            Some(subspace) => format!(
                "{} trained, coordinates of a {} basis over {} weights ({share:.3} %)",
                grouped(subspace.dimension as u64),
                subspace.projection,
                grouped(k as u64)
            ),
        };
        text += &format!(
            "model {} on {}{augmented}: {} parameters\nsubset {}: {what}, background {}{}\n\n",
            setup.model,
            setup.data.name,
            grouped(p as u64),
            setup.subset,
            setup.background.name(),
            redraw
        );
        text
    }

    /// What sharing saves in all.
    fn sums(&self) -> String {
        let Some(plan) = self.learners.first().map(|learner| learner.plan) else { return String::new() };
        let share = 100.0 * plan.member_macs as f64 / plan.total_macs.max(1) as f64;
        let mut text = format!(
            "each image: {} MACs through the whole network; {} once for all members, {} ({share:.0} %) for each\n",
            grouped(plan.total_macs),
            grouped(plan.shared_macs),
            grouped(plan.member_macs)
        );
        if let Some(because) = plan.reference_because() {
            text += &format!("computed by the slow reference engine, layer by layer: {because}\n");
        }
        text
    }

    fn subset_spans(&self) -> String {
        let spans = &self.start.subset.spans;
        let shown = if self.spans { spans.len() } else { SPANS.min(spans.len()) };
        let mut text = format!("\nspans of the subset ({}):\n", spans.len());
        spans[..shown].iter().for_each(|span| text += &span_line(span));
        if shown < spans.len() {
            text += &format!("  ... and {} more: --spans shows all\n", spans.len() - shown);
        }
        text
    }
}

fn layer_row(layer: &Layer<'_>) -> Vec<String> {
    let plan = layer.plan;
    let shape: Vec<String> = plan.shape.iter().map(usize::to_string).collect();
    vec![
        plan.name.clone(),
        plan.kind.to_string(),
        shape.join(" x "),
        plan.sharing.name().to_string(),
        plan.note(),
        grouped(layer.parameters as u64),
        grouped(layer.trained as u64),
        grouped(plan.macs.shared),
        grouped(plan.macs.member),
    ]
}

fn span_line(span: &Span) -> String {
    let end = span.offset + span.length;
    format!(
        "  {} filter {}: {}..{end} ({} weights, fan-in {})\n",
        span.parameter, span.filter, span.offset, span.length, span.fan_in
    )
}

/// How many members a generation evaluates, where it is not each of them once.
fn evaluation_line(learner: &Planned<'_>) -> String {
    let Planned { setup, .. } = learner;
    let Some(Evaluated { name, first, most }) = &setup.evaluated else { return String::new() };
    if most.batches == 1 {
        return String::new();
    }
    let macs = short(learner.generation_macs(|evaluated| evaluated.most) as f64);
    let (label, all, batches) = (&setup.label, grouped(most.members as u64), most.batches);
    let begins = if first == most { String::new() } else { format!("{} at first, ", grouped(first.members as u64)) };
    format!("learner `{label}`: evaluation {name}, {begins}at most {all} evaluations on {batches} batches, {macs} MACs a step\n")
}

/// What one step of a learner costs.
fn learner_row(learner: &Planned<'_>) -> Vec<String> {
    let Planned { setup, plan, .. } = learner;
    let (shared, own) = learner.step_macs();
    let budget = &setup.budget;
    let count = |limit: Option<u64>, unit: &str| limit.map(|n| format!("{} {unit}", grouped(n)));
    let epochs = budget.epochs.map(|epochs| {
        format!("{} ({})", counted(epochs.count as usize, "epoch"), counted(epochs.steps as usize, "step"))
    });
    let limits = [
        epochs,
        count(budget.images, "images"),
        count(budget.steps, "steps"),
        count(budget.macs, "MACs"),
        budget.seconds.map(time),
    ];
    let unit = match setup.method {
        Method::Evolution => format!("{} x {}", plan.units_at_once, plan.unit),
        Method::Backprop => "-".to_string(),
    };
    vec![
        setup.label.clone(),
        setup.algorithm.clone(),
        grouped(plan.batch as u64),
        grouped(setup.members as u64),
        unit,
        short(shared as f64),
        short(own as f64),
        bytes(learner.peak_bytes),
        limits.into_iter().flatten().collect::<Vec<_>>().join(", "),
    ]
}
