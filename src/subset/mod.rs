//! Which scalars are trained: an ordered, serialisable list of spans, made by selectors that compose.
//!
//! In a campaign: `select = [{ filters = 0.25, which = "last" }, { batchnorm = true }]`. Each item is a table whose key
//! names the selector; the items of a list are united. With `subspace = { dimension = 750 }` beside it the weights of the
//! subset move along that many random directions alone ([`Subspace`]).

mod all;
mod batchnorm;
mod bias;
mod classifier;
mod filters;
mod intersection;
mod layers;
mod minus;
mod pattern;
mod span;
mod start;
mod subspace;
mod union;
mod weights;

pub use pattern::Pattern;
pub use span::{Span, Subset};
pub use start::{Encoding, GeneScale, Start};
pub use subspace::Subspace;

use crate::entry::{Entries, Entry};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::params::{list_names, read_table, Amount, Node, Params, Problem, Problems, Value};
use crate::rng::Seed;

/// Marks scalars of a graph.
pub trait Selector: Send + Sync {
    /// One mark for each scalar of the flat weight vector (p).
    ///
    /// # Errors
    /// If nothing in the graph matches.
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>>;

    /// Short label for names of subsets, as in `filters=0.25`.
    fn label(&self) -> String;
}

/// What a selector chooses from.
pub struct SubsetRequest<'a> {
    /// The network.
    pub graph: &'a Graph,
    /// The address of this selector's own randomness.
    pub seed: Seed,
}

/// What selectors are built with: all of them, for those that compose others.
#[derive(Clone)]
pub struct Selectors {
    /// The rows.
    pub entries: Entries<dyn Selector, Selectors>,
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<dyn Selector, Selectors>] = &[
    all::ENTRY,
    batchnorm::ENTRY,
    bias::ENTRY,
    classifier::ENTRY,
    filters::ENTRY,
    intersection::ENTRY,
    layers::ENTRY,
    minus::ENTRY,
    union::ENTRY,
    weights::ENTRY,
];

impl Selectors {
    /// The selectors of this crate.
    pub fn builtin() -> Self {
        Selectors { entries: Entries::new("selector", ENTRIES) }
    }

    /// Reads the list of selectors under `key`.
    pub fn read_list(&self, params: &Params<'_>, key: &str) -> Vec<Box<dyn Selector>> {
        params.list(key, |node, path| self.read_item(node, path, params.problems()))
    }

    /// Reads the parts of a composed selector: a list under its name, of at least one.
    fn read_parts(&self, params: &Params<'_>, key: &str) -> Vec<Box<dyn Selector>> {
        let before = params.problems().len();
        let parts = self.read_list(params, key);
        if parts.is_empty() && params.problems().len() == before {
            params.problem(key, format!("`{key}` is an empty list: give the selectors that it joins"), None);
        }
        parts
    }

    /// Reads one item: a table with exactly one key that names a selector, and the selector's options.
    fn read_item(&self, node: &Node, path: &str, problems: &Problems) -> Option<(Box<dyn Selector>, Value)> {
        let names = || self.entries.entries().iter().map(|entry| entry.name);
        let wrong = |message: String| {
            problems.push(Problem { origin: node.origin.clone(), path: path.to_string(), message, help: None });
            None
        };
        let Some(table) = node.as_table() else {
            return wrong(format!("`{path}` = {}: must be a table such as {{ filters = 0.25 }}", node.value));
        };
        let known: Vec<_> = table.entries.iter().filter(|(key, _)| names().any(|name| name == key.name)).collect();
        match known.as_slice() {
            [(key, _)] => {
                let read = |params: &Params<'_>| self.entries.build(&key.name, &key.origin, params, self);
                let (selector, resolved) = read_table(table, node.origin.clone(), path, problems, read);
                Some((selector?, Value::Table(resolved)))
            }
            [] => match table.entries.first() {
                Some((key, _)) => {
                    let help = crate::params::did_you_mean(&key.name, names());
                    let message = format!("unknown selector `{}`: expected {}", key.name, list_names(names()));
                    problems.push(Problem { origin: key.origin.clone(), path: path.to_string(), message, help });
                    None
                }
                None => wrong(format!("`{path}` is empty: expected {}", list_names(names()))),
            },
            several => wrong(format!(
                "`{path}` names {} selectors ({}): give each its own table in the list; the layers of `filters` and `weights` are told by `in`",
                several.len(),
                list_names(several.iter().map(|(key, _)| key.name.as_str()))
            )),
        }
    }
}

