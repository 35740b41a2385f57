//! (1+1)-ES with the 1/5 success rule (Rechenberg 1973), in the form of Kern, Müller, Hansen, Büche, Ocenasek & Koumoutsakos
//! 2004: the step size changes after every child.
//!
//! The child is `parent + sigma z`, and takes the parent's place where its loss is not greater. Then
//! `sigma *= exp((success - 1/5) / damping)`, with 1 or 0 for the success: one step up makes up for four down, so the
//! step size rests where one child in five succeeds.
//!
//! A generation is the parent and one child: losses of different batches are never compared, so the parent is evaluated
//! again beside each child, which doubles the evaluations of the textbook.

use super::options::SIGMA;
use super::samples::{check_reach, collapsed, Samples, Spread};
use super::{fitness::rank_told, Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::Result;
use crate::operator::Population;
use crate::params::{Params, Range};
use crate::state::State;

/// The share of children that succeed where the step size rests.
const SUCCESS: f64 = 0.2;

struct OnePlusOneEs {
    sigma: f64,
    damping: f64,
    parent: Vec<f32>,
    samples: Samples,
    /// Whether the last child took its parent's place.
    succeeded: bool,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "one-plus-one-es",
    summary: "one parent, one child, the step size by the 1/5 success rule",
    reference: "Rechenberg 1973; Kern et al. 2004",
    build: |params, context| Ok(Box::new(OnePlusOneEs::read(params, context.subset.size))),
};

/// Its promises.
pub(super) const CONTRACT: Contract = Contract {
    name: "one-plus-one-es",
    rank_based: true,
    least_population: None,
    solves: &[
        Solve::new("sphere", 10, 1e-6, 2_000),
        Solve::new("sphere", 100, 1e-6, 16_000),
        Solve::new("sphere", 2, 1e-6, 1_000),
    ],
};

impl OnePlusOneEs {
    /// Defaults: `sigma` 0.1, `damping` sqrt(k + 1) as in Hansen, Arnold & Auger 2015, section 3.1.
    fn read(params: &Params<'_>, k: usize) -> Self {
        OnePlusOneEs {
            sigma: params.float("sigma", Some(SIGMA), Range::AboveUpTo(0.0, 1000.0)),
            damping: params.float("damping", Some((k as f64 + 1.0).sqrt()), Range::AtLeast(0.1)),
            parent: vec![0.0; k],
            samples: Samples::default(),
            succeeded: false,
        }
    }
}

impl Strategy for OnePlusOneEs {
    fn population(&self) -> usize {
        2
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let seed = now.seed;
        let mut asked = self.samples.single(2, &self.parent, Spread::One(self.sigma), seed);
        asked.member_mut(0).copy_from_slice(&self.parent);
        Ok(asked)
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        rank_told("one-plus-one-es", &asked, losses, (2, self.parent.len()), || {
            format!("lower `sigma` (now {:.3e})", self.sigma)
        })?;
        self.succeeded = losses[1] <= losses[0] || losses[0].is_nan();
        if self.succeeded {
            self.parent.copy_from_slice(asked.member(1));
        }
        self.sigma *= ((f64::from(u8::from(self.succeeded)) - SUCCESS) / self.damping).exp();
        self.samples.give_back(asked);
        check_reach("one-plus-one-es", &self.parent, Spread::One(self.sigma), "lower `sigma`")
    }

    fn incumbent(&self) -> &[f32] {
        &self.parent
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        vec![("sigma", self.sigma), ("success", f64::from(u8::from(self.succeeded)))]
    }

    fn stop(&self) -> Option<String> {
        collapsed(&self.parent, Spread::One(self.sigma))
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_f32("one-plus-one-es.parent", &self.parent);
        state.put_f64("one-plus-one-es.sigma", &[self.sigma]);
        state.put_u64("one-plus-one-es.succeeded", &[u64::from(self.succeeded)]);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let parent = state.f32s("one-plus-one-es.parent", self.parent.len())?;
        let (sigma, succeeded) =
            (state.f64s("one-plus-one-es.sigma", 1)?[0], state.u64s("one-plus-one-es.succeeded", 1)?[0]);
        (self.parent, self.sigma, self.succeeded) = (parent.to_vec(), sigma, succeeded > 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::Progress;
    use crate::rng::Seed;

    #[test]
    fn one_success_makes_up_for_four_failures() {
        let (parent, samples) = (vec![0.0; 3], Samples::default());
        let mut es = OnePlusOneEs { sigma: 1.0, damping: 2.0, parent, samples, succeeded: false };
        let mut sigmas = Vec::new();
        for (step, losses) in [[1.0, 1.0], [1.0, 2.0], [3.0, f32::NAN], [1.0, 1.5], [0.5, 0.75]].iter().enumerate() {
            let asked =
                es.ask(&Generation::blind(Progress { step: step as u64, used: 0.0 }, Seed::new(step as u64))).unwrap();
            assert_eq!(asked.member(0), es.incumbent());
            let child = asked.member(1).to_vec();
            es.tell(asked, losses).unwrap();
            assert_eq!(es.incumbent() == child, step == 0, "an equal child is taken, a worse or failed one is not");
            sigmas.push(es.sigma);
        }
        assert!((sigmas[0] - 0.4f64.exp()).abs() < 1e-12 && (sigmas[4] - 1.0).abs() < 1e-12, "{sigmas:?}");
        let asked = es.ask(&Generation::blind(Progress { step: 9, used: 0.0 }, Seed::new(9))).unwrap();
        let child = asked.member(1).to_vec();
        es.tell(asked, &[f32::NAN, 7.0]).unwrap();
        assert_eq!(es.incumbent(), child, "a parent that fails on the batch falls");
    }
}
