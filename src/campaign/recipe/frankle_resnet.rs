//! Frankle, Schwab & Morcos 2021, "Training BatchNorm and Only BatchNorm": the defaults of the CIFAR residual networks of
//! `open_lth`, the public code that names the paper.
//!
//! There augmentation is `crop-flip` with its defaults, and the init is `he-normal` with `batchnorm = "uniform"`.

use super::Recipe;
use crate::entry::Entry;
use crate::record::Method;

pub(super) const ENTRY: Entry<Recipe> = Entry {
    name: "frankle-resnet",
    summary: "SGD 0.1, x 0.1 at 80 and 120 of 160 epochs, batch 128, decay 1e-4; the init's batch-norm is `uniform`",
    reference: "Frankle, Schwab & Morcos 2021; open_lth",
    build: |_, ()| {
        Ok(Box::new(Recipe {
            method: Method::Backprop,
            keys: "batch = 128
optimizer = { name = \"sgd\", lr = 0.1, momentum = 0.9, weight_decay = 1e-4 }
schedule = { name = \"step\", milestones = [0.5, 0.75], gamma = 0.1 }
budget = { epochs = 160 }",
        }))
    },
};
