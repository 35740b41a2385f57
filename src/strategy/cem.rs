//! Cross-entropy method (Rubinstein 1999; De Boer, Kroese, Mannor & Rubinstein 2005, section 5) with one normal distribution
//! for each gene: mean and deviation of the elites become those of the next generation.
//!
//! `mean += smoothing (m - mean)` and `sigma += smoothing (s - sigma)`, where `m` and `s` are mean and standard deviation
//! (divisor: the number of elites) of the elites, and `s^2` has `noise^2` added to it (Szita & Lőrincz 2006), which keeps
//! the search from closing too early; `noise_decay` shrinks it by a factor each generation.

use super::options::{Decayed, SIGMA};
use super::samples::{check_reach, collapsed, extent, Samples, Spread};
use super::{fitness::rank_told, Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::Result;
use crate::operator::Population;
use crate::params::{Amount, Params, Range};
use crate::state::State;

struct Cem {
    n: usize,
    elites: Amount,
    smoothing: f64,
    noise: Decayed,
    generation: u64,
    mean: Vec<f64>,
    sigma: Vec<f64>,
    /// The mean as f32.
    incumbent: Vec<f32>,
    samples: Samples,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "cem",
    summary: "a normal distribution for each gene, moved to mean and deviation of the elites",
    reference: "Rubinstein 1999; De Boer et al. 2005",
    build: |params, context| Ok(Box::new(Cem::read(params, context.subset.size))),
};

/// Its promises.
pub(super) const CONTRACT: Contract = Contract {
    name: "cem",
    rank_based: true,
    least_population: Some(2),
    solves: &[Solve::new("sphere", 10, 1e-6, 12_000).with("noise = 1.0\nnoise_decay = 0.95")],
};

impl Cem {
    /// Defaults: `population` 64, `elites` 0.5 of them, `smoothing` 0.7 (De Boer et al. 2005, remark 5.2: 0.7 to 1),
    /// `sigma` 0.1, `noise` 0 with a `noise_decay` of 1.
    ///
    /// The papers keep a tenth as elites, of populations of hundreds to thousands; so few of 64 would lose the spread in
    /// most directions within some generations.
    fn read(params: &Params<'_>, k: usize) -> Self {
        let sigma = params.float("sigma", Some(SIGMA), Range::AboveUpTo(0.0, 1000.0));
        Cem {
            n: params.integer("population", Some(64), super::POPULATION) as usize,
            elites: params.amount("elites", Some(Amount::Fraction(0.5))),
            smoothing: params.float("smoothing", Some(0.7), Range::AboveUpTo(0.0, 1.0)),
            noise: Decayed::of(params, "noise_decay", params.float("noise", Some(0.0), Range::AtLeast(0.0))),
            generation: 0,
            mean: vec![0.0; k],
            sigma: vec![sigma; k],
            incumbent: vec![0.0; k],
            samples: Samples::default(),
        }
    }
}

impl Strategy for Cem {
    fn population(&self) -> usize {
        self.n
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let seed = now.seed;
        Ok(self.samples.single(self.n, &self.mean, Spread::Each(&self.sigma), seed))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let k = self.mean.len();
        self.samples.asked("cem")?;
        let order = rank_told("cem", &asked, losses, (self.n, k), || {
            format!("lower `sigma` (its geometric mean is now {:.3e}) or `noise`", extent(&self.sigma)[1])
        })?;
        // A member that failed is no elite.
        let survivors = losses.iter().filter(|loss| !loss.is_nan()).count();
        let elites = self.elites.of(self.n).clamp(1, survivors);
        let mut weights = vec![0.0; self.n];
        order[..elites].iter().for_each(|member| weights[*member] = 1.0 / elites as f64);
        let (first, second) = self.samples.sums(&weights, &weights, k);
        let (smoothing, noise) = (self.smoothing, self.noise.at(self.generation));
        let distribution = self.mean.iter_mut().zip(&mut self.sigma).zip(&mut self.incumbent);
        for (((mean, sigma), incumbent), (z, square)) in distribution.zip(first.into_iter().zip(second)) {
            *mean += smoothing * *sigma * z;
            *incumbent = *mean as f32;
            // The mean of z^2 is `square + 1`.
            let variance = (square + 1.0 - z * z).max(0.0) * *sigma * *sigma;
            *sigma += smoothing * ((variance + noise * noise).sqrt() - *sigma);
        }
        self.generation += 1;
        self.samples.give_back(asked);
        check_reach("cem", &self.mean, Spread::Each(&self.sigma), "lower `sigma` or `noise`")
    }

    fn incumbent(&self) -> &[f32] {
        &self.incumbent
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        let [least, mean, greatest] = extent(&self.sigma);
        vec![("sigma", mean), ("sigma_min", least), ("sigma_max", greatest)]
    }

    fn stop(&self) -> Option<String> {
        collapsed(&self.mean, Spread::Each(&self.sigma))
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_u64("cem.generation", &[self.generation]);
        state.put_f64("cem.mean", &self.mean);
        state.put_f64("cem.sigma", &self.sigma);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let (generation, k) = (state.u64s("cem.generation", 1)?[0], self.mean.len());
        let (mean, sigma) = (state.f64s("cem.mean", k)?, state.f64s("cem.sigma", k)?);
        self.incumbent = mean.iter().map(|mean| *mean as f32).collect();
        (self.generation, self.mean, self.sigma) = (generation, mean.to_vec(), sigma.to_vec());
        self.samples.clear();
        Ok(())
    }
}
