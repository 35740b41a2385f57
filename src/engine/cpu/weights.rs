//! A program's weights: frozen ones once, and for each unit of members the banks that hold trained ones.

use std::sync::Arc;

use super::bank::Bank;
use super::tile::Rows;
use crate::graph::{Graph, ParameterId};
use crate::plan::{Kind, Product, Program, Step};
use crate::subset::Start;

/// A trained scalar and its place.
#[derive(Clone, Copy, Debug)]
pub struct Patch {
    gene: u32,
    row: u32,
    column: u32,
}

impl Patch {
    /// Its index in the genome.
    pub fn gene(&self) -> usize {
        self.gene as usize
    }

    /// Its row in the bank.
    pub fn row(&self) -> usize {
        self.row as usize
    }

    /// Its column in the bank.
    pub fn column(&self) -> usize {
        self.column as usize
    }
}

/// Frozen weights, and which of them members replace.
#[derive(Debug, Default)]
struct Template {
    base: Bank,
    patches: Vec<Patch>,
}

/// The weights of one step.
#[derive(Debug, Default)]
pub struct StepWeights {
    /// For each own part of the input: (taps, filters).
    own: Vec<Template>,
    /// Of shared input channels: (taps, varied filters); zero where differences to the base are summed.
    varied: Template,
    /// Biases (1, filters); of varied filters as differences, or whole where they are dense.
    bias: Template,
    /// For the seed: (taps of all shared channels, filters) and its first row; filters that are dense are zero.
    pub seed: Option<(Bank, Vec<f32>)>,
    /// Where all weights of a linear layer's varied filters are trained: the gene of the first, which the others follow row
    /// by row.
    pub whole_rows: Option<usize>,
    /// Scale and shift (1, channels) of the batch-norm, over all parts in order.
    scale: Template,
    shift: Template,
}

impl StepWeights {
    /// Whether the step has a trained scalar.
    pub fn trained(&self) -> bool {
        let vectors = [&self.bias, &self.scale, &self.shift, &self.varied];
        self.own.iter().chain(vectors).any(|template| !template.patches.is_empty())
    }

    /// Trained weights of a part of the input.
    pub fn own_patches(&self, part: usize) -> &[Patch] {
        &self.own[part].patches
    }

    /// Trained biases; a column is a filter.
    pub fn bias_patches(&self) -> &[Patch] {
        &self.bias.patches
    }

    /// Trained scales of the batch-norm; a column is a channel.
    pub fn scale_patches(&self) -> &[Patch] {
        &self.scale.patches
    }

    /// Trained shifts of the batch-norm; a column is a channel.
    pub fn shift_patches(&self) -> &[Patch] {
        &self.shift.patches
    }
}

/// The weights of all steps of a program.
#[derive(Debug)]
pub struct Weights {
    /// One for each step.
    pub steps: Vec<StepWeights>,
    /// Holds the trained scalars at the start.
    start: Arc<Start>,
}

/// What a step's product reads for one unit.
#[derive(Debug, Default)]
pub struct StepBanks {
    /// For each part of the input the taps' offsets.
    pub rows: Vec<Rows>,
    /// For each part of the input the banks of the members; empty where all use [`Weights`]' own.
    pub own: Vec<Vec<Bank>>,
    /// Biases (filters) of each member.
    pub bias: Vec<Vec<f32>>,
    /// (taps, members x varied filters).
    pub varied: Bank,
    /// First values (members x varied filters).
    pub varied_first: Vec<f32>,
    /// For each part of the step (members, channels).
    pub scale: Vec<Vec<f32>>,
    /// As `scale`.
    pub shift: Vec<Vec<f32>>,
}

/// The weights of some members.
#[derive(Debug, Default)]
pub struct Banks {
    /// Number of members.
    pub members: usize,
    /// Trained weights (k) of each.
    pub trained: Vec<Vec<f32>>,
    /// One for each step.
    pub steps: Vec<StepBanks>,
}

/// The graph's frozen weights and trained scalars, as templates are filled from them.
struct Filler<'a> {
    start: &'a Start,
}

