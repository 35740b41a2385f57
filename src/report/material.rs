//! What a report is made of: all that the folders of runs hold in text.

use std::path::{Path, PathBuf};

use crate::campaign::store::{read_description, read_sessions, run_state, RunDescription, RunState};
use crate::campaign::{find_runs, listed_runs, FoundRun};
use crate::error::{Error, Result};
use crate::params::{toml, Path as Key, Problems, Value};
use crate::record::{RunRecords, Session};

/// The folder of a run.
#[derive(Clone, Debug)]
pub struct FolderOfRun {
    /// Its name.
    pub name: String,
    /// How far the run is.
    pub state: RunState,
    /// The index of its records in [`Material::records`], where it has any.
    pub records: Option<usize>,
    /// What `run.json` says; none where it cannot be read.
    pub description: Option<RunDescription>,
    /// The processes that worked on it.
    pub sessions: Vec<Session>,
    /// What is wrong with its files.
    pub damage: Vec<String>,
}

/// All that there is.
#[derive(Clone, Debug, Default)]
pub struct Material {
    /// The runs that were begun.
    pub folders: Vec<FolderOfRun>,
    /// Names of the runs that were not begun.
    pub waiting: Vec<String>,
    /// The records of those that have any.
    pub records: Vec<RunRecords>,
}

impl Material {
    /// Reads campaigns' folders (the runs of the campaign last run in each), or single runs'. Damaged runs are part of it.
    ///
    /// # Errors
    /// [`Error::Config`] if a folder holds no run, if two runs are of one learner, cell and seed, or if no run has a record or
    /// a failure yet; [`Error::Record`] if the list of runs is damaged, or if nothing else is there but damage.
    pub fn read(folders: &[PathBuf]) -> Result<Self> {
        let mut material = Material::default();
        let mut damage = None;
        for found in find_runs(folders)? {
            let (folder, error) = material.take(found);
            material.folders.push(folder);
            damage = damage.or(error);
        }
        for folder in folders {
            let listed = listed_runs(folder)?.into_iter();
            let waiting = listed.filter(|run| !run.join("config.toml").is_file());
            material.waiting.extend(waiting.map(|run| name(&run)));
        }
        let failed = |folder: &FolderOfRun| matches!(folder.state, RunState::Failed(_));
        if material.records.is_empty() && !material.folders.iter().any(failed) {
            let names: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
            let nothing = format!("{} has no records yet: run the campaign first", names.join(", "));
            return Err(damage.unwrap_or(Error::Config(nothing)));
        }
        Ok(material)
    }

    /// What the folder of a run holds, and what is wrong with its records.
    fn take(&mut self, found: FoundRun) -> (FolderOfRun, Option<Error>) {
        let path = &found.folder;
        let mut damage = Vec::new();
        // Paths are the caller's, a report says the same wherever it is made.
        let mut told = |error: &Error| {
            let inside = format!("{}/", path.display());
            let text = error.to_string().replace(&inside, "");
            if !damage.contains(&text) {
                damage.push(text);
            }
        };
        let (records, error) = match found.records {
            Ok(records) => (records, None),
            Err(error) => (None, Some(error)),
        };
        error.iter().for_each(&mut told);
        let description = read_description(path).inspect_err(&mut told).ok();
        let sessions = read_sessions(path).inspect_err(&mut told).unwrap_or_default();
        // Damage is told already.
        let state = run_state(path).inspect_err(&mut told).unwrap_or(RunState::Waiting);
        let records = records.map(|records| {
            self.records.push(records);
            self.records.len() - 1
        });
        (FolderOfRun { name: name(path), state, records, description, sessions, damage }, error)
    }

    /// The records of a run.
    pub fn records_of(&self, folder: &FolderOfRun) -> Option<&RunRecords> {
        self.records.get(folder.records?)
    }
}

/// A text of a resolved configuration, as `campaign.question`.
pub(super) fn text_of(configuration: &str, key: &str) -> Option<String> {
    let table = toml::parse(configuration, &Problems::of_file(Path::new("config.toml")));
    match &Key::parse(key).ok()?.get(&table)?.value {
        Value::Text(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// The name of a folder, also of one that was named as `.`.
fn name(folder: &Path) -> String {
    let whole = || Some(folder.canonicalize().ok()?.file_name()?.to_string_lossy().into_owned());
    match folder.file_name() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => whole().unwrap_or_default(),
    }
}
