//! Li, Farkhoor, Liu & Yosinski 2018, "Measuring the Intrinsic Dimension of Objective Landscapes": the command of the public
//! code, `-E 100 --opt adam --lr 0.001 --l2 1e-05`, with the defaults of its parser (batch 128, beta2 0.99).
//!
//! Its `l2` is the penalty `1e-5 |W|^2` on the kernels that the network computes with, biases apart, so the gradient has
//! `2e-5 W`: a `weight_decay` of 2e-5. Here decay acts on what is trained: on biases too, and in a subspace on the coordinates
//! (for columns of length one the same but for the pull of the base).

use super::Recipe;
use crate::entry::Entry;
use crate::record::Method;

pub(super) const ENTRY: Entry<Recipe> = Entry {
    name: "li-subspace",
    summary: "Adam 1e-3 with beta2 0.99, batch 128, 100 epochs, decay 2e-5 (their l2 of 1e-5)",
    reference: "Li et al. 2018, public code",
    build: |_, ()| {
        Ok(Box::new(Recipe {
            method: Method::Backprop,
            keys: "batch = 128
optimizer = { name = \"adam\", lr = 0.001, beta2 = 0.99, weight_decay = 2e-5 }
schedule = \"constant\"
budget = { epochs = 100 }",
        }))
    },
};
