//! Parents and their trials: what the differential evolutions share.
//!
//! A generation is all parents and one trial for each. Parents are evaluated again beside their trials, because losses of
//! different batches are never compared: so a generation has twice as many members as the papers' populations. The first
//! generation is the start and samples around it, as many again, and its better half becomes the first parents.

use rayon::prelude::*;

use super::fitness::{rank, rank_told};
use super::samples::{Samples, Spread};
use crate::error::{Error, Result};
use crate::num::{alone, wide};
use crate::operator::Population;
use crate::rng::{uniform_of, Rng, Seed};
use crate::state::State;

/// Fewest parents: a trial needs three others.
pub const LEAST: usize = 4;

/// Parents, their losses on the last batch, and memory to be used again.
pub struct Duels {
    strategy: &'static str,
    /// Parents at the start, half of the members of a generation.
    most: usize,
    sigma: f64,
    /// The parents, (parents, k); before the first generation the start alone.
    pub parents: Population,
    /// Their losses on the last batch; one NaN before the first.
    losses: Vec<f32>,
    /// Parents from the best on; those that failed last.
    pub order: Vec<usize>,
    samples: Samples,
    genes: Vec<f32>,
}

impl Duels {
    /// `parents` parents of `k` genes; the first are drawn around the start with `sigma`.
    pub fn new(strategy: &'static str, parents: usize, k: usize, sigma: f64) -> Self {
        Duels {
            strategy,
            most: parents,
            sigma,
            parents: Population::zeros(1, k),
            losses: vec![f32::NAN],
            order: vec![0],
            samples: Samples::default(),
            genes: Vec::new(),
        }
    }

    /// Members of the greatest generation.
    pub fn members(&self) -> usize {
        2 * self.most
    }

    /// Whether a generation was told.
    pub fn started(&self) -> bool {
        self.parents.len() >= LEAST
    }

    /// The parents and then their trials; `trial` fills the genes of a parent's trial. Before the first generation the
    /// start and samples around it.
    pub fn ask(&mut self, seed: Seed, trial: impl Fn(&Duels, usize, &mut [f32], &mut Rng) + Sync) -> Population {
        let k = self.parents.size();
        if !self.started() {
            let mut asked = self.samples.single(self.members(), self.parents.genes(), Spread::One(self.sigma), seed);
            asked.member_mut(0).copy_from_slice(self.parents.genes());
            return asked;
        }
        let parents = self.parents.len();
        let mut genes = std::mem::take(&mut self.genes);
        genes.resize(2 * parents * k, 0.0);
        let (again, trials) = genes.split_at_mut(parents * k);
        again.copy_from_slice(self.parents.genes());
        trials.par_chunks_mut(k).enumerate().with_min_len(alone(k)).for_each(|(i, genes)| {
            trial(self, i, genes, &mut seed.index(i as u64).rng());
        });
        Population::from_genes(genes, k)
    }

    /// Lets each trial with a loss that is not greater take its parent's place; `won` is told of each parent that had the
    /// greater loss, its genes and what was gained. After the first generation, the better half become parents.
    ///
    /// # Errors
    /// If all failed or the shapes do not fit; nothing is changed then.
    pub fn tell(&mut self, asked: Population, losses: &[f32], mut won: impl FnMut(usize, &[f32], f64)) -> Result<()> {
        let k = self.parents.size();
        let parents = self.parents.len();
        let members = if self.started() { 2 * parents } else { self.members() };
        let order = rank_told(self.strategy, &asked, losses, (members, k), || {
            format!("lower `sigma` (the first parents were drawn with {:.3e})", self.sigma)
        })?;
        if self.started() {
            for i in 0..parents {
                let (old, new) = (losses[i], losses[parents + i]);
                if new <= old || (old.is_nan() && !new.is_nan()) {
                    if old.is_nan() || new < old {
                        won(i, self.parents.member(i), f64::from(old) - f64::from(new));
                    }
                    self.parents.member_mut(i).copy_from_slice(asked.member(parents + i));
                    self.losses[i] = new;
                } else {
                    self.losses[i] = old;
                }
            }
        } else {
            let best = &order[..self.most];
            let genes = best.iter().flat_map(|member| asked.member(*member)).copied().collect();
            self.parents = Population::from_genes(genes, k);
            self.losses = best.iter().map(|member| losses[*member]).collect();
            self.samples = Samples::default();
        }
        self.order = rank(&self.losses);
        self.genes = asked.into_genes();
        Ok(())
    }

