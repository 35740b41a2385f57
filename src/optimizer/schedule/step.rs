//! Steps: the learning rate is multiplied by `gamma` at each milestone, a share of the budget.

use super::Schedule;
use crate::entry::Entry;
use crate::params::{Params, Range};
use crate::progress::Progress;

struct Step {
    milestones: Vec<f64>,
    gamma: f64,
}

pub(super) const ENTRY: Entry<dyn Schedule> = Entry {
    name: "step",
    summary: "the learning rate times gamma at each milestone, a share of the budget",
    reference: "He et al. 2016",
    build: |params, ()| Ok(Box::new(Step::read(params))),
};

impl Step {
    /// Defaults: `milestones` [0.5, 0.75] and `gamma` 0.1, as He et al. 2016 divide by 10 at 32k and 48k of 64k steps.
    fn read(params: &Params<'_>) -> Self {
        Step {
            milestones: params.floats("milestones", &[0.5, 0.75], Range::Within(0.0, 1.0)),
            gamma: params.float("gamma", Some(0.1), Range::AboveUpTo(0.0, 1.0)),
        }
    }
}

impl Schedule for Step {
    fn factor(&self, at: Progress) -> f64 {
        // The order of the milestones does not matter: the ones that are past are counted.
        let past = self.milestones.iter().filter(|milestone| at.used >= **milestone).count();
        self.gamma.powi(past as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_milestone_multiplies_by_gamma_from_its_share_on() {
        let step = Step { milestones: vec![0.75, 0.5], gamma: 0.5 };
        for (used, factor) in [(0.0, 1.0), (0.49, 1.0), (0.5, 0.5), (0.74, 0.5), (0.75, 0.25), (1.0, 0.25)] {
            assert_eq!(step.factor(Progress { step: 7, used }), factor, "{used}");
        }
    }
}
