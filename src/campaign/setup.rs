//! One cell of a campaign, read and checked: every name looked up, every value in range, every part built once. What
//! passes here can run.

use std::path::Path;
use std::sync::Arc;

use super::budget_setup::BudgetSetup;
use super::learner_setup::{LearnerContext, LearnerSetup};
use super::lineage::Lineage;
use super::metric_setup::{self, NamedMetric};
use super::scoring::{check_images, Scoring};
use super::subset_setup::{self, Choice, SubsetSetup};
use super::Registry;
use crate::data::{Augmentation, Data, DataSource};
use crate::engine::MatrixPrecision;
use crate::graph::init::Init;
use crate::graph::Graph;
use crate::learner::Moments;
use crate::metric::Needs;
use crate::model::{self, Model};
use crate::params::{read_table, Amount, NamedFile, Node, Origin, Params, Problems, Range, Table, Value};
use crate::plan::{Keep, Precision};
use crate::projection::Basis;
use crate::record::Background;
use crate::rng::Seed;
use crate::subset::{stage_seed, GeneScale, Start, Subset, Subspace, Untrained};

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
    choice: Choice,
    /// On how many training images weights are scored, if any are; see [`Setup::select`].
    pub scored_on: Option<usize>,
    /// Steps after which the subset is drawn again; `None`: it is fixed.
    pub redraw: Option<u64>,
    /// The subspace of the subset's weights that is trained; `None`: the weights themselves.
    pub subspace: Option<Subspace>,
    /// The learners, at least one.
    pub learners: Vec<LearnerSetup>,
    /// The metrics, alphabetical.
    pub metrics: Vec<NamedMetric>,
    /// When runs are looked at.
    pub moments: Moments,
    /// How activations that depend on the single image alone are kept for the whole data set; `None`: they are not.
    pub cache: Option<Precision>,
    /// How exactly products multiply; anything but f32 wants a GPU.
    pub precision: MatrixPrecision,
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
    /// Probability that a training label is drawn at random; `None`: all are true.
    pub label_noise: Option<f64>,
    /// The name of what is done to the training images.
    pub augment: String,
    /// What is done to the training images.
    pub augmentation: Arc<dyn Augmentation>,
    /// The section with all defaults and without augmentation, which tells one set from another.
    pub resolved: String,
}

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

    /// What may be kept of the data set's images; nothing where each step sees them changed.
    pub fn keep(&self) -> Option<Keep> {
        let images = self.data.source.training_images() as u64;
        let precision = self.cache.filter(|_| !self.data.augmentation.changes());
        precision.map(|precision| Keep { images, precision })
    }

    /// What its runs keep for its metrics.
    pub fn needs(&self) -> Needs {
        metric_setup::needs(&self.metrics)
    }

    /// The first of its seeds.
    pub fn first_seed(&self) -> u64 {
        self.seeds.first().copied().unwrap_or(1)
    }

    /// The subset of one seed in one of its stages. Where weights are scored by a gradient and no images are given
    /// ([`Setup::scored_on`]), random scores stand for it: as many weights as with the images, but others.
    ///
    /// # Errors
    /// If a selector matches nothing, or the gradient cannot be computed.
    pub fn select(&self, seed: u64, stage: u64, scoring: Option<Scoring<'_>>) -> crate::error::Result<Subset> {
        let untrained = Untrained::new(&self.graph, &*self.init, init_seed(seed));
        let address = stage_seed(Seed::new(seed), stage);
        let Some(scoring) = scoring else { return self.choice.subset(&self.graph, &untrained, address) };
        let gradient = |images| scoring.gradient(self, init_seed(seed), images);
        self.choice.subset(&self.graph, &untrained.with_gradient(&gradient), address)
    }

    /// The basis of the subspace that one seed trains in one of its stages, if it trains one.
    pub fn basis(&self, subset: &Subset, seed: u64, stage: u64) -> Option<Arc<dyn Basis>> {
        self.subspace.as_ref().map(|subspace| subspace.basis(subset, stage_seed(Seed::new(seed), stage)))
    }

    /// The untrained network of one seed.
    ///
    /// # Errors
    /// As [`Setup::select`].
    pub fn start(&self, seed: u64, scoring: Option<Scoring<'_>>) -> crate::error::Result<Start> {
        Ok(self.start_of(self.select(seed, 0, scoring)?, seed))
    }

    /// The untrained network of one seed, with this subset of its weights.
    pub fn start_of(&self, subset: Subset, seed: u64) -> Start {
        Lineage::of(self, subset, seed).start()
    }

    /// The files that the configuration names, by the names that it has for them.
    pub fn files(&self) -> Vec<NamedFile> {
        self.choice.files()
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

/// The address of the base.
pub(super) fn init_seed(seed: u64) -> Seed {
    Seed::new(seed).child("init")
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
    let untrained = graph
        .as_deref()
        .zip(init.as_deref())
        .map(|(graph, init)| (graph, Untrained::new(graph, init, init_seed(seed))));
    let SubsetSetup { choice, chosen, subspace, redraw, background } =
        params.table("subset", |subset| subset_setup::read(subset, registry, untrained.as_ref(), seed));
    let scored_on = untrained.as_ref().and_then(|(_, untrained)| untrained.images_asked());
    if let (Some(images), Some(data)) = (scored_on, &data) {
        let told = |message: String| params.problem("subset", message, None);
        check_images(images, data.training_images()).unwrap_or_else(told);
    }
    let budget = params.optional_table("budget", BudgetSetup::read);
    let layout = chosen.as_ref().map(|chosen| match &subspace {
        Some(subspace) => Subset::without_places(&chosen.name, subspace.dimension),
        None => chosen.clone(),
    });
    let context = LearnerContext { registry, budget, layout: layout.as_ref(), data: data.as_ref() };
    let learners = read_learners(params, &context);
    let (metrics, moments) = params.table("metrics", |metrics| metric_setup::read(metrics, registry));
    let (cache, precision) = params.table("engine", |engine| {
        let cache = match engine.choice("cache", Some("f32"), &["f32", "f16", "off"]) {
            "f32" => Some(Precision::F32),
            "f16" => Some(Precision::F16),
            _ => None,
        };
        let precision = engine.optional_choice("precision", &MatrixPrecision::NAMES);
        (cache, precision.and_then(MatrixPrecision::from_name).unwrap_or_default())
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
        choice,
        scored_on,
        redraw,
        subspace,
        learners,
        metrics,
        moments,
        cache,
        precision,
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
pub(super) fn read_shown(params: &Params<'_>, key: &str, longest: usize) -> String {
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
    let (name, source, validation, label_noise, augment) = params.named("data", None, |name, origin, data| {
        let validation = data.amount("validation", Some(VALIDATION));
        let label_noise = data.optional_float("label_noise", Range::Within(0.0, 1.0));
        let source = registry.data.build(name, origin, data, &());
        if let Some(source) = &source {
            let (n, held_out) = (source.training_images(), DataSetup::held_out(validation, &**source));
            if held_out == 0 || held_out >= n {
                let message =
                    format!("`data.validation` holds out {held_out} of {n} training images: must be 1 to {}", n - 1);
                data.problem("validation", message, None);
            }
        }
        // Without a source there is a problem already; the options are still worth checking.
        let shape = source.as_ref().map_or([1, 4096, 4096], |source| source.shape());
        let augment = data.named("augment", Some("none"), |name, origin, params| {
            Some((name.to_string(), registry.augmentations.build(name, origin, params, &shape)?))
        });
        (name.to_string(), source, validation, label_noise, augment.flatten())
    })?;
    let mut set = params.resolved("data");
    if let Some(Value::Table(set)) = &mut set {
        set.remove("augment");
    }
    let resolved = set.map(|value| value.to_string()).unwrap_or_default();
    let (augment, augmentation) = augment?;
    let augmentation = Arc::from(augmentation);
    Some(DataSetup { name, source: source?, validation, label_noise, augment, augmentation, resolved })
}

impl DataSetup {
    /// Reads and splits the images; `folder` holds one folder per data set.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] if they cannot be read.
    pub fn load(&self, folder: Option<&Path>) -> crate::error::Result<Data> {
        // Split and noise are the data set's, not the run's: all seeds are trained, validated and tested on the same.
        let seed = Seed::new(0);
        let data = Data::split(&self.name, self.source.load(folder)?, self.validation, seed)?;
        Ok(match self.label_noise {
            Some(noise) => data.with_label_noise(noise, seed.child("label-noise")),
            None => data,
        })
    }

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
