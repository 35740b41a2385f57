//! What all members of a population share on one batch, computed once.

use std::sync::Arc;

use rayon::prelude::*;

use super::bank::Bank;
use super::forward::{Given, Normalisation, Pass, Spread, BLOCK};
use super::lanes::Pixels;
use super::moments;
use super::pooling::{extremes, Choice};
use super::product::Walk;
use super::scratch::{Buffers, Pool, Scratch};
use super::statistics::{inverse_std, join};
use super::tile::{product, First, Output, Rows, Source};
use super::value::Promoted;
use super::weights::{padded_line, seed_rows, varied_rows, Banks, Weights};
use crate::plan::{From, Kind, Product, Program, Step};
use crate::rng::Seed;

/// The shared values of one batch.
#[derive(Debug, Default)]
pub struct Shared {
    /// For each node that members read the images (batch, pixels, channels), nothing pending.
    values: Vec<Option<Arc<Vec<f32>>>>,
    /// Images of the batch.
    batch: usize,
    /// One for each step of the members' program.
    pub steps: Vec<SharedStep>,
}

/// What one step of the members reads.
#[derive(Debug, Default)]
pub struct SharedStep {
    /// Input images with their border, all channels.
    pub padded: Arc<Vec<f32>>,
    /// Values of one padded image.
    pub image_len: usize,
    /// Offsets of the taps of varied filters.
    pub varied_rows: Rows,
    /// Outputs of the base on shared channels (batch, pixels, filters).
    pub seed: Vec<f32>,
    /// Values of one image of the seed.
    pub seed_len: usize,
    /// Where a linear layer's weights are read as they are: its inputs (inputs, images), in the order of the weights.
    pub turned: Option<Bank>,
    /// Channels that members scale.
    pub promoted: Option<Arc<Promoted>>,
}

/// What is computed once: a program of its own, and the members' program that reads it.
pub struct Sharing<'a> {
    /// Computes what is shared.
    pub program: &'a Program,
    /// Its weights.
    pub weights: &'a Weights,
    /// Its banks, of one member: the base.
    pub banks: &'a Banks,
    /// The members' program.
    pub members: &'a Program,
    /// Its weights, which hold the seeds'.
    pub member_weights: &'a Weights,
    /// Address of the step's noise.
    pub noise: Option<Seed>,
    /// Scratch of the threads.
    pub scratch: &'a Pool<Scratch>,
}

