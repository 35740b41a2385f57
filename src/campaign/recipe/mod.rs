//! Recipes: published settings of a learner under a name. A learner that names one takes from it what its own section leaves
//! out.
//!
//! ```toml
//! [[learner]]
//! name = "backprop"
//! recipe = "frankle-resnet"
//! budget = { epochs = 2 }
//! ```
//!
//! A recipe says what is known of batch, optimizer or strategy, schedule and budget. What belongs to the data
//! (augmentation) or to the model (dropout, init) stands in their own sections.

mod frankle_resnet;
mod gressmann;
mod ha_openai_es;
mod li_subspace;
mod neuroevobench;
mod rosenfeld;

use super::Registry;
use crate::entry::Entry;
use crate::params::{merge, toml, Node, Origin, Params, Problem, Problems, Table, Value};
use crate::record::Method;

/// Settings of a learner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The learner that they are for.
    pub method: Method,
    /// The keys of its `[[learner]]` section, as TOML.
    pub keys: &'static str,
}

/// Alphabetical; a test fails where a file here has no row.
pub const ENTRIES: &[Entry<Recipe>] = &[
    frankle_resnet::ENTRY,
    gressmann::CNN_CIFAR10,
    gressmann::CNN_FASHION_MNIST,
    gressmann::CNN_MNIST,
    gressmann::FC_CIFAR10,
    gressmann::FC_FASHION_MNIST,
    gressmann::FC_MNIST,
    ha_openai_es::ENTRY,
    li_subspace::ENTRY,
    neuroevobench::OPENAI_ES_CIFAR10,
    neuroevobench::OPENAI_ES_FASHION_MNIST,
    neuroevobench::SNES_CIFAR10,
    neuroevobench::SNES_FASHION_MNIST,
    rosenfeld::ALEXNET,
    rosenfeld::DENSENET,
    rosenfeld::VGG,
    rosenfeld::WRN,
    rosenfeld::WRN_SMALL_IMAGENET,
];

/// The `[[learner]]` section with what its recipe says laid under it; the section itself where it names none, or none that
/// there is.
pub(super) fn with_recipe(node: &Node, path: &str, registry: &Registry, problems: &Problems) -> Node {
    let unchanged = || node.clone();
    let Some(section) = node.as_table() else { return unchanged() };
    let Some(Node { value: Value::Text(name), origin }) = section.get("recipe") else { return unchanged() };
    let none = Table::default();
    let params = Params::new(&none, origin.clone(), path, problems);
    let Some(recipe) = registry.recipes.build(name, origin, &params, &()) else { return unchanged() };
    let problem = |message: String| {
        let path = format!("{path}.recipe");
        problems.push(Problem { origin: origin.clone(), path, message, help: None });
    };
    if let Some(Value::Text(learner)) = section.get("name").map(|node| &node.value) {
        if learner != recipe.method.name() {
            problem(format!("recipe `{name}` is for `{}`, not for `{learner}`", recipe.method.name()));
            return unchanged();
        }
    }
    let own = Problems::default();
    let mut merged = at(origin, &toml::parse(recipe.keys, &own));
    if !own.is_empty() {
        let told: Vec<String> = own.into_vec().into_iter().map(|problem| problem.message).collect();
        problem(format!("recipe `{name}` cannot be read: {}", told.join("; ")));
        return unchanged();
    }
    for (key, value) in &section.entries {
        let value = match merged.get(&key.name) {
            // A limit of one's own and the recipe's would end a run at whichever comes first.
            Some(under) if key.name != "budget" && same_kind(under, value) => merge(Some(under), value),
            _ => value.clone(),
        };
        merged.set(&key.name, value);
    }
    Node { value: Value::Table(merged), origin: node.origin.clone() }
}

/// The same table, all of it from one place: what is wrong with a value is told at the name of its recipe.
fn at(origin: &Origin, table: &Table) -> Table {
    let mut moved = table.clone();
    for (key, node) in &mut moved.entries {
        key.origin = origin.clone();
        node.origin = origin.clone();
        if let Value::Table(inner) = &node.value {
            node.value = Value::Table(at(origin, inner));
        }
    }
    moved
}

/// Whether a value laid over another is of the same thing: other settings of the same optimizer, and not another optimizer.
fn same_kind(under: &Node, over: &Node) -> bool {
    let name = |node: &Node| match &node.value {
        Value::Text(name) => Some(name.clone()),
        Value::Table(table) => match table.get("name").map(|node| &node.value) {
            Some(Value::Text(name)) => Some(name.clone()),
            _ => None,
        },
        _ => None,
    };
    let over = name(over);
    over.is_none() || over == name(under)
}
