//! The engine on the CPU: products over channel-last images with what follows them fused behind, members side by side.
//!
//! [`crate::plan`] says what is shared, what is partly shared and how many members make a unit; the modules below compute
//! it. Units go to the threads of the pool; within a unit nothing waits.

mod arch;
mod backward;
pub mod bank;
mod features;
#[cfg(test)]
mod fixture;
mod forward;
pub(super) mod function;
pub mod lanes;
pub mod moments;
mod plain;
pub mod pooling;
mod product;
mod scratch;
mod shared;
mod slopes;
mod statistics;
pub mod tile;
mod turned;
mod value;
mod weights;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use rayon::prelude::*;

use self::backward::Backward;
use self::features::Features;
use self::forward::{Given, Normalisation, Outcome, Pass, Spread};
use self::lanes::Pixels;
use self::scratch::{Buffers, Pool, Scratch};
use self::shared::{Shared, Sharing};
use self::weights::{Banks, Weights};
use super::{ClassLosses, Engine, Loss, Statistics};
use crate::data::Batch;
use crate::error::Result;
use crate::plan::{Plan, Program, Programs};
use crate::population::Population;
use crate::rng::Seed;
use crate::subset::Start;

/// Indices of [`CpuEngine::scratch`].
const MEMBERS: usize = 0;
const SHARED: usize = 1;
const WHOLE: usize = 2;
const KEPT: usize = 3;

/// Executes plans on the CPU.
pub struct CpuEngine {
    start: Arc<Start>,
    plan: Plan,
    programs: Arc<Programs>,
    /// Weights of the members' program, of the shared one, of the whole network, and of what is kept for each image.
    members: Weights,
    shared: Weights,
    whole: Weights,
    kept: Weights,
    /// What is kept; `None` where nothing is.
    features: Option<Features>,
    /// The base, for the programs that no trained scalar reaches.
    shared_banks: Banks,
    kept_banks: Banks,
    /// Scratch of each program: a step of one is not the step of this index in another.
    scratch: [Pool<Scratch>; 4],
    buffers: Pool<Buffers>,
    /// Of what is shared: threads that evaluate members hold none of it.
    shared_buffers: Pool<Buffers>,
    banks: Pool<Banks>,
    whole_banks: Pool<Banks>,
}

impl CpuEngine {
    /// An engine for a plan; `None` where the plan has no program (see [`Plan::programs`]).
    pub fn new(start: Arc<Start>, plan: Plan) -> Option<Self> {
        let programs = plan.programs.clone()?;
        let weights = |program: &Program| Weights::new(&start, program);
        let [members, shared, whole, kept] =
            [&programs.members, &programs.shared, &programs.whole, &programs.kept].map(weights);
        let [mut shared_banks, mut kept_banks] = [Banks::default(), Banks::default()];
        shared.fill(&programs.shared, vec![start.base.clone()], &mut shared_banks);
        kept.fill(&programs.kept, vec![start.base.clone()], &mut kept_banks);
        let features = (!programs.kept.steps.is_empty()).then(|| {
            let lengths = programs.kept_nodes().map(|node| programs.sizes[node].values()).collect();
            let images = plan.kept_bytes / programs.cut.image_bytes(&programs.sizes, plan.precision).max(1);
            Features::new(lengths, images as usize, plan.precision)
        });
        Some(CpuEngine {
            start,
            plan,
            programs,
            members,
            shared,
            whole,
            kept,
            features,
            shared_banks,
            kept_banks,
            scratch: Default::default(),
            buffers: Pool::default(),
            shared_buffers: Pool::default(),
            banks: Pool::default(),
            whole_banks: Pool::default(),
        })
    }

