//! Evolution: a strategy proposes genomes, the engine tells their losses on one common batch; while it proposes, it may look
//! at the network on the same batch.

use super::view::View;
use super::{Learner, StepReport, Task};
use crate::data::Batch;
use crate::engine::ClassLosses;
use crate::error::Result;
use crate::progress::Progress;
use crate::rng::Seed;
use crate::state::State;
use crate::strategy::{Generation, Strategy};

/// A strategy at work.
pub struct Evolution {
    strategy: Box<dyn Strategy>,
    seed: Seed,
}

impl Evolution {
    /// `seed` is the address of the strategy's randomness; each generation has its own below it.
    pub fn new(strategy: Box<dyn Strategy>, seed: Seed) -> Self {
        Evolution { strategy, seed }
    }
}

impl Learner for Evolution {
    fn step(&mut self, task: &Task, batch: &Batch, at: Progress) -> Result<StepReport> {
        let network = View::new(task, batch);
        let population = self.strategy.ask(&Generation { at, seed: self.seed.index(at.step), network: &network })?;
        let spent = network.spent();
        let losses = if self.strategy.needs().class_losses {
            let ClassLosses { losses, by_class } = task.engine.class_losses(&population, batch, task.loss)?;
            self.strategy.tell_classes(population, &losses, &by_class)?;
            losses
        } else {
            let losses = task.engine.losses(&population, batch, task.loss)?;
            self.strategy.tell(population, &losses)?;
            losses
        };
        let known = || losses.iter().filter(|loss| !loss.is_nan()).map(|loss| f64::from(*loss));
        let n = known().count();
        Ok(StepReport {
            loss: known().sum::<f64>() / n as f64,
            best: known().fold(f64::INFINITY, f64::min),
            members: losses.len() + spent.forward,
            gradients: spent.backward(),
            failed: (losses.len() - n) as u64,
            diagnostics: self.strategy.diagnostics().into_iter().map(|(name, x)| (name.to_string(), x)).collect(),
        })
    }

    fn incumbent(&self, task: &Task) -> Vec<f32> {
        task.start.trained(self.strategy.incumbent())
    }

    fn stop(&self) -> Option<String> {
        self.strategy.stop()
    }

    fn save(&self) -> State {
        self.strategy.save()
    }

    fn load(&mut self, state: &State) -> Result<()> {
        self.strategy.load(state)
    }
}
