//! Random small graphs: sketches that a property test can shrink, built so that every sketch is a valid graph. What
//! does not fit where it stands is left out.

mod grower;

use proptest::prelude::*;
use subevo::graph::{Conv, Pool};

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
    Relu,
    Max(Pool),
    Mean(Pool),
}

/// How the logits are made.
#[derive(Clone, Debug)]
pub enum Head {
    /// (flattened or averaged), one linear layer.
    Linear { average: bool, bias: bool },
    /// Two linear layers with or without a rectifier between them.
    Hidden { average: bool, bias: bool, width: usize, relu: bool },
    /// A convolution straight into the mean over the image.
    ConvAverage(Conv),
    /// A convolution, flattened: a class for each value.
    ConvFlatten(Conv),
}

fn pools() -> impl Strategy<Value = Pool> {
    let pool = |(size, stride)| Pool { size, stride };
    prop_oneof![4 => Just((2, 2)), 1 => Just((3, 2)), 1 => Just((3, 1)), 1 => Just((2, 1))].prop_map(pool)
}

fn simples() -> impl Strategy<Value = Vec<Simple>> {
    let one = prop_oneof![2 => Just(Simple::Relu), 2 => Just(Simple::Norm), 1 => pools().prop_map(Simple::Max), 1 => pools().prop_map(Simple::Mean)];
    prop_oneof![
        3 => proptest::collection::vec(one, 0..4),
        1 => Just(vec![Simple::Norm, Simple::Relu]),
        2 => pools().prop_map(|pool| vec![Simple::Norm, Simple::Relu, Simple::Max(pool)]),
        1 => pools().prop_map(|pool| vec![Simple::Norm, Simple::Max(pool), Simple::Relu]),
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
        2 => (any::<(bool, bool, bool)>(), 1..18usize)
            .prop_map(|((average, bias, relu), width)| Head::Hidden { average, bias, width, relu }),
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
