//! The engine on the CPU: products over channel-last images with what follows them fused behind, members side by side.
//!
//! [`crate::plan`] says what is shared, what is partly shared and how many members make a unit; the modules below compute
//! it. Units go to the threads of the pool; within a unit nothing waits.

mod arch;
mod backward;
pub mod bank;
#[cfg(test)]
mod fixture;
mod forward;
pub mod lanes;
pub mod moments;
pub mod pooling;
mod product;
mod scratch;
mod shared;
mod slopes;
pub mod tile;
mod value;
mod weights;

use std::borrow::Cow;
use std::sync::Arc;

use rayon::prelude::*;

use self::backward::Backward;
use self::forward::{Normalisation, Outcome, Pass, Spread};
use self::lanes::Pixels;
use self::scratch::{Buffers, Pool, Scratch};
use self::shared::{Shared, Sharing};
use self::weights::{Banks, Weights};
use super::{Engine, Loss, Statistics};
use crate::data::Batch;
use crate::error::Result;
use crate::plan::{Plan, Program, Programs};
use crate::population::Population;
use crate::subset::Start;

/// Executes plans on the CPU.
pub struct CpuEngine {
    start: Arc<Start>,
    plan: Plan,
    programs: Arc<Programs>,
    /// Weights of the members' program, of the shared one, and of the whole network.
    members: Weights,
    shared: Weights,
    whole: Weights,
    /// The base, for the shared program.
    shared_banks: Banks,
    scratch: Pool<Scratch>,
    buffers: Pool<Buffers>,
    banks: Pool<Banks>,
    whole_banks: Pool<Banks>,
}

impl CpuEngine {
    /// An engine for a plan; `None` where the plan has no program (see [`Plan::programs`]).
    pub fn new(start: Arc<Start>, plan: Plan) -> Option<Self> {
        let programs = plan.programs.clone()?;
        let weights = |program: &Program| Weights::new(&start, program);
        let (members, shared, whole) =
            (weights(&programs.members), weights(&programs.shared), weights(&programs.whole));
        let mut shared_banks = Banks::default();
        shared.fill(&programs.shared, std::slice::from_ref(&start.base), &mut shared_banks);
        Some(CpuEngine {
            start,
            plan,
            programs,
            members,
            shared,
            whole,
            shared_banks,
            scratch: Pool::default(),
            buffers: Pool::default(),
            banks: Pool::default(),
            whole_banks: Pool::default(),
        })
    }

    /// What the members share on a batch, if they share anything.
    fn share(&self, images: &[f32], batch: usize) -> Option<Shared> {
        let sharing = Sharing {
            program: &self.programs.shared,
            weights: &self.shared,
            banks: &self.shared_banks,
            members: &self.programs.members,
            member_weights: &self.members,
            scratch: &self.scratch,
        };
        Some(Shared::new(&sharing, images, batch, &mut self.buffers.take()))
    }

    /// Losses of the members of one unit.
    fn unit_losses(&self, shared: Option<&Shared>, unit: &[&[f32]], batch: &Batch, loss: Loss) -> Vec<f32> {
        let trained: Vec<Vec<f32>> = unit.iter().map(|genes| self.start.express(genes)).collect();
        let mut banks = self.banks.take();
        self.members.fill(&self.programs.members, &trained, &mut banks);
        let pass = Pass {
            program: &self.programs.members,
            weights: &self.members,
            banks: &banks,
            shared,
            images: &[],
            batch: batch.labels.len(),
            normalisation: Normalisation::Batch,
            keep: false,
            spread: Spread::Here,
            scratch: &self.scratch,
        };
        let mut buffers = self.buffers.take();
        let outcome = pass.run(&mut buffers, |_| false);
        let logits = self.logits_of(&pass, &outcome);
        drop_all(outcome, &mut buffers);
        logits.iter().map(|logits| loss.mean(logits, &batch.labels) as f32).collect()
    }

    /// Logits (batch, classes) of each member of a pass.
    fn logits_of(&self, pass: &Pass<'_>, outcome: &Outcome) -> Vec<Vec<f32>> {
        let output = self.programs.output;
        let size = self.programs.sizes[output];
        let (pixels, members) = (size.pixels(), pass.members());
        let mut logits = vec![vec![0.0; pass.batch * size.values()]; members];
        let mut scratch = self.scratch.take();
        let own = pass.program.step_of[output];
        let parts = own.map_or(&[][..], |index| &pass.program.steps[index].parts);
        let held = own.and_then(|index| outcome.values[index].as_ref()).map_or(&[][..], |value| &value.parts);
        let mut covered = vec![false; size.channels];
        for (part, held) in parts.iter().zip(held) {
            part.channels.iter().for_each(|channel| covered[*channel] = true);
            let lanes = members * held.channels;
            let mut x = vec![0.0; pixels * lanes];
            for image in 0..pass.batch {
                held.load(image, members, size, &mut x, Pixels::dense(size.width, lanes), &mut scratch, 0);
                for (member, logits) in logits.iter_mut().enumerate() {
                    let logits = &mut logits[image * size.values()..][..size.values()];
                    for (i, channel) in part.channels.iter().enumerate() {
                        for pixel in 0..pixels {
                            logits[channel * pixels + pixel] = x[pixel * lanes + member * held.channels + i];
                        }
                    }
                }
            }
        }
        let rest: Vec<usize> = (0..size.channels).filter(|channel| !covered[*channel]).collect();
        if let (Some(shared), false) = (pass.shared, rest.is_empty()) {
            for image in 0..pass.batch {
                let x = shared.image(output, image);
                for logits in &mut logits {
                    for channel in &rest {
                        for pixel in 0..pixels {
                            logits[image * size.values() + channel * pixels + pixel] =
                                x[pixel * size.channels + channel];
                        }
                    }
                }
            }
        }
        logits
    }

