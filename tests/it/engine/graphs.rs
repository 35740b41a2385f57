//! Random small graphs: sketches that a property test can shrink, built so that every sketch is a valid graph. What
//! does not fit where it stands is left out.

mod grower;

use proptest::prelude::*;
use subevo::graph::{Activation, Conv, Pool};

/// What a graph is built from.
#[derive(Clone, Debug)]
pub struct Sketch {
    pub image: [usize; 3],
    pub steps: Vec<Step>,
    /// Whether ends of one shape are added, not concatenated.
    pub add_ends: bool,
    pub head: Head,
    pub classes: usize,
}

/// Layers at a node; nodes are counted back from the newest image, which is 0.
#[derive(Clone, Debug)]
pub enum Step {
    Conv(usize, Conv, Vec<Simple>),
    Simple(usize, Vec<Simple>),
    /// x + simple(conv(x)), then more.
    Residual(usize, Conv, Vec<Simple>, Vec<Simple>),
    /// A node and one of those of its shape, itself among them.
    Add(usize, usize, Vec<Simple>),
    /// A node and others of its size.
    Concat(usize, Vec<usize>, Vec<Simple>),
}

/// A layer with one input that needs no number but these.
#[derive(Clone, Copy, Debug)]
pub enum Simple {
    Norm,
    Act(Activation),
    Drop(f32),
    /// So many channels of zeros before and behind.
    Pad(usize, usize),
    Max(Pool),
    Mean(Pool),
}

/// How the logits are made.
#[derive(Clone, Debug)]
pub enum Head {
    /// (flattened or averaged), one linear layer.
    Linear { average: bool, bias: bool },
    /// Two linear layers with or without an activation between them, dropout before the first or not.
    Hidden { average: bool, bias: bool, width: usize, then: Option<Activation>, dropout: bool },
    /// A convolution straight into the mean over the image.
    ConvAverage(Conv),
    /// A convolution, flattened: a class for each value.
    ConvFlatten(Conv),
}

fn pools() -> impl Strategy<Value = Pool> {
    let pool = |(size, stride)| Pool { size, stride };
    prop_oneof![4 => Just((2, 2)), 1 => Just((3, 2)), 1 => Just((3, 1)), 1 => Just((2, 1))].prop_map(pool)
}

/// Mostly rectifiers.
fn activations() -> impl Strategy<Value = Activation> {
    let others = prop::sample::select(vec![Activation::Leaky, Activation::Tanh, Activation::Gelu]);
    prop_oneof![1 => Just(Activation::Relu), 1 => others]
}

fn simples() -> impl Strategy<Value = Vec<Simple>> {
    let drop = prop::sample::select(vec![0.0, 0.2, 0.5, 0.9]).prop_map(Simple::Drop);
    let pad = (0..3usize, 0..3usize).prop_map(|(before, after)| Simple::Pad(before, after));
    let one = prop_oneof![
        4 => activations().prop_map(Simple::Act),
        4 => Just(Simple::Norm),
        2 => pools().prop_map(Simple::Max),
        2 => pools().prop_map(Simple::Mean),
        1 => drop,
        1 => pad,
    ];
    prop_oneof![
        3 => proptest::collection::vec(one, 0..4),
        1 => activations().prop_map(|then| vec![Simple::Norm, Simple::Act(then)]),
        2 => (activations(), pools()).prop_map(|(then, pool)| vec![Simple::Norm, Simple::Act(then), Simple::Max(pool)]),
        1 => (activations(), pools()).prop_map(|(then, pool)| vec![Simple::Norm, Simple::Max(pool), Simple::Act(then)]),
        1 => (0..3usize, prop_oneof![Just(Simple::Norm), pools().prop_map(Simple::Max)])
            .prop_map(|(before, then)| vec![Simple::Pad(before, 1), then]),
    ]
}

/// Filters on both sides of the widths of vectors.
fn convs() -> impl Strategy<Value = Conv> {
    let filters = prop_oneof![4 => 1..9usize, 2 => 9..21usize, 2 => prop::sample::select(vec![16, 17, 32, 33])];
    let kernels = prop::sample::select(vec![3, 1, 2, 3, 5]);
    let strides = prop_oneof![3 => Just(1usize), 1 => Just(2usize)];
    (filters, kernels, strides, 0..3usize, any::<bool>()).prop_map(|(filters, kernel, stride, padding, bias)| Conv {
        filters,
        kernel,
        stride,
        padding,
        bias,
    })
}

fn steps() -> impl Strategy<Value = Step> {
    let from = || prop_oneof![4 => Just(0usize), 1 => 1..5usize];
    prop_oneof![
        4 => (from(), convs(), simples()).prop_map(|(from, conv, then)| Step::Conv(from, conv, then)),
        1 => (from(), simples()).prop_map(|(from, then)| Step::Simple(from, then)),
        2 => (from(), convs(), simples(), simples()).prop_map(|(from, c, inner, then)| Step::Residual(from, c, inner, then)),
        1 => (from(), 0..4usize, simples()).prop_map(|(from, other, then)| Step::Add(from, other, then)),
        2 => (from(), proptest::collection::vec(0..6usize, 1..3), simples())
            .prop_map(|(from, others, then)| Step::Concat(from, others, then)),
    ]
}

fn heads() -> impl Strategy<Value = Head> {
    prop_oneof![
        3 => any::<(bool, bool)>().prop_map(|(average, bias)| Head::Linear { average, bias }),
        2 => (any::<(bool, bool, bool)>(), 1..18usize, prop::option::of(activations()))
            .prop_map(|((average, bias, dropout), width, then)| Head::Hidden { average, bias, width, then, dropout }),
        1 => convs().prop_map(Head::ConvAverage),
        1 => convs().prop_map(Head::ConvFlatten),
    ]
}

pub fn sketches() -> impl Strategy<Value = Sketch> {
    let image = (1..4usize, 4..13usize, 4..13usize).prop_map(|(c, h, w)| [c, h, w]);
    let classes = prop_oneof![3 => 2..6usize, 1 => Just(10usize), 1 => Just(17usize)];
    (image, proptest::collection::vec(steps(), 0..6), any::<bool>(), heads(), classes)
        .prop_map(|(image, steps, add_ends, head, classes)| Sketch { image, steps, add_ends, head, classes })
}
