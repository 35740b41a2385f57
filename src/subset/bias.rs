//! All biases of convolutions and linear layers; batch-norm shifts are not biases.

use super::{mark_parameters, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::Result;
use crate::graph::ParameterKind;

struct Bias(bool);

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "bias",
    summary: "biases of convolutions and linear layers: `{ bias = true }`",
    reference: "Williams et al. 2024",
    build: |params, _| Ok(Box::new(Bias(params.boolean("bias", true)))),
};

impl Selector for Bias {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        if !self.0 {
            return Ok(vec![false; request.graph.parameter_count()]);
        }
        mark_parameters(request.graph, "bias", |parameter| {
            matches!(parameter.kind, ParameterKind::ConvBias | ParameterKind::LinearBias)
        })
    }

    fn label(&self) -> String {
        "bias".to_string()
    }
}
