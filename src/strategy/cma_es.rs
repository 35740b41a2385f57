//! CMA-ES (Hansen & Ostermeier 2001; active, Jastrebski & Arnold 2006): the whole covariance of the genes is learned.
//!
//! Equations are those of Hansen 2016, "The CMA Evolution Strategy: A Tutorial" (arXiv:1604.00772v2). Members are
//! `mean + sigma y`, `y = B D z` of `C = B D^2 B'`. Weights and rates stand in `cumulation.rs`, all defaults are the tutorial's.
//! The eigenvalues are found anew every `1 / (10 k (c_1 + c_mu))` generations (appendix B.2), so that a generation costs
//! some `k^2` operations a member.

use rayon::prelude::*;

use super::cumulation::{Paths, Rates};
use super::fitness::rank_told;
use super::samples::{collapsed, Spread, REACH};
use super::{Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::{alone, wide, Eigen};
use crate::operator::Population;
use crate::params::{Params, Range};
use crate::state::State;

/// Beyond this condition number the short axes are rounding errors of the long ones.
const WORST_CONDITION: f64 = 1e14;

/// Members whose steps are made together, so that the eigenvectors are read once for them.
const TOGETHER: usize = 4;

struct CmaEs {
    rates: Rates,
    paths: Paths,
    mean: Vec<f64>,
    /// Lower triangle of C, (k, k).
    covariance: Vec<f64>,
    /// Of C as it was in generation `decomposed`.
    eigen: Eigen,
    decomposed: u64,
    /// The mean as f32.
    incumbent: Vec<f32>,
    /// `y` of the members that were asked for last, (n, k), and `|z|^2` of each, (n); empty before the first.
    steps: Vec<f64>,
    lengths: Vec<f64>,
    /// The memory of the genes that were told last.
    genes: Vec<f32>,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "cma-es",
    summary: "covariance matrix adaptation with negative weights; k^2 numbers for k genes",
    reference: "Hansen & Ostermeier 2001; Hansen 2016",
    build: |params, context| {
        let k = context.subset.size;
        // C, its eigenvectors, what they are made of, and the copies of the first two in a checkpoint.
        super::matrices::fit("cma-es", 5, k, context.memory)?;
        Ok(Box::new(CmaEs::read(params, k)))
    },
};

/// Its promises.
pub(super) const CONTRACT: Contract = Contract {
    name: "cma-es",
    rank_based: true,
    least_population: Some(2),
    solves: &[
        Solve::new("sphere", 10, 1e-8, 2_500),
        Solve::new("ellipsoid", 10, 1e-8, 10_000).rotated(),
        Solve::new("rosenbrock", 10, 1e-8, 12_000),
        Solve::new("sphere", 2, 1e-8, 1_000),
        Solve::new("sphere", 100, 1e-8, 20_000),
        Solve::new("discus", 20, 1e-8, 15_000).rotated(),
        Solve::new("cigar", 20, 1e-8, 18_000).rotated(),
        Solve::new("rosenbrock", 20, 1e-8, 35_000).rotated(),
    ],
};

impl CmaEs {
    /// Defaults: `population` 4 + floor(3 ln k) and `active` as in the tutorial; `sigma` 0.1, a tenth of the init std that
    /// genes are measured in, as for the other strategies.
    fn read(params: &Params<'_>, k: usize) -> Self {
        let n = Rates::population(params, k);
        let sigma = params.float("sigma", Some(0.1), Range::AboveUpTo(0.0, 1000.0));
        let rates = Rates::new(n, k, 1.0, params.boolean("active", true));
        let mut covariance = vec![0.0; k * k];
        (0..k).for_each(|i| covariance[i * k + i] = 1.0);
        CmaEs {
            rates,
            paths: Paths::new(sigma, k),
            mean: vec![0.0; k],
            covariance,
            eigen: Eigen::identity(k),
            decomposed: 0,
            incumbent: vec![0.0; k],
            steps: Vec::new(),
            lengths: Vec::new(),
            genes: Vec::new(),
        }
    }

    /// Adds the evolution path and the ranked steps to C (eq 47), where `scales` has `c_mu w` of each member.
    fn adapt(&mut self, delta: f64, scales: &[f64]) {
        let k = self.mean.len();
        let (decay, c_1) = (self.rates.decay(delta), self.rates.c_1);
        let (path, steps) = (&self.paths.of_covariance, &self.steps);
        let rows = self.covariance.par_chunks_exact_mut(k).enumerate().with_min_len(alone(k));
        rows.for_each(|(i, row)| {
            let row = &mut row[..=i];
            wide(
                #[inline(always)]
                || {
                    let own = c_1 * path[i];
                    row.iter_mut().zip(path).for_each(|(c, p)| *c = decay * *c + own * p);
                    for (y, scale) in steps.chunks_exact(k).zip(scales) {
                        let own = scale * y[i];
                        row.iter_mut().zip(y).for_each(|(c, y)| *c += own * y);
                    }
                },
            );
        });
    }

    /// Finds the eigenvalues of C where it is time.
    fn decompose(&mut self) -> Result<()> {
        let k = self.mean.len();
        let gap = 1.0 / (10.0 * k as f64 * (self.rates.c_1 + self.rates.c_mu));
        if (self.paths.generation - self.decomposed) as f64 <= gap {
            return Ok(());
        }
        let found = Eigen::of(&self.covariance, k);
        self.eigen = found.ok_or_else(|| {
            Error::Learner("strategy `cma-es`: its covariance is no longer finite: lower `sigma`".to_string())
        })?;
        // Rounding can push the least below 0; then `stop` ends the search.
        let least = self.eigen.bounds().1 / (10.0 * WORST_CONDITION);
        self.eigen.values.iter_mut().for_each(|value| *value = value.max(least));
        self.decomposed = self.paths.generation;
        Ok(())
    }

    /// The standard deviation of each gene, (k).
    fn spread(&self) -> impl Iterator<Item = f64> + '_ {
        let k = self.mean.len();
        (0..k).map(move |i| self.paths.sigma * self.covariance[i * k + i].max(0.0).sqrt())
    }
}

