//! The gradient of the loss on the trained scalars: the steps of the whole network backwards, nothing below the lowest
//! trained layer, weight gradients of trained filters alone.
//!
//! Weight gradients are summed over blocks of images in f32 and over the blocks in their order in f64.

use rayon::prelude::*;

use super::bank::Bank;
use super::forward::{Outcome, Pass, BLOCK};
use super::lanes::{self, Pixels};
use super::moments;
use super::product::Walk;
use super::scratch::{Buffers, Scratch};
use super::slopes::{slope, sums, Behind, Centre};
use super::tile::{product, First, Output, Rows, Source};
use super::value::{Held, Value};
use super::weights::{padded_line, Patch};
use crate::plan::{Kind, Product, Step, Use};

/// A pass with everything kept, and what flows back through it.
pub struct Backward<'a> {
    pass: &'a Pass<'a>,
    outcome: &'a Outcome,
    /// For each step whether its value depends on a trained scalar.
    depends: Vec<bool>,
    /// For each step the gradient of its value (batch, pixels, channels), once a reader gave one.
    slopes: Vec<Option<Vec<f32>>>,
    /// (k).
    gradient: Vec<f32>,
}

/// How a convolution's output gradient is laid out for the gradient of its input: spread by the stride, with a border.
struct Spreading {
    margin: usize,
    height: usize,
    width: usize,
}

impl<'a> Backward<'a> {
    /// The gradient (k) of a pass of one member whose logits (batch, classes) have the gradient `logits`.
    pub fn gradient(
        pass: &'a Pass<'a>,
        outcome: &'a Outcome,
        k: usize,
        logits: Vec<f32>,
        buffers: &mut Buffers,
    ) -> Vec<f32> {
        let steps = &pass.program.steps;
        let mut depends = vec![false; steps.len()];
        for (index, step) in steps.iter().enumerate() {
            let below = step.inputs.iter().filter_map(|node| pass.program.step_of[*node]);
            depends[index] = pass.weights.steps[index].trained() || below.filter(|i| *i != index).any(|i| depends[i]);
        }
        let mut slopes: Vec<Option<Vec<f32>>> = Vec::new();
        slopes.resize_with(steps.len(), || None);
        let last = steps.len() - 1;
        slopes[last] = Some(logits);
        let mut backward = Backward { pass, outcome, depends, slopes, gradient: vec![0.0; k] };
        for index in (0..steps.len()).rev() {
            if let (true, Some(dy)) = (backward.depends[index], backward.slopes[index].take()) {
                backward.step(index, &steps[index], &dy, buffers);
                buffers.give(dy);
            }
        }
        backward.gradient
    }

