//! How many evaluations a strategy needs to solve a function.
//!
//! The coordinates are `x = 3 + gene`: the search starts at 3 in every coordinate, far from no optimum and at none. Where
//! the strategy or a part of it has a `sigma`, it is 1 unless told otherwise. A run is solved at the first evaluation
//! whose value is at most the target, as COCO counts (Hansen, Auger, Ros, Mersmann, Tusar & Brockhoff 2021): the best sampled so
//! far, not the mean of the search. Genes are f32, so a coordinate near 0 is a multiple of 2.4e-7: an ellipsoid of
//! ten coordinates cannot be sampled much below 1e-8, one of a hundred not much below 4e-8.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;

use super::functions::Function;
use super::rotation::Rotation;
use crate::campaign::machine;
use crate::entry::Entries;
use crate::error::{Error, Result};
use crate::graph::init::Distribution;
use crate::num::percentile;
use crate::operator::{Network, Operators};
use crate::params::{read_named, Node, Origin, Problems, Table, Value};
use crate::progress::Progress;
use crate::rng::Seed;
use crate::strategy::{Generation, Strategy, StrategyContext, Target};
use crate::subset::Subset;

/// Every coordinate of the start.
pub const START: f64 = 3.0;

/// What is to be solved.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// The function.
    pub function: &'static Function,
    /// Coordinates.
    pub dim: usize,
    /// Whether `x` is multiplied by a random orthogonal matrix, another for each seed.
    pub rotate: bool,
    /// When a run counts as solved.
    pub target: Target,
    /// Evaluations after which a run is given up.
    pub evaluations: u64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Evaluations up to the first that solved it; None where none did.
    pub solved_at: Option<u64>,
    /// All evaluations that were made.
    pub evaluations: u64,
    /// The least value that was sampled.
    pub best: f64,
    /// Why the strategy could not go on, if so.
    pub stopped: Option<String>,
}

/// Runs of one strategy on one problem, a line of `subevo bench functions --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Convergence {
    /// Name and version of this format.
    pub schema: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// The strategy's name.
    pub strategy: String,
    /// The strategy with all its options, as TOML.
    pub options: String,
    /// The function's name.
    pub function: &'static str,
    /// Coordinates.
    pub dim: usize,
    /// Whether they were turned.
    pub rotate: bool,
    /// The value to reach.
    pub target: f64,
    /// Evaluations after which a run was given up.
    pub evaluations_most: u64,
    /// The most members that a generation may have.
    pub population: usize,
    /// Runs, of the seeds 0 to n - 1.
    pub n: usize,
    /// Those that reached the target.
    pub solved: usize,
    /// Median over the solved runs of the evaluations that they needed; null where none was solved.
    pub evaluations_median: Option<f64>,
    /// Evaluations of each run up to the target, in the order of the seeds; null where it was not reached.
    pub evaluations: Vec<Option<u64>>,
    /// The least value that each run sampled.
    pub best: Vec<f64>,
    /// Why the strategy could not go on, for each run; null where it could.
    pub stopped: Vec<Option<String>>,
}

/// A strategy as it was asked for, to be built for a number of genes.
pub struct Recipe<'a> {
    /// Strategies that can be named.
    pub strategies: &'a Entries<dyn Strategy, StrategyContext>,
    /// Operators that can be named.
    pub operators: Arc<Operators>,
    /// A name, or a table with a `name`.
    pub asked: Node,
    /// Takes the place of the population's default.
    pub population: Option<u64>,
}

