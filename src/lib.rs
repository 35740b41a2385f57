//! subevo draws a convolutional network at random, freezes almost all of its weights, and trains a small named subset of
//! them: once by evolution, once by backprop, from the same start, on the same batches. Then it compares what each learned.
//!
//! The program `subevo` is [`cli::main`] with [`campaign::Registry::builtin`]. A crate of your own adds a row to the
//! registry and has every command (`docs/extending.md`). The same as a library:
//!
//! ```
//! use subevo::campaign::{read_results, run, summarise, Campaign, Options, Registry};
//!
//! let text = r#"
//!     campaign = { name = "tiny" }
//!     data = { name = "synthetic", image = 8, train = 300, test = 100 }
//!     model = { name = "conv2-bn", channels = [4, 8] }
//!     subset = { select = [{ batchnorm = true }, { classifier = true }] }
//!     budget = { images = 20_000 }
//!
//!     [[learner]]
//!     name = "evolution"
//!     strategy = "snes"
//!
//!     [[learner]]
//!     name = "backprop"
//! "#;
//! let registry = Registry::builtin();
//! let campaign = Campaign::parse("tiny.toml", text, &[], &registry, false)?;
//! let folder = tempfile::tempdir().unwrap();
//! let summary = run(&campaign, &registry, &Options::new(folder.path()), &mut ())?;
//! for row in summarise(&read_results(&[summary.folder])?.runs) {
//!     println!("{}: {:.3} before, {:.3} after", row.learner, row.untrained.mean, row.test.mean);
//!     assert!(row.test.mean > row.untrained.mean);
//! }
//! # Ok::<(), subevo::error::Error>(())
//! ```
//!
//! # Where things happen
//!
//! From the ground up; a module knows only what stands before it (`tests/it/tidy/imports.rs`).
//!
//! - The ground. [`error`]: the one error type. `guard`: a user's panic becomes one. [`num`]: means, intervals, matrix
//!   products, eigenvalues. [`stats`]: tests and effect sizes of paired differences. [`progress`]: how far a run is.
//!   [`population`]: genomes in one block. [`record`]: the lines of `steps.jsonl` and `times.jsonl` as types. [`rng`]:
//!   streams of random numbers by address. [`state`]: arrays that a checkpoint keeps bit for bit. [`params`]: TOML to
//!   checked values, every mistake with its place. [`entry`]: a registry is a slice of rows.
//! - [`estimator`]: pure functions of arrays, with unit and companions; what metrics are made of.
//! - [`data`]: image sets from the binary or from files, split and normalised; which images make the batch of a step.
//! - [`graph`]: a network as data, and how its weights are drawn. [`model`]: functions that build graphs.
//! - [`projection`]: bases of low-dimensional subspaces, drawn and never stored.
//! - [`subset`]: which scalars are trained. [`subset::Start`] is the untrained network that all learners begin with, and
//!   says what a gene is worth; [`subset::Folding`] takes what was learned from one subset to the next.
//! - [`plan`]: what of the graph all members share, what each computes itself, how many at a time, and what it costs.
//! - [`engine`]: computes losses of a population, gradients and logits; [`engine::Probe`] opens a network up,
//!   [`engine::Processor`] is the CPU or a GPU. The only place that knows tensors.
//! - [`operator`]: mutation, crossover, selection. [`optimizer`]: SGD, Adam and their schedules. [`strategy`]: proposes
//!   genomes and learns from their losses. [`evaluation`]: on how many batches members come to them.
//! - [`learner`]: evolution and backprop as one interface, the one training loop ([`learner::Training`]), the budget, and
//!   the only cost meter ([`learner::Task::charge`]).
//! - [`metric`]: numbers about a network at one moment of its run, in four families. [`mod@compare`]: learners against each
//!   other from records alone, paired by their start. [`plot`]: figures from records alone. [`table`]: records in long form,
//!   as CSV and Parquet. [`tensorboard`]: the same as event files.
//! - [`campaign`]: TOML to cells to runs; [`campaign::run`] is the loop over them, [`campaign::store`] their folders,
//!   [`mod@campaign::measure`] what computes metrics of what they kept.
//! - [`mod@bench`]: the common task of the speed comparisons, timed. [`report`]: a campaign as one HTML file.
//! - [`cli`]: the commands, and the only place that prints.
#![deny(clippy::undocumented_unsafe_blocks)]
#![warn(missing_docs)]

pub mod bench;
pub mod campaign;
pub mod cli;
pub mod compare;
pub mod data;
pub mod engine;
pub mod entry;
pub mod error;
pub mod estimator;
pub mod evaluation;
pub mod graph;
mod guard;
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
pub mod projection;
pub mod record;
pub mod report;
pub mod rng;
pub mod state;
pub mod stats;
pub mod strategy;
pub mod subset;
pub mod table;
pub mod tensorboard;