    fn value(&self, index: usize) -> &'a Held {
        let value: &'a Value = self.outcome.values[index].as_ref().expect("everything is kept");
        &value.parts[0]
    }

    fn behind<'s>(&self, step: &Step, held: &'s Held, image: usize, dy: &'s [f32]) -> Behind<'s> {
        let (raw, out) = (step.raw.values(), step.out.values());
        Behind {
            x: &held.own()[image * raw..(image + 1) * raw],
            size: [step.raw.height, step.raw.width],
            channels: step.raw.channels,
            affine: held.affine.as_ref(),
            activation: step.activation,
            applied: held.activation.is_none(),
            pool: step.pool,
            dy: &dy[image * out..(image + 1) * out],
        }
    }

    fn step(&mut self, index: usize, step: &Step, dy: &[f32], buffers: &mut Buffers) {
        let held = self.value(index);
        let batch = self.pass.batch;
        let channels = step.raw.channels;
        let mut centre = None;
        if step.norm.is_some() {
            let of_image = |image: usize| {
                let (mut shift, mut scale) = (vec![0.0; channels], vec![0.0; channels]);
                sums(self.behind(step, held, image, dy), &mut shift, &mut scale);
                (shift, scale)
            };
            let of_images: Vec<(Vec<f32>, Vec<f32>)> = (0..batch).into_par_iter().map(of_image).collect();
            let n = (batch * step.raw.pixels()) as f64;
            let (mut shift_sums, mut scale_sums) = (Vec::new(), Vec::new());
            let mut of_centre = (Vec::new(), Vec::new());
            for channel in 0..channels {
                let inverse_std = f64::from(held.inverse_std[channel]);
                let shift: f64 = of_images.iter().map(|(shift, _)| f64::from(shift[channel])).sum();
                let along = of_images.iter().map(|(_, scale)| f64::from(scale[channel])).sum::<f64>() * inverse_std;
                shift_sums.push(shift as f32);
                scale_sums.push(along as f32);
                of_centre.0.push((shift / n) as f32);
                of_centre.1.push((along * inverse_std / n) as f32);
            }
            let weights = &self.pass.weights.steps[index];
            for (patches, sums) in [(weights.scale_patches(), &scale_sums), (weights.shift_patches(), &shift_sums)] {
                for patch in patches {
                    self.gradient[patch.gene()] = sums[patch.column()];
                }
            }
            centre = Some(of_centre);
        }
        let centre = centre.as_ref().map(|(shift, scale)| Centre { shift, scale });
        match &step.kind {
            Kind::Input => {}
            Kind::Product(product) if product.linear => self.linear(index, step, product, dy, centre, buffers),
            Kind::Product(product) => self.convolution(index, step, product, dy, centre, buffers),
            _ => self.plain(index, step, dy, centre, buffers),
        }
    }

    /// The step that gives an input, if a gradient is wanted there.
    fn below(&self, step: &Step, input: usize) -> Option<usize> {
        self.pass.program.step_of[step.inputs[input]].filter(|below| self.depends[*below])
    }

    /// Takes in the gradient of an input.
    fn give(&mut self, below: usize, dx: Vec<f32>, buffers: &mut Buffers) {
        match &mut self.slopes[below] {
            place @ None => *place = Some(dx),
            Some(sum) => {
                sum.par_chunks_mut(TERMS).zip(dx.par_chunks(TERMS)).for_each(|(sum, dx)| lanes::add(sum, dx));
                buffers.give(dx);
            }
        }
    }

    /// Gradient in front of what follows the operation, one image.
    fn raw(&self, index: usize, step: &Step, image: usize, dy: &[f32], centre: Option<Centre<'_>>, out: &mut [f32]) {
        slope(self.behind(step, self.value(index), image, dy), centre, out);
    }

    fn convolution(
        &mut self,
        index: usize,
        step: &Step,
        kind: &Product,
        dy: &[f32],
        centre: Option<Centre<'_>>,
        buffers: &mut Buffers,
    ) {
        let batch = self.pass.batch;
        let weights = &self.pass.weights.steps[index];
        let columns = trained_columns(weights.own_patches(0));
        let biases = weights.bias_patches();
        let below = self.below(step, 0);
        let input_step = self.pass.program.step_of[step.inputs[0]].expect("the whole network computes its inputs");
        let input = self.value(input_step);
        let (raw, channels) = (step.raw, step.input.channels);
        let line = padded_line(step, kind, channels);
        let image_len = (step.input.height + 2 * kind.padding) * line;
        let walk = Walk::new(step, kind, channels);
        let places = |y: usize, x: usize| (y * walk.line + x * walk.step) as u32;
        // Offsets of the positions of one image, of two, ...
        let together = step.images_together().min(batch);
        let positions: Vec<u32> = (0..raw.height).flat_map(|y| (0..raw.width).map(move |x| places(y, x))).collect();
        let of_images = |count: usize| {
            let images = (0..count).map(|image| (image * image_len) as u32);
            Rows::new(images.flat_map(|first| positions.iter().map(move |place| first + place)).collect())
        };
        let rows: Vec<Rows> = (1..=together).map(of_images).collect();
        let spreading = Spreading::new(step, kind);
        let (turned, turned_rows) =
            below.map(|_| (self.turned(index, kind, channels), spreading.rows(kind, raw.channels))).unzip();
        let taps = kind.window[0] * kind.window[1] * channels;
        let mut dx = below.map_or(Vec::new(), |_| buffers.take(batch * step.input.values()));

        let block = |block: usize, dx: Option<&mut [f32]>, scratch: &mut Scratch| -> (Vec<f32>, Vec<f64>) {
            let images = block * BLOCK..((block + 1) * BLOCK).min(batch);
            let mut sums = vec![0.0; taps * columns.len()];
            let mut bias_sums = vec![0.0f64; if biases.is_empty() { 0 } else { raw.channels }];
            let mut dx = dx.map(|dx| dx.chunks_exact_mut(step.input.values()));
            let mut slopes = scratch.take(Use::Slope, together * raw.values());
            let staged = if columns.is_empty() { 0 } else { together * image_len };
            let mut padded = scratch.take_bordered(Use::Padded(0), index, staged);
            let mut spread = scratch.take_bordered(
                Use::Spread,
                index,
                if below.is_some() { spreading.len(raw.channels) } else { 0 },
            );
            let mut right = Bank::default();
            for image in images.clone() {
                let place = (image - images.start) % together;
                let slope = &mut slopes[place * raw.values()..(place + 1) * raw.values()];
                self.raw(index, step, image, dy, centre, slope);
                if !columns.is_empty() {
                    let to = Pixels { base: kind.padding * (line + channels), line, step: channels };
                    let padded = &mut padded[place * image_len..(place + 1) * image_len];
                    input.load(image, 1, step.input, padded, to, scratch);
                }
                if !bias_sums.is_empty() {
                    let mut means = vec![0.0; raw.channels];
                    moments::mean(slope, raw.channels, &mut means);
                    bias_sums
                        .iter_mut()
                        .zip(&means)
                        .for_each(|(sum, mean)| *sum += f64::from(*mean) * raw.pixels() as f64);
                }
                if let (Some(dx), Some(bank), Some(rows)) = (&mut dx, &turned, &turned_rows) {
                    spreading.fill(slope, raw.channels, [raw.height, raw.width], kind.stride, &mut spread);
                    let line = spreading.width * raw.channels;
                    let base = spreading.base(kind, raw.channels);
                    let source = Source { values: &spread, base, line, step: raw.channels, rows, bank };
                    let values = dx.next().expect("one image for each of the block");
                    let [lines, length] = [step.input.height, step.input.width];
                    product(
                        &[source],
                        First::Zero,
                        Output { values, pitch: channels, columns: channels, lines, length },
                    );
                }
                let last = place + 1 == together || image + 1 == images.end;
                if last && !columns.is_empty() {
                    let rows = &rows[place];
                    if right.rows() != rows.len() {
                        right = Bank::zeros(rows.len(), columns.len());
                    }
                    right.gather_rows(&slopes, raw.channels, &columns);
                    let source = Source { values: &padded, base: 0, line, step: 1, rows, bank: &right };
                    let [lines, width] = kind.window;
                    let (pitch, length) = (columns.len(), width * channels);
                    product(
                        &[source],
                        First::Output,
                        Output { values: &mut sums, pitch, columns: pitch, lines, length },
                    );
                }
            }
            scratch.put(Use::Slope, slopes);
            scratch.put(Use::Padded(0), padded);
            scratch.put(Use::Spread, spread);
            (sums, bias_sums)
        };
        let blocks = batch.div_ceil(BLOCK);
        let of_blocks: Vec<(Vec<f32>, Vec<f64>)> = if below.is_some() {
            let chunks = dx.par_chunks_mut(BLOCK * step.input.values()).enumerate();
            chunks.map_init(|| self.pass.scratch.take(), |scratch, (i, dx)| block(i, Some(dx), scratch)).collect()
        } else {
            let all = (0..blocks).into_par_iter();
            all.map_init(|| self.pass.scratch.take(), |scratch, i| block(i, None, scratch)).collect()
        };
        let mut total = vec![0.0; taps * columns.len()];
        total.par_chunks_mut(TERMS).enumerate().for_each(|(i, total)| {
            for (j, total) in total.iter_mut().enumerate() {
                let terms = of_blocks.iter().map(|(sums, _)| f64::from(sums[i * TERMS + j]));
                *total = terms.sum::<f64>() as f32;
            }
        });
        self.scatter(weights.own_patches(0), &columns, raw.channels, &total);
        for patch in biases {
            self.gradient[patch.gene()] = of_blocks.iter().map(|(_, sums)| sums[patch.column()]).sum::<f64>() as f32;
        }
        if let Some(below) = below {
            self.give(below, dx, buffers);
        }
    }

    /// Gradients `sums` (rows, trained columns) of a bank of so many columns, to the genes.
    fn scatter(&mut self, patches: &[Patch], columns: &[usize], all: usize, sums: &[f32]) {
        let mut places = vec![usize::MAX; all];
        columns.iter().enumerate().for_each(|(place, column)| places[*column] = place);
        for patch in patches {
            self.gradient[patch.gene()] = sums[patch.row() * columns.len() + places[patch.column()]];
        }
    }

    /// The weights as a convolution of output gradients: rows (window turned by half a circle, filters), columns channels.
    fn turned(&self, index: usize, kind: &Product, channels: usize) -> Bank {
        let bank = self.bank(index);
        let filters = kind.filters.len();
        let area = kind.window[0] * kind.window[1];
        let mut turned = Bank::zeros(area * filters, channels);
        for tap in 0..area {
            for channel in 0..channels {
                for filter in 0..filters {
                    turned.set(
                        (area - 1 - tap) * filters + filter,
                        channel,
                        bank.get(tap * channels + channel, filter),
                    );
                }
            }
        }
        turned
    }

    /// The weights of a step as the forward pass used them.
    fn bank(&self, index: usize) -> &Bank {
        self.pass.banks.steps[index].own.first().map_or_else(|| self.pass.weights.frozen(index, 0), |own| &own[0])
    }

    fn linear(
        &mut self,
        index: usize,
        step: &Step,
        kind: &Product,
        dy: &[f32],
        centre: Option<Centre<'_>>,
        buffers: &mut Buffers,
    ) {
        let batch = self.pass.batch;
        let (inputs, outputs) = (step.input.values(), kind.filters.len());
        let mut slope = buffers.take(batch * outputs);
        slope
            .par_chunks_mut(outputs)
            .enumerate()
            .for_each(|(image, out)| self.raw(index, step, image, dy, centre, out));
        let weights = &self.pass.weights.steps[index];
        for patch in weights.bias_patches() {
            let column = slope.iter().skip(patch.column()).step_by(outputs);
            self.gradient[patch.gene()] = column.map(|slope| f64::from(*slope)).sum::<f64>() as f32;
        }
        let columns = trained_columns(weights.own_patches(0));
        if !columns.is_empty() {
            let input_step = self.pass.program.step_of[step.inputs[0]].expect("the whole network computes its inputs");
            let held = self.value(input_step);
            let mut loaded = Vec::new();
            if !held.plain() {
                loaded = buffers.take(batch * inputs);
                loaded.par_chunks_mut(inputs).enumerate().for_each_init(
                    || self.pass.scratch.take(),
                    |scratch, (image, out)| {
                        let to = Pixels::dense(step.input.width, step.input.channels);
                        held.load(image, 1, step.input, out, to, scratch);
                    },
                );
            }
            let x = if held.plain() { held.own() } else { &loaded };
            let rows = Rows::new((0..batch).map(|image| (image * inputs) as u32).collect());
            let mut right = Bank::zeros(batch, columns.len());
            right.gather_rows(&slope, outputs, &columns);
            let pitch = columns.len();
            let mut sums = buffers.take(inputs * pitch);
            sums.par_chunks_mut(INPUTS * pitch).enumerate().for_each(|(i, values)| {
                let source = Source { values: x, base: i * INPUTS, line: 0, step: 1, rows: &rows, bank: &right };
                let length = values.len() / pitch;
                product(&[source], First::Zero, Output { values, pitch, columns: pitch, lines: 1, length });
            });
            self.scatter(weights.own_patches(0), &columns, outputs, &sums);
            buffers.give(sums);
            buffers.give(loaded);
        }
        if let Some(below) = self.below(step, 0) {
            let bank = self.bank(index);
            let mut turned = Bank::zeros(outputs, inputs);
            for input in 0..inputs {
                (0..outputs).for_each(|output| turned.set(output, input, bank.get(input, output)));
            }
            let rows = Rows::new((0..outputs as u32).collect());
            let mut dx = buffers.take(batch * inputs);
            dx.par_chunks_mut(BLOCK * inputs).enumerate().for_each(|(i, values)| {
                let base = i * BLOCK * outputs;
                let source = Source { values: &slope, base, line: 0, step: outputs, rows: &rows, bank: &turned };
                let length = values.len() / inputs;
                product(&[source], First::Zero, Output { values, pitch: inputs, columns: inputs, lines: 1, length });
            });
            self.give(below, dx, buffers);
        }
        buffers.give(slope);
    }

    /// Operations without weights.
    fn plain(&mut self, index: usize, step: &Step, dy: &[f32], centre: Option<Centre<'_>>, buffers: &mut Buffers) {
        let mut behind = Vec::new();
        if !step.alone() {
            behind = buffers.take(self.pass.batch * step.raw.values());
            behind.par_chunks_mut(step.raw.values()).enumerate().for_each_init(
                || self.pass.scratch.take(),
                |scratch, (image, out)| {
                    self.raw(index, step, image, dy, centre, out);
                    self.pass.dropped(step, image, &step.parts[0].channels, out, scratch);
                },
            );
        }
        let slope = if step.alone() { dy } else { &behind };
        let mut first = if let Kind::PadChannels { before } = step.kind { before } else { 0 };
        for input in 0..step.inputs.len() {
            let channels = step.input_channels[input];
            if let Some(below) = self.below(step, input) {
                let values = step.input.pixels() * channels;
                let mut dx = buffers.take(self.pass.batch * values);
                let images = dx.par_chunks_mut(values).zip(slope.par_chunks(step.raw.values()));
                images.for_each(|(dx, slope)| input_slope(step, slope, first, channels, dx));
                self.give(below, dx, buffers);
            }
            first += channels;
        }
        buffers.give(behind);
    }
}

