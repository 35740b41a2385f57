//! Separable CMA-ES (Ros & Hansen 2008): CMA-ES that learns the diagonal of the covariance alone, one number a gene.
//!
//! The equations are those of Hansen 2016 (see `cumulation.rs`) with a diagonal C: members are `mean + sigma sqrt(c) z`.
//! A diagonal is learned from fewer members than a matrix, so `c_1` and `c_mu` are `(k + 2) / 3` times as great (Ros &
//! Hansen 2008, section 3).
//!
//! `z` is kept from ask to tell, as in `snes.rs`.

use rayon::prelude::*;

use super::cumulation::{Paths, Rates};
use super::fitness::{block, fours, rank_told, BLOCK};
use super::samples::{collapsed, Spread, REACH};
use super::{Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::{alone, wide};
use crate::operator::Population;
use crate::params::{Params, Range};
use crate::state::State;

struct SepCmaEs {
    rates: Rates,
    paths: Paths,
    mean: Vec<f64>,
    /// Diagonal of C, (k).
    variance: Vec<f64>,
    /// The mean as f32.
    incumbent: Vec<f32>,
    /// Standard normals of the members that were asked for last, (n, k), and `|z|^2` of each, (n); empty before the first.
    noise: Vec<f32>,
    lengths: Vec<f64>,
    /// The memory of the genes that were told last.
    genes: Vec<f32>,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "sep-cma-es",
    summary: "covariance matrix adaptation of the diagonal alone",
    reference: "Ros & Hansen 2008",
    build: |params, context| Ok(Box::new(SepCmaEs::read(params, context.subset.size))),
};

/// Its promises.
pub(super) const CONTRACT: Contract = Contract {
    name: "sep-cma-es",
    rank_based: true,
    least_population: Some(2),
    solves: &[
        Solve::new("sphere", 10, 1e-8, 2_500),
        Solve::new("ellipsoid", 10, 1e-6, 5_000),
        Solve::new("sphere", 100, 1e-8, 20_000),
        Solve::new("ellipsoid", 100, 1e-4, 50_000),
        Solve::new("discus", 20, 1e-8, 8_000),
        Solve::new("cigar", 20, 1e-8, 10_000),
    ],
};

impl SepCmaEs {
    /// Defaults: `population` 4 + floor(3 ln k), no negative weights (`active` gives them) as in the paper; `sigma` 0.1, a tenth
    /// of the init std that genes are measured in.
    fn read(params: &Params<'_>, k: usize) -> Self {
        let n = Rates::population(params, k);
        let sigma = params.float("sigma", Some(0.1), Range::AboveUpTo(0.0, 1000.0));
        let active = params.boolean("active", false);
        SepCmaEs {
            rates: Rates::new(n, k, (k as f64 + 2.0) / 3.0, active),
            paths: Paths::new(sigma, k),
            mean: vec![0.0; k],
            variance: vec![1.0; k],
            incumbent: vec![0.0; k],
            noise: Vec::new(),
            lengths: Vec::new(),
            genes: Vec::new(),
        }
    }

    /// Least and greatest step size of a gene.
    fn sigmas(&self) -> (f64, f64) {
        let bounds = |(low, high): (f64, f64), c: &f64| (low.min(*c), high.max(*c));
        let (low, high) = self.variance.iter().fold((f64::INFINITY, 0.0), bounds);
        (self.paths.sigma * low.sqrt(), self.paths.sigma * high.sqrt())
    }
}

/// Sums of `u z` and `v z^2` over members, taken in four at a time.
#[inline(always)]
fn add(z: [&[f32]; 4], u: [f64; 4], v: [f64; 4], first: &mut [f64], second: &mut [f64]) {
    let (z, second) = (z.map(|z| &z[..first.len()]), &mut second[..first.len()]);
    for j in 0..first.len() {
        for i in 0..4 {
            let z = f64::from(z[i][j]);
            first[j] += u[i] * z;
            second[j] += v[i] * (z * z);
        }
    }
}

impl Strategy for SepCmaEs {
    fn population(&self) -> usize {
        self.rates.weights.len()
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let seed = now.seed;
        let (n, k, sigma) = (self.population(), self.mean.len(), self.paths.sigma);
        let mut genes = std::mem::take(&mut self.genes);
        genes.resize(n * k, 0.0);
        self.noise.resize(n * k, 0.0);
        self.lengths.resize(n, 0.0);
        let spread: Vec<f64> = self.variance.iter().map(|c| sigma * c.sqrt()).collect();
        let members = genes.par_chunks_mut(k).zip(self.noise.par_chunks_mut(k)).zip(&mut self.lengths).enumerate();
        members.with_min_len(alone(k)).for_each(|(member, ((genes, noise), length))| {
            let mut rng = seed.index(member as u64).rng();
            *length = 0.0;
            let state = self.mean.chunks(BLOCK).zip(spread.chunks(BLOCK));
            for ((genes, noise), (mean, spread)) in genes.chunks_mut(BLOCK).zip(noise.chunks_mut(BLOCK)).zip(state) {
                rng.fill_normal(noise);
                wide(
                    #[inline(always)]
                    || {
                        for (((gene, z), mean), spread) in genes.iter_mut().zip(&*noise).zip(mean).zip(spread) {
                            *gene = (mean + spread * f64::from(*z)) as f32;
                        }
                    },
                );
                *length += noise.iter().map(|z| f64::from(*z).powi(2)).sum::<f64>();
            }
        });
        Ok(Population::from_genes(genes, k))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let (n, k) = (self.population(), self.mean.len());
        if self.noise.is_empty() {
            let message = "strategy `sep-cma-es`: told losses before it was asked for members";
            return Err(Error::Learner(message.to_string()));
        }
        let order = rank_told("sep-cma-es", &asked, losses, (n, k), || {
            format!("lower `sigma` (the step size is now {:.3e})", self.paths.sigma)
        })?;
        let (mut weights, mut scales) = (vec![0.0; n], vec![0.0; n]);
        for (rank, member) in order.iter().enumerate() {
            weights[*member] = self.rates.weights[rank].max(0.0);
            scales[*member] = self.rates.rank_mu(rank, self.lengths[*member], k);
        }
        // The mean step in isotropic coordinates, and the weighted squares.
        let (mut isotropic, mut squares) = (vec![0.0; k], vec![0.0; k]);
        let (noise, size) = (&self.noise, block(k));
        let blocks = isotropic.par_chunks_mut(size).zip(squares.par_chunks_mut(size)).enumerate();
        blocks.with_min_len(alone(size * n)).for_each(|(block, (first, second))| {
            wide(
                #[inline(always)]
                || {
                    let genes = block * size..block * size + first.len();
                    let fours = fours(noise, k, genes.clone(), &weights).zip(fours(noise, k, genes, &scales));
                    for ((z, u), (_, v)) in fours {
                        add(z, u, v, first, second);
                    }
                },
            );
        });
        let y_w: Vec<f64> = isotropic.iter().zip(&self.variance).map(|(z, c)| c.sqrt() * z).collect(); // (41)
        let sigma = self.paths.sigma;
        self.mean.iter_mut().zip(&y_w).for_each(|(mean, step)| *mean += sigma * step); // (42)
        let delta = self.paths.advance(&self.rates, &y_w, &isotropic); // (43) to (45)
        let (decay, c_1) = (self.rates.decay(delta), self.rates.c_1);
        for ((c, path), squares) in self.variance.iter_mut().zip(&self.paths.of_covariance).zip(&squares) {
            *c = decay * *c + c_1 * path * path + *c * squares; // (47)
        }
        self.incumbent.iter_mut().zip(&self.mean).for_each(|(incumbent, mean)| *incumbent = *mean as f32);
        self.genes = asked.into_genes();
        let reach = REACH * self.paths.sigma;
        let below = |(mean, c): (&f64, &f64)| mean.abs() + reach * c.sqrt() < f64::from(f32::MAX);
        // No early end, so that many are looked at together; NaN is not below anything.
        if !self.mean.iter().zip(&self.variance).fold(true, |all, state| all & below(state)) {
            let message = "strategy `sep-cma-es`: it diverged beyond what f32 can hold: lower `sigma`";
            return Err(Error::Learner(message.to_string()));
        }
        Ok(())
    }

    fn incumbent(&self) -> &[f32] {
        &self.incumbent
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        let (least, greatest) = self.sigmas();
        vec![("sigma", self.paths.sigma), ("sigma_min", least), ("sigma_max", greatest)]
    }

    fn stop(&self) -> Option<String> {
        let spread: Vec<f64> = self.variance.iter().map(|c| self.paths.sigma * c.sqrt()).collect();
        collapsed(&self.mean, Spread::Each(&spread))
    }

    fn save(&self) -> State {
        let mut state = State::default();
        self.paths.save("sep-cma-es", &mut state);
        state.put_f64("sep-cma-es.mean", &self.mean);
        state.put_f64("sep-cma-es.variance", &self.variance);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let k = self.mean.len();
        let paths = Paths::load("sep-cma-es", state, k)?;
        let (mean, variance) = (state.f64s("sep-cma-es.mean", k)?, state.f64s("sep-cma-es.variance", k)?);
        self.incumbent = mean.iter().map(|mean| *mean as f32).collect();
        (self.paths, self.mean, self.variance) = (paths, mean.to_vec(), variance.to_vec());
        self.noise.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(value: &serde_json::Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    }

    fn f32s(value: &serde_json::Value) -> Vec<f32> {
        numbers(value).into_iter().map(|x| x as f32).collect()
    }

    #[test]
    fn one_generation_gives_the_numbers_of_evosax() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/cma_steps.json")).unwrap();
        let fixture = &all["sep"];
        let [n, k, generation] = ["n", "k", "generation"].map(|key| fixture[key].as_u64().unwrap());
        let (n, k) = (n as usize, k as usize);
        let noise = f32s(&fixture["z"]);
        let mut es = SepCmaEs {
            rates: Rates::new(n, k, (k as f64 + 2.0) / 3.0, false),
            paths: Paths {
                sigma: fixture["sigma"].as_f64().unwrap(),
                of_sigma: numbers(&fixture["path_sigma"]),
                of_covariance: numbers(&fixture["path_covariance"]),
                generation,
            },
            mean: numbers(&fixture["mean"]),
            variance: numbers(&fixture["variance"]),
            incumbent: vec![0.0; k],
            lengths: noise.chunks_exact(k).map(|z| z.iter().map(|z| f64::from(*z).powi(2)).sum()).collect(),
            noise,
            genes: Vec::new(),
        };
        es.tell(Population::zeros(n, k), &f32s(&fixture["losses"])).unwrap();
        for (key, found) in [
            ("mean", &es.mean),
            ("path_sigma", &es.paths.of_sigma),
            ("path_covariance", &es.paths.of_covariance),
            ("variance", &es.variance),
        ] {
            for (found, expected) in found.iter().zip(numbers(&fixture["evosax"][key])) {
                assert!((found - expected).abs() < 1e-12, "{key}: {found} against {expected}");
            }
        }
        let sigma = fixture["evosax"]["sigma"].as_f64().unwrap();
        assert!((es.paths.sigma - sigma).abs() < 1e-12, "{} against {sigma}", es.paths.sigma);
    }
}
