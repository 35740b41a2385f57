//! Where genes live: the layers of a subset, and what a weight was drawn from.

use std::ops::Range;

use crate::graph::init::Distribution;
use crate::operator::OperatorContext;
use crate::rng::Rng;
use crate::subset::{Span, Subset};

/// The spans of each layer, in the order of the network: a layer is a run of spans of one name.
pub(super) fn layers(subset: &Subset) -> impl Iterator<Item = &[Span]> {
    subset.spans.chunk_by(|a, b| a.layer == b.layer)
}

/// The genes of some spans that follow each other.
pub(super) fn genes(spans: &[Span]) -> Range<usize> {
    let last = &spans[spans.len() - 1];
    spans[0].gene..last.gene + last.length
}

/// The weight of the untouched network at a gene, in units of genes; 0 where there is no network or genes are coordinates.
pub(super) fn base(context: &OperatorContext<'_>, gene: usize) -> f32 {
    context.base.get(gene).copied().unwrap_or(0.0)
}

/// The gene that stands for a weight drawn anew from what the weights of a span were drawn from; from N(0, 1) where there
/// is no network.
pub(super) fn redraw(context: &OperatorContext<'_>, span: usize, gene: usize, rng: &mut Rng) -> f32 {
    let distribution = context.draws.get(span).copied().unwrap_or(Distribution::Normal(1.0));
    distribution.draw(rng) - base(context, gene)
}

/// What the tests of operators that read places share: a small subset of three layers.
#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::graph::ParameterKind;
    use crate::operator::{Population, Progress, Reporter};
    use crate::rng::Seed;

    const fn row(
        layer: &'static str,
        kind: ParameterKind,
        filter: usize,
        length: usize,
    ) -> (&'static str, ParameterKind, usize, usize) {
        (layer, kind, filter, length)
    }

    /// Filters 0, 2 (in two parts) and 3 of a convolution with biases of all four, a batch-norm, a row of a classifier.
    const ROWS: [(&str, ParameterKind, usize, usize); 8] = [
        row("conv", ParameterKind::ConvWeight, 0, 9),
        row("conv", ParameterKind::ConvWeight, 2, 4),
        row("conv", ParameterKind::ConvWeight, 2, 3),
        row("conv", ParameterKind::ConvWeight, 3, 9),
        row("conv", ParameterKind::ConvBias, 0, 4),
        row("bn", ParameterKind::BatchNormScale, 1, 3),
        row("bn", ParameterKind::BatchNormShift, 1, 3),
        row("fc", ParameterKind::LinearWeight, 5, 20),
    ];

    /// Genes of [`with_places`].
    pub const GENES: usize = 55;

    /// What the weights of each span were drawn from.
    pub const DRAWS: [Distribution; 8] = [
        Distribution::Normal(1.0),
        Distribution::Normal(1.0),
        Distribution::Normal(1.0),
        Distribution::Normal(1.0),
        Distribution::Constant(0.0),
        Distribution::Constant(1.0),
        Distribution::Constant(0.0),
        Distribution::Uniform(2.0),
    ];

    /// The subset.
    pub fn subset() -> Subset {
        let (mut spans, mut gene) = (Vec::new(), 0);
        for (layer, kind, filter, length) in ROWS {
            spans.push(Span {
                parameter: format!("{layer}.{kind:?}"),
                layer: layer.to_string(),
                kind,
                filter,
                offset: 0,
                length,
                gene,
                position: gene,
                fan_in: 9,
            });
            gene += length;
        }
        Subset { name: "three layers".to_string(), size: gene, spans }
    }

    /// Calls `run` with the context of the subset, of a base from `i / 8` on, and a generation of five random parents of
    /// which the one being changed is member 1, and member 3 has no loss.
    pub fn with_places<T>(run: impl FnOnce(&OperatorContext<'_>) -> T) -> T {
        let (subset, report) = (subset(), Reporter::default());
        assert_eq!(subset.size, GENES);
        let base: Vec<f32> = (0..GENES).map(|i| i as f32 / 8.0).collect();
        let mut rng = Seed::new(77).rng();
        let parents = Population::from_genes((0..5 * GENES).map(|_| rng.normal()).collect(), GENES);
        run(&OperatorContext {
            at: Progress { step: 3, used: 0.5 },
            subset: &subset,
            base: &base,
            draws: &DRAWS,
            parents: &parents,
            order: &[4, 1, 0, 2],
            parent: 1,
            parent_loss: 1.0,
            report: &report,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{subset, with_places};
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn layers_are_runs_of_spans_and_cover_all_genes() {
        let subset = subset();
        let found: Vec<_> = layers(&subset).map(|spans| (spans[0].layer.as_str(), genes(spans))).collect();
        assert_eq!(found, [("conv", 0..29), ("bn", 29..35), ("fc", 35..55)]);
    }

    #[test]
    fn a_weight_drawn_anew_comes_from_the_init_whatever_the_base() {
        with_places(|context| {
            let mut rng = Seed::new(1).rng();
            assert_eq!(redraw(context, 5, 30, &mut rng) + 30.0 / 8.0, 1.0, "a constant");
            let weights: Vec<f32> = (0..1000).map(|_| redraw(context, 7, 40, &mut rng) + 5.0).collect();
            assert!(weights.iter().all(|weight| weight.abs() <= 2.0));
            assert!(weights.iter().any(|weight| *weight > 1.9) && weights.iter().any(|weight| *weight < -1.9));
        });
    }
}
