//! The steps in which an engine computes a graph's own channels: an operation with the batch-norm, activation and pooling
//! that follow it alone, as one step.

use super::sharing::{Size, Trained};
use crate::graph::{Activation, Graph, NodeId, Op, ParameterId};

/// Steps in the order of computation.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The steps.
    pub steps: Vec<Step>,
    /// For each node the step that gives its value, if any; a flattened node's is that of its input.
    pub step_of: Vec<Option<usize>>,
    /// Nodes whose shared channels the steps read, ascending.
    pub shared_reads: Vec<usize>,
}

/// One operation and what follows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The operation's node.
    pub node: usize,
    /// The node whose value the step gives.
    pub value: usize,
    /// Nodes of its inputs; a flattened node is named by what it flattens.
    pub inputs: Vec<usize>,
    /// The operation.
    pub kind: Kind,
    /// The batch-norm behind it.
    pub norm: Option<Norm>,
    /// The activation that follows.
    pub activation: Option<Activation>,
    /// The max pooling that follows.
    pub pool: Option<Window>,
    /// Size of an input image.
    pub input: Size,
    /// Channels of each input, own or shared.
    pub input_channels: Vec<usize>,
    /// The node whose shared channels are promoted, if any are.
    pub promoted_from: Option<usize>,
    /// Size behind the operation.
    pub raw: Size,
    /// Size behind the pooling.
    pub out: Size,
    /// The own channels of its value, in the order in which they are held.
    pub parts: Vec<Part>,
}

/// Channels that are held together.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Their indices.
    pub channels: Vec<usize>,
    /// Where they come from.
    pub from: From,
}

/// Where a part's channels come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// Computed by the step's operation.
    Operation,
    /// Computed by the step's operation from this part of its one input.
    Part(usize),
    /// Shared before the step's batch-norm, whose scale or shift is trained.
    Promoted,
}

/// A batch-norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Norm {
    /// Its node.
    pub node: usize,
    /// Its index among the batch-norms of the graph.
    pub index: usize,
    /// Gamma.
    pub scale: ParameterId,
    /// Beta.
    pub shift: ParameterId,
}

/// Square windows; those that would leave the image are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Side.
    pub size: usize,
    /// Step in both directions.
    pub stride: usize,
}

impl Window {
    /// Height and width of the output.
    pub fn outputs(self, size: [usize; 2]) -> [usize; 2] {
        size.map(|side| (side - self.size) / self.stride + 1)
    }
}

/// An operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Images, or what is kept of them.
    Input,
    /// A convolution or linear layer.
    Product(Product),
    /// Nothing: what follows is the step.
    Identity,
    /// Mean of windows.
    AvgPool(Window),
    /// Mean of each channel.
    GlobalAvgPool,
    /// Sum of two inputs.
    Add,
    /// Inputs side by side.
    Concat,
    /// The input with channels of zeros before and behind.
    PadChannels {
        /// So many before.
        before: usize,
    },
    /// Values dropped at random in training; what is drawn is common to all members.
    Dropout {
        /// The layer's name, an address of its noise.
        layer: String,
        /// Probability.
        rate: f32,
    },
}

/// A convolution, or a linear layer, which is a convolution with a window as large as the image.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    /// Weight (filters, channels, window).
    pub weight: ParameterId,
    /// Bias (filters).
    pub bias: Option<ParameterId>,
    /// Whether it is a linear layer.
    pub linear: bool,
    /// Height and width of the window.
    pub window: [usize; 2],
    /// Step in both directions.
    pub stride: usize,
    /// Zeros around the image.
    pub padding: usize,
    /// Own output channels in the order in which they are held: those of `varied` last.
    pub filters: Vec<usize>,
    /// The last so many of `filters` have trained weights on shared input channels, or a trained bias alone.
    pub varied: usize,
    /// Input channels that all members share.
    pub shared: Vec<usize>,
    /// Whether members have input channels of their own.
    pub own_inputs: bool,
    /// Whether weights on own input channels are trained, so that each member has its own bank there.
    pub own_bank: bool,
    /// Taps (channel, row, column) of shared input channels on which a varied filter has a trained weight.
    pub taps: Vec<[usize; 3]>,
    /// Whether varied filters are computed whole, by their own weights on all shared taps; else their difference to the
    /// base is added to the base's output.
    pub dense: bool,
}

impl Product {
    /// Whether outputs of the base on shared input channels are computed once, for members to add to.
    pub fn seeded(&self) -> bool {
        !self.shared.is_empty() && (self.own_inputs || !self.dense)
    }
}

