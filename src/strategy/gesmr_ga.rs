//! GESMR: a genetic algorithm in which groups of members share a mutation rate, and rates are selected by the best change in
//! their group (Kumar, Liu, Miikkulainen & Stone 2022).
//!
//! Children are copies of parents drawn at random, moved by their group's step size times normals. A group is as good as its
//! best change, the least of `loss(child) - loss(parent)`: the average change would reward ever smaller steps. The best
//! step size stays; each other one is drawn from the better half, times `meta^u`, `u` uniform in -1..1. The next parents are
//! the best of the children and the best parent.
//!
//! The change needs both losses on the same batch: a generation is the parents, evaluated again, and the children. The paper
//! keeps the loss that a parent had; its population is the children alone.

use rayon::prelude::*;

use super::fitness::{rank, rank_told};
use super::options::SIGMA;
use super::samples::{extent, perturb};
use super::samr_ga::SIGMAS;
use super::{Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::alone;
use crate::operator::Population;
use crate::params::{Amount, Params, Range};
use crate::state::State;

struct GesmrGa {
    n: usize,
    kept: usize,
    meta: f64,
    /// Parents, the best first, (parents, k); before the first generation the untouched network alone.
    parents: Population,
    /// A step size for each group, the best group's first.
    sigmas: Vec<f64>,
    /// Step sizes of the groups asked for last, and each child's parent.
    asked: (Vec<f64>, Vec<usize>),
    /// The memory of the generation before.
    genes: Vec<f32>,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "gesmr-ga",
    summary: "genetic algorithm whose mutation rates are selected by the best change in their group",
    reference: "Kumar et al. 2022",
    build: |params, context| Ok(Box::new(GesmrGa::read(params, context.subset.size))),
};

/// Its promises. Changes are differences of losses, so losses count by their value.
pub(super) const CONTRACT: Contract = Contract {
    name: "gesmr-ga",
    rank_based: false,
    least_population: Some(2),
    solves: &[Solve::new("sphere", 10, 1e-6, 16_000), Solve::new("sphere", 2, 1e-6, 12_000)],
};

impl GesmrGa {
    /// Defaults: `population` 64, parents and children together; `parents` 1/3 of them, so that half as many are parents as
    /// children, the share of evosax; `groups` the square root of the number of children, `meta` 2 as in evosax, `sigma` 0.1
    /// at the start.
    fn read(params: &Params<'_>, k: usize) -> Self {
        let n = params.integer("population", Some(64), super::POPULATION) as usize;
        let kept = params.amount("parents", Some(Amount::Fraction(1.0 / 3.0))).of(n).clamp(1, n - 1);
        let children = (n - kept) as u64;
        let groups = params.integer("groups", Some(children.isqrt()), 1..=children) as usize;
        GesmrGa {
            n,
            kept,
            meta: params.float("meta", Some(2.0), Range::AtLeast(1.0)),
            parents: Population::zeros(1, k),
            sigmas: vec![params.float("sigma", Some(SIGMA), Range::AboveUpTo(0.0, 1000.0)); groups],
            asked: (Vec::new(), Vec::new()),
            genes: Vec::new(),
        }
    }
}

/// Groups from the best to the worst by their best change; those without one last.
fn rank_groups(parents: usize, parent_of: &[usize], losses: &[f32], groups: usize) -> Vec<usize> {
    let children = parent_of.len();
    let mut best = vec![f32::NAN; groups];
    for (child, parent) in parent_of.iter().enumerate() {
        let (before, after) = (losses[*parent], losses[parents + child]);
        // A parent that failed on this batch says nothing about the step, nor do two infinite losses.
        let change = after - before;
        let group = child * groups / children;
        best[group] = best[group].min(change);
    }
    rank(&best)
}

impl Strategy for GesmrGa {
    fn population(&self) -> usize {
        self.n
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let seed = now.seed;
        let (k, parents, groups) = (self.parents.size(), self.parents.len(), self.sigmas.len());
        let children = self.n - parents;
        let mut rng = seed.child("rates").rng();
        let better = groups.div_ceil(2);
        let mut fresh = |group: usize| {
            let drawn = self.sigmas[if group == 0 { 0 } else { rng.below(better) }];
            let factor = if group == 0 { 1.0 } else { self.meta.powf(2.0 * f64::from(rng.uniform()) - 1.0) };
            (drawn * factor).clamp(SIGMAS[0], SIGMAS[1])
        };
        let sigmas: Vec<f64> = (0..groups).map(&mut fresh).collect();
        let mut genes = std::mem::take(&mut self.genes);
        genes.resize(self.n * k, 0.0);
        let (again, born) = genes.split_at_mut(parents * k);
        again.copy_from_slice(self.parents.genes());
        let mut parent_of = vec![0; children];
        let members = born.par_chunks_mut(k).zip(&mut parent_of).enumerate();
        members.with_min_len(alone(k)).for_each(|(child, (genes, parent))| {
            let mut rng = seed.index((parents + child) as u64).rng();
            *parent = rng.below(parents);
            genes.copy_from_slice(self.parents.member(*parent));
            perturb(genes, sigmas[child * groups / children], &mut rng);
        });
        self.asked = (sigmas, parent_of);
        Ok(Population::from_genes(genes, k))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let (k, parents) = (self.parents.size(), self.parents.len());
        let order = rank_told("gesmr-ga", &asked, losses, (self.n, k), || {
            format!("lower `sigma` (the greatest is now {:.3e})", extent(&self.sigmas)[2])
        })?;
        let (sigmas, parent_of) = &self.asked;
        if parents + parent_of.len() != self.n {
            let message = "strategy `gesmr-ga`: told losses before it was asked for members";
            return Err(Error::Learner(message.to_string()));
        }
        let groups = rank_groups(parents, parent_of, losses, sigmas.len());
        self.sigmas = groups.iter().map(|group| sigmas[*group]).collect();
        let elite = order.iter().position(|member| *member < parents);
        let next = |(rank, member): (usize, &usize)| (*member >= parents || Some(rank) == elite).then_some(*member);
        let known = order.iter().enumerate().filter_map(next).filter(|member| !losses[*member].is_nan());
        let genes = known.take(self.kept).flat_map(|member| asked.member(member)).copied().collect();
        self.parents = Population::from_genes(genes, k);
        self.genes = asked.into_genes();
        self.asked = (Vec::new(), Vec::new());
        Ok(())
    }

    fn incumbent(&self) -> &[f32] {
        self.parents.member(0)
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        let [least, mean, greatest] = extent(&self.sigmas);
        vec![("sigma", mean), ("sigma_min", least), ("sigma_max", greatest), ("sigma_best", self.sigmas[0])]
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_u64("gesmr-ga.members", &[self.parents.len() as u64]);
        state.put_f32("gesmr-ga.parents", self.parents.genes());
        state.put_f64("gesmr-ga.sigmas", &self.sigmas);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let (k, members) = (self.parents.size(), state.u64s("gesmr-ga.members", 1)?[0] as usize);
        if !(1..=self.kept).contains(&members) {
            return Err(Error::Learner(format!("state: {members} parents, expected 1 to {}", self.kept)));
        }
        let parents = state.f32s("gesmr-ga.parents", members * k)?;
        let sigmas = state.f64s("gesmr-ga.sigmas", self.sigmas.len())?;
        self.parents = Population::from_genes(parents.to_vec(), k);
        self.sigmas = sigmas.to_vec();
        self.asked = (Vec::new(), Vec::new());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::Progress;
    use crate::rng::Seed;

    #[test]
    fn a_group_is_as_good_as_its_best_change_on_the_same_batch() {
        // Parents with losses 1 and 5; groups of two children: changes (-0.5, 9), (-4, NaN), (0, 0), (NaN, NaN).
        let losses = [1.0, 5.0, 0.5, 10.0, 1.0, f32::NAN, 1.0, 5.0, f32::NAN, f32::NAN];
        assert_eq!(rank_groups(2, &[0, 0, 1, 1, 0, 1, 0, 1], &losses, 4), [1, 0, 2, 3]);
    }

    #[test]
    fn the_best_children_and_the_best_parent_alone_are_the_next_parents() {
        let mut ga = GesmrGa {
            n: 6,
            kept: 3,
            meta: 2.0,
            parents: Population::from_genes(vec![10.0, 20.0, 30.0], 1),
            sigmas: vec![1.0, 4.0],
            asked: (vec![1.0, 8.0], vec![0, 1, 2]),
            genes: Vec::new(),
        };
        // Parents 1 and 2 are second and third best, but only the best parent stays.
        let asked = Population::from_genes(vec![10.0, 20.0, 30.0, 11.0, 21.0, 31.0], 1);
        ga.tell(asked, &[5.0, 1.0, 2.0, 3.0, 4.0, 0.0]).unwrap();
        assert_eq!(ga.parents.genes(), [31.0, 20.0, 11.0]);
        // Changes: group 0 has children 0 and 1 (3 - 5, 4 - 1), group 1 child 2 (0 - 2): a tie goes to the first.
        assert_eq!(ga.sigmas, [1.0, 8.0]);
        let at = Progress { step: 0, used: 0.0 };
        let asked = ga.ask(&Generation::blind(at, Seed::new(3))).unwrap();
        assert_eq!((asked.len(), &asked.genes()[..3]), (6, &[31.0, 20.0, 11.0][..]));
        assert_eq!(ga.asked.0[0], 1.0, "the best step size stays");
        assert!((0.5..=2.0).contains(&ga.asked.0[1]), "the other comes from the better half");
    }
}
