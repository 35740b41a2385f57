//! Table `measurements`: a line for each number that a metric said of a network.

use super::column::{integer, number, text, Column, Rows};
use super::keys::{keys, OfRun};
use super::RunEntry;
use crate::record::{Cost, Reading, Side};

struct Row<'a> {
    entry: &'a RunEntry,
    cost: Cost,
    reading: &'a Reading,
}

impl OfRun for Row<'_> {
    fn entry(&self) -> &RunEntry {
        self.entry
    }
}

/// The table.
pub(super) fn table(runs: &[RunEntry]) -> Rows<impl Sized + use<'_>> {
    Rows { name: "measurements", columns: columns(), rows: runs.iter().flat_map(rows).collect() }
}

fn rows(entry: &RunEntry) -> impl Iterator<Item = Row<'_>> {
    let measurements = entry.records.iter().flat_map(|records| &records.measurements);
    measurements.flat_map(move |measurement| {
        measurement.readings.iter().map(move |reading| Row { entry, cost: measurement.cost, reading })
    })
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Pre => "pre",
        Side::Post => "post",
    }
}

fn columns<'a>() -> Vec<Column<Row<'a>>> {
    let mut columns = keys();
    columns.extend([
        integer("step", |row: &Row<'a>| Some(row.cost.step)),
        integer("images", |row| Some(row.cost.images)),
        integer("images_backward", |row| Some(row.cost.images_backward)),
        integer("macs", |row| Some(row.cost.macs)),
        text("metric", |row| Some(&row.reading.metric)),
        text("name", |row| Some(&row.reading.name)),
        text("of", |row| row.reading.of.as_deref()),
        number("at", |row| row.reading.at),
        text("layer", |row| row.reading.layer.as_deref()),
        text("position", |row| row.reading.position.map(side)),
        number("value", |row| Some(row.reading.value)),
        text("unit", |row| Some(&row.reading.unit)),
        integer("n", |row| Some(row.reading.n)),
        number("se", |row| row.reading.se),
        number("low", |row| row.reading.interval.map(|[low, _]| low)),
        number("high", |row| row.reading.interval.map(|[_, high]| high)),
        number("cap", |row| row.reading.cap),
        number("init", |row| row.reading.init),
        number("shuffled", |row| row.reading.shuffled),
    ]);
    columns
}
