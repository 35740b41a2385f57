//! The engine on a device: a population's passes by candle's tensors, members along the first axis, on a GPU or the CPU.
//!
//! It executes the same programs of [`crate::plan`] as the engine on the CPU: what is shared is computed once for a batch,
//! filters that are partly shared are sums of a shared and an own part, and members are folded into the batch where only
//! their activations differ. Weights, images and what is kept of them stay on the device; for a generation indices and
//! genomes go up and losses come down, and the host waits for nothing in between.

mod chunk;
#[cfg(feature = "cuda")]
mod cuda;
mod images;
mod inputs;
pub mod launch;
mod matrix;
mod operations;
mod own;
mod pass;
mod plain;
mod processor;
mod rate;
mod residence;
mod shared;
mod template;
mod tiling;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{Device, Tensor};

pub use self::matrix::MatrixPrecision;
pub use self::operations::Operations;
pub use self::own::Own;
pub use self::plain::Plain;
pub use self::processor::{DeviceChoice, Make, Processor, Voice};

use self::chunk::Floats;
use self::inputs::Inputs;
use self::pass::{Normalisation, Outcome, Pass};
use self::residence::Residence;
use self::shared::Shared;
use self::template::{Maker, StepTemplates};
use super::{ClassLosses, Engine, Loss, ReferenceEngine, Statistics};
use crate::data::Batch;
use crate::error::{Error, Result};
use crate::plan::{Plan, Program, Programs};
use crate::population::Population;
use crate::subset::Start;

/// Executes plans on a device.
pub struct DeviceEngine {
    start: Arc<Start>,
    plan: Plan,
    programs: Arc<Programs>,
    device: Device,
    operations: Arc<dyn Operations>,
    /// Weights of the members' program, of the shared one, of the whole network, and of what is kept for each image.
    members: Vec<StepTemplates>,
    shared: Vec<StepTemplates>,
    whole: Vec<StepTemplates>,
    kept: Vec<StepTemplates>,
    /// The trained weights at the start, (1, k).
    base: Tensor,
    /// What a gene is worth, (1, k); `None` in a subspace.
    scale: Option<Tensor>,
    residence: Mutex<Residence>,
    /// Most members that go at once, by the images of a batch.
    most: Mutex<HashMap<usize, usize>>,
    voice: Arc<Voice>,
    /// Gradients, by the graph of candle's operations.
    gradients: ReferenceEngine,
}

impl DeviceEngine {
    /// An engine for a plan on a device; `None` where the plan has no program (see [`Plan::programs`]).
    ///
    /// # Errors
    /// If the device cannot hold the network.
    pub fn new(
        start: Arc<Start>,
        plan: Plan,
        device: Device,
        operations: Arc<dyn Operations>,
        voice: Arc<Voice>,
    ) -> Result<Option<Self>> {
        let Some(programs) = plan.programs.clone() else { return Ok(None) };
        let on_device = Error::engine("weights");
        let made = || -> candle_core::Result<_> {
            let maker = Maker::new(&start, &device);
            let row = |values: &[f32]| Tensor::from_slice(values, (1, values.len()), &device);
            let scale = match &start.encoding {
                crate::subset::Encoding::Weights(scale) => Some(row(scale)?),
                crate::subset::Encoding::Subspace(_) => None,
            };
            let all = [&programs.members, &programs.shared, &programs.whole, &programs.kept];
            let templates = all.map(|program| maker.program(program));
            Ok((templates, row(&start.base)?, scale))
        };
        let ([members, shared, whole, kept], base, scale) = made().map_err(on_device)?;
        let templates = |made: candle_core::Result<Vec<StepTemplates>>| made.map_err(Error::engine("weights"));
        let given = programs.cut.given.iter().map(|node| {
            let size = programs.sizes[*node];
            (*node, [size.channels, size.height, size.width])
        });
        let given: Vec<(usize, [usize; 3])> = given.collect();
        let room = chunk::free_bytes(&device).unwrap_or(u64::MAX).min(plan.limits.memory) / 4;
        let residence = Residence::new(&device, &given, plan.precision, room.max(plan.kept_bytes));
        Ok(Some(DeviceEngine {
            gradients: ReferenceEngine::single(start.clone(), &plan, device.clone()),
            members: templates(members)?,
            shared: templates(shared)?,
            whole: templates(whole)?,
            kept: templates(kept)?,
            residence: Mutex::new(residence),
            most: Mutex::default(),
            voice,
            start,
            plan,
            programs,
            device,
            operations,
            base,
            scale,
        }))
    }

