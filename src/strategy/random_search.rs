//! Random search (Rastrigin 1963): fresh samples around the start in every generation, of which the best is kept.
//!
//! Nothing is learned but the best genome, so this is what a strategy must beat. The best goes in again as member 0 of
//! each generation, because losses of different batches are never compared; in the first generation it is the start.

use super::options::SIGMA;
use super::samples::{Samples, Spread};
use super::{fitness::rank_told, Contract, Generation, Solve, Strategy, StrategyContext, Target};
use crate::entry::Entry;
use crate::error::Result;
use crate::operator::Population;
use crate::params::{Params, Range};
use crate::state::State;

struct RandomSearch {
    n: usize,
    sigma: f64,
    start: Vec<f32>,
    best: Vec<f32>,
    samples: Samples,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "random-search",
    summary: "the best of fresh normal samples around the start",
    reference: "Rastrigin 1963",
    build: |params, context| Ok(Box::new(RandomSearch::read(params, context.subset.size))),
};

/// Its promises.
pub(super) const CONTRACT: Contract = Contract {
    name: "random-search",
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

impl RandomSearch {
    /// Defaults: `population` 64, the best so far among them, and `sigma` 0.1: members differ from the base by a tenth of its
    /// own spread. With a `sigma` of 1.4, the square root of 2, each is about as far away as another draw of the base.
    fn read(params: &Params<'_>, k: usize) -> Self {
        RandomSearch {
            n: params.integer("population", Some(64), super::POPULATION) as usize,
            sigma: params.float("sigma", Some(SIGMA), Range::AboveUpTo(0.0, 1000.0)),
            start: vec![0.0; k],
            best: vec![0.0; k],
            samples: Samples::default(),
        }
    }
}

impl Strategy for RandomSearch {
    fn population(&self) -> usize {
        self.n
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let seed = now.seed;
        let mut asked = self.samples.single(self.n, &self.start, Spread::One(self.sigma), seed);
        asked.member_mut(0).copy_from_slice(&self.best);
        Ok(asked)
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let order = rank_told("random-search", &asked, losses, (self.n, self.best.len()), || {
            format!("lower `sigma` (now {:.3e})", self.sigma)
        })?;
        self.best.copy_from_slice(asked.member(order[0]));
        self.samples.give_back(asked);
        Ok(())
    }

    fn incumbent(&self) -> &[f32] {
        &self.best
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        vec![("sigma", self.sigma)]
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_f32("random-search.best", &self.best);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        self.best = state.f32s("random-search.best", self.best.len())?.to_vec();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::Progress;
    use crate::rng::Seed;

    #[test]
    fn the_best_goes_in_again_and_falls_when_a_sample_beats_it_on_the_same_batch() {
        let (samples, start) = (Samples::default(), vec![0.0; 3]);
        let mut search = RandomSearch { n: 3, sigma: 1.0, start, best: vec![0.0; 3], samples };
        let at = Progress { step: 0, used: 0.0 };
        let asked = search.ask(&Generation::blind(at, Seed::new(1))).unwrap();
        assert_eq!(asked.member(0), [0.0; 3]);
        let second = asked.member(1).to_vec();
        search.tell(asked, &[2.0, 1.0, 3.0]).unwrap();
        let asked = search.ask(&Generation::blind(at, Seed::new(2))).unwrap();
        assert_eq!(asked.member(0), second);
        // Another batch: the best's own loss is higher now, and still the least.
        search.tell(asked, &[5.0, 6.0, f32::NAN]).unwrap();
        assert_eq!(search.incumbent(), second);
        let asked = search.ask(&Generation::blind(at, Seed::new(3))).unwrap();
        let third = asked.member(2).to_vec();
        search.tell(asked, &[5.0, 6.0, 4.0]).unwrap();
        assert_eq!(search.incumbent(), third);
    }
}
