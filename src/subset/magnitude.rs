//! Single weights of convolutions and linear layers by their size at the start (Zhou et al. 2019, large initial weights).
//!
//! The score is |w| of the base, whatever the background. All layers are ordered together, so inits with a small deviation
//! lose; `in` chooses layers. Biases and batch-norm are not among them.

use super::scored::{self, End};
use super::{amount_label, Pattern, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::Result;
use crate::params::Amount;

struct Magnitude {
    amount: Amount,
    end: End,
    layers: Pattern,
}

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "magnitude",
    summary:
        "single weights by |w| at the start: `{ magnitude = 1000, which = \"largest\" | \"smallest\", in = \"*\" }`",
    reference: "Zhou et al. 2019",
    build: |params, _| {
        let amount = params.amount("magnitude", None);
        Ok(Box::new(Magnitude { amount, end: End::read(params), layers: Pattern(params.text("in", Some("*"))) }))
    },
};

impl Selector for Magnitude {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        let (places, count) = scored::places(request, &self.layers, self.amount, &self.label())?;
        let weights = request.untrained.weights();
        Ok(scored::mark_best(places, count, self.end, weights.len(), |place| weights[place].abs()))
    }

    fn label(&self) -> String {
        amount_label(&format!("{}magnitude", self.end.label()), self.amount, &self.layers)
    }
}
