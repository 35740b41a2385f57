//! The records of a run, as types: what `steps.jsonl` and `times.jsonl` hold, line by line. Figures and tables are made
//! from these alone.
//!
//! `steps.jsonl` holds nothing that depends on the clock or the machine, so that equal runs are equal bytes.

mod landmarks;
mod measurement;
pub(crate) mod number;
mod number_map;

pub(crate) use landmarks::LEVELS;
pub use landmarks::{landmarks, Landmark};
pub use measurement::{Measurement, MeasurementLine, Reading, Side};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version of the record format.
pub const FORMAT: u32 = 1;

/// A line of `steps.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// The first line.
    Header(Header),
    /// One training step: a generation or a gradient step.
    Step(Step),
    /// A look at the incumbent on the three splits.
    Evaluation(Evaluation),
    /// The last line of a finished run.
    End(End),
}

/// What the run is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`] at the time of writing.
    pub format: u32,
    /// Name of the campaign.
    pub campaign: String,
    /// The grid's point, as in `background=random subset=bn`; empty without a grid.
    pub cell: String,
    /// Label of the learner, unique in the campaign, as in `evolution` or `evolution-snes`.
    pub learner: String,
    /// `evolution` or `backprop`.
    pub method: Method,
    /// Strategy or optimizer, as in `snes` or `adam`.
    pub algorithm: String,
    /// Label of the subset, as in `batchnorm+classifier`.
    pub subset: String,
    /// What stands outside the subset.
    pub background: Background,
    /// Name of the data set.
    pub data: String,
    /// Number of classes, for the level of chance; 0 in records that do not tell.
    #[serde(default)]
    pub classes: u64,
    /// Name of the model.
    pub model: String,
    /// The run's seed.
    pub seed: u64,
    /// Numbers that are trained: weights (k), or coordinates of a subspace (d); those of the first stage where they are drawn
    /// again.
    pub subset_size: u64,
    /// Weights that the subspace spans (D), where one is trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subset_weights: Option<u64>,
    /// All scalars (p).
    pub parameters_total: u64,
    /// CRC-32 of the resolved configuration, as eight hex digits.
    pub config: String,
}

impl RunRecords {
    /// What was measured of the network after so many steps.
    pub fn measured(&self, step: u64) -> Option<&Measurement> {
        self.measurements.iter().find(|measurement| measurement.cost.step == step)
    }

    /// What was measured of the network of a finished run at a landmark; `None` where the run never came by.
    pub fn measured_at(&self, landmark: Landmark) -> Option<&Measurement> {
        self.measured(landmark.step(self)?)
    }
}

/// How a learner learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// A population of candidates.
    Evolution,
    /// Gradient steps.
    Backprop,
}

/// What stands outside the subset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Background {
    /// The random base.
    Random,
    /// Zeros in the place of frozen convolution and hidden linear weights and biases.
    Zero,
}

impl Method {
    /// The word in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Method::Evolution => "evolution",
            Method::Backprop => "backprop",
        }
    }
}

impl Background {
    /// The word in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Background::Random => "random",
            Background::Zero => "zero",
        }
    }
}

/// What training has cost so far; follows from graph, subset and step alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Steps done (generations or gradient steps).
    pub step: u64,
    /// Forward passes of one image through one network.
    pub images: u64,
    /// Backward passes of one image.
    pub images_backward: u64,
    /// Multiply-accumulates: shared nodes once a batch, member nodes once a member; backward passes included.
    pub macs: u64,
}

/// One training step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Cost after the step.
    #[serde(flatten)]
    pub cost: Cost,
    /// Number of the stage that took it, where the subset is drawn again; the first is 0 and not written. An evaluation or
    /// the end at the same step is of the same stage.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stage: u64,
    /// Mean loss of the members that have one, or loss of the batch.
    #[serde(with = "number")]
    pub loss: f64,
    /// Least loss of a member, or loss of the batch.
    #[serde(with = "number")]
    pub best: f64,
    /// Members without a loss (NaN).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: u64,
    /// The algorithm's own numbers, as in `sigma`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "number_map")]
    pub diagnostics: BTreeMap<String, f64>,
}

/// Loss and accuracy of one network on one set of images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Mean negative log-likelihood, nats.
    #[serde(with = "number")]
    pub loss: f64,
    /// Share of images classified rightly, 0 to 1.
    #[serde(with = "number")]
    pub accuracy: f64,
    /// Number of images.
    pub images: u64,
}

/// The three splits; `train` is a fixed snapshot of the training images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Fixed snapshot of the training images.
    pub train: Score,
    /// Validation images: the only ones that may choose.
    pub validation: Score,
    /// Test images: read, never used to choose.
    pub test: Score,
}

/// A look at the incumbent in evaluation mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Cost at this moment.
    #[serde(flatten)]
    pub cost: Cost,
    /// Loss and accuracy.
    #[serde(flatten)]
    pub scores: Scores,
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// `images`, `macs`, `seconds` or `steps` of the budget, or the strategy's own reason.
    pub reason: String,
    /// Cost of the whole run.
    #[serde(flatten)]
    pub cost: Cost,
    /// The incumbent at the end.
    pub last: Scores,
    /// The incumbent of the evaluation with the least validation loss.
    pub best_by_validation: Scores,
    /// Step of that evaluation.
    pub best_by_validation_step: u64,
    /// Best test accuracy of any evaluation: only to compare with papers that report it so.
    #[serde(with = "number")]
    pub best_on_test_accuracy: f64,
}

/// A line of `times.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "time", rename_all = "kebab-case")]
pub enum Time {
    /// A process began or continued the run.
    Session(Session),
    /// Clock readings after an evaluation.
    Lap(Lap),
}

/// Where a run is computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Step at which this process began.
    pub step: u64,
    /// Host name, empty where unknown.
    pub host: String,
    /// Device, as in `cpu`.
    pub device: String,
    /// Worker threads.
    pub threads: usize,
    /// Start in seconds since 1970.
    pub unix_seconds: u64,
}

/// Clock readings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lap {
    /// Steps done.
    pub step: u64,
    /// Seconds spent on training so far, over all sessions; evaluations are not in it.
    #[serde(with = "number")]
    pub seconds: f64,
    /// Seconds spent on evaluations so far.
    #[serde(with = "number")]
    pub evaluation_seconds: f64,
    /// Forward passes a second since the session began, evaluations apart.
    #[serde(with = "number")]
    pub images_per_second: f64,
    /// Largest resident memory of the process so far, MiB; 0 where the system does not tell.
    #[serde(with = "number")]
    pub peak_rss_mib: f64,
}

/// All records of one run, as figures and tables take them.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecords {
    /// What the run is.
    pub header: Header,
    /// Training steps in order.
    pub steps: Vec<Step>,
    /// Evaluations in order; the first is the untrained network at step 0.
    pub evaluations: Vec<Evaluation>,
    /// The end, if it was reached.
    pub end: Option<End>,
    /// Clock readings in order.
    pub laps: Vec<Lap>,
    /// What metrics said of its networks, by step; empty where nothing was measured.
    pub measurements: Vec<Measurement>,
    /// The run's resolved configuration, TOML; empty where the records are not those of a run's folder.
    pub config: String,
}

fn is_zero(x: &u64) -> bool {
    *x == 0
}
