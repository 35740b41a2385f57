//! Runs a program for the members of one unit: step by step, each over the images of the batch.
//!
//! Every image is computed alone and in one order; only statistics and the loss join images, in their order, in f64. So
//! neither threads nor the cut of a population change a bit.

use std::borrow::Cow;

use rayon::prelude::*;

use super::function::activate;
use super::lanes::Affine;
use super::moments;
use super::pooling::{extremes, Choice};
use super::product::ProductRun;
use super::scratch::{Buffers, Pool, Scratch};
use super::shared::Shared;
use super::statistics::{given, inverse_std, join};
use super::turned::turned_linear;
use super::value::{Held, Images, Value};
use super::weights::{Banks, Weights};
use crate::engine::Statistics;
use crate::plan::{From, Kind, Program, Step, Use};
use crate::rng::Seed;

/// Images of one task.
pub const BLOCK: usize = 8;

/// Whether a pass may spread over the thread pool, or runs on the thread that calls it (as when members already do).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// All threads of the pool.
    Pool,
    /// The calling thread.
    Here,
}

/// How batch-norm gets its statistics.
#[derive(Clone, Copy, Debug)]
pub enum Normalisation<'a> {
    /// From each member's batch.
    Batch,
    /// Given, in the order of the graph.
    Given(&'a [Statistics]),
}

/// A node and its values (batch, pixels, channels).
pub type Given<'a> = (usize, Cow<'a, [f32]>);

/// What a pass reads.
pub struct Pass<'a> {
    /// The steps.
    pub program: &'a Program,
    /// Their frozen weights.
    pub weights: &'a Weights,
    /// Their weights of the members.
    pub banks: &'a Banks,
    /// What all members share, where the program reads any of it.
    pub shared: Option<&'a Shared>,
    /// Values (batch, pixels, channels) of the nodes that the program is given.
    pub given: &'a [Given<'a>],
    /// Images of the batch.
    pub batch: usize,
    /// Where statistics come from.
    pub normalisation: Normalisation<'a>,
    /// Address of the step's noise; `None` in evaluation.
    pub noise: Option<Seed>,
    /// Whether what a backward pass needs is kept: values before pooling, and none is dropped.
    pub keep: bool,
    /// Threads.
    pub spread: Spread,
    /// Scratch of the threads.
    pub scratch: &'a Pool<Scratch>,
}

/// What a pass leaves.
#[derive(Default)]
pub struct Outcome {
    /// Values of the steps that were not dropped.
    pub values: Vec<Option<Value>>,
    /// Statistics (members = 1) of each batch-norm that was computed, by its index in the graph.
    pub statistics: Vec<(usize, Statistics)>,
}

/// Writable outputs of one part for one block of images.
struct Target<'a> {
    data: &'a mut [f32],
    mean: &'a mut [f32],
    squares: &'a mut [f32],
}

