//! One cell of a campaign, read and checked: every name looked up, every value in range, every part built once. What
//! passes here can run.

use std::sync::Arc;

use super::learner_setup::{LearnerContext, LearnerSetup};
use super::Registry;
use crate::data::DataSource;
use crate::graph::init::Init;
use crate::graph::Graph;
use crate::learner::{Budget, Moments};
use crate::metric::Metric;
use crate::model::{self, Model};
use crate::params::{read_named, read_table, Amount, Node, Origin, Params, Problems, Range, Table, Value};
use crate::plan::{Keep, Precision};
use crate::projection::Basis;
use crate::record::Background;
use crate::rng::Seed;
use crate::subset::{select, stage_seed, GeneScale, Selector, Start, Subset, SubsetRequest, Subspace};

/// Images held out for validation by default.
const VALIDATION: Amount = Amount::Fraction(0.1);

/// A checked cell.
pub struct Setup {
    /// Name of the campaign.
    pub campaign: String,
    /// `campaign.cell`: the cell that a run's own configuration stands for; empty in what people write.
    pub cell: String,
    /// Seeds of its runs.
    pub seeds: Vec<u64>,
    /// The data set.
    pub data: DataSetup,
    /// Name of the model.
    pub model: String,
    /// The network.
    pub graph: Arc<Graph>,
    /// Rule for drawing the weights.
    pub init: Box<dyn Init>,
    /// What stands outside the subset.
    pub background: Background,
    /// What a unit of a gene is.
    pub scale: GeneScale,
    /// Label of the subset.
    pub subset: String,
    selectors: Vec<Box<dyn Selector>>,
    /// The subspace of the subset's weights that is trained; `None`: the weights themselves.
    pub subspace: Option<Subspace>,
    /// The learners, at least one.
    pub learners: Vec<LearnerSetup>,
    /// The metrics and their names.
    pub metrics: Vec<NamedMetric>,
    /// When runs are looked at.
    pub moments: Moments,
    /// How activations that depend on the single image alone are kept for the whole data set; `None`: they are not.
    pub cache: Option<Precision>,
    /// The cell with all defaults filled in.
    pub resolved: Table,
}

/// A data set and its split.
pub struct DataSetup {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub source: Box<dyn DataSource>,
    /// What is held out of the training images.
    pub validation: Amount,
    /// The section with all defaults, which tells one set from another.
    pub resolved: String,
}

/// A metric and its name.
pub type NamedMetric = (String, Box<dyn Metric>);

/// Model, graph and init as they are read.
type Network = (String, Option<Arc<Graph>>, Option<Box<dyn Init>>);

impl Setup {
    /// Reads one cell. `None` if anything is wrong; `problems` tells what.
    pub fn read(table: &Table, registry: &Registry, problems: &Problems) -> Option<Setup> {
        let before = problems.len();
        let (setup, resolved) =
            read_table(table, Origin::Default, "", problems, |params| read_sections(params, registry));
        let setup = setup?;
        (problems.len() == before).then_some(Setup { resolved, ..setup })
    }

    /// What may be kept of the data set's images.
    pub fn keep(&self) -> Option<Keep> {
        let images = self.data.source.training_images() as u64;
        self.cache.map(|precision| Keep { images, precision })
    }

    /// The subset of one seed.
    ///
    /// # Errors
    /// If a selector matches nothing.
    pub fn select(&self, seed: u64) -> crate::error::Result<Subset> {
        choose(&self.subset, &self.selectors, &self.graph, seed)
    }

    /// The basis of the subspace that one seed trains, if it trains one.
    pub fn basis(&self, subset: &Subset, seed: u64) -> Option<Arc<dyn Basis>> {
        self.subspace.as_ref().map(|subspace| subspace.basis(subset, stage_seed(Seed::new(seed), 0)))
    }

    /// The untrained network of one seed.
    ///
    /// # Errors
    /// As [`Setup::select`].
    pub fn start(&self, seed: u64) -> crate::error::Result<Start> {
        let subset = Arc::new(self.select(seed)?);
        let basis = self.basis(&subset, seed);
        let root = Seed::new(seed).child("init");
        let start = Start::new(self.graph.clone(), subset, &*self.init, self.scale, self.background, root);
        Ok(match basis {
            Some(basis) => start.within(basis),
            None => start,
        })
    }

    /// The configuration of one run: this cell, called `cell`, with one seed and one learner. It is a campaign that does
    /// that run again, record by record.
    pub fn of_run(&self, cell: &str, seed: u64, learner: usize) -> Table {
        let mut table = self.resolved.clone();
        let one = |node: Node| Node::new(Value::Array(vec![node]));
        if let Some(Node { value: Value::Table(campaign), .. }) = table.get_mut("campaign") {
            campaign.set("seeds", one(Node::new(Value::Integer(seed as i64))));
            campaign.set("cell", Node::new(Value::Text(cell.to_string())));
        }
        if let Some(Node { value: Value::Array(learners), .. }) = table.get_mut("learner") {
            let chosen = learners.swap_remove(learner);
            table.set("learner", one(chosen));
        }
        table
    }
}

