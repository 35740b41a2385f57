//! What one pass over a program holds, found by running it without numbers: as the engine on the CPU takes and gives back
//! buffers, drops values behind their last reader, and keeps a scratch image for each use.

use std::collections::BTreeMap;

use super::program::{From, Kind, Part, Product, Program, Step};

/// Images of one task of the engine: of a linear layer so many are loaded at a time.
const BLOCK: usize = 8;

/// Which of the free buffers serves a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    /// One of this capacity.
    Free(usize),
    /// A new one, for which a free one of this capacity, too small, goes back to the system.
    Instead(usize),
    /// A new one.
    New,
}

/// A free buffer serves a request of at least this share of its capacity, so that none is held for what needs far less.
const SLACK: usize = 4;

impl Serves {
    /// Chooses among free buffers of these capacities: the least that is enough, else the greatest that is not. So there are
    /// never many more buffers than are in use at a time, also where each value is a little longer than the one before.
    pub fn choose(free: impl Iterator<Item = usize>, length: usize) -> Self {
        let (mut enough, mut less) = (usize::MAX, 0);
        for capacity in free.filter(|capacity| length <= capacity * SLACK && *capacity <= length * SLACK) {
            if capacity >= length {
                enough = enough.min(capacity);
            } else {
                less = less.max(capacity);
            }
        }
        match (enough, less) {
            (usize::MAX, 0) => Serves::New,
            (usize::MAX, less) => Serves::Instead(less),
            (enough, _) => Serves::Free(enough),
        }
    }
}

/// Buffers that are used again, counted.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    free: BTreeMap<usize, usize>,
    floats: u64,
    /// Most floats of all buffers until now.
    pub peak: u64,
}

impl Ledger {
    /// Takes a buffer; gives its capacity.
    pub fn take(&mut self, length: usize) -> usize {
        if length == 0 {
            return 0;
        }
        let serves = Serves::choose(self.free.keys().copied(), length);
        if let Serves::Free(capacity) | Serves::Instead(capacity) = serves {
            let count = self.free.get_mut(&capacity).expect("it was chosen among them");
            *count -= 1;
            if *count == 0 {
                self.free.remove(&capacity);
            }
            if serves == Serves::Free(capacity) {
                return capacity;
            }
            self.floats -= capacity as u64;
        }
        self.floats += length as u64;
        self.peak = self.peak.max(self.floats);
        length
    }

    /// Gives a buffer back.
    pub fn give(&mut self, capacity: usize) {
        if capacity > 0 {
            *self.free.entry(capacity).or_default() += 1;
        }
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
    /// Runs the steps; gives the buffers that are in use in the end: of all steps, or of those for which `wanted` holds and of
    /// those that nobody reads.
    pub fn run(&self, wanted: impl Fn(usize) -> bool, ledger: &mut Ledger, slots: &mut Slots) -> Vec<usize> {
        let dropped = self.program.dropped();
        let mut values: Vec<Vec<usize>> = Vec::new();
        for (index, step) in self.program.steps.iter().enumerate() {
            self.scratch(step, slots);
            let stored = if self.keep { step.raw } else { step.out };
            let lanes: Vec<usize> = computed(step).map(|part| self.members * part.channels.len()).collect();
            values.push(lanes.iter().map(|lanes| ledger.take(self.batch * stored.pixels() * lanes)).collect());
            if step.norm.is_some() {
                let sums = lanes.iter().flat_map(|lanes| [self.batch * lanes; 2]);
                let sums: Vec<usize> = sums.map(|length| ledger.take(length)).collect();
                sums.into_iter().for_each(|capacity| ledger.give(capacity));
            }
            for earlier in dropped[index].iter().filter(|earlier| !self.keep && !wanted(**earlier)) {
                values[*earlier].drain(..).for_each(|capacity| ledger.give(capacity));
            }
        }
        values.into_iter().flatten().collect()
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
        if let (Some(logits), Some(last)) = (steps.last(), waiting.last_mut()) {
            *last = Some(ledger.take(self.batch * logits.out.values()));
        }
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
                    let together = step.images_together();
                    let right = bank(together * step.raw.pixels(), columns) as usize;
                    slots.note(Use::Slope, together * step.raw.values() + right);
                    if columns > 0 {
                        slots.note(Use::Padded(0), together * padded_pixels(step, product) * step.input.channels);
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
    fn a_buffer_serves_what_is_not_much_shorter_and_goes_for_what_is_a_little_longer() {
        let mut ledger = Ledger::default();
        let (a, b) = (ledger.take(10), ledger.take(10));
        assert_eq!(ledger.peak, 20);
        ledger.give(a);
        assert_eq!((ledger.take(9), ledger.floats), (10, 20), "the one given back");
        ledger.give(b);
        assert_eq!((ledger.take(2), ledger.floats), (2, 22), "not one of five times the length");
        assert_eq!((ledger.take(11), ledger.floats), (11, 23), "a longer one instead of the free one");
        ledger.give(11);
        assert_eq!((ledger.take(3), ledger.floats), (11, 23));
        assert_eq!((ledger.take(0), ledger.peak), (0, 23));
    }

    #[test]
    fn values_that_grow_a_little_at_a_time_hold_no_more_than_two_and_the_first() {
        let mut ledger = Ledger::default();
        let mut held = ledger.take(100);
        for length in (112..1000).step_by(12) {
            let next = ledger.take(length);
            ledger.give(held);
            held = next;
        }
        assert!(ledger.peak < 2 * 1000, "{}", ledger.peak);
    }

    #[test]
    fn a_matrix_fills_whole_vectors() {
        assert_eq!([bank(3, 0), bank(3, 1), bank(3, 16), bank(3, 17), bank(3, 33)], [0, 48, 48, 96, 144]);
    }
}
