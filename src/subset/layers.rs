//! All weights of the layers whose name fits a pattern, batch-norm layers included.

use super::{mark_parameters, Pattern, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::Result;

struct Layers(Pattern);

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "layers",
    summary: "whole layers by name: `{ layers = \"conv*\" }` (`*` any characters, `?` one)",
    reference: "Rosenfeld & Tsotsos 2018, single layers",
    build: |params, _| Ok(Box::new(Layers(Pattern(params.text("layers", None))))),
};

impl Selector for Layers {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        mark_parameters(request.graph, &self.label(), |parameter| self.0.matches(&parameter.layer))
    }

    fn label(&self) -> String {
        format!("layers={}", self.0 .0)
    }
}