    /// What programs are given of a batch: its images, and what is kept of them.
    fn given<'a>(&self, batch: &'a Batch) -> Vec<Given<'a>> {
        let Some(features) = &self.features else { return vec![(0, channels_last(batch))] };
        let mut given: Vec<Given<'a>> = Vec::new();
        if self.programs.cut.given.contains(&0) {
            given.push((0, channels_last(batch)));
        }
        let gathered = features.gather(batch, |places| self.kept_of(batch, places));
        given.extend(self.programs.kept_nodes().zip(gathered.into_iter().map(Cow::Owned)));
        given
    }

    /// What is kept of the images at some places of a batch.
    fn kept_of(&self, batch: &Batch, places: &[usize]) -> Vec<Vec<f32>> {
        let program = &self.programs.kept;
        let length: usize = batch.shape[1..].iter().product();
        let images = places.iter().flat_map(|i| &batch.images[i * length..(i + 1) * length]).copied().collect();
        let [_, c, h, w] = batch.shape;
        let some =
            Batch { images, labels: vec![0; places.len()], shape: [places.len(), c, h, w], places: None, noise: None };
        let given = [(0, channels_last(&some))];
        let scratch = &self.scratch[KEPT];
        let banks = &self.kept_banks;
        let pass = Pass { program, weights: &self.kept, banks, scratch, ..self.pass(&given, places.len()) };
        let kept: Vec<usize> = self.programs.kept_nodes().collect();
        let steps: Vec<usize> = kept.iter().filter_map(|node| program.step_of[*node]).collect();
        let outcome = pass.run(&mut Buffers::default(), |step| steps.contains(&step));
        let mut scratch = scratch.take();
        let values = kept.iter().zip(&steps).map(|(node, step)| {
            let size = self.programs.sizes[*node];
            let held = &outcome.values[*step].as_ref().expect("what is wanted is not dropped").parts[0];
            let mut values = vec![0.0; places.len() * size.values()];
            for (image, out) in values.chunks_exact_mut(size.values()).enumerate() {
                held.load(image, 1, size, out, Pixels::dense(size.width, size.channels), &mut scratch);
            }
            values
        });
        values.collect()
    }

    /// A pass over the whole network, to be changed for other programs.
    fn pass<'a>(&'a self, given: &'a [Given<'a>], batch: usize) -> Pass<'a> {
        Pass {
            program: &self.programs.whole,
            weights: &self.whole,
            banks: &self.shared_banks,
            shared: None,
            given,
            batch,
            normalisation: Normalisation::Batch,
            noise: None,
            keep: false,
            spread: Spread::Pool,
            scratch: &self.scratch[WHOLE],
        }
    }

    /// What the members share on a batch of which this is given, in a step with this noise.
    fn share(&self, given: &[Given<'_>], batch: usize, noise: Option<Seed>) -> Shared {
        let sharing = Sharing {
            program: &self.programs.shared,
            weights: &self.shared,
            banks: &self.shared_banks,
            members: &self.programs.members,
            member_weights: &self.members,
            noise,
            scratch: &self.scratch[SHARED],
        };
        Shared::new(&sharing, given, batch, &mut self.shared_buffers.take())
    }

    /// What `of` makes of the logits (batch, classes) of each member.
    fn of_members<T: Send>(&self, population: &Population, batch: &Batch, of: impl Fn(Vec<f32>) -> T + Sync) -> Vec<T> {
        let shared = self.share(&self.given(batch), batch.labels.len(), batch.noise);
        let members: Vec<&[f32]> = population.members().collect();
        let unlimited = self.plan.units_at_once >= rayon::current_num_threads();
        let mut all = Vec::with_capacity(members.len());
        for members in members.chunks(self.plan.expanded.unwrap_or(members.len()).max(1)) {
            // Units make their members' weights from genes by themselves; a subspace's are made for all of these at once.
            let expanded = self.start.basis().map(|_| self.start.express_all(members));
            let first: Vec<usize> = (0..members.len()).step_by(self.plan.unit).collect();
            for first in first.chunks(if unlimited { first.len() } else { self.plan.units_at_once }) {
                let of_unit = |first: &usize| -> Vec<T> {
                    let unit = *first..(first + self.plan.unit).min(members.len());
                    let weights = match &expanded {
                        Some(expanded) => expanded[unit].to_vec(),
                        None => members[unit].iter().map(|genes| self.start.express(genes)).collect(),
                    };
                    self.unit_logits(&shared, weights, batch).into_iter().map(&of).collect()
                };
                let of_units: Vec<Vec<T>> = first.par_iter().map(of_unit).collect();
                all.extend(of_units.into_iter().flatten());
            }
        }
        shared.drop_into(&mut self.shared_buffers.take());
        all
    }

    /// Logits of the members of one unit, given their trained weights (k).
    fn unit_logits(&self, shared: &Shared, trained: Vec<Vec<f32>>, batch: &Batch) -> Vec<Vec<f32>> {
        let mut banks = self.banks.take();
        self.members.fill(&self.programs.members, trained, &mut banks);
        let pass = Pass {
            program: &self.programs.members,
            weights: &self.members,
            banks: &banks,
            shared: Some(shared),
            scratch: &self.scratch[MEMBERS],
            spread: Spread::Here,
            noise: batch.noise,
            ..self.pass(&[], batch.labels.len())
        };
        let mut buffers = self.buffers.take();
        let outcome = pass.run(&mut buffers, |_| false);
        let logits = self.logits_of(&pass, &outcome);
        drop_all(outcome, &mut buffers);
        logits
    }

    /// Logits (batch, classes) of the network with these trained weights (k), normalised as in training, and for each of
    /// the gradients of them that `slopes` gives, the gradient (k).
    fn backward(
        &self,
        trained: &[f32],
        batch: &Batch,
        slopes: impl FnOnce(&[f32]) -> Vec<Vec<f32>>,
    ) -> (Vec<f32>, Vec<Vec<f32>>) {
        let mut banks = self.whole_banks.take();
        self.whole.fill(&self.programs.whole, vec![trained.to_vec()], &mut banks);
        let given = self.given(batch);
        let mut buffers = self.buffers.take();
        let pass = Pass { banks: &banks, keep: true, noise: batch.noise, ..self.pass(&given, batch.labels.len()) };
        let outcome = pass.run(&mut buffers, |_| false);
        let logits = self.logits_of(&pass, &outcome).swap_remove(0);
        let mut gradient = |slopes: Vec<f32>| {
            let mut slope = buffers.take(logits.len());
            slope.copy_from_slice(&self.channels_last_logits(slopes));
            Backward::gradient(&pass, &outcome, trained.len(), slope, &mut buffers)
        };
        let gradients = slopes(&logits).into_iter().map(&mut gradient).collect();
        drop_all(outcome, &mut buffers);
        (logits, gradients)
    }

    /// Logits (batch, classes) of each member of a pass.
    fn logits_of(&self, pass: &Pass<'_>, outcome: &Outcome) -> Vec<Vec<f32>> {
        let output = self.programs.output;
        let size = self.programs.sizes[output];
        let (pixels, members) = (size.pixels(), pass.members());
        let mut logits = vec![vec![0.0; pass.batch * size.values()]; members];
        let mut scratch = pass.scratch.take();
        let own = pass.program.step_of[output];
        let parts = own.map_or(&[][..], |index| &pass.program.steps[index].parts);
        let held = own.and_then(|index| outcome.values[index].as_ref()).map_or(&[][..], |value| &value.parts);
        let mut covered = vec![false; size.channels];
        for (part, held) in parts.iter().zip(held) {
            part.channels.iter().for_each(|channel| covered[*channel] = true);
            let lanes = members * held.channels;
            let mut x = vec![0.0; pixels * lanes];
            for image in 0..pass.batch {
                held.load(image, members, size, &mut x, Pixels::dense(size.width, lanes), &mut scratch);
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

    /// The whole network with these trained weights; gives statistics and logits.
    fn whole(
        &self,
        trained: &[f32],
        batch: &Batch,
        normalisation: Normalisation<'_>,
    ) -> (Vec<(usize, Statistics)>, Vec<f32>) {
        let mut banks = self.whole_banks.take();
        self.whole.fill(&self.programs.whole, vec![trained.to_vec()], &mut banks);
        let given = self.given(batch);
        let pass = Pass { banks: &banks, normalisation, noise: batch.noise, ..self.pass(&given, batch.labels.len()) };
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
        Ok(self.of_members(population, batch, |logits| loss.mean(&logits, &batch.labels) as f32))
    }

    fn class_losses(&self, population: &Population, batch: &Batch, loss: Loss) -> Result<ClassLosses> {
        let rows = self.of_members(population, batch, |logits| ClassLosses::row(loss, &logits, &batch.labels));
        Ok(ClassLosses::of_rows(&rows))
    }

    fn gradient(&self, trained: &[f32], batch: &Batch, loss: Loss) -> Result<(f64, Vec<f32>)> {
        let (logits, mut gradients) =
            self.backward(trained, batch, |logits| vec![loss.gradient(logits, &batch.labels)]);
        Ok((loss.mean(&logits, &batch.labels), gradients.swap_remove(0)))
    }

    fn outputs(&self, population: &Population, batch: &Batch) -> Result<Vec<Vec<f32>>> {
        Ok(self.of_members(population, batch, |logits| logits))
    }

    fn vector_jacobian_products(&self, trained: &[f32], batch: &Batch, slopes: &[Vec<f32>]) -> Result<Vec<Vec<f32>>> {
        Ok(self.backward(trained, batch, |_| slopes.to_vec()).1)
    }

    fn recalibrate(&self, trained: &[f32], batch: &Batch) -> Result<(Vec<Statistics>, Vec<f32>)> {
        let (mut statistics, logits) = self.whole(trained, batch, Normalisation::Batch);
        statistics.sort_unstable_by_key(|(index, _)| *index);
        Ok((statistics.into_iter().map(|(_, statistics)| statistics).collect(), logits))
    }

    fn cache_fill(&self) -> Option<Duration> {
        self.features.as_ref().map(Features::filling)
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
