//! OpenAI-ES (Salimans, Ho, Chen, Sidor & Sutskever 2017): a gradient estimated from antithetic pairs, followed by Adam.
//!
//! Members `2p` and `2p + 1` are `mean + sigma * z` and `mean - sigma * z`; with centred ranks `u` (0.5 for the best),
//! `gradient = -1 / (n sigma) * sum over pairs of (u[2p] - u[2p + 1]) z`, and Adam goes down it. The step size is fixed,
//! unless `sigma_decay` shrinks it by a factor each generation.
//!
//! `z` is kept from ask to tell, one f32 for each gene and pair: the difference of a pair would lose bits wherever the
//! genes were rounded, and drawing again costs four to six times the read.

use rayon::prelude::*;

use super::fitness::{alone, block, by_member, centred_ranks, fours, rank_told, BLOCK};
use super::{Contract, Solve, Strategy, StrategyContext, Target};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::wide;
use crate::operator::{Population, Progress};
use crate::optimizer::{Adam, Decay, Optimizer};
use crate::params::{Params, Range};
use crate::rng::Seed;
use crate::state::State;

struct OpenAiEs {
    n: usize,
    utilities: Vec<f64>,
    sigma: f64,
    sigma_decay: f64,
    lr_decay: f64,
    adam: Adam,
    generation: u64,
    mean: Vec<f32>,
    /// Standard normals of the pairs that were asked for last, (n / 2, k); empty before the first.
    noise: Vec<f32>,
    /// The memory of the genes that were told last.
    genes: Vec<f32>,
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
    solves: &[Solve {
        function: "sphere",
        dim: 10,
        rotate: false,
        target: Target::Value(1.0),
        evaluations: 20_000,
        params: "sigma = 0.1",
    }],
};

impl OpenAiEs {
    /// Defaults: `population` 64 (even), `sigma` 0.1 (a tenth of the init std that genes are measured in), Adam with
    /// `lr` 0.01 as in the paper's code and no `weight_decay` (in the gradient: it pulls to the untouched network),
    /// `lr_decay` and `sigma_decay` 1, factors for each generation.
    fn read(params: &Params<'_>, k: usize) -> Self {
        let n = params.integer("population", Some(64), super::POPULATION);
        if n % 2 == 1 {
            let message = format!("`population` = {n}: must be even, because members come in antithetic pairs");
            params.problem("population", message, Some(format!("set {} or {}", n - 1, n + 1)));
        }
        let decay = |p: &Params<'_>| Decay::Gradient(p.float("weight_decay", Some(0.0), Range::AtLeast(0.0)));
        OpenAiEs {
            n: n as usize,
            utilities: centred_ranks(n as usize),
            sigma: params.float("sigma", Some(0.1), Range::AboveUpTo(0.0, 1000.0)),
            sigma_decay: params.float("sigma_decay", Some(1.0), Range::AboveUpTo(0.0, 1.0)),
            lr_decay: params.float("lr_decay", Some(1.0), Range::AboveUpTo(0.0, 1.0)),
            adam: Adam::read(params, k, 0.01, decay),
            generation: 0,
            mean: vec![0.0; k],
            noise: Vec::new(),
            genes: Vec::new(),
            gradient: vec![0.0; k],
        }
    }

    fn sigma_now(&self) -> f64 {
        self.sigma * self.sigma_decay.powf(self.generation as f64)
    }

    fn learning_rate_now(&self) -> f64 {
        self.adam.learning_rate() * self.lr_decay.powf(self.generation as f64)
    }
}

/// Sums of `u z` over pairs, taken in four at a time.
#[inline(always)]
fn add(z: [&[f32]; 4], u: [f64; 4], sums: &mut [f64]) {
    let z = z.map(|z| &z[..sums.len()]);
    for j in 0..sums.len() {
        for i in 0..4 {
            sums[j] += u[i] * f64::from(z[i][j]);
        }
    }
}

impl Strategy for OpenAiEs {
    fn population(&self) -> usize {
        self.n
    }

