//! The stages of a run: a subset that is drawn again every so many steps, each time with a task and a learner of its own.

use super::{Learner, Task};
use crate::error::{Error, Result};

/// Task and learner of the stage that is trained now.
pub trait Stages {
    /// Both of them.
    fn stage(&mut self) -> (&Task, &mut dyn Learner);

    /// Ends stages: folds the trained weights of each, the stage of now first, into the network, and begins the stage
    /// after them with a fresh learner.
    ///
    /// # Errors
    /// If the weights are not those of these stages, or the next subset cannot be drawn.
    fn fold(&mut self, links: &mut dyn Iterator<Item = &[f32]>) -> Result<()>;
}

/// The one stage of a run whose subset is fixed.
pub struct Fixed<'a> {
    /// The problem.
    pub task: &'a Task,
    /// What learns it.
    pub learner: &'a mut dyn Learner,
}

impl Stages for Fixed<'_> {
    fn stage(&mut self) -> (&Task, &mut dyn Learner) {
        (self.task, self.learner)
    }

    fn fold(&mut self, _: &mut dyn Iterator<Item = &[f32]>) -> Result<()> {
        Err(Error::Learner("the subset is fixed: there is no stage after the first".to_string()))
    }
}
