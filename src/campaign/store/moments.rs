//! The incumbents that a run had when it was looked at, one file each: from these any metric can be computed later.

use std::path::{Path, PathBuf};

use super::disk;
use super::sealed::{self, Contents};
use crate::error::{Error, Result};
use crate::learner::Moment;
use crate::state::{Array, State};

/// What the metadata call the format.
const FORMAT: &str = "subevo-moment-1";
/// Folder of a run that holds them.
const FOLDER: &str = "moments";
const ENDING: &str = ".safetensors";
/// The trained values.
const TRAINED: &str = "trained";
/// Goes before the names of the learner's arrays.
const STATE: &str = "state";

/// Where the moment after so many steps is kept: `moments/000000000128.safetensors`.
fn path(folder: &Path, step: u64) -> PathBuf {
    folder.join(FOLDER).join(format!("{step:012}{ENDING}"))
}

/// Writes a moment into a run's folder, in the place of one that stands there: a run that is continued comes by again, with the
/// same values.
///
/// # Errors
/// [`Error::Io`].
pub fn write_moment(folder: &Path, moment: &Moment) -> Result<()> {
    let path = path(folder, moment.cost.step);
    let mut contents = Contents::default();
    let cost = serde_json::to_string(&moment.cost).map_err(|error| Error::record(&path, error.to_string()))?;
    for (name, text) in [("format", FORMAT.to_string()), ("cost", cost), ("stage", moment.stage.to_string())] {
        contents.metadata.insert(name.to_string(), text);
    }
    let mut state = State::default();
    state.put_f32(TRAINED, &moment.trained);
    if let Some(learner) = &moment.state {
        state.nest(STATE, learner.clone());
    }
    contents.arrays = state.arrays;
    disk::create_dir_synced(&folder.join(FOLDER))?;
    sealed::write(&path, &contents)
}

/// All moments that are kept of a run, from the first step to the last; of a run that kept none, none.
///
/// # Errors
/// [`Error::Io`]; [`Error::Record`] if a file is damaged or of another format.
pub fn read_moments(folder: &Path) -> Result<Vec<Moment>> {
    let folder = folder.join(FOLDER);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
        let path = entry.map_err(Error::io("read", &folder))?.path();
        // A file that was being written when the process died has another ending.
        if path.to_string_lossy().ends_with(ENDING) {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<Moment> {
    let mut contents = sealed::read(path)?;
    let format = contents.text(path, "format")?;
    if format != FORMAT {
        return Err(Error::record(path, format!("its format is `{format}`, expected `{FORMAT}`")));
    }
    let cost = serde_json::from_str(contents.text(path, "cost")?);
    let cost = cost.map_err(|error| Error::record(path, format!("cost: {error}")))?;
    let stage = contents.text(path, "stage")?;
    let stage = stage.parse().map_err(|_| Error::record(path, format!("stage `{stage}` is no whole number")))?;
    let Some(Array::F32(trained)) = contents.arrays.remove(TRAINED) else {
        return Err(Error::record(path, format!("it has no tensor `{TRAINED}` of F32")));
    };
    let state = State { arrays: contents.arrays }.inner(STATE);
    Ok(Moment { cost, stage, trained, state: (!state.arrays.is_empty()).then_some(state) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Cost;

    fn moment(step: u64) -> Moment {
        let mut state = State::default();
        state.put_f64("mean", &[0.1, f64::MIN_POSITIVE]);
        let cost = Cost { step, images: 64 * step, images_backward: 3, macs: u64::MAX };
        Moment { cost, stage: 2, trained: vec![-0.0, 1.5e-40, step as f32], state: Some(state) }
    }

    #[test]
    fn moments_come_back_bit_for_bit_in_the_order_of_steps() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_moments(folder.path()).unwrap(), []);
        let plain = Moment { state: None, ..moment(9) };
        for moment in [&moment(1_000), &plain, &moment(0), &moment(1_000)] {
            write_moment(folder.path(), moment).unwrap();
        }
        let found = read_moments(folder.path()).unwrap();
        assert_eq!(found, [moment(0), plain, moment(1_000)]);
        assert!(found[0].trained[0].is_sign_negative());
    }

    #[test]
    fn a_moment_that_was_changed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        write_moment(folder.path(), &moment(5)).unwrap();
        let path = path(folder.path(), 5);
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(read_moments(folder.path()).unwrap_err().to_string().contains("000000000005.safetensors"));
    }
}
