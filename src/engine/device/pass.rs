//! Runs a program for some members: step by step, each for all of them and all images of the batch.

use candle_core::{Result, Tensor};

use super::images::{assemble, for_members, join, select};
use super::inputs::Inputs;
use super::operations::{First, Geometry, Moments, Normalising, Operations, Tail};
use super::shared::Shared;
use super::template::{StepTemplates, Template};
use crate::engine::reference::layers;
use crate::engine::Statistics;
use crate::error::{Error, Result as EngineResult};
use crate::graph::Graph;
use crate::plan::{From, Kind, Part, Product, Program, Step};

/// How batch-norm gets its statistics.
#[derive(Clone, Copy, Debug)]
pub enum Normalisation<'a> {
    /// From each member's batch.
    Batch,
    /// Given, in the order of the graph.
    Given(&'a [Statistics]),
}

/// What a pass reads.
pub struct Pass<'a> {
    /// The network, for the names of its layers.
    pub graph: &'a Graph,
    /// What computes.
    pub operations: &'a dyn Operations,
    /// The steps.
    pub program: &'a Program,
    /// Their weights.
    pub templates: &'a [StepTemplates],
    /// The members' trained weights (members, k).
    pub trained: &'a Tensor,
    /// These less the base's.
    pub differences: &'a Tensor,
    /// What is given of the batch.
    pub inputs: &'a Inputs,
    /// What all members share, where the program reads any of it.
    pub shared: Option<&'a Shared>,
    /// Where statistics come from.
    pub normalisation: Normalisation<'a>,
}

/// The parts of a step's value, (members, batch, channels, height, width) each.
type Value = Vec<Tensor>;

/// What a pass leaves.
pub struct Outcome {
    /// Values of the steps that were not dropped.
    pub values: Vec<Option<Value>>,
    /// Statistics of each batch-norm that was computed whole, by its index in the graph.
    pub moments: Vec<(usize, Moments)>,
}