    /// A pass over the whole network.
    fn pass_of_whole<'a>(
        &'a self,
        banks: &'a Banks,
        images: &'a [f32],
        batch: &Batch,
        normalisation: Normalisation<'a>,
    ) -> Pass<'a> {
        Pass {
            program: &self.programs.whole,
            weights: &self.whole,
            banks,
            shared: None,
            images,
            batch: batch.labels.len(),
            normalisation,
            keep: false,
            spread: Spread::Pool,
            scratch: &self.scratch,
        }
    }

    /// The whole network with these trained weights; gives statistics and logits.
    fn whole(
        &self,
        trained: &[f32],
        batch: &Batch,
        normalisation: Normalisation<'_>,
    ) -> (Vec<(usize, Statistics)>, Vec<f32>) {
        let mut banks = self.whole_banks.take();
        self.whole.fill(&self.programs.whole, &[trained.to_vec()], &mut banks);
        let images = channels_last(batch);
        let pass = self.pass_of_whole(&banks, &images, batch, normalisation);
        // Evaluation batches are large and rare: their memory is not kept.
        let outcome = pass.run(&mut Buffers::default(), |_| false);
        let logits = self.logits_of(&pass, &outcome).swap_remove(0);
        (outcome.statistics, logits)
    }

    /// Gradients of logits (batch, classes) as the output's step holds its value: channel-last.
    fn channels_last_logits(&self, slopes: Vec<f32>) -> Vec<f32> {
        let size = self.programs.sizes[self.programs.output];
        if size.pixels() == 1 {
            return slopes;
        }
        let mut turned = Vec::with_capacity(slopes.len());
        for image in slopes.chunks_exact(size.values()) {
            for pixel in 0..size.pixels() {
                turned.extend((0..size.channels).map(|channel| image[channel * size.pixels() + pixel]));
            }
        }
        turned
    }
}

impl Engine for CpuEngine {
    fn losses(&self, population: &Population, batch: &Batch, loss: Loss) -> Result<Vec<f32>> {
        let images = channels_last(batch);
        let shared = self.share(&images, batch.labels.len());
        let members: Vec<&[f32]> = population.members().collect();
        let units: Vec<&[&[f32]]> = members.chunks(self.plan.unit).collect();
        let unlimited = self.plan.units_at_once >= rayon::current_num_threads();
        let mut losses = Vec::with_capacity(members.len());
        for units in units.chunks(if unlimited { units.len().max(1) } else { self.plan.units_at_once }) {
            let of_units: Vec<Vec<f32>> =
                units.par_iter().map(|unit| self.unit_losses(shared.as_ref(), unit, batch, loss)).collect();
            losses.extend(of_units.into_iter().flatten());
        }
        if let Some(shared) = shared {
            shared.drop_into(&mut self.buffers.take());
        }
        Ok(losses)
    }

    fn gradient(&self, trained: &[f32], batch: &Batch, loss: Loss) -> Result<(f64, Vec<f32>)> {
        let mut banks = self.whole_banks.take();
        self.whole.fill(&self.programs.whole, &[trained.to_vec()], &mut banks);
        let images = channels_last(batch);
        let mut buffers = self.buffers.take();
        let mut pass = self.pass_of_whole(&banks, &images, batch, Normalisation::Batch);
        pass.keep = true;
        let outcome = pass.run(&mut buffers, |_| false);
        let logits = self.logits_of(&pass, &outcome).swap_remove(0);
        let slope = self.channels_last_logits(loss.gradient(&logits, &batch.labels));
        let gradient = Backward::gradient(&pass, &outcome, trained.len(), slope, &mut buffers);
        drop_all(outcome, &mut buffers);
        Ok((loss.mean(&logits, &batch.labels), gradient))
    }

    fn recalibrate(&self, trained: &[f32], batch: &Batch) -> Result<(Vec<Statistics>, Vec<f32>)> {
        let (mut statistics, logits) = self.whole(trained, batch, Normalisation::Batch);
        statistics.sort_unstable_by_key(|(index, _)| *index);
        Ok((statistics.into_iter().map(|(_, statistics)| statistics).collect(), logits))
    }

    fn logits(&self, trained: &[f32], statistics: &[Statistics], batch: &Batch) -> Result<Vec<f32>> {
        Ok(self.whole(trained, batch, Normalisation::Given(statistics)).1)
    }
}

fn drop_all(outcome: Outcome, buffers: &mut Buffers) {
    for value in outcome.values.into_iter().flatten() {
        value.parts.into_iter().for_each(|part| part.drop_into(buffers));
    }
}

/// A batch's images (batch, h, w, c).
fn channels_last(batch: &Batch) -> Cow<'_, [f32]> {
    let [_, channels, height, width] = batch.shape;
    if channels == 1 {
        return Cow::Borrowed(&batch.images);
    }
    let pixels = height * width;
    let mut images = Vec::with_capacity(batch.images.len());
    for image in batch.images.chunks_exact(channels * pixels) {
        for pixel in 0..pixels {
            images.extend((0..channels).map(|channel| image[channel * pixels + pixel]));
        }
    }
    Cow::Owned(images)
}
