//! Table `evaluations`: a line for each look at the incumbent of a run.

use std::collections::BTreeMap;

use super::column::{integer, number, Column, Rows};
use super::keys::{keys, OfRun};
use super::RunEntry;
use crate::record::{Evaluation, Lap};

struct Row<'a> {
    entry: &'a RunEntry,
    evaluation: &'a Evaluation,
    /// The clock behind it.
    lap: Option<&'a Lap>,
}

impl OfRun for Row<'_> {
    fn entry(&self) -> &RunEntry {
        self.entry
    }
}

/// The table.
pub(super) fn table(runs: &[RunEntry]) -> Rows<impl Sized + use<'_>> {
    Rows { name: "evaluations", columns: columns(), rows: runs.iter().flat_map(rows).collect() }
}

fn rows(entry: &RunEntry) -> Vec<Row<'_>> {
    let Some(records) = &entry.records else { return Vec::new() };
    let laps: BTreeMap<u64, &Lap> = records.laps.iter().map(|lap| (lap.step, lap)).collect();
    let lap = |evaluation: &Evaluation| laps.get(&evaluation.cost.step).copied();
    records.evaluations.iter().map(|evaluation| Row { entry, evaluation, lap: lap(evaluation) }).collect()
}

fn columns<'a>() -> Vec<Column<Row<'a>>> {
    let mut columns = keys();
    columns.extend([
        integer("step", |row: &Row<'a>| Some(row.evaluation.cost.step)),
        integer("images", |row| Some(row.evaluation.cost.images)),
        integer("images_backward", |row| Some(row.evaluation.cost.images_backward)),
        integer("macs", |row| Some(row.evaluation.cost.macs)),
        number("seconds", |row| Some(row.lap?.seconds)),
        number("evaluation_seconds", |row| Some(row.lap?.evaluation_seconds)),
        number("images_per_second", |row| Some(row.lap?.images_per_second)),
        number("train_loss", |row| Some(row.evaluation.scores.train.loss)),
        number("train_accuracy", |row| Some(row.evaluation.scores.train.accuracy)),
        integer("train_images", |row| Some(row.evaluation.scores.train.images)),
        number("validation_loss", |row| Some(row.evaluation.scores.validation.loss)),
        number("validation_accuracy", |row| Some(row.evaluation.scores.validation.accuracy)),
        integer("validation_images", |row| Some(row.evaluation.scores.validation.images)),
        number("test_loss", |row| Some(row.evaluation.scores.test.loss)),
        number("test_accuracy", |row| Some(row.evaluation.scores.test.accuracy)),
        integer("test_images", |row| Some(row.evaluation.scores.test.images)),
    ]);
    columns
}