    /// Keeps so many of the best parents, in their order.
    pub fn shrink(&mut self, parents: usize) {
        if !self.started() || parents >= self.parents.len() {
            return;
        }
        let mut kept = self.order[..parents].to_vec();
        kept.sort_unstable();
        let genes = kept.iter().flat_map(|parent| self.parents.member(*parent)).copied().collect();
        self.parents = Population::from_genes(genes, self.parents.size());
        self.losses = kept.iter().map(|parent| self.losses[*parent]).collect();
        self.order = rank(&self.losses);
    }

    /// The best parent, or the start.
    pub fn best(&self) -> &[f32] {
        self.parents.member(self.order[0])
    }

    /// The greatest distance of a gene between the best parent and the worst: what is left of the spread.
    pub fn extent(&self) -> f64 {
        let worst = self.parents.member(self.order[self.order.len() - 1]);
        self.best().iter().zip(worst).fold(0.0, |most, (a, b)| f64::from((a - b).abs()).max(most))
    }

    /// Why no trial can differ from its parent, if so.
    pub fn stop(&self) -> Option<String> {
        let first = self.parents.member(0);
        let equal = self.started() && self.parents.members().all(|parent| parent == first);
        equal.then(|| format!("all {} parents are equal: no trial can differ", self.parents.len()))
    }

    /// Parents and losses.
    pub fn save(&self) -> State {
        let mut state = State::default();
        state.put_u64("members", &[self.parents.len() as u64]);
        state.put_f32("parents", self.parents.genes());
        state.put_f32("losses", &self.losses);
        state
    }

    /// Takes over a saved state.
    ///
    /// # Errors
    /// If it does not fit; nothing is changed then.
    pub fn load(&mut self, state: &State) -> Result<()> {
        let parents = state.u64s("members", 1)?[0] as usize;
        if parents != 1 && !(LEAST..=self.most).contains(&parents) {
            return Err(Error::Learner(format!("state: {parents} parents, expected {LEAST} to {}", self.most)));
        }
        let losses = state.f32s("losses", parents)?;
        let genes = state.f32s("parents", parents * self.parents.size())?;
        self.parents = Population::from_genes(genes.to_vec(), self.parents.size());
        (self.losses, self.order) = (losses.to_vec(), rank(losses));
        Ok(())
    }
}

/// Draws an index below `n` that is none of `others`.
pub fn another(n: usize, others: &[usize], rng: &mut Rng) -> usize {
    loop {
        let i = rng.below(n);
        if !others.contains(&i) {
            return i;
        }
    }
}

/// The mutant `base + scale (target - base) + scale (a - b)` of which a trial takes genes.
pub struct Mutant<'a> {
    /// Where it starts.
    pub base: &'a [f32],
    /// What it goes towards; the base itself where it goes nowhere.
    pub target: &'a [f32],
    /// The difference that is added.
    pub difference: [&'a [f32]; 2],
    /// F of the papers.
    pub scale: f32,
}