impl Strategy for CmaEs {
    fn population(&self) -> usize {
        self.rates.weights.len()
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let seed = now.seed;
        let (n, k) = (self.population(), self.mean.len());
        let axes: Vec<f64> = self.eigen.values.iter().map(|value| value.sqrt()).collect();
        let mut genes = std::mem::take(&mut self.genes);
        genes.resize(n * k, 0.0);
        self.steps.resize(n * k, 0.0);
        self.lengths.resize(n, 0.0);
        let (eigen, mean, sigma) = (&self.eigen, &self.mean, self.paths.sigma);
        let members = genes.par_chunks_mut(TOGETHER * k).zip(self.steps.par_chunks_mut(TOGETHER * k));
        let members = members.zip(self.lengths.par_chunks_mut(TOGETHER)).enumerate();
        members.with_min_len(alone(TOGETHER * k * k)).for_each(|(group, ((genes, steps), lengths))| {
            let mut scaled = vec![0.0; steps.len()];
            let mut noise = vec![0.0; k];
            for (i, (scaled, length)) in scaled.chunks_exact_mut(k).zip(lengths).enumerate() {
                seed.index((group * TOGETHER + i) as u64).rng().fill_normal(&mut noise);
                *length = noise.iter().map(|z| f64::from(*z).powi(2)).sum();
                for ((scaled, z), axis) in scaled.iter_mut().zip(&noise).zip(&axes) {
                    *scaled = axis * f64::from(*z); // (39)
                }
            }
            eigen.combine(&scaled, steps);
            for (genes, steps) in genes.chunks_exact_mut(k).zip(steps.chunks_exact(k)) {
                for ((gene, mean), step) in genes.iter_mut().zip(mean).zip(steps) {
                    *gene = (mean + sigma * step) as f32; // (40)
                }
            }
        });
        Ok(Population::from_genes(genes, k))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let (n, k) = (self.population(), self.mean.len());
        if self.steps.is_empty() {
            return Err(Error::Learner("strategy `cma-es`: told losses before it was asked for members".to_string()));
        }
        let order = rank_told("cma-es", &asked, losses, (n, k), || {
            format!("lower `sigma` (the step size is now {:.3e})", self.paths.sigma)
        })?;
        let mut y_w = vec![0.0; k];
        for (member, weight) in order.iter().zip(&self.rates.weights[..self.rates.mu]) {
            let y = &self.steps[member * k..(member + 1) * k];
            y_w.iter_mut().zip(y).for_each(|(sum, y)| *sum += weight * y); // (41)
        }
        let sigma = self.paths.sigma;
        self.mean.iter_mut().zip(&y_w).for_each(|(mean, step)| *mean += sigma * step); // (42)
        let isotropic = self.eigen.apply(&y_w, |value| 1.0 / value.sqrt());
        let delta = self.paths.advance(&self.rates, &y_w, &isotropic);
        let mut scales = vec![0.0; n];
        for (rank, member) in order.iter().enumerate() {
            scales[*member] = self.rates.rank_mu(rank, self.lengths[*member], k);
        }
        self.adapt(delta, &scales);
        self.decompose()?;
        self.incumbent.iter_mut().zip(&self.mean).for_each(|(incumbent, mean)| *incumbent = *mean as f32);
        self.genes = asked.into_genes();
        let reach = REACH * (k as f64).sqrt();
        let bounded =
            self.mean.iter().zip(self.spread()).all(|(mean, sd)| mean.abs() + reach * sd < f64::from(f32::MAX));
        if !bounded {
            let message = "strategy `cma-es`: it diverged beyond what f32 can hold: lower `sigma`";
            return Err(Error::Learner(message.to_string()));
        }
        Ok(())
    }

