//! Whether runs of several folders are what their names say: records know data, model, subset and learner by name, and the
//! configurations know what is behind the names.

use std::path::{Path, PathBuf};

use super::results::runs_in;
use super::store::{read_description, read_run_if_begun};
use crate::compare::Cell;
use crate::error::{Error, Result};
use crate::params::resolved::to_toml;
use crate::params::{toml, Problems, Table, Value};

/// Sections that change no number of a run.
const BESIDE: [&str; 3] = ["campaign", "metrics", "engine"];

/// Sections that say how is learned, and from [`BESIDE`] on not with what.
const LEARNING: [&str; 3] = ["learner", "budget", "genome"];

/// What a run is, in text.
struct Told {
    folder: PathBuf,
    cell: Cell,
    /// Campaign, cell and learner: the runs of one have seeds to tell them apart and nothing else.
    arm: (String, String, String),
    /// The configuration without what changes no number.
    whole: String,
    /// Of it data, model and subset.
    start: String,
}

/// Refuses folders whose runs would be pooled or paired by their names and are not of one kind: runs of one campaign, cell
/// and learner that differ in more than the seed, and runs of one cell that differ in data, model or subset.
///
/// # Errors
/// [`Error::Config`] with two runs and the first line in which they differ; [`Error::Io`] and [`Error::Record`] if a run
/// cannot be read.
pub fn check_alike(folders: &[PathBuf]) -> Result<()> {
    let mut all: Vec<Told> = Vec::new();
    // A single folder holds one campaign as it was last run.
    for folder in folders.iter().filter(|_| folders.len() > 1) {
        for run in runs_in(folder)? {
            all.extend(told(&run)?);
        }
    }
    for (i, run) in all.iter().enumerate() {
        let other = |same: &dyn Fn(&Told) -> bool| all[..i].iter().find(|other| same(other));
        if let Some(other) = other(&|other| other.arm == run.arm && other.whole != run.whole) {
            let what = format!("both are of learner `{}` of campaign `{}`", run.arm.2, run.arm.0);
            let remedy = "run one of them under another campaign's name";
            return Err(differ(other, run, &what, [&other.whole, &run.whole], remedy));
        }
        if let Some(other) = other(&|other| other.cell == run.cell && other.start != run.start) {
            let what = format!("both are called {}", run.cell);
            return Err(differ(other, run, &what, [&other.start, &run.start], "compare them by themselves"));
        }
    }
    Ok(())
}

fn told(folder: &Path) -> Result<Option<Told>> {
    let Some(records) = read_run_if_begun(folder)? else { return Ok(None) };
    let problems = Problems::default();
    let mut table = toml::parse(&read_description(folder)?.configuration, &problems);
    if let Some(problem) = problems.into_vec().into_iter().next() {
        return Err(Error::record(folder.join("config.toml"), problem.message));
    }
    BESIDE.iter().for_each(|section| drop(table.remove(section)));
    let whole = to_toml(&table);
    LEARNING.iter().for_each(|section| drop(table.remove(section)));
    unnamed(&mut table);
    let header = &records.header;
    let arm = (header.campaign.clone(), header.cell.clone(), header.learner.clone());
    Ok(Some(Told { folder: folder.to_path_buf(), cell: Cell::of(&records), arm, whole, start: to_toml(&table) }))
}

/// Takes the subset's name away, which the grid gives and the subset of a campaign without one need not have.
fn unnamed(table: &mut Table) {
    if let Some(Value::Table(subset)) = table.get_mut("subset").map(|node| &mut node.value) {
        subset.remove("name");
    }
}

fn differ(one: &Told, other: &Told, what: &str, texts: [&str; 2], remedy: &str) -> Error {
    let [mut lines, mut others] = texts.map(str::lines);
    let (a, b) = loop {
        match (lines.next(), others.next()) {
            (a, b) if a == b && a.is_some() => {}
            (a, b) => break (a.unwrap_or("nothing more"), b.unwrap_or("nothing more")),
        }
    };
    Error::Config(format!(
        "{} and {} cannot be compared: {what}, but there is `{a}` in one and `{b}` in the other; {remedy}",
        one.folder.display(),
        other.folder.display()
    ))
}