impl Filler<'_> {
    fn graph(&self) -> &Graph {
        &self.start.graph
    }

    fn values(&self, id: ParameterId) -> &[f32] {
        &self.start.weights[self.graph().parameter(id).range()]
    }

    /// Calls `at(index in the parameter, gene)` for each trained scalar of a parameter.
    fn trained(&self, id: ParameterId, mut at: impl FnMut(usize, usize)) {
        let range = self.graph().parameter(id).range();
        let spans = &self.start.subset.spans;
        let first = spans.partition_point(|span| span.position < range.start);
        for span in spans[first..].iter().take_while(|span| span.position < range.end) {
            (0..span.length).for_each(|i| at(span.offset + i, span.gene + i));
        }
    }

    /// A row of a parameter's elements `order`, as a bank.
    fn vector(&self, id: ParameterId, order: &[usize]) -> Template {
        let mut template = Template { base: Bank::zeros(1, order.len()), patches: Vec::new() };
        let values = self.values(id);
        let mut column_of = vec![None; values.len()];
        for (column, element) in order.iter().enumerate() {
            template.base.set(0, column, values[*element]);
            column_of[*element] = Some(column);
        }
        self.trained(id, |element, gene| {
            if let Some(column) = column_of[element] {
                template.patches.push(Patch { gene: gene as u32, row: 0, column: column as u32 });
            }
        });
        template
    }

    fn product(&self, product: &Product, step: &Step, input_parts: &[Vec<usize>]) -> StepWeights {
        let area = product.window[0] * product.window[1];
        let channels = step.input.channels;
        let index = |filter: usize, channel: usize, tap: usize| (filter * channels + channel) * area + tap;
        let values = self.values(product.weight);
        let columns = product.filters.len();
        let varied = &product.filters[columns - product.varied..];
        let mut weights = StepWeights::default();

        // Where each weight stands: the bank of its part, its row and column.
        let mut column_of = vec![usize::MAX; step.raw.channels];
        product.filters.iter().enumerate().for_each(|(column, filter)| column_of[*filter] = column);
        let mut part_of = vec![None; channels];
        for (p, part) in input_parts.iter().enumerate() {
            part.iter().enumerate().for_each(|(i, channel)| part_of[*channel] = Some((p, i)));
            let mut base = Bank::zeros(area * part.len(), columns);
            for (column, filter) in product.filters.iter().enumerate() {
                for (i, channel) in part.iter().enumerate() {
                    (0..area)
                        .for_each(|tap| base.set(tap * part.len() + i, column, values[index(*filter, *channel, tap)]));
                }
            }
            weights.own.push(Template { base, patches: Vec::new() });
        }
        let mut tap_row = vec![usize::MAX; channels * area];
        for (row, [c, y, x]) in product.taps.iter().enumerate() {
            tap_row[c * area + y * product.window[1] + x] = row;
        }
        weights.varied.base = Bank::zeros(product.taps.len(), product.varied);
        if product.dense {
            for (column, filter) in varied.iter().enumerate() {
                for (row, [c, y, x]) in product.taps.iter().enumerate() {
                    weights.varied.base.set(row, column, values[index(*filter, *c, y * product.window[1] + x)]);
                }
            }
        }
        self.trained(product.weight, |element, gene| {
            let (filter, channel, tap) = (element / (channels * area), element / area % channels, element % area);
            let column = column_of[filter];
            if column == usize::MAX {
                return;
            }
            let (template, row, column) = match part_of[channel] {
                Some((p, i)) => (&mut weights.own[p], tap * input_parts[p].len() + i, column),
                None => (&mut weights.varied, tap_row[channel * area + tap], column + product.varied - columns),
            };
            template.patches.push(Patch { gene: gene as u32, row: row as u32, column: column as u32 });
        });
        weights.own.iter_mut().chain([&mut weights.varied]).for_each(|template| template.patches.shrink_to_fit());
        weights.whole_rows = self.whole_rows(product, varied, channels * area);
        if weights.whole_rows.is_some() {
            // Members' weights are read where they are.
            weights.varied = Template::default();
        }
        if let Some(id) = product.bias {
            weights.bias = self.vector(id, &product.filters);
        } else {
            weights.bias.base = Bank::zeros(1, columns);
        }
        if !product.shared.is_empty() && (product.own_inputs || !product.dense) {
            weights.seed = Some(self.seed(product, &weights.bias.base, index));
        }
        if !product.shared.is_empty() && !product.dense {
            // The seed holds the base's biases; members add differences.
            let columns = weights.bias.base.columns();
            weights.bias.base = Bank::zeros(1, columns);
        }
        weights
    }

    /// The first gene of varied filters, of `length` weights each, that follow each other and are trained whole.
    fn whole_rows(&self, product: &Product, varied: &[usize], length: usize) -> Option<usize> {
        let following = varied.windows(2).all(|pair| pair[1] == pair[0] + 1);
        if !product.linear || !product.dense || product.own_inputs || !following {
            return None;
        }
        let wanted = varied[0] * length..(varied[0] + varied.len()) * length;
        let (mut count, mut first) = (0, None);
        self.trained(product.weight, |element, gene| {
            if wanted.contains(&element) {
                count += 1;
                first.get_or_insert(gene);
            }
        });
        first.filter(|_| count == wanted.len())
    }

    /// Weights on all shared channels, in the order of [`seed_rows`], and first values, of all filters at the base.
    fn seed(&self, product: &Product, bias: &Bank, index: impl Fn(usize, usize, usize) -> usize) -> (Bank, Vec<f32>) {
        let values = self.values(product.weight);
        let columns = product.filters.len();
        let filled = if product.dense { columns - product.varied } else { columns };
        let area = product.window[0] * product.window[1];
        let mut bank = Bank::zeros(area * product.shared.len(), columns);
        let mut first = vec![0.0; columns];
        for (column, filter) in product.filters[..filled].iter().enumerate() {
            first[column] = bias.get(0, column);
            for tap in 0..area {
                for (i, channel) in product.shared.iter().enumerate() {
                    bank.set(tap * product.shared.len() + i, column, values[index(*filter, *channel, tap)]);
                }
            }
        }
        (bank, first)
    }
}

