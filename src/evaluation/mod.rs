//! How members of a generation come to their losses: on how many batches of a step each is evaluated, where losses are noisy.
//!
//! In a campaign: `evaluation = "once"`, the default, or a table with a `name`. All members see the same batches in the same
//! order, so that what is compared is of one batch. Batch 0 is that of the step, which every learner sees; the others are
//! drawn beside it. Host code; knows no tensors and no images.

mod bounds;
mod once;
mod racing;
mod rank_change;

use std::cell::Cell;

pub use once::Once;

use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::rng::Seed;
use crate::state::State;

/// A rule that turns the members of a generation into losses.
pub trait Evaluation: Send {
    /// Evaluates the members of one generation.
    ///
    /// # Errors
    /// If a batch cannot be evaluated.
    fn evaluate(&mut self, members: &Members<'_>) -> Result<Evaluated>;

    /// The most that the next generation takes if it has `members` members; budgets are asked whether it still fits.
    fn next(&self, members: usize) -> Work;

    /// The most that any generation of so many members takes.
    fn most(&self, members: usize) -> Work {
        self.next(members)
    }

    /// Exact state between two generations.
    fn save(&self) -> State {
        State::default()
    }

    /// Takes over a saved state.
    ///
    /// # Errors
    /// If the state is of another rule; nothing is changed then.
    fn load(&mut self, _: &State) -> Result<()> {
        Ok(())
    }
}

/// What a generation's members came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// Loss of each member (n), comparable with each other; NaN of those that failed.
    pub losses: Vec<f32>,
    /// The rule's own numbers for the records.
    pub diagnostics: Vec<(&'static str, f64)>,
}

/// What was evaluated, or may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Networks, each counted once for every batch that it was evaluated on.
    pub members: usize,
    /// Different batches.
    pub batches: usize,
}

/// Gives the losses of some members, by index, on one batch of the step.
type Losses<'a> = &'a dyn Fn(&[usize], usize) -> Result<Vec<f32>>;

/// The members of one generation, to be evaluated on as many batches as a rule asks for; and the meter of what it asked for.
pub struct Members<'a> {
    n: usize,
    seed: Seed,
    losses: Losses<'a>,
    spent: Cell<Work>,
}

impl<'a> Members<'a> {
    /// `n` members; `seed` is the address of the rule's own randomness, `losses` gives the losses of some of them, by index,
    /// on batch 0, 1, 2, ... of the step.
    pub fn new(n: usize, seed: Seed, losses: Losses<'a>) -> Self {
        Members { n, seed, losses, spent: Cell::default() }
    }

    /// How many there are.
    pub fn n(&self) -> usize {
        self.n
    }

    /// The address of the rule's own randomness in this generation.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// Losses of these members on a batch of the step, in their order; NaN of those that failed.
    ///
    /// # Errors
    /// If the batch cannot be evaluated.
    pub fn losses(&self, members: &[usize], batch: usize) -> Result<Vec<f32>> {
        let losses = (self.losses)(members, batch)?;
        if losses.len() != members.len() {
            let (found, expected) = (losses.len(), members.len());
            return Err(Error::Learner(format!("an evaluation gave {found} losses of {expected} members")));
        }
        let Work { members: before, batches } = self.spent.get();
        self.spent.set(Work { members: before + members.len(), batches: batches.max(batch + 1) });
        Ok(losses)
    }

    /// What was evaluated until now.
    pub fn spent(&self) -> Work {
        self.spent.get()
    }
}

/// Alphabetical; a test fails where a file here has no row. The context is how far apart two losses can be, where that is
/// bounded.
pub const ENTRIES: &[Entry<dyn Evaluation, Option<f64>>] = &[once::ENTRY, racing::ENTRY, rank_change::ENTRY];
