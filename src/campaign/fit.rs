//! Whether the runs of a campaign fit into memory, asked before anything is loaded or written.

use super::{machine, Campaign, LearnerSetup};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::plan::{Keep, Limits, Plan};
use crate::record::Method;
use crate::rng::Seed;
use crate::subset::{stage_seed, Subset};

impl LearnerSetup {
    /// How this learner trains a subset.
    pub fn plan(&self, graph: &Graph, subset: &Subset, limits: Limits, keep: Option<Keep>) -> Plan {
        let plan = Plan::new(graph, subset, self.batch, limits).for_population(self.members);
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
            Method::Evolution => plan.check_population(self.members, machine::memory()),
            Method::Backprop => plan.check_gradient(),
        }
    }

    /// Bytes that its training holds at a time, without the population itself and the data set.
    pub fn peak_bytes(&self, plan: &Plan) -> u64 {
        match self.method {
            Method::Evolution => plan.peak_bytes(),
            Method::Backprop => plan.peak_bytes_gradient(),
        }
    }
}

/// Whether each learner of each cell fits, and what its stages learn can be kept, with the subset of the cell's first seed.
///
/// # Errors
/// [`Error::Config`] for the first that does not, with the number of the others.
pub fn check_memory(campaign: &Campaign, limits: Limits) -> Result<()> {
    let mut lacking = Vec::new();
    for cell in &campaign.cells {
        let seed = Seed::new(cell.setup.seeds.first().copied().unwrap_or(1));
        let subset = cell.setup.select(stage_seed(seed, 0))?;
        for learner in &cell.setup.learners {
            let plan = learner.plan(&cell.setup.graph, &subset, limits, cell.setup.keep());
            let kept = || learner.check_chain(&plan, cell.setup.redraw, subset.size);
            let Err(message) = learner.check(&plan).and_then(|()| kept()) else { continue };
            let of_cell = if cell.label.is_empty() { String::new() } else { format!("cell {}, ", cell.label) };
            lacking.push(format!("{of_cell}learner `{}`: {message}", learner.label));
        }
    }
    let Some(first) = lacking.first() else { return Ok(()) };
    let others = match lacking.len() - 1 {
        0 => String::new(),
        1 => " (and one more learner does not fit)".to_string(),
        n => format!(" (and {n} more learners of other cells or labels do not fit)"),
    };
    Err(Error::Config(format!("{first}{others}")))
}
