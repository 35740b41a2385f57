//! Backprop: an optimizer steps down the gradient of the subset's weights; everything else is frozen. In a subspace it steps
//! down the gradient P^T g of the coordinates, on which weight decay then acts too: it draws towards the base, not to zero.

use std::collections::BTreeMap;

use super::{Learner, StepReport, Task};
use crate::data::Batch;
use crate::error::{Error, Result};
use crate::evaluation::Work;
use crate::optimizer::{Optimizer, Schedule};
use crate::progress::Progress;
use crate::state::State;

/// An optimizer at work. It changes the weights themselves, not genes, so that published recipes hold; in a subspace its
/// coordinates, as those of Li et al. 2018 do.
pub struct Backprop {
    trained: Vec<f32>,
    optimizer: Box<dyn Optimizer>,
    schedule: Box<dyn Schedule>,
}

impl Backprop {
    /// Starts at the values `untrained` ([`crate::subset::Start::untrained`]).
    pub fn new(untrained: Vec<f32>, optimizer: Box<dyn Optimizer>, schedule: Box<dyn Schedule>) -> Self {
        Backprop { trained: untrained, optimizer, schedule }
    }
}

impl Learner for Backprop {
    fn step(&mut self, task: &Task, batch: &Batch, at: Progress) -> Result<StepReport> {
        let (loss, gradient) = task.engine.gradient(&task.start.weights_of(&self.trained), batch, task.loss)?;
        let gradient = task.start.gradient_of(gradient);
        let norm = gradient.iter().map(|g| f64::from(*g) * f64::from(*g)).sum::<f64>().sqrt();
        if !loss.is_finite() || !norm.is_finite() {
            return Err(Error::Learner(format!(
                "backprop diverged at step {}: loss {loss}, gradient norm {norm}; lower the learning rate",
                at.step
            )));
        }
        let learning_rate = self.optimizer.learning_rate() * self.schedule.factor(at);
        self.optimizer.step(&mut self.trained, &gradient, learning_rate);
        let diagnostics = [("gradient_norm", norm), ("learning_rate", learning_rate)];
        Ok(StepReport {
            loss,
            best: loss,
            work: Work::default(),
            next: Work::default(),
            gradients: 1,
            next_gradients: 1,
            failed: 0,
            diagnostics: diagnostics.into_iter().map(|(name, x)| (name.to_string(), x)).collect::<BTreeMap<_, _>>(),
        })
    }

    fn incumbent(&self, _: &Task) -> Vec<f32> {
        self.trained.clone()
    }

    fn stop(&self) -> Option<String> {
        None
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_f32("weights", &self.trained);
        state.nest("optimizer", self.optimizer.save());
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let trained = state.f32s("weights", self.trained.len())?.to_vec();
        self.optimizer.load(&state.inner("optimizer"))?;
        self.trained = trained;
        Ok(())
    }
}
