//! The runs that are measured, and those that they are compared with.

use std::path::{Path, PathBuf};

use crate::campaign::results::runs_in;
use crate::campaign::store::{read_description, read_moments, read_run_if_begun};
use crate::campaign::{Campaign, Registry, Run, Setup};
use crate::error::{Error, Result};
use crate::learner::Moment;
use crate::record::RunRecords;
use crate::record::{landmarks, Landmark};

/// A run in its folder.
pub(super) struct Found {
    pub folder: PathBuf,
    /// The folder's name.
    pub name: String,
    /// Its configuration as a campaign of one run.
    pub campaign: Campaign,
    pub records: RunRecords,
    pub moments: Vec<Moment>,
    /// Whether it is measured, or only compared with.
    pub asked: bool,
}

/// All runs.
pub(super) struct Runs {
    pub runs: Vec<Found>,
}

impl Found {
    /// The run.
    pub fn run(&self) -> Run<'_> {
        self.campaign.runs().swap_remove(0)
    }

    /// Its cell.
    pub fn setup(&self) -> &Setup {
        &self.campaign.cells[0].setup
    }

    fn is_of_cell(&self, other: &Found) -> bool {
        let key = |run: &Found| (run.records.header.campaign.clone(), run.records.header.cell.clone());
        key(self) == key(other)
    }
}

impl Runs {
    /// The landmarks of a run: those of all runs of its cell.
    pub fn landmarks(&self, run: &Found) -> Vec<Landmark> {
        let of_cell = self.runs.iter().filter(|other| other.is_of_cell(run)).map(|other| &other.records);
        landmarks(of_cell.collect::<Vec<_>>().into_iter())
    }

    /// The runs of other learners from the same start: of one cell and seed.
    pub fn siblings<'a>(&'a self, run: &'a Found) -> impl Iterator<Item = &'a Found> {
        let same = |other: &&Found| {
            other.is_of_cell(run)
                && other.records.header.seed == run.records.header.seed
                && other.records.header.learner != run.records.header.learner
        };
        self.runs.iter().filter(same)
    }
}

/// The runs of some folders, and their neighbours in the campaigns' folders.
pub(super) fn find(folders: &[PathBuf], registry: &Registry) -> Result<Runs> {
    let mut paths: Vec<(PathBuf, bool)> = Vec::new();
    let mut add = |path: PathBuf, asked: bool| {
        // One run, by whatever path it is named.
        let path = path.canonicalize().unwrap_or(path);
        match paths.iter_mut().find(|(known, _)| *known == path) {
            Some((_, known)) => *known |= asked,
            None => paths.push((path, asked)),
        }
    };
    for folder in folders {
        let runs = runs_in(folder)?;
        let alone = runs.len() == 1 && runs[0] == *folder;
        runs.into_iter().for_each(|run| add(run, true));
        // The neighbours of a single run, where it lies in a campaign's folder.
        let parent = folder.canonicalize().ok().filter(|_| alone).and_then(|path| path.parent().map(Path::to_path_buf));
        if let Some(Ok(neighbours)) = parent.map(|parent| runs_in(&parent)) {
            neighbours.into_iter().for_each(|run| add(run, false));
        }
    }
    let mut runs = Vec::new();
    for (folder, asked) in paths {
        match open(&folder, asked, registry) {
            Ok(Some(run)) => runs.push(run),
            // A neighbour that cannot be read is none.
            Ok(None) => {}
            Err(_) if !asked => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Runs { runs })
}

fn open(folder: &Path, asked: bool, registry: &Registry) -> Result<Option<Found>> {
    let Some(records) = read_run_if_begun(folder)? else { return Ok(None) };
    let configuration = read_description(folder)?.configuration;
    let file = folder.join("config.toml").display().to_string();
    let campaign = Campaign::parse(&file, &configuration, &[], registry, false)?;
    if campaign.runs().len() != 1 {
        return Err(Error::record(folder, "its configuration is not of one run"));
    }
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let moments = if records.end.is_some() { read_moments(folder)? } else { Vec::new() };
    // A run that was continued may have left moments that it has not come to again.
    let last = records.end.as_ref().map_or(0, |end| end.cost.step);
    let moments = moments.into_iter().filter(|moment| moment.cost.step <= last).collect();
    Ok(Some(Found { folder: folder.to_path_buf(), name, campaign, records, moments, asked }))
}
