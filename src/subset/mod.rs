//! Which scalars are trained: an ordered, serialisable list of spans, made by selectors that compose.
//!
//! In a campaign: `select = [{ filters = 0.25, which = "last" }, { batchnorm = true }]`. Each item is a table whose key
//! names the selector; the items of a list are united. With `subspace = { dimension = 750 }` beside it the weights of the
//! subset move along that many random directions alone ([`Subspace`]).

mod all;
mod batchnorm;
mod bias;
mod classifier;
mod exported;
mod file;
mod filters;
mod folding;
mod gradient;
mod intersection;
mod layers;
mod magnitude;
mod mask;
mod minus;
mod pattern;
mod per_channel;
mod rosenfeld;
mod scored;
mod slice;
mod span;
mod start;
mod subspace;
mod union;
mod untrained;
mod weights;

pub use folding::Folding;
pub use pattern::Pattern;
pub use span::{Span, Subset};
pub use start::{Encoding, GeneScale, Start};
pub use subspace::Subspace;
pub use untrained::{GradientOn, Untrained};

use crate::entry::{Entries, Entry};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::params::{list_names, read_table, Amount, Key, NamedFile, Node, Params, Problem, Problems, Value};
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

    /// The files that it was read from: a run keeps copies of them beside its configuration.
    fn files(&self) -> Vec<NamedFile> {
        Vec::new()
    }
}

/// What a selector chooses from.
pub struct SubsetRequest<'a> {
    /// The network.
    pub graph: &'a Graph,
    /// The address of this selector's own randomness.
    pub seed: Seed,
    /// The network before training, for scores of its weights.
    pub untrained: &'a Untrained<'a>,
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
    file::ENTRY,
    filters::ENTRY,
    gradient::ENTRY,
    intersection::ENTRY,
    layers::ENTRY,
    magnitude::ENTRY,
    mask::ENTRY,
    minus::ENTRY,
    per_channel::ENTRY,
    rosenfeld::ENTRY,
    union::ENTRY,
    weights::ENTRY,
];

/// Options of a selector that are called as other selectors are.
const OPTIONS: [(&str, &[&str]); 1] = [("rosenfeld", &["batchnorm", "classifier"])];

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
        let named = |key: &Key| names().any(|name| name == key.name);
        let option = |key: &Key| {
            let of =
                |(selector, options): &(&str, &[&str])| table.get(selector).is_some() && options.contains(&&*key.name);
            OPTIONS.iter().any(of)
        };
        let known: Vec<_> = table.entries.iter().filter(|(key, _)| named(key) && !option(key)).collect();
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
/// `batchnorm` is a switch beside the list: all batch-norm scales and shifts in addition, or none of them whatever the list
/// marks; the selectors draw the same weights in either case. `None` leaves the list as it is.
///
/// # Errors
/// If a selector matches nothing, or all together nothing; if batch-norm is asked for and there is none.
pub fn select(
    name: Option<&str>,
    selectors: &[Box<dyn Selector>],
    batchnorm: Option<bool>,
    request: &SubsetRequest<'_>,
) -> Result<Subset> {
    let mut marks = unite(selectors, request)?;
    let mut label = join_labels(selectors, "+");
    if let Some(trained) = batchnorm {
        let norms = request.graph.parameters.iter().filter(|parameter| parameter.kind.is_batchnorm());
        let mut any = false;
        norms.for_each(|parameter| {
            any = true;
            marks[parameter.range()].fill(trained);
        });
        if trained && !any {
            let message = "`batchnorm` = true, but the network has no batch-norm: leave it out, or take another model";
            return Err(Error::Subset(message.to_string()));
        }
        if !trained && !marks.contains(&true) {
            return Err(Error::Subset(format!("`{label}` selects no weight but batch-norm, and `batchnorm` = false")));
        }
        let named = selectors.iter().any(|selector| selector.label() == "batchnorm");
        label = match (trained, selectors.len()) {
            (true, _) if named => label,
            (true, _) => format!("{label}+batchnorm"),
            (false, 1) => format!("{label}-batchnorm"),
            (false, _) => format!("({label})-batchnorm"),
        };
    }
    Subset::from_marks(name.map_or(label, str::to_string), request.graph, &marks)
}

/// The marks of each selector, each from a stream of its own; one that marks nothing is an error.
fn parts(selectors: &[Box<dyn Selector>], request: &SubsetRequest<'_>) -> Result<Vec<Vec<bool>>> {
    let marks = |(i, selector): (u64, &dyn Selector)| {
        let marks = selector.select(&SubsetRequest { seed: request.seed.index(i), ..*request })?;
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

/// The files of several selectors.
pub fn files(selectors: &[Box<dyn Selector>]) -> Vec<NamedFile> {
    selectors.iter().flat_map(|selector| selector.files()).collect()
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
    let trainable = graph.parameters.iter().filter(|parameter| parameter.trainable());
    let mut layers: Vec<&str> = trainable.map(|parameter| parameter.layer.as_str()).collect();
    layers.dedup();
    format!("; the layers are {}", layers.join(", "))
}
