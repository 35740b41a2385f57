//! Reading run folders: states, descriptions and records. Takes no lock and changes nothing, so it is safe beside a writer.

use std::path::{Path, PathBuf};

use super::description::{config_digest, RunDescription};
use super::measurements::read_measurements;
use super::{disk, lines};
use crate::error::{Error, Result};
use crate::record::{Record, RunRecords, Session, Time, FORMAT};

pub(in crate::campaign) const CONFIG: &str = "config.toml";
pub(in crate::campaign) const RUN: &str = "run.json";
pub(in crate::campaign) const STEPS: &str = "steps.jsonl";
pub(in crate::campaign) const TIMES: &str = "times.jsonl";
pub(in crate::campaign) const ERROR: &str = "error.txt";
const GENOME: &str = "genome.safetensors";

/// Where the genome file of the run in a folder is, once it is done.
pub fn genome_path(folder: &Path) -> PathBuf {
    folder.join(GENOME)
}

/// How far a run is, as far as files tell; whether a process works on it now is not among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// No record yet.
    Waiting,
    /// Records up to this step, and no end.
    Started {
        /// Steps done.
        step: u64,
    },
    /// The records have their end.
    Done,
    /// The message of the failure.
    Failed(String),
}

/// The state of the run in a folder. A failure counts before all else, until the run is tried again.
///
/// # Errors
/// [`Error::Io`]; [`Error::Record`] if the records are damaged.
pub fn run_state(folder: &Path) -> Result<RunState> {
    if let Some(message) = disk::read_if_there(&folder.join(ERROR))? {
        return Ok(RunState::Failed(String::from_utf8_lossy(&message).trim_end().to_string()));
    }
    Ok(match lines::last_record::<Record>(&folder.join(STEPS))? {
        None => RunState::Waiting,
        Some(Record::Header(_)) => RunState::Started { step: 0 },
        Some(Record::Step(step)) => RunState::Started { step: step.cost.step },
        Some(Record::Evaluation(evaluation)) => RunState::Started { step: evaluation.cost.step },
        Some(Record::End(_)) => RunState::Done,
    })
}

/// What the run in a folder is, with its configuration.
///
/// # Errors
/// [`Error::Io`]; [`Error::Record`] if `run.json` cannot be understood or `config.toml` is not the one it speaks of.
pub fn read_description(folder: &Path) -> Result<RunDescription> {
    let path = folder.join(RUN);
    let mut description: RunDescription =
        serde_json::from_slice(&disk::read(&path)?).map_err(|error| Error::record(&path, error.to_string()))?;
    description.configuration = read_configuration(folder)?;
    let digest = config_digest(&description.configuration);
    if digest != description.config {
        let message = format!("its digest is {digest}, but {RUN} says {}: one of them was changed", description.config);
        return Err(Error::record(folder.join(CONFIG), message));
    }
    Ok(description)
}

/// The text of `config.toml`.
pub(super) fn read_configuration(folder: &Path) -> Result<String> {
    let path = folder.join(CONFIG);
    let Some(bytes) = disk::read_if_there(&path)? else {
        let message = format!("it holds no {CONFIG}, so it is no run of subevo: move it away or choose another folder");
        return Err(Error::record(folder, message));
    };
    String::from_utf8(bytes).map_err(|error| Error::record(&path, format!("it is not UTF-8: {error}")))
}

/// All records of the run in a folder. An unfinished run has no end; a torn tail is left out.
///
/// # Errors
/// [`Error::Io`]; [`Error::Record`] if records are damaged, out of place or of another format, or if there is no header
/// yet, as in a run that is [`RunState::Waiting`].
pub fn read_run(folder: &Path) -> Result<RunRecords> {
    read_run_if_begun(folder)?.ok_or_else(|| Error::record(folder.join(STEPS), "it holds no record yet"))
}

/// As [`read_run`], but a run without a record is no error.
///
/// # Errors
/// As [`read_run`].
pub fn read_run_if_begun(folder: &Path) -> Result<Option<RunRecords>> {
    let path = folder.join(STEPS);
    if !path.try_exists().map_err(Error::io("look for", &path))? {
        return Ok(None);
    }
    let mut records = lines::read_lines::<Record>(&path)?.records.into_iter();
    let header = match records.next() {
        Some(Record::Header(header)) if header.format == FORMAT => header,
        Some(Record::Header(header)) => {
            let message = format!("line 1: its format is {}, this version of subevo reads {FORMAT}", header.format);
            return Err(Error::record(&path, message));
        }
        Some(_) => return Err(Error::record(&path, "line 1: it is no header")),
        None => return Ok(None),
    };
    let mut run = RunRecords {
        header,
        steps: Vec::new(),
        evaluations: Vec::new(),
        end: None,
        laps: Vec::new(),
        measurements: read_measurements(folder)?,
        config: read_configuration(folder)?,
    };
    for (index, record) in records.enumerate() {
        let line = index + 2;
        if run.end.is_some() {
            return Err(Error::record(&path, format!("line {line}: it follows the end")));
        }
        match record {
            Record::Header(_) => return Err(Error::record(&path, format!("line {line}: it is a second header"))),
            Record::Step(step) => run.steps.push(step),
            Record::Evaluation(evaluation) => run.evaluations.push(evaluation),
            Record::End(end) => run.end = Some(end),
        }
    }
    let times = folder.join(TIMES);
    if times.exists() {
        let laps = lines::read_lines::<Time>(&times)?.records.into_iter();
        run.laps.extend(laps.filter_map(|time| if let Time::Lap(lap) = time { Some(lap) } else { None }));
    }
    Ok(Some(run))
}

/// The processes that worked on the run in a folder, in order; none where it has not begun.
///
/// # Errors
/// [`Error::Io`]; [`Error::Record`] if records are damaged.
pub fn read_sessions(folder: &Path) -> Result<Vec<Session>> {
    let path = folder.join(TIMES);
    if !path.try_exists().map_err(Error::io("look for", &path))? {
        return Ok(Vec::new());
    }
    let times = lines::read_lines::<Time>(&path)?.records.into_iter();
    Ok(times.filter_map(|time| if let Time::Session(session) = time { Some(session) } else { None }).collect())
}
