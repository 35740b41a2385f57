//! Gradient descent with momentum (Polyak 1964; Sutskever et al. 2013), with the meaning of `torch.optim.SGD`.
//!
//! `g += weight_decay * w`, `v = momentum * v + g`, `w -= lr * v`; with `nesterov`, `w -= lr * (g + momentum * v)`.
//! The learning rate is outside the velocity (as in PyTorch), so a schedule acts at once.

use super::adam::decay_key;
use super::Optimizer;
use crate::entry::Entry;
use crate::error::Result;
use crate::params::{Params, Range};
use crate::state::State;

struct Sgd {
    learning_rate: f64,
    momentum: f64,
    nesterov: bool,
    weight_decay: f64,
    velocity: Vec<f64>,
}

pub(super) const ENTRY: Entry<dyn Optimizer, usize> = Entry {
    name: "sgd",
    summary: "gradient descent, with momentum if asked for",
    reference: "Polyak 1964; Sutskever et al. 2013",
    build: |params, k| Ok(Box::new(Sgd::read(params, *k))),
};

impl Sgd {
    /// Defaults: `lr` 0.1, and as in PyTorch `momentum` 0, `nesterov` false, `weight_decay` 0.
    fn read(params: &Params<'_>, k: usize) -> Self {
        let sgd = Sgd {
            learning_rate: params.float("lr", Some(0.1), Range::Above(0.0)),
            momentum: params.float("momentum", Some(0.0), Range::FromBelow(0.0, 1.0)),
            nesterov: params.boolean("nesterov", false),
            weight_decay: decay_key(params, 0.0),
            velocity: vec![0.0; k],
        };
        if sgd.nesterov && sgd.momentum == 0.0 {
            let help = "set `momentum`, as in 0.9, or leave `nesterov` out".to_string();
            params.problem("nesterov", "`nesterov` = true needs a `momentum` greater than 0", Some(help));
        }
        sgd
    }
}

impl Optimizer for Sgd {
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn step(&mut self, weights: &mut [f32], gradient: &[f32], learning_rate: f64) {
        assert_eq!((weights.len(), gradient.len()), (self.velocity.len(), self.velocity.len()), "one size");
        for ((weight, g), v) in weights.iter_mut().zip(gradient).zip(&mut self.velocity) {
            let w = f64::from(*weight);
            let g = f64::from(*g) + self.weight_decay * w;
            *v = self.momentum * *v + g;
            let step = if self.nesterov { g + self.momentum * *v } else { *v };
            *weight = (w - learning_rate * step) as f32;
        }
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_f64("sgd.velocity", &self.velocity);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        self.velocity = state.f64s("sgd.velocity", self.velocity.len())?.to_vec();
        Ok(())
    }
}
