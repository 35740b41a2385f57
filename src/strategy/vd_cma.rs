//! VD-CMA (Akimoto, Auger & Hansen 2014): CMA-ES with the covariance `D (I + v v') D`, 2 k numbers: a scale for each gene and
//! one axis that no gene lies along.
//!
//! Members are `mean + sigma D y`, `y = (I + v v')^(1/2) z`. Weights, paths and step size are those of CMA-ES (`cumulation.rs`)
//! without negative weights, D and v follow the natural gradient (`diagonal_and_axis.rs`) of the best members with `c_mu` and of the
//! path with `c_1`; both rates are those of CMA-ES times `max((k - 5) / 6, 1/2)`.

use rayon::prelude::*;

use super::cumulation::{Paths, Rates};
use super::diagonal_and_axis::DiagonalAndAxis;
use super::fitness::rank_told;
use super::samples::{collapsed, Spread, REACH};
use super::{Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::alone;
use crate::operator::Population;
use crate::params::{Params, Range};
use crate::state::State;

struct VdCma {
    rates: Rates,
    paths: Paths,
    mean: Vec<f64>,
    model: DiagonalAndAxis,
    /// The mean as f32.
    incumbent: Vec<f32>,
    /// Standard normals of the members that were asked for last, (n, k), and their `y`, (n, k); empty before the first.
    noise: Vec<f32>,
    steps: Vec<f64>,
    /// The memory of the genes that were told last.
    genes: Vec<f32>,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "vd-cma",
    summary: "covariance matrix adaptation of a diagonal and one axis",
    reference: "Akimoto, Auger & Hansen 2014",
    build: |params, context| Ok(Box::new(VdCma::read(params, context.subset.size))),
};

/// Its promises.
pub(super) const CONTRACT: Contract = Contract {
    name: "vd-cma",
    rank_based: true,
    least_population: Some(2),
    solves: &[
        Solve::new("sphere", 10, 1e-8, 5_000),
        Solve::new("ellipsoid", 10, 1e-6, 20_000),
        Solve::new("rosenbrock", 10, 1e-8, 30_000),
        Solve::new("sphere", 100, 1e-8, 20_000),
        Solve::new("cigar", 20, 1e-8, 12_000),
    ],
};

impl VdCma {
    /// Defaults: `population` 4 + floor(3 ln k) as in the paper; `sigma` 0.1, a tenth of the init std that genes are measured in.
    fn read(params: &Params<'_>, k: usize) -> Self {
        let n = Rates::population(params, k);
        let sigma = params.float("sigma", Some(0.1), Range::AboveUpTo(0.0, 1000.0));
        VdCma {
            rates: Rates::new(n, k, ((k as f64 - 5.0) / 6.0).max(0.5), false),
            paths: Paths::new(sigma, k),
            mean: vec![0.0; k],
            model: DiagonalAndAxis::new(k),
            incumbent: vec![0.0; k],
            noise: Vec::new(),
            steps: Vec::new(),
            genes: Vec::new(),
        }
    }
}

impl Strategy for VdCma {
    fn population(&self) -> usize {
        self.rates.weights.len()
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let seed = now.seed;
        let (n, k, sigma) = (self.population(), self.mean.len(), self.paths.sigma);
        self.model.begin(seed);
        let mut genes = std::mem::take(&mut self.genes);
        genes.resize(n * k, 0.0);
        self.noise.resize(n * k, 0.0);
        self.steps.resize(n * k, 0.0);
        let (model, mean) = (&self.model, &self.mean);
        let members = genes.par_chunks_mut(k).zip(self.noise.par_chunks_mut(k)).zip(self.steps.par_chunks_mut(k));
        members.enumerate().with_min_len(alone(k)).for_each(|(member, ((genes, noise), steps))| {
            seed.index(member as u64).rng().fill_normal(noise);
            steps.iter_mut().zip(noise).for_each(|(y, z)| *y = f64::from(*z));
            model.stretch(steps);
            for (((gene, mean), y), d) in genes.iter_mut().zip(mean).zip(steps).zip(&model.d) {
                *gene = (mean + sigma * d * *y) as f32;
            }
        });
        Ok(Population::from_genes(genes, k))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let (n, k) = (self.population(), self.mean.len());
        if self.noise.is_empty() {
            return Err(Error::Learner("strategy `vd-cma`: told losses before it was asked for members".to_string()));
        }
        let order = rank_told("vd-cma", &asked, losses, (n, k), || {
            format!("lower `sigma` (the step size is now {:.3e})", self.paths.sigma)
        })?;
        let best = &order[..self.rates.mu];
        let (mut y_w, mut isotropic) = (vec![0.0; k], vec![0.0; k]);
        let (mut chosen, mut weights) = (Vec::with_capacity((best.len() + 1) * k), Vec::with_capacity(best.len() + 1));
        for (member, weight) in best.iter().zip(&self.rates.weights) {
            let (y, z) = (&self.steps[member * k..(member + 1) * k], &self.noise[member * k..(member + 1) * k]);
            for (((sum, y), d), (isotropic, z)) in
                y_w.iter_mut().zip(y).zip(&self.model.d).zip(isotropic.iter_mut().zip(z))
            {
                *sum += weight * d * y;
                *isotropic += weight * f64::from(*z);
            }
            chosen.extend_from_slice(y);
            weights.push(self.rates.c_mu * weight);
        }
        let sigma = self.paths.sigma;
        self.mean.iter_mut().zip(&y_w).for_each(|(mean, step)| *mean += sigma * step);
        let stalled = self.paths.advance(&self.rates, &y_w, &isotropic) > 0.0;
        chosen.extend(self.paths.of_covariance.iter().zip(&self.model.d).map(|(path, d)| path / d));
        weights.push(if stalled { 0.0 } else { self.rates.c_1 });
        let gradient = self.model.gradient(&chosen, &weights);
        self.model.follow(&gradient);
        self.incumbent.iter_mut().zip(&self.mean).for_each(|(incumbent, mean)| *incumbent = *mean as f32);
        self.genes = asked.into_genes();
        let reach = REACH * (k as f64).sqrt() * self.paths.sigma;
        let below = |(mean, sd): (&f64, f64)| mean.abs() + reach * sd < f64::from(f32::MAX);
        if !self.mean.iter().zip(self.model.spread()).all(below) {
            let message = "strategy `vd-cma`: it diverged beyond what f32 can hold: lower `sigma`";
            return Err(Error::Learner(message.to_string()));
        }
        Ok(())
    }

    fn incumbent(&self) -> &[f32] {
        &self.incumbent
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        let sigma = self.paths.sigma;
        let (least, greatest) = self.model.spread().fold((f64::INFINITY, 0.0f64), |(a, b), sd| (a.min(sd), b.max(sd)));
        vec![("sigma", sigma), ("sigma_min", sigma * least), ("sigma_max", sigma * greatest)]
    }

    fn stop(&self) -> Option<String> {
        let spread: Vec<f64> = self.model.spread().map(|sd| self.paths.sigma * sd).collect();
        collapsed(&self.mean, Spread::Each(&spread))
    }

    fn save(&self) -> State {
        let mut state = State::default();
        self.paths.save("vd-cma", &mut state);
        self.model.save("vd-cma", &mut state);
        state.put_f64("vd-cma.mean", &self.mean);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let k = self.mean.len();
        let (paths, model) = (Paths::load("vd-cma", state, k)?, DiagonalAndAxis::load("vd-cma", state, k)?);
        self.mean = state.f64s("vd-cma.mean", k)?.to_vec();
        self.incumbent = self.mean.iter().map(|mean| *mean as f32).collect();
        (self.paths, self.model) = (paths, model);
        self.noise.clear();
        Ok(())
    }
}