impl Recipe<'_> {
    /// Builds it for `k` genes with `sigma` 1, also of its parts, where none is written.
    ///
    /// # Errors
    /// If there is none of that name, an option is wrong, or it needs what a function does not have.
    pub fn build(&self, k: usize) -> Result<(Box<dyn Strategy>, Table)> {
        let mut node = as_table(&self.asked)?;
        if let Some(population) = self.population {
            let (_, resolved) = self.read(&node, k)?;
            let told = write(&mut node, &resolved, "population", &Value::Integer(population as i64), true);
            if !told {
                let message = "this strategy has no `population`: leave `--population` out";
                return Err(Error::Config(message.to_string()));
            }
        }
        let (_, resolved) = self.read(&node, k)?;
        write(&mut node, &resolved, "sigma", &Value::Float(1.0), false);
        let (strategy, resolved) = self.read(&node, k)?;
        if strategy.needs().class_losses {
            let message = "a part of this strategy needs losses by class, and a function has no classes: take another \
                           selection here";
            return Err(Error::Config(message.to_string()));
        }
        Ok((strategy, resolved))
    }

    fn read(&self, node: &Table, k: usize) -> Result<(Box<dyn Strategy>, Table)> {
        let subset = Subset { name: "function".to_string(), size: k, spans: Vec::new() };
        let context = StrategyContext {
            subset: Arc::new(subset),
            classes: 1,
            operators: self.operators.clone(),
            strategies: self.strategies.clone(),
            memory: machine::memory() / 2,
        };
        let (problems, node) = (Problems::default(), Node::new(Value::Table(node.clone())));
        let found = read_named(&node, "strategy", &problems, |name, origin: &Origin, params| {
            self.strategies.build(name, origin, params, &context)
        });
        let told: Vec<String> = problems.into_vec().into_iter().map(|problem| problem.message).collect();
        match found {
            Some((Some(strategy), Value::Table(resolved))) if told.is_empty() => Ok((strategy, resolved)),
            _ => Err(Error::Config(told.join("; "))),
        }
    }
}

/// A name as a table with a `name`.
fn as_table(node: &Node) -> Result<Table> {
    match &node.value {
        Value::Table(table) => Ok(table.clone()),
        Value::Text(_) => {
            let mut table = Table::default();
            table.set("name", node.clone());
            Ok(table)
        }
        found => Err(Error::Config(format!("`strategy` = {found}: must be a name, or a table with a `name`"))),
    }
}

/// Writes `value` wherever `resolved` has `key`, also in tables below; `over` what was written. Whether it stands anywhere.
fn write(table: &mut Table, resolved: &Table, key: &str, value: &Value, over: bool) -> bool {
    let mut any = false;
    for (found, node) in &resolved.entries {
        if found.name == key {
            if over || table.get(key).is_none() {
                table.set(key, Node::new(value.clone()));
            }
            any = true;
        } else if let Value::Table(inner) = &node.value {
            // A part that was left out, or written as a bare name, becomes a table of its name.
            let written = table.get(&found.name).or_else(|| inner.get("name"));
            let mut below = written.and_then(|written| as_table(written).ok()).unwrap_or_default();
            if write(&mut below, inner, key, value, over) {
                table.set(&found.name, Node::new(Value::Table(below)));
                any = true;
            }
        }
    }
    any
}

/// Runs a fresh strategy on a problem; the seed gives its noise and the rotation.
///
/// # Errors
/// If it cannot propose members. Where it cannot learn from them, the run has stopped.
pub fn solve(strategy: &mut dyn Strategy, goal: &Goal, seed: u64) -> Result<Run> {
    let seed = Seed::new(seed);
    let rotation = goal.rotate.then(|| Rotation::draw(goal.dim, &mut seed.child("rotation").rng()));
    let value = |genes: &[f32]| {
        let x: Vec<f64> = genes.iter().map(|gene| START + f64::from(*gene)).collect();
        (goal.function.value)(&rotation.as_ref().map_or(x.clone(), |rotation| rotation.turn(&x)))
    };
    let mut run = Run { solved_at: None, evaluations: 0, best: f64::INFINITY, stopped: None };
    let mut target = match goal.target {
        Target::Value(target) => Some(target),
        Target::FirstSample => None,
    };
    for step in 0.. {
        if run.evaluations >= goal.evaluations || run.solved_at.is_some() || run.stopped.is_some() {
            break;
        }
        let used = run.evaluations as f64 / goal.evaluations as f64;
        let network = Landscape { value: &value, base: vec![START as f32; goal.dim], gradients: AtomicU64::new(0) };
        let now = Generation { at: Progress { step, used }, seed: seed.child("ask").index(step), network: &network };
        let asked = strategy.ask(&now)?;
        run.evaluations += GRADIENT * network.gradients.load(Ordering::Relaxed);
        let values: Vec<f64> = asked.members().map(value).collect();
        for found in &values {
            run.evaluations += 1;
            run.best = run.best.min(*found);
            // The first sample is beaten by what is below it.
            let aim = *target.get_or_insert(found.next_down());
            if *found <= aim && run.evaluations <= goal.evaluations {
                run.solved_at = run.solved_at.or(Some(run.evaluations));
            }
        }
        let losses: Vec<f32> = values.iter().map(|value| *value as f32).collect();
        run.stopped = match strategy.tell(asked, &losses) {
            Ok(()) => strategy.stop(),
            Err(error) => Some(error.to_string()),
        };
    }
    Ok(run)
}

