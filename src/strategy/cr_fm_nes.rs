//! CR-FM-NES (Nomura & Ono 2022, "Fast Moving Natural Evolution Strategy for High-Dimensional Problems"): a natural evolution
//! strategy with the covariance `sigma^2 D (I + v v') D` whose rates depend on whether it moves, stalls or converges.
//!
//! Members come in pairs, `mean +- sigma D y` with `y = (I + v v')^(1/2) z`. The path of the step size, `p`, grows while steps agree:
//!
//! - moving (`|p| >= E|N(0, I)|`): members that lie further out weigh more, `exp(alpha |z|)` times as much;
//! - stalling (`|p| >= E|N(0, I)| / 10`) and converging: ranks alone weigh.
//!
//! `sigma` has a rate `eta` of its own for each of the three.
//!
//! Then `mean += sum(w (x - mean))`, D and v follow the natural gradient (`diagonal_and_axis.rs`) of the members and of the mean's
//! path, D is divided by the size of the covariance, `sigma *= exp(eta / 2 sum(w (|z|^2 / k - 1)))`. The paper's `c_1` is that of CMA-ES times `(k - 5) / 6`, here at
//! least 1/2, so that it is positive for few genes too; and no step changes D or v by more than 70 %, as in VD-CMA.

use rayon::prelude::*;

