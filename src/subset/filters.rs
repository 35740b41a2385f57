//! Whole filters of each convolution, weights and bias together, or input channels (Rosenfeld & Tsotsos 2018).
//!
//! A fraction is truncated to `int(n * fraction)` filters of each convolution, a count above `n` is all of them; a
//! convolution that is the classifier is left to `classifier`. The paper trains the last filters.

use super::slice::Slice;
use super::{amount_label, layers_hint, Pattern, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::params::Amount;

struct Filters {
    amount: Amount,
    which: &'static str,
    slice: Slice,
    layers: Pattern,
}

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "filters",
    summary: "filters of each convolution: `{ filters = 0.25, which = \"last\" | \"first\" | \"random\", slice, in }`",
    reference: "Rosenfeld & Tsotsos 2018",
    build: |params, _| {
        Ok(Box::new(Filters {
            amount: params.amount("filters", None),
            which: params.choice("which", Some("last"), &["last", "first", "random"]),
            slice: Slice::read(params),
            layers: Pattern(params.text("in", Some("*"))),
        }))
    },
};

impl Selector for Filters {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        let cut = self.slice.cut(request.graph, &self.layers, |layer, n| {
            let count = self.amount.of(n);
            match self.which {
                "last" => (n - count..n).collect(),
                "first" => (0..count).collect(),
                // The stream is addressed by the layer, so that weight and bias of a filter go together.
                _ => request.seed.child(layer).rng().choose(n, count),
            }
        });
        match (cut.marks.contains(&true), cut.matched) {
            (true, _) => Ok(cut.marks),
            (false, true) => Err(Error::Subset(format!(
                "`{}` takes no {} of any convolution: a fraction is truncated, so give a larger one or a count",
                self.label(),
                if self.slice == Slice::Output { "filter" } else { "input channel" }
            ))),
            (false, false) => Err(Error::Subset(format!(
                "`{}` finds no convolution matching `{}` (the classifier apart){}",
                self.label(),
                self.layers.0,
                layers_hint(request.graph)
            ))),
        }
    }

    fn label(&self) -> String {
        let which = if self.which == "last" { String::new() } else { format!("{}-", self.which) };
        amount_label(&format!("{which}{}filters", self.slice.label()), self.amount, &self.layers)
    }
}
