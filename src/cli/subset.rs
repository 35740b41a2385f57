//! `subevo subset`: which weights a cell trains, as JSON.

use std::path::Path;

use super::args::SubsetArguments;
use super::format::{counted, grouped};
use super::output::Output;
use super::run::limits;
use super::Exit;
use crate::campaign::store::disk;
use crate::campaign::{Campaign, Cell, Registry, Scoring};
use crate::error::{Error, Result};
use crate::plan::Limits;
use crate::subset::Subset;

/// Writes the subset of one cell and seed.
pub fn subset(arguments: &SubsetArguments, registry: &Registry, output: &mut Output) -> Result<Exit> {
    let file = &arguments.campaign;
    let campaign = Campaign::read(&file.campaign, &file.sets, registry, output.colour_stderr())?;
    let cell = cell(&campaign, arguments.cell)?;
    let seed = arguments.seed.unwrap_or(cell.setup.first_seed());
    let subset = choose(cell, seed, arguments.data_dir.as_deref(), limits(arguments.limits))?;
    let json = subset.to_json(&cell.setup.model);
    let Some(path) = &arguments.out else {
        output.result(&json);
        return Ok(Exit::Done);
    };
    disk::write_atomically(path, json.as_bytes())?;
    let (spans, weights) = (counted(subset.spans.len(), "span"), grouped(subset.size as u64));
    output.talk(&format!("{spans} with {weights} weights: {}\n", path.display()));
    Ok(Exit::Done)
}

/// The cell of that number.
pub fn cell(campaign: &Campaign, number: usize) -> Result<&Cell> {
    let cells = campaign.cells.len();
    campaign
        .cells
        .get(number)
        .ok_or_else(|| Error::Config(format!("--cell {number}: there is {}, numbered from 0", counted(cells, "cell"))))
}

/// The subset of a cell and seed; the data set is read only where weights are scored on its images.
pub fn choose(cell: &Cell, seed: u64, data_dir: Option<&Path>, limits: Limits) -> Result<Subset> {
    if cell.setup.scored_on.is_none() {
        return cell.setup.select(seed, 0, None);
    }
    let data = cell.setup.data.load(data_dir)?;
    cell.setup.select(seed, 0, Some(Scoring { data: &data, limits }))
}
