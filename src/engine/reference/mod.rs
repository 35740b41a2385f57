//! The reference: each member alone, node by node, by candle's operations in f64. What the fast engines compute must be
//! what this one does; it is slow, differentiable, and runs on any device, in f32 where that has no f64.

pub(super) mod layers;

use std::sync::Arc;

use candle_core::{DType, Device, Tensor, Var, D};
use rayon::prelude::*;

use super::dropout::masks;
use super::{ClassLosses, Engine, Loss, Statistics};
use crate::data::Batch;
use crate::error::{Error, Result};
use crate::graph::{Node, NodeId, Op, Parameter, ParameterId};
use crate::plan::{last_readers, Plan};
use crate::population::Population;
use crate::rng::Seed;
use crate::subset::Start;

/// Evaluates one network and subset on one device.
pub struct ReferenceEngine {
    start: Arc<Start>,
    device: Device,
    /// What is computed in.
    dtype: DType,
    /// Members evaluated at the same time.
    at_once: usize,
    /// Members whose weights are made together.
    expanded: usize,
    last_readers: Vec<usize>,
}

/// How batch-norm gets its statistics.
enum Normalisation<'a> {
    /// From the batch.
    Batch,
    /// From the batch, kept for later.
    Record(&'a mut Vec<Statistics>),
    /// Given, in the order of the graph.
    Given(&'a [Statistics]),
}

impl ReferenceEngine {
    /// An engine on a device; of the plan it takes how much is evaluated at the same time.
    pub fn new(start: Arc<Start>, plan: &Plan, device: Device) -> Self {
        let last_readers = last_readers(&start.graph);
        let at_once = plan.units_at_once;
        let expanded = plan.expanded.unwrap_or(at_once);
        ReferenceEngine { start, device, dtype: DType::F64, at_once, expanded, last_readers }
    }

    /// The same in f32: for gradients on devices where f64 is slow, or missing.
    pub fn single(start: Arc<Start>, plan: &Plan, device: Device) -> Self {
        ReferenceEngine { dtype: DType::F32, ..Self::new(start, plan, device) }
    }

    /// An engine on the CPU.
    pub fn on_cpu(start: Arc<Start>, plan: &Plan) -> Self {
        Self::new(start, plan, Device::Cpu)
    }

    /// Values as a tensor.
    fn tensor(&self, values: &[f32], shape: &[usize]) -> candle_core::Result<Tensor> {
        Tensor::from_slice(values, shape, &self.device)?.to_dtype(self.dtype)
    }

    /// All parameters of the network with these trained weights (k).
    fn parameters(&self, trained: &[f32]) -> Result<Vec<Tensor>> {
        let weights = self.start.complete(trained);
        let parameters = self.start.graph.parameters.iter();
        let of = |parameter: &Parameter| {
            self.tensor(&weights[parameter.range()], &parameter.shape).map_err(Error::engine(&parameter.name))
        };
        parameters.map(of).collect()
    }

    /// Logits of the network, with the way that led to them where parameters are variables.
    fn forward(&self, parameters: &[Tensor], batch: &Batch, mut normalisation: Normalisation<'_>) -> Result<Tensor> {
        let graph = &self.start.graph;
        let mut values: Vec<Option<Tensor>> = vec![None; graph.nodes.len()];
        values[0] = Some(self.tensor(&batch.images, &batch.shape).map_err(Error::engine("input"))?);
        let mut norms = 0;
        for (i, node) in graph.nodes.iter().enumerate().skip(1) {
            let inputs: Vec<&Tensor> = node.inputs.iter().map(|id| known(&values, *id)).collect();
            let value = self.apply(node, &inputs, parameters, &mut normalisation, &mut norms, batch.noise);
            values[i] = Some(value.map_err(Error::engine(&node.name))?);
            for input in node.inputs.iter().filter(|input| self.last_readers[input.0] == i) {
                values[input.0] = None;
            }
        }
        Ok(known(&values, graph.output).clone())
    }

    fn apply(
        &self,
        node: &Node,
        inputs: &[&Tensor],
        parameters: &[Tensor],
        normalisation: &mut Normalisation<'_>,
        norms: &mut usize,
        noise: Option<Seed>,
    ) -> candle_core::Result<Tensor> {
        let parameter = |id: ParameterId| &parameters[id.0];
        let x = inputs[0];
        match node.op {
            Op::Input => Ok(x.clone()),
            Op::Conv2d { weight, bias, stride, padding } => {
                layers::conv2d(x, parameter(weight), bias.map(parameter), stride, padding)
            }
            Op::Linear { weight, bias } => layers::linear(x, parameter(weight), bias.map(parameter)),
            Op::BatchNorm { scale, shift } => {
                let (mean, variance) = match normalisation {
                    Normalisation::Batch => layers::moments(x)?,
                    Normalisation::Given(statistics) => self.given(&statistics[*norms])?,
                    Normalisation::Record(statistics) => {
                        let (mean, variance) = layers::moments(x)?;
                        let values = |tensor: Tensor| tensor.to_dtype(DType::F32)?.to_vec1();
                        let layer = Statistics { mean: values(mean)?, variance: values(variance)? };
                        // What is normalised is what the rounded statistics give, here and later.
                        let given = self.given(&layer)?;
                        statistics.push(layer);
                        given
                    }
                };
                *norms += 1;
                layers::normalise(x, &mean, &variance, parameter(scale), parameter(shift))
            }
            Op::Activation(activation) => layers::activation(x, activation),
            Op::Dropout { rate } => match noise {
                None => Ok(x.clone()),
                Some(noise) => {
                    let length = node.shape.iter().product();
                    let mask = masks(noise, &node.name, rate, x.dim(0)?, length);
                    x * self.tensor(&mask, x.dims())?
                }
            },
            Op::MaxPool { size, stride } => layers::max_pool(x, size, stride),
            Op::AvgPool { size, stride } => layers::avg_pool(x, size, stride),
            Op::GlobalAvgPool => x.flatten(2, 3)?.mean(D::Minus1),
            Op::Add => inputs[0] + inputs[1],
            Op::Concat => Tensor::cat(inputs, 1),
            Op::PadChannels { before, after } => x.pad_with_zeros(1, before, after),
            Op::Flatten => x.flatten(1, D::Minus1),
        }
    }

    fn given(&self, statistics: &Statistics) -> candle_core::Result<(Tensor, Tensor)> {
        let tensor = |values: &[f32]| self.tensor(values, &[values.len()]);
        Ok((tensor(&statistics.mean)?, tensor(&statistics.variance)?))
    }

    /// Logits (batch, classes) of one network.
    fn logits_of(&self, trained: &[f32], batch: &Batch, normalisation: Normalisation<'_>) -> Result<Vec<f32>> {
        flat(&self.forward(&self.parameters(trained)?, batch, normalisation)?).map_err(Error::engine("logits"))
    }
}

impl ReferenceEngine {
    /// What `of` makes of the logits (batch, classes) of each member.
    fn of_members<T: Send>(
        &self,
        population: &Population,
        batch: &Batch,
        of: impl Fn(Vec<f32>) -> T + Sync,
    ) -> Result<Vec<T>> {
        let members: Vec<&[f32]> = population.members().collect();
        let of_member = |weights: &Vec<f32>| self.logits_of(weights, batch, Normalisation::Batch).map(&of);
        let mut all = Vec::with_capacity(members.len());
        for members in members.chunks(self.expanded) {
            for weights in self.start.express_all(members).chunks(self.at_once) {
                all.extend(weights.par_iter().map(of_member).collect::<Result<Vec<T>>>()?);
            }
        }
        Ok(all)
    }

    /// Logits (batch, classes) of the network with these trained weights (k), normalised as in training, and for each of
    /// the gradients of them that `slopes` gives, the gradient (k).
    fn backward(
        &self,
        trained: &[f32],
        batch: &Batch,
        slopes: impl FnOnce(&[f32]) -> Vec<Vec<f32>>,
    ) -> Result<(Vec<f32>, Vec<Vec<f32>>)> {
        let mut parameters = self.parameters(trained)?;
        // Only what is trained is a variable: nothing goes back below the lowest of them.
        let mut vars: Vec<(usize, Var)> = Vec::new();
        let counts = crate::plan::trained_weights(&self.start.graph, &self.start.subset);
        for (i, _) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            let var = Var::from_tensor(&parameters[i]).map_err(Error::engine(&self.start.graph.parameters[i].name))?;
            parameters[i] = var.as_tensor().clone();
            vars.push((i, var));
        }
        let logits = self.forward(&parameters, batch, Normalisation::Batch)?;
        let values = flat(&logits).map_err(Error::engine("logits"))?;
        let gradient = |slopes: Vec<f32>| -> Result<Vec<f32>> {
            // Backward through <logits, slopes> gives what the chain rule makes of the slopes.
            let sum = self.tensor(&slopes, logits.dims()).and_then(|slopes| (&logits * slopes)?.sum_all());
            let gradients = sum.and_then(|sum| sum.backward()).map_err(Error::engine("loss"))?;
            let mut all = vec![0.0; self.start.weights.len()];
            for (i, var) in &vars {
                let parameter = &self.start.graph.parameters[*i];
                let Some(gradient) = gradients.get(var) else { continue };
                all[parameter.range()].copy_from_slice(&flat(gradient).map_err(Error::engine(&parameter.name))?);
            }
            Ok(self.start.subset.gather(&all))
        };
        let gradients = slopes(&values).into_iter().map(gradient).collect::<Result<_>>()?;
        Ok((values, gradients))
    }
}

