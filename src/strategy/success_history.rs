//! Scale and crossover rate drawn from a memory of what succeeded, and an archive of beaten parents: the common part of SHADE
//! (Tanabe & Fukunaga 2013) and L-SHADE (Tanabe & Fukunaga 2014).
//!
//! Trial `i` draws a slot `r` of the memory, `rate = N(M_CR[r], 0.1)` cut to 0..1 and `scale = Cauchy(M_F[r], 0.1)`, again
//! where that is not above 0, at most 1 (2013, eq. 5 and 6). Its mutant is
//! `x + scale (p - x) + scale (r1 - r2)`: `p` one of the best, `r1` a parent, `r2` a parent or an archived one. After
//! a generation with successes one slot takes their means weighted by what each gained (2013, eq. 7 to 11; 2014, eq. 7 to 9).

use super::duels::{another, Duels, Mutant};
use crate::error::Result;
use crate::operator::Population;
use crate::rng::{Rng, Seed};
use crate::state::State;

/// Where the two papers differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// SHADE: arithmetic mean of the rates, each trial with a share of best parents of its own.
    Shade,
    /// L-SHADE: Lehmer mean of the rates, which end at 0 for good once all that succeed are 0; a fixed share of best parents.
    LShade,
}

/// What was drawn for a trial.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Draw {
    rate: f64,
    scale: f64,
    /// Best parents that it chooses its target from.
    best: usize,
}

/// A success: index of the trial and what it gained.
type Success = (usize, f64);

/// Duels with a memory and an archive.
pub struct SuccessHistory {
    strategy: &'static str,
    rule: Rule,
    /// Parents, their losses and trials.
    pub duels: Duels,
    /// `M_CR`, (slots); NaN is the rate that stays 0 for good.
    rates: Vec<f64>,
    /// `M_F`, (slots).
    scales: Vec<f64>,
    /// The slot that is written next.
    slot: usize,
    /// Archived genomes, (archived, k).
    archive: Vec<f32>,
    /// Archived genomes at most, for each parent.
    archive_share: f64,
    /// For the trials that were asked for last.
    drawn: Vec<Draw>,
    /// Where the archive loses a random row: the address of the generation asked for last.
    seed: Seed,
}

/// The share of best parents of L-SHADE (2014, section V.B).
const BEST_SHARE: f64 = 0.11;

impl SuccessHistory {
    /// A memory of `slots` slots, all 0.5 as in both papers, and an archive of `archive_share` times the parents.
    pub fn new(strategy: &'static str, rule: Rule, duels: Duels, slots: usize, archive_share: f64) -> Self {
        SuccessHistory {
            strategy,
            rule,
            duels,
            rates: vec![0.5; slots],
            scales: vec![0.5; slots],
            slot: 0,
            archive: Vec::new(),
            archive_share,
            drawn: Vec::new(),
            seed: Seed::new(0),
        }
    }

    fn draw(&self, parents: usize, rng: &mut Rng) -> Draw {
        let slot = rng.below(self.rates.len());
        let normal = f64::from(rng.normal());
        let rate = if self.rates[slot].is_nan() { 0.0 } else { (self.rates[slot] + 0.1 * normal).clamp(0.0, 1.0) };
        let scale = loop {
            let angle = std::f64::consts::PI * (f64::from(rng.uniform()) - 0.5);
            let scale = self.scales[slot] + 0.1 * angle.tan();
            if scale > 0.0 {
                break scale.min(1.0);
            }
        };
        let share = match self.rule {
            // 2013, eq. 12: uniform in 2 / parents to 0.2.
            Rule::Shade => {
                let least = 2.0 / parents as f64;
                least + f64::from(rng.uniform()) * (0.2 - least).max(0.0)
            }
            Rule::LShade => BEST_SHARE,
        };
        Draw { rate, scale, best: ((share * parents as f64).round() as usize).clamp(2, parents) }
    }

