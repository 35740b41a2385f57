//! Campaigns: the file, its grid, its runs on disk, and what is made of them.

mod alike;
mod batch_setup;
mod budget_setup;
mod curves;
mod export;
mod file;
mod fit;
pub mod grid;
mod learner_setup;
mod lineage;
pub mod machine;
pub mod measure;
mod metric_setup;
pub mod recipe;
mod redraw;
mod registry;
mod results;
mod results_table;
mod run;
mod scoring;
mod setup;
mod silent;
mod stages;
pub mod store;
mod subset_setup;
mod tables;
pub mod watch;

pub use alike::check_alike;
pub use curves::{export_curves, ExportedCurves};
pub use export::{export, state_dict, state_dict_name, Exported, Incumbent, Place};
pub use file::{Campaign, Cell, Run};
pub use fit::check_memory;
pub use learner_setup::{Evaluated, LearnerSetup};
pub use lineage::Lineage;
pub use metric_setup::NamedMetric;
pub use redraw::Redrawn;
pub use registry::Registry;
pub use results::{
    drawn_figures, find_runs, listed_runs, read_results, summarise, write_pictures, Column, DrawnFigures, FoundRun,
    Pictures, Results, Row,
};
pub use results_table::ResultsTable;
pub use run::{run, Observer, Options, RunEnd, Summary, Turn};
pub use scoring::Scoring;
pub use setup::{DataSetup, Setup};
pub use tables::{read_entries, write_tables, TableFormat, WrittenTable};
