//! Children of named operators: what the genetic algorithms share.

use rayon::prelude::*;

use super::fitness::alone;
use super::{Generation, StrategyContext};
use crate::entry::Entries;
use crate::error::{Error, Result};
use crate::guard::guarded;
use crate::num::wide;
use crate::operator::{Candidates, CrossoverOperator, MutationOperator, SelectionOperator};
use crate::operator::{OperatorContext, Population, Reporter};
use crate::params::{Params, Range};
use crate::rng::{Rng, Seed};
use crate::subset::Subset;

/// The operators of a genetic algorithm and how often they act.
pub struct Breeder {
    subset: std::sync::Arc<Subset>,
    mutation: Named<dyn MutationOperator>,
    mutation_rate: f32,
    crossover: Named<dyn CrossoverOperator>,
    crossover_rate: f32,
    selection: Named<dyn SelectionOperator>,
}

/// An operator and its name, for messages.
struct Named<T: ?Sized> {
    name: String,
    operator: Box<T>,
}

/// Those that may become parents.
pub struct Ancestors<'a> {
    /// Their genomes, (n, k).
    pub parents: &'a Population,
    /// What they are judged by, (n): their losses, with what they inherited where they inherit; NaN where one failed, and
    /// of the start before the first generation.
    pub losses: &'a [f32],
    /// Those that have a loss, from the best on; the start before the first generation.
    pub order: &'a [usize],
    /// Whether a generation was told. Before, every child is a mutant of the start.
    pub started: bool,
}

/// What comes with the genes of children.
pub struct Bred {
    /// What the parents of each child were judged by, the mean of two where it was crossed; NaN of the start's.
    pub inherited: Vec<f32>,
    /// What the operators left for the records.
    pub reported: Vec<(&'static str, f64)>,
}

impl Breeder {
    /// Reads `mutation` (gaussian of every child) and `crossover` (none) with the defaults of Such et al. 2017,
    /// `selection` (truncation), and the shares of children that they act on, `mutation_rate` and `crossover_rate` (1).
    ///
    /// # Errors
    /// If an operator cannot be built.
    pub fn read(params: &Params<'_>, context: &StrategyContext) -> Result<Self> {
        let rate = |key: &str| params.float(key, Some(1.0), Range::Within(0.0, 1.0)) as f32;
        let (mutation_rate, crossover_rate) = (rate("mutation_rate"), rate("crossover_rate"));
        // All three are read before any is missed, so that every problem is told at once.
        let mutation = named(params, "mutation", "gaussian", &context.operators.mutations);
        let crossover = named(params, "crossover", "none", &context.operators.crossovers);
        let selection = named(params, "selection", "truncation", &context.operators.selections);
        let (Some(mutation), Some(crossover), Some(selection)) = (mutation, crossover, selection) else {
            return Err(Error::Learner("an operator could not be built".to_string()));
        };
        let needs = [("mutation", mutation.operator.needs_spans()), ("crossover", crossover.operator.needs_spans())];
        for (key, _) in needs.iter().filter(|(_, needs)| *needs && context.subset.spans.is_empty()) {
            let name = if *key == "mutation" { &mutation.name } else { &crossover.name };
            let message = format!(
                "{key} `{name}` works on layers and filters, but the coordinates of a subspace belong to none: \
                 take another {key}, or leave out `subset.subspace`"
            );
            params.problem(key, message, None);
        }
        let subset = context.subset.clone();
        Ok(Breeder { subset, mutation, mutation_rate, crossover, crossover_rate, selection })
    }

    /// What to do where all members failed.
    pub fn remedy(&self) -> String {
        format!("make the steps of mutation `{}` smaller", self.mutation.name)
    }

    /// Makes children in `genes`, (children, k), the first of which is member `first` of its generation.
    ///
    /// # Errors
    /// If an operator broke its contract, with its name.
    pub fn breed(
        &self,
        ancestors: &Ancestors<'_>,
        genes: &mut [f32],
        first: usize,
        now: &Generation<'_>,
    ) -> Result<Bred> {
        let (k, seed) = (self.subset.size, now.seed);
        let parents = self.select(ancestors, genes.len() / k, seed)?;
        let made: Vec<Result<(f32, Reporter)>> = genes
            .par_chunks_mut(k)
            .zip(&parents)
            .enumerate()
            .with_min_len(alone(k))
            .map(|(child, (genes, parents))| {
                self.make(ancestors, genes, now, *parents, &mut seed.index((first + child) as u64).rng())
            })
            .collect();
        let (reports, mut inherited) = (Reporter::default(), Vec::with_capacity(made.len()));
        for child in made {
            let (loss, report) = child?;
            inherited.push(loss);
            reports.absorb(report);
        }
        Ok(Bred { inherited, reported: reports.take() })
    }

