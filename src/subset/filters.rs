//! Whole filters of each convolution, weights and bias together (Rosenfeld & Tsotsos 2018).
//!
//! A fraction is truncated to `int(n * fraction)` filters of each convolution; a convolution that is the classifier is
//! left to `classifier`. The paper trains the last filters.

use super::{amount_label, layers_hint, Pattern, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::graph::ParameterKind;
use crate::params::Amount;

struct Filters {
    amount: Amount,
    which: &'static str,
    layers: Pattern,
}

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "filters",
    summary: "filters of each convolution: `{ filters = 0.25, which = \"last\" | \"first\" | \"random\", in = \"*\" }`",
    reference: "Rosenfeld & Tsotsos 2018",
    build: |params, _| {
        Ok(Box::new(Filters {
            amount: params.amount("filters", None),
            which: params.choice("which", Some("last"), &["last", "first", "random"]),
            layers: Pattern(params.text("in", Some("*"))),
        }))
    },
};

impl Selector for Filters {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        let mut marks = vec![false; request.graph.parameter_count()];
        let (mut any, mut matched) = (false, false);
        for parameter in &request.graph.parameters {
            let of_conv = matches!(parameter.kind, ParameterKind::ConvWeight | ParameterKind::ConvBias);
            if !of_conv || parameter.classifier || !self.layers.matches(&parameter.layer) {
                continue;
            }
            matched = true;
            let n = parameter.shape[0];
            let count = self.amount.of(n);
            let chosen: Vec<usize> = match self.which {
                "last" => (n - count..n).collect(),
                "first" => (0..count).collect(),
                // The stream is addressed by the layer, so that weight and bias of a filter go together.
                _ => request.seed.child(&parameter.layer).rng().choose(n, count),
            };
            for filter in chosen {
                let start = parameter.offset + filter * parameter.filter_len();
                marks[start..start + parameter.filter_len()].fill(true);
                any = true;
            }
        }
        match (any, matched) {
            (true, _) => Ok(marks),
            (false, true) => Err(Error::Subset(format!(
                "`{}` takes no filter of any convolution: a fraction is truncated, so give a larger one or a count",
                self.label()
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
        let which = if self.which == "last" { "filters".to_string() } else { format!("{}-filters", self.which) };
        amount_label(&which, self.amount, &self.layers)
    }
}
