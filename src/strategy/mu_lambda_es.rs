//! (mu/mu, lambda)-ES with cumulative step-size adaptation (Ostermeier, Gawelczyk & Hansen 1994), in the form of Hansen,
//! Arnold & Auger 2015, section 3.4, with one step size for all genes.
//!
//! Of `lambda` members `mean + sigma z` the best `mu` are averaged: with the mean `a` of their `z`,
//! `mean += sigma a`, the search path is `path = (1 - c) path + sqrt(mu c (2 - c)) a`, and
//! `sigma *= exp(c / d (|path| / E|N(0, I)| - 1))`. A path that is longer than that of random steps says that steps should be
//! longer. Self-adaptation and a step size for each gene are left out: `snes` and the CMA family have the latter.

use super::cumulation::expected_length;
use super::options::SIGMA;
use super::samples::{check_reach, collapsed, Samples, Spread};
use super::{fitness::rank_told, Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::Result;
use crate::operator::Population;
use crate::params::{Amount, Params, Range};
use crate::state::State;

struct MuLambdaEs {
    n: usize,
    parents: Amount,
    mean: Vec<f64>,
    path: Vec<f64>,
    sigma: f64,
    /// The mean as f32.
    incumbent: Vec<f32>,
    samples: Samples,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "mu-lambda-es",
    summary: "the mean of the best members, with cumulative step-size adaptation",
    reference: "Ostermeier et al. 1994; Hansen et al. 2015",
    build: |params, context| Ok(Box::new(MuLambdaEs::read(params, context.subset.size))),
};

/// Its promises.
pub(super) const CONTRACT: Contract = Contract {
    name: "mu-lambda-es",
    rank_based: true,
    least_population: Some(2),
    solves: &[
        Solve::new("sphere", 10, 1e-6, 2_000),
        Solve::new("sphere", 100, 1e-6, 13_000),
        Solve::new("sphere", 2, 1e-6, 1_000),
    ],
};

impl MuLambdaEs {
    /// Defaults: `population` (lambda) 4 + floor(3 ln k) as in CMA-ES, `parents` (mu) 0.25 of them and the constants `c` =
    /// sqrt(mu / (k + mu)) and `d` = 1 + sqrt(mu / k) of Hansen et al. 2015, `sigma` 0.1.
    fn read(params: &Params<'_>, k: usize) -> Self {
        let n = 4 + (3.0 * (k as f64).ln()) as u64;
        MuLambdaEs {
            n: params.integer("population", Some(n), super::POPULATION) as usize,
            parents: params.amount("parents", Some(Amount::Fraction(0.25))),
            mean: vec![0.0; k],
            path: vec![0.0; k],
            sigma: params.float("sigma", Some(SIGMA), Range::AboveUpTo(0.0, 1000.0)),
            incumbent: vec![0.0; k],
            samples: Samples::default(),
        }
    }
}

impl Strategy for MuLambdaEs {
    fn population(&self) -> usize {
        self.n
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let seed = now.seed;
        Ok(self.samples.single(self.n, &self.mean, Spread::One(self.sigma), seed))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let genes = self.mean.len();
        self.samples.asked("mu-lambda-es")?;
        let order = rank_told("mu-lambda-es", &asked, losses, (self.n, genes), || {
            format!("lower `sigma` (now {:.3e})", self.sigma)
        })?;
        // A member that failed is no parent.
        let survivors = losses.iter().filter(|loss| !loss.is_nan()).count();
        let parents = self.parents.of(self.n).clamp(1, survivors);
        let mut weights = vec![0.0; self.n];
        order[..parents].iter().for_each(|member| weights[*member] = 1.0 / parents as f64);
        let step = self.samples.sum(&weights, genes);
        let (mu, k) = (parents as f64, genes as f64);
        let (c, d) = ((mu / (k + mu)).sqrt(), 1.0 + (mu / k).sqrt());
        let pull = (mu * c * (2.0 - c)).sqrt();
        let distribution = self.mean.iter_mut().zip(&mut self.path).zip(&mut self.incumbent);
        for (((mean, path), incumbent), step) in distribution.zip(step) {
            *mean += self.sigma * step;
            *path = (1.0 - c) * *path + pull * step;
            *incumbent = *mean as f32;
        }
        let length = self.path.iter().map(|x| x * x).sum::<f64>().sqrt();
        self.sigma *= (c / d * (length / expected_length(k) - 1.0)).exp();
        self.samples.give_back(asked);
        check_reach("mu-lambda-es", &self.mean, Spread::One(self.sigma), "lower `sigma`")
    }

    fn incumbent(&self) -> &[f32] {
        &self.incumbent
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        vec![("sigma", self.sigma)]
    }

    fn stop(&self) -> Option<String> {
        collapsed(&self.mean, Spread::One(self.sigma))
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_f64("mu-lambda-es.mean", &self.mean);
        state.put_f64("mu-lambda-es.path", &self.path);
        state.put_f64("mu-lambda-es.sigma", &[self.sigma]);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let k = self.mean.len();
        let (mean, path) = (state.f64s("mu-lambda-es.mean", k)?, state.f64s("mu-lambda-es.path", k)?);
        self.sigma = state.f64s("mu-lambda-es.sigma", 1)?[0];
        self.incumbent = mean.iter().map(|mean| *mean as f32).collect();
        (self.mean, self.path) = (mean.to_vec(), path.to_vec());
        self.samples.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_generation_follows_the_formulas() {
        let mut es = MuLambdaEs {
            n: 4,
            parents: Amount::Count(2),
            mean: vec![1.0, -1.0],
            path: vec![0.5, 0.0],
            sigma: 0.5,
            incumbent: vec![0.0; 2],
            samples: Samples::default(),
        };
        es.samples.noise = vec![1.0, 0.0, 9.0, 9.0, 0.0, 2.0, 9.0, 9.0];
        // Members 2 and 0 are the best: their noise has the mean (0.5, 1).
        es.tell(Population::zeros(4, 2), &[0.2, f32::NAN, 0.1, 0.3]).unwrap();
        assert_eq!(es.mean, [1.25, -0.5]);
        // mu = k = 2: c = sqrt(1/2), d = 2.
        let c = 0.5f64.sqrt();
        let pull = (2.0 * c * (2.0 - c)).sqrt();
        let path = [(1.0 - c) * 0.5 + pull * 0.5, pull];
        assert!(es.path.iter().zip(path).all(|(found, expected)| (found - expected).abs() < 1e-15), "{:?}", es.path);
        // E|N(0, I)| in two dimensions is sqrt(pi / 2).
        let length = path[0].hypot(path[1]) / std::f64::consts::FRAC_PI_2.sqrt();
        assert!((es.sigma / (0.5 * (c / 2.0 * (length - 1.0)).exp()) - 1.0).abs() < 2e-3, "{}", es.sigma);
    }
}
