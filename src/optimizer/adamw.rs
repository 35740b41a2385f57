//! AdamW: Adam with weight decay on the weights instead of in the gradient (Loshchilov & Hutter 2019).
//!
//! `w *= 1 - lr * weight_decay`, then Adam's step. Default decay 0.01, as in `torch.optim.AdamW`.

use super::adam::decay_key;
use super::{Adam, Decay, Optimizer};
use crate::entry::Entry;

pub(super) const ENTRY: Entry<dyn Optimizer, usize> = Entry {
    name: "adamw",
    summary: "Adam with weight decay on the weights themselves",
    reference: "Loshchilov & Hutter 2019",
    build: |params, k| Ok(Box::new(Adam::read(params, *k, 0.001, |p| Decay::Weights(decay_key(p, 0.01))))),
};
