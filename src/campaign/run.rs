//! Runs a campaign: each run in its own folder, continued where it was left, failures kept and passed over.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::curves::{curves_if_missing, LiveCurves};
use super::fit::check_memory_scored;
use super::stages::{Evaluating, RunStages};
use super::store::{
    config_digest, disk, write_moment, Checkpoint, Covered, Genome, Resumed, RunDescription, RunDir, RunFiles,
    RunState, WalkWriter, PROJECTED, WHOLE,
};
use super::{check_memory, machine, Campaign, Registry, Run, Scoring, Setup};
use crate::data::Data;
use crate::engine::Processor;
use crate::error::{Error, Result};
use crate::guard::guarded;
use crate::learner::{Moment, Outcome, Position, Recorder, Stages, Training};
use crate::plan::Limits;
use crate::projection::{self, Basis};
use crate::record::{Evaluation, Header, Lap, Method, Record, Session, Step, Time, FORMAT};
use crate::rng::Seed;
use crate::subset::{Start, Subset};

/// Time after which other processes see what was recorded: `subevo watch`, for one.
const SHOW_EVERY: Duration = Duration::from_secs(1);

/// Name of the file that lists a campaign's runs.
pub(super) const LIST: &str = "campaign.json";

/// How a campaign is run. Nothing here changes a result, but that a device rounds otherwise than the CPU.
pub struct Options {
    /// Folder of all campaigns.
    pub root: PathBuf,
    /// Folder of data sets, where the user named one.
    pub data_dir: Option<PathBuf>,
    /// Memory and threads.
    pub limits: Limits,
    /// What evaluates networks while they are trained.
    pub processor: Processor,
    /// What it may use of its own memory, where it is a device; else the limit is that of all.
    pub device_memory: Option<u64>,
    /// Time between checkpoints.
    pub checkpoint_every: Duration,
    /// Asked between steps: stop now?
    pub stop: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Stop at the first failed run.
    pub fail_fast: bool,
    /// Write curves for TensorBoard beside the records.
    pub tensorboard: bool,
    /// The words of the command line.
    pub command_line: Vec<String>,
}

impl Options {
    fn place(&self) -> Evaluating<'_> {
        let memory = self.device_memory.unwrap_or(self.limits.memory);
        Evaluating { limits: Limits { memory, ..self.limits }, processor: Some(&self.processor) }
    }
}

/// A run whose turn it is.
#[derive(Clone, Copy)]
pub struct Turn<'a> {
    /// The run.
    pub run: &'a Run<'a>,
    /// Its place among the campaign's runs, from 0.
    pub index: usize,
    /// How many runs the campaign has.
    pub runs: usize,
    /// Share of the campaign's work that lies in the runs before, 0 to 1.
    pub before: f64,
    /// Share of the campaign's work that lies in this run, 0 to 1.
    pub share: f64,
}

