//! The folder of one run, held by one process: created whole, locked, resumed.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::checkpoint::{Checkpoint, Checkpoints};
use super::description::{check_run_name, config_digest, RunDescription};
use super::disk;
use super::genome::Genome;
use super::kept_subset;
use super::lines::{self, Covered, LineWriter};
use super::lock::hold;
use super::reading::{self, run_state, RunState, CONFIG, ERROR, RUN, STEPS, TIMES};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::subset::Subset;

/// A run's folder, locked as long as this lives.
#[derive(Debug)]
pub struct RunDir {
    folder: PathBuf,
    notes: Vec<String>,
    _lock: File,
}

/// A run as it stood at its last checkpoint, ready to go on.
#[derive(Debug)]
pub struct Resumed {
    /// The last good checkpoint; none where the run starts afresh, with both record files empty.
    pub checkpoint: Option<Checkpoint>,
    /// The files, positioned behind what the checkpoint covers.
    pub files: RunFiles,
    /// What the user should know, as in a damaged checkpoint that was passed over.
    pub notes: Vec<String>,
}

/// The files that a running run writes. They must not outlive the [`RunDir`], which holds the lock.
#[derive(Debug)]
pub struct RunFiles {
    /// `steps.jsonl`; a run that starts afresh begins with its header.
    pub steps: LineWriter,
    /// `times.jsonl`.
    pub times: LineWriter,
    checkpoints: Checkpoints,
}

impl RunDir {
    /// Opens the run of that name in `root`, or creates it: built beside its place and renamed, so that a folder with
    /// a run's name always holds `config.toml` and `run.json` whole. An existing run keeps its own `run.json`.
    ///
    /// # Errors
    /// [`Error::Config`] for a bad name; [`Error::Record`] if the folder belongs to another configuration, is no run's, or
    /// another process writes it; [`Error::Io`].
    pub fn create_or_open(root: &Path, run_name: &str, description: &RunDescription) -> Result<Self> {
        check_run_name(run_name)?;
        let folder = root.join(run_name);
        let digest = config_digest(&description.configuration);
        if description.config != digest {
            let message = format!("the digest {} was given to a configuration with {digest}", description.config);
            return Err(Error::record(folder, message));
        }
        let new = !folder.exists();
        if new {
            disk::create_dir_synced(root)?;
            match build(root, run_name, description) {
                // Another process was faster: its folder is as good.
                Err(_) if folder.exists() => {}
                other => other?,
            }
        }
        let found = reading::read_configuration(&folder)?;
        if found != description.configuration {
            let found = config_digest(&found);
            let message = format!("belongs to another configuration: its digest is {found}, not {digest}");
            return Err(Error::record(folder, message));
        }
        let lock = hold(&folder)?;
        disk::remove_leftovers(&folder)?;
        if new {
            // Only a run that is not there yet can have been left half built.
            let unfinished = unfinished_name(run_name);
            disk::remove_folders(root, |name| name.strip_prefix(&unfinished).is_some_and(disk::is_number))?;
        }
        let notes = differences(&reading::read_description(&folder)?, description);
        Ok(RunDir { folder, notes, _lock: lock })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The run's state; see [`run_state`].
    ///
    /// # Errors
    /// As [`run_state`].
    pub fn state(&self) -> Result<RunState> {
        run_state(&self.folder)
    }

    /// Puts the records back to the last checkpoint and opens them for writing. What came after the checkpoint is cut,
    /// for it will be written again, bit for bit. The mark of an earlier failure is removed. A run that is
    /// [`RunState::Done`] needs no resuming: it would be taken back to its last checkpoint.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Record`] if no checkpoint is good, the checkpoint is of another configuration, or the
    /// records that it covers are cut or damaged. Nothing is cut then.
    pub fn resume(&self) -> Result<Resumed> {
        disk::remove_file(&self.folder.join(ERROR))?;
        let (checkpoints, checkpoint, note) = Checkpoints::open(&self.folder)?;
        if let Some(checkpoint) = &checkpoint {
            let digest = config_digest(&reading::read_configuration(&self.folder)?);
            if checkpoint.config != digest {
                let message = format!("its checkpoint is of the configuration {}, not {digest}", checkpoint.config);
                return Err(Error::record(&self.folder, message));
            }
        }
        let covered = |of: fn(&Checkpoint) -> Covered| checkpoint.as_ref().map(of).unwrap_or_default();
        let [steps, times] = [(STEPS, covered(|c| c.steps)), (TIMES, covered(|c| c.times))]
            .map(|(name, covered)| (self.folder.join(name), covered));
        for (path, covered) in [&steps, &times] {
            lines::check_covered(path, *covered)?;
        }
        for (path, covered) in [&steps, &times] {
            if path.exists() {
                lines::truncate_to(path, covered.bytes)?;
            }
        }
        let (steps, times) = (LineWriter::open(&steps.0, steps.1)?, LineWriter::open(&times.0, times.1)?);
        let notes = self.notes.iter().cloned().chain(note).collect();
        Ok(Resumed { checkpoint, files: RunFiles { steps, times, checkpoints }, notes })
    }

    /// Puts a copy of a file that the configuration names beside it, if none is there.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn attach(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(name);
        if path.exists() {
            return Ok(());
        }
        disk::write_atomically(&path, bytes)
    }

