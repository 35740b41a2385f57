//! Single weights of convolutions and linear layers by the gradient g of the untrained network's loss.
//!
//! The score is |g|, or the connection sensitivity |w g| of SNIP (Lee, Ajanthan & Torr 2019; their normalisation does not change
//! the order). The loss is the mean negative log-likelihood of the base on the first `images` training images as one
//! batch, whatever the background and whatever the learners minimise. All layers are ordered together; biases and batch-norm
//! are not among them.

use super::scored::{self, End};
use super::{amount_label, Pattern, Selector, Selectors, SubsetRequest};
use crate::entry::Entry;
use crate::error::Result;
use crate::params::Amount;

struct Gradient {
    amount: Amount,
    of: &'static str,
    images: usize,
    end: End,
    layers: Pattern,
}

/// The row of this selector.
pub const ENTRY: Entry<dyn Selector, Selectors> = Entry {
    name: "gradient",
    summary: "weights by |dL/dw|: `{ gradient = 1000, of = \"gradient\" | \"saliency\", images = 512, which, in }`",
    reference: "Lee, Ajanthan & Torr 2019, SNIP",
    build: |params, _| {
        Ok(Box::new(Gradient {
            amount: params.amount("gradient", None),
            of: params.choice("of", Some("gradient"), &["gradient", "saliency"]),
            images: params.integer("images", Some(512), 1..=1 << 20) as usize,
            end: End::read(params),
            layers: Pattern(params.text("in", Some("*"))),
        }))
    },
};

impl Selector for Gradient {
    fn select(&self, request: &SubsetRequest<'_>) -> Result<Vec<bool>> {
        let (places, count) = scored::places(request, &self.layers, self.amount, &self.label())?;
        let gradient = request.untrained.gradient(self.images)?;
        let total = gradient.len();
        Ok(if self.of == "gradient" {
            scored::mark_best(places, count, self.end, total, |place| gradient[place].abs())
        } else {
            let weights = request.untrained.weights();
            scored::mark_best(places, count, self.end, total, |place| (weights[place] * gradient[place]).abs())
        })
    }

    fn label(&self) -> String {
        amount_label(&format!("{}{}", self.end.label(), self.of), self.amount, &self.layers)
    }
}
