//! `[subset]` of a campaign: what is trained, whether that is drawn again, and what stands outside.

use super::redraw;
use super::setup::read_shown;
use super::Registry;
use crate::error::Result;
use crate::graph::Graph;
use crate::params::{NamedFile, Params};
use crate::record::Background;
use crate::rng::Seed;
use crate::subset::{self, stage_seed, Selector, Subset, SubsetRequest, Subspace, Untrained};

/// How a subset is chosen.
pub(super) struct Choice {
    name: String,
    selectors: Vec<Box<dyn Selector>>,
    batchnorm: Option<bool>,
}

/// The section as it is read.
pub(super) struct SubsetSetup {
    /// How the subset is chosen.
    pub choice: Choice,
    /// The subset of the first seed, with random scores in the place of gradients; `None` where something is wrong.
    pub chosen: Option<Subset>,
    /// The subspace of its weights that is trained; `None`: the weights themselves.
    pub subspace: Option<Subspace>,
    /// Steps after which it is drawn again; `None`: it is fixed.
    pub redraw: Option<u64>,
    /// What stands outside.
    pub background: Background,
}

impl Choice {
    /// The subset that is drawn from an address, as [`stage_seed`] gives it.
    pub(super) fn subset(&self, graph: &Graph, untrained: &Untrained<'_>, seed: Seed) -> Result<Subset> {
        let name = (!self.name.is_empty()).then_some(&*self.name);
        subset::select(name, &self.selectors, self.batchnorm, &SubsetRequest { graph, seed, untrained })
    }

    /// The files that it names.
    pub(super) fn files(&self) -> Vec<NamedFile> {
        subset::files(&self.selectors)
    }
}

/// Reads the section; `network` is the graph and what is known of it before training, of the run's first seed `seed`.
pub(super) fn read(
    params: &Params<'_>,
    registry: &Registry,
    network: Option<&(&Graph, Untrained<'_>)>,
    seed: u64,
) -> SubsetSetup {
    let name = read_shown(params, "name", 60);
    let before = params.problems().len();
    let selectors = registry.selectors.read_list(params, "select");
    if selectors.is_empty() && params.problems().len() == before {
        let example = "it lists what is trained, as in [{ filters = 0.25 }]";
        params.problem("select", format!("`subset.select` is missing or empty: {example}"), None);
    }
    let choice = Choice { name, selectors, batchnorm: params.optional_boolean("batchnorm") };
    let whole = params.problems().len() == before;
    let chosen = network.filter(|_| whole).and_then(|(graph, untrained)| {
        let chosen = choice.subset(graph, untrained, stage_seed(Seed::new(seed), 0));
        chosen.map_err(|error| params.problem("select", error.to_string(), None)).ok()
    });
    let subspace = params.optional_table("subspace", |params| {
        let subspace = Subspace::read(params, &registry.projections)?;
        if let Some(Err(message)) = chosen.as_ref().map(|chosen| subspace.check(chosen)) {
            params.problem("dimension", message, None);
        }
        Some(subspace)
    });
    let subspace = subspace.flatten();
    let chosen = chosen.map(|chosen| match &subspace {
        Some(subspace) if choice.name.is_empty() => Subset { name: subspace.label(&chosen.name), ..chosen },
        _ => chosen,
    });
    let scored = network.is_some_and(|(_, untrained)| untrained.images_asked().is_some());
    let again = network
        .zip(chosen.as_ref())
        .map(|((graph, untrained), _)| |address| choice.subset(graph, untrained, address).ok());
    let redraw = redraw::read(params, seed, [scored, params.has("subspace")], again.as_ref().map(|again| again as _));
    let background = match params.choice("background", Some("random"), &["random", "zero"]) {
        "random" => Background::Random,
        _ => Background::Zero,
    };
    SubsetSetup { choice, chosen, subspace, redraw, background }
}
