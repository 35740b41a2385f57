//! What the first of several selectors selects and no other does.

use super::{files, join_labels, parts, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::Result;
use crate::params::NamedFile;

struct Minus(Vec<Box<dyn Selector>>);

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "minus",
    summary: "the first part without the others: `{ minus = [{ all = true }, { classifier = true }] }`",
    reference: "set algebra",
    build: |params, selectors| Ok(Box::new(Minus(selectors.read_parts(params, "minus")))),
};

impl Selector for Minus {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        let parts = parts(&self.0, request)?;
        let (first, others) = parts.split_first().expect("a composed selector has at least one part");
        Ok((0..first.len()).map(|i| first[i] && !others.iter().any(|part| part[i])).collect())
    }

    fn label(&self) -> String {
        format!("({})", join_labels(&self.0, "-"))
    }

    fn files(&self) -> Vec<NamedFile> {
        files(&self.0)
    }
}
