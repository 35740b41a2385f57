//! The same number of random weights in each filter (output channel) of each convolution: with 2 as many as batch-norm has
//! where every convolution is followed by one (Frankle, Schwab & Morcos 2021).
//!
//! A fraction is truncated, a count above the weights of a filter is all of them. Biases are not among them; a convolution that
//! is the classifier is left to `classifier`.

use super::{amount_label, layers_hint, Pattern, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::graph::ParameterKind;
use crate::params::Amount;

struct PerChannel {
    amount: Amount,
    layers: Pattern,
}

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "per-channel",
    summary: "as many random weights of each filter of each convolution: `{ per-channel = 2, in = \"*\" }`",
    reference: "Frankle, Schwab & Morcos 2021, random parameters",
    build: |params, _| {
        let amount = params.amount("per-channel", None);
        Ok(Box::new(PerChannel { amount, layers: Pattern(params.text("in", Some("*"))) }))
    },
};

impl Selector for PerChannel {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        let mut marks = vec![false; request.graph.parameter_count()];
        let mut matched = false;
        for parameter in &request.graph.parameters {
            let of_conv = parameter.kind == ParameterKind::ConvWeight && !parameter.classifier;
            if !of_conv || !self.layers.matches(&parameter.layer) {
                continue;
            }
            matched = true;
            let (n, seed) = (parameter.filter_len(), request.seed.child(&parameter.layer));
            for filter in 0..parameter.shape[0] {
                for weight in seed.index(filter as u64).rng().choose(n, self.amount.of(n)) {
                    marks[parameter.offset + filter * n + weight] = true;
                }
            }
        }
        let refusal = match (marks.contains(&true), matched) {
            (true, _) => return Ok(marks),
            (false, true) => "takes no weight of any filter: a fraction is truncated, so give a larger one".to_string(),
            (false, false) => format!(
                "finds no convolution matching `{}` (the classifier apart){}",
                self.layers.0,
                layers_hint(request.graph)
            ),
        };
        Err(Error::Subset(format!("`{}` {refusal}", self.label())))
    }

    fn label(&self) -> String {
        amount_label("per-channel", self.amount, &self.layers)
    }
}
