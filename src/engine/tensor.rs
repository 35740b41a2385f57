//! The engine on candle tensors: interprets the graph node by node; every activation has a leading member axis.
//!
//! Nodes that no trained scalar reaches are computed once for all members. Each thread evaluates one unit of members at a
//! time, so memory does not grow with the population, and no result depends on units or threads.

use std::sync::Arc;

use candle_core::{Device, Tensor, Var, D};
use rayon::prelude::*;

use super::kernel::Spread;
use super::op::{self, Kernels, Statistics};
use super::{Engine, Loss};
use crate::data::Batch;
use crate::error::{Error, Result};
use crate::graph::{Graph, Node, NodeId, Op, ParameterId};
use crate::plan::{last_readers, Plan};
use crate::population::Population;
use crate::subset::Start;

/// Evaluates one network and subset on one device.
pub struct TensorEngine {
    start: Arc<Start>,
    plan: Plan,
    device: Device,
    /// Whether to use this crate's CPU kernels.
    own_kernels: bool,
    /// Each parameter at the start, (1, shape).
    parameters: Vec<Tensor>,
    /// For each parameter, whether it holds a trained scalar.
    trained: Vec<bool>,
    last_readers: Vec<usize>,
    /// For each batch-norm node, what follows it and can be computed with it.
    fused: Vec<Option<Fused>>,
    /// For each node whether it is computed with the batch-norm before it.
    swallowed: Vec<bool>,
}

/// A batch-norm whose only reader is a rectifier, whose only reader may be a 2x2 max pooling.
#[derive(Clone, Copy)]
struct Fused {
    /// The last node of the chain, which holds the result.
    last: usize,
    /// Whether it is the pooling.
    pool: bool,
}

/// How a network is computed.
struct Mode<'a> {
    normalisation: Normalisation<'a>,
    spread: Spread,
    /// Whether a gradient is wanted: then every node's output is kept.
    gradient: bool,
}