/// Evaluations that a gradient counts for: one forward and one backward, as images are counted where backprop gives it.
const GRADIENT: u64 = 2;

/// A function in the place of a network: its base is the start.
struct Landscape<'a> {
    value: &'a (dyn Fn(&[f32]) -> f64 + Sync),
    base: Vec<f32>,
    gradients: AtomicU64,
}

impl Network for Landscape<'_> {
    fn base(&self) -> &[f32] {
        &self.base
    }

    fn draws(&self) -> &[Distribution] {
        &[]
    }

    fn gradient(&self, genes: &[f32]) -> Result<Vec<f32>> {
        self.gradients.fetch_add(1, Ordering::Relaxed);
        Ok(slopes(self.value, genes))
    }
}

/// The gradient of `value` by central differences, (k), for strategies that are guided by one. Steps of 2^-8 of a gene
/// keep bits that f32 has, and are exact but for third derivatives.
fn slopes(value: impl Fn(&[f32]) -> f64, genes: &[f32]) -> Vec<f32> {
    const STEP: f32 = 1.0 / 256.0;
    let mut at = genes.to_vec();
    let mut slope = |j: usize| {
        let (above, below) = (genes[j] + STEP, genes[j] - STEP);
        at[j] = above;
        let high = value(&at);
        at[j] = below;
        let low = value(&at);
        at[j] = genes[j];
        ((high - low) / f64::from(above - below)) as f32
    };
    (0..genes.len()).map(&mut slope).collect()
}

/// Runs a strategy on a problem once for each seed `0..n`, on the current thread pool.
///
/// # Errors
/// If the strategy cannot be built, or a run fails.
pub fn converge(recipe: &Recipe<'_>, goal: &Goal, n: usize) -> Result<Convergence> {
    let Goal { function, dim, rotate, target, evaluations } = *goal;
    let (strategy, resolved) = recipe.build(dim)?;
    let run = |seed: usize| solve(&mut *recipe.build(dim)?.0, goal, seed as u64);
    let runs: Vec<Run> = (0..n).into_par_iter().map(run).collect::<Result<_>>()?;
    let needed: Vec<f64> = runs.iter().filter_map(|run| run.solved_at).map(|at| at as f64).collect();
    let name = resolved.get("name").map(|node| node.value.clone());
    Ok(Convergence {
        schema: "subevo.functions/1",
        version: env!("CARGO_PKG_VERSION"),
        strategy: if let Some(Value::Text(name)) = name { name } else { String::new() },
        options: Value::Table(resolved).to_string(),
        function: function.name,
        dim,
        rotate,
        target: if let Target::Value(target) = target { target } else { f64::NAN },
        evaluations_most: evaluations,
        population: strategy.population(),
        n,
        solved: needed.len(),
        evaluations_median: (!needed.is_empty()).then(|| percentile(&needed, 0.5)),
        evaluations: runs.iter().map(|run| run.solved_at).collect(),
        best: runs.iter().map(|run| run.best).collect(),
        stopped: runs.into_iter().map(|run| run.stopped).collect(),
    })
}
