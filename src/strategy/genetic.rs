//! Genetic algorithm put together from named operators (Holland 1975; for networks, Such et al. 2017).
//!
//! Generation 0 is the untouched network and mutants of it. Then the best `elites` stay as they are, and each other
//! member is a copy of a selected parent, crossed with a second one and mutated. Elites are members like any other and
//! so are evaluated again: losses of different batches are never compared. Members that failed are no parents.

use rayon::prelude::*;

use super::fitness::{alone, rank, rank_told};
use super::{Contract, Solve, Strategy, StrategyContext, Target};
use crate::entry::{Entries, Entry};
use crate::error::{Error, Result};
use crate::num::wide;
use crate::operator::{CrossoverOperator, MutationOperator, SelectionOperator};
use crate::operator::{OperatorContext, Population, Progress, Reporter};
use crate::params::{Params, Range};
use crate::rng::{Rng, Seed};
use crate::state::State;
use crate::subset::Subset;

struct Genetic {
    subset: std::sync::Arc<Subset>,
    n: usize,
    elites: usize,
    mutation: Named<dyn MutationOperator>,
    mutation_rate: f32,
    crossover: Named<dyn CrossoverOperator>,
    crossover_rate: f32,
    selection: Named<dyn SelectionOperator>,
    /// The generation told last, (n, k); before the first, the untouched network alone.
    parents: Population,
    /// Their losses; NaN before the first.
    losses: Vec<f32>,
    /// Members of `parents` that have a loss, from the best on; the start before the first generation.
    order: Vec<usize>,
    /// The memory of the generation before.
    genes: Vec<f32>,
    /// What the operators left of the generation asked last.
    reported: Vec<(&'static str, f64)>,
}

/// An operator and its name, for messages.
struct Named<T: ?Sized> {
    name: String,
    operator: Box<T>,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: "genetic",
    summary: "genetic algorithm of a named mutation, crossover and selection",
    reference: "Holland 1975; Such et al. 2017",
    build: |params, context| Ok(Box::new(Genetic::read(params, context)?)),
};

/// Its promises.
pub(super) const CONTRACT: Contract = Contract {
    name: "genetic",
    rank_based: true,
    least_population: Some(2),
    solves: &[Solve {
        function: "sphere",
        dim: 10,
        rotate: false,
        target: Target::Value(1.0),
        evaluations: 20_000,
        params: "mutation = { name = \"gaussian\", sigma = 0.1 }",
    }],
};

impl Genetic {
    /// Defaults: `population` 64, one elite, `mutation` gaussian of every child and `crossover` none as in Such et al.
    /// 2017, `selection` truncation; a crossover that is named acts on every child (`crossover_rate` 1).
    fn read(params: &Params<'_>, context: &StrategyContext) -> Result<Self> {
        let n = params.integer("population", Some(64), super::POPULATION);
        let elites = params.integer("elites", Some(1), 0..=n - 1) as usize;
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
        let k = context.subset.size;
        Ok(Genetic {
            subset: context.subset.clone(),
            n: n as usize,
            elites,
            mutation,
            mutation_rate,
            crossover,
            crossover_rate,
            selection,
            parents: Population::zeros(1, k),
            losses: vec![f32::NAN],
            order: vec![0],
            genes: Vec::new(),
            reported: Vec::new(),
        })
    }

    /// Whether a generation was told.
    fn started(&self) -> bool {
        self.losses.len() == self.n
    }

    /// The first and the second parent of each child.
    fn select(&self, children: usize, seed: Seed) -> Result<Vec<(usize, usize)>> {
        if !self.started() {
            return Ok(vec![(0, 0); children]);
        }
        let mut rng = seed.child("selection").rng();
        let mut draw = || self.selection.operator.select(&self.order, children, &mut rng);
        let (first, second) = (draw(), draw());
        let wrong = |i: &&usize| self.losses.get(**i).is_none_or(|loss| loss.is_nan());
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

    /// Makes one child in `genes`.
    fn make(&self, genes: &mut [f32], at: Progress, parents: (usize, usize), rng: &mut Rng) -> Result<Reporter> {
        let report = Reporter::default();
        let context = OperatorContext {
            at,
            subset: &self.subset,
            parents: &self.parents,
            parent: parents.0,
            parent_loss: self.losses[parents.0],
            report: &report,
        };
        genes.copy_from_slice(self.parents.member(parents.0));
        // At the start there is nothing to cross, and a child that is not mutated would only repeat the start.
        if self.started() && rng.uniform() < self.crossover_rate {
            self.crossover.operator.cross(genes, self.parents.member(parents.1), &context, rng);
            self.check("crossover", &self.crossover.name, genes)?;
        }
        if !self.started() || rng.uniform() < self.mutation_rate {
            self.mutation.operator.mutate(genes, &context, rng);
            self.check("mutation", &self.mutation.name, genes)?;
        }
        Ok(report)
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

impl Strategy for Genetic {
    fn population(&self) -> usize {
        self.n
    }

    fn ask(&mut self, at: Progress, seed: Seed) -> Result<Population> {
        let k = self.subset.size;
        // The start stays in its first generation, so that it is measured too, also without elites.
        let kept = if self.started() { self.elites.min(self.order.len()) } else { 1 };
        let parents = self.select(self.n - kept, seed)?;
        let mut genes = std::mem::take(&mut self.genes);
        genes.resize(self.n * k, 0.0);
        let (elites, children) = genes.split_at_mut(kept * k);
        for (elite, member) in elites.chunks_exact_mut(k).zip(&self.order) {
            elite.copy_from_slice(self.parents.member(*member));
        }
        let made: Vec<Result<Reporter>> = children
            .par_chunks_mut(k)
            .zip(&parents)
            .enumerate()
            .with_min_len(alone(k))
            .map(|(child, (genes, parents))| {
                self.make(genes, at, *parents, &mut seed.index((kept + child) as u64).rng())
            })
            .collect();
        let reports = Reporter::default();
        made.into_iter().try_for_each(|report| report.map(|report| reports.absorb(report)))?;
        self.reported = reports.take();
        Ok(Population::from_genes(genes, k))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        self.order = rank_told("genetic", &asked, losses, (self.n, self.subset.size), || {
            format!("make the steps of mutation `{}` smaller", self.mutation.name)
        })?;
        self.order.retain(|member| !losses[*member].is_nan());
        self.genes = std::mem::replace(&mut self.parents, asked).into_genes();
        self.losses = losses.to_vec();
        Ok(())
    }

    fn incumbent(&self) -> &[f32] {
        self.parents.member(self.order[0])
    }

    fn diagnostics(&self) -> Vec<(&'static str, f64)> {
        self.reported.clone()
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_u64("genetic.members", &[self.parents.len() as u64]);
        state.put_f32("genetic.parents", self.parents.genes());
        state.put_f32("genetic.losses", &self.losses);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let members = state.u64s("genetic.members", 1)?[0];
        let n = if members == 1 { 1 } else { self.n };
        let losses = state.f32s("genetic.losses", n)?;
        let parents = state.f32s("genetic.parents", n * self.subset.size)?;
        let mut order = rank(losses);
        order.retain(|member| n == 1 || !losses[*member].is_nan());
        if order.is_empty() {
            return Err(Error::Learner("state: `genetic.losses` has no loss that is a number".to_string()));
        }
        self.parents = Population::from_genes(parents.to_vec(), self.subset.size);
        (self.losses, self.order) = (losses.to_vec(), order);
        Ok(())
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
