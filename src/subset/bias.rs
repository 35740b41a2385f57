//! All biases of convolutions and linear layers; batch-norm shifts are not biases.

use super::{mark_parameters, read_flag, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::Result;
use crate::graph::ParameterKind;

struct Bias;

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "bias",
    summary: "biases of convolutions and linear layers: `{ bias = true }`",
    reference: "Williams et al. 2024",
    build: |params, _| {
        read_flag(params, "bias");
        Ok(Box::new(Bias))
    },
};

impl Selector for Bias {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        mark_parameters(request.graph, "bias", |parameter| {
            matches!(parameter.kind, ParameterKind::ConvBias | ParameterKind::LinearBias)
        })
    }

    fn label(&self) -> String {
        "bias".to_string()
    }
}