impl Step {
    /// The activation that readers of the step's value apply: one behind a batch-norm, for that is left to them too, and, where
    /// everything is kept for a backward pass, one whose value does not tell its slope.
    pub fn pending(&self, keep: bool) -> Option<Activation> {
        self.activation.filter(|activation| self.norm.is_some() || (keep && *activation == Activation::Gelu))
    }

    /// Images whose weight gradients a convolution sums in one product: several where each has few positions, for a product goes
    /// over all sums. The sums are the same, in the same order.
    pub fn images_together(&self) -> usize {
        (64 / self.raw.pixels()).clamp(1, 8)
    }

    /// Whether its value is what the operation gives: nothing follows, and nothing is dropped.
    pub fn alone(&self) -> bool {
        let follows = self.norm.is_some() || self.activation.is_some() || self.pool.is_some();
        !follows && !matches!(self.kind, Kind::Dropout { .. })
    }

    /// The shared channels that members scale and shift for themselves.
    pub fn promoted(&self) -> Option<&Part> {
        self.parts.iter().find(|part| part.from == From::Promoted)
    }
}

/// How much of the weights of the varied filters must be trained for computing them whole.
const DENSE: f64 = 0.5;

/// Which channels a program computes, and what it must leave readable.
pub struct Scope<'a> {
    /// For each node and channel whether the program computes it.
    pub own: &'a [Vec<bool>],
    /// Nodes whose value others read as it is.
    pub keep: &'a [bool],
    /// Nodes whose values are given.
    pub given: &'a [bool],
    /// The trained scalars.
    pub trained: &'a Trained,
}

impl Program {
    /// Compiles a program.
    pub fn new(graph: &Graph, sizes: &[Size], scope: &Scope<'_>) -> Self {
        let mut compiler = Compiler {
            graph,
            sizes,
            scope,
            names: named(graph),
            program: Program { steps: Vec::new(), step_of: vec![None; graph.nodes.len()], shared_reads: Vec::new() },
        };
        for node in 0..graph.nodes.len() {
            compiler.step(node);
        }
        let output = compiler.names[graph.output.0];
        if scope.own[output].contains(&false) {
            compiler.program.shared_reads.push(output);
        }
        let reads = &mut compiler.program.shared_reads;
        reads.sort_unstable();
        reads.dedup();
        compiler.program
    }

    /// For each step how many filters of its product have a trained weight.
    pub fn trained_filters(&self, graph: &Graph, trained: &Trained) -> Vec<usize> {
        let of_step = |step: &Step| match &step.kind {
            Kind::Product(product) => {
                product.filters.iter().filter(|filter| trained.filter(graph, product.weight, **filter)).count()
            }
            _ => 0,
        };
        self.steps.iter().map(of_step).collect()
    }

    /// For each step the last that reads its value; the number of steps where none does.
    pub fn last_readers(&self) -> Vec<usize> {
        let mut last = vec![self.steps.len(); self.steps.len()];
        for (index, step) in self.steps.iter().enumerate() {
            let read = step.inputs.iter().filter_map(|node| self.step_of[*node]);
            read.filter(|earlier| *earlier < index).for_each(|earlier| last[earlier] = index);
        }
        last
    }

    /// For each step the earlier ones whose value it is the last to read.
    pub fn dropped(&self) -> Vec<Vec<usize>> {
        let mut dropped = vec![Vec::new(); self.steps.len()];
        for (earlier, last) in self.last_readers().into_iter().enumerate().filter(|(_, last)| *last < self.steps.len())
        {
            dropped[last].push(earlier);
        }
        dropped
    }

    /// The step that gives a node's value.
    pub fn value(&self, node: usize) -> Option<&Step> {
        self.step_of[node].map(|step| &self.steps[step])
    }
}

/// Each node's own index; of a flattened node that of what it flattens.
fn named(graph: &Graph) -> Vec<usize> {
    let mut names = Vec::with_capacity(graph.nodes.len());
    for (i, node) in graph.nodes.iter().enumerate() {
        names.push(if node.op == Op::Flatten { names[node.inputs[0].0] } else { i });
    }
    names
}

struct Compiler<'a> {
    graph: &'a Graph,
    sizes: &'a [Size],
    scope: &'a Scope<'a>,
    names: Vec<usize>,
    program: Program,
}

