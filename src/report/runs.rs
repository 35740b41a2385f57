//! The table of all runs: what each is, how far it is, what it scored and what it cost.

use super::material::{FolderOfRun, Material};
use super::table::{Cell, Head, Table};
use crate::campaign::store::RunState;
use crate::num::{grouped, short};
use crate::record::{Cost, RunRecords, Scores};

/// Most lines.
const MOST: usize = 2_000;

/// A line for each run that was begun, in their order.
pub(super) fn runs(material: &Material) -> Table {
    let campaigns = several(material.records.iter().map(|run| &run.header.campaign));
    let mut head = Vec::new();
    head.extend(campaigns.then(|| Head::words("campaign", "campaign")));
    head.extend([
        Head::words("cell", "cell"),
        Head::words("learner", "learner"),
        Head::numbers("seed", "seed"),
        Head::words("status", "status"),
        Head::numbers("untrained test %", "untrained"),
        Head::numbers("train loss", "train-loss"),
        Head::numbers("train %", "train"),
        Head::numbers("validation %", "validation"),
        Head::numbers("test %", "test"),
        Head::numbers("gap %", "gap"),
        Head::numbers("chosen test %", "chosen"),
        Head::numbers("steps", "steps"),
        Head::numbers("images", "images"),
        Head::numbers("MACs", "macs"),
        Head::numbers("seconds", "seconds"),
        Head::numbers("peak MiB", "memory"),
    ]);
    let lines = material.folders.iter().map(|folder| line(folder, material, campaigns)).collect();
    Table { head, lines, cut: 0 }.at_most(MOST)
}

fn line(folder: &FolderOfRun, material: &Material, campaigns: bool) -> Vec<Cell> {
    let records = material.records_of(folder);
    let description = folder.description.as_ref();
    let told = |of_records: fn(&RunRecords) -> String, described: Option<&String>| {
        Cell::words(records.map(of_records).or_else(|| described.cloned()).unwrap_or_default())
    };
    let mut line = Vec::new();
    line.extend(campaigns.then(|| told(|run| run.header.campaign.clone(), description.map(|run| &run.campaign))));
    line.push(told(cell, description.map(|run| &run.cell)));
    line.push(told(|run| run.header.learner.clone(), description.map(|run| &run.learner).or(Some(&folder.name))));
    let seed = records.map(|run| run.header.seed).or(description.map(|run| run.seed));
    line.push(Cell::maybe(seed.map(|seed| seed as f64), |_| seed.unwrap_or_default().to_string()));
    line.push(Cell::words(status(folder)));
    let percent = |x: f64| format!("{:.1}", 100.0 * x);
    let count = |x: f64| grouped(x as u64);
    let scores = records.and_then(last_scores);
    let score = |of: fn(&Scores) -> f64| scores.as_ref().map(of);
    let untrained = records.and_then(|run| run.evaluations.first()).map(|first| first.scores.test.accuracy);
    line.push(Cell::maybe(untrained, percent));
    line.push(Cell::maybe(score(|at| at.train.loss), |x| format!("{x:.3}")));
    line.push(Cell::maybe(score(|at| at.train.accuracy), percent));
    line.push(Cell::maybe(score(|at| at.validation.accuracy), percent));
    line.push(Cell::maybe(score(|at| at.test.accuracy), percent));
    line.push(Cell::maybe(score(|at| at.train.accuracy - at.test.accuracy), percent));
    let chosen = records.and_then(|run| run.end.as_ref()).map(|end| end.best_by_validation.test.accuracy);
    line.push(Cell::maybe(chosen, percent));
    let cost = records.map(cost);
    line.push(Cell::maybe(cost.map(|cost| cost.step as f64), count));
    line.push(Cell::maybe(cost.map(|cost| cost.images as f64), count));
    line.push(Cell::maybe(cost.map(|cost| cost.macs as f64), short));
    line.push(Cell::maybe(records.and_then(|run| Some(run.laps.last()?.seconds)), |x| format!("{x:.1}")));
    line.push(Cell::maybe(records.and_then(peak), |x| format!("{x:.0}")));
    line
}

/// The grid's point; without a grid the subset and the background.
pub(super) fn cell(run: &RunRecords) -> String {
    match run.header.cell.as_str() {
        "" => format!("{}, {} background", run.header.subset, run.header.background.name()),
        cell => cell.to_string(),
    }
}

/// How far a run is, in a word or two.
pub(super) fn status(folder: &FolderOfRun) -> String {
    match &folder.state {
        RunState::Failed(_) => "failed".to_string(),
        _ if !folder.damage.is_empty() => "damaged".to_string(),
        RunState::Done => "done".to_string(),
        RunState::Started { step } => format!("unfinished, step {}", grouped(*step)),
        RunState::Waiting => "no record yet".to_string(),
    }
}

/// The scores at the end, or at the last look so far.
fn last_scores(run: &RunRecords) -> Option<Scores> {
    let end = run.end.as_ref().map(|end| end.last);
    end.or_else(|| Some(run.evaluations.last()?.scores))
}

/// What a run has cost, or has cost so far.
pub(super) fn cost(run: &RunRecords) -> Cost {
    let end = run.end.as_ref().map(|end| end.cost);
    end.or_else(|| Some(run.steps.last()?.cost)).unwrap_or_default()
}

/// Largest resident memory of the processes that worked on a run, MiB; none where the system does not tell.
pub(super) fn peak(run: &RunRecords) -> Option<f64> {
    let peak = run.laps.iter().map(|lap| lap.peak_rss_mib).fold(0.0, f64::max);
    (peak > 0.0).then_some(peak)
}

/// Whether these are not all the same.
pub(super) fn several<T: PartialEq>(mut all: impl Iterator<Item = T>) -> bool {
    all.next().is_some_and(|first| all.any(|other| other != first))
}
