//! One `[[learner]]` of a campaign: read, checked, and built anew for each seed.

use std::sync::Arc;

use super::batch_setup::BatchSetup;
use super::budget_setup::BudgetSetup;
use super::recipe::with_recipe;
use super::setup::{check_label, DataSetup};
use super::{machine, Registry};
use crate::data::Sampling;
use crate::engine::Loss;
use crate::error::{Error, Result};
use crate::evaluation::{Evaluation, Work};
use crate::graph::ParameterKind;
use crate::learner::{Backprop, Budget, Evolution, Learner};
use crate::operator::Needs;
use crate::optimizer::{Optimizer, Schedule};
use crate::params::{read_named, Node, Origin, Params, Problems, Value};
use crate::record::Method;
use crate::rng::Seed;
use crate::strategy::{Guarded, Strategy, StrategyContext};
use crate::subset::{Span, Start, Subset};

/// A checked learner.
pub struct LearnerSetup {
    /// Unique in the campaign; the method's name unless told otherwise.
    pub label: String,
    /// How it learns.
    pub method: Method,
    /// Strategy or optimizer.
    pub algorithm: String,
    /// Networks of a step: the population at its greatest, with the subset of the first seed; 1 for backprop.
    pub members: usize,
    /// How members are evaluated; `None` for backprop.
    pub evaluated: Option<Evaluated>,
    /// What a step evaluates beside them, at most; of backprop, whose member it is, the gradient.
    pub needs: Needs,
    /// Images of a batch.
    pub batch: usize,
    /// How they are drawn.
    pub sampling: Sampling,
    /// What it minimises.
    pub loss: Loss,
    /// When it ends.
    pub budget: Budget,
    /// The section with what its recipe says, to build it again.
    node: Node,
}

/// A rule of evaluation and its name.
type Rule = (String, Box<dyn Evaluation>);

/// How a learner's members are evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// Name of the rule.
    pub name: String,
    /// The most that the first generation takes.
    pub first: Work,
    /// The most that any takes.
    pub most: Work,
}

/// The parts of a learner that need k.
enum Parts {
    Evolution(Box<dyn Strategy>, Rule),
    Backprop(Box<dyn Optimizer>, Box<dyn Schedule>),
}

/// What learners are checked against.
pub(super) struct LearnerContext<'a> {
    /// What can be named.
    pub registry: &'a Registry,
    /// The budget of those without one of their own.
    pub budget: Option<BudgetSetup>,
    /// The places of the genes ([`Start::layout`]) of the first seed; `None` where the subset has a problem.
    pub layout: Option<&'a Subset>,
    /// The data set; `None` where it has a problem.
    pub data: Option<&'a DataSetup>,
}

impl LearnerSetup {
    /// Reads one section; `taken` are the labels of the learners before it.
    pub(super) fn read(
        node: &Node,
        path: &str,
        problems: &Problems,
        context: &LearnerContext<'_>,
        taken: &[String],
    ) -> Option<(LearnerSetup, Value)> {
        let node = with_recipe(node, path, context.registry, problems);
        let read = |name: &str, origin: &Origin, params: &Params<'_>| {
            let method = method_of(name, origin, params)?;
            params.optional_text("recipe");
            let label = params.text("label", Some(method.name()));
            check_label(params, "label", &label);
            if taken.contains(&label) {
                let message = format!("two learners are called `{label}`: give each a `label` of its own");
                params.problem(if params.has("label") { "label" } else { "name" }, message, None);
            }
            let images = context.data.map(|data| data.training_images() as u64).filter(|images| *images > 0);
            let BatchSetup { size: batch, sampling } = BatchSetup::read(params, images);
            let images = images.unwrap_or(i64::MAX as u64);
            let loss = Loss::from_name(params.choice("loss", Some("nll"), &Loss::NAMES)).unwrap_or(Loss::Nll);
            let budget = read_own_budget(params, context.budget).map(|budget| budget.of(images, batch as u64));
            // Without a subset there is a problem already; the section's own keys are still worth checking.
            let unknown = || Subset { name: String::new(), size: 1, spans: vec![unknown_span()] };
            let layout = Arc::new(context.layout.cloned().unwrap_or_else(unknown));
            let classes = context.data.map_or(1, |data| data.source.classes());
            let (algorithm, parts) = read_parts(method, params, context.registry, &layout, classes, loss);
            let gradient = Needs { gradients: 1, ..Needs::default() };
            let (members, needs) = match &parts {
                Some(Parts::Evolution(strategy, _)) => (strategy.population(), strategy.needs()),
                None if method == Method::Evolution => (1, Needs::default()),
                Some(Parts::Backprop(..)) | None => (1, gradient),
            };
            let evaluated = match &parts {
                Some(Parts::Evolution(_, (name, rule))) => {
                    Some(Evaluated { name: name.clone(), first: rule.next(members), most: rule.most(members) })
                }
                _ => None,
            };
            if needs.gradients > 0 && !loss.has_gradient() {
                let who = if method == Method::Backprop { "backprop" } else { &algorithm };
                params.problem("loss", format!("{who} cannot minimise `error`: it has no gradient"), None);
            }
            parts?;
            let (budget, node) = (budget?, node.clone());
            Some(LearnerSetup {
                label,
                method,
                algorithm,
                members,
                evaluated,
                needs,
                batch,
                sampling,
                loss,
                budget,
                node,
            })
        };
        let (learner, resolved) = read_named(&node, path, problems, read)?;
        Some((learner?, resolved))
    }

    /// The learner of one seed.
    ///
    /// # Errors
    /// If the checked section cannot be built, which would be a builder's fault.
    pub fn build(&self, start: &Start, seed: u64, registry: &Registry) -> Result<Box<dyn Learner>> {
        let problems = Problems::default();
        let read = |_: &str, _: &Origin, params: &Params<'_>| {
            params.ignore_rest();
            read_parts(self.method, params, registry, &start.layout(), start.graph.classes(), self.loss).1
        };
        let parts = read_named(&self.node, "learner", &problems, read).and_then(|(parts, _)| parts);
        let parts = parts.ok_or_else(|| {
            let told: Vec<String> = problems.into_vec().into_iter().map(|problem| problem.message).collect();
            Error::Learner(format!("learner `{}` cannot be built for seed {seed}: {}", self.label, told.join("; ")))
        })?;
        Ok(match parts {
            Parts::Evolution(strategy, (_, rule)) => {
                Box::new(Evolution::new(strategy, Seed::new(seed).child("ask")).with_evaluation(rule))
            }
            Parts::Backprop(optimizer, schedule) => Box::new(Backprop::new(start.untrained(), optimizer, schedule)),
        })
    }
}

