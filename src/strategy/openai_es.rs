//! OpenAI-ES (Salimans, Ho, Chen, Sidor & Sutskever 2017): a gradient estimated from antithetic pairs, followed by Adam.
//!
//! Members `2p` and `2p + 1` are `mean + sigma * z` and `mean - sigma * z`; with the members' fitness `u` (by default centred
//! ranks, 0.5 for the best), `gradient = -1 / (n sigma) * sum over pairs of (u[2p] - u[2p + 1]) z`, and Adam goes down it.
//! The step size is fixed, unless `sigma_decay` shrinks it by a factor each generation.

use super::options::{even_population, Decayed, Shaping, PAIRS};
use super::samples::{check_reach, collapsed, Samples, Spread};
use super::{fitness::rank_told, Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::Result;
use crate::operator::Population;
use crate::optimizer::{Adam, Decay, Optimizer};
use crate::params::{Params, Range};
use crate::state::State;

struct OpenAiEs {
    n: usize,
    shaping: Shaping,
    sigma: Decayed,
    learning_rate: Decayed,
    adam: Adam,
    generation: u64,
    mean: Vec<f32>,
    samples: Samples,
    gradient: Vec<f32>,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "openai-es",
    summary: "gradient estimated from antithetic pairs, followed by Adam",
    reference: "Salimans et al. 2017",
    build: |params, context| Ok(Box::new(OpenAiEs::read(params, context.subset.size))),
};

/// Its promises.
pub(super) const CONTRACT: Contract = Contract {
    name: "openai-es",
    rank_based: true,
    least_population: Some(2),
    solves: &[Solve::new("sphere", 10, 1e-6, 14_000).with("lr = 0.3\nlr_decay = 0.96\nsigma_decay = 0.96")],
};

impl OpenAiEs {
    /// Defaults: `population` 64 (even), `sigma` 0.1 (a tenth of the init std that genes are measured in), `fitness` centred
    /// ranks, Adam with `lr` 0.01 as in the paper's code and no `weight_decay` (in the gradient: it pulls to the untouched
    /// network), `lr_decay` and `sigma_decay` 1, factors for each generation.
    fn read(params: &Params<'_>, k: usize) -> Self {
        let decay = |p: &Params<'_>| Decay::Gradient(p.float("weight_decay", Some(0.0), Range::AtLeast(0.0)));
        let adam = Adam::read(params, k, 0.01, decay);
        OpenAiEs {
            n: even_population(params, 64, 2, PAIRS),
            shaping: Shaping::read(params, Shaping::CentredRank),
            sigma: Decayed::sigma(params),
            learning_rate: Decayed::of(params, "lr_decay", adam.learning_rate()),
            adam,
            generation: 0,
            mean: vec![0.0; k],
            samples: Samples::default(),
            gradient: vec![0.0; k],
        }
    }

    fn sigma_now(&self) -> f64 {
        self.sigma.at(self.generation)
    }

    fn learning_rate_now(&self) -> f64 {
        self.learning_rate.at(self.generation)
    }
}

impl Strategy for OpenAiEs {
    fn population(&self) -> usize {
        self.n
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let seed = now.seed;
        let spread = Spread::One(self.sigma_now());
        Ok(self.samples.pairs(self.n, &self.mean, spread, seed))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let (k, sigma, learning_rate) = (self.mean.len(), self.sigma_now(), self.learning_rate_now());
        self.samples.asked("openai-es")?;
        let order = rank_told("openai-es", &asked, losses, (self.n, k), || {
            format!("lower `sigma` (now {sigma:.3e}) or `lr` (now {learning_rate:.3e})")
        })?;
        let fitness = self.shaping.fitness(losses, &order);
        let weights: Vec<f64> = fitness.chunks_exact(2).map(|u| u[0] - u[1]).collect();
        let scale = -1.0 / (self.n as f64 * sigma);
        let sums = self.samples.sum(&weights, k);
        self.gradient.iter_mut().zip(sums).for_each(|(gradient, sum)| *gradient = (scale * sum) as f32);
        self.samples.give_back(asked);
        self.adam.step(&mut self.mean, &self.gradient, learning_rate);
        self.generation += 1;
        check_reach("openai-es", &self.mean, Spread::One(sigma), "lower `lr` or raise `sigma`")
    }

    fn incumbent(&self) -> &[f32] {
        &self.mean
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        let square: f64 = self.gradient.iter().map(|g| f64::from(*g).powi(2)).sum();
        vec![("sigma", self.sigma_now()), ("lr", self.learning_rate_now()), ("gradient_norm", square.sqrt())]
    }

    fn stop(&self) -> Option<String> {
        collapsed(&self.mean, Spread::One(self.sigma_now()))
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_u64("openai-es.generation", &[self.generation]);
        state.put_f32("openai-es.mean", &self.mean);
        state.nest("openai-es", self.adam.save());
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let generation = state.u64s("openai-es.generation", 1)?[0];
        let mean = state.f32s("openai-es.mean", self.mean.len())?;
        self.adam.load(&state.inner("openai-es"))?;
        (self.generation, self.mean) = (generation, mean.to_vec());
        self.samples.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::Progress;
    use crate::rng::Seed;
    use crate::strategy::testing::{build, follow_evosax};
    use serde_json::json;

    fn f32s(value: &serde_json::Value) -> Vec<f32> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
    }

    #[test]
    fn two_generations_give_the_numbers_of_the_reference_script() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/strategy_steps.json")).unwrap();
        let expected = &all["openai"];
        let (n, k) = (expected["n"].as_u64().unwrap() as usize, expected["k"].as_u64().unwrap() as usize);
        let mut given = json!({ "population": n });
        for key in ["lr", "lr_decay", "sigma", "sigma_decay", "weight_decay"] {
            given[key] = expected[key].clone();
        }
        let mut es = build(&given, |params| OpenAiEs::read(params, k));
        for (t, step) in expected["generations"].as_array().unwrap().iter().enumerate() {
            es.samples.noise = f32s(&step["noise"]);
            es.tell(Population::zeros(n, k), &f32s(&step["losses"])).unwrap();
            for (found, expected) in es.incumbent().iter().zip(step["mean_after"].as_array().unwrap()) {
                let expected = expected.as_f64().unwrap();
                assert!((f64::from(*found) - expected).abs() < 1e-8, "generation {t}: {found} against {expected}");
            }
        }
    }

    #[test]
    fn the_members_of_a_pair_lie_opposite_each_other_at_the_asked_spread() {
        let k = 20_000;
        let mut es = build(&json!({ "population": 4, "sigma": 0.5 }), |params| OpenAiEs::read(params, k));
        es.mean.fill(8.0);
        let asked = es.ask(&Generation::blind(Progress { step: 0, used: 0.0 }, Seed::new(3))).unwrap();
        for pair in 0..2 {
            let (plus, minus) = (asked.member(2 * pair), asked.member(2 * pair + 1));
            assert!(plus.iter().zip(minus).all(|(plus, minus)| (plus + minus - 16.0).abs() < 4e-6));
            let variance = plus.iter().map(|gene| f64::from(gene - 8.0).powi(2)).sum::<f64>() / k as f64;
            assert!((variance - 0.25).abs() < 4.0 * 0.25 * (2.0 / k as f64).sqrt(), "{variance}");
        }
        assert_ne!(asked.member(0), asked.member(2), "pairs differ");
    }

    #[test]
    fn three_generations_give_the_numbers_of_evosax() {
        follow_evosax("openai-es", OpenAiEs::read, |es| &mut es.samples.noise, |_| &[]);
    }
}
