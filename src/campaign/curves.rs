//! Curves of runs as TensorBoard's event files: live, beside the records that a run writes, or from records that are there.

use std::path::{Path, PathBuf};

use super::machine;
use super::results::runs_in;
use super::store::{event_file, hold, read_run_if_begun, read_sessions, EventFile};
use crate::error::{Error, Result};
use crate::record::{Evaluation, Lap, Method, Step};
use crate::tensorboard::{self, head, whole, Event, Scalar, What};

/// The folder of event files in a run's folder.
const FOLDER: &str = "tb";

/// The event file of a run that a process is writing.
pub(super) struct LiveCurves {
    file: EventFile,
    method: Method,
}

impl LiveCurves {
    /// Begins the file with what the run's records hold, which must have been put back to what is continued.
    pub(super) fn begin(run: &Path, method: Method) -> Result<Self> {
        let bytes = match read_run_if_begun(run)? {
            Some(records) => whole(&records, &read_sessions(run)?),
            None => head(machine::unix_time()).iter().flat_map(Event::framed).collect(),
        };
        let file = EventFile::begin(&run.join(FOLDER), &bytes, machine::unix_seconds(), &machine::host())?;
        Ok(LiveCurves { file, method })
    }

    pub(super) fn step(&mut self, step: &Step) -> Result<()> {
        self.append(step.cost.step, tensorboard::step(self.method, step))
    }

    pub(super) fn evaluation(&mut self, evaluation: &Evaluation) -> Result<()> {
        self.append(evaluation.cost.step, tensorboard::evaluation(evaluation))
    }

    pub(super) fn lap(&mut self, lap: &Lap) -> Result<()> {
        self.append(lap.step, tensorboard::lap(lap))
    }

    /// Gives all to the system.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.file.flush()
    }

    fn append(&mut self, step: u64, scalars: Vec<Scalar>) -> Result<()> {
        let event = Event { wall_time: machine::unix_time(), step, what: What::Scalars(scalars) };
        self.file.append(&event.framed())
    }
}

/// What became of an export of curves.
#[derive(Debug, Default)]
pub struct ExportedCurves {
    /// The files written.
    pub written: Vec<PathBuf>,
    /// Runs passed over because a process writes them.
    pub busy: Vec<PathBuf>,
    /// What is wrong with runs whose records cannot be read.
    pub damaged: Vec<Error>,
}

/// Writes the curves of all runs of campaigns' folders, or of single runs' folders, that have records: into `tb` in each run's
/// folder, or into `<out>/<run>`. An event file that was there is replaced.
///
/// # Errors
/// If a folder holds no run, or [`Error::Io`].
pub fn export_curves(folders: &[PathBuf], out: Option<&Path>) -> Result<ExportedCurves> {
    let mut exported = ExportedCurves::default();
    for folder in folders {
        for run in runs_in(folder)? {
            match curves_of(&run, out) {
                Ok(Some(path)) => exported.written.push(path),
                Ok(None) => {}
                Err(Error::Busy(run)) => exported.busy.push(run),
                Err(error @ Error::Record { .. }) => exported.damaged.push(error),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(exported)
}

/// Writes the curves of a run that is done into its folder, unless there are some.
pub(super) fn curves_if_missing(run: &Path) -> Result<()> {
    match event_file::event_files(&run.join(FOLDER))?.is_empty() {
        true => write(run, &run.join(FOLDER)).map(drop),
        false => Ok(()),
    }
}

fn curves_of(run: &Path, out: Option<&Path>) -> Result<Option<PathBuf>> {
    let Some(out) = out else {
        // The process that writes a run may be writing its curves as well.
        let _lock = hold(run)?;
        return write(run, &run.join(FOLDER));
    };
    let whole = run.canonicalize().map_err(Error::io("read", run))?;
    write(run, &out.join(whole.file_name().unwrap_or_default()))
}

fn write(run: &Path, folder: &Path) -> Result<Option<PathBuf>> {
    let Some(records) = read_run_if_begun(run)? else { return Ok(None) };
    let bytes = whole(&records, &read_sessions(run)?);
    event_file::replace(folder, &bytes, machine::unix_seconds(), &machine::host()).map(Some)
}
