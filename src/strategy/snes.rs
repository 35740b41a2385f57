//! Separable natural evolution strategy (Schaul, Glasmachers & Schmidhuber 2011; Wierstra et al. 2014).
//!
//! Members are `mean + sigma * z` with a step size for each gene; with utilities `u` of the ranked members,
//! `mean += lr_mean * sigma * sum(u z)` and `sigma *= exp(lr_sigma / 2 * sum(u (z^2 - 1)))`.
//!
//! `z` is kept from ask to tell, one f32 for each gene and member: `(gene - mean) / sigma` would lose bits wherever the
//! gene was rounded, and drawing again costs two to three times the read.

use rayon::prelude::*;

use super::fitness::{block, by_member, fours, nes_utilities, rank_told, BLOCK};
use super::samples::{collapsed, extent, Spread, REACH};
use super::{Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::{alone, wide};
use crate::operator::Population;
use crate::params::{Params, Range};
use crate::state::State;

struct Snes {
    n: usize,
    utilities: Vec<f64>,
    lr_mean: f64,
    lr_sigma: f64,
    mean: Vec<f64>,
    sigma: Vec<f64>,
    /// The mean as f32.
    incumbent: Vec<f32>,
    /// Standard normals of the members that were asked for last, (n, k); empty before the first.
    noise: Vec<f32>,
    /// The memory of the genes that were told last.
    genes: Vec<f32>,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "snes",
    summary: "natural evolution strategy with a step size for each gene",
    reference: "Schaul et al. 2011; Wierstra et al. 2014",
    build: |params, context| Ok(Box::new(Snes::read(params, context.subset.size))),
};

/// Its promises.
pub(super) const CONTRACT: Contract = Contract {
    name: "snes",
    rank_based: true,
    least_population: Some(2),
    solves: &[
        Solve::new("sphere", 10, 1e-6, 20_000),
        Solve::new("ellipsoid", 10, 1e-6, 20_000),
        Solve::new("sphere", 2, 1e-6, 1_000),
        Solve::new("sphere", 100, 1e-6, 40_000),
        Solve::new("discus", 20, 1e-6, 8_000),
    ],
};

impl Snes {
    /// Defaults from the papers: `population` 4 + floor(3 ln k), `lr_mean` 1, `lr_sigma` (3 + ln k) / (5 sqrt k).
    ///
    /// `sigma` is 0.1 at the start: genes are in units of the init std, so members differ from the base by a tenth of
    /// its own spread. The papers' 1 would double the variance of every trained weight: a fresh draw, not a search
    /// around this one.
    fn read(params: &Params<'_>, k: usize) -> Self {
        let log = (k as f64).ln();
        let n = params.integer("population", Some(4 + (3.0 * log) as u64), super::POPULATION) as usize;
        let sigma = params.float("sigma", Some(0.1), Range::AboveUpTo(0.0, 1000.0));
        Snes {
            n,
            utilities: nes_utilities(n),
            lr_mean: params.float("lr_mean", Some(1.0), Range::Above(0.0)),
            lr_sigma: params.float("lr_sigma", Some((3.0 + log) / (5.0 * (k as f64).sqrt())), Range::AtLeast(0.0)),
            mean: vec![0.0; k],
            sigma: vec![sigma; k],
            incumbent: vec![0.0; k],
            noise: Vec::new(),
            genes: Vec::new(),
        }
    }

    /// Least, geometric mean and greatest of the step sizes.
    fn sigmas(&self) -> [f64; 3] {
        extent(&self.sigma)
    }
}

/// Sums of `u z` and `u (z^2 - 1)` over members, taken in four at a time.
#[inline(always)]
fn add(z: [&[f32]; 4], u: [f64; 4], first: &mut [f64], second: &mut [f64]) {
    let (z, second) = (z.map(|z| &z[..first.len()]), &mut second[..first.len()]);
    for j in 0..first.len() {
        for i in 0..4 {
            let z = f64::from(z[i][j]);
            first[j] += u[i] * z;
            second[j] += u[i] * (z * z - 1.0);
        }
    }
}

impl Strategy for Snes {
    fn population(&self) -> usize {
        self.n
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let seed = now.seed;
        let k = self.mean.len();
        let mut genes = std::mem::take(&mut self.genes);
        genes.resize(self.n * k, 0.0);
        self.noise.resize(self.n * k, 0.0);
        let members = genes.par_chunks_mut(k).zip(self.noise.par_chunks_mut(k)).enumerate();
        members.with_min_len(alone(k)).for_each(|(member, (genes, noise))| {
            let mut rng = seed.index(member as u64).rng();
            let state = self.mean.chunks(BLOCK).zip(self.sigma.chunks(BLOCK));
            for ((genes, noise), (mean, sigma)) in genes.chunks_mut(BLOCK).zip(noise.chunks_mut(BLOCK)).zip(state) {
                rng.fill_normal(noise);
                wide(
                    #[inline(always)]
                    || {
                        for (((gene, z), mean), sigma) in genes.iter_mut().zip(noise).zip(mean).zip(sigma) {
                            *gene = (mean + sigma * f64::from(*z)) as f32;
                        }
                    },
                );
            }
        });
        Ok(Population::from_genes(genes, k))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let k = self.mean.len();
        if self.noise.is_empty() {
            return Err(Error::Learner("strategy `snes`: told losses before it was asked for members".to_string()));
        }
        let order = rank_told("snes", &asked, losses, (self.n, k), || {
            format!("lower `sigma` (its geometric mean is now {:.3e}) or the `lr_mean`", self.sigmas()[1])
        })?;
        let utilities = by_member(&self.utilities, &order);
        let (lr_mean, lr_sigma, noise) = (self.lr_mean, self.lr_sigma, &self.noise);
        let size = block(k);
        let state = self.mean.par_chunks_mut(size).zip(self.sigma.par_chunks_mut(size));
        let blocks = state.zip(self.incumbent.par_chunks_mut(size)).enumerate().with_min_len(alone(size * self.n));
        let updated = blocks.map(|(block, ((mean, sigma), incumbent))| {
            let (mut first, mut second) = ([0.0; BLOCK], [0.0; BLOCK]);
            let (first, second) = (&mut first[..mean.len()], &mut second[..mean.len()]);
            wide(
                #[inline(always)]
                || {
                    for (z, u) in fours(noise, k, block * size..block * size + first.len(), &utilities) {
                        add(z, u, first, second);
                    }
                },
            );
            let mut bounded = true;
            for (j, ((mean, sigma), incumbent)) in mean.iter_mut().zip(sigma).zip(incumbent).enumerate() {
                *mean += lr_mean * *sigma * first[j];
                *sigma *= (0.5 * lr_sigma * second[j]).exp();
                *incumbent = *mean as f32;
                bounded &= mean.abs() + REACH * *sigma < f64::from(f32::MAX);
            }
            bounded
        });
        self.genes = asked.into_genes();
        // No early end: each block's verdict is the end of its update.
        if !updated.reduce(|| true, |a, b| a & b) {
            let message = "strategy `snes`: it diverged beyond what f32 can hold: lower `lr_mean` or `lr_sigma`";
            return Err(Error::Learner(message.to_string()));
        }
        Ok(())
    }

    fn incumbent(&self) -> &[f32] {
        &self.incumbent
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        let [least, mean, greatest] = self.sigmas();
        vec![("sigma", mean), ("sigma_min", least), ("sigma_max", greatest)]
    }

    fn stop(&self) -> Option<String> {
        collapsed(&self.mean, Spread::Each(&self.sigma))
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_f64("snes.mean", &self.mean);
        state.put_f64("snes.sigma", &self.sigma);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let k = self.mean.len();
        let (mean, sigma) = (state.f64s("snes.mean", k)?, state.f64s("snes.sigma", k)?);
        self.incumbent = mean.iter().map(|mean| *mean as f32).collect();
        (self.mean, self.sigma) = (mean.to_vec(), sigma.to_vec());
        self.noise.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::Progress;
    use crate::rng::Seed;

    fn numbers(value: &serde_json::Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap_or(f64::NAN)).collect()
    }

    fn f32s(value: &serde_json::Value) -> Vec<f32> {
        numbers(value).into_iter().map(|x| x as f32).collect()
    }

    fn reference() -> serde_json::Value {
        serde_json::from_str(include_str!("../../tests/reference/strategy_steps.json")).unwrap()
    }

    #[test]
    fn one_generation_gives_the_numbers_of_the_reference_script() {
        let expected = &reference()["snes"];
        let (n, k) = (expected["n"].as_u64().unwrap() as usize, expected["k"].as_u64().unwrap() as usize);
        let mut snes = Snes {
            n,
            utilities: nes_utilities(n),
            lr_mean: expected["lr_mean"].as_f64().unwrap(),
            lr_sigma: expected["lr_sigma"].as_f64().unwrap(),
            mean: numbers(&expected["mean"]),
            sigma: numbers(&expected["sigma"]),
            incumbent: vec![0.0; k],
            noise: f32s(&expected["noise"]),
            genes: Vec::new(),
        };
        snes.tell(Population::zeros(n, k), &f32s(&expected["losses"])).unwrap();
        for (found, key) in [(&snes.mean, "mean_after"), (&snes.sigma, "sigma_after")] {
            for (found, expected) in found.iter().zip(numbers(&expected[key])) {
                assert!((found - expected).abs() < 1e-12, "{key}: {found} against {expected}");
            }
        }
        assert!(snes.incumbent.iter().zip(&snes.mean).all(|(f, mean)| *f == *mean as f32));
    }

    #[test]
    fn one_generation_gives_the_numbers_of_evosax() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/cma_steps.json")).unwrap();
        let fixture = &all["snes"];
        let (n, k) = (fixture["n"].as_u64().unwrap() as usize, fixture["k"].as_u64().unwrap() as usize);
        let mut snes = Snes {
            n,
            utilities: nes_utilities(n),
            lr_mean: fixture["lr_mean"].as_f64().unwrap(),
            lr_sigma: fixture["lr_sigma"].as_f64().unwrap(),
            mean: numbers(&fixture["mean"]),
            sigma: numbers(&fixture["sigma"]),
            incumbent: vec![0.0; k],
            noise: f32s(&fixture["z"]),
            genes: Vec::new(),
        };
        snes.tell(Population::zeros(n, k), &f32s(&fixture["losses"])).unwrap();
        for (found, key) in [(&snes.mean, "mean"), (&snes.sigma, "sigma")] {
            for (found, expected) in found.iter().zip(numbers(&fixture["evosax"][key])) {
                assert!((found - expected).abs() < 1e-10, "{key}: {found} against {expected}");
            }
        }
    }

    #[test]
    fn members_are_the_mean_plus_sigma_times_the_normals_of_their_address() {
        let k = 300;
        let sigma: Vec<f64> = (0..k).map(|j| 0.5 + j as f64).collect();
        let mean: Vec<f64> = (0..k).map(|j| -0.25 * j as f64).collect();
        let (incumbent, noise, utilities) = (vec![0.0; k], Vec::new(), nes_utilities(3));
        let mut snes =
            Snes { n: 3, utilities, lr_mean: 1.0, lr_sigma: 0.1, mean, sigma, incumbent, noise, genes: Vec::new() };
        let asked = snes.ask(&Generation::blind(Progress { step: 4, used: 0.0 }, Seed::new(9))).unwrap();
        for member in 0..3 {
            let mut rng = Seed::new(9).index(member as u64).rng();
            for (j, gene) in asked.member(member).iter().enumerate() {
                let expected = (-0.25 * j as f64 + (0.5 + j as f64) * f64::from(rng.normal())) as f32;
                assert_eq!(gene.to_bits(), expected.to_bits(), "member {member}, gene {j}");
            }
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_papers() {
        let problems = crate::params::Problems::default();
        let table = crate::params::Table::default();
        let params = Params::new(&table, crate::params::Origin::Default, "", &problems);
        let snes = Snes::read(&params, 100);
        // 4 + floor(3 * 4.605) and (3 + 4.605) / 50.
        assert_eq!((snes.n, snes.lr_mean), (17, 1.0));
        assert!((snes.lr_sigma - 0.152_103_4).abs() < 1e-7, "{}", snes.lr_sigma);
    }

    #[test]
    fn it_stops_once_members_no_longer_differ() {
        let (mean, incumbent, noise) = (vec![1.0, -2.0], vec![1.0, -2.0], Vec::new());
        let (lr_mean, lr_sigma, utilities) = (1.0, 0.1, nes_utilities(2));
        let sigma = vec![1e-6, 1e-12];
        let mut snes = Snes { n: 2, utilities, lr_mean, lr_sigma, mean, sigma, incumbent, noise, genes: Vec::new() };
        assert_eq!(snes.stop(), None);
        snes.sigma[0] = 1e-9;
        assert!(snes.stop().unwrap().contains("1.0e-9"), "{:?}", snes.stop());
    }
}
