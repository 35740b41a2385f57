//! A multi-layer perceptron: linear layers with relu between them.
//!
//! `hidden = [200, 200]` on 28x28x1 has 199,210 parameters (Li et al. 2018), `hidden = [128]` has 101,770.

use super::Model;
use crate::entry::Entry;
use crate::error::Result;
use crate::graph::{GraphBuilder, NodeId};

struct Mlp {
    hidden: Vec<usize>,
}

/// The row of this model.
pub const ENTRY: Entry<dyn Model> = Entry {
    name: "mlp",
    summary: "linear layers with relu; `hidden` = [200, 200]",
    reference: "Li et al. 2018",
    build: |params, ()| {
        let hidden = params.integers("hidden", &[200, 200], 1..=65_536);
        Ok(Box::new(Mlp { hidden: hidden.into_iter().map(|units| units as usize).collect() }))
    },
};

impl Model for Mlp {
    fn build(&self, g: &mut GraphBuilder, images: NodeId, classes: usize) -> Result<NodeId> {
        let mut x = g.flatten(images, "flatten")?;
        for (i, units) in (1..).zip(&self.hidden) {
            x = g.linear(x, &format!("fc{i}"), *units, true)?;
            x = g.relu(x, &format!("relu{i}"))?;
        }
        g.linear(x, &format!("fc{}", self.hidden.len() + 1), classes, true)
    }
}
