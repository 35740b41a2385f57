//! `subevo bench functions`: evaluations to a target, a table at the end or a line of JSON for each function.

use super::args::LimitArguments;
use super::bench::pool;
use super::bench_args::FunctionArguments;
use super::format::{counted, grouped, table};
use super::output::Output;
use super::run::limits;
use super::Exit;
use crate::bench::{converge, function, Convergence, Goal, Recipe};
use crate::campaign::Registry;
use crate::error::{Error, Result};
use crate::num::percentile;
use crate::params::{overrides, Problems, Table};
use crate::strategy::Target;

/// Evaluations for each coordinate after which a run is given up.
const EVALUATIONS_A_COORDINATE: u64 = 10_000;

pub fn functions(arguments: &FunctionArguments, registry: &Registry, output: &mut Output) -> Result<Exit> {
    let recipe = recipe(arguments, registry)?;
    let dim = arguments.dim as usize;
    let mut goals = Vec::new();
    for name in &arguments.function {
        let function = function(name).ok_or_else(|| Error::Config(format!("there is no function `{name}`")))?;
        if dim < function.least_dim {
            let least = function.least_dim;
            let message = format!("`--dim` = {dim}: `{name}` has a meaning for {least} coordinates and more");
            return Err(Error::Config(message));
        }
        goals.push(Goal {
            function,
            dim,
            rotate: arguments.rotate,
            target: Target::Value(arguments.target),
            evaluations: arguments.evaluations.unwrap_or(EVALUATIONS_A_COORDINATE * dim as u64),
        });
    }
    // What is wrong with the strategy is told before anything is run.
    recipe.build(dim)?;
    let pool = pool(limits(LimitArguments { threads: arguments.threads, memory: None }).threads)?;
    let mut rows = Vec::new();
    for goal in &goals {
        if output.shows_progress() {
            output.talk(&format!("{}: {}\n", goal.function.name, counted(arguments.seeds as usize, "run")));
        }
        let found = pool.install(|| converge(&recipe, goal, arguments.seeds as usize))?;
        if arguments.json {
            let line = serde_json::to_string(&found).map_err(|error| Error::record("bench", error.to_string()))?;
            output.result(&format!("{line}\n"));
        }
        rows.push(found);
    }
    if !arguments.json {
        output.result(&text(&rows));
    }
    Ok(Exit::Done)
}

/// The strategy in the words of the command line: a bare name, or a TOML table.
fn recipe<'a>(arguments: &FunctionArguments, registry: &'a Registry) -> Result<Recipe<'a>> {
    let (mut read, problems) = (Table::default(), Problems::default());
    overrides::apply(&mut read, &format!("strategy={}", arguments.strategy), &problems);
    let told: Vec<String> = problems.into_vec().into_iter().map(|problem| problem.message).collect();
    match read.remove("strategy") {
        Some(asked) if told.is_empty() => Ok(Recipe {
            strategies: &registry.strategies,
            operators: registry.operators.clone(),
            asked,
            population: arguments.population.map(u64::from),
        }),
        _ => Err(Error::Config(told.join("; "))),
    }
}

const HEADER: [&str; 8] = ["function", "d", "n", "solved", "evaluations", "p10", "p90", "worst run"];

/// The table, and under it what holds for all of its rows.
fn text(rows: &[Convergence]) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let cells: Vec<Vec<String>> = rows.iter().map(row).collect();
    let rotated = if first.rotate { "rotated, " } else { "" };
    format!(
        "{}{}\n{rotated}target {:e}, at most {} evaluations and {} members; evaluations: \
         median of the solved runs; worst run: the least value that it sampled\n",
        table(&HEADER, &cells, 1),
        first.options,
        first.target,
        grouped(first.evaluations_most),
        grouped(first.population as u64),
    )
}

fn row(found: &Convergence) -> Vec<String> {
    let needed: Vec<f64> = found.evaluations.iter().flatten().map(|at| *at as f64).collect();
    let at = |share: f64| if needed.is_empty() { "-".to_string() } else { grouped(percentile(&needed, share) as u64) };
    vec![
        found.function.to_string(),
        grouped(found.dim as u64),
        found.n.to_string(),
        found.solved.to_string(),
        at(0.5),
        at(0.1),
        at(0.9),
        format!("{:.1e}", found.best.iter().fold(f64::NEG_INFINITY, |worst, best| worst.max(*best))),
    ]
}
