//! SHADE: success-history based adaptive differential evolution (Tanabe & Fukunaga 2013).
//!
//! `current-to-pbest/1` with an archive of beaten parents; scale and crossover rate of each trial come from a memory of what
//! succeeded (`success_history.rs`). `population` counts what is evaluated in a generation: half of them are parents,
//! evaluated again, so the paper's N is `population / 2`. There are no bounds, and so no repair of genes.

use super::duels::{Duels, LEAST};
use super::options::{even_population, SIGMA};
use super::success_history::{Rule, SuccessHistory};
use super::{Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::Result;
use crate::operator::Population;
use crate::params::{Params, Range};
use crate::state::State;

const NAME: &str = "shade";

struct Shade {
    history: SuccessHistory,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: NAME,
    summary: "differential evolution whose scale and crossover rate follow what succeeded",
    reference: "Tanabe & Fukunaga 2013",
    build: |params, context| Ok(Box::new(Shade::read(params, context.subset.size))),
};

/// Its promises. What succeeded is weighed by what it gained, so losses count by their value.
pub(super) const CONTRACT: Contract = Contract {
    name: NAME,
    rank_based: false,
    least_population: Some(2 * LEAST as u64),
    solves: &[
        Solve::new("sphere", 10, 1e-6, 10_000),
        Solve::new("ellipsoid", 10, 1e-6, 15_000),
        Solve::new("rastrigin", 5, 1e-6, 20_000),
        Solve::new("rosenbrock", 5, 1e-6, 20_000),
        Solve::new("schwefel", 5, 1e-4, 12_000).with("sigma = 2.0"),
    ],
};

impl Shade {
    /// Defaults: `population` 64 (even: 32 parents; the paper has 100), `memory` 100 slots as in the paper, `archive` 1 for each
    /// parent as in the paper; `sigma` 0.1 is the spread of the first parents around the start.
    fn read(params: &Params<'_>, k: usize) -> Self {
        let n = even_population(params, 64, 2 * LEAST as u64, "each parent has one trial");
        let sigma = params.float("sigma", Some(SIGMA), Range::AboveUpTo(0.0, 1000.0));
        let slots = params.integer("memory", Some(100), 1..=1_000_000) as usize;
        let archive = params.float("archive", Some(1.0), Range::Within(0.0, 100.0));
        let duels = Duels::new(NAME, n / 2, k, sigma);
        Shade { history: SuccessHistory::new(NAME, Rule::Shade, duels, slots, archive) }
    }
}

impl Strategy for Shade {
    fn population(&self) -> usize {
        self.history.duels.members()
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let seed = now.seed;
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
