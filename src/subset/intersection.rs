//! What all of several selectors select.

use super::{files, join_labels, parts, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::Result;
use crate::params::NamedFile;

struct Intersection(Vec<Box<dyn Selector>>);

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "intersection",
    summary: "what all parts select: `{ intersection = [{ filters = 4 }, { weights = 0.5 }] }`",
    reference: "set algebra",
    build: |params, selectors| Ok(Box::new(Intersection(selectors.read_parts(params, "intersection")))),
};

impl Selector for Intersection {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        let parts = parts(&self.0, request)?;
        let in_all = |i| parts.iter().all(|part| part[i]);
        Ok((0..request.graph.parameter_count()).map(in_all).collect())
    }

    fn label(&self) -> String {
        format!("({})", join_labels(&self.0, "&"))
    }

    fn files(&self) -> Vec<NamedFile> {
        files(&self.0)
    }
}
