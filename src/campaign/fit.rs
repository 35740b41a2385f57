//! Whether the runs of a campaign fit into memory, asked before anything is loaded or written.

use super::{machine, Campaign, LearnerSetup};
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

/// Whether each learner of each cell fits, with the subset of the cell's first seed.
///
/// # Errors
/// [`Error::Config`] for the first that does not, with the number of the others.
pub fn check_memory(campaign: &Campaign, limits: Limits) -> Result<()> {
    let mut lacking = Vec::new();
    for cell in &campaign.cells {
        let setup = &cell.setup;
        let seed = setup.seeds.first().copied().unwrap_or(1);
        let subset = setup.select(seed)?;
        let basis = setup.basis(&subset, seed);
        for learner in &setup.learners {
            let plan = learner.plan(&setup.graph, &subset, basis.as_deref(), limits, setup.keep());
            let Err(message) = learner.check(&plan) else { continue };
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
