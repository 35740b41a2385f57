//! The integration tests, one binary: each module says in its head what it holds.

mod bench;
mod campaign_file;
mod cli;
mod data;
mod engine;
mod features;
mod genetic;
mod grid;
mod learners;
mod models;
mod networks;
mod operators;
mod optimizers;
mod projections;
mod store;
mod strategies;
mod subsets;
mod subspaces;
mod tables;
mod tidy;