/// Gradients that one task adds.
const TERMS: usize = 1 << 16;

/// Inputs of a linear layer whose weight gradients are one task.
const INPUTS: usize = 128;

/// Gradient of one image of an input from that of the output; `first` is the input's first channel of a concatenation.
fn input_slope(step: &Step, slope: &[f32], first: usize, channels: usize, dx: &mut [f32]) {
    match step.kind {
        Kind::Concat | Kind::PadChannels { .. } => {
            for (dx, slope) in dx.chunks_exact_mut(channels).zip(slope.chunks_exact(step.raw.channels)) {
                dx.copy_from_slice(&slope[first..first + channels]);
            }
        }
        Kind::AvgPool(window) => {
            dx.fill(0.0);
            let outputs = [step.raw.height, step.raw.width];
            let scale = 1.0 / (window.size * window.size) as f32;
            for (place, slope) in slope.chunks_exact(channels).enumerate() {
                let (oy, ox) = (place / outputs[1], place % outputs[1]);
                for y in 0..window.size {
                    for x in 0..window.size {
                        let pixel = (oy * window.stride + y) * step.input.width + ox * window.stride + x;
                        let dx = &mut dx[pixel * channels..(pixel + 1) * channels];
                        dx.iter_mut().zip(slope).for_each(|(dx, slope)| *dx += slope * scale);
                    }
                }
            }
        }
        Kind::GlobalAvgPool => {
            let scale = 1.0 / step.input.pixels() as f32;
            for dx in dx.chunks_exact_mut(channels) {
                dx.iter_mut().zip(slope).for_each(|(dx, slope)| *dx = slope * scale);
            }
        }
        _ => dx.copy_from_slice(slope),
    }
}