impl Mutant<'_> {
    /// Binomial crossover (Storn & Price 1997): a gene comes from the mutant with probability `rate` (CR), one drawn at random
    /// always, the others from the parent. So does a gene that would leave f32.
    pub fn cross(&self, trial: &mut [f32], parent: &[f32], rate: f32, rng: &mut Rng) {
        let Mutant { base, target, difference: [a, b], scale } = *self;
        let gene = |j: usize| base[j] + scale * (target[j] - base[j]) + scale * (a[j] - b[j]);
        let always = rng.below(trial.len());
        let mut words = [0; 1024];
        for start in (0..trial.len()).step_by(words.len()) {
            let end = (start + words.len()).min(trial.len());
            let words = &mut words[..end - start];
            rng.fill_word(words);
            let [base, target, a, b, parent] = [base, target, a, b, parent].map(|genes| &genes[start..end]);
            let trial = &mut trial[start..end];
            wide(
                #[inline(always)]
                || {
                    for j in 0..words.len() {
                        let gene = base[j] + scale * (target[j] - base[j]) + scale * (a[j] - b[j]);
                        // By masks: as a branch it would be guessed wrong half of the time.
                        let taken = u32::from((uniform_of(words[j]) < rate) & gene.is_finite()).wrapping_neg();
                        trial[j] = f32::from_bits(parent[j].to_bits() & !taken | gene.to_bits() & taken);
                    }
                },
            );
        }
        if gene(always).is_finite() {
            trial[always] = gene(always);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_asked_share_of_genes_is_the_mutants_and_at_least_one() {
        let k = 50_000;
        let of = |x: f32| vec![x; k];
        let (base, target, a, b, parent) = (of(1.0), of(3.0), of(10.0), of(6.0), of(-1.0));
        let mutant = Mutant { base: &base, target: &target, difference: [&a, &b], scale: 0.5 };
        let taken = |rate: f32| {
            let mut trial = of(0.0);
            mutant.cross(&mut trial, &parent, rate, &mut Seed::new(5).rng());
            // 1 + 0.5 (3 - 1) + 0.5 (10 - 6) = 4.
            assert!(trial.iter().all(|gene| [4.0, -1.0].contains(gene)));
            trial.iter().filter(|gene| **gene == 4.0).count()
        };
        assert_eq!((taken(0.0), taken(1.0)), (1, k));
        assert!((taken(0.3) as f64 - 15_000.0).abs() < 4.0 * (k as f64 * 0.3 * 0.7).sqrt());
        let far = Mutant { difference: [&of(f32::MAX), &of(f32::MIN)], ..mutant };
        let mut trial = of(0.0);
        far.cross(&mut trial, &parent, 1.0, &mut Seed::new(5).rng());
        assert_eq!(trial, parent, "a gene beyond f32 stays the parent's");
    }

    #[test]
    fn trials_meet_their_own_parents_on_the_same_batch() {
        let mut duels = Duels::new("it", 4, 1, 1.0);
        let none = |_: usize, _: &[f32], _: f64| unreachable!("there are no parents yet");
        let first = duels.ask(Seed::new(1), |_, _, _, _| unreachable!("there are no parents yet"));
        assert_eq!((first.len(), first.member(0)), (8, &[0.0][..]));
        let kept: Vec<f32> = [5, 1, 3, 0].iter().map(|member| first.member(*member)[0]).collect();
        duels.tell(first, &[4.0, 1.0, 9.0, 2.0, 8.0, 0.0, f32::NAN, 7.0], none).unwrap();
        assert_eq!(duels.parents.genes(), kept);
        let asked = duels.ask(Seed::new(2), |_, i, genes, _| genes[0] = 100.0 + i as f32);
        assert_eq!(asked.genes()[..4], kept);
        let mut told = Vec::new();
        // Worse, equal, failed, and better than a parent that fails on this batch.
        let losses = [1.0, 2.0, 3.0, f32::NAN, 1.5, 2.0, f32::NAN, 0.5];
        duels.tell(asked, &losses, |i, old, gain| told.push((i, old[0], gain.is_nan()))).unwrap();
        assert_eq!(duels.parents.genes(), [kept[0], 101.0, kept[2], 103.0]);
        assert_eq!((told, duels.best()[0]), (vec![(3, kept[3], true)], 103.0));
        duels.shrink(4);
        assert_eq!(duels.parents.len(), 4);
        assert_eq!(duels.order, [3, 0, 1, 2]);
    }
}