impl Shared {
    /// Computes what is shared from what is given of a batch.
    pub fn new(sharing: &Sharing<'_>, given: &[Given<'_>], batch: usize, buffers: &mut Buffers) -> Self {
        let pass = Pass {
            program: sharing.program,
            weights: sharing.weights,
            banks: sharing.banks,
            shared: None,
            given,
            batch,
            normalisation: Normalisation::Batch,
            noise: sharing.noise,
            keep: false,
            spread: Spread::Pool,
            scratch: sharing.scratch,
        };
        let reads = &sharing.members.shared_reads;
        let wanted: Vec<usize> = reads.iter().filter_map(|node| sharing.program.step_of[*node]).collect();
        let outcome = pass.run(buffers, |step| wanted.contains(&step));
        let mut shared = Shared { batch, ..Shared::default() };
        let nodes = sharing.program.step_of.len();
        shared.values.resize_with(nodes, || None);
        for node in reads {
            let index = sharing.program.step_of[*node].expect("what members read is computed");
            let value = outcome.values[index].as_ref().expect("what members read is kept");
            let size = sharing.program.steps[index].out;
            let mut plain = buffers.take(batch * size.values());
            let held = &value.parts[0];
            plain.par_chunks_mut(size.values()).enumerate().for_each_init(
                || sharing.scratch.take(),
                |scratch, (image, out)| {
                    let to = Pixels::dense(size.width, size.channels);
                    held.load(image, 1, size, out, to, scratch);
                },
            );
            shared.values[*node] = Some(Arc::new(plain));
        }
        for value in outcome.values.into_iter().flatten() {
            value.parts.into_iter().for_each(|part| part.drop_into(buffers));
        }
        for (index, step) in sharing.members.steps.iter().enumerate() {
            let mut of_step = SharedStep::default();
            if let Kind::Product(product) = &step.kind {
                if !product.shared.is_empty() {
                    of_step = shared.product(sharing, index, step, product, buffers);
                }
            }
            if let Some(part) = step.parts.iter().find(|part| part.from == From::Promoted) {
                of_step.promoted = Some(Arc::new(shared.promoted(step, &part.channels)));
            }
            shared.steps.push(of_step);
        }
        shared
    }

    /// One image (pixels, channels) of a node, all its channels.
    pub fn image(&self, node: usize, image: usize) -> &[f32] {
        let values = self.node(node);
        let length = values.len() / self.batch;
        &values[image * length..(image + 1) * length]
    }

    fn node(&self, node: usize) -> &Arc<Vec<f32>> {
        self.values[node].as_ref().expect("the program notes which nodes its steps read")
    }

    fn product(
        &self,
        sharing: &Sharing<'_>,
        index: usize,
        step: &Step,
        kind: &Product,
        buffers: &mut Buffers,
    ) -> SharedStep {
        let input = self.node(step.inputs[0]);
        let channels = step.input.channels;
        let line = padded_line(step, kind, channels);
        let image_len = (step.input.height + 2 * kind.padding) * line;
        let mut of_step =
            SharedStep { image_len, varied_rows: varied_rows(kind, channels, line), ..SharedStep::default() };
        if kind.padding == 0 {
            of_step.padded = input.clone();
        } else {
            // Borders stay zero from the buffer's first use on: no other use has its length and writes there.
            let mut padded = vec![0.0; self.batch * image_len];
            let (from, to) = (step.input.width * channels, kind.padding * (line + channels));
            padded.par_chunks_mut(image_len).zip(input.par_chunks(step.input.values())).for_each(|(padded, image)| {
                for (y, row) in image.chunks_exact(from).enumerate() {
                    padded[to + y * line..][..from].copy_from_slice(row);
                }
            });
            of_step.padded = Arc::new(padded);
        }
        if sharing.member_weights.steps[index].whole_rows.is_some() {
            of_step.turned = Some(self.turned(step.inputs[0], step));
        }
        let Some((bank, first)) = &sharing.member_weights.steps[index].seed else { return of_step };
        let rows = seed_rows(kind, channels, line);
        let columns = kind.filters.len();
        of_step.seed_len = step.raw.pixels() * columns;
        of_step.seed = buffers.take(self.batch * of_step.seed_len);
        let walk = Walk::new(step, kind, channels);
        let positions = |images| if kind.linear { [1, images] } else { [step.raw.height, step.raw.width] };
        let block = if kind.linear { BLOCK } else { 1 };
        let padded: &[f32] = &of_step.padded;
        of_step.seed.par_chunks_mut(block * of_step.seed_len).enumerate().for_each(|(i, values)| {
            let [lines, length] = positions(values.len() / of_step.seed_len);
            let base = i * block * image_len;
            let source = Source { values: padded, base, line: walk.line, step: walk.step, rows: &rows, bank };
            product(&[source], First::Row(first), Output { values, pitch: columns, columns, lines, length });
        });
        of_step
    }

    /// A node's images as columns, their values in the order of a linear layer's weights.
    fn turned(&self, node: usize, step: &Step) -> Bank {
        let (channels, pixels) = (step.input.channels, step.input.pixels());
        let order: Vec<usize> =
            (0..channels).flat_map(|c| (0..pixels).map(move |pixel| pixel * channels + c)).collect();
        let images: Vec<&[f32]> = (0..self.batch).map(|image| self.image(node, image)).collect();
        let mut bank = Bank::zeros(order.len(), self.batch);
        bank.fill_rows(|row, columns, out| {
            out.iter_mut().zip(&images[columns]).for_each(|(out, image)| *out = image[order[row]]);
        });
        bank
    }

    /// Channels in front of a step's batch-norm, pooled where it is.
    fn promoted(&self, step: &Step, channels: &[usize]) -> Promoted {
        let raw = step.raw;
        let (lanes, pixels) = (channels.len(), raw.pixels());
        let node = step.promoted_from.expect("the program notes where promoted channels come from");
        let pooled = step.pool.map_or(raw, |_| step.out).pixels() * lanes;
        let both = step.pool.is_some();
        let mut promoted = Promoted {
            greatest: vec![0.0; self.batch * pooled],
            least: vec![0.0; if both { self.batch * pooled } else { 0 }],
            ..Promoted::default()
        };
        let mut empty: Vec<&mut [f32]> = Vec::new();
        empty.resize_with(self.batch, Default::default);
        let least: Vec<&mut [f32]> = if both { promoted.least.chunks_exact_mut(pooled).collect() } else { empty };
        let of_image = |((image, greatest), least): ((usize, &mut [f32]), &mut [f32])| {
            let all = self.image(node, image);
            let own: Vec<f32> = all
                .chunks_exact(raw.channels)
                .flat_map(|pixel| channels.iter().map(|channel| pixel[*channel]))
                .collect();
            let (mut mean, mut squares) = (vec![0.0; lanes], vec![0.0; lanes]);
            moments::moments(&own, lanes, &mut mean, &mut squares);
            match step.pool {
                Some(window) => {
                    let size = [raw.height, raw.width];
                    extremes(&own, size, lanes, window, Choice::Greatest, greatest);
                    extremes(&own, size, lanes, window, Choice::Least, least);
                }
                None => greatest.copy_from_slice(&own),
            }
            (mean, squares)
        };
        let images = promoted.greatest.par_chunks_exact_mut(pooled).enumerate().zip(least);
        let (mean, squares): (Vec<Vec<f32>>, Vec<Vec<f32>>) = images.map(of_image).unzip();
        let (mean, variance) = join(&mean.concat(), &squares.concat(), lanes, self.batch, pixels);
        promoted.inverse_std = variance.iter().map(|variance| inverse_std(*variance)).collect();
        promoted.mean = mean;
        promoted
    }

    /// Gives the memory back.
    pub fn drop_into(self, buffers: &mut Buffers) {
        for values in self.values.into_iter().flatten() {
            // Where a step reads the node as it is, the step's clone is dropped below.
            if let Ok(values) = Arc::try_unwrap(values) {
                buffers.give(values);
            }
        }
        self.steps.into_iter().for_each(|step| buffers.give(step.seed));
    }
}

