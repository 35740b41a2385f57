//! The subset as a named object: spans in the order of the flat weight vector; gene `i` is the i-th scalar of the spans.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::graph::{Graph, ParameterKind};

/// A run of trained scalars within one filter (or one row of a linear layer, or one bias or batch-norm vector).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Name of the parameter, as in `conv1.weight`.
    pub parameter: String,
    /// Name of the layer, as in `conv1`.
    pub layer: String,
    /// What the parameter is.
    pub kind: ParameterKind,
    /// Filter, output unit or channel that the first scalar belongs to; spans of weights never leave their filter.
    pub filter: usize,
    /// First index within the parameter.
    pub offset: usize,
    /// Number of scalars.
    pub length: usize,
    /// Index of its first gene in the genome.
    pub gene: usize,
    /// First index in the flat vector of all weights.
    pub position: usize,
    /// Inputs of one output unit of the layer.
    pub fan_in: usize,
}

/// A named set of trained scalars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subset {
    /// Label, as in `batchnorm+classifier`.
    pub name: String,
    /// Number of trained scalars (k).
    pub size: usize,
    /// Ascending in `position` and `gene`, never overlapping; none where genes are the coordinates of a subspace.
    pub spans: Vec<Span>,
}

impl Subset {
    /// The subset that trains the scalars marked `true`; `marks` has one entry for each scalar of the graph. Marks on
    /// parameters that are never trained count for nothing.
    ///
    /// # Errors
    /// If nothing is marked.
    pub fn from_marks(name: impl Into<String>, graph: &Graph, marks: &[bool]) -> Result<Self> {
        assert_eq!(marks.len(), graph.parameter_count(), "one mark for each scalar");
        let mut spans: Vec<Span> = Vec::new();
        let mut gene = 0;
        for parameter in graph.parameters.iter().filter(|parameter| parameter.trainable()) {
            // Weights are cut at their filters; biases and batch-norm vectors have one scalar a filter and stay whole.
            let per_filter = parameter.filter_len();
            let row = if parameter.shape.len() == 1 { parameter.len() } else { per_filter };
            let mut start = 0;
            while start < parameter.len() {
                let end = start + row;
                let mut at = start;
                while at < end {
                    let marked = |i: &usize| marks[parameter.offset + i];
                    let Some(first) = (at..end).find(marked) else { break };
                    let last = (first..end).find(|i| !marked(i)).unwrap_or(end);
                    spans.push(Span {
                        parameter: parameter.name.clone(),
                        layer: parameter.layer.clone(),
                        kind: parameter.kind,
                        filter: first / per_filter,
                        offset: first,
                        length: last - first,
                        gene,
                        position: parameter.offset + first,
                        fan_in: parameter.fan_in,
                    });
                    gene += last - first;
                    at = last;
                }
                start = end;
            }
        }
        if gene == 0 {
            return Err(Error::Subset("it selects no weight at all".to_string()));
        }
        Ok(Subset { name: name.into(), size: gene, spans })
    }

    /// `size` genes that belong to no single weight: the coordinates of a subspace.
    pub fn without_places(name: impl Into<String>, size: usize) -> Self {
        Subset { name: name.into(), size, spans: Vec::new() }
    }

    /// Copies the subset's scalars out of the flat vector of all weights.
    pub fn gather(&self, weights: &[f32]) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.size);
        for span in &self.spans {
            values.extend_from_slice(&weights[span.position..span.position + span.length]);
        }
        values
    }

    /// Writes `values` (k) into their places in the flat vector of all weights.
    pub fn scatter(&self, values: &[f32], weights: &mut [f32]) {
        assert_eq!(values.len(), self.size, "one value for each trained scalar");
        for span in &self.spans {
            weights[span.position..span.position + span.length]
                .copy_from_slice(&values[span.gene..span.gene + span.length]);
        }
    }

    /// One mark for each of `total` scalars.
    pub fn marks(&self, total: usize) -> Vec<bool> {
        let mut marks = vec![false; total];
        for span in &self.spans {
            marks[span.position..span.position + span.length].fill(true);
        }
        marks
    }
}
