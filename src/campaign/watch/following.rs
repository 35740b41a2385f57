//! One run that is followed: its files are read on as they grow.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{name_of, RunView, Series, State};
use crate::campaign::store::reading::{CONFIG, ERROR, STEPS, TIMES};
use crate::campaign::store::tail::{last_line, Tail};
use crate::campaign::store::{disk, is_held, read_description};
use crate::campaign::{Campaign, Registry};
use crate::error::Result;
use crate::learner::Budget;
use crate::record::{Cost, Lap, Record, Session, Step, Time};

/// A run that is followed.
pub(super) struct Following {
    folder: PathBuf,
    name: String,
    /// Learner, cell and seed, once they are known.
    title: Option<String>,
    budget: Option<Option<Budget>>,
    steps: Tail,
    times: Tail,
    state: State,
    last: Option<Step>,
    losses: Series,
    validation: Option<f64>,
    ended: bool,
    session: Option<Session>,
    lap: Option<Lap>,
    /// Forward passes a second, of the last evaluation of this session.
    rate: Option<f64>,
    left: Option<f64>,
    /// When its records last grew, and the time of the look.
    grown: Option<f64>,
    now: f64,
}

impl Following {
    pub(super) fn new(folder: PathBuf) -> Self {
        Following {
            name: name_of(&folder),
            title: None,
            budget: None,
            steps: Tail::new(folder.join(STEPS)),
            times: Tail::new(folder.join(TIMES)),
            state: State::Waiting,
            last: None,
            losses: Series::default(),
            validation: None,
            ended: false,
            session: None,
            lap: None,
            rate: None,
            left: None,
            grown: None,
            now: 0.0,
            folder,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Reads on. What is wrong with the run is its state: it is no reason not to look at the others.
    pub(super) fn look(&mut self, registry: &Registry, now: f64) {
        self.now = now;
        if self.state == State::Done {
            return;
        }
        self.state = self.read(registry).unwrap_or_else(|error| State::Failed(error.to_string()));
    }

    fn read(&mut self, registry: &Registry) -> Result<State> {
        if !self.folder.join(CONFIG).is_file() {
            return Ok(State::Waiting);
        }
        if self.title.is_none() {
            let of = read_description(&self.folder)?;
            let cell = if of.cell.is_empty() { String::new() } else { format!(" {}", of.cell) };
            self.title = Some(format!("{}{cell} seed={}", of.learner, of.seed));
        }
        let steps = self.folder.join(STEPS);
        let running = is_held(&self.folder)?;
        if !running {
            if let Some(message) = disk::read_if_there(&self.folder.join(ERROR))? {
                return Ok(State::Failed(String::from_utf8_lossy(&message).trim_end().to_string()));
            }
            // Of a run that is done nothing is shown but that it is, so its steps need not be read.
            if matches!(last_line::<Record>(&steps)?, Some(Record::End(_))) {
                self.read_times()?;
                return Ok(State::Done);
            }
        }
        self.grown = modified(&steps);
        self.read_steps()?;
        self.read_times()?;
        self.estimate(registry);
        Ok(match (self.ended, running, self.last.is_some() || self.session.is_some()) {
            (true, ..) => State::Done,
            (_, true, _) => State::Running,
            (_, false, true) => State::Stopped,
            (_, false, false) => State::Waiting,
        })
    }

    fn read_steps(&mut self) -> Result<()> {
        let news = self.steps.read::<Record>()?;
        if news.anew {
            (self.last, self.losses, self.validation, self.ended) = (None, Series::default(), None, false);
        }
        for record in news.records {
            match record {
                Record::Header(_) => {}
                Record::Step(step) => {
                    self.losses.push(step.loss);
                    self.last = Some(step);
                }
                Record::Evaluation(evaluation) => self.validation = Some(evaluation.scores.validation.accuracy),
                Record::End(_) => self.ended = true,
            }
        }
        Ok(())
    }

    fn read_times(&mut self) -> Result<()> {
        let news = self.times.read::<Time>()?;
        if news.anew {
            (self.session, self.lap, self.rate) = (None, None, None);
        }
        for time in news.records {
            match time {
                Time::Session(session) => (self.session, self.rate) = (Some(session), None),
                Time::Lap(lap) => {
                    self.rate = Some(lap.images_per_second).filter(|rate| *rate > 0.0);
                    self.lap = Some(lap);
                }
            }
        }
        Ok(())
    }

    /// Share of the budget that is used, and the seconds that the rest takes.
    fn estimate(&mut self, registry: &Registry) {
        self.left = None;
        let (Some(used), Some(session), Some(grown)) = (self.used(registry), &self.session, self.grown) else { return };
        let step = self.cost().step as f64;
        // Of this session alone, for the one before may have had other cores.
        let done = used * (1.0 - session.step as f64 / step);
        let worked = grown - session.unix_seconds as f64;
        if done > 0.0 && worked > 0.0 {
            self.left = Some((worked * (1.0 - used) / done - (self.now - grown)).max(0.0));
        }
    }

    fn used(&mut self, registry: &Registry) -> Option<f64> {
        let folder = &self.folder;
        let budget = *self.budget.get_or_insert_with(|| budget(folder, registry));
        Some(budget?.used(self.cost(), self.seconds()))
    }

    fn cost(&self) -> Cost {
        self.last.as_ref().map(|step| step.cost).unwrap_or_default()
    }

    /// Seconds of training so far: those at the last evaluation, and as many a step since.
    fn seconds(&self) -> f64 {
        let Some(lap) = &self.lap else { return 0.0 };
        let steps = self.cost().step as f64;
        if lap.step == 0 {
            lap.seconds
        } else {
            lap.seconds * (steps / lap.step as f64).max(1.0)
        }
    }

    /// Seconds of work so far, evaluations among them.
    pub(super) fn worked(&self) -> f64 {
        self.lap.as_ref().map_or(0.0, |lap| lap.seconds + lap.evaluation_seconds)
    }

    /// Seconds that the rest takes, if it goes on as in this session.
    pub(super) fn left(&self) -> Option<f64> {
        self.left
    }

    /// Share of the budget that is used, as far as that is known.
    pub(super) fn share(&self) -> Option<f64> {
        Some(self.budget??.used(self.cost(), self.seconds()))
    }

    pub(super) fn view(&self) -> RunView {
        let last = self.last.as_ref();
        RunView {
            name: self.name.clone(),
            title: self.title.clone().unwrap_or_else(|| self.name.clone()),
            state: self.state.clone(),
            step: self.cost().step,
            used: self.share(),
            loss: last.map(|step| step.loss),
            best: last.map(|step| step.best),
            losses: self.losses.clone(),
            validation: self.validation,
            images_per_second: self.rate,
            left: self.left,
            age: self.grown.map(|grown| (self.now - grown).max(0.0)),
        }
    }
}

/// When a file was last written, in seconds since 1970.
fn modified(path: &Path) -> Option<f64> {
    let time: SystemTime = std::fs::metadata(path).ok()?.modified().ok()?;
    time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs_f64())
}

/// The budget that a run's configuration gives it; none where it cannot be read, as where it names another crate's operator.
fn budget(folder: &Path, registry: &Registry) -> Option<Budget> {
    let file = folder.join(CONFIG);
    let text = disk::read(&file).ok()?;
    let campaign = Campaign::parse(&file.display().to_string(), std::str::from_utf8(&text).ok()?, &[], registry, false);
    let campaign = campaign.ok()?;
    let runs = campaign.runs();
    let run = runs.first()?;
    Some(run.cell.setup.learners[run.learner].budget)
}
