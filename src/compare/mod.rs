//! Learners against each other, made from records alone: paired by seed, subset, background and whatever else cells differ
//! in, at equal training loss, at equal cost and at the end.
//!
//! [`compare`] answers a [`Question`] with a [`Comparison`]: for two learners in one cell a [`Block`], in it a [`Row`] for each
//! moment and number, with the pairs themselves, the paired difference, its interval, its test and its effect size
//! ([`Paired`]). `docs/compare.md` says how to read them.
//!
//! ```no_run
//! use subevo::campaign::read_results;
//! use subevo::compare::{compare, Asked, At, Question};
//!
//! let runs = read_results(&["runs/quickstart".into()])?.runs;
//! let question = Question { at: vec![At::End], asked: vec![Asked::parse("test-accuracy")?], ..Question::default() };
//! for block in compare(&runs, &question)?.blocks {
//!     let row = &block.rows[0];
//!     println!("{}: {:+.3}, p = {:.3} of {} pairs", block.cell, row.paired.difference, row.p_holm, row.paired.n);
//! }
//! # Ok::<(), subevo::error::Error>(())
//! ```

mod arms;
mod asked;
mod block;
mod comparison;
#[cfg(test)]
mod fixture;
mod moment;
pub mod numbers;
mod paired;
mod quantity;
mod question;
mod row;
mod sentences;

pub use arms::Cell;
pub use asked::{Asked, Selector, DEFAULTS, HEADLINES};
pub use block::{seeds_in_words, Block};
pub use comparison::{compare, Comparison};
pub use moment::{moments, At, Moment};
pub use paired::Paired;
pub use quantity::{Key, Plain, Quantity};
pub use question::Question;
pub use row::Row;
pub use sentences::sentences;
