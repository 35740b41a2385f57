//! The integration tests, one binary: each module says in its head what it holds.

mod campaign_file;
mod cli;
mod data;
mod engine;
mod genetic;
mod grid;
mod operators;
mod optimizers;
mod store;
mod strategies;
mod tables;
mod tidy;
