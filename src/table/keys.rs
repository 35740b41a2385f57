//! The columns that every table begins with: which run.

use super::column::{integer, text, Column};
use super::RunEntry;

/// A row that belongs to a run.
pub(super) trait OfRun {
    /// The run.
    fn entry(&self) -> &RunEntry;
}

/// The keys of a row's run.
pub(super) fn keys<R: OfRun>() -> Vec<Column<R>> {
    vec![
        text("run", |row: &R| Some(&row.entry().run)),
        text("campaign", |row| Some(&row.entry().campaign)),
        text("cell", |row| Some(&row.entry().cell)),
        text("learner", |row| Some(&row.entry().learner)),
        text("method", |row| row.entry().records.as_ref().map(|records| records.header.method.name())),
        integer("seed", |row| Some(row.entry().seed)),
    ]
}
