//! What is made of a campaign's records: the table over seeds, and the pictures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::run::{RunList, LIST};
use super::store::{check_run_name, disk, read_run_if_begun};
use super::Registry;
use crate::error::{Error, Result};
use crate::num::{mean, t_half_width};
use crate::params::{Origin, Params, Problems, Table};
use crate::plot::{figures, render, FigureData, Theme};
use crate::record::{Background, RunRecords};

/// What was read of campaigns.
#[derive(Debug, Default)]
pub struct Results {
    /// The runs that have records.
    pub runs: Vec<RunRecords>,
    /// What is wrong with runs whose records cannot be read.
    pub damaged: Vec<Error>,
}

/// The folder of a run, and its records: none where it has no record yet, an error where they are damaged.
#[derive(Debug)]
pub struct FoundRun {
    /// The run's folder.
    pub folder: PathBuf,
    /// Its records.
    pub records: Result<Option<RunRecords>>,
}

/// The runs of campaigns' folders (those of the campaign last run in each), or of single run folders.
///
/// # Errors
/// If a folder holds no run, or two runs are of one learner, cell and seed.
pub fn find_runs(folders: &[PathBuf]) -> Result<Vec<FoundRun>> {
    let mut found = Vec::new();
    for folder in folders {
        let runs = runs_in(folder)?.into_iter();
        found.extend(runs.map(|folder| FoundRun { records: read_run_if_begun(&folder), folder }));
    }
    let key = |run: &RunRecords| {
        let header = &run.header;
        (header.campaign.clone(), header.cell.clone(), header.learner.clone(), header.seed)
    };
    let mut before = BTreeMap::new();
    for run in &found {
        let Ok(Some(records)) = &run.records else { continue };
        if let Some(other) = before.insert(key(records), &run.folder) {
            return Err(Error::Config(format!(
                "{} holds the same campaign, learner, cell and seed as {}: name the runs that belong together",
                run.folder.display(),
                other.display()
            )));
        }
    }
    Ok(found)
}

/// The records of a campaign's folder (the runs of the campaign last run in it), or of single run folders. Runs without
/// a record are left out.
///
/// # Errors
/// As [`find_runs`].
pub fn read_results(folders: &[PathBuf]) -> Result<Results> {
    let mut results = Results::default();
    for run in find_runs(folders)? {
        match run.records {
            Ok(Some(records)) => results.runs.push(records),
            Ok(None) => {}
            Err(error) => results.damaged.push(error),
        }
    }
    Ok(results)
}

/// The folders of the runs that were begun.
pub(super) fn runs_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut runs = listed_runs(folder)?;
    runs.retain(|run| run.join("config.toml").is_file());
    Ok(runs)
}

/// The folders of all runs of the campaign last run in a folder, whether they are there yet or not; or the folder itself,
/// where it is that of a run.
///
/// # Errors
/// If it is neither.
pub fn listed_runs(folder: &Path) -> Result<Vec<PathBuf>> {
    if folder.join("config.toml").is_file() {
        return Ok(vec![folder.to_path_buf()]);
    }
    let list = folder.join(LIST);
    let text = if folder.is_dir() { disk::read_if_there(&list)? } else { None };
    let Some(text) = text else {
        let found = match (folder.is_dir(), folder.exists()) {
            (true, _) => "is neither a run (no config.toml) nor a campaign (no campaign.json)",
            (_, true) => "is no folder",
            _ => "does not exist",
        };
        let remedy = "give a folder that `subevo run` wrote, as in runs/quickstart";
        return Err(Error::Config(format!("{} {found}: {remedy}", folder.display())));
    };
    let names: RunList = serde_json::from_slice(&text).map_err(|error| Error::record(&list, error.to_string()))?;
    let mut runs = Vec::new();
    for name in &names.runs {
        check_run_name(name).map_err(|error| Error::record(&list, error.to_string()))?;
        runs.push(folder.join(name));
    }
    Ok(runs)
}

/// A mean over seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// Mean.
    pub mean: f64,
    /// Half width of its 95 % Student t interval; NaN for one seed.
    pub half_width: f64,
}

/// One learner in one cell, over its finished seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Label of the learner.
    pub learner: String,
    /// The background.
    pub background: Background,
    /// Label of the subset.
    pub subset: String,
    /// Trained scalars.
    pub subset_size: u64,
    /// The cell's label, where learner, background and subset do not tell cells apart.
    pub cell: Option<String>,
    /// Finished seeds.
    pub n: usize,
    /// Seeds that are not finished.
    pub unfinished: usize,
    /// Members without a loss, of all generations of all seeds.
    pub failed: u64,
    /// Test accuracy of the untrained network.
    pub untrained: Column,
    /// Loss on the training snapshot at the end, nats.
    pub train_loss: Column,
    /// Validation accuracy at the end.
    pub validation: Column,
    /// Test accuracy at the end.
    pub test: Column,
    /// Training accuracy minus test accuracy at the end.
    pub gap: Column,
    /// Forward passes.
    pub images: Column,
    /// Seconds of training.
    pub seconds: Column,
}

