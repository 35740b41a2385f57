//! Simulated annealing (Kirkpatrick, Gelatt & Vecchi 1983) with several candidates a step.
//!
//! Each generation is the point where the search stands and candidates around it, all on the same batch. The best candidate
//! is the next point if it is better, and with probability `exp(-difference / temperature)` if it is not (Metropolis et al. 1953).
//! The temperature falls to 0 while the budget is used.

use subevo::entry::Entry;
use subevo::error::{Error, Result};
use subevo::operator::Population;
use subevo::params::Range;
use subevo::state::State;
use subevo::strategy::{Generation, Strategy, StrategyContext};

struct Annealing {
    n: usize,
    sigma: f32,
    /// At the start of the run, in units of the loss.
    hot: f64,
    /// Where the search stands, (k).
    point: Vec<f32>,
    /// Temperature and chance of the generation that was asked last.
    temperature: f64,
    chance: f64,
}

/// Defaults: `population` 64; `sigma` 0.1, a tenth of the spread that weights were drawn with; `temperature` 0.01 at the start, in
/// units of the loss.
pub const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "annealing",
    summary: "one point that moves to the best of its candidates, at first also to worse ones",
    reference: "Kirkpatrick, Gelatt & Vecchi 1983",
    build: |params, context| {
        Ok(Box::new(Annealing {
            n: params.integer("population", Some(64), 2..=1_000_000) as usize,
            sigma: params.float("sigma", Some(0.1), Range::AboveUpTo(0.0, 1000.0)) as f32,
            hot: params.float("temperature", Some(0.01), Range::AtLeast(0.0)),
            point: vec![0.0; context.subset.size],
            temperature: 0.0,
            chance: 0.0,
        }))
    },
};

impl Strategy for Annealing {
    fn population(&self) -> usize {
        self.n
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        self.temperature = self.hot * (1.0 - now.at.used);
        self.chance = f64::from(now.seed.child("chance").rng().uniform());
        let mut members = Population::zeros(self.n, self.point.len());
        for i in 0..self.n {
            let mut rng = now.seed.index(i as u64).rng();
            // Member 0 is the point itself: losses of other batches than this one's say nothing about it.
            let sigma = if i == 0 { 0.0 } else { self.sigma };
            for (gene, here) in members.member_mut(i).iter_mut().zip(&self.point) {
                *gene = here + sigma * rng.normal();
            }
        }
        Ok(members)
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let shape = (asked.len(), asked.size(), losses.len());
        if shape != (self.n, self.point.len(), self.n) {
            return Err(Error::Learner(format!("annealing: told of other members than it asked for: {shape:?}")));
        }
        let known = (1..self.n).filter(|i| !losses[*i].is_nan());
        let best = known.min_by(|a, b| losses[*a].total_cmp(&losses[*b]));
        let worse = |best: usize| f64::from(losses[best]) - f64::from(losses[0]);
        match best {
            // NaN of the point is not below anything, so any candidate with a loss takes its place.
            Some(best) if !(worse(best) >= 0.0 && self.chance >= (-worse(best) / self.temperature).exp()) => {
                self.point.copy_from_slice(asked.member(best));
                Ok(())
            }
            None if losses[0].is_nan() => {
                Err(Error::Learner(format!("annealing: all {} members failed: lower `sigma`", self.n)))
            }
            _ => Ok(()),
        }
    }

    fn incumbent(&self) -> &[f32] {
        &self.point
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        vec![("temperature", self.temperature)]
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_f32("annealing.point", &self.point);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        self.point = state.f32s("annealing.point", self.point.len())?.to_vec();
        Ok(())
    }
}
