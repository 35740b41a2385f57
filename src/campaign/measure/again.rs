//! A learner as it stood at a moment, asked what it would do next, again and again.

use std::sync::Arc;

use crate::campaign::{LearnerSetup, Registry};
use crate::error::Result;
use crate::learner::{Moment, Task};
use crate::metric::Redraw;
use crate::progress::Progress;
use crate::rng::Seed;
use crate::state::State;

/// Steps that lie further apart than any run is long: each has randomness of its own.
const APART: u64 = 1 << 40;

/// A learner at a moment.
pub(super) struct Again<'a> {
    pub task: &'a Task,
    pub setup: &'a LearnerSetup,
    pub registry: &'a Registry,
    pub seed: u64,
    pub moment: &'a Moment,
    pub state: Arc<State>,
}

impl Redraw for Again<'_> {
    fn updates(&self, count: usize, seed: Seed) -> Result<Vec<Vec<f32>>> {
        let step = self.moment.cost.step;
        let used = self.setup.budget.used(self.moment.cost, 0.0);
        let update = |i: u64| {
            let mut learner = self.setup.build(&self.task.start, self.seed, self.registry)?;
            learner.load(&self.state)?;
            let at = Progress { step: step + (i + 1) * APART, used };
            learner.step(self.task, &self.task.draw(seed.index(i)), at)?;
            let after = learner.incumbent(self.task);
            Ok(after.iter().zip(&self.moment.trained).map(|(after, before)| after - before).collect())
        };
        (0..count as u64).map(update).collect()
    }
}