/// Columns that hold a trained scalar, ascending.
fn trained_columns(patches: &[Patch]) -> Vec<usize> {
    let mut trained = Vec::new();
    for patch in patches {
        if trained.len() <= patch.column() {
            trained.resize(patch.column() + 1, false);
        }
        trained[patch.column()] = true;
    }
    (0..trained.len()).filter(|column| trained[*column]).collect()
}

impl Spreading {
    fn new(step: &Step, kind: &Product) -> Self {
        let reach = [kind.window[0] - 1, kind.window[1] - 1];
        // Windows are square.
        let margin = reach[0].saturating_sub(kind.padding);
        let side =
            |input: usize, output: usize| (input + kind.padding + margin).max(margin + kind.stride * (output - 1) + 1);
        Spreading {
            margin,
            height: side(step.input.height, step.raw.height),
            width: side(step.input.width, step.raw.width),
        }
    }

    fn len(&self, channels: usize) -> usize {
        self.height * self.width * channels
    }

    /// Offsets of the turned window's taps.
    fn rows(&self, kind: &Product, channels: usize) -> Rows {
        let [height, width] = kind.window;
        let taps = (0..height).flat_map(|y| (0..width).map(move |x| (y * self.width + x) * channels));
        Rows::new(taps.flat_map(|tap| (tap..tap + channels).map(|at| at as u32)).collect())
    }

    /// Where the turned window of the first input pixel begins.
    fn base(&self, kind: &Product, channels: usize) -> usize {
        let skip = kind.padding + self.margin + 1 - kind.window[0];
        skip * (self.width + 1) * channels
    }

    fn fill(&self, slope: &[f32], channels: usize, [height, width]: [usize; 2], stride: usize, out: &mut [f32]) {
        for y in 0..height {
            for x in 0..width {
                let to = ((self.margin + y * stride) * self.width + self.margin + x * stride) * channels;
                let from = (y * width + x) * channels;
                out[to..to + channels].copy_from_slice(&slope[from..from + channels]);
            }
        }
    }
}
