//! Cutting convolutions: which filters, or which input channels, of each are trained.

use super::Pattern;
use crate::graph::{Graph, Parameter, ParameterKind};
use crate::params::Params;

/// The dimension of a convolution's weight (filters, channels, k, k) that is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slice {
    /// Filters: weights and bias of each that is chosen.
    Output,
    /// Input channels: what all filters read of each that is chosen. A bias belongs to no input channel and stays frozen;
    /// Rosenfeld & Tsotsos cut so only DenseNet, whose convolutions have none.
    Input,
}

/// What was chosen.
pub(super) struct Cut {
    /// One mark for each scalar of the graph (p).
    pub marks: Vec<bool>,
    /// Whether the pattern fits a convolution.
    pub matched: bool,
}

impl Slice {
    /// Reads the key `slice`.
    pub fn read(params: &Params<'_>) -> Self {
        match params.choice("slice", Some("output"), &["output", "input"]) {
            "output" => Slice::Output,
            _ => Slice::Input,
        }
    }

    /// Start of labels: nothing for filters.
    pub fn label(self) -> &'static str {
        match self {
            Slice::Output => "",
            Slice::Input => "input-",
        }
    }

    /// Marks what `choose` takes of each convolution; it is given the layer and the number of its filters or input
    /// channels. A convolution that is the classifier is left to `classifier`.
    pub fn cut(self, graph: &Graph, layers: &Pattern, choose: impl Fn(&str, usize) -> Vec<usize>) -> Cut {
        let mut cut = Cut { marks: vec![false; graph.parameter_count()], matched: false };
        for parameter in &graph.parameters {
            let cuts = match parameter.kind {
                ParameterKind::ConvWeight => true,
                ParameterKind::ConvBias => self == Slice::Output,
                _ => false,
            };
            if !cuts || parameter.classifier || !layers.matches(&parameter.layer) {
                continue;
            }
            cut.matched = true;
            let n = parameter.shape[self as usize];
            for index in choose(&parameter.layer, n) {
                self.mark(parameter, index, &mut cut.marks);
            }
        }
        cut
    }

    /// Marks one filter or input channel of a parameter.
    fn mark(self, parameter: &Parameter, index: usize, marks: &mut [bool]) {
        let run: usize = parameter.shape[self as usize + 1..].iter().product();
        let rows: usize = parameter.shape[..self as usize].iter().product();
        let row = parameter.len() / rows;
        for at in (0..rows).map(|i| parameter.offset + i * row + index * run) {
            marks[at..at + run].fill(true);
        }
    }
}
