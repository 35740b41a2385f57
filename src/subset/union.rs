//! What any of several selectors selects.

use super::{files, join_labels, unite, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::Result;
use crate::params::NamedFile;

struct Union(Vec<Box<dyn Selector>>);

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "union",
    summary: "what any part selects: `{ union = [{ batchnorm = true }, { bias = true }] }`",
    reference: "set algebra",
    build: |params, selectors| Ok(Box::new(Union(selectors.read_parts(params, "union")))),
};

impl Selector for Union {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        unite(&self.0, request)
    }

    fn label(&self) -> String {
        format!("({})", join_labels(&self.0, "+"))
    }

    fn files(&self) -> Vec<NamedFile> {
        files(&self.0)
    }
}
