//! What all members share on one batch, computed once: the shared nodes that they read, sums of frozen filters on shared
//! channels, patches under trained weights, statistics of channels that members scale for themselves.

use candle_core::{Result, Tensor};

use super::images::select;
use super::operations::{First, Moments, Operations, Tail};
use super::pass::Pass;
use super::template::StepTemplates;
use crate::error::{Error, Result as EngineResult};
use crate::plan::{From, Kind, Program};

/// What is shared.
pub struct Shared {
    /// For each node its values (1, batch, channels, height, width), where members read it.
    values: Vec<Option<Tensor>>,
    /// One for each step of the members' program.
    pub steps: Vec<SharedStep>,
}

/// What one step of the members reads.
#[derive(Default)]
pub struct SharedStep {
    /// The shared channels of the input of a product.
    input: Option<Tensor>,
    /// What stands under trained taps, (taps, batch * height * width of the output).
    pub patches: Option<Tensor>,
    /// Sums of the base's weights on shared channels, (1, batch, filters, height, width).
    pub seed: Option<Tensor>,
    /// Channels that members scale, in front of their batch-norm, and their statistics.
    pub promoted: Option<(Tensor, Moments)>,
}

impl SharedStep {
    /// The shared channels of the input.
    ///
    /// # Errors
    /// Where none were prepared.
    pub fn input(&self) -> Result<&Tensor> {
        self.input.as_ref().ok_or_else(|| candle_core::Error::Msg("a shared input that was not prepared".to_string()))
    }
}

impl Shared {
    /// Computes by the pass of the shared program what steps of the `members`' program read.
    ///
    /// # Errors
    /// The operation's own words, with its layer.
    pub fn new(pass: &Pass<'_>, members: &Program, templates: &[StepTemplates]) -> EngineResult<Self> {
        let wanted: Vec<usize> = members.shared_reads.iter().filter_map(|node| pass.program.step_of[*node]).collect();
        let outcome = pass.run(|step| wanted.contains(&step))?;
        let mut shared = Shared { values: vec![None; pass.program.step_of.len()], steps: Vec::new() };
        for node in &members.shared_reads {
            let index = pass.program.step_of[*node].expect("what members read is computed");
            let channels: Vec<usize> = (0..pass.program.steps[index].out.channels).collect();
            let value =
                pass.node(&outcome.values, *node, &channels).map_err(Error::engine(&pass.graph.nodes[*node].name))?;
            shared.values[*node] = Some(value);
        }
        for (step, templates) in members.steps.iter().zip(templates) {
            let of_step = shared.step(pass.operations, step, templates);
            shared.steps.push(of_step.map_err(Error::engine(&pass.graph.nodes[step.node].name))?);
        }
        Ok(shared)
    }

    /// All channels of a node.
    pub fn node(&self, node: usize) -> &Tensor {
        self.values[node].as_ref().expect("the program notes which nodes its steps read")
    }

    fn step(
        &self,
        operations: &dyn Operations,
        step: &crate::plan::Step,
        templates: &StepTemplates,
    ) -> Result<SharedStep> {
        let mut of_step = SharedStep::default();
        if let Kind::Product(product) = &step.kind {
            if !product.shared.is_empty() {
                let input = select(self.node(step.inputs[0]), &product.shared)?.contiguous()?;
                if let Some(taps) = &templates.taps {
                    of_step.patches = Some(operations.patches(&input, product.geometry(), taps)?);
                }
                if let Some((weight, bias)) = &templates.seed {
                    let first = First { bias: Some(bias.clone()), ..First::default() };
                    let (seed, _) =
                        operations.convolution(&input, weight, product.geometry(), &first, &Tail::default())?;
                    of_step.seed = Some(seed);
                }
                of_step.input = Some(input);
            }
        }
        if let Some(part) = step.parts.iter().find(|part| part.from == From::Promoted) {
            let node = step.promoted_from.expect("the program notes where promoted channels come from");
            let raw = select(self.node(node), &part.channels)?.contiguous()?;
            let moments = operations.moments(&raw)?;
            of_step.promoted = Some((raw, moments));
        }
        Ok(of_step)
    }
}
