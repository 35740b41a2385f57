//! What Rosenfeld & Tsotsos 2018 train, as their published code does it.
//!
//! The last `int(n * part)` filters of each convolution, or a count of them, with their biases; and the classifier and all of
//! batch-norm, where there is any (their `--learn-bn`). 0 is allowed: batch-norm and classifier alone. With `slice =
//! "input"` (their `--dim-slice 1`) `n` counts input channels, of the first convolution those of the image. Two things
//! differ: their code reads a part of 1.0 as one filter, here it is all; and it refuses a count above `n`, here it is `n`.

use super::slice::Slice;
use super::{amount_label, Pattern, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::Result;
use crate::params::Amount;

struct Rosenfeld {
    part: Amount,
    slice: Slice,
    batchnorm: bool,
    classifier: bool,
}

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "rosenfeld",
    summary: "last filters, batch-norm, classifier: `{ rosenfeld = 0.1, slice = \"output\" | \"input\", batchnorm, classifier }`",
    reference: "Rosenfeld & Tsotsos 2018",
    build: |params, _| {
        Ok(Box::new(Rosenfeld {
            part: params.amount_or_zero("rosenfeld"),
            slice: Slice::read(params),
            batchnorm: params.boolean("batchnorm", true),
            classifier: params.boolean("classifier", true),
        }))
    },
};

impl Selector for Rosenfeld {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        let everywhere = Pattern("*".to_string());
        let last = |_: &str, n: usize| (n - self.part.of(n)..n).collect();
        let mut marks = self.slice.cut(request.graph, &everywhere, last).marks;
        for parameter in &request.graph.parameters {
            if self.batchnorm && parameter.kind.is_batchnorm() || self.classifier && parameter.classifier {
                marks[parameter.range()].fill(true);
            }
        }
        Ok(marks)
    }

    fn label(&self) -> String {
        let label = amount_label(&format!("{}rosenfeld", self.slice.label()), self.part, &Pattern("*".to_string()));
        let without = |part: &str, trained: bool| if trained { String::new() } else { format!("-{part}") };
        format!("{label}{}{}", without("batchnorm", self.batchnorm), without("classifier", self.classifier))
    }
}
