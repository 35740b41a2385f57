//! Adam (Kingma & Ba 2015), with the defaults and the weight decay of PyTorch's `torch.optim.Adam`.
//!
//! `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g^2`, `w -= lr m' / (sqrt(v') + eps)` with `m' = m / (1 - b1^t)` and
//! `v' = v / (1 - b2^t)`. The moments are kept in f64, where PyTorch keeps them in the weights' own precision.

use super::Optimizer;
use crate::entry::Entry;
use crate::error::Result;
use crate::num::wide;
use crate::params::{Params, Range};
use crate::state::State;

/// Where weight decay acts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decay {
    /// In the gradient: `g += decay * w`, the L2 penalty of `torch.optim.Adam`.
    Gradient(f64),
    /// On the weights: `w *= 1 - lr * decay` before the step (Loshchilov & Hutter 2019), as in `torch.optim.AdamW`.
    Weights(f64),
}

/// Adam and, with [`Decay::Weights`], AdamW.
#[derive(Clone, Debug)]
pub struct Adam {
    learning_rate: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    decay: Decay,
    steps: u64,
    first: Vec<f64>,
    second: Vec<f64>,
}

pub(super) const ENTRY: Entry<dyn Optimizer, usize> = Entry {
    name: "adam",
    summary: "steps scaled by running moments of the gradient; weight decay in the gradient",
    reference: "Kingma & Ba 2015",
    build: |params, k| Ok(Box::new(Adam::read(params, *k, 0.001, |p| Decay::Gradient(decay_key(p, 0.0))))),
};

/// Reads `weight_decay`, at least 0.
pub(super) fn decay_key(params: &Params<'_>, default: f64) -> f64 {
    params.float("weight_decay", Some(default), Range::AtLeast(0.0))
}

impl Adam {
    /// Reads `lr`, `beta1` (0.9), `beta2` (0.999), `eps` (1e-8, all as in the paper) and what `decay` reads, for `k`
    /// weights.
    pub fn read(params: &Params<'_>, k: usize, learning_rate: f64, decay: impl FnOnce(&Params<'_>) -> Decay) -> Self {
        Adam {
            learning_rate: params.float("lr", Some(learning_rate), Range::Above(0.0)),
            beta1: params.float("beta1", Some(0.9), Range::FromBelow(0.0, 1.0)),
            beta2: params.float("beta2", Some(0.999), Range::FromBelow(0.0, 1.0)),
            eps: params.float("eps", Some(1e-8), Range::Above(0.0)),
            decay: decay(params),
            steps: 0,
            first: vec![0.0; k],
            second: vec![0.0; k],
        }
    }
}

impl Optimizer for Adam {
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn step(&mut self, weights: &mut [f32], gradient: &[f32], learning_rate: f64) {
        assert_eq!((weights.len(), gradient.len()), (self.first.len(), self.first.len()), "one optimizer, one size");
        self.steps += 1;
        let t = self.steps as f64;
        let (step, root) = (learning_rate / (1.0 - self.beta1.powf(t)), (1.0 - self.beta2.powf(t)).sqrt());
        let (in_gradient, shrink) = match self.decay {
            Decay::Gradient(decay) => (decay, 1.0),
            Decay::Weights(decay) => (0.0, 1.0 - learning_rate * decay),
        };
        let (beta1, beta2, eps) = (self.beta1, self.beta2, self.eps);
        let moments = self.first.iter_mut().zip(&mut self.second);
        wide(
            #[inline(always)]
            || {
                for ((weight, g), (m, v)) in weights.iter_mut().zip(gradient).zip(moments) {
                    let w = f64::from(*weight);
                    let g = f64::from(*g) + in_gradient * w;
                    *m = beta1 * *m + (1.0 - beta1) * g;
                    *v = beta2 * *v + (1.0 - beta2) * g * g;
                    *weight = (w * shrink - step * *m / (v.sqrt() / root + eps)) as f32;
                }
            },
        );
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_u64("adam.steps", &[self.steps]);
        state.put_f64("adam.first", &self.first);
        state.put_f64("adam.second", &self.second);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        let k = self.first.len();
        let (steps, first) = (state.u64s("adam.steps", 1)?[0], state.f64s("adam.first", k)?);
        let second = state.f64s("adam.second", k)?;
        (self.steps, self.first, self.second) = (steps, first.to_vec(), second.to_vec());
        Ok(())
    }
}