    fn ask(&mut self, _: Progress, seed: Seed) -> Result<Population> {
        let (k, sigma) = (self.mean.len(), self.sigma_now());
        let mut genes = std::mem::take(&mut self.genes);
        genes.resize(self.n * k, 0.0);
        self.noise.resize(self.n / 2 * k, 0.0);
        let pairs = genes.par_chunks_mut(2 * k).zip(self.noise.par_chunks_mut(k)).enumerate();
        pairs.with_min_len(alone(k)).for_each(|(pair, (genes, noise))| {
            let mut rng = seed.index(pair as u64).rng();
            let (plus, minus) = genes.split_at_mut(k);
            let genes = plus.chunks_mut(BLOCK).zip(minus.chunks_mut(BLOCK));
            for ((genes, noise), mean) in genes.zip(noise.chunks_mut(BLOCK)).zip(self.mean.chunks(BLOCK)) {
                rng.fill_normal(noise);
                wide(
                    #[inline(always)]
                    || {
                        for (((plus, minus), z), mean) in genes.0.iter_mut().zip(genes.1).zip(noise).zip(mean) {
                            let (mean, step) = (f64::from(*mean), sigma * f64::from(*z));
                            (*plus, *minus) = ((mean + step) as f32, (mean - step) as f32);
                        }
                    },
                );
            }
        });
        Ok(Population::from_genes(genes, k))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let (k, sigma) = (self.mean.len(), self.sigma_now());
        if self.noise.is_empty() {
            let message = "strategy `openai-es`: told losses before it was asked for members";
            return Err(Error::Learner(message.to_string()));
        }
        let order = rank_told("openai-es", &asked, losses, (self.n, k), || {
            format!("lower `sigma` (now {sigma:.3e}) or `lr` (now {:.3e})", self.learning_rate_now())
        })?;
        let utilities = by_member(&self.utilities, &order);
        let weights: Vec<f64> = utilities.chunks_exact(2).map(|u| u[0] - u[1]).collect();
        let (noise, scale, size) = (&self.noise, -1.0 / (self.n as f64 * sigma), block(k));
        let blocks = self.gradient.par_chunks_mut(size).enumerate().with_min_len(alone(size * weights.len()));
        blocks.for_each(|(block, gradient)| {
            let mut sums = [0.0; BLOCK];
            let sums = &mut sums[..gradient.len()];
            wide(
                #[inline(always)]
                || {
                    for (z, u) in fours(noise, k, block * size..block * size + sums.len(), &weights) {
                        add(z, u, sums);
                    }
                    gradient.iter_mut().zip(sums).for_each(|(gradient, sum)| *gradient = (scale * *sum) as f32);
                },
            );
        });
        self.genes = asked.into_genes();
        let learning_rate = self.learning_rate_now();
        self.adam.step(&mut self.mean, &self.gradient, learning_rate);
        self.generation += 1;
        // No early end, so that many are looked at together; NaN is not below anything.
        let below = |mean: &f32| f64::from(mean.abs()) + 7.0 * sigma < f64::from(f32::MAX);
        if !self.mean.iter().fold(true, |all, mean| all & below(mean)) {
            let message = "strategy `openai-es`: it diverged beyond what f32 can hold: lower `lr` or raise `sigma`";
            return Err(Error::Learner(message.to_string()));
        }
        Ok(())
    }

    fn incumbent(&self) -> &[f32] {
        &self.mean
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        let square: f64 = self.gradient.iter().map(|g| f64::from(*g).powi(2)).sum();
        vec![("sigma", self.sigma_now()), ("lr", self.learning_rate_now()), ("gradient_norm", square.sqrt())]
    }

    fn stop(&self) -> Option<String> {
        let sigma = self.sigma_now();
        let moves = |mean: &f32| (f64::from(*mean) + sigma) as f32 != *mean;
        if sigma >= f64::from(f32::MIN_POSITIVE) && self.mean.iter().any(moves) {
            return None;
        }
        Some(format!("the step size has shrunk to {sigma:.1e}: members no longer differ"))
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
        self.noise.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{read_table, Key, Node, Origin, Problems, Table, Value};

    fn f32s(value: &serde_json::Value) -> Vec<f32> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
    }

    fn build(k: usize, given: &[(&str, f64)]) -> OpenAiEs {
        let node = |name: &str, x: f64| {
            let value = if name == "population" { Value::Integer(x as i64) } else { Value::Float(x) };
            (Key { name: name.to_string(), origin: Origin::Default }, Node::new(value))
        };
        let table = Table { entries: given.iter().map(|(name, x)| node(name, *x)).collect() };
        let problems = Problems::default();
        let (built, _) = read_table(&table, Origin::Default, "", &problems, |params| OpenAiEs::read(params, k));
        assert!(problems.is_empty(), "{:?}", problems.into_vec());
        built
    }

    #[test]
    fn two_generations_give_the_numbers_of_the_reference_script() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/strategy_steps.json")).unwrap();
        let expected = &all["openai"];
        let (n, k) = (expected["n"].as_u64().unwrap() as usize, expected["k"].as_u64().unwrap() as usize);
        let mut given = vec![("population", n as f64)];
        for key in ["lr", "lr_decay", "sigma", "sigma_decay", "weight_decay"] {
            given.push((key, expected[key].as_f64().unwrap()));
        }
        let mut es = build(k, &given);
        for (t, step) in expected["generations"].as_array().unwrap().iter().enumerate() {
            es.noise = f32s(&step["noise"]);
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
        let mut es = build(k, &[("population", 4.0), ("sigma", 0.5)]);
        es.mean.fill(8.0);
        let asked = es.ask(Progress { step: 0, used: 0.0 }, Seed::new(3)).unwrap();
        for pair in 0..2 {
            let (plus, minus) = (asked.member(2 * pair), asked.member(2 * pair + 1));
            assert!(plus.iter().zip(minus).all(|(plus, minus)| (plus + minus - 16.0).abs() < 4e-6));
            let variance = plus.iter().map(|gene| f64::from(gene - 8.0).powi(2)).sum::<f64>() / k as f64;
            assert!((variance - 0.25).abs() < 4.0 * 0.25 * (2.0 / k as f64).sqrt(), "{variance}");
        }
        assert_ne!(asked.member(0), asked.member(2), "pairs differ");
    }
}
