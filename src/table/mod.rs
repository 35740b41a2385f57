//! Records as tables in long form, for pandas, polars and the like: a line for each thing, every column of one type, and in
//! every line the keys of its run. `docs/export.md` says what is in them.
//!
//! The columns of a table stand in one place, its file; [`csv()`] and `parquet` write whatever columns there are.

mod column;
mod csv;
mod diagnostics;
mod evaluations;
mod keys;
mod measurements;
#[cfg(feature = "parquet")]
mod parquet;
mod runs;
mod settings;
mod steps;

pub use column::{Kind, Table, Values};
pub use csv::csv;
#[cfg(feature = "parquet")]
pub use parquet::parquet;

use crate::record::{RunRecords, Session};

/// A run, as tables take it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEntry {
    /// Name of its folder, which has the digest of its settings in it.
    pub run: String,
    /// Name of its campaign.
    pub campaign: String,
    /// Point of the grid; empty without a grid.
    pub cell: String,
    /// Label of the learner.
    pub learner: String,
    /// The run's seed.
    pub seed: u64,
    /// Version of the program that began it.
    pub version: String,
    /// How far it is.
    pub status: Status,
    /// Why it failed, where it did.
    pub error: Option<String>,
    /// What it recorded, once it has begun.
    pub records: Option<RunRecords>,
    /// The processes that worked on it.
    pub sessions: Vec<Session>,
}

/// How far a run is, as far as its files tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Its folder is there and no record.
    Waiting,
    /// It has records and no end.
    Unfinished,
    /// It has its end.
    Done,
    /// It failed.
    Failed,
}

impl Status {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Waiting => "waiting",
            Status::Unfinished => "unfinished",
            Status::Done => "done",
            Status::Failed => "failed",
        }
    }
}

/// All tables of these runs, in the order of the runs.
pub fn tables<'a>(runs: &'a [RunEntry]) -> Vec<Box<dyn Table + 'a>> {
    vec![
        Box::new(runs::table(runs)),
        Box::new(settings::table(runs)),
        Box::new(evaluations::table(runs)),
        Box::new(steps::table(runs)),
        Box::new(diagnostics::table(runs)),
        Box::new(measurements::table(runs)),
    ]
}