/// Is told what happens.
pub trait Observer {
    /// A run begins or goes on; `done` is the share of its budget that was used before.
    fn begin(&mut self, turn: Turn<'_>, done: f64, notes: &[String]);
    /// A step was done.
    fn step(&mut self, step: &Step, used: f64);
    /// The incumbent was evaluated.
    fn evaluation(&mut self, evaluation: &Evaluation);
    /// The run ended, or there was nothing to begin.
    fn end(&mut self, turn: Turn<'_>, end: &RunEnd);
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum RunEnd {
    /// It had been done before.
    WasDone,
    /// It is done.
    Done,
    /// It was asked to stop, and can be continued.
    Stopped,
    /// Another process writes it.
    Busy,
    /// It failed, with the message.
    Failed(String),
}

/// What became of a campaign's runs.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// The campaign's folder.
    pub folder: PathBuf,
    /// Folders of the runs, in order.
    pub runs: Vec<PathBuf>,
    /// How many are done.
    pub done: usize,
    /// Of these, how many had been done before.
    pub done_before: usize,
    /// How many were passed over because another process writes them.
    pub busy: usize,
    /// Names and messages of those that failed.
    pub failed: Vec<(String, String)>,
    /// Whether it was asked to stop.
    pub stopped: bool,
}

/// Which runs make up the campaign that was last run in a folder.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RunList {
    pub format: u32,
    pub campaign: String,
    pub runs: Vec<String>,
}

/// Runs all runs that are not done.
///
/// # Errors
/// If a learner does not fit into memory, the campaign's folder cannot be used, or the data cannot be read. What fails within a run is kept in the summary.
pub fn run(
    campaign: &Campaign,
    registry: &Registry,
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<Summary> {
    let runs = campaign.runs();
    let folder = options.root.join(&campaign.name);
    for cell in &campaign.cells {
        options.processor.check(cell.setup.precision)?;
    }
    check_memory(campaign, options.place().limits)?;
    let mut data = DataCache::default();
    // Before anything is written: data that cannot be read fails the whole campaign, not run by run.
    for cell in &campaign.cells {
        let data = data.get(&cell.setup, options.data_dir.as_deref())?;
        if cell.setup.scored_on.is_some() {
            check_memory_scored(cell, Scoring { data: &data, limits: options.limits })?;
        }
    }
    disk::create_dir_synced(&folder)?;
    let names: Vec<String> = runs.iter().map(|run| run.name.clone()).collect();
    let list = RunList { format: FORMAT, campaign: campaign.name.clone(), runs: names };
    let text = serde_json::to_vec_pretty(&list).map_err(|error| Error::record(folder.join(LIST), error.to_string()))?;
    disk::write_atomically(&folder.join(LIST), &text)?;

    let paths = runs.iter().map(|run| folder.join(&run.name)).collect();
    let mut summary = Summary { folder: folder.clone(), runs: paths, ..Summary::default() };
    let weights = weights(&runs);
    let (all, mut before) = (weights.iter().sum::<f64>(), 0.0);
    for (i, run) in runs.iter().enumerate() {
        if (options.stop)() {
            summary.stopped = true;
            break;
        }
        let data = data.get(&run.cell.setup, options.data_dir.as_deref())?;
        let turn = Turn { run, index: i, runs: runs.len(), before, share: weights[i] / all };
        before += turn.share;
        let end = one_run(&folder, turn, registry, options, data, observer);
        match &end {
            RunEnd::WasDone => (summary.done, summary.done_before) = (summary.done + 1, summary.done_before + 1),
            RunEnd::Done => summary.done += 1,
            RunEnd::Stopped => summary.stopped = true,
            RunEnd::Busy => summary.busy += 1,
            RunEnd::Failed(message) => summary.failed.push((run.name.clone(), message.clone())),
        }
        observer.end(turn, &end);
        if summary.stopped || (options.fail_fast && !summary.failed.is_empty()) {
            break;
        }
    }
    Ok(summary)
}

/// About how much work each run is, to judge how long a campaign takes: its images, those of backprop three times for the
/// way back. All alike where a budget counts neither images nor epochs.
fn weights(runs: &[Run<'_>]) -> Vec<f64> {
    let weight = |run: &Run<'_>| {
        let learner = &run.cell.setup.learners[run.learner];
        let passes = if learner.method == Method::Backprop { 3.0 } else { 1.0 };
        let step = (learner.members * learner.batch) as u64;
        let in_epochs = learner.budget.epochs.map(|epochs| epochs.steps.saturating_mul(step));
        let images = learner.budget.images.into_iter().chain(in_epochs).min();
        images.map(|images| passes * images as f64)
    };
    let counted: Option<Vec<f64>> = runs.iter().map(weight).collect();
    counted.unwrap_or_else(|| vec![1.0; runs.len()])
}

/// Data sets in memory, one for each different `[data]`.
#[derive(Default)]
pub(super) struct DataCache(BTreeMap<String, Arc<Data>>);

impl DataCache {
    pub(super) fn get(&mut self, setup: &Setup, folder: Option<&Path>) -> Result<Arc<Data>> {
        let key = &setup.data.resolved;
        if let Some(data) = self.0.get(key) {
            return Ok(data.clone());
        }
        let data = Arc::new(setup.data.load(folder)?);
        self.0.insert(key.clone(), data.clone());
        Ok(data)
    }
}

fn one_run(
    folder: &Path,
    turn: Turn<'_>,
    registry: &Registry,
    options: &Options,
    data: Arc<Data>,
    observer: &mut dyn Observer,
) -> RunEnd {
    let dir = match RunDir::create_or_open(folder, &turn.run.name, &describe(turn.run, options)) {
        Ok(dir) => dir,
        Err(Error::Busy(_)) => return RunEnd::Busy,
        Err(error) => return RunEnd::Failed(error.to_string()),
    };
    if let Err(error) = turn.run.cell.setup.files().iter().try_for_each(|file| dir.attach(&file.name, &file.bytes)) {
        return RunEnd::Failed(error.to_string());
    }
    match dir.state() {
        Ok(RunState::Done) => {
            let curves = if options.tensorboard { curves_if_missing(dir.path()) } else { Ok(()) };
            return curves.map_or_else(|error| RunEnd::Failed(error.to_string()), |()| RunEnd::WasDone);
        }
        Ok(_) => {}
        Err(error) => return RunEnd::Failed(error.to_string()),
    }
    // A user's operator may panic: that is its run's failure, not the campaign's.
    let name = &turn.run.name;
    let worked = guarded(|| format!("run `{name}`"), || work(&dir, turn, registry, options, data, observer));
    let message = match worked.flatten() {
        Ok(end) => return end,
        Err(error) => error.to_string(),
    };
    match dir.fail(&message) {
        Ok(()) => RunEnd::Failed(message),
        Err(error) => RunEnd::Failed(format!("{message}; and this could not be noted: {error}")),
    }
}

fn work(
    dir: &RunDir,
    turn: Turn<'_>,
    registry: &Registry,
    options: &Options,
    data: Arc<Data>,
    observer: &mut dyn Observer,
) -> Result<RunEnd> {
    let run = turn.run;
    let setup = &run.cell.setup;
    let subset = first_subset(dir, run, &data, options.limits)?;
    let learner_setup = &setup.learners[run.learner];
    let mut stages = RunStages::new(run, registry, options.place(), subset, data)?;
    let start = stages.stage().0.start.clone();
    let needs = setup.needs();
    // A subset that is drawn again gives the coordinates another meaning at each stage.
    let walk = needs.walk && setup.redraw.is_none();
    let (budget, redraw, moments) = (learner_setup.budget, setup.redraw, setup.moments);
    let training = Training { budget, redraw, moments, states: needs.states, walk };

    let Resumed { checkpoint, mut files, notes } = dir.resume()?;
    let digest = config_digest(&run.configuration);
    let position = checkpoint.map(|checkpoint| checkpoint.position);
    let steps = position.as_ref().map(|position| position.cost.step);
    let walk = walk.then(|| WalkWriter::open(dir.path(), start.untrained(), walk_basis(&start, run.seed), steps));
    let walk = walk.transpose()?;
    let curves = options.tensorboard.then(|| LiveCurves::begin(dir.path(), learner_setup.method)).transpose()?;
    if position.is_none() {
        files.steps.append(&Record::Header(header(run, &start, &digest)))?;
    }
    let at = position.as_ref().map_or(0.0, |position| training.budget.used(position.cost, position.seconds));
    files.times.append(&Time::Session(Session {
        step: position.as_ref().map_or(0, |position| position.cost.step),
        host: machine::host(),
        device: options.processor.name().to_string(),
        threads: options.limits.threads,
        unix_seconds: machine::unix_seconds(),
    }))?;
    observer.begin(turn, at, &notes);
    let folder = dir.path().to_path_buf();
    let (saved, shown) = (Instant::now(), Instant::now());
    let mut recorder = FileRecorder { folder, files, curves, walk, digest, options, observer, saved, shown };
    let outcome = training.run(&mut stages, position, &mut recorder);
    if outcome.is_err() {
        // The way to the failure is worth seeing, but the failure is what counts.
        let _ = recorder.sync();
    }
    match outcome? {
        Outcome::Stopped => Ok(RunEnd::Stopped),
        Outcome::Finished(finished) => {
            dir.write_genome(&Genome {
                seed: run.seed,
                configuration: run.configuration.clone(),
                subset: (*stages.stage().0.start.subset).clone(),
                data: setup.data.name.clone(),
                model: setup.model.clone(),
                projection: setup.subspace.as_ref().map(|subspace| subspace.projection.clone()),
                chain: finished.chain,
                weights: finished.weights,
                stage_best_by_validation: finished.stage_best_by_validation,
                weights_best_by_validation: finished.weights_best_by_validation,
            })?;
            recorder.files.steps.append(&Record::End(finished.end))?;
            recorder.sync()?;
            Ok(RunEnd::Done)
        }
    }
}

/// The first subset of a run. Where weights are scored by a gradient, the run keeps the subset that it began with: on another
/// kind of machine scores round differently, and a run that is continued there must train the weights that it has trained.
fn first_subset(dir: &RunDir, run: &Run<'_>, data: &Data, limits: Limits) -> Result<Subset> {
    let setup = &run.cell.setup;
    if setup.scored_on.is_none() {
        return setup.select(run.seed, 0, None);
    }
    if let Some(subset) = dir.kept_subset(&setup.graph)? {
        return Ok(subset);
    }
    let subset = setup.select(run.seed, 0, Some(Scoring { data, limits }))?;
    dir.keep_subset(&subset)?;
    Ok(subset)
}

/// What a walk through more than [`WHOLE`] numbers is projected on.
fn walk_basis(start: &Start, seed: u64) -> Option<Arc<dyn Basis>> {
    let address = Seed::new(seed).child("walk");
    (start.genes() > WHOLE).then(|| projection::fastfood().basis(start.genes(), PROJECTED, address))
}

pub(super) fn header(run: &Run<'_>, start: &Start, digest: &str) -> Header {
    let setup = &run.cell.setup;
    let learner = &setup.learners[run.learner];
    Header {
        format: FORMAT,
        campaign: setup.campaign.clone(),
        cell: run.cell.label.clone(),
        learner: learner.label.clone(),
        method: learner.method,
        algorithm: learner.algorithm.clone(),
        subset: setup.subset.clone(),
        background: setup.background,
        data: setup.data.name.clone(),
        classes: start.graph.classes() as u64,
        model: setup.model.clone(),
        seed: run.seed,
        subset_size: start.genes() as u64,
        subset_weights: start.basis().map(|basis| basis.weights() as u64),
        parameters_total: start.graph.parameter_count() as u64,
        config: digest.to_string(),
    }
}

fn describe(run: &Run<'_>, options: &Options) -> RunDescription {
    let setup = &run.cell.setup;
    let commit = env!("SUBEVO_GIT_COMMIT");
    let versions = env!("SUBEVO_CRATES").split(',').filter_map(|pair| pair.split_once('='));
    RunDescription {
        format: FORMAT,
        campaign: setup.campaign.clone(),
        cell: run.cell.label.clone(),
        seed: run.seed,
        learner: setup.learners[run.learner].label.clone(),
        config: config_digest(&run.configuration),
        configuration: run.configuration.clone(),
        program_version: env!("CARGO_PKG_VERSION").to_string(),
        git_commit: (!commit.is_empty()).then(|| commit.to_string()),
        crate_versions: versions.map(|(name, version)| (name.to_string(), version.to_string())).collect(),
        device: options.processor.name().to_string(),
        command_line: options.command_line.clone(),
        created_unix_seconds: machine::unix_seconds(),
    }
}

/// Writes what the loop produces into the run's folder, and passes it on to the observer.
struct FileRecorder<'a> {
    folder: PathBuf,
    files: RunFiles,
    curves: Option<LiveCurves>,
    walk: Option<WalkWriter>,
    digest: String,
    options: &'a Options,
    observer: &'a mut dyn Observer,
    saved: Instant,
    shown: Instant,
}

impl FileRecorder<'_> {
    /// Gives all to the system, so that others see it.
    fn show(&mut self) -> Result<()> {
        self.shown = Instant::now();
        self.curves.as_mut().map_or(Ok(()), LiveCurves::flush)?;
        self.files.flush()
    }

