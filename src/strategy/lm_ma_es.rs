//! LM-MA-ES (Loshchilov, Glasmachers & Beyer 2019, Algorithm 2): the covariance as a product of `m` matrices of rank one,
//! so that a generation costs some `k ln k` operations a member, and correlations are learned at any k.
//!
//! Members are `mean + sigma d` with `d = z`, and then for each path `m_i` in turn `d = (1 - c_d,i) d + c_d,i m_i (m_i . d)`.
//! With the weighted mean `w` of the best members' `z`,
//! `p = (1 - c_s) p + sqrt(mu_eff c_s (2 - c_s)) w`, `m_i = (1 - c_c,i) m_i + sqrt(mu_eff c_c,i (2 - c_c,i)) w` and
//! `sigma *= exp(c_s / 2 (|p|^2 / k - 1))`; `c_s = 2 n / k`, `c_d,i = 1 / (1.5^(i-1) k)`, `c_c,i = n / (4^(i-1) k)`.
//!
//! The paper is about k from 128 on, where the rates are below 1. For fewer genes they are cut off at [`FASTEST`].

use rayon::prelude::*;

use super::fitness::rank_told;
use super::samples::REACH;
use super::{Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::{alone, dot};
use crate::operator::Population;
use crate::params::{Params, Range};
use crate::state::State;

/// The greatest rate of a path: at 1 it would forget everything at once.
const FASTEST: f64 = 0.5;

struct LmMaEs {
    n: usize,
    /// Of the best half, by rank; they add up to 1.
    weights: Vec<f64>,
    mu_eff: f64,
    mean: Vec<f64>,
    sigma: f64,
    /// Path of the step size (k).
    path: Vec<f64>,
    /// Paths of the covariance, (m, k), the fastest first.
    paths: Vec<f64>,
    generation: u64,
    /// The mean as f32.
    incumbent: Vec<f32>,
    /// Standard normals of the members that were asked for last, (n, k), and their steps `d`, (n, k); empty before the first.
    noise: Vec<f32>,
    steps: Vec<f64>,
    /// The memory of the genes that were told last.
    genes: Vec<f32>,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "lm-ma-es",
    summary: "matrix adaptation from a few paths: correlations of any number of genes",
    reference: "Loshchilov, Glasmachers & Beyer 2019",
    build: |params, context| Ok(Box::new(LmMaEs::read(params, context.subset.size))),
};

/// Its promises.
pub(super) const CONTRACT: Contract = Contract {
    name: "lm-ma-es",
    rank_based: true,
    least_population: Some(2),
    solves: &[
        Solve::new("sphere", 10, 1e-6, 20_000),
        Solve::new("rosenbrock", 10, 1e-8, 25_000).rotated(),
        Solve::new("sphere", 100, 1e-6, 16_000),
    ],
};

impl LmMaEs {
    /// Defaults from the paper: `population` and `paths` 4 + floor(3 ln k); `sigma` 0.1, a tenth of the init std that genes
    /// are measured in.
    fn read(params: &Params<'_>, k: usize) -> Self {
        let default = 4 + (3.0 * (k as f64).ln()) as u64;
        let n = params.integer("population", Some(default), super::POPULATION) as usize;
        let m = params.integer("paths", Some(default), 1..=1_000) as usize;
        let mu = n / 2;
        let raw: Vec<f64> = (1..=mu).map(|i| (mu as f64 + 0.5).ln() - (i as f64).ln()).collect();
        let sum: f64 = raw.iter().sum();
        let weights: Vec<f64> = raw.into_iter().map(|w| w / sum).collect();
        LmMaEs {
            n,
            mu_eff: 1.0 / weights.iter().map(|w| w * w).sum::<f64>(),
            weights,
            mean: vec![0.0; k],
            sigma: params.float("sigma", Some(0.1), Range::AboveUpTo(0.0, 1000.0)),
            path: vec![0.0; k],
            paths: vec![0.0; m * k],
            generation: 0,
            incumbent: vec![0.0; k],
            noise: Vec::new(),
            steps: Vec::new(),
            genes: Vec::new(),
        }
    }

    /// `c_d` of a path, from 0 on.
    fn c_d(&self, i: usize) -> f64 {
        (1.0 / (1.5f64.powi(i as i32) * self.mean.len() as f64)).min(FASTEST)
    }

    /// `c_c` of a path, from 0 on.
    fn c_c(&self, i: usize) -> f64 {
        (self.n as f64 / (4f64.powi(i as i32) * self.mean.len() as f64)).min(FASTEST)
    }

    /// Paths that have taken in a generation each: path `i` shapes members from generation `i + 1` on.
    fn shaping(&self) -> impl Iterator<Item = (f64, &[f64])> {
        let k = self.mean.len();
        let begun = usize::try_from(self.generation).unwrap_or(usize::MAX);
        self.paths.chunks_exact(k).enumerate().take(begun).map(|(i, path)| (self.c_d(i), path))
    }

    /// How much longer than `sigma |z|` a step can be: what the paths can stretch it.
    fn stretch(&self) -> f64 {
        let logs = self.shaping().map(|(c_d, path)| ((1.0 - c_d) + c_d * dot(path, path)).ln().max(0.0));
        logs.sum::<f64>().exp()
    }
}

impl Strategy for LmMaEs {
    fn population(&self) -> usize {
        self.n
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let seed = now.seed;
        let k = self.mean.len();
        let (mut genes, mut noise, mut steps) =
            (std::mem::take(&mut self.genes), std::mem::take(&mut self.noise), std::mem::take(&mut self.steps));
        genes.resize(self.n * k, 0.0);
        noise.resize(self.n * k, 0.0);
        steps.resize(self.n * k, 0.0);
        let members = genes.par_chunks_mut(k).zip(noise.par_chunks_mut(k)).zip(steps.par_chunks_mut(k)).enumerate();
        members.with_min_len(alone(k)).for_each(|(member, ((genes, noise), steps))| {
            seed.index(member as u64).rng().fill_normal(noise);
            steps.iter_mut().zip(noise).for_each(|(step, z)| *step = f64::from(*z));
            for (c_d, path) in self.shaping() {
                let along = c_d * dot(path, steps);
                steps.iter_mut().zip(path).for_each(|(step, path)| *step = (1.0 - c_d) * *step + along * path);
            }
            for ((gene, mean), step) in genes.iter_mut().zip(&self.mean).zip(steps) {
                *gene = (mean + self.sigma * *step) as f32;
            }
        });
        (self.noise, self.steps) = (noise, steps);
        Ok(Population::from_genes(genes, k))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let k = self.mean.len();
        if self.noise.is_empty() {
            return Err(Error::Learner("strategy `lm-ma-es`: told losses before it was asked for members".to_string()));
        }
        let order = rank_told("lm-ma-es", &asked, losses, (self.n, k), || {
            format!("lower `sigma` (the step size is now {:.3e})", self.sigma)
        })?;
        let (mut step, mut isotropic) = (vec![0.0; k], vec![0.0; k]);
        for (member, weight) in order.iter().zip(&self.weights) {
            let here = member * k..(member + 1) * k;
            step.iter_mut().zip(&self.steps[here.clone()]).for_each(|(sum, d)| *sum += weight * d);
            isotropic.iter_mut().zip(&self.noise[here]).for_each(|(sum, z)| *sum += weight * f64::from(*z));
        }
        let sigma = self.sigma;
        self.mean.iter_mut().zip(&step).for_each(|(mean, step)| *mean += sigma * step);
        let c_s = (2.0 * self.n as f64 / k as f64).min(FASTEST);
        let take = |path: &mut [f64], rate: f64, mu_eff: f64| {
            let grow = (mu_eff * rate * (2.0 - rate)).sqrt();
            path.iter_mut().zip(&isotropic).for_each(|(path, w)| *path = (1.0 - rate) * *path + grow * w);
        };
        take(&mut self.path, c_s, self.mu_eff);
        let rates: Vec<f64> = (0..self.paths.len() / k).map(|i| self.c_c(i)).collect();
        let mu_eff = self.mu_eff;
        self.paths.par_chunks_exact_mut(k).zip(rates).for_each(|(path, rate)| take(path, rate, mu_eff));
        self.sigma *= (0.5 * c_s * (dot(&self.path, &self.path) / k as f64 - 1.0)).exp();
        self.generation += 1;
        self.incumbent.iter_mut().zip(&self.mean).for_each(|(incumbent, mean)| *incumbent = *mean as f32);
        self.genes = asked.into_genes();
        // No step is longer than |z| times what the paths can stretch it.
        let reach = REACH * (k as f64).sqrt() * self.sigma * self.stretch();
        if !self.mean.iter().all(|mean| mean.abs() + reach < f64::from(f32::MAX)) {
            let message = "strategy `lm-ma-es`: it diverged beyond what f32 can hold: lower `sigma`";
            return Err(Error::Learner(message.to_string()));
        }
        Ok(())
    }

    fn incumbent(&self) -> &[f32] {
        &self.incumbent
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        vec![("sigma", self.sigma)]
    }

    fn stop(&self) -> Option<String> {
        // Steps along the paths are longer than `sigma`, so it goes on while the longest still moves a gene.
        let sigma = self.sigma;
        let longest = sigma * self.stretch();
        if self.mean.iter().any(|mean| (mean + longest) as f32 != *mean as f32) {
            return None;
        }
        Some(format!("the step size has shrunk to {sigma:.1e}: members no longer differ"))
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_f64("lm-ma-es.mean", &self.mean);
        state.put_f64("lm-ma-es.sigma", &[self.sigma]);
        state.put_f64("lm-ma-es.path", &self.path);
        state.put_f64("lm-ma-es.paths", &self.paths);
        state.put_u64("lm-ma-es.generation", &[self.generation]);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let k = self.mean.len();
        let (mean, path) = (state.f64s("lm-ma-es.mean", k)?, state.f64s("lm-ma-es.path", k)?);
        let paths = state.f64s("lm-ma-es.paths", self.paths.len())?;
        let (sigma, generation) = (state.f64s("lm-ma-es.sigma", 1)?[0], state.u64s("lm-ma-es.generation", 1)?[0]);
        self.incumbent = mean.iter().map(|mean| *mean as f32).collect();
        (self.mean, self.path, self.paths) = (mean.to_vec(), path.to_vec(), paths.to_vec());
        (self.sigma, self.generation) = (sigma, generation);
        self.noise.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::Progress;
    use crate::rng::Seed;

    fn es(k: usize) -> LmMaEs {
        let problems = crate::params::Problems::default();
        let table = crate::params::Table::default();
        LmMaEs::read(&Params::new(&table, crate::params::Origin::Default, "", &problems), k)
    }

    /// A generation by the definition, with each path as a whole matrix `(1 - c) I + c m m'`.
    #[test]
    fn a_generation_is_that_of_the_matrices() {
        let k = 5;
        let mut es = es(k);
        for step in 0..4 {
            let [sigma, generation] = [es.sigma, es.generation as f64];
            let (mean, path, paths) = (es.mean.clone(), es.path.clone(), es.paths.clone());
            let asked = es.ask(&Generation::blind(Progress { step, used: 0.0 }, Seed::new(2).index(step))).unwrap();
            let losses: Vec<f32> = asked.members().map(|genes| genes[0] + 3.0 * genes[1] * genes[1]).collect();
            for (member, genes) in asked.members().enumerate() {
                let mut d: Vec<f64> = es.noise[member * k..(member + 1) * k].iter().map(|z| f64::from(*z)).collect();
                for (i, m) in paths.chunks_exact(k).enumerate().take(generation as usize) {
                    // 1 / k of the first path is below the fastest rate, 0.5.
                    let c = 1.0 / (1.5f64.powi(i as i32) * k as f64);
                    let entry =
                        |row: usize, column: usize| c * m[row] * m[column] + if row == column { 1.0 - c } else { 0.0 };
                    d = (0..k).map(|row| (0..k).map(|column| entry(row, column) * d[column]).sum()).collect();
                }
                for (j, gene) in genes.iter().enumerate() {
                    let expected = mean[j] + sigma * d[j];
                    assert!((f64::from(*gene) - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{step}, {member}");
                }
            }
            let order = crate::strategy::fitness::rank(&losses);
            let noise = es.noise.clone();
            es.tell(asked, &losses).unwrap();
            let w = |j: usize| order.iter().zip(&es.weights).map(|(m, w)| w * f64::from(noise[m * k + j])).sum::<f64>();
            // Eight members of five genes: n / k and 2 n / k are cut off at 0.5, n / (4 k) is not.
            assert_eq!((es.n, es.c_c(0), es.c_c(1)), (8, 0.5, 0.4));
            for j in 0..k {
                let next = |old: f64, c: f64| (1.0 - c) * old + (es.mu_eff * c * (2.0 - c)).sqrt() * w(j);
                assert!((es.path[j] - next(path[j], 0.5)).abs() < 1e-12);
                for (i, c) in [0.5, 0.4, 0.1, 0.025].into_iter().enumerate() {
                    assert!((es.paths[i * k + j] - next(paths[i * k + j], c)).abs() < 1e-12, "path {i}");
                }
            }
            let square: f64 = es.path.iter().map(|p| p * p).sum();
            let expected = sigma * (0.25 * (square / k as f64 - 1.0)).exp();
            assert!((es.sigma - expected).abs() < 1e-12 * expected);
        }
    }

    #[test]
    fn it_stops_where_members_no_longer_differ() {
        let mut es = es(3);
        es.mean = vec![1.0, -2.0, 4.0];
        assert_eq!(es.stop(), None);
        es.sigma = 1e-9;
        assert!(es.stop().unwrap().contains("1.0e-9"), "{:?}", es.stop());
    }
}
