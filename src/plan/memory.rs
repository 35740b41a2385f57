//! The bytes that training holds at a time: the figure that `--memory` bounds.
//!
//! It is everything but the population itself (2 * n * k * 4 bytes: the genomes and the strategy's own state) and the data
//! set: the program, the network and its banks, a batch, what all members share of it, the units that are evaluated at the
//! same time, and each thread's scratch images. Evaluations of an incumbent are apart, see [`evaluation`].

use super::pass::{bank, padded_pixels, Ledger, Pass, Slots};
use super::program::{Kind, Product, Program, Step};
use super::programs::Programs;
use crate::graph::Graph;

/// What the process holds before anything is trained and what its allocator loses, as measured and rounded up.
const PROGRAM: u64 = 12 << 20;

/// What each thread holds beside its scratch images: its stack and the allocator's share.
const THREAD: u64 = 1 << 20;

const FLOAT: u64 = size_of::<f32>() as u64;

/// Bytes by what needs them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The program, the network and its frozen banks.
    pub network: u64,
    /// A batch and what is computed once of it.
    pub shared: u64,
    /// Each unit that is evaluated.
    pub unit: u64,
    /// Each thread.
    pub thread: u64,
}

impl Memory {
    /// All together.
    pub fn total(&self, units_at_once: usize, threads: usize) -> u64 {
        let of = |count: usize, bytes: u64| bytes.saturating_mul(count as u64);
        let units = of(units_at_once, self.unit).saturating_add(of(threads.max(1), self.thread));
        units.saturating_add(self.network).saturating_add(self.shared)
    }
}

/// What does not depend on unit and threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Images of a batch.
    pub batch: usize,
    /// Values of an image.
    pub image: usize,
    /// Channels of an image.
    pub channels: usize,
    /// Weights that members vary: the trained ones, or those that a subspace spans.
    pub k: usize,
    /// Genes of a member: k, or the dimension of the subspace.
    pub genes: usize,
    /// All scalars.
    pub parameters: usize,
}

impl Sizes {
    /// Of a graph with `k` trained scalars and batches of `batch` images.
    pub fn new(graph: &Graph, k: usize, batch: usize) -> Self {
        let shape = graph.input_shape();
        Sizes {
            batch,
            image: shape.iter().product(),
            channels: shape[0],
            k,
            genes: k,
            parameters: graph.parameter_count(),
        }
    }

    /// Bytes of so many images; those of several channels are turned channel-last, in a copy.
    pub fn images(&self, count: usize) -> u64 {
        let copies = if self.channels == 1 { 1 } else { 2 };
        FLOAT * (copies * count * self.image) as u64
    }

    /// The program and the start: all weights, and of each trained scalar the base, the scale and its place.
    pub fn start(&self) -> u64 {
        PROGRAM + FLOAT * (self.parameters + 2 * self.k) as u64
    }
}

/// Of a population in units of `unit` members, the last of `rest`.
pub fn population(programs: &Programs, sizes: &Sizes, unit: usize, rest: usize) -> Memory {
    let Sizes { batch, k, .. } = *sizes;
    let (mut ledger, mut slots) = (Ledger::default(), Slots::default());
    let reads: Vec<usize> =
        programs.members.shared_reads.iter().filter_map(|node| programs.shared.step_of[*node]).collect();
    let (mut once_ledger, mut once_slots) = (Ledger::default(), Slots::default());
    let once = Pass { program: &programs.shared, members: 1, batch, keep: false };
    for _batch in 0..2 {
        let left = once.run(|step| reads.contains(&step), &mut once_ledger, &mut once_slots);
        left.into_iter().for_each(|capacity| once_ledger.give(capacity));
    }
    // Twice, and again behind the rest: buffers of one unit serve the next.
    for members in [unit, unit, rest, unit].into_iter().filter(|members| *members > 0) {
        let pass = Pass { program: &programs.members, members, batch, keep: false };
        let left = pass.run(|_| false, &mut ledger, &mut slots);
        left.into_iter().for_each(|capacity| ledger.give(capacity));
    }
    let logits = batch * programs.sizes[programs.output].values() + programs.sizes[programs.output].values();
    let of_unit = ledger.peak
        + banks(&programs.members, unit)
        + (unit * (2 * k + logits)) as u64
        + normalisation(&programs.members, unit);
    Memory {
        network: sizes.start() + network(programs, k),
        shared: sizes.images(batch) + FLOAT * (once_ledger.peak + shared(programs, batch)),
        unit: FLOAT * of_unit,
        thread: THREAD + FLOAT * (slots.floats() + once_slots.floats()),
    }
}

