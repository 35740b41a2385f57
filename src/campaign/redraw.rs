//! `[subset] redraw`: after how many steps the subset is drawn again, and whether that can be.

use super::LearnerSetup;
use crate::params::Params;
use crate::plan::Plan;
use crate::record::{Cost, Method};
use crate::rng::Seed;
use crate::subset::{stage_seed, Subset};

/// Most values that the chain of offsets of a run may hold: 400 MB in memory, in each checkpoint and in the genome file. The
/// longest runs of Gressmann et al. 2020 (250 numbers drawn again in each of 300,000 steps) have 75 million.
const MOST_VALUES: u64 = 100_000_000;

/// Stages after the first that are drawn to see whether any differs: one of two filters is the same 32 times by chance in
/// one of four billion campaigns.
const DRAWN: u64 = 32;

/// Reads `redraw`: steps of a stage; 0, the default, is `None`: the subset is fixed. `select` draws a subset from an
/// address; `None` where that has a problem of its own. `scored`: whether weights are scored by a gradient; `basis`: whether
/// random directions are drawn with the subset.
pub(super) fn read(
    params: &Params<'_>,
    seed: u64,
    [scored, basis]: [bool; 2],
    select: Option<&dyn Fn(Seed) -> Option<Subset>>,
) -> Option<u64> {
    let redraw = Some(params.integer("redraw", Some(0), 0..=i64::MAX as u64)).filter(|steps| *steps > 0);
    let (steps, select) = (redraw?, select?);
    if scored {
        let message = format!(
            "`subset.redraw` = {steps} and `gradient` do not go together: its scores are those of the untrained network, and no \
             stage after the first has them; leave one of the two out"
        );
        params.problem("redraw", message, None);
        return None;
    }
    if basis {
        return redraw;
    }
    let drawn = |stage| select(stage_seed(Seed::new(seed), stage)).map(|subset| subset.spans);
    let first = drawn(0);
    if (1..=DRAWN).all(|stage| drawn(stage) == first) {
        let message = format!(
            "`subset.redraw` = {steps} changes nothing: no part of the subset is drawn at random; leave it out, or select \
             something random, as in {{ weights = 1000 }} or {{ filters = 2, which = \"random\" }}"
        );
        params.problem("redraw", message, None);
    }
    redraw
}

/// How often a run draws its subset, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redrawn {
    /// Stages, the first included.
    pub stages: u64,
    /// Values that the chain of offsets holds at the end: the trained weights of all stages but the last.
    pub chain_values: u64,
}

impl LearnerSetup {
    /// How often the subset is drawn if it is drawn again after every `redraw` steps, all stages planned alike with `k` trained
    /// weights; `None` where the clock alone ends the run.
    pub fn redrawn(&self, plan: &Plan, redraw: u64, k: usize) -> Option<Redrawn> {
        let (networks, macs) = match self.method {
            // What operators look at may be less than they need at most, and steps are then more: it is left out.
            Method::Evolution => {
                let gradients = self.needs.gradients;
                (self.members + gradients, plan.step_macs(self.members, gradients))
            }
            Method::Backprop => (1, plan.gradient_macs()),
        };
        let images = (networks * self.batch) as u64;
        let steps = self.budget.most_steps(Cost { step: 1, images, images_backward: 0, macs })?;
        let stages = steps.div_ceil(redraw);
        Some(Redrawn { stages, chain_values: (stages - 1).saturating_mul(k as u64) })
    }

    /// Whether a run can keep what each of its stages learned.
    ///
    /// # Errors
    /// Why it cannot, and what to change.
    pub fn check_chain(&self, plan: &Plan, redraw: Option<u64>, k: usize) -> Result<(), String> {
        let Some(redraw) = redraw else { return Ok(()) };
        let Some(Redrawn { stages, chain_values }) = self.redrawn(plan, redraw, k) else {
            return Err(format!(
                "`subset.redraw` = {redraw} keeps what each stage learned, and a budget in seconds alone does not tell how many \
                 stages there are: give `steps`, `images` or `macs` too"
            ));
        };
        if chain_values <= MOST_VALUES {
            return Ok(());
        }
        // So many stages leave a chain within the limit.
        let most_stages = MOST_VALUES / k as u64 + 1;
        let enough = (u128::from(stages) * u128::from(redraw)).div_ceil(u128::from(most_stages));
        Err(format!(
            "`subset.redraw` = {redraw} makes {stages} stages of {k} weights, and a chain of {chain_values} learned values to keep: \
             at most {MOST_VALUES} are allowed; draw again after {enough} steps or more, train fewer weights or lower the budget"
        ))
    }
}
