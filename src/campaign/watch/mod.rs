//! What is going on in campaigns' folders, from records alone: it takes no part in the work, writes nothing, and reads on
//! where it read last.

mod estimate;
mod following;
mod series;

pub use series::Series;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::run::{RunList, LIST};
use super::store::{check_run_name, disk};
use super::{machine, Registry};
use crate::error::{Error, Result};
use following::Following;

/// How a run is.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// It has not begun.
    Waiting,
    /// A process is at work on it.
    Running,
    /// It has begun, and no process is at work on it.
    Stopped,
    /// It has its end.
    Done,
    /// It failed, or its records cannot be read.
    Failed(String),
}

/// A run, as far as its records tell.
#[derive(Clone, Debug)]
pub struct RunView {
    /// Name of its folder.
    pub name: String,
    /// Learner, point of the grid and seed; the folder's name before it has begun.
    pub title: String,
    /// How it is.
    pub state: State,
    /// Steps done.
    pub step: u64,
    /// Share of its budget that is used, 0 to 1, where its configuration can be read.
    pub used: Option<f64>,
    /// Mean loss of the last generation, or loss of the last batch.
    pub loss: Option<f64>,
    /// Least loss of the last generation.
    pub best: Option<f64>,
    /// Losses from the first step to the last.
    pub losses: Series,
    /// Validation accuracy at the last evaluation, 0 to 1.
    pub validation: Option<f64>,
    /// Forward passes a second.
    pub images_per_second: Option<f64>,
    /// Seconds that it will take on, if it goes on as in this session.
    pub left: Option<f64>,
    /// Seconds since its records last grew.
    pub age: Option<f64>,
}

/// Numbers of runs by how they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not begun.
    pub waiting: usize,
    /// At work.
    pub running: usize,
    /// Begun, and nobody at work on them.
    pub stopped: usize,
    /// Done.
    pub done: usize,
    /// Failed.
    pub failed: usize,
}

impl Counts {
    /// All of them.
    pub fn runs(&self) -> usize {
        self.waiting + self.running + self.stopped + self.done + self.failed
    }

    /// Whether there is nothing left to wait for.
    pub fn is_over(&self) -> bool {
        self.waiting + self.running + self.stopped == 0
    }

    fn add(&mut self, state: &State) {
        let count = match state {
            State::Waiting => &mut self.waiting,
            State::Running => &mut self.running,
            State::Stopped => &mut self.stopped,
            State::Done => &mut self.done,
            State::Failed(_) => &mut self.failed,
        };
        *count += 1;
    }
}

/// A campaign at one moment.
#[derive(Clone, Debug)]
pub struct CampaignView {
    /// Its folder.
    pub folder: PathBuf,
    /// Its runs in their order, those that have begun.
    pub runs: Vec<RunView>,
    /// All of its runs.
    pub counts: Counts,
    /// Seconds until all are done, if it goes on with as many at a time as now; none where nobody knows.
    pub left: Option<f64>,
}

/// A folder that is watched.
struct Watched {
    folder: PathBuf,
    /// Whether it is a single run's.
    single: bool,
    listed: Option<SystemTime>,
    runs: Vec<Following>,
}

/// Folders that are watched.
pub struct Watch<'a> {
    registry: &'a Registry,
    folders: Vec<Watched>,
}

impl<'a> Watch<'a> {
    /// Folders of campaigns, or of single runs.
    ///
    /// # Errors
    /// [`Error::Config`] if one is neither, [`Error::Io`] or [`Error::Record`] if its list of runs cannot be read.
    pub fn new(folders: &[PathBuf], registry: &'a Registry) -> Result<Self> {
        let mut watched = Vec::new();
        for folder in folders {
            // Says what is wrong with a folder.
            super::results::runs_in(folder)?;
            let single = folder.join("config.toml").is_file();
            let runs = if single { vec![Following::new(folder.clone())] } else { Vec::new() };
            watched.push(Watched { folder: folder.clone(), single, listed: None, runs });
        }
        Ok(Watch { registry, folders: watched })
    }

    /// Reads on, and tells how all is now.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Record`] if a list of runs cannot be read; what is wrong with a run is told as its state.
    pub fn look(&mut self) -> Result<Vec<CampaignView>> {
        let now = machine::unix_time();
        let registry = self.registry;
        self.folders.iter_mut().map(|watched| watched.look(registry, now)).collect()
    }
}

impl Watched {
    fn look(&mut self, registry: &Registry, now: f64) -> Result<CampaignView> {
        if !self.single {
            self.read_list()?;
        }
        let mut counts = Counts::default();
        for run in &mut self.runs {
            run.look(registry, now);
            counts.add(run.state());
        }
        let left = estimate::left(&self.runs);
        let runs = self.runs.iter().filter(|run| *run.state() != State::Waiting).map(Following::view).collect();
        Ok(CampaignView { folder: self.folder.clone(), runs, counts, left })
    }

    /// Takes over the list of runs where it was written anew. One that is just being replaced is read the next time.
    fn read_list(&mut self) -> Result<()> {
        let path = self.folder.join(LIST);
        let written = std::fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
        if written.is_none() || written == self.listed {
            return Ok(());
        }
        let Some(text) = disk::read_if_there(&path)? else { return Ok(()) };
        let list: RunList = serde_json::from_slice(&text).map_err(|error| Error::record(&path, error.to_string()))?;
        let mut before = std::mem::take(&mut self.runs);
        for name in &list.runs {
            check_run_name(name).map_err(|error| Error::record(&path, error.to_string()))?;
            let known = before.iter().position(|run| run.name() == name);
            self.runs.push(known.map_or_else(|| Following::new(self.folder.join(name)), |i| before.swap_remove(i)));
        }
        self.listed = written;
        Ok(())
    }
}

/// Name of a folder.
fn name_of(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    whole.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