    fn incumbent(&self) -> &[f32] {
        &self.incumbent
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        let (least, greatest) = self.eigen.bounds();
        let sigma = self.paths.sigma;
        vec![
            ("sigma", sigma),
            ("sigma_min", sigma * least.sqrt()),
            ("sigma_max", sigma * greatest.sqrt()),
            ("condition", greatest / least),
        ]
    }

    fn stop(&self) -> Option<String> {
        let (least, greatest) = self.eigen.bounds();
        if greatest > WORST_CONDITION * least {
            let condition = greatest / least;
            return Some(format!(
                "the covariance has a condition number of {condition:.1e}: short axes are rounding errors"
            ));
        }
        collapsed(&self.mean, Spread::Each(&self.spread().collect::<Vec<_>>()))
    }

    fn save(&self) -> State {
        let mut state = State::default();
        self.paths.save("cma-es", &mut state);
        state.put_f64("cma-es.mean", &self.mean);
        state.put_f64("cma-es.covariance", &self.covariance);
        state.put_f64("cma-es.eigen", &self.eigen.numbers());
        state.put_u64("cma-es.decomposed", &[self.decomposed]);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let k = self.mean.len();
        let paths = Paths::load("cma-es", state, k)?;
        let (mean, covariance) = (state.f64s("cma-es.mean", k)?, state.f64s("cma-es.covariance", k * k)?);
        let eigen = state.f64s("cma-es.eigen", Eigen::count(k))?;
        self.decomposed = state.u64s("cma-es.decomposed", 1)?[0];
        self.incumbent = mean.iter().map(|mean| *mean as f32).collect();
        (self.paths, self.mean, self.covariance) = (paths, mean.to_vec(), covariance.to_vec());
        self.eigen = Eigen::from_numbers(eigen, k);
        self.steps.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::Progress;
    use crate::rng::Seed;

    fn numbers(value: &serde_json::Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    }

    fn losses(value: &serde_json::Value) -> Vec<f32> {
        numbers(value).into_iter().map(|x| x as f32).collect()
    }

    /// The state of a fixture, ready to be told its losses.
    fn given(fixture: &serde_json::Value) -> CmaEs {
        let [n, k, generation] = ["n", "k", "generation"].map(|key| fixture[key].as_u64().unwrap());
        let (n, k) = (n as usize, k as usize);
        let covariance = numbers(&fixture["covariance"]);
        let lengths = numbers(&fixture["z"]).chunks_exact(k).map(|z| z.iter().map(|z| z * z).sum()).collect();
        CmaEs {
            rates: Rates::new(n, k, 1.0, true),
            paths: Paths {
                sigma: fixture["sigma"].as_f64().unwrap(),
                of_sigma: numbers(&fixture["path_sigma"]),
                of_covariance: numbers(&fixture["path_covariance"]),
                generation,
            },
            mean: numbers(&fixture["mean"]),
            eigen: Eigen::of(&covariance, k).unwrap(),
            covariance,
            decomposed: generation,
            incumbent: vec![0.0; k],
            steps: numbers(&fixture["steps"]),
            lengths,
            genes: Vec::new(),
        }
    }

    #[test]
    fn one_generation_gives_the_numbers_of_evosax_and_of_purecma() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/cma_steps.json")).unwrap();
        let mut stalled = Vec::new();
        for fixture in all["cma"].as_array().unwrap() {
            let mut es = given(fixture);
            let (n, k) = (es.population(), es.mean.len());
            es.tell(Population::zeros(n, k), &losses(&fixture["losses"])).unwrap();
            for i in 0..k {
                for j in i + 1..k {
                    es.covariance[i * k + j] = es.covariance[j * k + i];
                }
            }
            for peer in ["evosax", "purecma"] {
                for (key, found) in [
                    ("mean", &es.mean),
                    ("path_sigma", &es.paths.of_sigma),
                    ("path_covariance", &es.paths.of_covariance),
                    ("covariance", &es.covariance),
                ] {
                    for (found, expected) in found.iter().zip(numbers(&fixture[peer][key])) {
                        assert!((found - expected).abs() < 1e-10, "{peer}, {key}: {found} against {expected}");
                    }
                }
            }
            let sigma = fixture["evosax"]["sigma"].as_f64().unwrap();
            assert!((es.paths.sigma - sigma).abs() < 1e-12, "{} against {sigma}", es.paths.sigma);
            let before = numbers(&fixture["path_covariance"]);
            let shrunk = |(after, before): (&f64, &f64)| (after - (1.0 - es.rates.c_c) * before).abs() < 1e-12;
            stalled.push(es.paths.of_covariance.iter().zip(&before).all(shrunk));
        }
        assert_eq!(stalled, [false, true], "one generation of each kind");
    }