impl Engine for ReferenceEngine {
    fn losses(&self, population: &Population, batch: &Batch, loss: Loss) -> Result<Vec<f32>> {
        self.of_members(population, batch, |logits| loss.mean(&logits, &batch.labels) as f32)
    }

    fn class_losses(&self, population: &Population, batch: &Batch, loss: Loss) -> Result<ClassLosses> {
        let rows = self.of_members(population, batch, |logits| ClassLosses::row(loss, &logits, &batch.labels))?;
        Ok(ClassLosses::of_rows(&rows))
    }

    fn gradient(&self, trained: &[f32], batch: &Batch, loss: Loss) -> Result<(f64, Vec<f32>)> {
        let (logits, mut gradients) =
            self.backward(trained, batch, |logits| vec![loss.gradient(logits, &batch.labels)])?;
        Ok((loss.mean(&logits, &batch.labels), gradients.swap_remove(0)))
    }

    fn outputs(&self, population: &Population, batch: &Batch) -> Result<Vec<Vec<f32>>> {
        self.of_members(population, batch, |logits| logits)
    }

    fn vector_jacobian_products(&self, trained: &[f32], batch: &Batch, slopes: &[Vec<f32>]) -> Result<Vec<Vec<f32>>> {
        Ok(self.backward(trained, batch, |_| slopes.to_vec())?.1)
    }

    fn recalibrate(&self, trained: &[f32], batch: &Batch) -> Result<(Vec<Statistics>, Vec<f32>)> {
        let mut statistics = Vec::new();
        let logits = self.logits_of(trained, batch, Normalisation::Record(&mut statistics))?;
        Ok((statistics, logits))
    }

    fn logits(&self, trained: &[f32], statistics: &[Statistics], batch: &Batch) -> Result<Vec<f32>> {
        self.logits_of(trained, batch, Normalisation::Given(statistics))
    }
}

/// A value that the order of the graph guarantees.
fn known(values: &[Option<Tensor>], id: NodeId) -> &Tensor {
    values[id.0].as_ref().expect("nodes are computed after their inputs, and kept until their last reader")
}

/// A tensor's values in f32.
fn flat(tensor: &Tensor) -> candle_core::Result<Vec<f32>> {
    tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
}
