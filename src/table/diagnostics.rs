//! Table `diagnostics`: a line for each of an algorithm's own numbers at each step, as in `sigma`. Which there are depends on
//! the algorithm, so they are rows and not columns.

use super::column::{integer, number, text, Column, Rows};
use super::keys::{keys, OfRun};
use super::steps::steps;
use super::RunEntry;

struct Row<'a> {
    entry: &'a RunEntry,
    step: u64,
    name: &'a str,
    value: f64,
}

impl OfRun for Row<'_> {
    fn entry(&self) -> &RunEntry {
        self.entry
    }
}

/// The table.
pub(super) fn table(runs: &[RunEntry]) -> Rows<impl Sized + use<'_>> {
    Rows { name: "diagnostics", columns: columns(), rows: runs.iter().flat_map(rows).collect() }
}

fn rows(entry: &RunEntry) -> impl Iterator<Item = Row<'_>> {
    steps(entry).iter().flat_map(move |step| {
        let numbers = step.diagnostics.iter();
        numbers.map(move |(name, value)| Row { entry, step: step.cost.step, name, value: *value })
    })
}

fn columns<'a>() -> Vec<Column<Row<'a>>> {
    let mut columns = keys();
    columns.extend([
        integer("step", |row: &Row<'a>| Some(row.step)),
        text("name", |row| Some(row.name)),
        number("value", |row| Some(row.value)),
    ]);
    columns
}