    /// What programs are given of a batch.
    fn inputs(&self, batch: &Batch) -> Result<Inputs> {
        let mut residence = self.residence.lock().unwrap_or_else(PoisonError::into_inner);
        let given = residence.gather(batch, |places| self.given_of(batch, places).map_err(Given))?;
        Inputs::new(&self.start.graph, &self.programs.sizes, batch, given, &self.device).map_err(Error::engine("input"))
    }

    /// What is given of the images at some places of a batch, (places, values) for each given node.
    fn given_of(&self, batch: &Batch, places: &[usize]) -> Result<Vec<Tensor>> {
        let [_, c, h, w] = batch.shape;
        let length = c * h * w;
        let all = places.len() == batch.labels.len();
        let images = match all {
            true => Tensor::from_slice(&batch.images, (places.len(), length), &self.device),
            false => {
                let chosen = places.iter().flat_map(|i| &batch.images[i * length..(i + 1) * length]).copied();
                Tensor::from_vec(chosen.collect::<Vec<f32>>(), (places.len(), length), &self.device)
            }
        };
        let images = images.map_err(Error::engine("input"))?;
        let program = &self.programs.kept;
        if program.steps.is_empty() {
            return Ok(vec![images]);
        }
        let shaped = images.reshape((1, places.len(), c, h, w)).map_err(Error::engine("input"))?;
        let labels = Tensor::zeros(places.len(), candle_core::DType::U32, &self.device);
        let inputs = Inputs {
            batch: places.len(),
            labels: labels.map_err(Error::engine("input"))?,
            given: HashMap::from([(0, shaped)]),
            masks: HashMap::new(),
        };
        let kept: Vec<usize> = self.programs.kept_nodes().collect();
        let steps: Vec<usize> = kept.iter().filter_map(|node| program.step_of[*node]).collect();
        let pass = self.pass(program, &self.kept, &inputs, &self.base);
        let outcome = pass.run(|step| steps.contains(&step))?;
        let mut of_nodes = Vec::new();
        for node in &self.programs.cut.given {
            let values = match node {
                0 => Ok(images.clone()),
                node => {
                    let channels: Vec<usize> = (0..self.programs.sizes[*node].channels).collect();
                    let values = pass.node(&outcome.values, *node, &channels);
                    values.and_then(|x| x.get(0)?.contiguous()?.flatten_from(1))
                }
            };
            of_nodes.push(values.map_err(Error::engine(&self.start.graph.nodes[*node].name))?);
        }
        Ok(of_nodes)
    }