/// Offsets of all taps of the shared channels in padded images of `line` values a line and all `channels` a pixel.
pub fn seed_rows(product: &Product, channels: usize, line: usize) -> Rows {
    let [height, width] = product.window;
    let taps = (0..height).flat_map(|y| (0..width).map(move |x| y * line + x * channels));
    Rows::new(taps.flat_map(|tap| product.shared.iter().map(move |c| (tap + c) as u32)).collect())
}

/// Offsets of the taps of varied filters in the same images.
pub fn varied_rows(product: &Product, channels: usize, line: usize) -> Rows {
    Rows::new(product.taps.iter().map(|[c, y, x]| (y * line + x * channels + c) as u32).collect())
}

/// Values of one line of a padded input image of `step` values a pixel.
pub fn padded_line(step: &Step, product: &Product, pixel: usize) -> usize {
    (step.input.width + 2 * product.padding) * pixel
}

impl Weights {
    /// The weights of a program.
    pub fn new(start: &Arc<Start>, program: &Program) -> Self {
        let filler = Filler { start };
        let steps = program.steps.iter().map(|step| {
            let mut weights = match &step.kind {
                Kind::Product(product) => filler.product(product, step, &input_parts(program, step)),
                _ => StepWeights::default(),
            };
            if let Some(norm) = step.norm {
                let order: Vec<usize> = step.parts.iter().flat_map(|part| part.channels.iter().copied()).collect();
                weights.scale = filler.vector(norm.scale, &order);
                weights.shift = filler.vector(norm.shift, &order);
            }
            weights
        });
        Weights { steps: steps.collect(), start: start.clone() }
    }

    /// The bank that all members use for a part of a step's input.
    pub fn frozen(&self, step: usize, part: usize) -> &Bank {
        &self.steps[step].own[part].base
    }

    /// Fills `banks` for members with these trained weights (k) each.
    pub fn fill(&self, program: &Program, trained: Vec<Vec<f32>>, banks: &mut Banks) {
        let fresh = banks.members != trained.len() || banks.steps.len() != program.steps.len();
        if fresh {
            *banks = Banks { members: trained.len(), ..Banks::default() };
            banks.steps.resize_with(program.steps.len(), StepBanks::default);
        }
        for ((step, weights), banks) in program.steps.iter().zip(&self.steps).zip(&mut banks.steps) {
            if let Kind::Product(product) = &step.kind {
                if fresh {
                    banks.rows = rows(program, step, product, trained.len());
                }
                self.fill_product(product, weights, &trained, banks);
            }
            if step.norm.is_some() {
                for (of_parts, template) in [(&mut banks.scale, &weights.scale), (&mut banks.shift, &weights.shift)] {
                    let members: Vec<Vec<f32>> = trained.iter().map(|trained| template.row(trained, None)).collect();
                    *of_parts = by_part(step, &members);
                }
            }
        }
        banks.trained = trained;
    }

