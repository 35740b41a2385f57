//! A run's whole network as other programs load it: every weight under the name that PyTorch's `state_dict` has for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::stages::{order, task, Evaluating};
use super::store::network::{self, Tensor, Values};
use super::store::{genome_path, read_description, read_kept_subset, run_state, Genome, RunState};
use super::{Campaign, Lineage, Registry, Scoring};
use crate::engine::Statistics;
use crate::error::{Error, Result};
use crate::graph::{Graph, Op, Parameter, ParameterKind};
use crate::learner::Snapshot;
use crate::plan::Limits;
use crate::record::{Cost, Scores};

/// What the metadata call the format.
const FORMAT: &str = "subevo-network-1";

/// Which of a run's networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incumbent {
    /// Before training.
    Start,
    /// At the end.
    Last,
    /// Of the evaluation with the least validation loss.
    BestByValidation,
}

impl Incumbent {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Incumbent::Start => "start",
            Incumbent::Last => "last",
            Incumbent::BestByValidation => "best-by-validation",
        }
    }
}

/// Where an export finds its data and what it may use.
#[derive(Clone, Debug)]
pub struct Place {
    /// Folder that holds one folder per data set, where the user named one.
    pub data_dir: Option<PathBuf>,
    /// Memory and threads.
    pub limits: Limits,
}

/// What was exported.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// Number of tensors.
    pub tensors: usize,
    /// Number of weights, batch-norm statistics apart.
    pub parameters: usize,
    /// Loss and accuracy, evaluated once more with what was written.
    pub scores: Scores,
}

/// Writes a network of the run in `folder` to `path`, as safetensors: weights and, for each batch-norm, the mean and variance
/// recalibrated on the first training images, as `running_mean` and `running_var`. The metadata hold `format`, `configuration`
/// (TOML), `incumbent`, `shape` and `classes`, and, as lists of one number a channel, the `mean` and `std` of pixels / 255 by which
/// images are normalised.
///
/// # Errors
/// If the run is not finished (its start can be exported all the same), its files or its data cannot be read, or the file
/// cannot be written.
pub fn export(
    folder: &Path,
    incumbent: Incumbent,
    registry: &Registry,
    place: &Place,
    path: &Path,
) -> Result<Exported> {
    let configuration = read_description(folder)?.configuration;
    let name = folder.join("config.toml").display().to_string();
    let campaign = Campaign::parse(&name, &configuration, &[], registry, false)?;
    let runs = campaign.runs();
    let [run] = runs.as_slice() else {
        return Err(Error::record(folder, format!("its configuration is of {} runs, not of one", runs.len())));
    };
    let setup = &run.cell.setup;
    let data = Arc::new(setup.data.load(place.data_dir.as_deref())?);
    let subset = match read_kept_subset(folder, &setup.graph)? {
        Some(subset) => subset,
        None => setup.select(run.seed, 0, Some(Scoring { data: &data, limits: place.limits }))?,
    };
    let mut lineage = Lineage::of(setup, subset, run.seed);
    let trained = trained(folder, incumbent, &mut lineage)?;
    let order = order(run, &data)?;
    let task = task(run, Evaluating { limits: place.limits, processor: None }, &lineage, data, order)?;
    let start = &task.start;
    let Snapshot { trained, statistics, scores, .. } = Snapshot::take(&task, trained, Cost::default())?;
    let tensors = state_dict(&start.graph, &start.complete(&start.weights_of(&trained)), &statistics);
    let json = |values: &[f64]| serde_json::json!(values).to_string();
    let metadata: BTreeMap<String, String> = [
        ("format", FORMAT.to_string()),
        ("configuration", configuration.clone()),
        ("incumbent", incumbent.name().to_string()),
        ("shape", serde_json::json!(start.graph.input_shape()).to_string()),
        ("classes", start.graph.classes().to_string()),
        ("mean", json(task.data.mean())),
        ("std", json(task.data.std())),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_string(), text))
    .collect();
    network::write(path, &metadata, &tensors)?;
    Ok(Exported { tensors: tensors.len(), parameters: start.graph.parameter_count(), scores })
}

/// The trained values, weights (k) or coordinates (d), of a run's network, to whose stage `lineage` is taken.
fn trained(folder: &Path, incumbent: Incumbent, lineage: &mut Lineage<'_>) -> Result<Vec<f32>> {
    if incumbent == Incumbent::Start {
        return Ok(lineage.start().untrained());
    }
    let state = run_state(folder)?;
    if state != RunState::Done {
        let how = match state {
            RunState::Failed(message) => format!("it failed: {message}"),
            RunState::Started { step } => format!("it was left at step {step}"),
            _ => "it has not begun".to_string(),
        };
        let told = "finish it with `subevo run`, or export its start with `--incumbent start`";
        return Err(Error::Config(format!("{}: the run is not finished: {how}; {told}", folder.display())));
    }
    let path = genome_path(folder);
    let genome = Genome::read(&path)?;
    let (stage, trained) = match incumbent {
        Incumbent::BestByValidation => (genome.stage_best_by_validation, genome.weights_best_by_validation),
        _ => (genome.chain.len(), genome.weights),
    };
    genome.chain.links().take(stage as usize).try_for_each(|link| lineage.fold(link))?;
    let last = stage == genome.chain.len();
    if (last && genome.subset != *lineage.subset()) || trained.len() != lineage.start().genes() {
        return Err(Error::record(&path, "its subset is not the one of its configuration: it is of another version"));
    }
    Ok(trained)
}

/// The name of a parameter in a PyTorch module that names its layers alike.
pub fn state_dict_name(parameter: &Parameter) -> String {
    let suffix = match parameter.kind {
        ParameterKind::ConvWeight
        | ParameterKind::LinearWeight
        | ParameterKind::BatchNormScale
        | ParameterKind::Injection => "weight",
        ParameterKind::ConvBias | ParameterKind::LinearBias | ParameterKind::BatchNormShift => "bias",
    };
    format!("{}.{suffix}", parameter.layer)
}

/// Weights (p) and the statistics of the batch-norms in the order of the graph, under the names of a PyTorch module that names
/// its layers alike ([`state_dict_name`]), and of each batch-norm `running_mean`, `running_var` and
/// `num_batches_tracked`.
pub fn state_dict(graph: &Graph, weights: &[f32], statistics: &[Statistics]) -> Vec<Tensor> {
    let mut tensors = Vec::new();
    let mut put = |name: String, shape: &[usize], values: Values| {
        tensors.push(Tensor { name, shape: shape.to_vec(), values });
    };
    for parameter in &graph.parameters {
        let values = Values::F32(weights[parameter.range()].to_vec());
        put(state_dict_name(parameter), &parameter.shape, values);
    }
    let norms = graph.nodes.iter().filter(|node| matches!(node.op, Op::BatchNorm { .. }));
    for (node, statistics) in norms.zip(statistics) {
        let channels = [statistics.mean.len()];
        put(format!("{}.running_mean", node.name), &channels, Values::F32(statistics.mean.clone()));
        put(format!("{}.running_var", node.name), &channels, Values::F32(statistics.variance.clone()));
        put(format!("{}.num_batches_tracked", node.name), &[], Values::I64(vec![1]));
    }
    tensors
}
