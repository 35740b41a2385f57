//! Steady-state genetic algorithm (Whitley 1989): parents stay until children that are better push them out.
//!
//! A generation is all parents and some `children` of them, made by named operators as those of `genetic`. The worst of
//! both, as many as there are children, leave. Parents are evaluated again beside the children, because losses of
//! different batches are never compared; so there are several children a generation where Whitley's GENITOR has one, and
//! the share of children is the generation gap of De Jong 1975.

use super::breeding::{Ancestors, Breeder};
use super::carried::Carried;
use super::fitness::{rank, rank_told};
use super::{Contract, Generation, Solve, Strategy, StrategyContext, Target};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::operator::{Needs, Population};
use crate::params::Params;
use crate::state::State;

const NAME: &str = "steady-state-genetic";

struct SteadyStateGenetic {
    breeder: Breeder,
    n: usize,
    children: usize,
    /// The parents, (n - children, k); before the first generation the untouched network alone.
    parents: Population,
    /// Their losses; NaN before the first.
    losses: Vec<f32>,
    /// Their losses by class, (n - children, classes); empty where the selection does not ask for them.
    by_class: Vec<f32>,
    /// Parents that have a loss, from the best on; the start before the first generation.
    order: Vec<usize>,
    /// What the operators keep with each parent.
    carried: Carried,
    /// The memory of the generation before.
    genes: Vec<f32>,
    started: bool,
    /// What the operators left of the generation asked last.
    reported: Vec<(&'static str, f64)>,
}

pub(super) const ENTRY: Entry<dyn Strategy, StrategyContext> = Entry {
    name: NAME,
    summary: "genetic algorithm whose parents stay until better children push them out",
    reference: "Whitley 1989",
    build: |params, context| Ok(Box::new(SteadyStateGenetic::read(params, context)?)),
};

/// Its promises. The steps of its default mutation do not adapt.
pub(super) const CONTRACT: Contract = Contract {
    name: NAME,
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

impl SteadyStateGenetic {
    /// Defaults: `population` 64, the members that are evaluated in a generation; `children` a quarter of them (at least
    /// one); the operators of [`Breeder::read`].
    fn read(params: &Params<'_>, context: &StrategyContext) -> Result<Self> {
        let n = params.integer("population", Some(64), super::POPULATION);
        let children = params.integer("children", Some((n / 4).max(1)), 1..=n - 1);
        let breeder = Breeder::read(params, context)?;
        if breeder.survivors(n as usize).is_some() {
            let message = format!(
                "selection `{}` says which parents stay, but here the children's number does: take strategy `genetic`, \
                 or selection `truncation`",
                breeder.selection()
            );
            params.problem("selection", message, None);
        }
        Ok(SteadyStateGenetic {
            carried: breeder.carries()?,
            breeder,
            n: n as usize,
            children: children as usize,
            parents: Population::zeros(1, context.subset.size),
            losses: vec![f32::NAN],
            by_class: Vec::new(),
            order: vec![0],
            genes: Vec::new(),
            started: false,
            reported: Vec::new(),
        })
    }
}

impl Strategy for SteadyStateGenetic {
    fn population(&self) -> usize {
        self.n
    }

    fn needs(&self) -> Needs {
        // All of the first generation but the start are children.
        self.breeder.needs(self.n - 1)
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let (k, kept) = (self.parents.size(), self.parents.len());
        let mut genes = std::mem::take(&mut self.genes);
        genes.resize(self.n * k, 0.0);
        let (parents, children) = genes.split_at_mut(kept * k);
        parents.copy_from_slice(self.parents.genes());
        let ancestors = Ancestors {
            parents: &self.parents,
            losses: &self.losses,
            by_class: &self.by_class,
            order: &self.order,
            carried: &self.carried,
            started: self.started,
        };
        let bred = self.breeder.breed(&ancestors, children, kept, now)?;
        self.carried.ask(0..kept, &bred.carried);
        self.reported = bred.reported;
        Ok(Population::from_genes(genes, k))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        self.tell_classes(asked, losses, &[])
    }

    fn tell_classes(&mut self, asked: Population, losses: &[f32], by_class: &[f32]) -> Result<()> {
        let k = self.parents.size();
        let order = rank_told(NAME, &asked, losses, (self.n, k), || self.breeder.remedy())?;
        let mut kept = order[..self.n - self.children].to_vec();
        kept.sort_unstable();
        self.carried.tell(NAME, kept.iter().copied())?;
        let mut genes = std::mem::replace(&mut self.parents, Population::zeros(0, k)).into_genes();
        genes.clear();
        kept.iter().for_each(|member| genes.extend_from_slice(asked.member(*member)));
        self.parents = Population::from_genes(genes, k);
        self.losses = kept.iter().map(|member| losses[*member]).collect();
        let classes = by_class.len() / self.n;
        self.by_class = kept.iter().flat_map(|member| &by_class[member * classes..][..classes]).copied().collect();
        self.order = rank(&self.losses);
        self.order.retain(|parent| !self.losses[*parent].is_nan());
        self.genes = asked.into_genes();
        self.started = true;
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
        state.put_u64("steady-state-genetic.started", &[u64::from(self.started)]);
        state.put_f32("steady-state-genetic.parents", self.parents.genes());
        state.put_f32("steady-state-genetic.losses", &self.losses);
        state.put_u64("steady-state-genetic.classes", &[(self.by_class.len() / self.losses.len()) as u64]);
        state.put_f32("steady-state-genetic.by_class", &self.by_class);
        self.carried.save(&mut state, "steady-state-genetic.carried");
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let k = self.parents.size();
        let started = state.u64s("steady-state-genetic.started", 1)?[0] > 0;
        let parents = if started { self.n - self.children } else { 1 };
        let losses = state.f32s("steady-state-genetic.losses", parents)?;
        let genes = state.f32s("steady-state-genetic.parents", parents * k)?;
        let classes = state.u64s("steady-state-genetic.classes", 1)?[0] as usize;
        let by_class = state.f32s("steady-state-genetic.by_class", parents.saturating_mul(classes))?;
        let mut order = rank(losses);
        order.retain(|parent| !started || !losses[*parent].is_nan());
        if order.is_empty() {
            let message = "state: `steady-state-genetic.losses` has no loss that is a number";
            return Err(Error::Learner(message.to_string()));
        }
        self.carried.load(state, "steady-state-genetic.carried", parents)?;
        self.parents = Population::from_genes(genes.to_vec(), k);
        (self.losses, self.by_class, self.order, self.started) = (losses.to_vec(), by_class.to_vec(), order, started);
        Ok(())
    }
}
