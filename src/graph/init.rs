//! How weights are drawn at random: on the host, each parameter from its own stream, so the same bits on every device.

use super::{Graph, Parameter, ParameterKind};
use crate::entry::Entry;
use crate::rng::{Rng, Seed};

/// A rule that gives each parameter its distribution.
pub trait Init: Send + Sync {
    /// What the parameter's scalars are drawn from.
    fn distribution(&self, parameter: &Parameter) -> Distribution;
}

/// What scalars are drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// All the same.
    Constant(f32),
    /// Normal around 0 with this standard deviation.
    Normal(f32),
    /// Uniform in (-bound, bound).
    Uniform(f32),
}

impl Distribution {
    /// One draw.
    pub fn draw(self, rng: &mut Rng) -> f32 {
        match self {
            Distribution::Constant(value) => value,
            Distribution::Normal(std) => std * rng.normal(),
            Distribution::Uniform(bound) => bound * (2.0 * rng.uniform() - 1.0),
        }
    }

    /// What one unit of a gene is worth: the standard deviation, and 1 where nothing is random.
    pub fn scale(self) -> f32 {
        match self {
            Distribution::Constant(_) => 1.0,
            Distribution::Normal(std) => std,
            Distribution::Uniform(bound) => bound / 3f32.sqrt(),
        }
    }
}

/// Draws all weights of a graph, in the order of the flat vector.
pub fn draw(graph: &Graph, init: &dyn Init, seed: Seed) -> Vec<f32> {
    let mut weights = Vec::with_capacity(graph.parameter_count());
    for parameter in &graph.parameters {
        let mut rng = seed.child(&parameter.name).rng();
        let distribution = init.distribution(parameter);
        weights.extend((0..parameter.len()).map(|_| distribution.draw(&mut rng)));
    }
    weights
}

/// A rule for weights (by fan-in and fan-out) and one for biases; batch-norm starts at scale 1 and shift 0.
struct Rule {
    weight: fn(fan_in: f32, fan_out: f32) -> Distribution,
    bias: fn(fan_in: f32) -> Distribution,
}

impl Init for Rule {
    fn distribution(&self, parameter: &Parameter) -> Distribution {
        let (fan_in, fan_out) = (parameter.fan_in as f32, parameter.fan_out as f32);
        match parameter.kind {
            ParameterKind::ConvWeight | ParameterKind::LinearWeight | ParameterKind::Injection => {
                (self.weight)(fan_in, fan_out)
            }
            ParameterKind::ConvBias | ParameterKind::LinearBias => (self.bias)(fan_in),
            ParameterKind::BatchNormScale => Distribution::Constant(1.0),
            ParameterKind::BatchNormShift => Distribution::Constant(0.0),
        }
    }
}

const fn zero(_: f32) -> Distribution {
    Distribution::Constant(0.0)
}

/// Alphabetical.
pub const ENTRIES: &[Entry<dyn Init>] = &[
    Entry {
        name: "he-normal",
        summary: "weights N(0, 2/fan_in), biases 0",
        reference: "He et al. 2015, eq. 10",
        build: |_, ()| {
            Ok(Box::new(Rule { weight: |fan_in, _| Distribution::Normal((2.0 / fan_in).sqrt()), bias: zero }))
        },
    },
    Entry {
        name: "he-uniform",
        summary: "weights U(+-sqrt(6/fan_in)), biases 0",
        reference: "He et al. 2015",
        build: |_, ()| {
            Ok(Box::new(Rule { weight: |fan_in, _| Distribution::Uniform((6.0 / fan_in).sqrt()), bias: zero }))
        },
    },
    Entry {
        name: "pytorch",
        summary: "weights and biases U(+-1/sqrt(fan_in)), the default of PyTorch's layers",
        reference: "PyTorch, nn.Conv2d and nn.Linear",
        build: |_, ()| {
            Ok(Box::new(Rule {
                weight: |fan_in, _| Distribution::Uniform(1.0 / fan_in.sqrt()),
                bias: |fan_in| Distribution::Uniform(1.0 / fan_in.sqrt()),
            }))
        },
    },
    Entry {
        name: "xavier-normal",
        summary: "weights N(0, 2/(fan_in + fan_out)), biases 0",
        reference: "Glorot & Bengio 2010",
        build: |_, ()| {
            let weight = |fan_in: f32, fan_out: f32| Distribution::Normal((2.0 / (fan_in + fan_out)).sqrt());
            Ok(Box::new(Rule { weight, bias: zero }))
        },
    },
    Entry {
        name: "xavier-uniform",
        summary: "weights U(+-sqrt(6/(fan_in + fan_out))), biases 0",
        reference: "Glorot & Bengio 2010, eq. 16",
        build: |_, ()| {
            let weight = |fan_in: f32, fan_out: f32| Distribution::Uniform((6.0 / (fan_in + fan_out)).sqrt());
            Ok(Box::new(Rule { weight, bias: zero }))
        },
    },
    Entry {
        name: "zeros",
        summary: "weights and biases 0; the gene's unit is 1",
        reference: "absolute steps of published evolution runs",
        build: |_, ()| Ok(Box::new(Rule { weight: |_, _| Distribution::Constant(0.0), bias: zero })),
    },
];
