//! Every scalar: nothing is frozen.

use super::{read_flag, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::Result;

struct All;

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "all",
    summary: "every weight: `{ all = true }`",
    reference: "full training",
    build: |params, _| {
        read_flag(params, "all");
        Ok(Box::new(All))
    },
};

impl Selector for All {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        Ok(vec![true; request.graph.parameter_count()])
    }

    fn label(&self) -> String {
        "all".to_string()
    }
}
