//! Campaigns: the file, its grid, its runs on disk.

pub mod grid;
mod learner_setup;
mod registry;
mod setup;
pub mod store;

pub use learner_setup::LearnerSetup;
pub use registry::Registry;
pub use setup::{DataSetup, Setup};
