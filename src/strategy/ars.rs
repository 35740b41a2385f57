//! Augmented random search (Mania, Guy & Recht 2018, Algorithm 2): steps along the best antithetic pairs, scaled by the
//! deviation of their losses.
//!
//! Members `2p` and `2p + 1` are `mean + sigma z` and `mean - sigma z`. Of all pairs the `top` are kept whose better member is
//! best; with the standard deviation `s` of the kept members' losses,
//! `mean -= lr / (kept s) * sum over the kept of (loss+ - loss-) z`.
//!
//! The paper's versions V1 and V2 differ in whether a policy's observations are normalised. Images are normalised once, for
//! all, so that here V1 and V2 are one algorithm, as in evosax; `top` = 1.0 is the paper's ARS V1 and V2, less is its V1-t
//! and V2-t. The paper divides by the deviation of rewards; losses have the same.

use super::options::{even_population, finite, Decayed, PAIRS};
use super::samples::{check_reach, collapsed, Samples, Spread};
use super::{fitness::rank_told, Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::Result;
use crate::num::mean;
use crate::operator::Population;
use crate::params::{Amount, Params, Range};
use crate::state::State;

struct Ars {
    n: usize,
    top: Amount,
    sigma: Decayed,
    learning_rate: Decayed,
    generation: u64,
    mean: Vec<f64>,
    /// The mean as f32.
    incumbent: Vec<f32>,
    samples: Samples,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "ars",
    summary: "steps along the best antithetic pairs, scaled by the deviation of their losses",
    reference: "Mania et al. 2018",
    build: |params, context| Ok(Box::new(Ars::read(params, context.subset.size))),
};

/// Its promises. The step sizes only follow their schedules.
pub(super) const CONTRACT: Contract = Contract {
    name: "ars",
    rank_based: false,
    least_population: Some(2),
    solves: &[Solve::new("sphere", 10, 1e-6, 12_000).with("lr = 0.3\nlr_decay = 0.95\nsigma_decay = 0.95")],
};

impl Ars {
    /// Defaults: `population` 64 (even), `top` 0.5 of the pairs as in evosax (the paper tunes it), `sigma` 0.1, `lr` 0.02 as in
    /// most rows of the paper's Table 9, `lr_decay` and `sigma_decay` 1, factors for each generation.
    fn read(params: &Params<'_>, k: usize) -> Self {
        Ars {
            n: even_population(params, 64, 2, PAIRS),
            top: params.amount("top", Some(Amount::Fraction(0.5))),
            sigma: Decayed::sigma(params),
            learning_rate: Decayed::of(params, "lr_decay", params.float("lr", Some(0.02), Range::Above(0.0))),
            generation: 0,
            mean: vec![0.0; k],
            incumbent: vec![0.0; k],
            samples: Samples::default(),
        }
    }

    fn spread(&self) -> Spread<'static> {
        Spread::One(self.sigma.at(self.generation))
    }

    /// Weights of the pairs' noise: `(loss+ - loss-) / (kept s)`, 0 for those that are not kept.
    fn weights(&self, losses: &[f32], order: &[usize]) -> Vec<f64> {
        let pairs = self.n / 2;
        let kept = self.top.of(pairs).max(1);
        // The first member of a pair that stands in the ranking is its better one.
        let mut keep = vec![false; pairs];
        order.iter().map(|member| member / 2).fold(0, |found, pair| {
            let new = found < kept && !keep[pair];
            keep[pair] |= new;
            found + usize::from(new)
        });
        // Without two finite losses there are no differences to take: ranks, so that a survivor still leads.
        let values = finite(losses).unwrap_or_else(|| {
            let mut ranks = vec![0.0; losses.len()];
            order.iter().enumerate().for_each(|(rank, member)| ranks[*member] = rank as f64);
            ranks
        });
        let of_kept: Vec<f64> =
            values.iter().enumerate().filter(|(member, _)| keep[member / 2]).map(|(_, value)| *value).collect();
        let centre = mean(&of_kept);
        let sd = (of_kept.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / of_kept.len() as f64).sqrt();
        // Equal losses have no direction.
        let scale = if sd > 0.0 { 1.0 / (kept as f64 * sd) } else { 0.0 };
        let weight =
            |(pair, of_pair): (usize, &[f64])| if keep[pair] { scale * (of_pair[0] - of_pair[1]) } else { 0.0 };
        values.chunks_exact(2).enumerate().map(weight).collect()
    }
}

impl Strategy for Ars {
    fn population(&self) -> usize {
        self.n
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let seed = now.seed;
        Ok(self.samples.pairs(self.n, &self.mean, self.spread(), seed))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let (k, learning_rate) = (self.mean.len(), self.learning_rate.at(self.generation));
        self.samples.asked("ars")?;
        let order = rank_told("ars", &asked, losses, (self.n, k), || {
            let sigma = self.sigma.at(self.generation);
            format!("lower `sigma` (now {sigma:.3e}) or `lr` (now {learning_rate:.3e})")
        })?;
        let sums = self.samples.sum(&self.weights(losses, &order), k);
        for ((mean, incumbent), sum) in self.mean.iter_mut().zip(&mut self.incumbent).zip(sums) {
            *mean -= learning_rate * sum;
            *incumbent = *mean as f32;
        }
        self.generation += 1;
        self.samples.give_back(asked);
        check_reach("ars", &self.mean, self.spread(), "lower `lr`")
    }

    fn incumbent(&self) -> &[f32] {
        &self.incumbent
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        vec![("sigma", self.sigma.at(self.generation)), ("lr", self.learning_rate.at(self.generation))]
    }

    fn stop(&self) -> Option<String> {
        collapsed(&self.mean, self.spread())
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_u64("ars.generation", &[self.generation]);
        state.put_f64("ars.mean", &self.mean);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let generation = state.u64s("ars.generation", 1)?[0];
        let mean = state.f64s("ars.mean", self.mean.len())?;
        self.incumbent = mean.iter().map(|mean| *mean as f32).collect();
        (self.generation, self.mean) = (generation, mean.to_vec());
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
        follow_evosax("ars", Ars::read, |es| &mut es.samples.noise, |_| &[]);
    }
}
