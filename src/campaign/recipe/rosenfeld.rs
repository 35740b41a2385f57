//! Rosenfeld & Tsotsos 2018, "Intriguing Properties of Randomly Weighted Networks": SGD with momentum 0.9 and steps.
//!
//! From the commands that their public notebooks print. Augmentation is `crop-flip` with its defaults; the wide residual
//! network has dropout 0.3. They train on all 50,000 training images and report the best epoch on the test images.

use super::Recipe;
use crate::entry::Entry;
use crate::record::Method;

/// 164 epochs, x 0.1 after 81 and 122.
const SHORT: Recipe = Recipe {
    method: Method::Backprop,
    keys: "batch = 128
optimizer = { name = \"sgd\", lr = 0.1, momentum = 0.9, weight_decay = 1e-4 }
schedule = { name = \"step\", milestones = [0.49390243902439024, 0.7439024390243902], gamma = 0.1 }
budget = { epochs = 164 }",
};

/// The source's network file says that without batch-norm the learning rate should start at 0.01; its commands say 0.1.
pub(super) const ALEXNET: Entry<Recipe> = Entry {
    name: "rosenfeld-alexnet",
    summary: "SGD 0.1, x 0.1 at 81 and 122 of 164 epochs, batch 128, decay 1e-4 (a comment in the source: 0.01)",
    reference: "Rosenfeld & Tsotsos 2018, public code",
    build: |_, ()| Ok(Box::new(SHORT)),
};

pub(super) const DENSENET: Entry<Recipe> = Entry {
    name: "rosenfeld-densenet",
    summary: "SGD 0.1, x 0.1 at 150 and 225 of 300 epochs, batch 64, decay 1e-4",
    reference: "Rosenfeld & Tsotsos 2018, public code",
    build: |_, ()| {
        Ok(Box::new(Recipe {
            method: Method::Backprop,
            keys: "batch = 64
optimizer = { name = \"sgd\", lr = 0.1, momentum = 0.9, weight_decay = 1e-4 }
schedule = { name = \"step\", milestones = [0.5, 0.75], gamma = 0.1 }
budget = { epochs = 300 }",
        }))
    },
};

pub(super) const VGG: Entry<Recipe> = Entry {
    name: "rosenfeld-vgg",
    summary: "SGD 0.1, x 0.1 at 81 and 122 of 164 epochs, batch 128, decay 1e-4",
    reference: "Rosenfeld & Tsotsos 2018, public code",
    build: |_, ()| Ok(Box::new(SHORT)),
};

pub(super) const WRN: Entry<Recipe> = Entry {
    name: "rosenfeld-wrn",
    summary: "SGD 0.1, x 0.2 at 60, 120 and 160 of 200 epochs, batch 128, decay 5e-4; the model's dropout is 0.3",
    reference: "Rosenfeld & Tsotsos 2018, public code",
    build: |_, ()| {
        Ok(Box::new(Recipe {
            method: Method::Backprop,
            keys: "batch = 128
optimizer = { name = \"sgd\", lr = 0.1, momentum = 0.9, weight_decay = 5e-4 }
schedule = { name = \"step\", milestones = [0.3, 0.6, 0.8], gamma = 0.2 }
budget = { epochs = 200 }",
        }))
    },
};

/// The learning rate of these runs is not known; left out here, it is that of `sgd`, 0.1, as in the others.
pub(super) const WRN_SMALL_IMAGENET: Entry<Recipe> = Entry {
    name: "rosenfeld-wrn-small-imagenet",
    summary: "SGD (rate not known), x 0.1 at 41 and 71 of 80 epochs, batch 128, decay 1e-4; 64x64 images",
    reference: "Rosenfeld & Tsotsos 2018, public code",
    build: |_, ()| {
        Ok(Box::new(Recipe {
            method: Method::Backprop,
            keys: "batch = 128
optimizer = { name = \"sgd\", momentum = 0.9, weight_decay = 1e-4 }
schedule = { name = \"step\", milestones = [0.5125, 0.8875], gamma = 0.1 }
budget = { epochs = 80 }",
        }))
    },
};
