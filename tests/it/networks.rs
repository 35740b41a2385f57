//! Networks, subsets and starts by the names that a campaign would use.

use std::sync::Arc;

use serde_json::{json, Value as Json};
use subevo::entry::Entries;
use subevo::graph::init::{self, Init};
use subevo::graph::Graph;
use subevo::model::{self, Model};
use subevo::params::{read_table, Origin, Problems};
use subevo::record::Background;
use subevo::rng::Seed;
use subevo::subset::{Encoding, GeneScale, Selectors, Start, Subset, SubsetRequest, Untrained};

use crate::tables::{build, table};

/// A model with its options.
pub fn model(name: &str, params: Json) -> Box<dyn Model> {
    build::<dyn Model, ()>(&Entries::new("model", model::ENTRIES), name, params, &())
}

/// A model's graph for images of shape `[c, h, w]` in 10 classes.
pub fn network(name: &str, params: Json, image: [usize; 3]) -> Arc<Graph> {
    Arc::new(model::build(&*model(name, params), image, 10).unwrap())
}

/// The small network of the tests, for images of 8 x 8 in 4 classes: 4 and 6 filters, batch-norm, 372 weights.
pub fn small_network() -> Arc<Graph> {
    let model = model("conv2-bn", json!({ "channels": [4, 6] }));
    Arc::new(model::build(&*model, [1, 8, 8], 4).unwrap())
}

/// A rule for drawing weights.
pub fn init(name: &str) -> Box<dyn Init> {
    build::<dyn Init, ()>(&Entries::new("init", init::ENTRIES), name, json!({}), &())
}

/// The subset of `select = ...`; the messages of all problems, or of the error, where it cannot be.
pub fn try_select(select: Json, graph: &Graph, seed: u64) -> Result<Subset, Vec<String>> {
    let (table, problems) = (table(&json!({ "select": select })), Problems::default());
    let read = |params: &subevo::params::Params<'_>| Selectors::builtin().read_list(params, "select");
    let (selectors, _) = read_table(&table, Origin::Default, "", &problems, read);
    let messages: Vec<String> = problems.into_vec().into_iter().map(|problem| problem.message).collect();
    if !messages.is_empty() {
        return Err(messages);
    }
    let init = init("he-normal");
    let untrained = Untrained::new(graph, &*init, Seed::new(seed));
    let request = SubsetRequest { graph, seed: Seed::new(seed), untrained: &untrained };
    subevo::subset::select(None, &selectors, None, &request).map_err(|error| vec![error.to_string()])
}

/// The subset of `select = ...`, which must work.
pub fn select(select: Json, graph: &Graph, seed: u64) -> Subset {
    try_select(select.clone(), graph, seed).unwrap_or_else(|messages| panic!("{select}: {messages:?}"))
}

/// What one unit of each gene adds to its weight (k).
pub fn scale(start: &Start) -> &[f32] {
    match &start.encoding {
        Encoding::Weights(scale) => scale,
        Encoding::Subspace(basis) => panic!("{basis:?} has no scale"),
    }
}

/// A start from seed 7, by `he-normal` and in units of it.
pub fn start(graph: &Arc<Graph>, select_list: Json, background: Background) -> Arc<Start> {
    let subset = Arc::new(select(select_list, graph, 7));
    Arc::new(Start::new(graph.clone(), subset, &*init("he-normal"), GeneScale::Init, background, Seed::new(7)))
}
