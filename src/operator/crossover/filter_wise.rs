//! Filter-wise crossover: whole filters, or whole layers, come from either parent; none is ever mixed.
//!
//! Weights that work together stay together, as in the exchange of all weights of a node (Montana & Davis 1989). A unit of
//! `filter` is what is trained of one filter of a convolution with its bias, of one output of a linear layer with its bias,
//! or of one channel of a batch-norm: its scale and its shift. A unit of `layer` is all that is trained of one layer.

use super::CrossoverOperator;
use crate::entry::Entry;
use crate::graph::ParameterKind;
use crate::operator::OperatorContext;
use crate::params::Range;
use crate::rng::{uniform_of, Rng};
use crate::subset::Span;

struct FilterWise {
    layers: bool,
    share: f32,
}

/// Defaults: `unit` `filter`, or `layer`; `share` 0.5, the probability that a unit comes from the second parent, as in
/// uniform crossover (Syswerda 1989).
pub(super) const ENTRY: Entry<dyn CrossoverOperator> = Entry {
    name: "filter-wise",
    summary: "whole filters, channels of batch-norm or layers from either parent",
    reference: "Montana & Davis 1989",
    build: |params, ()| {
        Ok(Box::new(FilterWise {
            layers: params.choice("unit", Some("filter"), &["filter", "layer"]) == "layer",
            share: params.float("share", Some(0.5), Range::Within(0.0, 1.0)) as f32,
        }))
    },
};

impl CrossoverOperator for FilterWise {
    fn cross(&self, child: &mut [f32], other: &[f32], context: &OperatorContext<'_>, rng: &mut Rng) {
        let mut words = Vec::new();
        // The parameters of a layer follow each other.
        for layer in context.subset.spans.chunk_by(|a, b| a.layer == b.layer) {
            let filters = layer.iter().map(|span| filter_of(span, span.length - 1) + 1).max().unwrap_or(0);
            words.resize(if self.layers { 1 } else { filters }, 0);
            rng.fill_word(&mut words);
            let taken = |filter: usize| uniform_of(words[if self.layers { 0 } else { filter }]) < self.share;
            for span in layer {
                let length = if is_vector(span) { 1 } else { span.length };
                let pieces = (span.gene..span.gene + span.length).step_by(length).enumerate();
                for (_, gene) in pieces.filter(|(piece, _)| taken(filter_of(span, *piece))) {
                    child[gene..gene + length].copy_from_slice(&other[gene..gene + length]);
                }
            }
        }
    }

    fn needs_spans(&self) -> bool {
        true
    }
}

/// Whether each scalar of the span is of another filter; else all are of one.
fn is_vector(span: &Span) -> bool {
    use ParameterKind::{BatchNormScale, BatchNormShift, ConvBias, LinearBias};
    matches!(span.kind, ConvBias | LinearBias | BatchNormScale | BatchNormShift)
}

/// The filter, output or channel that scalar `i` of the span belongs to.
fn filter_of(span: &Span, i: usize) -> usize {
    span.filter + if is_vector(span) { i } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::graph::{Conv, GraphBuilder};
    use crate::operator::testing::with_spans;
    use crate::rng::Seed;
    use crate::subset::Subset;

    /// Two filters of nine weights with biases, batch-norm, a linear layer of three outputs; trained is what `marked` says
    /// of each scalar.
    fn subset(marked: impl Fn(usize) -> bool) -> Subset {
        let (mut g, x) = GraphBuilder::new([1, 4, 4]);
        let x = g.conv2d(x, "conv1", Conv { filters: 2, kernel: 3, stride: 1, padding: 1, bias: true }).unwrap();
        let x = g.batch_norm(x, "bn1").unwrap();
        let x = g.flatten(x, "flatten").unwrap();
        let x = g.linear(x, "fc", 3, true).unwrap();
        let graph = g.finish(x).unwrap();
        let marks: Vec<bool> = (0..graph.parameter_count()).map(marked).collect();
        Subset::from_marks("test", &graph, &marks).unwrap()
    }

    /// The unit of each gene by the position of its weight: 18 weights and 2 biases of conv1, 4 scalars of bn1, 96 weights
    /// and 3 biases of fc.
    fn units(subset: &Subset) -> Vec<(&'static str, usize)> {
        let of = |position: usize| match position {
            0..18 => ("conv1", position / 9),
            18..20 => ("conv1", position - 18),
            20..24 => ("bn1", (position - 20) % 2),
            24..120 => ("fc", (position - 24) / 32),
            _ => ("fc", position - 120),
        };
        subset.spans.iter().flat_map(|span| (span.position..span.position + span.length).map(of)).collect()
    }

    /// Crosses a parent of zeros with one of ones, and counts how often each unit came from the second.
    fn counts(subset: &Subset, operator: &FilterWise, times: usize) -> BTreeMap<(&'static str, usize), Vec<bool>> {
        let (mut rng, other) = (Seed::new(3).rng(), vec![1.0; subset.size]);
        let mut taken: BTreeMap<_, Vec<bool>> = BTreeMap::new();
        for time in 0..times {
            let mut child = vec![0.0; subset.size];
            with_spans(subset, |context| operator.cross(&mut child, &other, context, &mut rng));
            for (gene, unit) in child.iter().zip(units(subset)) {
                let of_unit = taken.entry(unit).or_default();
                of_unit.resize(time + 1, *gene == 1.0);
                assert_eq!(of_unit[time], *gene == 1.0, "{unit:?} is mixed: {child:?}");
            }
        }
        taken
    }

    #[test]
    fn a_filter_with_its_bias_and_a_pair_of_batch_norm_are_never_mixed_also_where_parts_are_trained() {
        let times = 4_000;
        let half = operator(false);
        for (marks, expected) in [
            ((|_| true) as fn(usize) -> bool, 7),
            // Parts of filters in several spans, one bias alone, a scale without its shift.
            (|i| i % 5 != 2 && i != 18 && i != 22, 7),
            (|i| [4, 19, 21, 23, 121].contains(&i), 4),
        ] {
            let subset = subset(marks);
            let taken = counts(&subset, &half, times);
            assert_eq!(taken.len(), expected);
            let n = times as f64;
            for (unit, of_unit) in &taken {
                let count = of_unit.iter().filter(|taken| **taken).count() as f64;
                assert!((count - 0.3 * n).abs() < 4.0 * (n * 0.3 * 0.7).sqrt(), "{unit:?}: {count} of {n}");
                // Units come each by itself: both of two with probability 0.09.
                for (another, of_another) in taken.range(..unit) {
                    let both = of_unit.iter().zip(of_another).filter(|(a, b)| **a && **b).count() as f64;
                    assert!((both - 0.09 * n).abs() < 4.5 * (n * 0.09 * 0.91).sqrt(), "{unit:?} {another:?}: {both}");
                }
            }
        }
    }

    fn operator(layers: bool) -> FilterWise {
        FilterWise { layers, share: 0.3 }
    }

    #[test]
    fn a_layer_comes_whole() {
        let taken = counts(&subset(|i| i % 3 != 1), &operator(true), 1_000);
        assert_eq!(taken[&("conv1", 0)], taken[&("conv1", 1)]);
        assert_eq!(taken[&("fc", 0)], taken[&("fc", 2)]);
        assert!(taken[&("conv1", 0)] != taken[&("bn1", 0)] && taken[&("bn1", 1)] != taken[&("fc", 1)]);
        let count = taken[&("fc", 1)].iter().filter(|taken| **taken).count() as f64;
        assert!((count - 300.0).abs() < 4.0 * 210f64.sqrt(), "{count}");
    }
}
