//! subevo evolves, and backprops, the same small named subset of a random CNN's weights, and compares what each learned.
#![warn(missing_docs)]

pub mod campaign;
pub mod cli;
pub mod data;
pub mod engine;
pub mod entry;
pub mod error;
pub mod graph;
pub mod learner;
pub mod metric;
pub mod model;
pub mod num;
pub mod operator;
pub mod optimizer;
pub mod params;
pub mod plan;
pub mod plot;
pub mod population;
pub mod progress;
pub mod record;
pub mod rng;
pub mod state;
pub mod strategy;
pub mod subset;
