//! Neutral drift: a random walk through genomes that are no worse on the batch at hand, without any selection among them. What
//! it does to a network is what diffusion alone does; the other strategies are compared with it.
//!
//! A generation is the incumbent and one or more mutants `incumbent + sigma z`, all on one batch. The first mutant, in the
//! order in which they were drawn, whose loss is at most that of the incumbent plus `epsilon` takes its place; that another
//! has a lower loss does not count. sigma is fixed. The loss is compared with that of the place before and not with that of
//! the start, so that with an `epsilon` above 0 it may rise step by step.

use super::options::SIGMA;
use super::samples::{check_reach, collapsed, Samples, Spread};
use super::{fitness::rank_told, Contract, Generation, Solve, Strategy, StrategyContext, Target};
use crate::entry::Entry;
use crate::error::Result;
use crate::operator::Population;
use crate::params::{Params, Range};
use crate::state::State;

struct NeutralDrift {
    n: usize,
    sigma: f64,
    epsilon: f64,
    incumbent: Vec<f32>,
    samples: Samples,
    /// Whether a mutant of the last generation took the incumbent's place.
    moved: bool,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "neutral-drift",
    summary: "a random walk through genomes whose loss is no higher: the first such mutant is taken, not the best",
    reference: "Kimura 1968 for populations",
    build: |params, context| Ok(Box::new(NeutralDrift::read(params, context.subset.size))),
};

/// Its promises.
pub(super) const CONTRACT: Contract = Contract {
    name: "neutral-drift",
    rank_based: true,
    least_population: Some(2),
    solves: &[Solve {
        function: "sphere",
        dim: 10,
        rotate: false,
        target: Target::FirstSample,
        evaluations: 200,
        params: "",
    }],
};

impl NeutralDrift {
    /// Defaults: `population` 2, the incumbent and one mutant; `sigma` 0.1; `epsilon` 0, so that the loss on the common batch
    /// never rises.
    fn read(params: &Params<'_>, k: usize) -> Self {
        NeutralDrift {
            n: params.integer("population", Some(2), super::POPULATION) as usize,
            sigma: params.float("sigma", Some(SIGMA), Range::AboveUpTo(0.0, 1000.0)),
            epsilon: params.float("epsilon", Some(0.0), Range::AtLeast(0.0)),
            incumbent: vec![0.0; k],
            samples: Samples::default(),
            moved: false,
        }
    }

    /// The first mutant that is taken. An incumbent that fails on the batch gives way to any that does not.
    fn taken(&self, losses: &[f32]) -> Option<usize> {
        let own = f64::from(losses[0]);
        let most = if own.is_nan() { f64::INFINITY } else { own + self.epsilon };
        (1..losses.len()).find(|mutant| f64::from(losses[*mutant]) <= most)
    }
}

impl Strategy for NeutralDrift {
    fn population(&self) -> usize {
        self.n
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let mut asked = self.samples.single(self.n, &self.incumbent, Spread::One(self.sigma), now.seed);
        asked.member_mut(0).copy_from_slice(&self.incumbent);
        Ok(asked)
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        rank_told("neutral-drift", &asked, losses, (self.n, self.incumbent.len()), || {
            format!("lower `sigma` (now {:.3e})", self.sigma)
        })?;
        let taken = self.taken(losses);
        self.moved = taken.is_some();
        if let Some(mutant) = taken {
            self.incumbent.copy_from_slice(asked.member(mutant));
        }
        self.samples.give_back(asked);
        check_reach("neutral-drift", &self.incumbent, Spread::One(self.sigma), "lower `sigma`")
    }

    fn incumbent(&self) -> &[f32] {
        &self.incumbent
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        vec![("sigma", self.sigma), ("success", f64::from(u8::from(self.moved)))]
    }

    fn stop(&self) -> Option<String> {
        collapsed(&self.incumbent, Spread::One(self.sigma))
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_f32("neutral-drift.incumbent", &self.incumbent);
        state.put_u64("neutral-drift.moved", &[u64::from(self.moved)]);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let incumbent = state.f32s("neutral-drift.incumbent", self.incumbent.len())?;
        let moved = state.u64s("neutral-drift.moved", 1)?[0];
        (self.incumbent, self.moved) = (incumbent.to_vec(), moved > 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::Progress;
    use crate::rng::Seed;

    fn drift(n: usize, epsilon: f64, k: usize) -> NeutralDrift {
        let (incumbent, samples) = (vec![0.0; k], Samples::default());
        NeutralDrift { n, sigma: 1.0, epsilon, incumbent, samples, moved: false }
    }

    fn ask(drift: &mut NeutralDrift, step: u64) -> Population {
        drift.ask(&Generation::blind(Progress { step, used: 0.0 }, Seed::new(step))).unwrap()
    }

    #[test]
    fn the_first_mutant_within_epsilon_is_taken_and_not_the_best() {
        let mut drift = drift(4, 0.25, 3);
        // Losses of incumbent and mutants, and which is taken: 0 is the incumbent.
        let nan = f32::NAN;
        let told = [
            ([1.0, 1.25, 0.5, 0.1], 1),
            ([1.0, 1.26, 1.2, 0.1], 2),
            ([2.0, 2.5, nan, 2.3], 0),
            ([1.0, nan, nan, 1.0], 3),
            ([nan, nan, 9.0, 1.0], 2),
        ];
        for (step, (losses, taken)) in told.iter().enumerate() {
            let asked = ask(&mut drift, step as u64);
            assert_eq!(asked.member(0), drift.incumbent(), "the incumbent is evaluated on the same batch");
            let member = asked.member(*taken).to_vec();
            drift.tell(asked, losses).unwrap();
            assert_eq!(drift.incumbent(), member, "{losses:?}");
            assert_eq!(drift.diagnostics()[1].1, f64::from(u8::from(*taken > 0)));
        }
    }

    #[test]
    fn on_level_ground_it_is_a_random_walk_of_the_given_step() {
        let (k, steps) = (200, 300);
        let mut drift = drift(2, 0.0, k);
        for step in 0..steps {
            let asked = ask(&mut drift, step);
            drift.tell(asked, &[1.0, 1.0]).unwrap();
        }
        // A square of a normal has variance 2: relative standard error sqrt(2 / k) = 0.1.
        let distance: f64 = drift.incumbent().iter().map(|x| f64::from(*x).powi(2)).sum();
        assert!((distance / (k as f64 * steps as f64) - 1.0).abs() < 0.4, "{distance}");
    }
}