    /// The first and the second parent of each child.
    fn select(&self, ancestors: &Ancestors<'_>, children: usize, seed: Seed) -> Result<Vec<(usize, usize)>> {
        if !ancestors.started {
            return Ok(vec![(0, 0); children]);
        }
        let mut rng = seed.child("selection").rng();
        let from = Candidates { order: ancestors.order, losses: ancestors.losses };
        let mut draw = || {
            let who = || format!("selection `{}`", self.selection.name);
            guarded(who, || self.selection.operator.select(&from, children, &mut rng))
        };
        let (first, second) = (draw()?, draw()?);
        let wrong = |i: &&usize| ancestors.losses.get(**i).is_none_or(|loss| loss.is_nan());
        for chosen in [&first, &second] {
            let stray = chosen.iter().find(wrong).map(|i| format!(", member {i} among them")).unwrap_or_default();
            if chosen.len() != children || !stray.is_empty() {
                return Err(Error::Learner(format!(
                    "selection `{}` gave {} parents{stray}: it must give {children}, each one of the members it is shown",
                    self.selection.name,
                    chosen.len(),
                )));
            }
        }
        Ok(first.into_iter().zip(second).collect())
    }

    /// Makes one child in `genes`; gives what its parents were judged by and what was reported.
    fn make(
        &self,
        ancestors: &Ancestors<'_>,
        genes: &mut [f32],
        now: &Generation<'_>,
        parents: (usize, usize),
        rng: &mut Rng,
    ) -> Result<(f32, Reporter)> {
        let report = Reporter::default();
        let context = OperatorContext {
            at: now.at,
            subset: &self.subset,
            base: now.network.base(),
            draws: now.network.draws(),
            parents: ancestors.parents,
            order: ancestors.order,
            parent: parents.0,
            parent_loss: ancestors.losses[parents.0],
            report: &report,
        };
        genes.copy_from_slice(ancestors.parents.member(parents.0));
        let mut inherited = ancestors.losses[parents.0];
        // At the start there is nothing to cross, and a child that is not mutated would only repeat the start.
        if ancestors.started && rng.uniform() < self.crossover_rate {
            let (who, other) = (|| format!("crossover `{}`", self.crossover.name), ancestors.parents.member(parents.1));
            guarded(who, || self.crossover.operator.cross(genes, other, &context, rng))?;
            self.check("crossover", &self.crossover.name, genes)?;
            if self.crossover.operator.mixes() {
                inherited = (inherited + ancestors.losses[parents.1]) / 2.0;
            }
        }
        if !ancestors.started || rng.uniform() < self.mutation_rate {
            let who = || format!("mutation `{}`", self.mutation.name);
            guarded(who, || self.mutation.operator.mutate(genes, &context, rng))?;
            self.check("mutation", &self.mutation.name, genes)?;
        }
        Ok((inherited, report))
    }

    fn check(&self, kind: &str, name: &str, genes: &[f32]) -> Result<()> {
        // Without an early end the usual case, all finite, is looked through many genes at a time.
        let finite = wide(
            #[inline(always)]
            || genes.iter().fold(true, |finite, gene| finite & gene.is_finite()),
        );
        if finite {
            return Ok(());
        }
        let gene = genes.iter().position(|gene| !gene.is_finite()).expect("one of them is not finite");
        let span = self.subset.spans.iter().find(|span| (span.gene..span.gene + span.length).contains(&gene));
        let place = span.map(|span| format!(", in `{}`", span.parameter)).unwrap_or_default();
        Err(Error::Learner(format!(
            "{kind} `{name}` made gene {gene}{place} {}: genes must stay finite; make its steps smaller or mend it",
            genes[gene]
        )))
    }
}

/// Builds the operator under `key`, a name or a table with a `name`.
fn named<T: ?Sized>(params: &Params<'_>, key: &str, default: &str, registry: &Entries<T>) -> Option<Named<T>> {
    params
        .named(key, Some(default), |name, origin, inner| {
            Some(Named { name: name.to_string(), operator: registry.build(name, origin, inner, &())? })
        })
        .flatten()
}
