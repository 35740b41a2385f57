//! A campaign: a TOML file with overrides, its grid expanded, every cell checked.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::grid::{expand, override_removes_axis, slug};
use super::{Registry, Setup};
use crate::error::{Error, Result};
use crate::params::resolved::to_toml;
use crate::params::{overrides, report, toml, Node, Origin, Problem, Problems, Table, Value};

/// Longest campaign file, bytes: more than any that people write, and less than would fill the memory.
const LARGEST: u64 = 4 << 20;

/// Most runs of a campaign.
const MAX_RUNS: usize = 100_000;

/// A checked campaign.
pub struct Campaign {
    /// Its name, which is its folder's.
    pub name: String,
    /// The cells of its grid; one without a grid.
    pub cells: Vec<Cell>,
}

/// One point of the grid.
pub struct Cell {
    /// As in `background=random subset=bn`; empty without a grid.
    pub label: String,
    /// The label as part of a folder name.
    pub slug: String,
    /// The cell, checked.
    pub setup: Setup,
}

/// One run: a cell, a seed and a learner.
pub struct Run<'a> {
    /// The cell.
    pub cell: &'a Cell,
    /// The seed.
    pub seed: u64,
    /// Index of the learner in its cell.
    pub learner: usize,
    /// The resolved configuration, TOML: the text of its `config.toml`.
    pub configuration: String,
    /// Name of its folder: learner, cell, seed, digest of the configuration.
    pub name: String,
}

impl Campaign {
    /// Reads a campaign file.
    ///
    /// # Errors
    /// [`Error::Config`] with a report of everything that is wrong; [`Error::Io`] if it cannot be read.
    pub fn read(path: &Path, sets: &[String], registry: &Registry, colour: bool) -> Result<Campaign> {
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
        read.map_err(Error::io("read", path))?;
        if bytes.len() as u64 > LARGEST {
            let message = format!("{}: more than {} MiB are no campaign file", path.display(), LARGEST >> 20);
            return Err(Error::Config(message));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Error::Config(format!("{}: byte {at} is not UTF-8: a campaign file is text", path.display()))
        })?;
        Campaign::parse(&path.display().to_string(), &text, sets, registry, colour)
    }

    /// Reads a campaign from its text; `file` is the path for messages, and the files that it names are looked for in its
    /// folder.
    ///
    /// # Errors
    /// [`Error::Config`] with a report of everything that is wrong.
    pub fn parse(file: &str, text: &str, sets: &[String], registry: &Registry, colour: bool) -> Result<Campaign> {
        let problems = Problems::of_file(Path::new(file));
        let mut table = toml::parse(text, &problems);
        for set in sets {
            override_removes_axis(&mut table, set);
            overrides::apply(&mut table, set, &problems);
        }
        let (mut cells, mut runs) = (Vec::new(), 0);
        // What a broken text was recovered to is a guess: reading on would find problems that are not there.
        if problems.is_empty() {
            refuse_varied_name(&table, &problems);
            for cell in expand(&table, &problems) {
                if let Some(setup) = Setup::read(&cell.table, registry, &problems) {
                    // The configuration of a run tells of which cell it was: made a campaign again, it is of that cell.
                    let label: Vec<&str> =
                        [&*setup.cell, &*cell.label].into_iter().filter(|part| !part.is_empty()).collect();
                    let label = label.join(" ");
                    let axes = cell.axes.len() + setup.cell.split_whitespace().count();
                    runs += setup.seeds.len() * setup.learners.len();
                    cells.push(Cell { slug: slug(&label, axes), label, setup });
                }
                if runs > MAX_RUNS {
                    let message = format!("the campaign has more than {MAX_RUNS} runs (cells x seeds x learners)");
                    problems.push(Problem { origin: Origin::Default, path: String::new(), message, help: None });
                    break;
                }
            }
        }
        if !problems.is_empty() {
            return Err(Error::Config(report::render(file, text, problems.into_vec(), colour)));
        }
        let name = cells.first().map(|cell| cell.setup.campaign.clone()).unwrap_or_default();
        Ok(Campaign { name, cells })
    }

    /// All runs, cell by cell, seed by seed, so that the learners of one start run one after another.
    pub fn runs(&self) -> Vec<Run<'_>> {
        let mut runs = Vec::new();
        for cell in &self.cells {
            for seed in &cell.setup.seeds {
                for learner in 0..cell.setup.learners.len() {
                    runs.push(Run::new(cell, *seed, learner));
                }
            }
        }
        runs
    }
}

/// A campaign has one name, for its folder has one.
fn refuse_varied_name(table: &Table, problems: &Problems) {
    let Some(Node { value: Value::Table(grid), .. }) = table.get("grid") else { return };
    for (key, _) in &grid.entries {
        if matches!(key.name.as_str(), "campaign" | "campaign.name" | "campaign.cell") {
            let message = format!("`{}` cannot vary in the grid: all cells are of one campaign", key.name);
            problems.push(Problem { origin: key.origin.clone(), path: key.name.clone(), message, help: None });
        }
    }
}

impl<'a> Run<'a> {
    fn new(cell: &'a Cell, seed: u64, learner: usize) -> Self {
        let configuration = to_toml(&cell.setup.of_run(&cell.label, seed, learner));
        let digest = super::store::config_digest(&configuration);
        let label = &cell.setup.learners[learner].label;
        let place = if cell.slug.is_empty() { String::new() } else { format!("{}_", cell.slug) };
        let name = format!("{place}{label}-s{seed}-{digest}");
        Run { cell, seed, learner, configuration, name }
    }
}
