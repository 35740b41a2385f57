//! Weight and bias of the layer that makes the logits.

use super::{mark_parameters, read_flag, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::Result;

struct Classifier;

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "classifier",
    summary: "the layer that makes the logits: `{ classifier = true }`",
    reference: "Rosenfeld & Tsotsos 2018",
    build: |params, _| {
        read_flag(params, "classifier");
        Ok(Box::new(Classifier))
    },
};

impl Selector for Classifier {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        mark_parameters(request.graph, "classifier", |parameter| parameter.classifier)
    }

    fn label(&self) -> String {
        "classifier".to_string()
    }
}
