//! The batches of one step: that of the step itself, which all learners see, and others beside it.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::Task;
use crate::data::Batch;

/// Batches of a step by number; 0 is the step's own.
pub(super) struct Batches<'a> {
    task: &'a Task,
    step: u64,
    first: &'a Batch,
    /// The images that are not in the step's own batch, in the order in which others take them.
    others: OnceLock<Vec<usize>>,
}

impl<'a> Batches<'a> {
    /// Those of step `step`, whose own batch is `first`.
    pub fn new(task: &'a Task, step: u64, first: &'a Batch) -> Self {
        Batches { task, step, first, others: OnceLock::new() }
    }

    /// Batch `number`, augmented and with its noise: follows from the seed, the step and the number alone.
    pub fn get(&self, number: usize) -> Cow<'a, Batch> {
        let Some(beside) = number.checked_sub(1) else { return Cow::Borrowed(self.first) };
        let others = self.others.get_or_init(|| self.task.order.others(self.step));
        let indices = self.task.order.beside(self.step, others, beside);
        let address = |label: &str| self.task.seed.child(label).index(self.step).child("beside").index(beside as u64);
        Cow::Owned(self.task.read(&indices, address("augment"), address("noise")))
    }
}