/// The address of what stage `stage` of a run draws: its subset, and all that depends on it. `run` is the run's own seed; a
/// run with a fixed subset has stage 0 alone.
pub fn stage_seed(run: Seed, stage: u64) -> Seed {
    let subset = run.child("subset");
    match stage {
        0 => subset,
        _ => subset.child("stage").index(stage),
    }
}

/// The subset that a list of selectors marks together. `name` defaults to the selectors' labels joined by `+`.
///
/// # Errors
/// If a selector matches nothing, or all together nothing.
pub fn select(name: Option<&str>, selectors: &[Box<dyn Selector>], request: &SubsetRequest<'_>) -> Result<Subset> {
    let name = name.map_or_else(|| join_labels(selectors, "+"), str::to_string);
    Subset::from_marks(name, request.graph, &unite(selectors, request)?)
}

/// The marks of each selector, each from a stream of its own; one that marks nothing is an error.
fn parts(selectors: &[Box<dyn Selector>], request: &SubsetRequest<'_>) -> Result<Vec<Vec<bool>>> {
    let marks = |(i, selector): (u64, &dyn Selector)| {
        let marks = selector.select(&SubsetRequest { graph: request.graph, seed: request.seed.index(i) })?;
        if marks.contains(&true) {
            Ok(marks)
        } else {
            Err(Error::Subset(format!("`{}` selects no weight at all", selector.label())))
        }
    };
    (0..).zip(selectors.iter().map(Box::as_ref)).map(marks).collect()
}

/// Marks of any of the selectors.
fn unite(selectors: &[Box<dyn Selector>], request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
    let mut marks = vec![false; request.graph.parameter_count()];
    for part in parts(selectors, request)? {
        marks.iter_mut().zip(part).for_each(|(mark, own)| *mark |= own);
    }
    Ok(marks)
}

fn join_labels(selectors: &[Box<dyn Selector>], sign: &str) -> String {
    selectors.iter().map(|selector| selector.label()).collect::<Vec<_>>().join(sign)
}

/// Label of a selector of so many, or such a share, of the things `what` in some layers: `filters=0.25@conv2`.
fn amount_label(what: &str, amount: Amount, layers: &Pattern) -> String {
    let number = match amount {
        Amount::Count(count) => count.to_string(),
        Amount::Fraction(fraction) => format!("{fraction:?}"),
    };
    let of = if layers.0 == "*" { String::new() } else { format!("@{}", layers.0) };
    format!("{what}={number}{of}")
}

/// Reads the key of a selector that has nothing to tell but its name: `true`.
fn read_flag(params: &Params<'_>, key: &str) {
    if !params.boolean(key, true) {
        params.problem(key, format!("`{key}` = false: must be true; leave out what shall not be trained"), None);
    }
}

/// Marks the parameters for which `chosen` holds; an error in `what`'s name where there is none.
fn mark_parameters(graph: &Graph, what: &str, chosen: impl Fn(&crate::graph::Parameter) -> bool) -> Result<Vec<bool>> {
    let mut marks = vec![false; graph.parameter_count()];
    let mut any = false;
    for parameter in graph.parameters.iter().filter(|parameter| chosen(parameter)) {
        marks[parameter.range()].fill(true);
        any = true;
    }
    if any {
        Ok(marks)
    } else {
        Err(Error::Subset(format!("`{what}` matches nothing{}", layers_hint(graph))))
    }
}

/// Ending of messages: the layers that have weights.
fn layers_hint(graph: &Graph) -> String {
    let mut layers: Vec<&str> = graph.parameters.iter().map(|parameter| parameter.layer.as_str()).collect();
    layers.dedup();
    format!("; the layers are {}", layers.join(", "))
}