#[cfg(test)]
mod tests {
    use super::super::arch::testing::{near, numbers};
    use super::super::{fixture, CpuEngine};
    use super::*;
    use crate::engine::statistics::EPSILON;
    use crate::plan::Window;

    const BATCH: usize = 5;
    const SIZE: [usize; 2] = [7, 6];

    /// Images (batch, pixels, channels).
    fn images() -> Vec<f32> {
        numbers(BATCH * SIZE[0] * SIZE[1] * 2, 8)
    }

    fn engine(trained: impl Fn(&str, usize) -> bool) -> CpuEngine {
        let start = fixture::start(trained);
        let plan = fixture::plan(&start, BATCH);
        CpuEngine::new(start, plan).unwrap()
    }

    #[test]
    fn channels_that_members_scale_come_with_the_extremes_of_their_windows_and_their_statistics() {
        // Of the first batch-norm the scale of channel 0 and the shift of channel 2: channel 1 is shared behind it as well.
        let engine = engine(|name, i| name == "bn1.scale" && i == 0 || name == "bn1.shift" && i == 2);
        let shared = engine.share(&[(0, images().into())], BATCH, None);
        let mut steps = engine.programs.members.steps.iter().enumerate();
        let (index, step) = steps.find(|(_, step)| step.promoted_from.is_some()).unwrap();
        let part = step.parts.iter().find(|part| part.from == From::Promoted).unwrap();
        assert_eq!(part.channels, [0, 2]);
        assert_eq!(step.pool, Some(Window { size: 2, stride: 2 }));
        let promoted = shared.steps[index].promoted.as_ref().unwrap();
        let raw = |image: usize, y: usize, x: usize, channel: usize| -> f32 {
            shared.image(step.promoted_from.unwrap(), image)[(y * SIZE[1] + x) * 3 + channel]
        };
        assert_eq!(promoted.greatest.len(), BATCH * 3 * 3 * 2);
        assert_eq!(promoted.least.len(), promoted.greatest.len());
        for (place, (greatest, least)) in promoted.greatest.iter().zip(&promoted.least).enumerate() {
            let (channel, x, y, image) = (part.channels[place % 2], place / 2 % 3, place / 6 % 3, place / 18);
            let window = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(dy, dx)| raw(image, 2 * y + dy, 2 * x + dx, channel));
            assert_eq!(*greatest, window.into_iter().fold(f32::NEG_INFINITY, f32::max), "{place}");
            assert_eq!(*least, window.into_iter().fold(f32::INFINITY, f32::min), "{place}");
        }
        for (i, channel) in part.channels.iter().enumerate() {
            let pixels = (0..BATCH).flat_map(|image| (0..SIZE[0] * SIZE[1]).map(move |pixel| (image, pixel)));
            let values: Vec<f64> = pixels
                .map(|(image, pixel)| f64::from(raw(image, pixel / SIZE[1], pixel % SIZE[1], *channel)))
                .collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64;
            near(promoted.mean[i], mean, 1.0, channel);
            near(promoted.inverse_std[i], 1.0 / (variance + EPSILON).sqrt(), 1.0, channel);
        }
    }

    #[test]
    fn what_members_add_their_differences_to_is_the_output_of_the_base() {
        // Two weights of filter 1 of 3, which has 18: differences are cheaper than the whole filter.
        let engine = engine(|name, i| name == "conv1.weight" && (i == 19 || i == 30));
        let images = images();
        let shared = engine.share(&[(0, images.as_slice().into())], BATCH, None);
        let mut steps = engine.programs.members.steps.iter().enumerate();
        let (index, product) = steps
            .find_map(|(i, step)| match &step.kind {
                Kind::Product(product) => Some((i, product)),
                _ => None,
            })
            .unwrap();
        assert!(product.filters == [1] && product.taps.len() == 2 && !product.dense);
        let start = &engine.start;
        let weights = &start.weights[start.graph.parameter(product.weight).range()];
        let bias = start.weights[start.graph.parameter(product.bias.unwrap()).range()][1];
        let seed = &shared.steps[index].seed;
        assert_eq!((seed.len(), shared.steps[index].seed_len), (BATCH * 42, 42));
        for (place, seed) in seed.iter().enumerate() {
            let (x, y, image) = (place % SIZE[1], place / SIZE[1] % SIZE[0], place / 42);
            let mut sum = f64::from(bias);
            for tap in 0..9 {
                let (row, column) = ((y + tap / 3).wrapping_sub(1), (x + tap % 3).wrapping_sub(1));
                for channel in 0..if row < SIZE[0] && column < SIZE[1] { 2 } else { 0 } {
                    let pixel = images[((image * SIZE[0] + row) * SIZE[1] + column) * 2 + channel];
                    sum += f64::from(pixel) * f64::from(weights[(2 + channel) * 9 + tap]);
                }
            }
            near(*seed, sum, 10.0, place);
        }
    }
}
