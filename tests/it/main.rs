//! The integration tests, one binary: each module says in its head what it holds.

mod genetic;
mod operators;
mod optimizers;
mod strategies;
mod tables;