/// How batch-norm gets its statistics.
enum Normalisation<'a> {
    /// From each member's batch.
    Batch,
    /// From the batch, kept for later.
    Record(&'a mut Vec<Statistics>),
    /// Given, in the order of the graph.
    Given(&'a [Statistics]),
}

impl TensorEngine {
    /// An engine on the CPU with this crate's kernels.
    ///
    /// # Errors
    /// If the weights cannot be put on the device.
    pub fn new(start: Arc<Start>, plan: Plan) -> Result<Self> {
        Self::on(start, plan, Device::Cpu, true)
    }

    /// The reference: candle's own operations, on any device.
    ///
    /// # Errors
    /// If the weights cannot be put on the device.
    pub fn reference(start: Arc<Start>, plan: Plan, device: Device) -> Result<Self> {
        Self::on(start, plan, device, false)
    }

    fn on(start: Arc<Start>, plan: Plan, device: Device, own_kernels: bool) -> Result<Self> {
        let tensor = |(i, _)| parameter_tensor(&start.graph, ParameterId(i), &[&start.weights], &device);
        let parameters = start.graph.parameters.iter().enumerate().map(tensor).collect::<Result<Vec<_>>>()?;
        let marks = start.subset.marks(start.weights.len());
        let trained = start.graph.parameters.iter().map(|parameter| marks[parameter.range()].contains(&true)).collect();
        let last_readers = last_readers(&start.graph);
        let chain = |i| own_kernels.then(|| fused(&start.graph, i)).flatten();
        let fused: Vec<Option<Fused>> = (0..start.graph.nodes.len()).map(chain).collect();
        let mut swallowed = vec![false; start.graph.nodes.len()];
        for (i, chain) in fused.iter().enumerate() {
            let Some(Fused { last, .. }) = *chain else { continue };
            (0..swallowed.len())
                .filter(|j| *j > i && in_chain(&start.graph, i, last, *j))
                .for_each(|j| swallowed[j] = true);
        }
        Ok(TensorEngine { start, plan, device, own_kernels, parameters, trained, last_readers, fused, swallowed })
    }

    fn kernels(&self, spread: Spread) -> Kernels {
        if self.own_kernels {
            Kernels::Cpu(spread)
        } else {
            Kernels::Candle
        }
    }

    fn images(&self, batch: &Batch) -> Result<Tensor> {
        let [b, c, h, w] = batch.shape;
        Tensor::from_slice(&batch.images, (1, b, c, h, w), &self.device).map_err(Error::engine("input"))
    }

    /// Parameters of several networks from their trained weights (k) each: (networks, shape) where a scalar is trained,
    /// (1, shape) elsewhere.
    fn parameters_of(&self, trained: &[Vec<f32>]) -> Result<Vec<Tensor>> {
        let networks: Vec<Vec<f32>> = trained.iter().map(|trained| self.start.complete(trained)).collect();
        let networks: Vec<&[f32]> = networks.iter().map(Vec::as_slice).collect();
        let own = |(i, frozen): (usize, &Tensor)| match self.trained[i] {
            true => parameter_tensor(&self.start.graph, ParameterId(i), &networks, &self.device),
            false => Ok(frozen.clone()),
        };
        self.parameters.iter().enumerate().map(own).collect()
    }

    /// Computes the nodes for which `wanted` holds; `activations` has one place a node, filled where already known.
    /// An activation is dropped after its last reader unless `keep` holds for it.
    fn run(
        &self,
        activations: &mut [Option<Tensor>],
        parameters: &[Tensor],
        wanted: impl Fn(usize) -> bool,
        keep: impl Fn(usize) -> bool,
        mut mode: Mode<'_>,
    ) -> Result<()> {
        let mut norms = 0;
        for (i, node) in self.start.graph.nodes.iter().enumerate().skip(1).filter(|(i, _)| wanted(*i)) {
            if self.swallowed[i] && !mode.gradient {
                continue;
            }
            let inputs: Vec<&Tensor> = node.inputs.iter().map(|id| known(activations, *id)).collect();
            let chain = self.fused[i].filter(|_| !mode.gradient);
            let value = self.apply(node, chain, &inputs, parameters, &mut mode, &mut norms);
            let place = chain.map_or(i, |chain| chain.last);
            activations[place] = Some(value.map_err(Error::engine(&node.name))?);
            for input in &node.inputs {
                if self.last_readers[input.0] == i && !keep(input.0) {
                    activations[input.0] = None;
                }
            }
        }
        Ok(())
    }

    fn apply(
        &self,
        node: &Node,
        chain: Option<Fused>,
        inputs: &[&Tensor],
        parameters: &[Tensor],
        mode: &mut Mode<'_>,
        norms: &mut usize,
    ) -> candle_core::Result<Tensor> {
        let kernels = self.kernels(mode.spread);
        let parameter = |id: ParameterId| &parameters[id.0];
        let x = inputs[0];
        match node.op {
            Op::Input => Ok(x.clone()),
            Op::Conv2d { weight, bias, stride, padding } => {
                op::conv2d(kernels, x, parameter(weight), bias.map(parameter), stride, padding)
            }
            Op::Linear { weight, bias } => op::linear(kernels, x, parameter(weight), bias.map(parameter)),
            Op::BatchNorm { scale, shift } => {
                let (scale, shift) = (parameter(scale), parameter(shift));
                let statistics = match &mut mode.normalisation {
                    Normalisation::Batch => None,
                    Normalisation::Given(statistics) => Some(&statistics[*norms]),
                    Normalisation::Record(statistics) => {
                        statistics.push(op::moments(x)?);
                        statistics.last()
                    }
                };
                *norms += 1;
                match (chain, statistics) {
                    (Some(chain), _) => op::norm_relu(mode.spread, x, scale, shift, statistics, chain.pool),
                    (None, None) => op::batch_norm(kernels, x, scale, shift),
                    (None, Some(statistics)) => op::normalise(kernels, x, scale, shift, statistics),
                }
            }
            Op::Relu => op::relu(kernels, x),
            Op::MaxPool { size, stride } => op::max_pool(kernels, x, size, stride),
            Op::AvgPool { size, stride } => op::avg_pool(x, size, stride),
            Op::GlobalAvgPool => x.flatten(3, 4)?.mean(D::Minus1),
            Op::Add => {
                let members = inputs[0].dim(0)?.max(inputs[1].dim(0)?);
                if inputs.iter().all(|x| x.dim(0).is_ok_and(|m| m == members)) {
                    inputs[0] + inputs[1]
                } else {
                    inputs[0].broadcast_add(inputs[1])
                }
            }
            Op::Concat => {
                let mut members = 1;
                for x in inputs {
                    members = members.max(x.dim(0)?);
                }
                let widened = |x: &&Tensor| {
                    let mut shape = x.dims().to_vec();
                    shape[0] = members;
                    x.broadcast_as(shape)
                };
                Tensor::cat(&inputs.iter().map(widened).collect::<candle_core::Result<Vec<_>>>()?, 2)
            }
            Op::Flatten => x.flatten(2, D::Minus1),
        }
    }

    /// Activations of the nodes that all members share; those that members read are kept.
    fn shared(&self, batch: &Batch) -> Result<Vec<Option<Tensor>>> {
        let graph = &self.start.graph;
        let mut activations = vec![None; graph.nodes.len()];
        activations[0] = Some(self.images(batch)?);
        let per_member = &self.plan.per_member;
        let read_by_member: Vec<bool> = (0..graph.nodes.len())
            .map(|i| {
                let reads = |(j, node): (usize, &Node)| per_member[j] && node.inputs.contains(&NodeId(i));
                graph.nodes.iter().enumerate().any(reads)
            })
            .collect();
        let wanted = |i: usize| !per_member[i];
        let mode = Mode { normalisation: Normalisation::Batch, spread: Spread::Pool, gradient: false };
        self.run(&mut activations, &self.parameters, wanted, |i| read_by_member[i], mode)?;
        Ok(activations)
    }

    /// Losses of the members of one unit, from the shared activations.
    fn unit_losses(&self, shared: &[Option<Tensor>], unit: &[&[f32]], batch: &Batch, loss: Loss) -> Result<Vec<f32>> {
        let trained: Vec<Vec<f32>> = unit.iter().map(|genes| self.start.express(genes)).collect();
        let parameters = self.parameters_of(&trained)?;
        let mut activations = shared.to_vec();
        let wanted = |i: usize| self.plan.per_member[i];
        let mode = Mode { normalisation: Normalisation::Batch, spread: Spread::Here, gradient: false };
        self.run(&mut activations, &parameters, wanted, |_| false, mode)?;
        let logits = self.logits_of(&activations)?;
        Ok(logits
            .chunks_exact(logits.len() / unit.len())
            .map(|logits| loss.mean(logits, &batch.labels) as f32)
            .collect())
    }

    fn logits_of(&self, activations: &[Option<Tensor>]) -> Result<Vec<f32>> {
        let logits = known(activations, self.start.graph.output);
        logits.flatten_all().and_then(|logits| logits.to_vec1()).map_err(Error::engine("logits"))
    }

    /// All nodes of one network; gives the logits.
    fn whole(&self, trained: &[f32], batch: &Batch, normalisation: Normalisation<'_>) -> Result<Vec<f32>> {
        let parameters = self.parameters_of(&[trained.to_vec()])?;
        let mut activations = vec![None; self.start.graph.nodes.len()];
        activations[0] = Some(self.images(batch)?);
        let mode = Mode { normalisation, spread: Spread::Pool, gradient: false };
        self.run(&mut activations, &parameters, |_| true, |_| false, mode)?;
        self.logits_of(&activations)
    }
}

impl Engine for TensorEngine {
    fn losses(&self, population: &Population, batch: &Batch, loss: Loss) -> Result<Vec<f32>> {
        let shared = self.shared(batch)?;
        let members: Vec<&[f32]> = population.members().collect();
        let units: Vec<&[&[f32]]> = members.chunks(self.plan.unit).collect();
        let unlimited = self.plan.units_at_once >= rayon::current_num_threads();
        let mut losses = Vec::with_capacity(members.len());
        for units in units.chunks(if unlimited { units.len().max(1) } else { self.plan.units_at_once }) {
            let of_units = units.par_iter().map(|unit| self.unit_losses(&shared, unit, batch, loss));
            losses.extend(of_units.collect::<Result<Vec<_>>>()?.into_iter().flatten());
        }
        Ok(losses)
    }

    fn gradient(&self, trained: &[f32], batch: &Batch, loss: Loss) -> Result<(f64, Vec<f32>)> {
        let mut parameters = self.parameters_of(&[trained.to_vec()])?;
        let mut vars: Vec<Option<Var>> = vec![None; parameters.len()];
        for (i, parameter) in parameters.iter_mut().enumerate().filter(|(i, _)| self.trained[*i]) {
            let var = Var::from_tensor(parameter).map_err(Error::engine(&self.start.graph.parameters[i].name))?;
            *parameter = var.as_tensor().clone();
            vars[i] = Some(var);
        }
        let mut activations = vec![None; self.start.graph.nodes.len()];
        activations[0] = Some(self.images(batch)?);
        let mode = Mode { normalisation: Normalisation::Batch, spread: Spread::Pool, gradient: true };
        self.run(&mut activations, &parameters, |_| true, |_| false, mode)?;
        let logits = known(&activations, self.start.graph.output);
        let values = self.logits_of(&activations)?;
        // The loss is linear in the logits to first order: backward through <logits, dloss/dlogits> gives its gradient.
        let seed = Tensor::from_vec(loss.gradient(&values, &batch.labels), logits.shape(), &self.device);
        let surrogate = seed.and_then(|seed| (logits * seed)?.sum_all());
        let gradients = surrogate.and_then(|surrogate| surrogate.backward()).map_err(Error::engine("loss"))?;
        let mut all = vec![0.0; self.start.weights.len()];
        for (parameter, var) in self.start.graph.parameters.iter().zip(&vars) {
            let Some(gradient) = var.as_ref().and_then(|var| gradients.get(var)) else { continue };
            let values = gradient.flatten_all().and_then(|gradient| gradient.to_vec1::<f32>());
            all[parameter.range()].copy_from_slice(&values.map_err(Error::engine(&parameter.name))?);
        }
        Ok((loss.mean(&values, &batch.labels), self.start.subset.gather(&all)))
    }

    fn recalibrate(&self, trained: &[f32], batch: &Batch) -> Result<(Vec<Statistics>, Vec<f32>)> {
        let mut statistics = Vec::new();
        let logits = self.whole(trained, batch, Normalisation::Record(&mut statistics))?;
        Ok((statistics, logits))
    }

    fn logits(&self, trained: &[f32], statistics: &[Statistics], batch: &Batch) -> Result<Vec<f32>> {
        self.whole(trained, batch, Normalisation::Given(statistics))
    }
}

/// An activation that the order of the graph guarantees.
fn known(activations: &[Option<Tensor>], id: NodeId) -> &Tensor {
    activations[id.0].as_ref().expect("nodes are computed after their inputs, and kept until their last reader")
}

/// The chain that begins at a batch-norm node.
fn fused(graph: &Graph, norm: usize) -> Option<Fused> {
    let only_reader = |i: usize| {
        let mut readers = (0..graph.nodes.len()).filter(|j| graph.nodes[*j].inputs.contains(&NodeId(i)));
        readers.next().filter(|_| readers.next().is_none() && graph.output != NodeId(i))
    };
    if !matches!(graph.nodes[norm].op, Op::BatchNorm { .. }) {
        return None;
    }
    let relu = only_reader(norm).filter(|i| graph.nodes[*i].op == Op::Relu)?;
    let pool = only_reader(relu).filter(|i| graph.nodes[*i].op == Op::MaxPool { size: 2, stride: 2 });
    Some(Fused { last: pool.unwrap_or(relu), pool: pool.is_some() })
}

/// Whether node `j` stands on the way from node `first` to node `last` of a chain.
fn in_chain(graph: &Graph, first: usize, last: usize, j: usize) -> bool {
    let mut at = last;
    while at != first {
        if at == j {
            return true;
        }
        at = graph.nodes[at].inputs[0].0;
    }
    false
}

/// One parameter of several networks, (networks, shape), out of their flat weight vectors.
fn parameter_tensor(graph: &Graph, id: ParameterId, networks: &[&[f32]], device: &Device) -> Result<Tensor> {
    let parameter = graph.parameter(id);
    let values: Vec<f32> = networks.iter().flat_map(|weights| weights[parameter.range()].iter().copied()).collect();
    let mut shape = vec![networks.len()];
    shape.extend(&parameter.shape);
    Tensor::from_vec(values, shape, device).map_err(Error::engine(&parameter.name))
}
