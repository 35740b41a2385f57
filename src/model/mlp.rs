//! A multi-layer perceptron: linear layers with relu between them.
//!
//! `hidden = [200, 200]` has 199,210 parameters on 28x28x1 and 656,810 on 32x32x3 (Li et al. 2018), `hidden = [128]` has 101,770
//! and 394,634 (Gressmann et al. 2020). No batch-norm: it is for images.

use super::layers::Layers;
use super::style::Style;
use super::Model;
use crate::entry::Entry;
use crate::error::Result;
use crate::graph::{GraphBuilder, NodeId};

struct Mlp {
    hidden: Vec<usize>,
    style: Style,
}

/// The row of this model.
pub const ENTRY: Entry<dyn Model> = Entry {
    name: "mlp",
    summary: "linear layers with relu; `hidden` = [200, 200]",
    reference: "Li et al. 2018",
    build: |params, ()| {
        let hidden = params.integers("hidden", &[200, 200], 1..=65_536);
        let style = Style::read(params, false);
        if style.batchnorm {
            let message =
                format!("`{}.batchnorm` = true: must be false: batch-norm is for images, not for `mlp`", params.path());
            params.problem("batchnorm", message, None);
        }
        Ok(Box::new(Mlp { hidden: hidden.into_iter().map(|units| units as usize).collect(), style }))
    },
};

impl Model for Mlp {
    fn build(&self, g: &mut GraphBuilder, images: NodeId, classes: usize) -> Result<NodeId> {
        let mut net = Layers::new(g, &self.style, images);
        let mut x = net.graph.flatten(images, "flatten")?;
        for (i, units) in (1..).zip(&self.hidden) {
            x = net.hidden(x, &format!("fc{i}"), *units)?;
            x = net.activation(x, "", i)?;
        }
        net.graph.linear(x, &format!("fc{}", self.hidden.len() + 1), classes, true)
    }
}
