//! What one pass over a program holds, found by running it without numbers: as the engine on the CPU takes and gives back
//! buffers of exactly one length, drops values behind their last reader, and keeps a scratch image for each use.

use std::collections::BTreeMap;

use super::program::{From, Kind, Part, Product, Program, Step};

/// Images of one task of the engine: of a linear layer so many are loaded at a time.
const BLOCK: usize = 8;

/// Buffers that are used again for values of the same length, and so are never given back to the system.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    free: BTreeMap<usize, usize>,
    /// Floats of all buffers.
    pub floats: u64,
}

impl Ledger {
    /// Takes a free buffer, or a new one; gives its length.
    pub fn take(&mut self, length: usize) -> usize {
        match self.free.get_mut(&length) {
            Some(free) if *free > 0 => *free -= 1,
            _ => self.floats += length as u64,
        }
        length
    }

    /// The same buffers, all of them in use.
    pub fn all_in_use(&self) -> Ledger {
        Ledger { free: BTreeMap::new(), floats: self.floats }
    }

    /// Gives a buffer back.
    pub fn give(&mut self, length: usize) {
        *self.free.entry(length).or_default() += 1;
    }
}

/// The scratch images of a thread: the longest of each use.
#[derive(Clone, Debug, Default)]
pub struct Slots(BTreeMap<Use, usize>);

/// What a scratch image is used for. A thread has one image for each use, for all steps one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// What an operation gives, before it is pooled.
    Raw,
    /// What was kept, pooled or behind its activation.
    Staged,
    /// Outputs of varied filters.
    Varied,
    /// An input as it is.
    Plain,
    /// A part of a product's input with its border.
    Padded(usize),
    /// What dropout multiplies by.
    Mask,
    /// Gradient of a product's output.
    Slope,
    /// The same, spread by the stride, with a border.
    Spread,
}

impl Slots {
    fn note(&mut self, of: Use, length: usize) {
        let longest = self.0.entry(of).or_default();
        *longest = length.max(*longest);
    }

    /// Floats of all.
    pub fn floats(&self) -> u64 {
        self.0.values().map(|length| *length as u64).sum()
    }
}

/// A pass: its program and sizes.
pub struct Pass<'a> {
    /// The steps.
    pub program: &'a Program,
    /// Members of the unit.
    pub members: usize,
    /// Images of the batch.
    pub batch: usize,
    /// Whether everything is kept for a backward pass.
    pub keep: bool,
}

