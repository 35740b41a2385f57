//! Every scalar: nothing is frozen.

use super::{Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::Result;

struct All(bool);

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "all",
    summary: "every weight: `{ all = true }`",
    reference: "full training",
    build: |params, _| Ok(Box::new(All(params.boolean("all", true)))),
};

impl Selector for All {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        Ok(vec![self.0; request.graph.parameter_count()])
    }

    fn label(&self) -> String {
        "all".to_string()
    }
}
