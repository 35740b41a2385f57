//! How weights are drawn at random: on the host, each parameter from its own stream, so the same bits on every device.

use super::{Graph, Parameter, ParameterKind};
use crate::entry::Entry;
use crate::error::Result;
use crate::params::Params;
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
    /// Uniform in [0, bound).
    Positive(f32),
}

impl Distribution {
    /// One draw.
    pub fn draw(self, rng: &mut Rng) -> f32 {
        match self {
            Distribution::Constant(value) => value,
            Distribution::Normal(std) => std * rng.normal(),
            Distribution::Uniform(bound) => bound * (2.0 * rng.uniform() - 1.0),
            Distribution::Positive(bound) => bound * rng.uniform(),
        }
    }

    /// The same, measured in another unit.
    #[must_use]
    pub fn over(self, unit: f32) -> Self {
        match self {
            Distribution::Constant(value) => Distribution::Constant(value / unit),
            Distribution::Normal(std) => Distribution::Normal(std / unit),
            Distribution::Uniform(bound) => Distribution::Uniform(bound / unit),
            Distribution::Positive(bound) => Distribution::Positive(bound / unit),
        }
    }

    /// What one unit of a gene is worth: the standard deviation, and 1 where nothing is random.
    pub fn scale(self) -> f32 {
        match self {
            Distribution::Constant(_) => 1.0,
            Distribution::Normal(std) => std,
            Distribution::Uniform(bound) => bound / 3f32.sqrt(),
            Distribution::Positive(bound) => bound / 12f32.sqrt(),
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

/// A rule for weights (by fan-in and fan-out), one for biases, and one for the scales of batch-norm; its shifts are 0.
struct Rule {
    weight: fn(fan_in: f32, fan_out: f32) -> Distribution,
    bias: fn(fan_in: f32) -> Distribution,
    batchnorm: Distribution,
}

impl Rule {
    /// With `batchnorm` from the parameters, which all rules have: `"one"` (the default of PyTorch's layers) or `"uniform"`,
    /// U[0, 1) (Frankle, Schwab & Morcos 2021).
    fn read(
        params: &Params<'_>,
        weight: fn(f32, f32) -> Distribution,
        bias: fn(f32) -> Distribution,
    ) -> Result<Box<dyn Init>> {
        let batchnorm = match params.choice("batchnorm", Some("one"), &["one", "uniform"]) {
            "one" => Distribution::Constant(1.0),
            _ => Distribution::Positive(1.0),
        };
        Ok(Box::new(Rule { weight, bias, batchnorm }))
    }
}

impl Init for Rule {
    fn distribution(&self, parameter: &Parameter) -> Distribution {
        let (fan_in, fan_out) = (parameter.fan_in as f32, parameter.fan_out as f32);
        match parameter.kind {
            ParameterKind::ConvWeight | ParameterKind::LinearWeight | ParameterKind::Injection => {
                (self.weight)(fan_in, fan_out)
            }
            ParameterKind::ConvBias | ParameterKind::LinearBias => (self.bias)(fan_in),
            ParameterKind::BatchNormScale => self.batchnorm,
            ParameterKind::BatchNormShift => Distribution::Constant(0.0),
        }
    }
}

const fn zero(_: f32) -> Distribution {
    Distribution::Constant(0.0)
}

/// Alphabetical. Each has the option `batchnorm`.
pub const ENTRIES: &[Entry<dyn Init>] = &[
    Entry {
        name: "he-normal",
        summary: "weights N(0, 2/fan_in), biases 0; `batchnorm` = \"one\" | \"uniform\": scales 1 or U[0, 1), as for all inits",
        reference: "He et al. 2015, eq. 10; Frankle, Schwab & Morcos 2021",
        build: |params, ()| Rule::read(params, |fan_in, _| Distribution::Normal((2.0 / fan_in).sqrt()), zero),
    },
    Entry {
        name: "he-uniform",
        summary: "weights U(+-sqrt(6/fan_in)), biases 0",
        reference: "He et al. 2015",
        build: |params, ()| Rule::read(params, |fan_in, _| Distribution::Uniform((6.0 / fan_in).sqrt()), zero),
    },
    Entry {
        name: "pytorch",
        summary: "weights and biases U(+-1/sqrt(fan_in)), the default of PyTorch's layers",
        reference: "PyTorch, nn.Conv2d and nn.Linear",
        build: |params, ()| {
            let uniform = |fan_in: f32| Distribution::Uniform(1.0 / fan_in.sqrt());
            Rule::read(params, |fan_in, _| Distribution::Uniform(1.0 / fan_in.sqrt()), uniform)
        },
    },
    Entry {
        name: "xavier-normal",
        summary: "weights N(0, 2/(fan_in + fan_out)), biases 0",
        reference: "Glorot & Bengio 2010",
        build: |params, ()| {
            let weight = |fan_in: f32, fan_out: f32| Distribution::Normal((2.0 / (fan_in + fan_out)).sqrt());
            Rule::read(params, weight, zero)
        },
    },
    Entry {
        name: "xavier-uniform",
        summary: "weights U(+-sqrt(6/(fan_in + fan_out))), biases 0",
        reference: "Glorot & Bengio 2010, eq. 16",
        build: |params, ()| {
            let weight = |fan_in: f32, fan_out: f32| Distribution::Uniform((6.0 / (fan_in + fan_out)).sqrt());
            Rule::read(params, weight, zero)
        },
    },
    Entry {
        name: "zeros",
        summary: "weights and biases 0; the gene's unit is 1",
        reference: "absolute steps of published evolution runs",
        build: |params, ()| Rule::read(params, |_, _| Distribution::Constant(0.0), zero),
    },
];
