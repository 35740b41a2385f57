//! ClipUp (Toklu, Liskowski & Srivastava 2020, Algorithm 1): momentum on the normalised gradient, with a limit of speed.
//!
//! `v = momentum v + lr g / |g|`, shortened to `max_speed` where it is longer, and `w -= v`. How long the gradient is does not
//! matter, so it fits estimates whose scale nobody knows. A schedule acts on `lr` and on `max_speed` alike.

use super::adam::decay_key;
use super::Optimizer;
use crate::entry::Entry;
use crate::error::Result;
use crate::params::{Params, Range};
use crate::state::State;

/// ClipUp.
#[derive(Clone, Debug)]
pub struct ClipUp {
    learning_rate: f64,
    momentum: f64,
    max_speed: f64,
    weight_decay: f64,
    velocity: Vec<f64>,
}

pub(super) const ENTRY: Entry<dyn Optimizer, usize> = Entry {
    name: "clipup",
    summary: "momentum on the normalised gradient, with a limit of speed",
    reference: "Toklu et al. 2020",
    build: |params, k| Ok(Box::new(ClipUp::read(params, *k, 0.01))),
};

impl ClipUp {
    /// Reads `lr` (the length of a step from rest), `momentum` (0.9 as in the paper), `max_speed` (twice `lr` as the paper
    /// advises) and `weight_decay` (0; in the gradient), for `k` weights.
    pub fn read(params: &Params<'_>, k: usize, learning_rate: f64) -> Self {
        let learning_rate = params.float("lr", Some(learning_rate), Range::Above(0.0));
        ClipUp {
            learning_rate,
            momentum: params.float("momentum", Some(0.9), Range::FromBelow(0.0, 1.0)),
            max_speed: params.float("max_speed", Some(2.0 * learning_rate), Range::Above(0.0)),
            weight_decay: decay_key(params, 0.0),
            velocity: vec![0.0; k],
        }
    }
}

/// Length of a vector, also of one whose square would overflow.
fn length(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let greatest = values.clone().fold(0.0, |most: f64, x| most.max(x.abs()));
    if greatest == 0.0 {
        return 0.0;
    }
    values.map(|x| (x / greatest).powi(2)).sum::<f64>().sqrt() * greatest
}

impl Optimizer for ClipUp {
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn step(&mut self, weights: &mut [f32], gradient: &[f32], learning_rate: f64) {
        assert_eq!((weights.len(), gradient.len()), (self.velocity.len(), self.velocity.len()), "one size");
        let full = |(g, w): (&f32, &f32)| f64::from(*g) + self.weight_decay * f64::from(*w);
        let norm = length(gradient.iter().zip(weights.iter()).map(full));
        // A gradient of 0 has no direction: the weights roll on.
        let scale = if norm > 0.0 { learning_rate / norm } else { 0.0 };
        for ((v, g), w) in self.velocity.iter_mut().zip(gradient).zip(weights.iter()) {
            *v = self.momentum * *v + scale * (f64::from(*g) + self.weight_decay * f64::from(*w));
        }
        let (speed, most) =
            (length(self.velocity.iter().copied()), self.max_speed * learning_rate / self.learning_rate);
        let shorten = if speed > most { most / speed } else { 1.0 };
        for (weight, v) in weights.iter_mut().zip(&mut self.velocity) {
            *v *= shorten;
            *weight = (f64::from(*weight) - *v) as f32;
        }
    }

    fn save(&self) -> State {
        let mut state = State::default();
        state.put_f64("clipup.velocity", &self.velocity);
        state
    }

    fn load(&mut self, state: &State) -> Result<()> {
        self.velocity = state.f64s("clipup.velocity", self.velocity.len())?.to_vec();
        Ok(())
    }
}