impl Pass<'_> {
    /// Computes all steps; values are dropped after their last reader, except those for which `wanted` holds.
    ///
    /// # Errors
    /// The operation's own words, with its layer.
    pub fn run(&self, wanted: impl Fn(usize) -> bool) -> EngineResult<Outcome> {
        let steps = &self.program.steps;
        let mut outcome = Outcome { values: vec![None; steps.len()], moments: Vec::new() };
        let dropped = self.program.dropped();
        for (index, step) in steps.iter().enumerate() {
            let value = self.step(index, step, &mut outcome);
            let layer = || &self.graph.nodes[step.node].name;
            outcome.values[index] = Some(value.map_err(|source| Error::engine(layer())(source))?);
            for earlier in dropped[index].iter().filter(|earlier| !wanted(**earlier)) {
                outcome.values[*earlier] = None;
            }
        }
        Ok(outcome)
    }

    /// A node's channels `wanted`, whoever holds them.
    ///
    /// # Errors
    /// Candle's.
    pub fn node(&self, values: &[Option<Value>], node: usize, wanted: &[usize]) -> Result<Tensor> {
        let mut pieces = self.pieces(values, node);
        let held = |channel: &usize| pieces.iter().any(|(listed, _)| listed.contains(channel));
        if let (Some(shared), false) = (self.shared, wanted.iter().all(held)) {
            let all = shared.node(node);
            let rest: Vec<usize> = (0..all.dim(2)?).filter(|channel| !held(channel)).collect();
            pieces.push((rest.clone(), select(all, &rest)?));
        }
        assemble(&pieces, wanted)
    }

    fn members(&self) -> Result<usize> {
        self.trained.dim(0)
    }

    /// The parts of a node's value that this pass computed, with their channels.
    fn pieces(&self, values: &[Option<Value>], node: usize) -> Vec<(Vec<usize>, Tensor)> {
        let Some(index) = self.program.step_of[node] else { return Vec::new() };
        let held = values[index].iter().flatten();
        self.program.steps[index].parts.iter().zip(held).map(|(part, x)| (part.channels.clone(), x.clone())).collect()
    }

    /// A template's values for the members; frozen ones are one member's.
    fn bank(&self, template: &Template) -> Result<Tensor> {
        match (template.trained, template.differences) {
            (false, _) => Ok(template.frozen.clone()),
            (true, false) => self.operations.bank(self.trained, template),
            (true, true) => self.operations.bank(self.differences, template),
        }
    }

    fn step(&self, index: usize, step: &Step, outcome: &mut Outcome) -> Result<Value> {
        let mut recorded = Vec::new();
        let mut value = Vec::with_capacity(step.parts.len());
        for (p, part) in step.parts.iter().enumerate() {
            let tail = self.tail(index, step, p)?;
            let (x, moments) = match (&step.kind, part.from) {
                (_, From::Promoted) => {
                    let (raw, moments) = self.known(index).promoted.as_ref().expect("promoted channels are prepared");
                    let norm = tail.norm.map(|norm| Normalising { moments: Some(moments.clone()), ..norm });
                    self.operations.finish(raw, self.members()?, &Tail { norm, ..tail })?
                }
                (Kind::Product(product), _) => self.product(index, step, product, &outcome.values, &tail)?,
                _ => {
                    let raw = self.plain_operation(step, part, &outcome.values)?;
                    match step.alone() || tail.is_empty() {
                        true => (raw, None),
                        false => self.operations.finish(&raw, self.members()?, &tail)?,
                    }
                }
            };
            recorded.extend(moments.map(|moments| (part, moments)));
            value.push(x);
        }
        // Where only some channels are computed nobody asks for the statistics.
        if let (Some(norm), [(part, moments)]) = (step.norm, &recorded[..]) {
            if part.channels.iter().copied().eq(0..step.raw.channels) {
                outcome.moments.push((norm.index, moments.clone()));
            }
        }
        Ok(value)
    }

    fn known(&self, index: usize) -> &super::shared::SharedStep {
        &self.shared.expect("what is shared was computed").steps[index]
    }

    /// What follows a step's operation, for one part.
    fn tail(&self, index: usize, step: &Step, part: usize) -> Result<Tail> {
        let norm = match step.norm {
            None => None,
            Some(norm) => {
                let templates = &self.templates[index];
                let (scale, shift) = (self.bank(&templates.scale[part])?, self.bank(&templates.shift[part])?);
                let moments = match self.normalisation {
                    Normalisation::Batch => None,
                    Normalisation::Given(statistics) => {
                        let Statistics { mean, variance } = &statistics[norm.index];
                        let row = |values: &[f32]| {
                            let values: Vec<f32> = step.parts[part].channels.iter().map(|c| values[*c]).collect();
                            Tensor::from_vec(values, (1, step.parts[part].channels.len()), self.trained.device())
                        };
                        Some(Moments::new(row(mean)?, row(variance)?)?)
                    }
                };
                Some(Normalising { scale, shift, moments })
            }
        };
        Ok(Tail { norm, activation: step.activation, pool: step.pool })
    }

    fn product(
        &self,
        index: usize,
        step: &Step,
        product: &Product,
        values: &[Option<Value>],
        tail: &Tail,
    ) -> Result<super::operations::Finished> {
        let templates = &self.templates[index];
        let geometry = product.geometry();
        let operations = self.operations;
        if product.shared.is_empty() {
            let first = First { bias: self.whole_bias(templates)?, ..First::default() };
            return self.own_product(templates, values, step, geometry, &first, tail);
        }
        let known = self.known(index);
        if product.dense && !product.own_inputs {
            // All filters are computed whole on what is shared.
            let weight = self.bank(templates.varied.as_ref().expect("dense filters have weights"))?;
            let first = First { bias: self.whole_bias(templates)?, ..First::default() };
            return operations.convolution(known.input()?, &weight, geometry, &first, tail);
        }
        let first = First { bias: None, seed: known.seed.clone(), varied: self.varied(index, step, product)? };
        if product.own_inputs {
            return self.own_product(templates, values, step, geometry, &first, tail);
        }
        let seed = first.seed.as_ref().expect("differences are added to a seed");
        let sums = super::plain::begun(seed, &First { seed: None, ..first.clone() })?;
        operations.finish(&sums, self.members()?, tail)
    }

    /// On the members' own input channels.
    fn own_product(
        &self,
        templates: &StepTemplates,
        values: &[Option<Value>],
        step: &Step,
        geometry: Geometry,
        first: &First,
        tail: &Tail,
    ) -> Result<super::operations::Finished> {
        let pieces = self.pieces(values, step.inputs[0]);
        let parts: Vec<Tensor> = pieces.into_iter().map(|(_, x)| x).collect();
        let weight = self.bank(templates.own.as_ref().expect("own inputs have weights"))?;
        self.operations.convolution(&join(&parts)?, &weight, geometry, first, tail)
    }

    fn whole_bias(&self, templates: &StepTemplates) -> Result<Option<Tensor>> {
        templates.bias.as_ref().map(|template| self.bank(template)).transpose()
    }

    /// What varied filters get from shared input channels: their whole sums, or their differences to the base.
    fn varied(&self, index: usize, step: &Step, product: &Product) -> Result<Option<Tensor>> {
        if product.varied == 0 {
            return Ok(None);
        }
        let (templates, known) = (&self.templates[index], self.known(index));
        let bias = self.whole_bias(templates)?;
        let sums = match &templates.varied {
            Some(template) if product.dense => {
                let weight = self.bank(template)?;
                let first = First { bias, ..First::default() };
                let whole = self.operations.convolution(
                    known.input()?,
                    &weight,
                    product.geometry(),
                    &first,
                    &Tail::default(),
                )?;
                return Ok(Some(whole.0));
            }
            Some(template) => {
                let patches = known.patches.as_ref().expect("patches of trained taps are prepared");
                let sums = self.operations.product(&self.bank(template)?, patches)?;
                let (members, filters, _) = sums.dims3()?;
                let shape = (members, filters, self.inputs.batch, step.raw.height, step.raw.width);
                sums.reshape(shape)?.transpose(1, 2)?
            }
            None => {
                let shape = (1, self.inputs.batch, product.varied, step.raw.height, step.raw.width);
                Tensor::zeros(shape, self.trained.dtype(), self.trained.device())?
            }
        };
        super::plain::begun(&sums, &First { bias, ..First::default() }).map(Some)
    }

    /// Operations without weights.
    fn plain_operation(&self, step: &Step, part: &Part, values: &[Option<Value>]) -> Result<Tensor> {
        let held = |p: usize| {
            let index = self.program.step_of[step.inputs[0]].expect("the input has own channels");
            &values[index].as_ref().expect("values are kept until their last reader")[p]
        };
        match (&step.kind, part.from) {
            (Kind::Input, _) => select(self.inputs.node(step.node), &part.channels),
            (Kind::Identity, From::Part(p)) => Ok(held(p).clone()),
            (Kind::Dropout { layer, .. }, From::Part(p)) => match self.inputs.masks.get(layer) {
                None => Ok(held(p).clone()),
                Some(mask) => held(p).broadcast_mul(&select(mask, &part.channels)?),
            },
            (Kind::AvgPool(window), From::Part(p)) => {
                let (m, b, c, ..) = held(p).dims5()?;
                let means = layers::avg_pool(&held(p).flatten(0, 1)?, window.size, window.stride)?;
                let (_, _, height, width) = means.dims4()?;
                means.reshape((m, b, c, height, width))
            }
            (Kind::GlobalAvgPool, From::Part(p)) => {
                let (m, b, c, ..) = held(p).dims5()?;
                held(p).contiguous()?.flatten_from(3)?.mean(3)?.reshape((m, b, c, 1, 1))
            }
            (Kind::Add, _) => {
                let of = |input: &usize| self.node(values, *input, &part.channels);
                let (a, b) = (of(&step.inputs[0])?, of(&step.inputs[1])?);
                let members = self.members()?;
                for_members(&a, members)? + for_members(&b, members)?
            }
            (Kind::Concat, _) => self.side_by_side(step, &part.channels, 0, values),
            (Kind::PadChannels { before }, _) => self.side_by_side(step, &part.channels, *before, values),
            _ => unreachable!("a step's parts come from its own kind"),
        }
    }

    /// Channels of the inputs side by side, from channel `first` on.
    fn side_by_side(&self, step: &Step, own: &[usize], mut first: usize, values: &[Option<Value>]) -> Result<Tensor> {
        let mut pieces = Vec::new();
        for (input, channels) in step.inputs.iter().zip(&step.input_channels) {
            let of_input = self.pieces(values, *input).into_iter();
            pieces.extend(of_input.map(|(listed, x)| (listed.iter().map(|c| first + c).collect(), x)));
            first += channels;
        }
        assemble(&pieces, own)
    }
}

impl Tail {
    /// Whether nothing follows.
    pub fn is_empty(&self) -> bool {
        self.norm.is_none() && self.activation.is_none() && self.pool.is_none()
    }
}

impl Product {
    /// Its windows.
    pub(super) fn geometry(&self) -> Geometry {
        Geometry { window: self.window, stride: self.stride, padding: self.padding }
    }
}