impl Pass<'_> {
    /// Computes all steps; values are dropped into `buffers` after their last reader, except those for which `wanted` holds.
    pub fn run(&self, buffers: &mut Buffers, wanted: impl Fn(usize) -> bool) -> Outcome {
        let steps = &self.program.steps;
        let mut outcome = Outcome { values: Vec::new(), statistics: Vec::new() };
        outcome.values.resize_with(steps.len(), || None);
        let dropped = self.program.dropped();
        for (index, step) in steps.iter().enumerate() {
            let value = self.step(index, step, &mut outcome, buffers);
            outcome.values[index] = Some(value);
            for earlier in dropped[index].iter().filter(|earlier| !self.keep && !wanted(**earlier)) {
                if let Some(value) = outcome.values[*earlier].take() {
                    value.parts.into_iter().for_each(|part| part.drop_into(buffers));
                }
            }
        }
        outcome
    }

    /// Members of the unit.
    pub fn members(&self) -> usize {
        self.banks.members
    }

    /// The value that a step reads as its input `input`.
    pub fn input<'v>(&self, values: &'v [Option<Value>], step: &Step, input: usize) -> Option<&'v Value> {
        let index = self.program.step_of[step.inputs[input]]?;
        values[index].as_ref()
    }

    fn step(&self, index: usize, step: &Step, outcome: &mut Outcome, buffers: &mut Buffers) -> Value {
        let members = self.members();
        let stored = if self.keep { step.raw } else { step.out };
        let batch_statistics = step.norm.is_some() && matches!(self.normalisation, Normalisation::Batch);
        let computed: Vec<usize> = step
            .parts
            .iter()
            .filter(|part| part.from != From::Promoted)
            .map(|part| members * part.channels.len())
            .collect();
        let mut data: Vec<Vec<f32>> =
            computed.iter().map(|lanes| buffers.take(self.batch * stored.pixels() * lanes)).collect();
        let sums = |lanes: &usize| if batch_statistics { self.batch * lanes } else { 0 };
        let mut mean: Vec<Vec<f32>> = computed.iter().map(|lanes| buffers.take(sums(lanes))).collect();
        let mut squares: Vec<Vec<f32>> = computed.iter().map(|lanes| buffers.take(sums(lanes))).collect();
        let turned = self.shared.and_then(|shared| shared.steps[index].turned.as_ref());
        if let Some(inputs) = turned {
            let first =
                self.weights.steps[index].whole_rows.expect("inputs are turned for weights that stand as they are");
            let mut sums = buffers.take(data[0].len());
            turned_linear(self.banks, index, first, inputs, &mut sums, &mut data[0]);
            buffers.give(sums);
            self.activated(step, &mut data[0]);
        } else {
            let mut blocks: Vec<Vec<Target<'_>>> = Vec::new();
            blocks.resize_with(self.batch.div_ceil(BLOCK), Vec::new);
            for (((data, mean), squares), lanes) in data.iter_mut().zip(&mut mean).zip(&mut squares).zip(&computed) {
                let mut means = mean.chunks_mut((BLOCK * lanes).max(1));
                let mut squares = squares.chunks_mut((BLOCK * lanes).max(1));
                for (block, data) in blocks.iter_mut().zip(data.chunks_mut(BLOCK * stored.pixels() * lanes)) {
                    let (mean, squares) = (means.next().unwrap_or_default(), squares.next().unwrap_or_default());
                    block.push(Target { data, mean, squares });
                }
            }
            let work = |(block, targets): (usize, &mut Vec<Target<'_>>), scratch: &mut Scratch| {
                let images = block * BLOCK..((block + 1) * BLOCK).min(self.batch);
                self.block(index, step, &outcome.values, images, targets, scratch);
            };
            match self.spread {
                Spread::Here => {
                    let mut scratch = self.scratch.take();
                    blocks.iter_mut().enumerate().for_each(|block| work(block, &mut scratch));
                }
                Spread::Pool => {
                    blocks
                        .par_iter_mut()
                        .enumerate()
                        .for_each_init(|| self.scratch.take(), |scratch, block| work(block, scratch));
                }
            }
        }
        let mut data = data.into_iter();
        let (mut of_mean, mut of_squares) = (mean.iter(), squares.iter());
        let mut recorded: Vec<(usize, f32, f32)> = Vec::new();
        let mut parts = Vec::new();
        for (p, part) in step.parts.iter().enumerate() {
            let channels = part.channels.len();
            let images = match part.from {
                From::Promoted => {
                    let shared = self.shared.expect("promoted channels are shared");
                    Images::Shared(shared.steps[index].promoted.clone().expect("promoted channels are prepared"))
                }
                _ => Images::Own(data.next().expect("one buffer for each computed part")),
            };
            let mut inverse = Vec::new();
            let affine = step.norm.map(|norm| {
                let (scale, shift) = (&self.banks.steps[index].scale[p], self.banks.steps[index].shift[p].clone());
                let moments = match (&images, self.normalisation) {
                    (Images::Shared(shared), _) => {
                        let repeat = |values: &[f32]| values.repeat(members);
                        (repeat(&shared.mean), repeat(&shared.inverse_std))
                    }
                    (_, Normalisation::Given(statistics)) => given(&statistics[norm.index], &part.channels),
                    (_, Normalisation::Batch) => {
                        let (mean, squares) = (of_mean.next().expect("sums"), of_squares.next().expect("sums"));
                        let (mean, variance) = join(mean, squares, members * channels, self.batch, step.raw.pixels());
                        if members == 1 {
                            let of = part.channels.iter().zip(mean.iter().zip(&variance));
                            recorded.extend(of.map(|(channel, (mean, variance))| (*channel, *mean, *variance)));
                        }
                        let inverse_std = variance.iter().map(|variance| inverse_std(*variance)).collect();
                        (mean, inverse_std)
                    }
                };
                let factor = scale.iter().zip(&moments.1).map(|(scale, inverse)| scale * inverse).collect();
                inverse = moments.1;
                Affine { mean: moments.0, factor, shift }
            });
            let pool = step.pool.filter(|_| self.keep && part.from != From::Promoted).map(|window| (window, step.raw));
            parts.push(Held {
                channels,
                images,
                activation: step.pending(self.keep),
                affine,
                inverse_std: inverse,
                pool,
            });
        }
        if let (Some(norm), false) = (step.norm, recorded.is_empty()) {
            recorded.sort_unstable_by_key(|(channel, ..)| *channel);
            let statistics = Statistics {
                mean: recorded.iter().map(|(_, mean, _)| *mean).collect(),
                variance: recorded.iter().map(|(.., variance)| *variance).collect(),
            };
            outcome.statistics.push((norm.index, statistics));
        }
        mean.into_iter().chain(squares).for_each(|sums| buffers.give(sums));
        Value { parts }
    }

    /// The images of one block.
    fn block(
        &self,
        index: usize,
        step: &Step,
        values: &[Option<Value>],
        images: std::ops::Range<usize>,
        targets: &mut [Target<'_>],
        scratch: &mut Scratch,
    ) {
        if let Kind::Product(product) = &step.kind {
            let run = ProductRun::new(self, index, step, product, values);
            if product.linear {
                let lanes = targets[0].data.len() / images.len();
                run.compute(images.clone(), targets[0].data, scratch);
                for data in targets[0].data.chunks_exact_mut(lanes) {
                    self.activated(step, data);
                }
                return;
            }
            for (i, image) in images.enumerate() {
                self.finish(index, step, 0, i, &mut targets[0], scratch, |raw, scratch| {
                    run.compute(image..image + 1, raw, scratch);
                });
            }
            return;
        }
        for (i, image) in images.enumerate() {
            let computed = step.parts.iter().enumerate().filter(|(_, part)| part.from != From::Promoted);
            for ((p, part), target) in computed.zip(targets.iter_mut()) {
                self.finish(index, step, p, i, target, scratch, |raw, scratch| {
                    self.plain_operation(step, part, values, image, raw, scratch);
                });
            }
        }
    }

    /// Computes an image by `raw`, gathers its statistics, pools and activates it into its place.
    #[expect(clippy::too_many_arguments, reason = "one image of one part of one step, and where to work")]
    fn finish(
        &self,
        index: usize,
        step: &Step,
        part: usize,
        i: usize,
        target: &mut Target<'_>,
        scratch: &mut Scratch,
        raw: impl FnOnce(&mut [f32], &mut Scratch),
    ) {
        let lanes = self.members() * step.parts[part].channels.len();
        let length = step.raw.pixels() * lanes;
        let moments = |image: &[f32], target: &mut Target<'_>| {
            if !target.mean.is_empty() {
                let range = i * lanes..(i + 1) * lanes;
                moments::moments(image, lanes, &mut target.mean[range.clone()], &mut target.squares[range]);
            }
        };
        match step.pool.filter(|_| !self.keep) {
            None => {
                let image = i * length..(i + 1) * length;
                raw(&mut target.data[image.clone()], scratch);
                self.activated(step, &mut target.data[image.clone()]);
                let data = std::mem::take(&mut target.data);
                moments(&data[image], target);
                target.data = data;
            }
            Some(window) => {
                let mut image = scratch.take(Use::Raw, length);
                raw(&mut image, scratch);
                moments(&image, target);
                let choice = match step.norm {
                    Some(_) => Choice::BySign(&self.banks.steps[index].scale[part]),
                    None => Choice::Greatest,
                };
                let pooled = step.out.pixels() * lanes;
                let out = &mut target.data[i * pooled..(i + 1) * pooled];
                extremes(&image, [step.raw.height, step.raw.width], lanes, window, choice, out);
                self.activated(step, out);
                scratch.put(Use::Raw, image);
            }
        }
    }

    /// Applies the activation at once where readers will not.
    fn activated(&self, step: &Step, data: &mut [f32]) {
        if let (Some(activation), None) = (step.activation, step.pending(self.keep)) {
            activate(data, activation);
        }
    }
}