impl Pass<'_> {
    /// Runs the steps; all buffers are given back in the end, except those of steps for which `wanted` holds until then.
    pub fn run(&self, wanted: impl Fn(usize) -> bool, ledger: &mut Ledger, slots: &mut Slots) {
        let last = self.program.last_readers();
        let mut values: Vec<Vec<usize>> = Vec::new();
        for (index, step) in self.program.steps.iter().enumerate() {
            self.scratch(step, slots);
            let stored = if self.keep { step.raw } else { step.out };
            let lanes: Vec<usize> = computed(step).map(|part| self.members * part.channels.len()).collect();
            values.push(lanes.iter().map(|lanes| ledger.take(self.batch * stored.pixels() * lanes)).collect());
            if step.norm.is_some() {
                let sums = lanes.iter().flat_map(|lanes| [self.batch * lanes; 2]);
                let sums: Vec<usize> = sums.map(|length| ledger.take(length)).collect();
                sums.into_iter().for_each(|length| ledger.give(length));
            }
            if self.keep {
                continue;
            }
            for earlier in (0..index).filter(|earlier| last[*earlier] == index && !wanted(*earlier)) {
                values[earlier].drain(..).for_each(|length| ledger.give(length));
            }
        }
        values.into_iter().flatten().for_each(|length| ledger.give(length));
    }

    /// The scratch images of a step.
    fn scratch(&self, step: &Step, slots: &mut Slots) {
        let lanes = |part: &Part| self.members * part.channels.len();
        if step.pool.is_some() && !self.keep {
            computed(step).for_each(|part| slots.note(Use::Raw, step.raw.pixels() * lanes(part)));
        }
        let inputs = step.inputs.iter().map(|node| self.program.value(*node));
        let parts = inputs.flatten().flat_map(|input| input.parts.iter().enumerate().map(move |part| (input, part)));
        for (input, (p, part)) in parts {
            let staged =
                self.keep && input.pool.is_some() || input.norm.is_none() && input.pending(self.keep).is_some();
            if staged {
                slots.note(Use::Staged, input.out.pixels() * lanes(part));
            }
            match &step.kind {
                Kind::Product(product) => {
                    let pending = input.norm.is_some() || staged;
                    if pending || product.padding > 0 || part.from == From::Promoted {
                        let images = if product.linear { self.batch.min(BLOCK) } else { 1 };
                        slots.note(Use::Padded(p), images * padded_pixels(step, product) * lanes(part));
                    }
                }
                Kind::AvgPool(_) | Kind::GlobalAvgPool | Kind::Add | Kind::Concat | Kind::PadChannels { .. } => {
                    slots.note(Use::Plain, step.input.pixels() * lanes(part));
                }
                Kind::Dropout { .. } => slots.note(Use::Mask, step.raw.values()),
                Kind::Input | Kind::Identity => {}
            }
        }
        if let Kind::Product(product) = &step.kind {
            if product.varied > 0 && (product.own_inputs || !product.dense) {
                let positions = if product.linear { self.batch.min(BLOCK) } else { step.raw.pixels() };
                slots.note(Use::Varied, positions * self.members * product.varied);
            }
        }
    }

    /// Runs the backward pass behind [`Self::run`] with everything kept, on the same ledger; `depends` marks the nodes that a
    /// trained scalar reaches. Gives the floats that it holds beside, of `columns` trained filters of each step.
    pub fn backward(&self, depends: &[bool], columns: &[usize], ledger: &mut Ledger, slots: &mut Slots) -> u64 {
        let steps = &self.program.steps;
        let mut beside = 0;
        // Gradients that wait for the step of their value.
        let mut waiting: Vec<Option<usize>> = vec![None; steps.len()];
        for (index, step) in steps.iter().enumerate().rev().filter(|(_, step)| depends[step.value]) {
            let below: Vec<(usize, usize)> = step
                .inputs
                .iter()
                .zip(&step.input_channels)
                .filter(|(input, _)| depends[**input])
                .filter_map(|(input, channels)| Some((self.program.step_of[*input]?, step.input.pixels() * channels)))
                .collect();
            let columns = columns[index];
            let (mut taken, mut now) = (Vec::new(), 0);
            match &step.kind {
                Kind::Product(product) if product.linear => {
                    let (inputs, outputs) = (step.input.values(), product.filters.len());
                    taken.push(ledger.take(self.batch * outputs));
                    let lengths = [self.batch * inputs, inputs * columns];
                    let inside: Vec<usize> = lengths.iter().map(|length| ledger.take(*length)).collect();
                    inside.into_iter().for_each(|length| ledger.give(length));
                    now += bank(self.batch, columns).max(bank(outputs, inputs));
                }
                Kind::Product(product) => {
                    let taps = product.window[0] * product.window[1];
                    slots.note(Use::Slope, step.raw.values() + bank(step.raw.pixels(), columns) as usize);
                    if columns > 0 {
                        slots.note(Use::Padded(0), padded_pixels(step, product) * step.input.channels);
                    }
                    let side = |input: usize, output: usize| {
                        (input + 2 * product.window[0]).max(2 * product.window[0] + product.stride * output)
                    };
                    let spread = side(step.input.height, step.raw.height) * side(step.input.width, step.raw.width);
                    slots.note(Use::Spread, if below.is_empty() { 0 } else { spread * step.raw.channels });
                    let sums = (self.batch.div_ceil(BLOCK) + 1) * taps * step.input.channels * columns;
                    now += sums as u64 + bank(taps * step.raw.channels, step.input.channels);
                }
                _ if step.alone() => {}
                _ => {
                    if let Kind::Dropout { .. } = step.kind {
                        slots.note(Use::Mask, step.raw.values());
                    }
                    taken.push(ledger.take(self.batch * step.raw.values()));
                }
            }
            for (below, values) in below {
                let gradient = ledger.take(self.batch * values);
                match waiting[below] {
                    Some(_) => ledger.give(gradient),
                    None => waiting[below] = Some(gradient),
                }
            }
            taken.into_iter().chain(waiting[index].take()).for_each(|length| ledger.give(length));
            if step.norm.is_some() {
                now += (2 * self.batch * step.raw.channels) as u64;
            }
            beside = beside.max(now);
        }
        beside
    }
}

/// Parts that the step itself computes.
fn computed(step: &Step) -> impl Iterator<Item = &Part> {
    step.parts.iter().filter(|part| part.from != From::Promoted)
}

/// Pixels of an input image with its border.
pub fn padded_pixels(step: &Step, product: &Product) -> usize {
    (step.input.height + 2 * product.padding) * (step.input.width + 2 * product.padding)
}

/// Floats of a matrix as the kernel reads it: columns fill whole vectors of 16.
pub fn bank(rows: usize, columns: usize) -> u64 {
    (rows * columns.next_multiple_of(16)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_for_its_own_length_alone() {
        let mut ledger = Ledger::default();
        let a = ledger.take(10);
        ledger.take(10);
        ledger.give(a);
        assert_eq!(ledger.floats, 20);
        ledger.take(10);
        assert_eq!(ledger.floats, 20, "the one given back");
        ledger.take(9);
        assert_eq!(ledger.floats, 29, "no shorter one of a longer");
    }

    #[test]
    fn a_matrix_fills_whole_vectors() {
        assert_eq!([bank(3, 0), bank(3, 1), bank(3, 16), bank(3, 17), bank(3, 33)], [0, 48, 48, 96, 144]);
    }
}
