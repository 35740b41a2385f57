//! Evolution: a strategy proposes genomes, the engine tells their losses on one common batch, or on as many as the rule of
//! evaluation asks for; while it proposes, it may look at the network on the step's own batch.

use std::cell::RefCell;

use super::batches::Batches;
use super::class_means::ClassMeans;
use super::view::View;
use super::{Learner, StepReport, Task};
use crate::data::Batch;
use crate::engine::ClassLosses;
use crate::error::{Error, Result};
use crate::evaluation::{Evaluation, Members, Once, Work};
use crate::guard::guarded;
use crate::operator::Population;
use crate::progress::Progress;
use crate::rng::Seed;
use crate::state::State;
use crate::strategy::{Generation, Strategy};

/// A strategy at work.
pub struct Evolution {
    strategy: Box<dyn Strategy>,
    evaluation: Box<dyn Evaluation>,
    seed: Seed,
}

impl Evolution {
    /// `seed` is the address of the strategy's randomness; each generation has its own below it.
    pub fn new(strategy: Box<dyn Strategy>, seed: Seed) -> Self {
        Evolution { strategy, evaluation: Box::new(Once), seed }
    }

    /// Evaluates members by another rule than once.
    #[must_use]
    pub fn with_evaluation(mut self, evaluation: Box<dyn Evaluation>) -> Self {
        self.evaluation = evaluation;
        self
    }
}

impl Learner for Evolution {
    fn step(&mut self, task: &Task, batch: &Batch, at: Progress) -> Result<StepReport> {
        let network = View::new(task, batch);
        let seed = self.seed.index(at.step);
        let population = self.strategy.ask(&Generation { at, seed, network: &network })?;
        let spent = network.spent();
        let batches = Batches::new(task, at.step, batch);
        let by_class = RefCell::new(self.strategy.needs().class_losses.then(|| ClassMeans::new(population.len())));
        let losses_of = |which: &[usize], number: usize| {
            let some = (which.len() < population.len()).then(|| some_of(&population, which));
            let (some, batch) = (some.as_ref().unwrap_or(&population), batches.get(number));
            let Some(means) = &mut *by_class.borrow_mut() else { return task.engine.losses(some, &batch, task.loss) };
            let ClassLosses { losses, by_class } = task.engine.class_losses(some, &batch, task.loss)?;
            // What only some have seen, as in a race, says nothing of them beside the others.
            if which.len() == population.len() {
                means.add(which, &by_class);
            }
            Ok(losses)
        };
        let members = Members::new(population.len(), seed.child("evaluation"), &losses_of);
        let evaluated = guarded(|| "the rule of evaluation".to_string(), || self.evaluation.evaluate(&members))??;
        if evaluated.losses.len() != population.len() {
            let (found, n) = (evaluated.losses.len(), population.len());
            return Err(Error::Learner(format!("the rule of evaluation gave {found} losses of {n} members: mend it")));
        }
        let (losses, work) = (evaluated.losses, members.spent());
        match by_class.into_inner() {
            Some(means) => self.strategy.tell_classes(population, &losses, &means.means())?,
            None => self.strategy.tell(population, &losses)?,
        }
        let (next, needs) = (self.evaluation.next(self.strategy.upcoming()), self.strategy.needs());
        let known = || losses.iter().filter(|loss| !loss.is_nan()).map(|loss| f64::from(*loss));
        let n = known().count();
        Ok(StepReport {
            loss: known().sum::<f64>() / n as f64,
            best: known().fold(f64::INFINITY, f64::min),
            work: Work { members: work.members + spent.forward, ..work },
            next: Work { members: next.members + needs.forward, ..next },
            gradients: spent.backward(),
            next_gradients: needs.backward(),
            failed: (losses.len() - n) as u64,
            diagnostics: self.strategy.diagnostics().into_iter().chain(evaluated.diagnostics).map(named).collect(),
        })
    }

    fn incumbent(&self, task: &Task) -> Vec<f32> {
        task.start.trained(self.strategy.incumbent())
    }

    fn stop(&self) -> Option<String> {
        self.strategy.stop()
    }

    fn save(&self) -> State {
        let mut state = self.strategy.save();
        state.nest("evaluation", self.evaluation.save());
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        self.evaluation.load(&state.inner("evaluation"))?;
        self.strategy.load(state)
    }
}

/// Some members of a population, in a block of their own.
fn some_of(population: &Population, which: &[usize]) -> Population {
    let genes = which.iter().flat_map(|member| population.member(*member)).copied().collect();
    Population::from_genes(genes, population.size())
}

fn named((name, x): (&'static str, f64)) -> (String, f64) {
    (name.to_string(), x)
}