/// Stands for a subset that could not be read.
fn unknown_span() -> Span {
    let (parameter, layer, kind) = (String::new(), String::new(), ParameterKind::LinearWeight);
    Span { parameter, layer, kind, filter: 0, offset: 0, length: 1, gene: 0, position: 0, fan_in: 1 }
}

fn method_of(name: &str, origin: &Origin, params: &Params<'_>) -> Option<Method> {
    let found = [Method::Evolution, Method::Backprop].into_iter().find(|method| method.name() == name);
    if found.is_none() {
        let names = || [Method::Evolution, Method::Backprop].map(Method::name);
        params.problems().push(crate::params::Problem {
            origin: origin.clone(),
            path: params.path().to_string(),
            message: format!("unknown learner `{name}`: expected {}", crate::params::list_names(names())),
            help: crate::params::did_you_mean(name, names()),
        });
        params.ignore_rest();
    }
    found
}

/// The learner's own budget, or the common one; what holds is written into the resolved section.
fn read_own_budget(params: &Params<'_>, common: Option<BudgetSetup>) -> Option<BudgetSetup> {
    let own = params.optional_table("budget", BudgetSetup::read);
    if own.is_none() && common.is_none() {
        params.problem("budget", format!("`{}` has no budget: give `[budget]`, or `budget` here", params.path()), None);
    }
    own.or(common)
}

fn read_parts(
    method: Method,
    params: &Params<'_>,
    registry: &Registry,
    layout: &Arc<Subset>,
    classes: usize,
    loss: Loss,
) -> (String, Option<Parts>) {
    let named = match method {
        Method::Evolution => {
            let evaluation = params.named("evaluation", Some("once"), |name, origin, section| {
                let rule = registry.evaluations.build(name, origin, section, &loss.range());
                rule.map(|rule| (name.to_string(), rule))
            });
            params.named("strategy", None, |name, origin, section| {
                let context = StrategyContext {
                    subset: layout.clone(),
                    classes,
                    operators: registry.operators.clone(),
                    strategies: registry.strategies.clone(),
                    memory: machine::memory() / 2,
                };
                let strategy = registry.strategies.build(name, origin, section, &context);
                let held = |strategy| Box::new(Guarded::new(name, strategy, layout.size)) as Box<dyn Strategy>;
                let parts = strategy.map(held).zip(evaluation.flatten());
                (name.to_string(), parts.map(|(strategy, rule)| Parts::Evolution(strategy, rule)))
            })
        }
        Method::Backprop => {
            let schedule = params.named("schedule", Some("constant"), |name, origin, section| {
                registry.schedules.build(name, origin, section, &())
            });
            params.named("optimizer", Some("adam"), |name, origin, section| {
                let optimizer = registry.optimizers.build(name, origin, section, &layout.size);
                let parts = optimizer.zip(schedule.flatten());
                (name.to_string(), parts.map(|(optimizer, schedule)| Parts::Backprop(optimizer, schedule)))
            })
        }
    };
    named.unwrap_or_default()
}
