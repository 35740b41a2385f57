//! Single weights of convolutions and linear layers, drawn at random without regard to filters.
//!
//! The same seed gives the same weights. Biases and batch-norm are not among them.

use super::{amount_label, scored, Pattern, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::Result;
use crate::params::Amount;

struct Weights {
    amount: Amount,
    layers: Pattern,
}

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "weights",
    summary: "single weights at random, in all layers together: `{ weights = 1000, in = \"*\" }`",
    reference: "Frankle, Schwab & Morcos 2021, random parameters",
    build: |params, _| {
        let amount = params.amount("weights", None);
        Ok(Box::new(Weights { amount, layers: Pattern(params.text("in", Some("*"))) }))
    },
};

impl Selector for Weights {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        let (places, count) = scored::places(request, &self.layers, self.amount, &self.label())?;
        let mut marks = vec![false; request.graph.parameter_count()];
        for i in request.seed.child("weights").rng().choose(places.len(), count) {
            marks[places[i]] = true;
        }
        Ok(marks)
    }

    fn label(&self) -> String {
        amount_label("weights", self.amount, &self.layers)
    }
}
