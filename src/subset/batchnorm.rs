//! All scales and shifts of batch-norm layers (Frankle, Schwab & Morcos 2021).

use super::{mark_parameters, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::Result;
use crate::graph::ParameterKind;

struct BatchNorm(bool);

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "batchnorm",
    summary: "batch-norm scales and shifts: `{ batchnorm = true }`",
    reference: "Frankle, Schwab & Morcos 2021",
    build: |params, _| Ok(Box::new(BatchNorm(params.boolean("batchnorm", true)))),
};

impl Selector for BatchNorm {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        if !self.0 {
            return Ok(vec![false; request.graph.parameter_count()]);
        }
        mark_parameters(request.graph, "batchnorm", |parameter| {
            matches!(parameter.kind, ParameterKind::BatchNormScale | ParameterKind::BatchNormShift)
        })
    }

    fn label(&self) -> String {
        "batchnorm".to_string()
    }
}
