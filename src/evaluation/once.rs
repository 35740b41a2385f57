//! Every member once, on the batch of the step.

use super::{Evaluated, Evaluation, Members, Work};
use crate::entry::Entry;
use crate::error::Result;

/// Evaluates every member on batch 0 alone.
pub struct Once;

pub(super) const ENTRY: Entry<dyn Evaluation, Option<f64>> = Entry {
    name: "once",
    summary: "every member on the one batch of the step",
    reference: "this crate",
    build: |_, _| Ok(Box::new(Once)),
};

impl Evaluation for Once {
    fn evaluate(&mut self, members: &Members<'_>) -> Result<Evaluated> {
        let all: Vec<usize> = (0..members.n()).collect();
        Ok(Evaluated { losses: members.losses(&all, 0)?, diagnostics: Vec::new() })
    }

    fn next(&self, members: usize) -> Work {
        Work { members, batches: 1 }
    }
}
