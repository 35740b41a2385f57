//! What the campaign has cost, by learner and in all.

use super::material::Material;
use super::runs;
use super::table::{Cell, Head, Table};
use crate::num::{grouped, short, time};
use crate::record::RunRecords;

/// Sums over runs.
#[derive(Clone, Debug, Default)]
struct Sum {
    runs: u64,
    steps: u64,
    images: u64,
    backward: u64,
    macs: u64,
    seconds: f64,
    evaluations: f64,
    peak: f64,
}

/// A line for each learner, and one of all where there are several.
pub(super) fn cost(material: &Material) -> Table {
    let mut learners: Vec<(String, Sum)> = Vec::new();
    let mut all = Sum::default();
    for run in &material.records {
        all.add(run);
        let learner = &run.header.learner;
        let at = learners.iter().position(|(name, _)| name == learner).unwrap_or_else(|| {
            learners.push((learner.clone(), Sum::default()));
            learners.len() - 1
        });
        learners[at].1.add(run);
    }
    if learners.len() > 1 {
        learners.push(("all".to_string(), all));
    }
    let head = vec![
        Head::words("learner", "learner"),
        Head::numbers("runs", "runs"),
        Head::numbers("steps", "steps"),
        Head::numbers("images forward", "images"),
        Head::numbers("images backward", "backward"),
        Head::numbers("MACs", "macs"),
        Head::numbers("training", "seconds"),
        Head::numbers("evaluations", "evaluations"),
        Head::numbers("peak MiB", "memory"),
    ];
    Table { head, lines: learners.into_iter().map(|(name, sum)| sum.line(name)).collect(), cut: 0 }
}

impl Sum {
    fn add(&mut self, run: &RunRecords) {
        let cost = runs::cost(run);
        self.runs += 1;
        // Sums of counts that records hold can be beyond a u64 where the records are nonsense.
        let plus = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        plus(&mut self.steps, cost.step);
        plus(&mut self.images, cost.images);
        plus(&mut self.backward, cost.images_backward);
        plus(&mut self.macs, cost.macs);
        if let Some(lap) = run.laps.last() {
            self.seconds += lap.seconds;
            self.evaluations += lap.evaluation_seconds;
        }
        self.peak = self.peak.max(runs::peak(run).unwrap_or(0.0));
    }

    fn line(self, name: String) -> Vec<Cell> {
        let count = |count: u64| Cell::number(count as f64, |_| grouped(count));
        vec![
            Cell::words(name),
            count(self.runs),
            count(self.steps),
            count(self.images),
            count(self.backward),
            Cell::number(self.macs as f64, short),
            Cell::number(self.seconds, time),
            Cell::number(self.evaluations, time),
            Cell::maybe((self.peak > 0.0).then_some(self.peak), |x| format!("{x:.0}")),
        ]
    }
}
