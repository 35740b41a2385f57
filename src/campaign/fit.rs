//! Whether the runs of a campaign fit into memory, asked before anything is loaded or written.

use super::scoring::{self, Scoring};
use super::{machine, Campaign, Cell, LearnerSetup};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::plan::{Keep, Limits, Plan};
use crate::projection::Basis;
use crate::record::Method;
use crate::subset::Subset;

impl LearnerSetup {
    /// How this learner trains a subset, or the subspace of its weights that has this basis.
    pub fn plan(
        &self,
        graph: &Graph,
        subset: &Subset,
        basis: Option<&dyn Basis>,
        limits: Limits,
        keep: Option<Keep>,
    ) -> Plan {
        let mut plan = Plan::new(graph, subset, self.batch, limits).for_population(self.members);
        if let Some(basis) = basis {
            plan = plan.within(basis);
        }
        match keep {
            Some(keep) => plan.keeping(graph, subset, keep),
            None => plan,
        }
    }

    /// Whether it fits, planned by [`LearnerSetup::plan`].
    ///
    /// # Errors
    /// What is needed, by what, and what to change.
    pub fn check(&self, plan: &Plan) -> std::result::Result<(), String> {
        match self.method {
            Method::Evolution if self.needs.backward() > 0 => {
                plan.check_population(self.members, machine::memory()).and_then(|()| plan.check_gradient())
            }
            Method::Evolution => plan.check_population(self.members, machine::memory()),
            Method::Backprop => plan.check_gradient(),
        }
    }

    /// Bytes that its training holds at a time, without the population itself and the data set.
    pub fn peak_bytes(&self, plan: &Plan) -> u64 {
        match self.method {
            Method::Evolution if self.needs.backward() > 0 => plan.peak_bytes().max(plan.peak_bytes_gradient()),
            Method::Evolution => plan.peak_bytes(),
            Method::Backprop => plan.peak_bytes_gradient(),
        }
    }
}

/// Whether each learner of each cell fits and what its stages learn can be kept, with the subset of the cell's first seed; where weights are scored by a gradient,
/// whether that fits, and the learners with as many weights as with the images, but others.
///
/// # Errors
/// [`Error::Config`] for the first that does not, with the number of the others.
pub fn check_memory(campaign: &Campaign, limits: Limits) -> Result<()> {
    let mut lacking = Vec::new();
    for cell in &campaign.cells {
        if let Some(images) = cell.setup.scored_on {
            lacking.extend(scoring::plan(&cell.setup.graph, images, limits).err().map(|error| of_cell(cell, error)));
        }
        lacking.extend(misfits(cell, &cell.setup.select(cell.setup.first_seed(), 0, None)?, limits));
    }
    refuse(&lacking)
}

/// As [`check_memory`], of a cell whose weights are scored by a gradient, with the subset of its images.
///
/// # Errors
/// As [`check_memory`], and if the scores cannot be computed.
pub(super) fn check_memory_scored(cell: &Cell, scoring: Scoring<'_>) -> Result<()> {
    refuse(&misfits(cell, &cell.setup.select(cell.setup.first_seed(), 0, Some(scoring))?, scoring.limits))
}

/// What does not fit, by learner.
fn misfits(cell: &Cell, subset: &Subset, limits: Limits) -> Vec<String> {
    let mut lacking = Vec::new();
    let setup = &cell.setup;
    let basis = setup.basis(subset, setup.first_seed(), 0);
    let genes = basis.as_ref().map_or(subset.size, |basis| basis.dimension());
    for learner in &setup.learners {
        let plan = learner.plan(&setup.graph, subset, basis.as_deref(), limits, setup.keep());
        let kept = || learner.check_chain(&plan, setup.redraw, genes);
        if let Err(message) = learner.check(&plan).and_then(|()| kept()) {
            lacking.push(of_cell(cell, format!("learner `{}`: {message}", learner.label)));
        }
    }
    lacking
}

fn of_cell(cell: &Cell, message: impl std::fmt::Display) -> String {
    if cell.label.is_empty() {
        message.to_string()
    } else {
        format!("cell {}, {message}", cell.label)
    }
}

fn refuse(lacking: &[String]) -> Result<()> {
    let Some(first) = lacking.first() else { return Ok(()) };
    let others = match lacking.len() - 1 {
        0 => String::new(),
        1 => " (and one more learner does not fit)".to_string(),
        n => format!(" (and {n} more learners of other cells or labels do not fit)"),
    };
    Err(Error::Config(format!("{first}{others}")))
}
