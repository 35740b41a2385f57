//! The integration tests, one binary: each module says in its head what it holds.

mod architectures;
mod augmentation;
mod bench;
mod campaign_file;
mod cli;
mod data;
mod engine;
mod experiments;
mod features;
mod genetic;
mod grid;
mod inits;
mod injection;
mod learners;
mod models;
mod networks;
mod operators;
mod optimizers;
mod recipes;
mod store;
mod strategies;
mod subsets;
mod tables;
mod tidy;
mod torch;