    /// A pass of one member with these trained weights (1, k), to be changed for others.
    fn pass<'a>(
        &'a self,
        program: &'a Program,
        templates: &'a [StepTemplates],
        inputs: &'a Inputs,
        trained: &'a Tensor,
    ) -> Pass<'a> {
        Pass {
            graph: &self.start.graph,
            operations: &*self.operations,
            program,
            templates,
            trained,
            differences: trained,
            inputs,
            shared: None,
            normalisation: Normalisation::Batch,
        }
    }

    /// Logits (members, batch, classes) of a pass.
    fn logits_of(&self, pass: &Pass<'_>, outcome: &Outcome) -> Result<Tensor> {
        let channels: Vec<usize> = (0..self.programs.sizes[self.programs.output].channels).collect();
        let logits = || {
            let logits = pass.node(&outcome.values, self.programs.output, &channels)?;
            images::for_members(&logits, pass.trained.dim(0)?)?.contiguous()?.flatten_from(2)
        };
        logits().map_err(Error::engine("logits"))
    }

    /// What `of` makes of the logits (members, batch, classes) of each chunk of the population.
    fn of_members(
        &self,
        population: &Population,
        batch: &Batch,
        of: impl Fn(&Tensor, &Inputs) -> candle_core::Result<Tensor>,
    ) -> Result<Vec<f32>> {
        let inputs = self.inputs(batch)?;
        let program = &self.programs.members;
        let pass = self.pass(&self.programs.shared, &self.shared, &inputs, &self.base);
        let shared = Shared::new(&pass, program, &self.members)?;
        let n = population.len();
        let genomes = match self.scale {
            Some(_) => Some(self.genomes(population)?),
            None => None,
        };
        let mut found: Vec<Tensor> = Vec::new();
        let mut done = 0;
        'again: while done < n {
            let most = self.most(batch.labels.len())?;
            for (first, length) in chunk::chunks(n - done, most) {
                let members = done + first..done + first + length;
                let of_chunk = || -> Result<Tensor> {
                    let genomes = genomes.as_ref().map(|genomes| genomes.narrow(0, members.start, length));
                    let trained = self.trained(population, members.clone(), genomes)?;
                    let of_chunk = self.of_chunk(&inputs, &shared, &trained)?;
                    of(&of_chunk, &inputs).map_err(Error::engine("loss"))
                };
                match of_chunk() {
                    Ok(rows) => found.push(rows),
                    Err(error) if length > 1 && is_out_of_memory(&error) => {
                        self.halve(length, batch.labels.len());
                        done = members.start;
                        continue 'again;
                    }
                    Err(error) => return Err(error),
                }
            }
            done = n;
        }
        let values = || Tensor::cat(&found, 0)?.flatten_all()?.to_vec1();
        values().map_err(Error::engine("loss"))
    }

    fn of_chunk(&self, inputs: &Inputs, shared: &Shared, trained: &Tensor) -> Result<Tensor> {
        let differences = trained.broadcast_sub(&self.base).map_err(Error::engine("weights"))?;
        let pass = self.pass(&self.programs.members, &self.members, inputs, trained);
        let pass = Pass { shared: Some(shared), differences: &differences, ..pass };
        let outcome = pass.run(|_| false)?;
        self.logits_of(&pass, &outcome)
    }

    /// All genomes (n, k) on the device.
    fn genomes(&self, population: &Population) -> Result<Tensor> {
        let genes = Tensor::from_slice(population.genes(), (population.len(), population.size()), &self.device);
        genes.map_err(Error::engine("genomes"))
    }

    /// Trained weights (members, k) of some members.
    fn trained(
        &self,
        population: &Population,
        members: std::ops::Range<usize>,
        genomes: Option<candle_core::Result<Tensor>>,
    ) -> Result<Tensor> {
        let trained = || match (&self.scale, genomes) {
            // A product, then a sum, as on the host: the same bits.
            (Some(scale), Some(genomes)) => genomes?.broadcast_mul(scale)?.broadcast_add(&self.base),
            _ => {
                let members: Vec<&[f32]> = members.map(|member| population.member(member)).collect();
                let rows = self.start.express_all(&members);
                Tensor::from_vec(rows.concat(), (members.len(), self.start.subset.size), &self.device)
            }
        };
        trained().map_err(Error::engine("weights"))
    }

    /// Members that go at once on batches of this size.
    fn most(&self, batch: usize) -> Result<usize> {
        let mut most = self.most.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(most) = most.get(&batch) {
            return Ok(*most);
        }
        // What images may still take is left to them: else chunks would be halved when these come.
        let unfilled = self.residence.lock().unwrap_or_else(PoisonError::into_inner).unfilled_bytes();
        let free = chunk::free_bytes(&self.device).unwrap_or(u64::MAX).min(self.plan.limits.memory);
        let floats = Floats::of_member(&self.programs.members, &*self.operations, batch);
        let fit = floats.with_weights(self.start.subset.size).members(free.saturating_sub(unfilled))?;
        most.insert(batch, fit);
        Ok(fit)
    }

    /// Takes half of a chunk that did not fit from now on.
    fn halve(&self, length: usize, batch: usize) {
        self.voice.once(&format!(
            "{length} members at once do not fit into the memory of the device: going on with {} and, where these do not fit, \
             with fewer; losses are the same but for rounding",
            length / 2
        ));
        self.most.lock().unwrap_or_else(PoisonError::into_inner).insert(batch, length / 2);
    }

    /// The whole network with these trained weights (k): its pass's statistics and logits.
    fn of_network(
        &self,
        trained: &[f32],
        batch: &Batch,
        normalisation: Normalisation<'_>,
    ) -> Result<(Outcome, Vec<f32>)> {
        let inputs = self.inputs(batch)?;
        let trained =
            Tensor::from_slice(trained, (1, trained.len()), &self.device).map_err(Error::engine("weights"))?;
        let pass = Pass { normalisation, ..self.pass(&self.programs.whole, &self.whole, &inputs, &trained) };
        let outcome = pass.run(|_| false)?;
        let logits = self.logits_of(&pass, &outcome)?;
        let logits = logits.flatten_all().and_then(|logits| logits.to_vec1()).map_err(Error::engine("logits"))?;
        Ok((outcome, logits))
    }
}

