//! SAMR: a genetic algorithm in which each member carries its own mutation rate (Clune et al. 2008), in the form that Kumar,
//! Liu, Miikkulainen & Stone 2022 compare with.
//!
//! The best stays as it is. Each other member is a copy of a parent drawn from the best `parents`; it inherits the parent's
//! step size times `meta^u`, `u` uniform in -1..1, and then moves by that step size times normals. The best is evaluated
//! again in each generation: losses of different batches are never compared.

use rayon::prelude::*;

use super::fitness::{rank, rank_told};
use super::options::SIGMA;
use super::samples::{extent, perturb};
use super::{Contract, Generation, Solve, Strategy, StrategyContext};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::num::alone;
use crate::operator::Population;
use crate::params::{Amount, Params, Range};
use crate::state::State;

/// Step sizes are kept within this, so that they can neither vanish nor carry genes out of f32 where losses say nothing.
pub(super) const SIGMAS: [f64; 2] = [1e-12, 1000.0];

struct SamrGa {
    n: usize,
    kept: Amount,
    meta: f64,
    /// The generation told last, (n, k); before the first the untouched network alone.
    parents: Population,
    losses: Vec<f32>,
    /// Step sizes of the parents.
    sigmas: Vec<f64>,
    /// Members of `parents` that have a loss, from the best on; the start before the first generation.
    order: Vec<usize>,
    /// Step sizes of the members asked for last.
    asked: Vec<f64>,
    /// The memory of the generation before.
    genes: Vec<f32>,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "samr-ga",
    summary: "genetic algorithm whose members inherit their mutation rates",
    reference: "Clune et al. 2008; Kumar et al. 2022",
    build: |params, context| Ok(Box::new(SamrGa::read(params, context.subset.size))),
};

/// Its promises.
pub(super) const CONTRACT: Contract = Contract {
    name: "samr-ga",
    rank_based: true,
    least_population: Some(2),
    solves: &[Solve::new("sphere", 10, 1e-6, 14_000), Solve::new("sphere", 2, 1e-6, 6_000)],
};

impl SamrGa {
    /// Defaults: `population` 64, `parents` the better 0.5 and `meta` 2 as in evosax, `sigma` 0.1 at the start.
    fn read(params: &Params<'_>, k: usize) -> Self {
        SamrGa {
            n: params.integer("population", Some(64), super::POPULATION) as usize,
            kept: params.amount("parents", Some(Amount::Fraction(0.5))),
            meta: params.float("meta", Some(2.0), Range::AtLeast(1.0)),
            parents: Population::zeros(1, k),
            losses: vec![f32::NAN],
            sigmas: vec![params.float("sigma", Some(SIGMA), Range::AboveUpTo(0.0, 1000.0))],
            order: vec![0],
            asked: Vec::new(),
            genes: Vec::new(),
        }
    }
}

impl Strategy for SamrGa {
    fn population(&self) -> usize {
        self.n
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let seed = now.seed;
        let k = self.parents.size();
        let kept = self.kept.of(self.n).clamp(1, self.order.len());
        let mut genes = std::mem::take(&mut self.genes);
        genes.resize(self.n * k, 0.0);
        self.asked.resize(self.n, 0.0);
        let (parents, order, sigmas, meta) = (&self.parents, &self.order, &self.sigmas, self.meta);
        let members = genes.par_chunks_mut(k).zip(&mut self.asked).enumerate();
        members.with_min_len(alone(k)).for_each(|(member, (genes, sigma))| {
            let mut rng = seed.index(member as u64).rng();
            let parent = if member == 0 { order[0] } else { order[rng.below(kept)] };
            genes.copy_from_slice(parents.member(parent));
            *sigma = sigmas[parent];
            if member > 0 {
                *sigma *= meta.powf(2.0 * f64::from(rng.uniform()) - 1.0);
                *sigma = sigma.clamp(SIGMAS[0], SIGMAS[1]);
                perturb(genes, *sigma, &mut rng);
            }
        });
        Ok(Population::from_genes(genes, k))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let mut order = rank_told("samr-ga", &asked, losses, (self.n, self.parents.size()), || {
            format!("lower `sigma` (the greatest is now {:.3e})", extent(&self.sigmas)[2])
        })?;
        if self.asked.is_empty() {
            let message = "strategy `samr-ga`: told losses before it was asked for members";
            return Err(Error::Learner(message.to_string()));
        }
        order.retain(|member| !losses[*member].is_nan());
        self.order = order;
        self.genes = std::mem::replace(&mut self.parents, asked).into_genes();
        self.losses = losses.to_vec();
        self.sigmas.clone_from(&self.asked);
        Ok(())
    }

    fn incumbent(&self) -> &[f32] {
        self.parents.member(self.order[0])
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        let [least, mean, greatest] = extent(&self.sigmas);
        vec![("sigma", mean), ("sigma_min", least), ("sigma_max", greatest)]
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_u64("samr-ga.members", &[self.parents.len() as u64]);
        state.put_f32("samr-ga.parents", self.parents.genes());
        state.put_f32("samr-ga.losses", &self.losses);
        state.put_f64("samr-ga.sigmas", &self.sigmas);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let k = self.parents.size();
        let n = if state.u64s("samr-ga.members", 1)?[0] == 1 { 1 } else { self.n };
        let (losses, sigmas) = (state.f32s("samr-ga.losses", n)?, state.f64s("samr-ga.sigmas", n)?);
        let parents = state.f32s("samr-ga.parents", n * k)?;
        let mut order = rank(losses);
        order.retain(|member| n == 1 || !losses[*member].is_nan());
        if order.is_empty() {
            return Err(Error::Learner("state: `samr-ga.losses` has no loss that is a number".to_string()));
        }
        self.parents = Population::from_genes(parents.to_vec(), k);
        (self.losses, self.sigmas, self.order) = (losses.to_vec(), sigmas.to_vec(), order);
        self.asked.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::Progress;
    use crate::rng::Seed;
    use crate::strategy::testing::build;

    #[test]
    fn children_move_by_the_step_size_they_inherit() {
        let k = 20_000;
        let mut ga = build(&serde_json::json!({}), |params| SamrGa::read(params, k));
        let at = Progress { step: 0, used: 0.0 };
        let asked = ga.ask(&Generation::blind(at, Seed::new(1))).unwrap();
        let (third, inherited) = (asked.member(3).to_vec(), ga.asked[3]);
        assert!(ga.asked.iter().all(|sigma| (0.05..=0.2).contains(sigma)), "{:?}", ga.asked);
        let mut losses = vec![f32::NAN; 64];
        losses[3] = 1.0;
        ga.tell(asked, &losses).unwrap();
        let asked = ga.ask(&Generation::blind(at, Seed::new(2))).unwrap();
        assert_eq!((asked.member(0), ga.asked[0]), (&third[..], inherited), "the best stays");
        for member in 1..64 {
            // The only survivor is everyone's parent.
            let sigma = ga.asked[member];
            assert!((0.5..=2.0).contains(&(sigma / inherited)), "{sigma} of {inherited}");
            let square = |(a, b): (&f32, &f32)| f64::from(a - b).powi(2);
            let variance = asked.member(member).iter().zip(&third).map(square).sum::<f64>() / k as f64;
            let off = 4.0 * (2.0 / k as f64).sqrt();
            assert!((variance / (sigma * sigma) - 1.0).abs() < off, "member {member}: {variance} at {sigma}");
        }
        assert!(extent(&ga.asked)[0] < extent(&ga.asked)[2]);
    }
}
