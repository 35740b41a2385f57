//! One convolution or linear layer for the members of a unit.
//!
//! What all members share of it comes from [`Shared`]: outputs of the base's weights on shared input channels (the seed).
//! Filters that members vary there are computed side by side for all members of the unit, as one wide product on the
//! shared image. What remains, the members' own input channels, is summed onto that for each member.

use std::ops::Range;

use super::forward::Pass;
use super::lanes::Pixels;
use super::scratch::Scratch;
use super::shared::SharedStep;
use super::tile::{product, First, Output, Source};
use super::value::{Held, Value};
use super::weights::{padded_line, StepBanks};
use crate::plan::{Product, Step, Use};

/// A product and what it reads.
pub struct ProductRun<'a> {
    pass: &'a Pass<'a>,
    index: usize,
    step: &'a Step,
    product: &'a Product,
    value: Option<&'a Value>,
}

/// From one output position to the next in the values of the input.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    /// From one line of positions to the next.
    pub line: usize,
    /// From one position to the next.
    pub step: usize,
}

impl Walk {
    /// In images of `pixel` values a pixel, with their border. A linear layer's positions are images.
    pub fn new(step: &Step, product: &Product, pixel: usize) -> Self {
        match product.linear {
            true => Walk { line: 0, step: step.input.pixels() * pixel },
            false => Walk { line: padded_line(step, product, pixel) * product.stride, step: pixel * product.stride },
        }
    }
}

impl<'a> ProductRun<'a> {
    /// Prepares a step's product.
    pub fn new(
        pass: &'a Pass<'a>,
        index: usize,
        step: &'a Step,
        product: &'a Product,
        values: &'a [Option<Value>],
    ) -> Self {
        ProductRun { pass, index, step, product, value: pass.input(values, step, 0) }
    }

    fn banks(&self) -> &StepBanks {
        &self.pass.banks.steps[self.index]
    }

    fn shared(&self) -> Option<&SharedStep> {
        self.pass.shared.map(|shared| &shared.steps[self.index])
    }

    /// The outputs of a convolution for one image (pixels, members x filters), or of a linear layer for some images
    /// (images, members x outputs).
    pub fn compute(&self, images: Range<usize>, out: &mut [f32], scratch: &mut Scratch) {
        let [lines, length] =
            if self.product.linear { [1, images.len()] } else { [self.step.raw.height, self.step.raw.width] };
        let members = self.pass.members();
        let filters = self.product.filters.len();
        let positions = lines * length;
        let pitch = members * filters;
        if let Some(shared) = self.shared() {
            self.begin(shared, images.clone(), [lines, length], out, scratch);
        }
        if !self.product.own_inputs {
            return;
        }
        let held = &self.value.expect("own inputs are computed").parts;
        let loaded: Vec<(Option<Vec<f32>>, usize)> =
            held.iter().enumerate().map(|(p, part)| self.load(p, part, images.clone(), scratch)).collect();
        let banks = self.banks();
        let weights = self.pass.weights;
        for member in 0..members {
            let sources: Vec<Source<'_>> = held
                .iter()
                .zip(&loaded)
                .enumerate()
                .map(|(p, (part, (copy, at)))| {
                    let values = copy.as_deref().unwrap_or_else(|| part.own());
                    let Walk { line, step } = Walk::new(self.step, self.product, members * part.channels);
                    let bank =
                        if self.product.own_bank { &banks.own[p][member] } else { weights.frozen(self.index, p) };
                    Source { values, base: at + member * part.channels, line, step, rows: &banks.rows[p], bank }
                })
                .collect();
            let first = if self.product.shared.is_empty() { First::Row(&banks.bias[member]) } else { First::Output };
            let values = &mut out[member * filters..(positions - 1) * pitch + (member + 1) * filters];
            product(&sources, first, Output { values, pitch, columns: filters, lines, length });
        }
        for (p, (copy, _)) in loaded.into_iter().enumerate() {
            if let Some(copy) = copy {
                scratch.put(Use::Padded(p), copy);
            }
        }
    }

    /// What shared input channels give, into `out`.
    fn begin(
        &self,
        shared: &SharedStep,
        images: Range<usize>,
        [lines, length]: [usize; 2],
        out: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let members = self.pass.members();
        let (filters, varied) = (self.product.filters.len(), self.product.varied);
        let positions = lines * length;
        let banks = self.banks();
        let direct = self.product.dense && !self.product.own_inputs;
        let columns = members * varied;
        let mut sums = Vec::new();
        if varied > 0 {
            if !direct {
                sums = scratch.take(Use::Varied, positions * columns);
            }
            let channels = self.step.input.channels;
            let base = images.start * shared.image_len;
            let Walk { line, step } = Walk::new(self.step, self.product, channels);
            let source =
                Source { values: &shared.padded, base, line, step, rows: &shared.varied_rows, bank: &banks.varied };
            let sources = [source];
            let sources = if shared.varied_rows.is_empty() { &sources[..0] } else { &sources[..] };
            let values = if direct { &mut *out } else { &mut sums[..] };
            let to = Output { values, pitch: columns, columns, lines, length };
            product(sources, First::Row(&banks.varied_first), to);
        }
        if direct || self.product.shared.is_empty() {
            return;
        }
        let seed = &shared.seed[images.start * shared.seed_len..];
        for position in 0..positions {
            let seed = &seed[position * filters..(position + 1) * filters];
            let out = &mut out[position * members * filters..(position + 1) * members * filters];
            for (member, out) in out.chunks_exact_mut(filters).enumerate() {
                out.copy_from_slice(seed);
                if varied > 0 {
                    let sums = &sums[position * columns + member * varied..][..varied];
                    out[filters - varied..].iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
                }
            }
        }
        if varied > 0 {
            scratch.put(Use::Varied, sums);
        }
    }

    /// A part of the input with its border, where it cannot be read as it is; and the index of its first value.
    fn load(&self, p: usize, part: &Held, images: Range<usize>, scratch: &mut Scratch) -> (Option<Vec<f32>>, usize) {
        let members = self.pass.members();
        let size = self.step.input;
        let pixel = members * part.channels;
        let padding = self.product.padding;
        if part.plain() && padding == 0 {
            return (None, images.start * size.pixels() * pixel);
        }
        let line = padded_line(self.step, self.product, pixel);
        let length = (size.height + 2 * padding) * line;
        let mut copy = scratch.take_bordered(Use::Padded(p), self.index, images.len() * length);
        for (i, image) in images.enumerate() {
            let to = Pixels { base: padding * (line + pixel), line, step: pixel };
            part.load(image, members, size, &mut copy[i * length..(i + 1) * length], to, scratch);
        }
        (Some(copy), 0)
    }
}