impl Engine for DeviceEngine {
    fn losses(&self, population: &Population, batch: &Batch, loss: Loss) -> Result<Vec<f32>> {
        let operations = &*self.operations;
        self.of_members(population, batch, |logits, inputs| operations.losses(logits, &inputs.labels, loss, false))
    }

    fn class_losses(&self, population: &Population, batch: &Batch, loss: Loss) -> Result<ClassLosses> {
        let operations = &*self.operations;
        let of = |logits: &Tensor, inputs: &Inputs| operations.losses(logits, &inputs.labels, loss, true);
        let rows = self.of_members(population, batch, of)?;
        let rows: Vec<Vec<f32>> = rows.chunks_exact(1 + self.start.graph.classes()).map(<[f32]>::to_vec).collect();
        Ok(ClassLosses::of_rows(&rows))
    }

    fn gradient(&self, trained: &[f32], batch: &Batch, loss: Loss) -> Result<(f64, Vec<f32>)> {
        self.gradients.gradient(trained, batch, loss)
    }

    fn outputs(&self, population: &Population, batch: &Batch) -> Result<Vec<Vec<f32>>> {
        let logits = self.of_members(population, batch, |logits, _| Ok(logits.clone()))?;
        let length = batch.labels.len() * self.start.graph.classes();
        Ok(logits.chunks_exact(length).map(<[f32]>::to_vec).collect())
    }

    fn vector_jacobian_products(&self, trained: &[f32], batch: &Batch, slopes: &[Vec<f32>]) -> Result<Vec<Vec<f32>>> {
        self.gradients.vector_jacobian_products(trained, batch, slopes)
    }

    fn recalibrate(&self, trained: &[f32], batch: &Batch) -> Result<(Vec<Statistics>, Vec<f32>)> {
        let (mut outcome, _) = self.of_network(trained, batch, Normalisation::Batch)?;
        outcome.moments.sort_unstable_by_key(|(index, _)| *index);
        let of_layer = |(_, moments): &(usize, operations::Moments)| -> candle_core::Result<Statistics> {
            let row = |values: &Tensor| values.flatten_all()?.to_vec1();
            Ok(Statistics { mean: row(&moments.mean)?, variance: row(&moments.variance)? })
        };
        let statistics = outcome.moments.iter().map(of_layer).collect::<candle_core::Result<Vec<_>>>();
        let statistics = statistics.map_err(Error::engine("batch-norm"))?;
        // What is normalised is what the statistics give, here and later, bit for bit.
        let logits = self.logits(trained, &statistics, batch)?;
        Ok((statistics, logits))
    }

    fn logits(&self, trained: &[f32], statistics: &[Statistics], batch: &Batch) -> Result<Vec<f32>> {
        Ok(self.of_network(trained, batch, Normalisation::Given(statistics))?.1)
    }
}

/// An error on the way to what is given.
struct Given(Error);

impl From<candle_core::Error> for Given {
    fn from(error: candle_core::Error) -> Self {
        Given(Error::engine("input")(error))
    }
}

impl From<Given> for Error {
    fn from(Given(error): Given) -> Self {
        error
    }
}

fn is_out_of_memory(error: &Error) -> bool {
    matches!(error, Error::Engine { source, .. } if chunk::out_of_memory(source))
}
