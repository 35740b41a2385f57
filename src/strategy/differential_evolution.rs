//! Differential evolution (Storn & Price 1997) with binomial crossover, by `variant` as in Zhang & Sanderson 2009:
//!
//! - `rand/1`: mutant `r1 + F (r2 - r3)` of three parents drawn at random;
//! - `best/1`: mutant `best + F (r1 - r2)`;
//! - `current-to-pbest/1`: mutant `parent + F (p - parent) + F (r1 - r2)`, `p` one of the best `share`, without an archive.
//!
//! A gene of the trial is the mutant's with probability `rate` (CR). `population` counts what is evaluated in a
//! generation: half of them are parents, evaluated again (NP of the papers is `population / 2`).

use super::duels::{another, Duels, Mutant, LEAST};
use super::options::{even_population, SIGMA};
use super::{Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::Result;
use crate::operator::Population;
use crate::params::{Params, Range};
use crate::state::State;

const NAME: &str = "differential-evolution";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Variant {
    Rand,
    Best,
    CurrentToPbest,
}

struct DifferentialEvolution {
    duels: Duels,
    variant: Variant,
    scale: f32,
    rate: f32,
    share: f64,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: NAME,
    summary: "each parent against a trial made of differences between others",
    reference: "Storn & Price 1997; Zhang & Sanderson 2009",
    build: |params, context| Ok(Box::new(DifferentialEvolution::read(params, context.subset.size))),
};

/// Its promises. The greedy variants lose their spread with a `scale` of 0.5 before they have come from 3 to 0.
pub(super) const CONTRACT: Contract = Contract {
    name: NAME,
    rank_based: true,
    least_population: Some(2 * LEAST as u64),
    solves: &[
        Solve::new("sphere", 10, 1e-6, 14_000),
        Solve::new("ellipsoid", 10, 1e-6, 20_000),
        Solve::new("schwefel", 5, 1e-4, 12_000).with("sigma = 2.0"),
        Solve::new("sphere", 10, 1e-6, 14_000).with("variant = \"best/1\"\nscale = 0.8"),
        Solve::new("sphere", 10, 1e-6, 14_000).with("variant = \"current-to-pbest/1\"\nscale = 0.8"),
    ],
};

impl DifferentialEvolution {
    /// Defaults: `population` 64 (even: 32 parents), `variant` rand/1, `scale` (F) 0.5 and `rate` (CR) 0.9 as Storn & Price
    /// 1997 advise for a quick start, `share` 0.1, within the 0.05 to 0.2 that Zhang & Sanderson 2009 advise; `sigma` 0.1 is the spread of the first
    /// parents around the start.
    fn read(params: &Params<'_>, k: usize) -> Self {
        const VARIANTS: [&str; 3] = ["rand/1", "best/1", "current-to-pbest/1"];
        let n = even_population(params, 64, 2 * LEAST as u64, "each parent has one trial");
        let sigma = params.float("sigma", Some(SIGMA), Range::AboveUpTo(0.0, 1000.0));
        DifferentialEvolution {
            duels: Duels::new(NAME, n / 2, k, sigma),
            variant: match params.choice("variant", Some(VARIANTS[0]), &VARIANTS) {
                "best/1" => Variant::Best,
                "current-to-pbest/1" => Variant::CurrentToPbest,
                _ => Variant::Rand,
            },
            scale: params.float("scale", Some(0.5), Range::AboveUpTo(0.0, 2.0)) as f32,
            rate: params.float("rate", Some(0.9), Range::Within(0.0, 1.0)) as f32,
            share: params.float("share", Some(0.1), Range::AboveUpTo(0.0, 1.0)),
        }
    }
}

impl Strategy for DifferentialEvolution {
    fn population(&self) -> usize {
        self.duels.members()
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let seed = now.seed;
        let (variant, scale, rate, share) = (self.variant, self.scale, self.rate, self.share);
        Ok(self.duels.ask(seed, |duels, i, trial, rng| {
            let n = duels.parents.len();
            let parent = |i: usize| duels.parents.member(i);
            let first = another(n, &[i], rng);
            let second = another(n, &[i, first], rng);
            let (base, target, difference) = match variant {
                Variant::Rand => (first, first, [second, another(n, &[i, first, second], rng)]),
                Variant::Best => (duels.order[0], duels.order[0], [first, second]),
                Variant::CurrentToPbest => {
                    let best = ((share * n as f64).round() as usize).clamp(1, n);
                    (i, duels.order[rng.below(best)], [first, second])
                }
            };
            let mutant =
                Mutant { base: parent(base), target: parent(target), difference: difference.map(parent), scale };
            mutant.cross(trial, parent(i), rate, rng);
        }))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        self.duels.tell(asked, losses, |_, _, _| {})
    }

    fn incumbent(&self) -> &[f32] {
        self.duels.best()
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        vec![("extent", self.duels.extent())]
    }

    fn stop(&self) -> Option<String> {
        self.duels.stop()
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.nest(NAME, self.duels.save());
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        self.duels.load(&state.inner(NAME))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::Progress;
    use crate::rng::Seed;

    /// Trials of parents at 0, 1, 10, 100, 1000 whose losses rise with their values; all genes are the mutant's.
    fn trials(variant: Variant) -> Vec<f32> {
        let mut duels = Duels::new(NAME, 5, 1, 1.0);
        let values = vec![0.0, 1.0, 10.0, 100.0, 1000.0, 2e3, 3e3, 4e3, 5e3, 6e3];
        duels.tell(Population::from_genes(values.clone(), 1), &values, |_, _, _| {}).unwrap();
        let mut it = DifferentialEvolution { duels, variant, scale: 0.5, rate: 1.0, share: 0.2 };
        let at = Progress { step: 0, used: 0.0 };
        (0..50)
            .flat_map(|seed| it.ask(&Generation::blind(at, Seed::new(seed))).unwrap().genes()[5..].to_vec())
            .collect()
    }

    /// Every mutant that may be made of the parents `[0, 1, 10, 100, 1000]` by `of(parent, r1, r2, r3)`.
    fn possible(of: impl Fn(f32, f32, f32, f32) -> f32) -> Vec<Vec<f32>> {
        let values = [0.0, 1.0, 10.0, 100.0, 1000.0];
        let others = |taken: &[usize]| (0..5).filter(|j| !taken.contains(j)).collect::<Vec<_>>();
        let of_parent = |i: usize| {
            let mut all = Vec::new();
            for a in others(&[i]) {
                for b in others(&[i, a]) {
                    all.extend(others(&[i, a, b]).iter().map(|c| of(values[i], values[a], values[b], values[*c])));
                }
            }
            all
        };
        (0..5).map(of_parent).collect()
    }

    #[test]
    fn each_variant_makes_its_own_mutants_of_distinct_parents() {
        let of = [
            (Variant::Rand, possible(|_, a, b, c| a + 0.5 * (b - c))),
            (Variant::Best, possible(|_, a, b, _| 0.5 * (a - b))),
            (Variant::CurrentToPbest, possible(|x, a, b, _| x + 0.5 * (0.0 - x) + 0.5 * (a - b))),
        ];
        for (variant, possible) in of {
            for (trial, gene) in trials(variant).iter().enumerate() {
                assert!(possible[trial % 5].contains(gene), "{variant:?}, parent {}: {gene}", trial % 5);
            }
        }
    }
}