fn choose(name: &str, selectors: &[Box<dyn Selector>], graph: &Graph, seed: u64) -> crate::error::Result<Subset> {
    let request = SubsetRequest { graph, seed: stage_seed(Seed::new(seed), 0) };
    select((!name.is_empty()).then_some(name), selectors, &request)
}

fn read_sections(params: &Params<'_>, registry: &Registry) -> Option<Setup> {
    let (campaign, cell, seeds) = params.table("campaign", read_campaign);
    let data = read_data(params, registry);
    let (model, graph, init) = read_model(params, registry, data.as_ref());
    let scale = params.table("genome", |genome| match genome.choice("scale", Some("init"), &["init", "one"]) {
        "init" => GeneScale::Init,
        _ => GeneScale::One,
    });
    let seed = seeds.first().copied().unwrap_or(1);
    let (selectors, chosen, subspace, background) =
        params.table("subset", |subset| read_subset(subset, registry, graph.as_deref(), seed));
    let budget = params.optional_table("budget", read_budget);
    let layout = chosen.as_ref().map(|chosen| match &subspace {
        Some(subspace) => Subset::without_places(&chosen.name, subspace.dimension),
        None => chosen.clone(),
    });
    let context = LearnerContext { registry, budget, layout: layout.as_ref(), data: data.as_ref() };
    let learners = read_learners(params, &context);
    let (metrics, moments) = params.table("metrics", |metrics| read_metrics(metrics, registry));
    let cache = params.table("engine", |engine| match engine.choice("cache", Some("f32"), &["f32", "f16", "off"]) {
        "f32" => Some(Precision::F32),
        "f16" => Some(Precision::F16),
        _ => None,
    });
    Some(Setup {
        campaign,
        cell,
        seeds,
        data: data?,
        model,
        graph: graph?,
        init: init?,
        background,
        scale,
        subset: chosen?.name,
        selectors,
        subspace,
        learners,
        metrics,
        moments,
        cache,
        resolved: Table::default(),
    })
}

/// Labels become parts of folder names: they must be plain and short.
pub(super) fn check_label(params: &Params<'_>, key: &str, label: &str) {
    const LONGEST: usize = 32;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if label.is_empty() || label.len() > LONGEST || label.starts_with('.') || !label.chars().all(plain) {
        let found = Value::Text(label.to_string());
        let path = params.path();
        let message =
            format!("`{path}.{key}` = {found}: must be 1 to {LONGEST} of A-Z a-z 0-9 . _ - and not begin with a dot");
        params.problem(key, message, None);
    }
}

/// A label that is only shown: short enough for a table, and without control characters, which terminals obey.
fn read_shown(params: &Params<'_>, key: &str, longest: usize) -> String {
    let text = params.text(key, Some(""));
    if text.chars().count() > longest || text.chars().any(char::is_control) {
        let (path, found) = (params.path(), Value::Text(text));
        let message =
            format!("`{path}.{key}` = {found}: must be at most {longest} characters and no control characters");
        params.problem(key, message, None);
        return String::new();
    }
    text
}

fn read_campaign(params: &Params<'_>) -> (String, String, Vec<u64>) {
    let name = params.text("name", None);
    if matches!(params.raw("name").map(|node| &node.value), Some(Value::Text(_))) {
        check_label(params, "name", &name);
    }
    // Written into the configurations of runs, which are campaigns of one run.
    let cell = read_shown(params, "cell", 1_000);
    // Free text for whoever opens the results.
    params.text("question", Some(""));
    let seeds = match params.raw("seeds").map(|node| &node.value) {
        Some(Value::Array(_)) => params.integers("seeds", &[1], 0..=i64::MAX as u64),
        _ => (1..=params.integer("seeds", Some(1), 1..=100_000)).collect(),
    };
    let mut sorted = seeds.clone();
    sorted.sort_unstable();
    if sorted.is_empty() || sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        params.problem("seeds", "`campaign.seeds` must be a number of seeds, or a list of different seeds", None);
    }
    params.resolve("seeds", Value::Array(seeds.iter().map(|seed| Node::new(Value::Integer(*seed as i64))).collect()));
    (name, cell, seeds)
}

fn read_data(params: &Params<'_>, registry: &Registry) -> Option<DataSetup> {
    let (name, source, validation) = params.named("data", None, |name, origin, data| {
        let validation = data.amount("validation", Some(VALIDATION));
        let source = registry.data.build(name, origin, data, &());
        if let Some(source) = &source {
            let (n, held_out) = (source.training_images(), DataSetup::held_out(validation, &**source));
            if held_out == 0 || held_out >= n {
                let message =
                    format!("`data.validation` holds out {held_out} of {n} training images: must be 1 to {}", n - 1);
                data.problem("validation", message, None);
            }
        }
        (name.to_string(), source, validation)
    })?;
    let resolved = params.resolved("data").map(|value| value.to_string()).unwrap_or_default();
    Some(DataSetup { name, source: source?, validation, resolved })
}

