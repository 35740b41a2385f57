//! Random subsets of any graph: by density, by filters, by layers and kinds, and unions of these.

use proptest::prelude::*;
use subevo::graph::{Graph, Parameter, ParameterKind};
use subevo::rng::Seed;

/// Which scalars are trained. Where a graph has none of the kind, the classifier is.
#[derive(Clone, Debug)]
pub enum Marks {
    All,
    Classifier,
    Biases,
    Norms,
    /// One batch-norm layer.
    Norm(usize),
    /// One layer with all it has.
    Layer(usize),
    /// Half of the layers.
    Layers(u64),
    /// The last filters of each convolution and linear layer, 0 of some.
    LastFilters(u64),
    /// Each scalar with this chance in a thousand.
    Scattered(u32, u64),
    /// One scalar.
    Single(usize),
    Union(Box<Marks>, Box<Marks>),
}

pub fn marks() -> impl Strategy<Value = Marks> {
    let one = prop_oneof![
        2 => Just(Marks::All),
        1 => Just(Marks::Classifier),
        1 => Just(Marks::Biases),
        2 => Just(Marks::Norms),
        2 => any::<usize>().prop_map(Marks::Norm),
        2 => any::<usize>().prop_map(Marks::Layer),
        2 => any::<u64>().prop_map(Marks::Layers),
        4 => any::<u64>().prop_map(Marks::LastFilters),
        4 => (prop::sample::select(vec![3, 30, 300, 900]), any::<u64>()).prop_map(|(n, seed)| Marks::Scattered(n, seed)),
        1 => any::<usize>().prop_map(Marks::Single),
    ];
    one.prop_recursive(1, 2, 2, |inner| {
        (inner.clone(), inner).prop_map(|(a, b)| Marks::Union(Box::new(a), Box::new(b)))
    })
}

impl Marks {
    /// One mark for each scalar, at least one of them true.
    pub fn of(&self, graph: &Graph) -> Vec<bool> {
        let marks = self.raw(graph);
        if marks.contains(&true) {
            marks
        } else {
            Marks::Classifier.raw(graph)
        }
    }

    fn raw(&self, graph: &Graph) -> Vec<bool> {
        use ParameterKind::{BatchNormScale, BatchNormShift, ConvBias, LinearBias};
        let by = |chosen: &dyn Fn(&Parameter) -> bool| -> Vec<bool> {
            graph.parameters.iter().flat_map(|p| vec![chosen(p); p.len()]).collect()
        };
        let norm = |p: &Parameter| matches!(p.kind, BatchNormScale | BatchNormShift);
        let layer_of = |wanted: &dyn Fn(&Parameter) -> bool, i: usize| {
            let mut layers: Vec<&str> =
                graph.parameters.iter().filter(|p| wanted(p)).map(|p| p.layer.as_str()).collect();
            layers.dedup();
            (!layers.is_empty()).then(|| layers[i % layers.len()].to_string())
        };
        match self {
            Marks::All => by(&|_| true),
            Marks::Classifier => by(&|p| p.classifier),
            Marks::Biases => by(&|p| matches!(p.kind, ConvBias | LinearBias)),
            Marks::Norms => by(&norm),
            Marks::Norm(i) => {
                let layer = layer_of(&norm, *i);
                by(&|p| Some(&p.layer) == layer.as_ref())
            }
            Marks::Layer(i) => {
                let layer = layer_of(&|_| true, *i);
                by(&|p| Some(&p.layer) == layer.as_ref())
            }
            Marks::Layers(seed) => by(&|p| Seed::new(*seed).child(&p.layer).rng().below(2) == 0),
            Marks::LastFilters(seed) => {
                let of = |p: &Parameter| {
                    let filters = p.shape[0];
                    // Up to a third of them, so that often some are left and some layers have none.
                    let count = Seed::new(*seed).child(&p.layer).rng().below(filters.div_ceil(3) + 1);
                    let first = if norm(p) { p.len() } else { (filters - count) * p.filter_len() };
                    (0..p.len()).map(move |i| i >= first).collect::<Vec<bool>>()
                };
                graph.parameters.iter().flat_map(of).collect()
            }
            Marks::Scattered(thousandths, seed) => {
                let mut rng = Seed::new(*seed).rng();
                (0..graph.parameter_count()).map(|_| rng.below(1000) < *thousandths as usize).collect()
            }
            Marks::Single(i) => (0..graph.parameter_count()).map(|j| j == i % graph.parameter_count()).collect(),
            Marks::Union(a, b) => a.raw(graph).iter().zip(b.raw(graph)).map(|(a, b)| *a || b).collect(),
        }
    }
}
