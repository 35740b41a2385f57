//! PGPE: policy gradients with parameter-based exploration (Sehnke, Osendorfer, Rückstieß, Graves, Peters & Schmidhuber
//! 2010), with symmetric samples, and ClipUp on the mean (Toklu, Liskowski & Srivastava 2020).
//!
//! Members `2p` and `2p + 1` are `mean + sigma z` and `mean - sigma z`. With their fitness `f+` and `f-` (greater is
//! better) and the mean fitness `b` of all, averages over pairs estimate the gradients (Sehnke et al., section 2.3)
//!
//! ```text
//! mean:   sigma z (f+ - f-) / 2
//! sigma:  sigma (z^2 - 1) ((f+ + f-) / 2 - b)
//! ```
//!
//! ClipUp goes up the first. Each step size goes up the second by `lr_sigma`, and by at most a share of itself.

use super::options::{even_population, Decayed, Shaping, PAIRS, SIGMA};
use super::samples::{check_reach, collapsed, extent, Samples, Spread};
use super::{fitness::rank_told, Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::Result;
use crate::operator::Population;
use crate::optimizer::{ClipUp, Optimizer};
use crate::params::{Params, Range};
use crate::state::State;

struct Pgpe {
    n: usize,
    shaping: Shaping,
    lr_sigma: f64,
    max_change: f64,
    optimizer: ClipUp,
    learning_rate: Decayed,
    generation: u64,
    mean: Vec<f32>,
    sigma: Vec<f64>,
    samples: Samples,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "pgpe",
    summary: "gradients of mean and step sizes estimated from antithetic pairs, followed by ClipUp",
    reference: "Sehnke et al. 2010; Toklu et al. 2020",
    build: |params, context| Ok(Box::new(Pgpe::read(params, context.subset.size))),
};

/// Its promises.
pub(super) const CONTRACT: Contract = Contract {
    name: "pgpe",
    rank_based: true,
    least_population: Some(4),
    solves: &[Solve::new("sphere", 10, 1e-6, 18_000).with("lr = 0.5\nlr_decay = 0.97\nlr_sigma = 0.4")],
};

impl Pgpe {
    /// Defaults: `population` 64 (even, at least 4: one pair says nothing of step sizes), `sigma` 0.1, `fitness` centred ranks, `lr_sigma` 0.1 as in evosax and
    /// `max_change` 0.2 as in EvoTorch and evosax, the most that a step size changes by in a generation. ClipUp (Toklu et al. 2020, section 3):
    /// `momentum` 0.9, `max_speed` `sigma sqrt(k) / 15`, a fifteenth of the search distribution's radius at the start, and
    /// `lr` half of that. `lr_decay` 1 is a factor for each generation, on `lr` and `max_speed` alike; `weight_decay` 0 acts in
    /// the gradient and pulls to the untouched network.
    fn read(params: &Params<'_>, k: usize) -> Self {
        let sigma = params.float("sigma", Some(SIGMA), Range::AboveUpTo(0.0, 1000.0));
        let optimizer = ClipUp::read(params, k, sigma * (k as f64).sqrt() / 30.0);
        Pgpe {
            n: even_population(params, 64, 4, PAIRS),
            shaping: Shaping::read(params, Shaping::CentredRank),
            lr_sigma: params.float("lr_sigma", Some(0.1), Range::AtLeast(0.0)),
            max_change: params.float("max_change", Some(0.2), Range::FromBelow(0.0, 1.0)),
            learning_rate: Decayed::of(params, "lr_decay", optimizer.learning_rate()),
            generation: 0,
            optimizer,
            mean: vec![0.0; k],
            sigma: vec![sigma; k],
            samples: Samples::default(),
        }
    }
}

impl Strategy for Pgpe {
    fn population(&self) -> usize {
        self.n
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let seed = now.seed;
        Ok(self.samples.pairs(self.n, &self.mean, Spread::Each(&self.sigma), seed))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let k = self.mean.len();
        self.samples.asked("pgpe")?;
        let order = rank_told("pgpe", &asked, losses, (self.n, k), || {
            let sigma = extent(&self.sigma)[1];
            format!("lower `sigma` (its geometric mean is now {sigma:.3e}), `lr` or `lr_sigma`")
        })?;
        let fitness = self.shaping.fitness(losses, &order);
        let (baseline, pairs) = (crate::num::mean(&fitness), self.n as f64 / 2.0);
        let of_mean: Vec<f64> = fitness.chunks_exact(2).map(|f| 0.5 * (f[0] - f[1]) / pairs).collect();
        let of_sigma: Vec<f64> = fitness.chunks_exact(2).map(|f| (0.5 * (f[0] + f[1]) - baseline) / pairs).collect();
        let (first, second) = self.samples.sums(&of_mean, &of_sigma, k);
        let downhill: Vec<f32> = first.iter().zip(&self.sigma).map(|(sum, sigma)| -(sum * sigma) as f32).collect();
        self.optimizer.step(&mut self.mean, &downhill, self.learning_rate.at(self.generation));
        self.generation += 1;
        for (sigma, sum) in self.sigma.iter_mut().zip(second) {
            let change = (self.lr_sigma * sum).clamp(-self.max_change, self.max_change);
            *sigma *= 1.0 + change;
        }
        self.samples.give_back(asked);
        check_reach("pgpe", &self.mean, Spread::Each(&self.sigma), "lower `lr` or `lr_sigma`")
    }

    fn incumbent(&self) -> &[f32] {
        &self.mean
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        let [least, mean, greatest] = extent(&self.sigma);
        let learning_rate = self.learning_rate.at(self.generation);
        vec![("sigma", mean), ("sigma_min", least), ("sigma_max", greatest), ("lr", learning_rate)]
    }

    fn stop(&self) -> Option<String> {
        collapsed(&self.mean, Spread::Each(&self.sigma))
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_u64("pgpe.generation", &[self.generation]);
        state.put_f32("pgpe.mean", &self.mean);
        state.put_f64("pgpe.sigma", &self.sigma);
        state.nest("pgpe", self.optimizer.save());
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let (generation, k) = (state.u64s("pgpe.generation", 1)?[0], self.mean.len());
        let (mean, sigma) = (state.f32s("pgpe.mean", k)?, state.f64s("pgpe.sigma", k)?);
        self.optimizer.load(&state.inner("pgpe"))?;
        (self.generation, self.mean, self.sigma) = (generation, mean.to_vec(), sigma.to_vec());
        self.samples.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::testing::follow_evosax;

    #[test]
    fn three_generations_give_the_numbers_of_evosax() {
        follow_evosax("pgpe", Pgpe::read, |es| &mut es.samples.noise, |es| &es.sigma);
    }
}
