//! Campaigns: the file, its grid, its runs on disk, and what is made of them.

mod file;
mod fit;
pub mod grid;
mod learner_setup;
mod lineage;
pub mod machine;
mod redraw;
mod registry;
mod results;
mod run;
mod setup;
mod silent;
mod stages;
pub mod store;

pub use file::{Campaign, Cell, Run};
pub use fit::check_memory;
pub use learner_setup::LearnerSetup;
pub use lineage::Lineage;
pub use redraw::Redrawn;
pub use registry::Registry;
pub use results::{read_results, summarise, write_pictures, Column, Results, Row};
pub use run::{run, Observer, Options, RunEnd, Summary, Turn};
pub use setup::{DataSetup, Setup};
