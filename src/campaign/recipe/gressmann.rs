//! Gressmann, Eaton-Rosen & Luschi 2020, "Improving Neural Network Training in Low Dimensional Random Bases": plain SGD in a
//! random basis of 250 directions of length one, fixed (FPD) or redrawn each step (RBD), 160 epochs.
//!
//! From the public configuration, where a learning rate is `base * batch` with a base tuned for each network and data set:
//! 2^-5 to 2^-9, times 32. It augments MNIST-like images by a crop with padding 3 and random brightness, and CIFAR-10 by
//! `crop-flip`; the script for fixed bases that is published runs 100 epochs, the paper's table is of 160.

use super::Recipe;
use crate::entry::Entry;
use crate::record::Method;

/// A row: network and data set, learning rate.
macro_rules! row {
    ($name:literal, $lr:literal) => {
        Entry {
            name: concat!("gressmann-", $name),
            summary: concat!("SGD ", $lr, " without momentum or schedule, batch 32, 160 epochs"),
            reference: "Gressmann et al. 2020, public code",
            build: |_, ()| {
                Ok(Box::new(Recipe {
                    method: Method::Backprop,
                    keys: concat!(
                        "batch = 32\noptimizer = { name = \"sgd\", lr = ",
                        $lr,
                        ", momentum = 0.0, weight_decay = 0.0 }\nschedule = \"constant\"\nbudget = { epochs = 160 }"
                    ),
                }))
            },
        }
    };
}

/// 32 x 2^-8.
pub(super) const CNN_CIFAR10: Entry<Recipe> = row!("cnn-cifar10", "0.125");
/// 32 x 2^-8.
pub(super) const CNN_FASHION_MNIST: Entry<Recipe> = row!("cnn-fashion-mnist", "0.125");
/// 32 x 2^-9.
pub(super) const CNN_MNIST: Entry<Recipe> = row!("cnn-mnist", "0.0625");
/// 32 x 2^-7.
pub(super) const FC_CIFAR10: Entry<Recipe> = row!("fc-cifar10", "0.25");
/// 32 x 2^-6.
pub(super) const FC_FASHION_MNIST: Entry<Recipe> = row!("fc-fashion-mnist", "0.5");
/// 32 x 2^-5.
pub(super) const FC_MNIST: Entry<Recipe> = row!("fc-mnist", "1.0");
