//! Genetic algorithm put together from named operators (Holland 1975; for networks, Such et al. 2017).
//!
//! Generation 0 is the untouched network and mutants of it. Then the best `elites` stay as they are, and each other
//! member is a copy of a selected parent, crossed with a second one and mutated. Elites are members like any other and
//! so are evaluated again: losses of different batches are never compared. Members that failed are no parents. With
//! `inheritance` the parents' losses count too (`inheritance.rs`), in selection (but not in
//! `lexicase`, which sees the classes of this batch alone), elites and incumbent.
//! Which of the best stay is told by `elites`, or by a selection that is a rule of survival too: `plus`, which keeps its
//! parents, or `comma`, which keeps none.

use super::breeding::{Ancestors, Breeder};
use super::carried::Carried;
use super::fitness::{rank, rank_told};
use super::inheritance::Inheritance;
use super::{Contract, Generation, Solve, Strategy, StrategyContext, Target};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::operator::{Needs, Population};
use crate::params::Params;
use crate::state::State;

struct Genetic {
    breeder: Breeder,
    n: usize,
    elites: usize,
    /// The generation told last, (n, k); before the first, the untouched network alone.
    parents: Population,
    /// What they are judged by; NaN before the first.
    losses: Vec<f32>,
    /// Their losses by class, (n, classes); empty where the selection does not ask for them.
    by_class: Vec<f32>,
    inheritance: Inheritance,
    /// What the parents of the members asked last were judged by.
    inherited: Vec<f32>,
    /// Members of `parents` that have a loss, from the best on; the start before the first generation.
    order: Vec<usize>,
    /// What the operators keep with each member.
    carried: Carried,
    /// The memory of the generation before.
    genes: Vec<f32>,
    /// What the operators left of the generation asked last.
    reported: Vec<(&'static str, f64)>,
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
    solves: &[
        Solve {
            function: "sphere",
            dim: 10,
            rotate: false,
            target: Target::Value(1.0),
            evaluations: 20_000,
            params: "mutation = { name = \"gaussian\", sigma = 0.1 }",
        },
        Solve {
            function: "sphere",
            dim: 10,
            rotate: false,
            target: Target::Value(1e-6),
            evaluations: 6_000,
            params: "elites = 0\nmutation = \"self-adaptive\"\nselection = { name = \"truncation\", keep = 0.15 }",
        },
    ],
};

impl Genetic {
    /// Defaults: `population` 64, one elite, or as many as a selection says that is a rule of survival too, no `inheritance`,
    /// and the operators of [`Breeder::read`].
    fn read(params: &Params<'_>, context: &StrategyContext) -> Result<Self> {
        let n = params.integer("population", Some(64), super::POPULATION);
        let breeder = Breeder::read(params, context);
        let survivors = breeder.as_ref().ok().and_then(|breeder| breeder.survivors(n as usize));
        let elites =
            params.integer("elites", Some(survivors.unwrap_or(1).min(n as usize - 1) as u64), 0..=n - 1) as usize;
        let breeder = breeder?;
        if let Some(survivors) = survivors.filter(|survivors| *survivors != elites) {
            let selection = breeder.selection();
            let message = if survivors as u64 == n {
                format!("selection `{selection}` keeps all {n} members and leaves no place for children: keep fewer")
            } else {
                format!("selection `{selection}` keeps {survivors} of {n} members, not {elites}: leave `elites` out")
            };
            params.problem("elites", message, None);
        }
        Ok(Genetic {
            carried: breeder.carries()?,
            breeder,
            n: n as usize,
            elites,
            parents: Population::zeros(1, context.subset.size),
            losses: vec![f32::NAN],
            by_class: Vec::new(),
            inheritance: Inheritance::read(params),
            inherited: Vec::new(),
            order: vec![0],
            genes: Vec::new(),
            reported: Vec::new(),
        })
    }

    /// Whether a generation was told.
    fn started(&self) -> bool {
        self.losses.len() == self.n
    }
}

impl Strategy for Genetic {
    fn population(&self) -> usize {
        self.n
    }

    fn needs(&self) -> Needs {
        self.breeder.needs(self.n - self.elites.min(1))
    }

    fn ask(&mut self, now: &Generation<'_>) -> Result<Population> {
        let (k, started) = (self.parents.size(), self.started());
        // The start stays in its first generation, so that it is measured too, also without elites.
        let kept = if started { self.elites.min(self.order.len()) } else { 1 };
        let mut genes = std::mem::take(&mut self.genes);
        genes.resize(self.n * k, 0.0);
        let (elites, children) = genes.split_at_mut(kept * k);
        for (elite, member) in elites.chunks_exact_mut(k).zip(&self.order) {
            elite.copy_from_slice(self.parents.member(*member));
        }
        let ancestors = Ancestors {
            parents: &self.parents,
            losses: &self.losses,
            by_class: &self.by_class,
            order: &self.order,
            carried: &self.carried,
            started,
        };
        let bred = self.breeder.breed(&ancestors, children, kept, now)?;
        self.carried.ask(self.order[..kept].iter().copied(), &bred.carried);
        self.inherited = self.order[..kept].iter().map(|member| self.losses[*member]).chain(bred.inherited).collect();
        self.reported = bred.reported;
        Ok(Population::from_genes(genes, k))
    }

    fn tell(&mut self, asked: Population, losses: &[f32]) -> Result<()> {
        let shape = (self.n, self.parents.size());
        rank_told("genetic", &asked, losses, shape, || self.breeder.remedy())?;
        self.losses = self.inheritance.judge(losses, &self.inherited);
        self.order = rank(&self.losses);
        self.order.retain(|member| !losses[*member].is_nan());
        self.carried.tell("genetic", 0..self.n)?;
        self.genes = std::mem::replace(&mut self.parents, asked).into_genes();
        self.by_class.clear();
        Ok(())
    }

    fn tell_classes(&mut self, asked: Population, losses: &[f32], by_class: &[f32]) -> Result<()> {
        self.tell(asked, losses)?;
        self.by_class.extend_from_slice(by_class);
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
        self.carried.save(&mut state, "genetic.carried");
        state.put_u64("genetic.classes", &[(self.by_class.len() / self.losses.len()) as u64]);
        state.put_f32("genetic.by_class", &self.by_class);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let k = self.parents.size();
        let members = state.u64s("genetic.members", 1)?[0];
        let n = if members == 1 { 1 } else { self.n };
        let losses = state.f32s("genetic.losses", n)?;
        let parents = state.f32s("genetic.parents", n * k)?;
        let classes = state.u64s("genetic.classes", 1)?[0] as usize;
        let by_class = state.f32s("genetic.by_class", n.saturating_mul(classes))?;
        let mut order = rank(losses);
        order.retain(|member| n == 1 || !losses[*member].is_nan());
        if order.is_empty() {
            return Err(Error::Learner("state: `genetic.losses` has no loss that is a number".to_string()));
        }
        self.carried.load(state, "genetic.carried", n)?;
        self.parents = Population::from_genes(parents.to_vec(), k);
        (self.losses, self.by_class, self.order) = (losses.to_vec(), by_class.to_vec(), order);
        Ok(())
    }
}