impl DataSetup {
    fn held_out(validation: Amount, source: &dyn DataSource) -> usize {
        match validation {
            Amount::Count(count) => count,
            fraction => fraction.of(source.training_images()),
        }
    }

    /// Training images left after validation is held out.
    pub fn training_images(&self) -> usize {
        self.source.training_images().saturating_sub(Self::held_out(self.validation, &*self.source))
    }
}

fn read_model(params: &Params<'_>, registry: &Registry, data: Option<&DataSetup>) -> Network {
    let read = |name: &str, origin: &Origin, section: &Params<'_>| {
        let init = section
            .named("init", Some("he-normal"), |init, origin, params| registry.inits.build(init, origin, params, &()));
        let model: Option<Box<dyn Model>> = registry.models.build(name, origin, section, &());
        let graph = data.zip(model).and_then(|(data, model)| {
            let graph = model::build(&*model, data.source.shape(), data.source.classes());
            let [c, h, w] = data.source.shape();
            let told =
                |error| format!("model `{name}` does not fit the images of `{}` ({c} x {h} x {w}): {error}", data.name);
            graph.map_err(|error| section.problem("name", told(error), None)).ok()
        });
        (name.to_string(), graph.map(Arc::new), init.flatten())
    };
    params.named("model", None, read).unwrap_or_default()
}

fn read_subset(
    params: &Params<'_>,
    registry: &Registry,
    graph: Option<&Graph>,
    seed: u64,
) -> (Vec<Box<dyn Selector>>, Option<Subset>, Option<Subspace>, Background) {
    let name = read_shown(params, "name", 60);
    let before = params.problems().len();
    let selectors = registry.selectors.read_list(params, "select");
    if selectors.is_empty() && params.problems().len() == before {
        let example = "it lists what is trained, as in [{ filters = 0.25 }]";
        params.problem("select", format!("`subset.select` is missing or empty: {example}"), None);
    }
    let whole = params.problems().len() == before;
    let chosen = graph.filter(|_| whole).and_then(|graph| {
        let chosen = choose(&name, &selectors, graph, seed);
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
    let label = |chosen: Subset| match &subspace {
        Some(subspace) if name.is_empty() => Subset { name: subspace.label(&chosen.name), ..chosen },
        _ => chosen,
    };
    let chosen = chosen.map(label);
    let background = match params.choice("background", Some("random"), &["random", "zero"]) {
        "random" => Background::Random,
        _ => Background::Zero,
    };
    (selectors, chosen, subspace, background)
}

/// Reads `[budget]`, or a learner's own.
pub(super) fn read_budget(params: &Params<'_>) -> Budget {
    let budget = Budget {
        images: params.optional_integer("images", 1..=i64::MAX as u64),
        steps: params.optional_integer("steps", 1..=i64::MAX as u64),
        macs: params.optional_integer("macs", 1..=i64::MAX as u64),
        seconds: params.optional_float("seconds", Range::Above(0.0)),
    };
    if budget == Budget::default() {
        params.problem("", "the budget has no limit: give `images`, `steps`, `macs` or `seconds`", None);
    }
    budget
}

fn read_learners(params: &Params<'_>, context: &LearnerContext<'_>) -> Vec<LearnerSetup> {
    let mut labels: Vec<String> = Vec::new();
    let learners = params.list("learner", |node, path| {
        let (learner, resolved) = LearnerSetup::read(node, path, params.problems(), context, &labels)?;
        labels.push(learner.label.clone());
        Some((learner, resolved))
    });
    let none = match params.raw("learner").map(|node| &node.value) {
        None => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    };
    if none {
        let message = "no `[[learner]]`: give at least one, with name = \"evolution\" or \"backprop\"";
        params.problem("learner", message, None);
    }
    learners
}

fn read_metrics(params: &Params<'_>, registry: &Registry) -> (Vec<NamedMetric>, Moments) {
    let metrics = params.list("names", |node, path| {
        let read = |name: &str, origin: &Origin, metric: &Params<'_>| {
            Some((name.to_string(), registry.metrics.build(name, origin, metric, &())?))
        };
        let (metric, _) = read_named(node, path, params.problems(), read)?;
        let metric = metric?;
        let name = Value::Text(metric.0.clone());
        Some((metric, name))
    });
    let moments = match params.raw("every").map(|node| &node.value) {
        Some(Value::Integer(_)) => Moments::Every(params.integer("every", None, 1..=u64::MAX)),
        _ => {
            params.choice("every", Some("log"), &["log"]);
            Moments::Log
        }
    };
    (metrics, moments)
}
