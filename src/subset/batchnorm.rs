//! All scales and shifts of batch-norm layers (Frankle, Schwab & Morcos 2021).

use super::{mark_parameters, read_flag, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::Result;

struct BatchNorm;

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "batchnorm",
    summary: "batch-norm scales and shifts: `{ batchnorm = true }`",
    reference: "Frankle, Schwab & Morcos 2021",
    build: |params, _| {
        read_flag(params, "batchnorm");
        Ok(Box::new(BatchNorm))
    },
};

impl Selector for BatchNorm {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        mark_parameters(request.graph, "batchnorm", |parameter| parameter.kind.is_batchnorm())
    }

    fn label(&self) -> String {
        "batchnorm".to_string()
    }
}