    /// Keeps the subset that the run begins with.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn keep_subset(&self, subset: &Subset) -> Result<()> {
        kept_subset::write(&self.folder, subset)
    }

    /// The subset that was kept, if one was.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Record`] if it is damaged or of another network.
    pub fn kept_subset(&self, graph: &Graph) -> Result<Option<Subset>> {
        kept_subset::read(&self.folder, graph)
    }

    /// Writes the genome file. Do so before the end is recorded, so that a run that is done has one.
    ///
    /// # Errors
    /// As [`Genome::write`].
    pub fn write_genome(&self, genome: &Genome) -> Result<()> {
        genome.write(&self.genome_path())
    }

    /// Where the genome file is.
    pub fn genome_path(&self) -> PathBuf {
        reading::genome_path(&self.folder)
    }

    /// Marks the run as failed, with the message.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn fail(&self, message: &str) -> Result<()> {
        disk::write_atomically(&self.folder.join(ERROR), format!("{message}\n").as_bytes())
    }
}

impl RunFiles {
    /// Syncs the records and puts a checkpoint behind them; it covers all records so far, whatever its own counters said.
    ///
    /// # Errors
    /// [`Error::Io`]; the checkpoint of before is then still there.
    pub fn save_checkpoint(&mut self, mut checkpoint: Checkpoint) -> Result<()> {
        self.sync()?;
        (checkpoint.steps, checkpoint.times) = (self.steps.covered(), self.times.covered());
        self.checkpoints.save(&checkpoint)
    }

    /// Gives all records to the operating system, so that other processes see them.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn flush(&mut self) -> Result<()> {
        self.steps.flush()?;
        self.times.flush()
    }

    /// Gives all records to the disk.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn sync(&mut self) -> Result<()> {
        self.steps.sync()?;
        self.times.sync()
    }
}

/// Start of the name under which a run's folder is built; the process's number follows.
fn unfinished_name(run_name: &str) -> String {
    format!(".{run_name}.tmp.")
}

fn build(root: &Path, run_name: &str, description: &RunDescription) -> Result<()> {
    let temporary = root.join(format!("{}{}", unfinished_name(run_name), std::process::id()));
    // A process that had this number before may have left one.
    disk::remove_folder(&temporary)?;
    let built = fill(&temporary, description).and_then(|()| disk::publish_folder(&temporary, &root.join(run_name)));
    if built.is_err() {
        // The first error is the one to tell.
        let _ = disk::remove_folder(&temporary);
    }
    built
}

fn fill(folder: &Path, description: &RunDescription) -> Result<()> {
    let path = folder.join(RUN);
    let mut json =
        serde_json::to_string_pretty(description).map_err(|error| Error::record(&path, error.to_string()))?;
    json.push('\n');
    disk::create_dir_synced(folder)?;
    disk::write_atomically(&folder.join(CONFIG), description.configuration.as_bytes())?;
    disk::write_atomically(&path, json.as_bytes())
}

/// What differs between the program that began the run and this one, and can change bits.
fn differences(began: &RunDescription, now: &RunDescription) -> Vec<String> {
    let commit = |description: &RunDescription| description.git_commit.clone().unwrap_or("unknown".to_string());
    let note = |what: &str, began: &str, now: &str| {
        (began != now).then(|| format!("the run was begun with {what} {began} and goes on with {now}"))
    };
    let notes = [
        note("subevo", &began.program_version, &now.program_version),
        note("commit", &commit(began), &commit(now)),
        note("device", &began.device, &now.device),
    ];
    notes.into_iter().flatten().collect()
}