    #[test]
    fn members_have_the_covariance_and_their_lengths_are_those_of_their_noise() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/cma_steps.json")).unwrap();
        let mut es = given(&all["cma"][0]);
        let (n, k, sigma) = (4_000, es.mean.len(), es.paths.sigma);
        es.rates = Rates::new(n, k, 1.0, true);
        let asked = es.ask(&Generation::blind(Progress { step: 0, used: 0.0 }, Seed::new(5))).unwrap();
        for i in 0..k {
            for j in 0..=i {
                let part = |genes: &[f32]| (f64::from(genes[i]) - es.mean[i]) * (f64::from(genes[j]) - es.mean[j]);
                let found = asked.members().map(part).sum::<f64>() / (n as f64 * sigma * sigma);
                let c = |i: usize, j: usize| es.covariance[i * k + j];
                // Four standard errors of a product of two normals.
                let error = 4.0 * ((c(i, i) * c(j, j) + c(i, j).powi(2)) / n as f64).sqrt();
                assert!((found - c(i, j)).abs() < error, "{i} {j}: {found} against {}", c(i, j));
            }
        }
        for (member, length) in es.lengths.iter().enumerate().take(20) {
            let isotropic = es.eigen.apply(&es.steps[member * k..(member + 1) * k], |value| 1.0 / value.sqrt());
            let found: f64 = isotropic.iter().map(|x| x * x).sum();
            assert!((found - length).abs() < 1e-9 * length, "{member}: {found} against {length}");
        }
    }

    #[test]
    fn it_stops_where_members_no_longer_differ_or_the_covariance_is_degenerate() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/cma_steps.json")).unwrap();
        let mut es = given(&all["cma"][0]);
        assert_eq!(es.stop(), None);
        es.paths.sigma = 1e-12;
        assert!(es.stop().unwrap().contains("members no longer differ"), "{:?}", es.stop());
        es.paths.sigma = 1.0;
        es.eigen.values[0] = 1e-20;
        assert!(es.stop().unwrap().contains("condition number"), "{:?}", es.stop());
    }
}