/// The table of a campaign: a row for each learner and cell, in the order of the runs.
pub fn summarise(runs: &[RunRecords]) -> Vec<Row> {
    let mut groups: Vec<Vec<&RunRecords>> = Vec::new();
    for run in runs {
        let same = |group: &&mut Vec<&RunRecords>| {
            let (a, b) = (&group[0].header, &run.header);
            (&a.campaign, &a.cell, &a.learner) == (&b.campaign, &b.cell, &b.learner)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    let mut rows: Vec<Row> = groups.iter().map(|group| row(group)).collect();
    let name = |row: &Row| (row.learner.clone(), row.background, row.subset.clone());
    let names: Vec<_> = rows.iter().map(name).collect();
    if (1..names.len()).any(|i| names[..i].contains(&names[i])) {
        for (row, group) in rows.iter_mut().zip(&groups) {
            row.cell = Some(group[0].header.cell.clone());
        }
    }
    rows
}

fn row(group: &[&RunRecords]) -> Row {
    let finished: Vec<&RunRecords> = group.iter().copied().filter(|run| run.end.is_some()).collect();
    let column = |value: &dyn Fn(&RunRecords) -> Option<f64>| {
        let values: Vec<f64> = finished.iter().filter_map(|run| value(run)).collect();
        Column { mean: mean(&values), half_width: t_half_width(&values) }
    };
    let last = |of: &'static dyn Fn(&crate::record::End) -> f64| column(&|run: &RunRecords| run.end.as_ref().map(of));
    let header = &group[0].header;
    Row {
        learner: header.learner.clone(),
        background: header.background,
        subset: header.subset.clone(),
        subset_size: header.subset_size,
        cell: None,
        n: finished.len(),
        unfinished: group.len() - finished.len(),
        failed: group.iter().flat_map(|run| &run.steps).map(|step| step.failed).sum(),
        untrained: column(&|run| run.evaluations.first().map(|first| first.scores.test.accuracy)),
        train_loss: last(&|end| end.last.train.loss),
        validation: last(&|end| end.last.validation.accuracy),
        test: last(&|end| end.last.test.accuracy),
        gap: last(&|end| end.last.train.accuracy - end.last.test.accuracy),
        images: last(&|end| end.cost.images as f64),
        seconds: column(&|run| run.laps.last().map(|lap| lap.seconds)),
    }
}

/// Cells up to which figures of single cells are drawn unasked.
const CELLS: usize = 12;

/// Figures of some runs.
#[derive(Clone, Debug, Default)]
pub struct DrawnFigures {
    /// What they show, by the names of their files.
    pub figures: Vec<(String, FigureData)>,
    /// What was left out and how to have it, a sentence each.
    pub notes: Vec<String>,
}

/// Pictures that were written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pictures {
    /// The files.
    pub files: Vec<PathBuf>,
    /// What was left out and how to have it, a sentence each.
    pub notes: Vec<String>,
}

/// What figures show of runs. Figures that have nothing to show are left out, and where `only` is empty so are those of single
/// cells of a grid of more than 12, with a note.
///
/// # Errors
/// If `only` names no figure.
pub fn drawn_figures(runs: &[RunRecords], registry: &Registry, only: &[String]) -> Result<DrawnFigures> {
    let problems = Problems::default();
    let table = Table::default();
    let params = Params::new(&table, Origin::Default, "figure", &problems);
    let names: Vec<&str> = match only {
        [] => registry.figures.entries().iter().map(|entry| entry.name).collect(),
        only => only.iter().map(String::as_str).collect(),
    };
    let mut drawn = DrawnFigures::default();
    for name in names {
        let Some(figure) = registry.figures.build(name, &Origin::Default, &params, &()) else { continue };
        let figures = figures(name, figure.as_ref(), runs);
        if only.is_empty() && figures.len() > CELLS {
            let (cells, remedy) = (figures.len(), format!("`subevo plot FOLDER --only {name}` draws them"));
            drawn.notes.push(format!("figure {name} is left out, for {cells} cells have one each; {remedy}"));
        } else {
            drawn.figures.extend(figures);
        }
    }
    match problems.into_vec().first() {
        None => Ok(drawn),
        Some(problem) => {
            let help = problem.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
            Err(Error::Config(format!("{}{help}", problem.message)))
        }
    }
}

/// Draws the figures of [`drawn_figures`] into a folder, as SVG and PNG.
///
/// # Errors
/// If a file cannot be written, or `only` names no figure.
pub fn write_pictures(
    runs: &[RunRecords],
    registry: &Registry,
    only: &[String],
    theme: &Theme,
    folder: &Path,
) -> Result<Pictures> {
    let drawn = drawn_figures(runs, registry, only)?;
    let mut files = Vec::new();
    for (name, data) in drawn.figures {
        disk::create_dir_synced(folder)?;
        for (file, bytes) in render(&name, &data, theme) {
            let path = folder.join(file);
            disk::write_atomically(&path, &bytes)?;
            files.push(path);
        }
    }
    Ok(Pictures { files, notes: drawn.notes })
}
