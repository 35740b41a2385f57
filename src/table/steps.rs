//! Table `steps`: a line for each training step, a generation or a gradient step.

use super::column::{integer, number, Column, Rows};
use super::keys::{keys, OfRun};
use super::RunEntry;
use crate::record::Step;

struct Row<'a> {
    entry: &'a RunEntry,
    step: &'a Step,
}

impl OfRun for Row<'_> {
    fn entry(&self) -> &RunEntry {
        self.entry
    }
}

/// The table.
pub(super) fn table(runs: &[RunEntry]) -> Rows<impl Sized + use<'_>> {
    let rows = |entry| steps(entry).iter().map(move |step| Row { entry, step });
    Rows { name: "steps", columns: columns(), rows: runs.iter().flat_map(rows).collect() }
}

/// The steps of a run.
pub(super) fn steps(entry: &RunEntry) -> &[Step] {
    entry.records.as_ref().map_or(&[], |records| &records.steps)
}

fn columns<'a>() -> Vec<Column<Row<'a>>> {
    let mut columns = keys();
    columns.extend([
        integer("step", |row: &Row<'a>| Some(row.step.cost.step)),
        integer("stage", |row| Some(row.step.stage)),
        integer("images", |row| Some(row.step.cost.images)),
        integer("images_backward", |row| Some(row.step.cost.images_backward)),
        integer("macs", |row| Some(row.step.cost.macs)),
        number("loss", |row| Some(row.step.loss)),
        number("best", |row| Some(row.step.best)),
        integer("failed", |row| Some(row.step.failed)),
    ]);
    columns
}
