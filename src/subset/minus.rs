//! What the first of several selectors selects and no other does.

use super::{parts, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::Result;

struct Minus(Vec<Box<dyn Selector>>);

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "minus",
    summary: "the first part without the others: `{ minus = [{ all = true }, { classifier = true }] }`",
    reference: "set algebra",
    build: |params, selectors| Ok(Box::new(Minus(selectors.read_list(params, "minus")))),
};

impl Selector for Minus {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        let parts = parts(&self.0, request)?;
        let Some((first, others)) = parts.split_first() else {
            return Ok(vec![false; request.graph.parameter_count()]);
        };
        Ok((0..first.len()).map(|i| first[i] && !others.iter().any(|part| part[i])).collect())
    }

    fn label(&self) -> String {
        self.0.iter().map(|part| part.label()).collect::<Vec<_>>().join("-")
    }
}
