//! L-SHADE: SHADE with a population that shrinks linearly (Tanabe & Fukunaga 2014).
//!
//! Parents go from `population / 2` down to 4 in proportion to the share of the budget that is used (eq. 10); the worst
//! leave. The memory's rules are those of SHADE 1.1 (`success_history.rs`). A generation is all parents, evaluated again,
//! and one trial for each: the paper's N is half of what is evaluated. There are no bounds, and so no repair of genes.

use super::duels::{Duels, LEAST};
use super::options::{even_population, SIGMA};
use super::success_history::{Rule, SuccessHistory};
use super::{Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::Result;
use crate::operator::Population;
use crate::params::{Params, Range};
use crate::state::State;

const NAME: &str = "l-shade";

struct LShade {
    history: SuccessHistory,
    /// Parents at the start.
    parents: usize,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: NAME,
    summary: "SHADE with a population that shrinks as the budget is used",
    reference: "Tanabe & Fukunaga 2014",
    build: |params, context| Ok(Box::new(LShade::read(params, context.subset.size))),
};

/// Its promises. What succeeded is weighed by what it gained, so losses count by their value.
pub(super) const CONTRACT: Contract = Contract {
    name: NAME,
    rank_based: false,
    least_population: Some(2 * LEAST as u64),
    solves: &[
        Solve::new("sphere", 10, 1e-6, 20_000),
        Solve::new("rastrigin", 5, 1e-6, 40_000),
        Solve::new("rosenbrock", 5, 1e-6, 40_000).rotated(),
        Solve::new("schwefel", 5, 1e-4, 30_000).with("sigma = 2.0"),
    ],
};

impl LShade {
    /// Defaults: `population` 128 at the start (even: 64 parents; the paper has 18 k parents, which thousands of genes
    /// rule out), `memory` 6 slots and `archive` 2.6 for each parent as in the paper; `sigma` 0.1 is the spread of the first
    /// parents around the start.
    fn read(params: &Params<'_>, k: usize) -> Self {
        let n = even_population(params, 128, 2 * LEAST as u64, "each parent has one trial");
        let sigma = params.float("sigma", Some(SIGMA), Range::AboveUpTo(0.0, 1000.0));
        let slots = params.integer("memory", Some(6), 1..=1_000_000) as usize;
        let archive = params.float("archive", Some(2.6), Range::Within(0.0, 100.0));
        let duels = Duels::new(NAME, n / 2, k, sigma);
        LShade { history: SuccessHistory::new(NAME, Rule::LShade, duels, slots, archive), parents: n / 2 }
    }
}

/// Parents once a share of the budget is used (eq. 10).
fn parents_at(start: usize, used: f64) -> usize {
    let (start, least) = (start as f64, LEAST as f64);
    ((least - start) * used.clamp(0.0, 1.0) + start).round() as usize
}

impl Strategy for LShade {
    fn population(&self) -> usize {
        self.history.duels.members()
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let Generation { at, seed, .. } = *now;
        self.history.shrink(parents_at(self.parents, at.used), seed);
        Ok(self.history.ask(seed))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        self.history.tell(asked, losses)
    }

    fn incumbent(&self) -> &[f32] {
        self.history.duels.best()
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        self.history.diagnostics()
    }

    fn stop(&self) -> Option<String> {
        self.history.duels.stop()
    }

    fn save(&self) -> State {
        self.history.save()
    }

    fn load(&mut self, state: &State) -> Result<()> {
        self.history.load(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::Progress;
    use crate::rng::Seed;

    #[test]
    fn parents_leave_in_proportion_to_the_budget_and_the_best_stay() {
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|used| parents_at(20, used)), [20, 16, 12, 4]);
        let duels = Duels::new(NAME, 8, 1, 1.0);
        let mut it = LShade { history: SuccessHistory::new(NAME, Rule::LShade, duels, 6, 2.6), parents: 8 };
        let mut lens = Vec::new();
        for step in 0..4 {
            let at = Progress { step, used: step as f64 / 3.0 };
            let asked = it.ask(&Generation::blind(at, Seed::new(step))).unwrap();
            let losses: Vec<f32> = asked.genes().iter().map(|gene| gene.abs()).collect();
            lens.push(asked.len());
            it.tell(asked, &losses).unwrap();
            assert_eq!(it.incumbent(), [0.0], "the start is the optimum, and never leaves");
        }
        assert_eq!(lens, [16, 14, 10, 8]);
    }
}