use super::cumulation::expected_length;
use super::diagonal_and_axis::DiagonalAndAxis;
use super::fitness::rank_told;
use super::options::{even_population, PAIRS};
use super::samples::{collapsed, Spread, REACH};
use super::{Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::{alone, dot};
use crate::operator::Population;
use crate::params::{Params, Range};
use crate::state::State;

struct CrFmNes {
    n: usize,
    rates: Rates,
    mean: Vec<f64>,
    sigma: f64,
    model: DiagonalAndAxis,
    /// Path of the step size (k).
    path_sigma: Vec<f64>,
    /// Path of the mean (k).
    path_mean: Vec<f64>,
    /// The mean as f32.
    incumbent: Vec<f32>,
    /// Standard normals of the pairs that were asked for last, (n / 2, k), and their `y`; empty before the first.
    noise: Vec<f64>,
    steps: Vec<f64>,
    /// The memory of the genes that were told last.
    genes: Vec<f32>,
}

/// Weights and rates of the paper, for `n` members of `k` genes.
struct Rates {
    /// By rank (n), not below 0.
    raw: Vec<f64>,
    /// `raw` over its sum, less `1 / n`.
    ranked: Vec<f64>,
    mu_eff: f64,
    c_sigma: f64,
    c_c: f64,
    c_1: f64,
    /// How much more distance counts.
    alpha: f64,
    stall: f64,
    converge: f64,
    eta_b: f64,
    /// E|N(0, I)|.
    expected: f64,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "cr-fm-nes",
    summary: "natural evolution strategy of a diagonal and one axis that speeds up while it moves",
    reference: "Nomura & Ono 2022",
    build: |params, context| Ok(Box::new(CrFmNes::read(params, context.subset.size))),
};

/// Its promises.
pub(super) const CONTRACT: Contract = Contract {
    name: "cr-fm-nes",
    rank_based: true,
    least_population: Some(4),
    solves: &[
        Solve::new("sphere", 10, 1e-8, 10_000),
        Solve::new("ellipsoid", 10, 1e-6, 20_000),
        Solve::new("rosenbrock", 10, 1e-8, 40_000),
        Solve::new("sphere", 100, 1e-8, 20_000),
        Solve::new("cigar", 20, 1e-8, 10_000),
    ],
};

impl Rates {
    fn new(n: usize, k: usize) -> Self {
        let (members, d) = (n as f64, k as f64);
        let raw: Vec<f64> = (1..=n).map(|i| ((members / 2.0 + 1.0).ln() - (i as f64).ln()).max(0.0)).collect();
        let sum: f64 = raw.iter().sum();
        let mu_eff = sum * sum / raw.iter().map(|w| w * w).sum::<f64>();
        Rates {
            ranked: raw.iter().map(|w| w / sum - 1.0 / members).collect(),
            raw,
            mu_eff,
            c_sigma: (mu_eff + 2.0) / (d + mu_eff + 5.0),
            c_c: (4.0 + mu_eff / d) / (d + 4.0 + 2.0 * mu_eff / d),
            c_1: 2.0 / ((d + 1.3).powi(2) + mu_eff) * ((d - 5.0) / 6.0).max(0.5),
            alpha: distance(d) * (members / d).sqrt().min(1.0),
            stall: ((0.024 * members + 0.7 * d + 20.0) / (d + 12.0)).tanh(),
            converge: 2.0 * ((0.025 * members + 0.75 * d + 10.0) / (d + 4.0)).tanh(),
            eta_b: (((0.02 * members).min(3.0 * d.ln()) + 5.0) / (0.23 * d + 25.0)).tanh(),
            expected: expected_length(d),
        }
    }
}

/// The `a` with `(1 + a^2) exp(a^2 / 2) / 0.24 = 10 + k`, by bisection.
fn distance(k: f64) -> f64 {
    let (mut low, mut high) = (0.0f64, 10.0f64);
    for _ in 0..100 {
        let a = 0.5 * (low + high);
        if (1.0 + a * a) * (a * a / 2.0).exp() / 0.24 > 10.0 + k {
            high = a;
        } else {
            low = a;
        }
    }
    0.5 * (low + high)
}

impl CrFmNes {
    /// Defaults: `population` 4 + floor(3 ln k), rounded up to even; `sigma` 0.1, a tenth of the init std that genes are
    /// measured in.
    fn read(params: &Params<'_>, k: usize) -> Self {
        let default = (4 + (3.0 * (k as f64).ln()) as u64).next_multiple_of(2);
        // The two members of a single pair are equally far away, and say nothing of the step size.
        let n = even_population(params, default, 4, PAIRS);
        CrFmNes {
            n,
            rates: Rates::new(n, k),
            mean: vec![0.0; k],
            sigma: params.float("sigma", Some(0.1), Range::AboveUpTo(0.0, 1000.0)),
            model: DiagonalAndAxis::new(k),
            path_sigma: vec![0.0; k],
            path_mean: vec![0.0; k],
            incumbent: vec![0.0; k],
            noise: Vec::new(),
            steps: Vec::new(),
            genes: Vec::new(),
        }
    }

    /// The pair of a member, and its side of it.
    fn pair(member: usize) -> (usize, f64) {
        (member / 2, if member.is_multiple_of(2) { 1.0 } else { -1.0 })
    }
}

impl Strategy for CrFmNes {
    fn population(&self) -> usize {
        self.n
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let seed = now.seed;
        let (k, sigma) = (self.mean.len(), self.sigma);
        self.model.begin(seed);
        let mut genes = std::mem::take(&mut self.genes);
        genes.resize(self.n * k, 0.0);
        self.noise.resize(self.n / 2 * k, 0.0);
        self.steps.resize(self.n / 2 * k, 0.0);
        let (model, mean) = (&self.model, &self.mean);
        let pairs = genes.par_chunks_mut(2 * k).zip(self.noise.par_chunks_mut(k)).zip(self.steps.par_chunks_mut(k));
        pairs.enumerate().with_min_len(alone(k)).for_each(|(pair, ((genes, noise), steps))| {
            let mut drawn = vec![0.0; k];
            seed.index(pair as u64).rng().fill_normal(&mut drawn);
            noise.iter_mut().zip(&drawn).for_each(|(noise, z)| *noise = f64::from(*z));
            steps.copy_from_slice(noise);
            model.stretch(steps);
            let (plus, minus) = genes.split_at_mut(k);
            for (((plus, minus), mean), (y, d)) in plus.iter_mut().zip(minus).zip(mean).zip(steps.iter().zip(&model.d))
            {
                let step = sigma * d * y;
                (*plus, *minus) = ((mean + step) as f32, (mean - step) as f32);
            }
        });
        Ok(Population::from_genes(genes, k))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let k = self.mean.len();
        if self.noise.is_empty() {
            let message = "strategy `cr-fm-nes`: told losses before it was asked for members";
            return Err(Error::Learner(message.to_string()));
        }
        let order =
            rank_told("cr-fm-nes", &asked, losses, (self.n, k), || format!("lower `sigma` (now {:.3e})", self.sigma))?;
        let rates = &self.rates;
        // Sums of z over members, by pairs: the two of a pair have opposite signs.
        let by_pair = |weights: &[f64], opposite: bool| {
            let mut sums = vec![0.0; self.n / 2];
            for (member, weight) in order.iter().zip(weights) {
                let (pair, side) = Self::pair(*member);
                sums[pair] += if opposite { side * weight } else { *weight };
            }
            sums
        };
        let combined = |rows: &[f64], weights: &[f64]| {
            let mut sum = vec![0.0; k];
            for (row, weight) in rows.chunks_exact(k).zip(weights) {
                sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += weight * x);
            }
            sum
        };
        let step = combined(&self.noise, &by_pair(&rates.ranked, true));
        let grow = (rates.c_sigma * (2.0 - rates.c_sigma) * rates.mu_eff).sqrt();
        for (path, step) in self.path_sigma.iter_mut().zip(&step) {
            *path = (1.0 - rates.c_sigma) * *path + grow * step;
        }
        let length = dot(&self.path_sigma, &self.path_sigma).sqrt();
        let moving = length >= rates.expected;
        let squares: Vec<f64> = self.noise.chunks_exact(k).map(|z| dot(z, z)).collect();
        let weights = if moving {
            // Less the greatest, so that none is infinite; they are divided by their sum.
            let most = squares.iter().fold(0.0, |most: f64, square| most.max(rates.alpha * square.sqrt()));
            let far = |(rank, member): (usize, &usize)| {
                rates.raw[rank] * (rates.alpha * squares[Self::pair(*member).0].sqrt() - most).exp()
            };
            let far: Vec<f64> = order.iter().enumerate().map(far).collect();
            let sum: f64 = far.iter().sum();
            far.into_iter().map(|w| w / sum - 1.0 / self.n as f64).collect()
        } else {
            rates.ranked.clone()
        };
        let mean_step: Vec<f64> = combined(&self.steps, &by_pair(&weights, true))
            .into_iter()
            .zip(&self.model.d)
            .map(|(y, d)| d * y)
            .collect();
        let grow = (rates.c_c * (2.0 - rates.c_c) * rates.mu_eff).sqrt();
        for (path, step) in self.path_mean.iter_mut().zip(&mean_step) {
            *path = (1.0 - rates.c_c) * *path + grow * step;
        }
        let sigma = self.sigma;
        self.mean.iter_mut().zip(&mean_step).for_each(|(mean, step)| *mean += sigma * step);
        // The gradient has y as a square, so both of a pair count alike.
        let paired = by_pair(&weights, false);
        let mut taken: Vec<f64> = paired.iter().map(|weight| rates.eta_b * weight).collect();
        let mut rows = self.steps.clone();
        rows.extend(self.path_mean.iter().zip(&self.model.d).map(|(path, d)| path / d));
        taken.push(rates.c_1);
        let gradient = self.model.gradient(&rows, &taken);
        self.model.follow(&gradient);
        let size = self.model.size();
        self.model.d.iter_mut().for_each(|d| *d /= size);
        let growth: f64 = squares.iter().zip(&paired).map(|(square, weight)| weight * (square / k as f64 - 1.0)).sum();
        let eta = match length {
            _ if moving => 1.0,
            length if length >= 0.1 * rates.expected => rates.stall,
            _ => rates.converge,
        };
        self.sigma *= (0.5 * eta * growth).exp();
        self.incumbent.iter_mut().zip(&self.mean).for_each(|(incumbent, mean)| *incumbent = *mean as f32);
        self.genes = asked.into_genes();
        let reach = REACH * (k as f64).sqrt() * self.sigma;
        let below = |(mean, sd): (&f64, f64)| mean.abs() + reach * sd < f64::from(f32::MAX);
        if !self.mean.iter().zip(self.model.spread()).all(below) {
            let message = "strategy `cr-fm-nes`: it diverged beyond what f32 can hold: lower `sigma`";
            return Err(Error::Learner(message.to_string()));
        }
        Ok(())
    }

    fn incumbent(&self) -> &[f32] {
        &self.incumbent
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        let (least, greatest) = self.model.spread().fold((f64::INFINITY, 0.0f64), |(a, b), sd| (a.min(sd), b.max(sd)));
        vec![("sigma", self.sigma), ("sigma_min", self.sigma * least), ("sigma_max", self.sigma * greatest)]
    }

    fn stop(&self) -> Option<String> {
        let spread: Vec<f64> = self.model.spread().map(|sd| self.sigma * sd).collect();
        collapsed(&self.mean, Spread::Each(&spread))
    }

    fn save(&self) -> State {
        let mut state = State::default();
        self.model.save("cr-fm-nes", &mut state);
        state.put_f64("cr-fm-nes.mean", &self.mean);
        state.put_f64("cr-fm-nes.sigma", &[self.sigma]);
        state.put_f64("cr-fm-nes.path_sigma", &self.path_sigma);
        state.put_f64("cr-fm-nes.path_mean", &self.path_mean);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let k = self.mean.len();
        let model = DiagonalAndAxis::load("cr-fm-nes", state, k)?;
        let [mean, path_sigma, path_mean] = [
            state.f64s("cr-fm-nes.mean", k)?,
            state.f64s("cr-fm-nes.path_sigma", k)?,
            state.f64s("cr-fm-nes.path_mean", k)?,
        ];
        self.sigma = state.f64s("cr-fm-nes.sigma", 1)?[0];
        (self.mean, self.path_sigma, self.path_mean) = (mean.to_vec(), path_sigma.to_vec(), path_mean.to_vec());
        self.incumbent = self.mean.iter().map(|mean| *mean as f32).collect();
        self.model = model;
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

    #[test]
    fn one_generation_gives_the_numbers_of_the_authors() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/cma_steps.json")).unwrap();
        for fixture in all["cr_fm_nes"].as_array().unwrap() {
            let (n, k) = (fixture["n"].as_u64().unwrap() as usize, fixture["k"].as_u64().unwrap() as usize);
            let model = DiagonalAndAxis { d: numbers(&fixture["diagonal"]), v: numbers(&fixture["axis"]) };
            let noise = numbers(&fixture["z"]);
            let mut steps = noise.clone();
            steps.chunks_exact_mut(k).for_each(|y| model.stretch(y));
            let mut es = CrFmNes {
                n,
                rates: Rates::new(n, k),
                mean: numbers(&fixture["mean"]),
                sigma: fixture["sigma"].as_f64().unwrap(),
                model,
                path_sigma: numbers(&fixture["path_sigma"]),
                path_mean: numbers(&fixture["path_mean"]),
                incumbent: vec![0.0; k],
                noise,
                steps,
                genes: Vec::new(),
            };
            let losses: Vec<f32> = numbers(&fixture["losses"]).into_iter().map(|x| x as f32).collect();
            es.tell(Population::zeros(n, k), &losses).unwrap();
            let after = &fixture["crfmnes"];
            for (key, found) in [
                ("mean", &es.mean),
                ("diagonal", &es.model.d),
                ("axis", &es.model.v),
                ("path_sigma", &es.path_sigma),
                ("path_mean", &es.path_mean),
            ] {
                for (found, expected) in found.iter().zip(numbers(&after[key])) {
                    assert!((found - expected).abs() < 1e-9, "{key}: {found} against {expected}");
                }
            }
            let sigma = after["sigma"].as_f64().unwrap();
            assert!((es.sigma - sigma).abs() < 1e-9, "{} against {sigma}", es.sigma);
        }
    }
}