    /// Gives all to the disk.
    fn sync(&mut self) -> Result<()> {
        self.show()?;
        self.walk.as_mut().map_or(Ok(()), WalkWriter::sync)?;
        self.files.sync()
    }
}

impl Recorder for FileRecorder<'_> {
    fn step(&mut self, step: &Step, used: f64) -> Result<()> {
        self.files.steps.append(&Record::Step(step.clone()))?;
        self.curves.as_mut().map_or(Ok(()), |curves| curves.step(step))?;
        if self.shown.elapsed() >= SHOW_EVERY {
            self.show()?;
        }
        self.observer.step(step, used);
        Ok(())
    }

    fn evaluation(&mut self, evaluation: &Evaluation, moment: &Moment) -> Result<()> {
        write_moment(&self.folder, moment)?;
        self.files.steps.append(&Record::Evaluation(evaluation.clone()))?;
        self.curves.as_mut().map_or(Ok(()), |curves| curves.evaluation(evaluation))?;
        self.observer.evaluation(evaluation);
        Ok(())
    }

    fn walked(&mut self, _: u64, trained: &[f32]) -> Result<()> {
        self.walk.as_mut().map_or(Ok(()), |walk| walk.append(trained))
    }

    fn lap(&mut self, lap: &Lap) -> Result<()> {
        self.files.times.append(&Time::Lap(*lap))?;
        self.curves.as_mut().map_or(Ok(()), |curves| curves.lap(lap))?;
        self.show()
    }

    fn checkpoint_due(&self) -> bool {
        self.saved.elapsed() >= self.options.checkpoint_every
    }

    fn checkpoint(&mut self, position: Position) -> Result<()> {
        let (steps, times) = (Covered::default(), Covered::default());
        // The checkpoint covers the walk until its step.
        self.show()?;
        self.walk.as_mut().map_or(Ok(()), WalkWriter::sync)?;
        self.files.save_checkpoint(Checkpoint { position, steps, times, config: self.digest.clone() })?;
        self.saved = Instant::now();
        Ok(())
    }

    fn stop_asked(&self) -> bool {
        (self.options.stop)()
    }

    fn peak_rss_mib(&self) -> f64 {
        machine::peak_rss_mib()
    }
}
