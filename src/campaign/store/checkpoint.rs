//! Checkpoints: the exact state of a run between two steps. Two generations are kept, so that a damaged one costs time and
//! not the run.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::lines::Covered;
use super::sealed::{self, Contents};
use crate::error::{Error, Result};
use crate::learner::Position;
use crate::state::{Array, State};

/// What the metadata call the format.
const FORMAT: &str = "subevo-checkpoint-1";
/// The files of the two generations.
const FILES: [&str; 2] = ["checkpoint-a.safetensors", "checkpoint-b.safetensors"];
/// Goes before the names of the learner's arrays.
const STATE: &str = "state";
/// Name of the best weights' tensor.
const BEST_WEIGHTS: &str = "best.weights";

/// A run between two steps. Arrays keep every bit, numbers every value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Where the run stands.
    pub position: Position,
    /// The part of `steps.jsonl` that came before.
    pub steps: Covered,
    /// The part of `times.jsonl` that came before.
    pub times: Covered,
    /// Digest of the resolved configuration.
    pub config: String,
}

/// The two checkpoint files of one run.
#[derive(Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    /// Index of the file that the next checkpoint replaces.
    next: usize,
    /// Counts the checkpoints of the run, so that the newer file is known.
    serial: u64,
}

impl Checkpoints {
    /// The checkpoints in a folder, the newest good one, and a note if the other is damaged.
    ///
    /// # Errors
    /// [`Error::Record`] with the files if there are some and none is good.
    pub fn open(folder: &Path) -> Result<(Self, Option<Checkpoint>, Option<String>)> {
        let mut good: Vec<(u64, usize, Checkpoint)> = Vec::new();
        let mut bad: Vec<String> = Vec::new();
        for (i, name) in FILES.iter().enumerate() {
            let path = folder.join(name);
            if path.try_exists().map_err(Error::io("look for", &path))? {
                match read(&path) {
                    Ok((serial, checkpoint)) => good.push((serial, i, checkpoint)),
                    Err(error) => bad.push(error.to_string()),
                }
            }
        }
        let folder = folder.to_path_buf();
        match good.into_iter().max_by_key(|(serial, ..)| *serial) {
            Some((serial, i, checkpoint)) => {
                let step = checkpoint.position.cost.step;
                let note = |bad: &String| format!("{bad}; going on from step {step}, {}", FILES[i]);
                Ok((Checkpoints { folder, next: 1 - i, serial: serial + 1 }, Some(checkpoint), bad.first().map(note)))
            }
            None if bad.is_empty() => Ok((Checkpoints { folder, next: 0, serial: 0 }, None, None)),
            None => {
                let message = format!("no checkpoint is good; remove them to start the run afresh: {}", bad.join("; "));
                Err(Error::record(folder, message))
            }
        }
    }

    /// Puts a checkpoint in the place of the older one.
    ///
    /// # Errors
    /// [`Error::Io`]; the newer one of before is untouched.
    pub fn save(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        write(&self.folder.join(FILES[self.next]), self.serial, checkpoint)?;
        self.next = 1 - self.next;
        self.serial += 1;
        Ok(())
    }
}

fn write(path: &Path, serial: u64, checkpoint: &Checkpoint) -> Result<()> {
    let fields = serde_json::to_string(checkpoint)
        .map_err(|error| Error::record(path, format!("the checkpoint cannot be JSON: {error}")))?;
    let mut state = State::default();
    state.nest(STATE, checkpoint.position.state.clone());
    let mut contents = Contents { arrays: state.arrays, ..Contents::default() };
    if let Some(best) = &checkpoint.position.best {
        contents.arrays.insert(BEST_WEIGHTS.to_string(), Array::F32(best.weights.clone()));
    }
    for (name, text) in [("format", FORMAT.to_string()), ("serial", serial.to_string()), ("checkpoint", fields)] {
        contents.metadata.insert(name.to_string(), text);
    }
    sealed::write(path, &contents)
}

fn read(path: &Path) -> Result<(u64, Checkpoint)> {
    let mut contents = sealed::read(path)?;
    let format = contents.text(path, "format")?;
    if format != FORMAT {
        return Err(Error::record(path, format!("its format is `{format}`, expected `{FORMAT}`")));
    }
    let serial = contents.text(path, "serial")?;
    let serial = serial.parse().map_err(|_| Error::record(path, format!("serial `{serial}` is no number")))?;
    let mut checkpoint: Checkpoint = serde_json::from_str(contents.text(path, "checkpoint")?)
        .map_err(|error| Error::record(path, format!("checkpoint: {error}")))?;
    if let Some(best) = &mut checkpoint.position.best {
        best.weights = contents.take_f32s(path, BEST_WEIGHTS)?;
    }
    checkpoint.position.state = State { arrays: contents.arrays }.inner(STATE);
    Ok((serial, checkpoint))
}
