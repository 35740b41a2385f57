//! Children of named operators: what the genetic algorithms share.

use rayon::prelude::*;

use super::carried::Carried;
use super::{Generation, StrategyContext};
use crate::entry::Entries;
use crate::error::{Error, Result};
use crate::guard::guarded;
use crate::num::{alone, wide};
use crate::operator::{Candidates, CrossoverOperator, MutationOperator, SelectionOperator};
use crate::operator::{Needs, OperatorContext, Population, Reporter};
use crate::params::{Params, Range};
use crate::rng::{Rng, Seed};
use crate::subset::Subset;

/// The operators of a genetic algorithm and how often they act.
pub struct Breeder {
    subset: std::sync::Arc<Subset>,
    classes: usize,
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

/// What is left of a child that was made.
struct Made {
    report: Reporter,
    /// Its genes before they were mutated, (k), where the mutation refines them afterwards.
    before: Option<Vec<f32>>,
    /// The numbers that it carries.
    carried: Vec<f32>,
    /// What its parents were judged by.
    inherited: f32,
}

/// Those that may become parents.
pub struct Ancestors<'a> {
    /// Their genomes, (n, k).
    pub parents: &'a Population,
    /// What they are judged by, (n): their losses, with what they inherited where they inherit; NaN where one failed, and
    /// of the start before the first generation.
    pub losses: &'a [f32],
    /// Their losses by class, (n, classes); empty where they were not told.
    pub by_class: &'a [f32],
    /// Those that have a loss, from the best on; the start before the first generation.
    pub order: &'a [usize],
    /// What the operators keep with each of them.
    pub carried: &'a Carried,
    /// Whether a generation was told. Before, every child is a mutant of the start.
    pub started: bool,
}

/// What comes with the genes of children.
pub struct Bred {
    /// What the operators keep with each child, one row after the other.
    pub carried: Vec<f32>,
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
        let (subset, classes) = (context.subset.clone(), context.classes);
        Ok(Breeder { subset, classes, mutation, mutation_rate, crossover, crossover_rate, selection })
    }

    /// What the operators look at of the network where a generation has so many children, at most, beyond the losses.
    pub fn needs(&self, children: usize) -> Needs {
        self.mutation.operator.needs(children, self.classes) + self.selection.operator.needs()
    }

    /// What the operators keep with the start.
    ///
    /// # Errors
    /// If an operator panicked, with its name.
    pub fn carries(&self) -> Result<Carried> {
        let who = || format!("mutation `{}`", self.mutation.name);
        Ok(Carried::new(guarded(who, || self.mutation.operator.carries(&self.subset))?))
    }

    /// How many of the best of `n` members the selection itself lets survive; `None` where it leaves that open.
    pub fn survivors(&self, n: usize) -> Option<usize> {
        self.selection.operator.survivors(n)
    }

    /// The name of the selection, for messages.
    pub fn selection(&self) -> &str {
        &self.selection.name
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
        let made: Vec<Result<Made>> = genes
            .par_chunks_mut(k)
            .zip(&parents)
            .enumerate()
            .with_min_len(alone(k))
            .map(|(child, (genes, parents))| {
                self.make(ancestors, genes, now, *parents, &mut seed.index((first + child) as u64).rng())
            })
            .collect();
        let (reports, mut mutants) = (Reporter::default(), Vec::new());
        let (mut carried, mut inherited) = (Vec::new(), Vec::with_capacity(made.len()));
        for (child, made) in made.into_iter().enumerate() {
            let Made { report, before, carried: own, inherited: loss } = made?;
            carried.extend(own);
            inherited.push(loss);
            reports.absorb(report);
            mutants.extend(before.map(|before| (child, before)));
        }
        self.refine(genes, mutants, now, &reports)?;
        Ok(Bred { carried, inherited, reported: reports.take() })
    }

    /// Has the mutation look at the networks of its mutants, each with what it was before.
    fn refine(
        &self,
        genes: &mut [f32],
        mutants: Vec<(usize, Vec<f32>)>,
        now: &Generation<'_>,
        report: &Reporter,
    ) -> Result<()> {
        if mutants.is_empty() {
            return Ok(());
        }
        let k = self.subset.size;
        let (places, before): (Vec<usize>, Vec<Vec<f32>>) = mutants.into_iter().unzip();
        let of_child = |child: &usize| &genes[child * k..(child + 1) * k];
        let mut children = Population::from_genes(places.iter().flat_map(of_child).copied().collect(), k);
        let before = Population::from_genes(before.into_iter().flatten().collect(), k);
        let Named { name, operator } = &self.mutation;
        let of_operator = |error: Error| Error::Learner(format!("mutation `{name}`: {error}"));
        guarded(|| format!("mutation `{name}`"), || operator.refine(&mut children, &before, now.network, report))?
            .map_err(of_operator)?;
        let shape = (children.len(), children.size());
        if shape != (places.len(), k) {
            return Err(Error::Learner(format!(
                "mutation `{name}` gave {} children of {} genes: it must leave the {} of {k} that it is given",
                shape.0,
                shape.1,
                places.len()
            )));
        }
        for (child, refined) in places.iter().zip(children.members()) {
            self.check("mutation", name, refined)?;
            genes[child * k..(child + 1) * k].copy_from_slice(refined);
        }
        Ok(())
    }

    /// The first and the second parent of each child.
    fn select(&self, ancestors: &Ancestors<'_>, children: usize, seed: Seed) -> Result<Vec<(usize, usize)>> {
        if !ancestors.started {
            return Ok(vec![(0, 0); children]);
        }
        let mut rng = seed.child("selection").rng();
        let Ancestors { order, losses, by_class, .. } = *ancestors;
        if self.selection.operator.needs().class_losses && by_class.is_empty() {
            return Err(Error::Learner(format!(
                "selection `{}` needs losses by class, and only whole losses were told: take another selection here",
                self.selection.name
            )));
        }
        let from = Candidates { order, losses, by_class };
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

    /// Makes one child in `genes`; gives what comes with it.
    fn make(
        &self,
        ancestors: &Ancestors<'_>,
        genes: &mut [f32],
        now: &Generation<'_>,
        parents: (usize, usize),
        rng: &mut Rng,
    ) -> Result<Made> {
        let mut before = None;
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
        let mut carried = ancestors.carried.of(parents.0).to_vec();
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
            before = self.mutation.operator.refines().then(|| genes.to_vec());
            let who = || format!("mutation `{}`", self.mutation.name);
            guarded(who, || self.mutation.operator.mutate_carrying(genes, &mut carried, &context, rng))?;
            self.check("mutation", &self.mutation.name, genes)?;
            if let Some(i) = carried.iter().position(|number| !number.is_finite()) {
                return Err(Error::Learner(format!(
                    "mutation `{}` made number {i} of those that a member carries {}: they must stay finite; mend it",
                    self.mutation.name, carried[i]
                )));
            }
        }
        Ok(Made { report, before, carried, inherited })
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
