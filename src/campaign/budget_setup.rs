//! `[budget]`, or a learner's own, as it is written: epochs become steps once the learner's batch is known.

use crate::learner::{Budget, Epochs};
use crate::params::{Params, Range};

/// Most epochs of a budget.
const MAX_EPOCHS: u64 = 1_000_000;

/// Limits as they are written; at least one is set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct BudgetSetup {
    epochs: Option<u64>,
    others: Budget,
}

impl BudgetSetup {
    /// Reads a table of limits.
    pub(super) fn read(params: &Params<'_>) -> Self {
        let budget = BudgetSetup {
            epochs: params.optional_integer("epochs", 1..=MAX_EPOCHS),
            others: Budget {
                epochs: None,
                images: params.optional_integer("images", 1..=i64::MAX as u64),
                steps: params.optional_integer("steps", 1..=i64::MAX as u64),
                macs: params.optional_integer("macs", 1..=i64::MAX as u64),
                seconds: params.optional_float("seconds", Range::Above(0.0)),
            },
        };
        if budget == BudgetSetup::default() {
            params.problem("", "the budget has no limit: give `epochs`, `images`, `steps`, `macs` or `seconds`", None);
        }
        budget
    }

    /// The limits of a learner with batches of `batch` of `images` training images.
    pub(super) fn of(self, images: u64, batch: u64) -> Budget {
        Budget { epochs: self.epochs.map(|count| Epochs::new(count, images, batch)), ..self.others }
    }
}