    /// The parents and their trials.
    pub fn ask(&mut self, seed: Seed) -> Population {
        let parents = self.duels.parents.len();
        let k = self.duels.parents.size();
        self.seed = seed;
        let rates = seed.child("rates");
        // Before the first generation there are no trials to draw for.
        let trials = if self.duels.started() { parents } else { 0 };
        self.drawn = (0..trials).map(|i| self.draw(parents, &mut rates.index(i as u64).rng())).collect();
        let (drawn, archive) = (&self.drawn, &self.archive);
        self.duels.ask(seed, |duels, i, trial, rng| {
            let Draw { rate, scale, best } = drawn[i];
            let target = duels.order[rng.below(best)];
            let first = another(parents, &[i], rng);
            let second = another(parents + archive.len() / k, &[i, first], rng);
            let parent = |i: usize| duels.parents.member(i);
            let archived = |i: usize| &archive[i * k..(i + 1) * k];
            let second = if second < parents { parent(second) } else { archived(second - parents) };
            let (base, target, difference) = (parent(i), parent(target), [parent(first), second]);
            Mutant { base, target, difference, scale: scale as f32 }.cross(trial, base, rate as f32, rng);
        })
    }

    /// Learns from the duels.
    ///
    /// # Errors
    /// As [`Duels::tell`].
    pub fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let mut successes: Vec<Success> = Vec::new();
        let mut beaten: Vec<f32> = Vec::new();
        self.duels.tell(asked, losses, |i, parent, gain| {
            successes.push((i, gain));
            beaten.extend_from_slice(parent);
        })?;
        self.archive.append(&mut beaten);
        self.trim_archive();
        self.learn(&successes);
        Ok(())
    }

    /// Takes random rows out of the archive until it fits.
    fn trim_archive(&mut self) {
        let k = self.duels.parents.size();
        let most = (self.archive_share * self.duels.parents.len() as f64).round() as usize;
        let mut rng = self.seed.child("archive").rng();
        while self.archive.len() > most * k {
            let last = self.archive.len() / k - 1;
            let out = rng.below(last + 1);
            self.archive.copy_within(last * k.., out * k);
            self.archive.truncate(last * k);
        }
    }

    /// Keeps the best parents alone, and an archive that fits them.
    pub fn shrink(&mut self, parents: usize, seed: Seed) {
        self.duels.shrink(parents);
        self.seed = seed;
        self.trim_archive();
    }

    fn learn(&mut self, successes: &[Success]) {
        if successes.is_empty() {
            return;
        }
        // A parent that had failed gave way without a number: it counts as the greatest gain there is.
        let known = || successes.iter().map(|(_, gain)| *gain).filter(|gain| gain.is_finite());
        let greatest = known().fold(0.0, f64::max);
        let greatest = if greatest > 0.0 { greatest } else { 1.0 };
        let weigh = |(i, gain): &Success| (self.drawn[*i], if gain.is_finite() { *gain } else { greatest });
        let weighed: Vec<(Draw, f64)> = successes.iter().map(weigh).collect();
        let sum = |of: &dyn Fn(&Draw) -> f64| weighed.iter().map(|(draw, weight)| weight * of(draw)).sum::<f64>();
        let lehmer = |of: &dyn Fn(&Draw) -> f64| sum(&|draw| of(draw) * of(draw)) / sum(of);
        self.rates[self.slot] = match self.rule {
            Rule::Shade => sum(&|draw| draw.rate) / sum(&|_| 1.0),
            Rule::LShade if self.rates[self.slot].is_nan() || weighed.iter().all(|(draw, _)| draw.rate == 0.0) => {
                f64::NAN
            }
            Rule::LShade => lehmer(&|draw| draw.rate),
        };
        self.scales[self.slot] = lehmer(&|draw| draw.scale);
        self.slot = (self.slot + 1) % self.rates.len();
    }

    /// Means over the memory, a rate that stays 0 as 0, and the duels' own.
    pub fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        let rates: Vec<f64> = self.rates.iter().map(|rate| if rate.is_nan() { 0.0 } else { *rate }).collect();
        vec![
            ("rate", crate::num::mean(&rates)),
            ("scale", crate::num::mean(&self.scales)),
            ("parents", self.duels.parents.len() as f64),
            ("extent", self.duels.extent()),
        ]
    }

    /// All that matters between two generations.
    pub fn save(&self) -> State {
        let (mut state, mut inner) = (State::default(), self.duels.save());
        inner.put_f64("rates", &self.rates);
        inner.put_f64("scales", &self.scales);
        inner.put_u64("slot", &[self.slot as u64, (self.archive.len() / self.duels.parents.size()) as u64]);
        inner.put_f32("archive", &self.archive);
        state.nest(self.strategy, inner);
        state
    }

    /// Takes over a saved state.
    ///
    /// # Errors
    /// If it does not fit; nothing is changed then.
    pub fn load(&mut self, state: &State) -> Result<()> {
        let (state, slots, k) = (state.inner(self.strategy), self.rates.len(), self.duels.parents.size());
        let (rates, scales) = (state.f64s("rates", slots)?, state.f64s("scales", slots)?);
        let counts = state.u64s("slot", 2)?;
        let archive = state.f32s("archive", counts[1] as usize * k)?;
        self.duels.load(&state)?;
        (self.rates, self.scales, self.slot) = (rates.to_vec(), scales.to_vec(), counts[0] as usize % slots);
        self.archive = archive.to_vec();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(rule: Rule) -> SuccessHistory {
        let mut it = SuccessHistory::new("it", rule, Duels::new("it", 4, 1, 1.0), 2, 0.5);
        let draw = |rate: f64, scale: f64| Draw { rate, scale, best: 2 };
        it.drawn = vec![draw(0.2, 0.5), draw(0.6, 1.0), draw(0.0, 0.25)];
        it
    }

    #[test]
    fn a_slot_takes_the_means_of_what_succeeded_weighted_by_gains() {
        let mut shade = history(Rule::Shade);
        shade.learn(&[(0, 1.0), (1, 3.0)]);
        // (0.2 + 3 * 0.6) / 4; Lehmer (0.25 + 3) / (0.5 + 3).
        assert!((shade.rates[0] - 0.5).abs() < 1e-15 && (shade.scales[0] - 3.25 / 3.5).abs() < 1e-15);
        shade.learn(&[]);
        assert_eq!((shade.slot, shade.rates[1]), (1, 0.5));
        let mut lshade = history(Rule::LShade);
        lshade.learn(&[(0, 1.0), (1, 3.0)]);
        // (0.04 + 3 * 0.36) / (0.2 + 3 * 0.6).
        assert!((lshade.rates[0] - 1.12 / 2.0).abs() < 1e-15, "{}", lshade.rates[0]);
        // A gain without a number counts as the greatest.
        lshade.learn(&[(0, 1.0), (1, f64::NAN)]);
        assert!((lshade.rates[1] - 0.4 / 0.8).abs() < 1e-15, "{}", lshade.rates[1]);
    }

    #[test]
    fn rates_that_only_succeed_at_zero_stay_there_in_l_shade_alone() {
        for (rule, ends) in [(Rule::Shade, false), (Rule::LShade, true)] {
            let mut it = history(rule);
            it.learn(&[(2, 1.0)]);
            it.learn(&[(0, 1.0)]);
            it.learn(&[(1, 1.0)]);
            assert_eq!(it.rates[0].is_nan(), ends, "{rule:?}");
            let drawn = it.draw(30, &mut Seed::new(1).rng());
            assert!(drawn.rate <= 1.0 && drawn.scale > 0.0 && drawn.scale <= 1.0 && drawn.best >= 2);
        }
    }

    #[test]
    fn the_archive_holds_its_share_of_the_parents() {
        let mut it = history(Rule::LShade);
        it.duels.parents = Population::zeros(4, 1);
        it.archive = vec![1.0, 2.0, 3.0, 4.0, 5.0];
        it.trim_archive();
        assert_eq!(it.archive.len(), 2);
        assert!(it.archive[0] != it.archive[1]);
    }
}