    fn fill_product(&self, product: &Product, weights: &StepWeights, trained: &[Vec<f32>], banks: &mut StepBanks) {
        let columns = product.filters.len();
        if product.own_bank {
            banks.own.resize_with(weights.own.len(), Vec::new);
            for (template, banks) in weights.own.iter().zip(&mut banks.own) {
                banks.resize_with(trained.len(), Bank::default);
                for (trained, bank) in trained.iter().zip(banks) {
                    bank.clone_from(&template.base);
                    for patch in &template.patches {
                        bank.set(patch.row as usize, patch.column as usize, trained[patch.gene as usize]);
                    }
                }
            }
        }
        let differences = !product.shared.is_empty() && !product.dense;
        let base = differences.then_some(self.start.base.as_slice());
        banks.bias = trained.iter().map(|trained| weights.bias.row(trained, base)).collect();
        if product.varied == 0 {
            return;
        }
        banks.varied_first.clear();
        for bias in &banks.bias {
            banks.varied_first.extend_from_slice(&bias[columns - product.varied..]);
        }
        if weights.whole_rows.is_some() {
            return;
        }
        let members = trained.len();
        let (taps, varied) = (product.taps.len(), product.varied);
        if banks.varied.rows() != taps || banks.varied.columns() != members * varied {
            banks.varied = Bank::zeros(taps, members * varied);
        }
        for (member, trained) in trained.iter().enumerate() {
            if !differences {
                for row in 0..taps {
                    for column in 0..varied {
                        banks.varied.set(row, member * varied + column, weights.varied.base.get(row, column));
                    }
                }
            }
            for patch in &weights.varied.patches {
                let gene = patch.gene as usize;
                let value = base.map_or(trained[gene], |base| trained[gene] - base[gene]);
                banks.varied.set(patch.row as usize, member * varied + patch.column as usize, value);
            }
        }
    }
}

impl Template {
    /// The one row with the trained scalars put in, less `base` where given.
    fn row(&self, trained: &[f32], base: Option<&[f32]>) -> Vec<f32> {
        let mut row: Vec<f32> = (0..self.base.columns()).map(|column| self.base.get(0, column)).collect();
        for patch in &self.patches {
            let gene = patch.gene as usize;
            row[patch.column as usize] = trained[gene] - base.map_or(0.0, |base| base[gene]);
        }
        row
    }
}

/// Channels of the own parts of a step's first input.
fn input_parts(program: &Program, step: &Step) -> Vec<Vec<usize>> {
    let value = step.inputs.first().and_then(|node| program.value(*node));
    value.map_or_else(Vec::new, |step| step.parts.iter().map(|part| part.channels.clone()).collect())
}

/// Offsets of the taps of each own part, in padded images of `members` x channels values a pixel.
fn rows(program: &Program, step: &Step, product: &Product, members: usize) -> Vec<Rows> {
    let [height, width] = product.window;
    let of_part = |part: &Vec<usize>| {
        let pixel = members * part.len();
        let line = padded_line(step, product, pixel);
        let taps = (0..height).flat_map(|y| (0..width).map(move |x| y * line + x * pixel));
        Rows::new(taps.flat_map(|tap| (0..part.len()).map(move |i| (tap + i) as u32)).collect())
    };
    input_parts(program, step).iter().map(of_part).collect()
}

/// Per-channel vectors of all members, cut into parts: (members, channels of the part).
fn by_part(step: &Step, members: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut first = 0;
    let of_part = |part: &crate::plan::Part| {
        let range = first..first + part.channels.len();
        first = range.end;
        members.iter().flat_map(|row| row[range.clone()].iter().copied()).collect()
    };
    step.parts.iter().map(of_part).collect()
}

#[cfg(test)]
mod tests;
