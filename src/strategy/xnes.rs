//! Exponential natural evolution strategy (Glasmachers, Schaul, Yi, Wierstra & Schmidhuber 2010; Wierstra et al. 2014,
//! Algorithm 5): the whole covariance, changed by the exponential of a matrix, so that it cannot cease to be one.
//!
//! Members are `mean + sigma B z`; with utilities `u`, `G = sum u (z z' - I)` and `g = trace(G) / k`,
//! `mean += lr_mean sigma B sum(u z)`, `sigma *= exp(lr_sigma / 2 g)`, `B *= exp(lr_shape / 2 (G - g I))`.
//!
//! The utilities add up to 0, so `G = sum u z z'` has at most `n` eigenvalues other than 0. They are found among the
//! sums of the `z`, and the exponential costs `k^2 n` operations, not `k^3`.

use rayon::prelude::*;

use super::fitness::{by_member, nes_utilities, rank_told};
use super::samples::{collapsed, Spread, REACH};
use super::{Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::{alone, dot, Eigen};
use crate::operator::Population;
use crate::params::{Params, Range};
use crate::state::State;

struct Xnes {
    n: usize,
    utilities: Vec<f64>,
    lr_mean: f64,
    lr_sigma: f64,
    lr_shape: f64,
    mean: Vec<f64>,
    sigma: f64,
    /// B, (k, k), of determinant 1.
    shape: Vec<f64>,
    /// The mean as f32.
    incumbent: Vec<f32>,
    /// Standard normals of the members that were asked for last, (n, k); empty before the first.
    noise: Vec<f64>,
    /// The memory of the genes that were told last.
    genes: Vec<f32>,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "xnes",
    summary: "natural evolution strategy with a whole covariance matrix; k^2 numbers for k genes",
    reference: "Glasmachers et al. 2010; Wierstra et al. 2014",
    build: |params, context| {
        let k = context.subset.size;
        let n = Xnes::members(params, k);
        // B and its copy in a checkpoint; and what is made of n members and of the space that they span.
        let of_members = (4 * n.min(k) + n).div_ceil(k) as u64;
        super::matrices::fit("xnes", 2 + of_members, k, context.memory)?;
        Ok(Box::new(Xnes::read(params, k, n)))
    },
};

/// Its promises.
pub(super) const CONTRACT: Contract = Contract {
    name: "xnes",
    rank_based: true,
    least_population: Some(2),
    solves: &[
        Solve::new("sphere", 10, 1e-8, 8_000),
        Solve::new("ellipsoid", 10, 1e-8, 20_000).rotated(),
        Solve::new("rosenbrock", 10, 1e-8, 20_000),
        Solve::new("ellipsoid", 2, 1e-8, 2_000).rotated(),
        Solve::new("discus", 20, 1e-8, 60_000).rotated(),
    ],
};

impl Xnes {
    /// Reads `population`.
    fn members(params: &Params<'_>, k: usize) -> usize {
        let log = (k as f64).ln();
        params.integer("population", Some(4 + (3.0 * log) as u64), super::POPULATION) as usize
    }

    /// Defaults from the papers: `population` 4 + floor(3 ln k), `lr_mean` 1, `lr_sigma` and `lr_shape`
    /// (9 + 3 ln k) / (5 k sqrt k); `sigma` 0.1, a tenth of the init std that genes are measured in.
    fn read(params: &Params<'_>, k: usize, n: usize) -> Self {
        let log = (k as f64).ln();
        let sigma = params.float("sigma", Some(0.1), Range::AboveUpTo(0.0, 1000.0));
        let rate = (9.0 + 3.0 * log) / (5.0 * k as f64 * (k as f64).sqrt());
        let mut shape = vec![0.0; k * k];
        (0..k).for_each(|i| shape[i * k + i] = 1.0);
        Xnes {
            n,
            utilities: nes_utilities(n),
            lr_mean: params.float("lr_mean", Some(1.0), Range::Above(0.0)),
            lr_sigma: params.float("lr_sigma", Some(rate), Range::AtLeast(0.0)),
            lr_shape: params.float("lr_shape", Some(rate), Range::AtLeast(0.0)),
            mean: vec![0.0; k],
            sigma,
            shape,
            incumbent: vec![0.0; k],
            noise: Vec::new(),
            genes: Vec::new(),
        }
    }

    /// Eigenvalues of `sum u z z'` and their eigenvectors; all others have the value 0. `None` where something is not finite.
    fn gradient(&self, utilities: &[f64]) -> Option<(Vec<f64>, Vec<Vec<f64>>)> {
        let k = self.mean.len();
        let basis = basis(&self.noise, k);
        let r = basis.len();
        // The matrix within the basis: each z is the sum of its projections.
        let mut inside = vec![0.0; r * r];
        for (z, u) in self.noise.chunks_exact(k).zip(utilities) {
            let along: Vec<f64> = basis.iter().map(|axis| dot(axis, z)).collect();
            for i in 0..r {
                for j in 0..=i {
                    inside[i * r + j] += u * along[i] * along[j];
                }
            }
        }
        let eigen = Eigen::of(&inside, r)?;
        let outside = |i: usize| {
            let mut vector = vec![0.0; k];
            for (axis, weight) in basis.iter().zip(eigen.vector(i)) {
                vector.iter_mut().zip(axis).for_each(|(x, axis)| *x += weight * axis);
            }
            vector
        };
        let vectors = (0..r).map(outside).collect();
        Some((eigen.values, vectors))
    }

    /// The standard deviation of each gene, (k).
    fn spread(&self) -> Vec<f64> {
        let k = self.mean.len();
        self.shape.par_chunks_exact(k).with_min_len(alone(k)).map(|row| self.sigma * dot(row, row).sqrt()).collect()
    }
}

/// Orthonormal vectors whose sums are all of the rows of `noise`, (n, k): at most n, and at most k.
fn basis(noise: &[f64], k: usize) -> Vec<Vec<f64>> {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for row in noise.chunks_exact(k) {
        if basis.len() == k {
            break;
        }
        let mut left = row.to_vec();
        let whole = dot(row, row).sqrt();
        // Gram-Schmidt, twice: the second pass takes away what rounding left of the first.
        for _ in 0..2 {
            for axis in &basis {
                let along = dot(&left, axis);
                left.iter_mut().zip(axis).for_each(|(x, axis)| *x -= along * axis);
            }
        }
        let length = dot(&left, &left).sqrt();
        if length > 1e-10 * whole {
            left.iter_mut().for_each(|x| *x /= length);
            basis.push(left);
        }
    }
    basis
}

impl Strategy for Xnes {
    fn population(&self) -> usize {
        self.n
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let seed = now.seed;
        let k = self.mean.len();
        let mut genes = std::mem::take(&mut self.genes);
        genes.resize(self.n * k, 0.0);
        self.noise.resize(self.n * k, 0.0);
        let (mean, sigma, shape) = (&self.mean, self.sigma, &self.shape);
        let members = genes.par_chunks_mut(k).zip(self.noise.par_chunks_mut(k)).enumerate();
        members.with_min_len(alone(k * k)).for_each(|(member, (genes, noise))| {
            let mut drawn = vec![0.0; k];
            seed.index(member as u64).rng().fill_normal(&mut drawn);
            noise.iter_mut().zip(&drawn).for_each(|(noise, z)| *noise = f64::from(*z));
            for ((gene, mean), row) in genes.iter_mut().zip(mean).zip(shape.chunks_exact(k)) {
                *gene = (mean + sigma * dot(row, noise)) as f32;
            }
        });
        Ok(Population::from_genes(genes, k))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let k = self.mean.len();
        if self.noise.is_empty() {
            return Err(Error::Learner("strategy `xnes`: told losses before it was asked for members".to_string()));
        }
        let order = rank_told("xnes", &asked, losses, (self.n, k), || {
            format!("lower `sigma` (now {:.3e}) or the `lr_mean`", self.sigma)
        })?;
        let utilities = by_member(&self.utilities, &order);
        let diverged = || {
            let message = "strategy `xnes`: it diverged beyond what f32 can hold: lower `lr_mean` or `lr_sigma`";
            Error::Learner(message.to_string())
        };
        let (values, vectors) = self.gradient(&utilities).ok_or_else(diverged)?;
        let trace = values.iter().sum::<f64>() / k as f64;
        let mut step = vec![0.0; k];
        for (z, u) in self.noise.chunks_exact(k).zip(&utilities) {
            step.iter_mut().zip(z).for_each(|(sum, z)| *sum += u * z);
        }
        // B exp(rate (G - g I)) = exp(-rate g) (B + sum over eigenvectors v of (exp(rate value) - 1) B v v').
        let rate = 0.5 * self.lr_shape;
        let shrink = (-rate * trace).exp();
        let growth: Vec<f64> = values.iter().map(|value| (rate * value).exp_m1()).collect();
        let length = self.lr_mean * self.sigma;
        let rows = self.mean.par_iter_mut().zip(self.shape.par_chunks_exact_mut(k)).with_min_len(alone(k * self.n));
        rows.for_each(|(mean, row)| {
            *mean += length * dot(row, &step);
            let along: Vec<f64> = vectors.iter().zip(&growth).map(|(v, growth)| growth * dot(row, v)).collect();
            for (v, along) in vectors.iter().zip(along) {
                row.iter_mut().zip(v).for_each(|(x, v)| *x += along * v);
            }
            row.iter_mut().for_each(|x| *x *= shrink);
        });
        self.sigma *= (0.5 * self.lr_sigma * trace).exp();
        self.incumbent.iter_mut().zip(&self.mean).for_each(|(incumbent, mean)| *incumbent = *mean as f32);
        self.genes = asked.into_genes();
        let reach = REACH * (k as f64).sqrt();
        let below = |(mean, sd): (&f64, &f64)| mean.abs() + reach * sd < f64::from(f32::MAX);
        if !self.mean.iter().zip(&self.spread()).all(below) {
            return Err(diverged());
        }
        Ok(())
    }

    fn incumbent(&self) -> &[f32] {
        &self.incumbent
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        let spread = self.spread();
        let (least, greatest) = spread.iter().fold((f64::INFINITY, 0.0f64), |(a, b), sd| (a.min(*sd), b.max(*sd)));
        vec![("sigma", self.sigma), ("sigma_min", least), ("sigma_max", greatest)]
    }

    fn stop(&self) -> Option<String> {
        collapsed(&self.mean, Spread::Each(&self.spread()))
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_f64("xnes.mean", &self.mean);
        state.put_f64("xnes.sigma", &[self.sigma]);
        state.put_f64("xnes.shape", &self.shape);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let k = self.mean.len();
        let (mean, shape) = (state.f64s("xnes.mean", k)?, state.f64s("xnes.shape", k * k)?);
        self.sigma = state.f64s("xnes.sigma", 1)?[0];
        self.incumbent = mean.iter().map(|mean| *mean as f32).collect();
        (self.mean, self.shape) = (mean.to_vec(), shape.to_vec());
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
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    }

    /// `sigma B` is what EvoTorch calls A; how it is split makes no difference while both rates are equal.
    #[test]
    fn one_generation_gives_the_numbers_of_evotorch() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/cma_steps.json")).unwrap();
        let fixture = &all["xnes"];
        let (n, k) = (fixture["n"].as_u64().unwrap() as usize, fixture["k"].as_u64().unwrap() as usize);
        for rows in [n, 4] {
            // With four members fewer than genes, the same by the definition: the exponential as a series.
            let sigma = 0.4;
            let noise = numbers(&fixture["z"])[..rows * k].to_vec();
            let losses: Vec<f32> = numbers(&fixture["losses"])[..rows].iter().map(|x| *x as f32).collect();
            let factor = numbers(&fixture["factor"]);
            let rate = fixture["lr"].as_f64().unwrap();
            let mut es = Xnes {
                n: rows,
                utilities: nes_utilities(rows),
                lr_mean: 1.0,
                lr_sigma: rate,
                lr_shape: rate,
                mean: numbers(&fixture["mean"]),
                sigma,
                shape: factor.iter().map(|a| a / sigma).collect(),
                incumbent: vec![0.0; k],
                noise: noise.clone(),
                genes: Vec::new(),
            };
            es.tell(Population::zeros(rows, k), &losses).unwrap();
            let expected = if rows == n {
                numbers(&fixture["evotorch"]["factor"])
            } else {
                let u = by_member(&nes_utilities(rows), &crate::strategy::fitness::rank(&losses));
                by_series(&factor, &noise, &u, 0.5 * rate, k)
            };
            for (found, expected) in es.shape.iter().map(|b| es.sigma * b).zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{rows} members: {found} against {expected}");
            }
            if rows == n {
                for (found, expected) in es.mean.iter().zip(numbers(&fixture["evotorch"]["mean"])) {
                    assert!((found - expected).abs() < 1e-12, "mean: {found} against {expected}");
                }
            }
        }
    }

    /// `A exp(rate sum u z z')` by thirty terms.
    fn by_series(factor: &[f64], noise: &[f64], u: &[f64], rate: f64, k: usize) -> Vec<f64> {
        let mut gradient = vec![0.0; k * k];
        for (z, u) in noise.chunks_exact(k).zip(u) {
            for i in 0..k {
                (0..k).for_each(|j| gradient[i * k + j] += rate * u * z[i] * z[j]);
            }
        }
        let (mut sum, mut term) = (factor.to_vec(), factor.to_vec());
        for order in 1..30 {
            let entry = |at: usize| {
                let (i, j) = (at / k, at % k);
                (0..k).map(|m| term[i * k + m] * gradient[m * k + j]).sum::<f64>() / f64::from(order)
            };
            term = (0..k * k).map(entry).collect();
            sum.iter_mut().zip(&term).for_each(|(sum, term)| *sum += term);
        }
        sum
    }

    #[test]
    fn the_shape_keeps_its_determinant() {
        let problems = crate::params::Problems::default();
        let table = crate::params::Table::default();
        let params = Params::new(&table, crate::params::Origin::Default, "", &problems);
        let n = Xnes::members(&params, 7);
        let mut es = Xnes::read(&params, 7, n);
        for step in 0..50 {
            let asked = es.ask(&Generation::blind(Progress { step, used: 0.0 }, Seed::new(2).index(step))).unwrap();
            let losses: Vec<f32> = asked.members().map(|genes| genes[0] * genes[0] + 50.0 * genes[3].abs()).collect();
            es.tell(asked, &losses).unwrap();
        }
        // det(B)^2 = det(B B'), the product of its eigenvalues.
        let k = 7;
        let product = |i: usize, j: usize| dot(&es.shape[i * k..(i + 1) * k], &es.shape[j * k..(j + 1) * k]);
        let squared: Vec<f64> = (0..k * k).map(|at| product(at / k, at % k)).collect();
        let values = Eigen::of(&squared, k).unwrap().values;
        let log: f64 = values.iter().map(|value| value.ln()).sum();
        assert!(log.abs() < 1e-10, "{log}");
        assert!(values.iter().fold(0.0f64, |a, b| a.max(*b)) > 2.0, "and it has changed: {values:?}");
    }
}