/// Of one gradient, in which `columns` filters of each step of the whole network have trained weights. It is spread over the
/// threads, as one unit.
pub fn gradient(programs: &Programs, sizes: &Sizes, depends: &[bool], columns: &[usize]) -> Memory {
    let (mut ledger, mut slots) = (Ledger::default(), Slots::default());
    let pass = Pass { program: &programs.whole, members: 1, batch: sizes.batch, keep: true };
    let mut beside = 0;
    for _step in 0..2 {
        let kept = pass.run(|_| false, &mut ledger, &mut slots);
        beside = pass.backward(depends, columns, &mut ledger, &mut slots);
        kept.into_iter().for_each(|capacity| ledger.give(capacity));
    }
    let logits = 3 * sizes.batch * programs.sizes[programs.output].values();
    Memory {
        network: sizes.start() + network(programs, sizes.k),
        shared: sizes.images(sizes.batch),
        unit: FLOAT * (ledger.peak + beside + logits as u64 + 4 * sizes.k as u64),
        thread: THREAD + FLOAT * slots.floats(),
    }
}

/// Bytes that an evaluation of `images` images as one batch holds, beside the network.
pub fn evaluation(programs: &Programs, sizes: &Sizes, images: usize, threads: usize) -> u64 {
    let (mut ledger, mut slots) = (Ledger::default(), Slots::default());
    Pass { program: &programs.whole, members: 1, batch: images, keep: false }.run(|_| false, &mut ledger, &mut slots);
    let logits = (images * programs.sizes[programs.output].values()) as u64;
    sizes.images(images) + FLOAT * (ledger.peak + logits + threads as u64 * slots.floats())
}

/// Floats of what is computed once of a batch and read by members.
fn shared(programs: &Programs, batch: usize) -> u64 {
    let members = &programs.members;
    let plain: usize = members.shared_reads.iter().map(|node| batch * programs.sizes[*node].values()).sum();
    let of_step = |step: &Step| -> usize {
        let mut floats = 0;
        if let Kind::Product(product) = &step.kind {
            if product.padding > 0 && !product.shared.is_empty() {
                floats += batch * padded_pixels(step, product) * step.input.channels;
            }
            if product.seeded() {
                floats += batch * product.filters.len() * if product.linear { 1 } else { step.raw.pixels() };
            }
        }
        let promoted: usize = step.promoted().map_or(0, |part| part.channels.len());
        let pair = if step.pool.is_some() { 2 } else { 1 };
        // And four sums of each image.
        floats + batch * promoted * (pair * step.out.pixels() + 4)
    };
    (plain + members.steps.iter().map(of_step).sum::<usize>()) as u64
}

/// Floats of the weights as the engine lays them out for its three programs, with the places of the trained ones.
fn network(programs: &Programs, k: usize) -> u64 {
    // A place is three numbers, in two programs; a list that grows is copied once.
    let places = 3 * 3 * k as u64;
    let frozen = |program: &Program| -> u64 { program.steps.iter().map(|step| frozen(program, step)).sum() };
    let programs_banks = [&programs.members, &programs.shared, &programs.whole].map(frozen).iter().sum::<u64>();
    places + programs_banks + banks(&programs.shared, 1) + banks(&programs.whole, 1)
}

/// Floats of the frozen banks of a step.
fn frozen(program: &Program, step: &Step) -> u64 {
    let norm = step.norm.map_or(0, |_| 2 * bank(1, step.parts.iter().map(|part| part.channels.len()).sum()));
    let Kind::Product(product) = &step.kind else { return norm };
    let columns = product.filters.len();
    let seed = if product.seeded() { bank(area(product) * product.shared.len(), columns) } else { 0 };
    let varied = bank(product.taps.len(), product.varied);
    norm + own(program, step, product) + varied + seed + bank(1, columns)
}

/// Floats of the banks that `members` fill with their weights.
fn banks(program: &Program, members: usize) -> u64 {
    let of_step = |step: &Step| {
        let channels: usize = step.parts.iter().map(|part| part.channels.len()).sum();
        let norm = step.norm.map_or(0, |_| (2 * members * channels) as u64);
        let Kind::Product(product) = &step.kind else { return norm };
        let of_members = if product.own_bank { members as u64 * own(program, step, product) } else { 0 };
        // Offsets of the taps, as many for all members.
        let rows = (area(product) * (step.input.channels - product.shared.len())) as u64;
        let biases = (members * (product.filters.len() + product.varied)) as u64;
        norm + of_members + rows + biases + bank(product.taps.len(), members * product.varied)
    };
    program.steps.iter().map(of_step).sum()
}

/// Floats of one bank of the members' own input channels, in its parts.
fn own(program: &Program, step: &Step, product: &Product) -> u64 {
    let input = step.inputs.first().and_then(|node| program.value(*node));
    let parts = input.map_or(&[][..], |input| &input.parts);
    parts.iter().map(|part| bank(area(product) * part.channels.len(), product.filters.len())).sum()
}

/// Floats of pending normalisations: mean, factor, shift and inverse deviation of each channel.
fn normalisation(program: &Program, members: usize) -> u64 {
    let channels = |step: &Step| step.parts.iter().map(|part| part.channels.len()).sum::<usize>();
    let normed = program.steps.iter().filter(|step| step.norm.is_some());
    normed.map(|step| (4 * members * channels(step)) as u64).sum()
}

fn area(product: &Product) -> usize {
    product.window[0] * product.window[1]
}
