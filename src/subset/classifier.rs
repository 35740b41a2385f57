//! Weight and bias of the layer that makes the logits.

use super::{mark_parameters, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::Result;

struct Classifier(bool);

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "classifier",
    summary: "the layer that makes the logits: `{ classifier = true }`",
    reference: "Rosenfeld & Tsotsos 2018",
    build: |params, _| Ok(Box::new(Classifier(params.boolean("classifier", true)))),
};

impl Selector for Classifier {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        if !self.0 {
            return Ok(vec![false; request.graph.parameter_count()]);
        }
        mark_parameters(request.graph, "classifier", |parameter| parameter.classifier)
    }

    fn label(&self) -> String {
        "classifier".to_string()
    }
}