impl Compiler<'_> {
    /// Compiles the step that begins at a node, unless an earlier step holds it or nothing in it is own.
    fn step(&mut self, node: usize) {
        let Compiler { graph, sizes, scope, .. } = *self;
        let op = graph.nodes[node].op;
        if self.program.step_of[node].is_some() || !scope.own[node].contains(&true) {
            return;
        }
        let given = scope.given[node];
        let inputs: &[NodeId] = if given { &[] } else { &graph.nodes[node].inputs };
        let inputs: Vec<usize> = inputs.iter().map(|id| self.names[id.0]).collect();
        if op == Op::Flatten {
            self.program.step_of[node] = self.program.step_of[inputs[0]];
            return;
        }
        let input = inputs.first().map_or(sizes[node], |id| sizes[*id]);
        let kind = if given { Kind::Input } else { self.kind(node, &inputs) };
        let own = |node: usize| (0..sizes[node].channels).filter(|c| scope.own[node][*c]).collect::<Vec<_>>();
        let mut parts = match &kind {
            Kind::Product(product) => vec![Part { channels: product.filters.clone(), from: From::Operation }],
            Kind::Input | Kind::Add | Kind::Concat | Kind::PadChannels { .. } => {
                vec![Part { channels: own(node), from: From::Operation }]
            }
            Kind::Identity | Kind::AvgPool(_) | Kind::GlobalAvgPool | Kind::Dropout { .. } => {
                let held = self.program.value(inputs[0]).map_or(&[][..], |step| &step.parts);
                let part = |(i, part): (usize, &Part)| Part { channels: part.channels.clone(), from: From::Part(i) };
                held.iter().enumerate().map(part).collect()
            }
        };
        self.note_shared_reads(&inputs, &kind);
        let mut step = Step {
            node,
            value: node,
            input_channels: inputs.iter().map(|id| sizes[*id].channels).collect(),
            promoted_from: None,
            inputs,
            raw: if matches!(kind, Kind::Identity) { input } else { sizes[node] },
            kind,
            norm: None,
            activation: None,
            pool: None,
            input,
            out: sizes[node],
            parts: Vec::new(),
        };
        let mut next = if matches!(step.kind, Kind::Identity) { Some(node) } else { self.follower(node) };
        while let Some(follower) = next {
            match graph.nodes[follower].op {
                Op::BatchNorm { scale, shift }
                    if step.norm.is_none() && step.activation.is_none() && step.pool.is_none() =>
                {
                    let index = (0..follower).filter(|i| matches!(graph.nodes[*i].op, Op::BatchNorm { .. })).count();
                    step.norm = Some(Norm { node: follower, index, scale, shift });
                    let before = graph.nodes[follower].inputs[0].0;
                    let computed = &scope.own[self.names[before]];
                    let promoted: Vec<usize> = own(follower).into_iter().filter(|c| !computed[*c]).collect();
                    if !promoted.is_empty() {
                        step.promoted_from = Some(self.names[before]);
                        self.program.shared_reads.push(self.names[before]);
                        parts.push(Part { channels: promoted, from: From::Promoted });
                    }
                }
                Op::Activation(activation) if step.activation.is_none() && step.pool.is_none() => {
                    step.activation = Some(activation);
                }
                // Pooling goes before an activation that keeps the order.
                Op::MaxPool { size, stride }
                    if step.pool.is_none() && step.activation.is_none_or(Activation::monotone) =>
                {
                    step.pool = Some(Window { size, stride });
                }
                _ => break,
            }
            step.value = follower;
            step.out = sizes[follower];
            next = self.follower(follower);
        }
        step.parts = parts;
        let index = self.program.steps.len();
        let mut at = step.value;
        self.program.step_of[at] = Some(index);
        while at != node {
            at = graph.nodes[at].inputs[0].0;
            self.program.step_of[at] = Some(index);
        }
        self.program.steps.push(step);
    }

    /// The node that alone reads this one, where this one need not be kept.
    fn follower(&self, node: usize) -> Option<usize> {
        if self.scope.keep[node] || self.graph.output == NodeId(node) {
            return None;
        }
        let mut readers = (0..self.graph.nodes.len()).filter(|j| self.graph.nodes[*j].inputs.contains(&NodeId(node)));
        readers.next().filter(|_| readers.next().is_none())
    }

    fn kind(&self, node: usize, inputs: &[usize]) -> Kind {
        match self.graph.nodes[node].op {
            Op::Input => Kind::Input,
            Op::Conv2d { weight, bias, stride, padding } => {
                let kernel = self.graph.parameter(weight).shape[2];
                self.product(node, inputs[0], (weight, bias), [kernel, kernel], Some((stride, padding)))
            }
            Op::Linear { weight, bias } => {
                let Size { height, width, .. } = self.sizes[inputs[0]];
                self.product(node, inputs[0], (weight, bias), [height, width], None)
            }
            Op::AvgPool { size, stride } => Kind::AvgPool(Window { size, stride }),
            Op::GlobalAvgPool => Kind::GlobalAvgPool,
            Op::Add => Kind::Add,
            Op::Concat => Kind::Concat,
            Op::BatchNorm { .. } | Op::Activation(_) | Op::MaxPool { .. } | Op::Flatten => Kind::Identity,
            Op::PadChannels { before, .. } => Kind::PadChannels { before },
            Op::Dropout { rate } => Kind::Dropout { layer: self.graph.nodes[node].name.clone(), rate },
        }
    }

    fn product(
        &self,
        node: usize,
        input: usize,
        (weight, bias): (ParameterId, Option<ParameterId>),
        window: [usize; 2],
        conv: Option<(usize, usize)>,
    ) -> Kind {
        let channels = self.sizes[input].channels;
        let own_in = &self.scope.own[input];
        let area = window[0] * window[1];
        let weights = self.scope.trained.parameter(self.graph, weight);
        let trained = |f: usize, c: usize, tap: usize| weights[(f * channels + c) * area + tap];
        let bias_trained = |f: usize| bias.is_some_and(|id| self.scope.trained.parameter(self.graph, id)[f]);
        let shared: Vec<usize> = (0..channels).filter(|c| !own_in[*c]).collect();
        let own: Vec<usize> = (0..channels).filter(|c| own_in[*c]).collect();
        let any = |f: usize, channels: &[usize]| channels.iter().any(|c| (0..area).any(|tap| trained(f, *c, tap)));
        let filters = (0..self.sizes[node].channels).filter(|f| self.scope.own[node][*f]);
        let (varied, mut ordered): (Vec<usize>, Vec<usize>) =
            filters.partition(|f| any(*f, &shared) || (!shared.is_empty() && bias_trained(*f)));
        let every_tap = || {
            let taps = (0..window[0]).flat_map(|y| (0..window[1]).map(move |x| [y, x]));
            taps.flat_map(|[y, x]| shared.iter().map(move |c| [*c, y, x]))
        };
        let touched = |[c, y, x]: &[usize; 3]| varied.iter().any(|f| trained(*f, *c, y * window[1] + x));
        let mut taps: Vec<[usize; 3]> = every_tap().filter(touched).collect();
        let count = taps.len() * varied.len();
        let set = taps.iter().map(|[c, y, x]| varied.iter().filter(|f| trained(**f, *c, y * window[1] + x)).count());
        let whole = every_tap().count() * varied.len();
        let dense = count > 0 && set.sum::<usize>() as f64 > DENSE * whole as f64;
        if dense {
            taps = every_tap().collect();
        }
        let own_bank = ordered.iter().chain(&varied).any(|f| any(*f, &own) || (shared.is_empty() && bias_trained(*f)));
        ordered.extend(&varied);
        let (stride, padding) = conv.unwrap_or((1, 0));
        Kind::Product(Product {
            weight,
            bias,
            linear: conv.is_none(),
            window,
            stride,
            padding,
            filters: ordered,
            varied: varied.len(),
            own_inputs: !own.is_empty(),
            own_bank,
            shared,
            taps,
            dense,
        })
    }

    /// Notes the shared channels that an operation reads.
    fn note_shared_reads(&mut self, inputs: &[usize], kind: &Kind) {
        match kind {
            // Of these each own channel comes from own channels.
            Kind::Input
            | Kind::Identity
            | Kind::AvgPool(_)
            | Kind::GlobalAvgPool
            | Kind::Concat
            | Kind::PadChannels { .. }
            | Kind::Dropout { .. } => {}
            // A product whose filters are all computed by members reads its shared input; one with shared filters on a
            // shared input alone reads it where filters vary.
            Kind::Product(product) => {
                if !product.shared.is_empty() {
                    self.program.shared_reads.push(inputs[0]);
                }
            }
            Kind::Add => {
                let mixed = inputs.iter().filter(|input| self.scope.own[**input].contains(&false));
                let mixed: Vec<usize> = mixed.copied().collect();
                self.program.shared_reads.extend(mixed);
            }
        }
    }
}
