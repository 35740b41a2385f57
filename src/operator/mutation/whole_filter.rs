//! Whole-filter mutation (after the mutation of nodes, Montana & Davis 1989): one filter is drawn again from the init, or scaled.
//!
//! A filter is all genes of one layer and one filter number: the trained weights of a convolution's filter, or of a linear
//! layer's row, with their bias; the scale and shift of one channel of a batch-norm. A batch-norm is a layer of its own, so its
//! pair is drawn apart from the filter that feeds it. Each filter that has a gene is as likely as any other.
//!
//! - `act = "redraw"`: `gene = draw - base`. Where the init is a constant the weight goes back to it.
//! - `act = "scale"`: `gene = f (base + gene) - base` with one factor `f = exp(spread N(0, 1))` for the filter: it acts on the weight.

use super::{places, MutationOperator};
use crate::entry::Entry;
use crate::graph::ParameterKind;
use crate::operator::OperatorContext;
use crate::params::Range;
use crate::rng::Rng;
use crate::subset::Span;

struct WholeFilter {
    /// The spread of the factor's logarithm; none where filters are drawn again.
    spread: Option<f32>,
}

/// Defaults: `act` redraw; with scale, `spread` 0.5: two of three factors are between 0.6 and 1.65.
pub(super) const ENTRY: Entry<dyn MutationOperator> = Entry {
    name: "whole-filter",
    summary: "one filter, with its bias, or one batch-norm pair is drawn again or scaled",
    reference: "Montana & Davis 1989",
    build: |params, ()| {
        let scales = params.choice("act", Some("redraw"), &["redraw", "scale"]) == "scale";
        let spread = scales.then(|| params.float("spread", Some(0.5), Range::AboveUpTo(0.0, 1.0)) as f32);
        Ok(Box::new(WholeFilter { spread }))
    },
};

/// The filters that a span has genes of: one of weights, and as many as scalars of a vector.
fn filters(span: &Span) -> std::ops::Range<usize> {
    let vector =
        !matches!(span.kind, ParameterKind::ConvWeight | ParameterKind::LinearWeight | ParameterKind::Injection);
    span.filter..span.filter + if vector { span.length } else { 1 }
}

/// Whether each filter of a layer has genes, by its number.
fn present(spans: &[Span]) -> Vec<bool> {
    let mut present = Vec::new();
    for filters in spans.iter().map(filters) {
        present.resize(present.len().max(filters.end), false);
        present[filters].fill(true);
    }
    present
}

impl MutationOperator for WholeFilter {
    fn mutate(&self, genes: &mut [f32], context: &OperatorContext<'_>, rng: &mut Rng) {
        let layers: Vec<(&[Span], Vec<bool>)> =
            places::layers(context.subset).map(|spans| (spans, present(spans))).collect();
        let count = |present: &[bool]| present.iter().filter(|has| **has).count();
        let mut left = rng.below(layers.iter().map(|(_, present)| count(present)).sum());
        let mut first = 0;
        for (layer, present) in layers {
            if left >= count(&present) {
                left -= count(&present);
                first += layer.len();
                continue;
            }
            let filter =
                (0..present.len()).filter(|filter| present[*filter]).nth(left).expect("fewer are left than it has");
            let factor = self.spread.map(|spread| (spread * rng.normal()).exp());
            let mut changed = 0;
            for (i, span) in (first..).zip(layer).filter(|(_, span)| filters(span).contains(&filter)) {
                let whole = span.gene..span.gene + span.length;
                let one = span.gene + filter - span.filter;
                for gene in if filters(span).len() > 1 { one..one + 1 } else { whole } {
                    let base = places::base(context, gene);
                    genes[gene] = match factor {
                        Some(factor) => factor * (base + genes[gene]) - base,
                        None => places::redraw(context, i, gene, rng),
                    };
                    changed += 1;
                }
            }
            context.report.add("whole_filter.genes", f64::from(changed));
            return;
        }
    }

    fn needs_spans(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::places::testing::{with_places, GENES};
    use super::*;
    use crate::rng::Seed;

    /// Each filter of the test's subset: three of the convolution and a bias without weights, three channels, a row.
    const FILTERS: [&[usize]; 8] = [
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 25],
        &[26],
        &[9, 10, 11, 12, 13, 14, 15, 27],
        &[16, 17, 18, 19, 20, 21, 22, 23, 24, 28],
        &[29, 32],
        &[30, 33],
        &[31, 34],
        &[35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54],
    ];

    /// Weights of the parent, and which filter changed in each of many children, with the child's weights.
    fn children(operator: &WholeFilter) -> (Vec<f32>, Vec<(usize, Vec<f32>)>) {
        with_places(|context| {
            let parent = context.parents.member(context.parent);
            let weights = |genes: &[f32]| genes.iter().zip(context.base).map(|(gene, base)| gene + base).collect();
            let child = |seed: u64| {
                let mut genes = parent.to_vec();
                operator.mutate(&mut genes, context, &mut Seed::new(2).index(seed).rng());
                let changed: Vec<usize> = (0..GENES).filter(|i| genes[*i].to_bits() != parent[*i].to_bits()).collect();
                let filter = FILTERS.iter().position(|filter| *filter == changed);
                (filter.unwrap_or_else(|| panic!("{changed:?} is no filter")), weights(&genes))
            };
            (weights(parent), (0..4_000).map(child).collect())
        })
    }

    #[test]
    fn one_whole_filter_changes_and_each_as_often() {
        for spread in [None, Some(0.5)] {
            let (_, children) = children(&WholeFilter { spread });
            let (n, p) = (children.len() as f64, 1.0 / FILTERS.len() as f64);
            for filter in 0..FILTERS.len() {
                let times = children.iter().filter(|(changed, _)| *changed == filter).count() as f64;
                assert!((times - n * p).abs() < 4.0 * (n * p * (1.0 - p)).sqrt(), "filter {filter}: {times}");
            }
        }
    }

    #[test]
    fn a_filter_drawn_again_has_weights_of_its_init() {
        let (_, children) = children(&WholeFilter { spread: None });
        let of = |filter: usize, genes: std::ops::Range<usize>| {
            let chosen = children.iter().filter(move |(changed, _)| *changed == filter);
            chosen.flat_map(move |(_, w)| w[genes.clone()].iter().map(|w| f64::from(*w))).collect::<Vec<f64>>()
        };
        crate::operator::mutation::normal_steps::assert_normal(&of(0, 0..9));
        assert!(of(0, 25..26).iter().chain(&of(1, 26..27)).all(|bias| *bias == 0.0));
        assert!(of(5, 30..31).iter().all(|scale| *scale == 1.0) && of(5, 33..34).iter().all(|shift| *shift == 0.0));
        assert!(of(7, 35..55).iter().all(|weight| weight.abs() <= 2.0));
    }

    #[test]
    fn a_factor_acts_on_the_weights_of_the_filter_and_its_logarithm_is_normal() {
        let (parent, children) = children(&WholeFilter { spread: Some(0.25) });
        let mut logs = Vec::new();
        for (filter, weights) in children {
            let factors: Vec<f32> = FILTERS[filter].iter().map(|i| weights[*i] / parent[*i]).collect();
            assert!(factors.iter().all(|factor| (factor / factors[0] - 1.0).abs() < 1e-3), "{filter}: {factors:?}");
            logs.push(f64::from(factors[0].ln()) / 0.25);
        }
        crate::operator::mutation::normal_steps::assert_normal(&logs);
    }
}
